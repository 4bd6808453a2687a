/* SPDX-License-Identifier: Apache-2.0
 * Witnesses of the log: those whom a user names and wants to have cosigned before UNMASK
 * is answered, and being one (docs/protocol.md section 11.1, C2SP tlog-cosignature). */
#ifndef CLIENTS_WITNESS_H
#define CLIENTS_WITNESS_H

#include "clients/lib/watch.h"

#define WITNESSES_MAX 64u

/* {0} is the empty list. */
struct witnesses {
  struct note_key *keys; /* owned */
  unsigned len;
  unsigned required; /* how many of them; 0: none */
};
void witnesses_done(struct witnesses *l);

/* Adds one by its verifier key; who is in the list already counts once. E_USAGE. */
enum err witnesses_add(struct witnesses *l, const char *vkey, struct why *why) MUST_USE;
/* Adds those in the home's file `witnesses`: a verifier key a line, # for remarks. A file
 * that is not there names nobody. */
enum err witnesses_load(struct witnesses *l, struct home *h, struct why *why) MUST_USE;

/* How many of them have cosigned a tree that holds this signed event and fits to the
 * watch's checkpoint, which is refreshed. E_CHEAT_LOG when one of them has cosigned
 * another history. */
enum err witnesses_count(const struct witnesses *l, struct watch *w, const json_t *event,
                         unsigned *have, struct why *why) MUST_USE;

/* Cosigns the watch's checkpoint, which it has verified and kept, and posts that.
 * time: Unix seconds. */
enum err witness_cosign(const struct watch *w, const struct note_key *key,
                        const struct secret_identity *secret, uint64_t time,
                        struct why *why) MUST_USE;

/* The key of a witness of this name, made when there is none yet and kept in the home.
 * E_USAGE when the name cannot be one. Wiped by its owner. */
enum err witness_key(struct note_key *key, struct secret_identity *secret, struct home *h,
                     const char *name, struct why *why) MUST_USE;

/* Where the last checkpoint that this witness cosigned is kept, for watch_open: what is
 * cosigned is verified against it and kept there before the signature leaves. */
void witness_path(char out[256], const struct pin *p, const struct note_key *key);

#endif
