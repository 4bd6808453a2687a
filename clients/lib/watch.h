/* SPDX-License-Identifier: Apache-2.0
 * What a client knows of an instance's log: the newest checkpoint that it verified, kept
 * in the home. A later one is taken only with a proof that it extends the kept one; an
 * earlier one is never taken for newer (docs/protocol.md section 11.1).
 *
 * Several processes may work with one kept checkpoint. */
#ifndef CLIENTS_WATCH_H
#define CLIENTS_WATCH_H

#include "clients/lib/self.h"
#include "ledger/note.h"

struct watch {
  struct home *home; /* this and the next two: borrowed */
  struct api *api;
  const struct pin *pin;
  char path[256];         /* of the kept note */
  struct note_key key;    /* the log's */
  struct checkpoint head; /* the newest that was verified; at first the empty tree */
  struct buf note;        /* as it was signed; empty at first */
  bool behind;            /* what the server showed last is older than head */
  uint64_t shown;         /* its leaves */
};

/* Reads what is kept. path: where; NULL: logs/INSTANCE/checkpoint. E_STATE when the file
 * is damaged. */
enum err watch_open(struct watch *out, struct home *h, struct api *a, const struct pin *p,
                    const char *path, struct why *why) MUST_USE;
void watch_done(struct watch *w);

/* Fetches the newest checkpoint, verifies and keeps it. wait: seconds until which a
 * larger one is waited for; 0: none.
 * E_CHEAT_LOG when it does not fit to the kept one: both are then in a file that why
 * names. E_CHEAT_KEY when it is not signed by the log, E_REPLY when it is none. An older
 * one, or none at all, is no error: head stays. */
enum err watch_refresh(struct watch *w, unsigned wait, struct why *why) MUST_USE;

/* head, as events say it. */
struct seen watch_seen(const struct watch *w);

/* Whether another checkpoint of this log, whose signature was verified, fits to head:
 * E_CHEAT_LOG as above. *known (may be NULL): the server gave a proof; an older one that
 * it has no proof for is let pass. */
enum err watch_compare(struct watch *w, const struct checkpoint *c, struct bytes note,
                       bool *known, struct why *why) MUST_USE;

/* The leaf of a signed event in the tree of c, proved. E_NOT_FOUND when the server does
 * not name one of this tree, E_PROOF when its proof does not lead there. */
enum err watch_find(struct watch *w, const struct checkpoint *c, const json_t *event,
                    uint64_t *leaf, struct why *why) MUST_USE;

/* One leaf's bytes as an event: canonical, of this instance, signed by whom it must be
 * (leaf 0 is the instance event). E_CHEAT_LOG with what it is not. The caller owns
 * *event. */
enum err watch_entry(const struct pin *p, uint64_t leaf, struct bytes entry,
                     json_t **event, struct why *why) MUST_USE;

/* Keeps evidence about `about` (a hash that names the matter) in
 * logs/INSTANCE/evidence-….txt, the first time only. Returns e, with `what` and where it
 * is in why. */
enum err watch_accuse(struct watch *w, enum err e, const char *field, const char *what,
                      const struct digest *about, struct bytes text,
                      struct why *why) MUST_USE;

/* The server refused a message with E_CHECKPOINT although the log signed what is kept:
 * E_CHEAT_LOG. */
enum err watch_disowned(struct watch *w, struct why *why) MUST_USE;

#endif
