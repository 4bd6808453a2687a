/* SPDX-License-Identifier: Apache-2.0
 * The heavy part of an audit, one chunk position at a time. */
#ifndef CLIENTS_AUDIT_SUM_H
#define CLIENTS_AUDIT_SUM_H

#include "core/mask.h"

/* Hands out the chunks of a position, and hears of those that do not fit. */
struct chunk_reader {
  /* Member m's chunk, valid until the next call, and the leaf hash that was signed. */
  enum err (*read)(void *arg, unsigned m, uint64_t position, struct bytes *chunk,
                   struct digest *expected, struct why *why);
  void (*wrong)(void *arg, unsigned m, uint64_t position);
  void *arg;
};

/* Sums one chunk position of `count` vectors and takes the masks off. acc: as many
 * coordinates as the position has, overwritten; unspecified when *bad chunks did not
 * hash to what was signed, or had another length. The errors of the reader. */
enum err chunk_sum(struct ring acc, uint64_t position, const struct chunk_reader *from,
                   unsigned count, const struct mask_list *masks, unsigned *bad,
                   struct why *why) MUST_USE;

#endif
