/* SPDX-License-Identifier: Apache-2.0
 * What a round pays, and to whom, in exact integers. docs/protocol.md section 9.1. */
#ifndef CORE_REWARD_H
#define CORE_REWARD_H

#include <jansson.h>

#include "core/types.h"

enum reward_scheme { REWARD_NONE, REWARD_EQUAL, REWARD_SAMPLES };

#define REWARD_DIGITS 78u /* of an amount, at most */
/* Of the budget and the threshold of a description: no sum over 2^53 rounds then ever
 * passes 2^256. */
#define AMOUNT_DIGITS 60u

struct reward_terms {
  enum reward_scheme scheme;
  const char *budget; /* a whole number in decimal; borrowed from the JSON */
};
/* Reads {"budget","scheme"}. E_FIELD_* with the member in why, below "reward". */
enum err reward_terms_read(struct reward_terms *out, const json_t *reward,
                           struct why *why) MUST_USE;

/* How what was earned leaves the accounts: `payout` of a description's reward. It is no
 * part of `open`. docs/chain.md section 4. */
enum payout_mode { PAYOUT_PUSH, PAYOUT_CLAIM };
#define PAYOUT_EVERY_MAX 1000u
struct payout_terms {
  enum payout_mode mode;
  const char *threshold; /* as a budget; borrowed */
  uint64_t every;        /* rounds whose number is a multiple of it settle */
};
/* NULL: push, everything, every round. E_FIELD_* below "reward.payout". */
enum err payout_terms_read(struct payout_terms *out, const json_t *payout,
                           struct why *why) MUST_USE;

/* One member of U2. */
struct reward {
  struct identity id;
  uint64_t samples; /* as its update states them; only asked with REWARD_SAMPLES */
  bool named;       /* in `named` of the result: it gets nothing */
  char amount[REWARD_DIGITS + 1]; /* out: a whole number in decimal */
};

/* Fills in the amounts of the `count` members of U2. total: the weight of all that was
 * unmasked. *paid is false, and the amounts are untouched, when nobody is paid: with
 * REWARD_NONE, or when the samples do not sum to the total. Their sum never exceeds the
 * budget. E_LENGTH for no members. */
enum err reward_amounts(struct reward *members, unsigned count,
                        const struct reward_terms *terms, uint64_t total,
                        bool *paid) MUST_USE;

/* The same for a round with survivors. out: room for |U2|, by ascending index. samples:
 * by roster index, as the updates state them (only used with REWARD_SAMPLES). named: as
 * it stands in the result. */
struct round;
enum err reward_round(struct reward *out, const struct round *r, const uint64_t *samples,
                      uint64_t total, const json_t *named, bool *paid) MUST_USE;

/* Appends a member's leaf: canonical({"amount","participant"}). */
enum err reward_leaf(struct buf *out, const struct reward *member) MUST_USE;
/* The Merkle root of the leaves, in the order given. */
enum err reward_root(struct digest *out, const struct reward *members,
                     unsigned count) MUST_USE;

#endif
