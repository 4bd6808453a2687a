/* SPDX-License-Identifier: Apache-2.0
 * From the answers of UNMASK to the masks that come off the sum: what the coordinator
 * does and an auditor repeats. No I/O: commitments are asked for when they are needed.
 * docs/protocol.md section 8. */
#ifndef CORE_UNMASKING_H
#define CORE_UNMASKING_H

#include "core/mask.h"

/* One member's answer. */
struct unmask_answer {
  struct unmask_event event; /* event.len 0: none */
  uint32_t *near;            /* the neighbours in U1 that its shares belong to */
};

struct unmasking {
  const struct round *round; /* with survivors; borrowed until unmasking_done */
  struct unmask_answer *answers;
  bool *wrong;            /* by member: sent a share that does not fit */
  struct mask_list masks; /* what comes off: secret until the sum is public */
};

void unmasking_init(struct unmasking *u, const struct round *r);
void unmasking_done(struct unmasking *u); /* wipes */

/* Takes over the answer of member i. E_ANSWER, and nothing is taken, when it has not one
 * entry per neighbour in U1 or i has answered already. */
enum err unmasking_add(struct unmasking *u, uint32_t i,
                       struct unmask_event *answer) MUST_USE;

/* Reads the commitments of one dealer: its s-points (self) or a-points, k of them, by
 * ascending neighbour. Asked only for dealers to whom a wrong share was given. */
struct commitments {
  enum err (*read)(void *arg, uint32_t dealer, bool self, struct point *out);
  void *arg;
};

/* Rebuilds every s of U2 and every a of U1 outside U2 with a neighbour in U2, and lists
 * their masks. Flags in `wrong` who gave a share that does not fit. E_THRESHOLD when a
 * secret lacks valid shares (all the wrong ones found are flagged); any error of the
 * commitments. Once only. */
enum err unmasking_solve(struct unmasking *u, struct commitments dealt) MUST_USE;

#endif
