/* SPDX-License-Identifier: Apache-2.0
 * What a round with a result pays, in which batches, and the two roots that its anchor
 * holds: a pure function of what is public, the same for the coordinator and for whoever
 * checks it. docs/chain.md section 4. */
#ifndef CHAIN_SETTLEMENT_H
#define CHAIN_SETTLEMENT_H

#include "chain/claims.h"
#include "core/reward.h"
#include "core/round.h"

/* A participant's account with the model. */
struct account {
  struct identity id;
  struct address payout; /* zero: none */
  struct word balance;   /* before the round; made: after it */
  struct word reward;    /* of this round */
  struct word settled;   /* made: what left the account */
  unsigned batch;        /* made: the pay batch that it is in; only when pushed */
};

struct settling {
  const char *model;
  uint64_t round;
  const struct payout_terms *terms;
  struct account *accounts; /* all with a balance or a reward, in any order */
  unsigned accounts_len;
  const struct claimant *before; /* all cumulative sums before the round */
  unsigned before_len;
  const struct voter *voters; /* settlement_voters, in any order */
  unsigned voters_len;
};

struct settlement {
  char model[SLUG_MAX + 1];
  uint64_t round;
  struct word reward;   /* sum of the rewards */
  struct payee *payees; /* by address, in batches of PAY_BATCH_MAX */
  unsigned payees_len, pays;
  struct voter *voters; /* by organisation, in batches of VOICE_BATCH_MAX */
  unsigned voters_len, voices;
  struct word *leaves; /* of the pay batches, then of the voice batches */
  struct tree payouts; /* over them; its root is anchored, as is that of claims */
  struct claims claims;
};

/* The address of an enrolment's `payout`, in either case; NULL: zero, which is none. */
enum err payout_address(struct address *out, const char *payout) MUST_USE;

/* Who of U2 gets a vote: has an address (payouts: by roster index) and is not in `named`
 * of the result. out: room for |U2|. */
enum err settlement_voters(struct voter *out, unsigned *len, const struct round *r,
                           const struct address *payouts, const json_t *named) MUST_USE;

/* Also updates the accounts. E_OVERFLOW when a sum passes 2^256-1, E_FIELD_VALUE for a
 * threshold that is no amount; nothing is written then. settlement_done frees. */
enum err settlement_make(struct settlement *out, const struct settling *in) MUST_USE;
void settlement_done(struct settlement *s);

/* Appends the calldata of a batch (ChorusVault.payBatch, ChorusVoice.mint). */
enum err settlement_pay_call(const struct settlement *s, unsigned batch,
                             struct buf *out) MUST_USE;
enum err settlement_voice_call(const struct settlement *s, unsigned batch,
                               struct buf *out) MUST_USE;

#endif
