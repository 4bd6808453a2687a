/* SPDX-License-Identifier: Apache-2.0
 * The log in an audit: its checkpoint, its hashes by leaf, its roots by size. */
#ifndef CLIENTS_AUDIT_LOG_H
#define CLIENTS_AUDIT_LOG_H

#include "clients/lib/audit.h"
#include "clients/lib/tiles.h"

#define AUDIT_ROOTS 64u

struct audit_log {
  struct source *source;
  const struct pin *pin;
  struct http *view; /* the source as the tiles read it */
  struct api api;
  struct tiles *tiles; /* NULL: there are no hashes that lead to the checkpoint */
  struct checkpoint head;
  struct note_key key;
  char problem[416]; /* what does not hold of the checkpoint; empty: nothing */
  char astray[416];  /* why there are no tiles; empty: there are */
  struct seen roots[AUDIT_ROOTS];
  unsigned roots_len;
};

/* Writes size and root, and what does not hold of the checkpoint, into a report. */
void audit_log_report(const struct audit_log *l, struct report *r);

/* Whether the leaf is this event, canonical and with its signature: E_CHEAT_LOG, with the
 * particulars, when not. */
enum err audit_log_leaf(struct audit_log *l, uint64_t leaf, const json_t *event,
                        struct why *why) MUST_USE;
/* Whether the first s->size leaves have this root: E_CHEAT_LOG when not. */
enum err audit_log_root(struct audit_log *l, const struct seen *s,
                        struct why *why) MUST_USE;

#endif
