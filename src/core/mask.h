/* SPDX-License-Identifier: Apache-2.0
 * Masks as a list of keys with signs: a participant's list goes on its vector, the
 * coordinator's list (made of recovered secrets) comes off the sum. docs/protocol.md
 * sections 7 and 9. */
#ifndef CORE_MASK_H
#define CORE_MASK_H

#include "core/ring.h"
#include "core/round.h"

struct mask {
  struct secret_key key;
  uint8_t sign; /* enum ring_sign */
};

/* A growable list; mask_list_done wipes. */
struct mask_list {
  struct mask *masks;
  size_t len, cap;
};
void mask_list_done(struct mask_list *l);

/* What participant i adds: its self mask and one mask per neighbour in U1. */
enum err mask_own(struct mask_list *out, const struct round *r, uint32_t i,
                  const struct secret_scalar *a, const struct secret_scalar *s) MUST_USE;
/* What the coordinator takes off: the self mask of i in U2 ... */
enum err mask_remove_self(struct mask_list *out, const struct round *r,
                          const struct secret_scalar *s) MUST_USE;
/* ... and the pairwise masks between dropped j and its neighbours in U2. */
enum err mask_remove_pairs(struct mask_list *out, const struct round *r, uint32_t j,
                           const struct secret_scalar *a) MUST_USE;
/* acc coordinates [first, first+acc.len) of the vector, in place. */
enum err mask_apply(struct ring acc, uint64_t first, const struct mask_list *l) MUST_USE;

/* One revealed share of a secret. */
struct revealed {
  uint32_t from; /* the answering participant's index; x = from + 1 */
  struct secret_scalar share;
  bool wrong; /* out: does not fit its commitment */
};

/* Rebuilds a secret whose public key is `expected` from the t valid shares with lowest x.
 * shares: m revealed ones, ascending. When the rebuilt secret does not fit, every share
 * is compared with commitments[c] (the dealer's point for shares[c].from) and the wrong
 * ones are flagged. `commitments` may be NULL at first: then E_SHARES asks for a second
 * call with them. E_THRESHOLD when fewer than t valid ones are left. */
enum err mask_rebuild(struct secret_scalar *out, const struct point *expected,
                      struct revealed *shares, unsigned m, unsigned t,
                      const struct point *commitments) MUST_USE;

#endif
