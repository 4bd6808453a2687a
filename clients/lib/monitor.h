/* SPDX-License-Identifier: Apache-2.0
 * Reads the whole log as it grows and makes the tree again from its entries: a rewrite, a
 * fork, or an entry that does not belong there is seen by whoever runs this. What was
 * read is kept as the peaks of the tree (logs/INSTANCE/monitor.json), so that only what
 * is new is read. One process a home: see monitor_open. */
#ifndef CLIENTS_MONITOR_H
#define CLIENTS_MONITOR_H

#include "clients/lib/watch.h"
#include "core/merkle.h"

struct monitor {
  struct watch watch;
  struct merkle tree;   /* of the entries read so far */
  int64_t behind_since; /* Unix seconds; 0: the server does not show an older log */
  int lock;
};

struct monitor_hooks {
  void *arg;
  void (*entry)(void *arg, uint64_t leaf, const json_t *event); /* may be NULL */
  void (*progress)(void *arg, uint64_t done, uint64_t total);   /* may be NULL */
};

/* E_CONFLICT when another process monitors with this home, E_STATE when what is kept is
 * damaged. */
enum err monitor_open(struct monitor *out, struct home *h, struct api *a,
                      const struct pin *p, struct why *why) MUST_USE;
void monitor_done(struct monitor *m);

/* Looks once. wait: as of watch_refresh. now: Unix seconds, by the local clock.
 * E_CHEAT_LOG when the server is caught; the evidence is in a file that why names. */
enum err monitor_step(struct monitor *m, unsigned wait, int64_t now,
                      const struct monitor_hooks *hooks, struct why *why) MUST_USE;

#endif
