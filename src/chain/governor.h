/* SPDX-License-Identifier: Apache-2.0
 * Votes: proposals of an OpenZeppelin governor that a timelock carries out, and what ours
 * say (docs/chain.md section 1). */
#ifndef CHAIN_GOVERNOR_H
#define CHAIN_GOVERNOR_H

#include "chain/contracts.h"

struct proposed_call {
  struct address target;
  struct word value;
  struct bytes data; /* borrowed */
};
/* As it was made. All but the numbers is borrowed. */
struct proposal {
  struct word id;
  struct address proposer;
  const struct proposed_call *calls;
  unsigned len;
  struct bytes description;
  uint64_t vote_start, vote_end; /* Unix seconds */
};

/*     state, its name, in words; in the contract's order */
#define PROPOSAL_STATES(X)                                                               \
  X(PROPOSAL_PENDING, "pending", "not open yet")                                         \
  X(PROPOSAL_ACTIVE, "active", "open")                                                   \
  X(PROPOSAL_CANCELED, "canceled", "cancelled")                                          \
  X(PROPOSAL_DEFEATED, "defeated", "defeated")                                           \
  X(PROPOSAL_SUCCEEDED, "succeeded", "accepted")                                         \
  X(PROPOSAL_QUEUED, "queued", "queued")                                                 \
  X(PROPOSAL_EXPIRED, "expired", "expired")                                              \
  X(PROPOSAL_EXECUTED, "executed", "carried out")
enum proposal_state {
#define X(state, name, words) state,
  PROPOSAL_STATES(X)
#undef X
      PROPOSAL_STATE_COUNT
};
extern const char *const proposal_state_names[PROPOSAL_STATE_COUNT];
extern const char *const proposal_state_words[PROPOSAL_STATE_COUNT];

enum vote { VOTE_AGAINST, VOTE_FOR, VOTE_ABSTAIN };

/* How it stands. */
struct proposal_standing {
  enum proposal_state state;
  struct word votes[3]; /* by enum vote, in units of 10^18 a vote */
  struct word quorum;   /* of for and abstain together; 0 while it is not open yet */
  uint64_t eta;         /* queued: when it can be carried out; Unix seconds */
};

/* ---- calldata of the governor ---- */

/* Of p only calls and description are read. */
enum err governor_propose_call(struct buf *out, const struct proposal *p) MUST_USE;
enum err governor_queue_call(struct buf *out, const struct proposal *p) MUST_USE;
enum err governor_execute_call(struct buf *out, const struct proposal *p) MUST_USE;
enum err governor_vote_call(struct buf *out, const struct word *id,
                            enum vote vote) MUST_USE;
/* Keccak of abi.encode(targets, values, calldatas, keccak(description)). */
enum err governor_id(struct word *out, const struct proposal *p) MUST_USE;

/* ---- what ours ask of the registry ---- */

enum err policy_call(struct buf *out, const char *model,
                     const struct policy *policy) MUST_USE;
enum err spec_call(struct buf *out, const char *model,
                   const struct digest *spec) MUST_USE;
/* Whether it is one of these; *model: keccak of the slug. */
bool policy_call_read(struct word *model, struct policy *policy, struct bytes data);
bool spec_call_read(struct word *model, struct digest *spec, struct bytes data);

/* {"id","state","proposer","description","vote_start","vote_end","eta","for","against",
 * "abstain","quorum","calls"}, numbers of the chain as decimal text. A call is
 * {"kind":"policy","model","minimum","maximum_rounds","privacy_budget","reward_cap"},
 * {"kind":"spec","model","spec"}, both of this registry and with the model's Keccak, or
 * {"kind":"call","target","value","data"}. A new value. */
json_t *proposal_json(const struct proposal *p, const struct proposal_standing *s,
                      const struct address *registry) MUST_USE;

/* ---- reading ---- */

/* The data of a ProposalCreated log, whose id must be the one of what it shows. *calls is
 * the caller's to free. E_REPLY. */
enum err proposal_read(struct proposal *out, struct proposed_call **calls,
                       struct bytes data, struct why *why) MUST_USE;
/* Those that were made in the blocks from first to last, oldest first. */
enum err governor_proposals(struct rpc *rpc, const struct address *governor,
                            uint64_t first, uint64_t last,
                            enum err (*each)(void *arg, const struct proposal *p),
                            void *arg, struct why *why) MUST_USE;
/* One that outlives its log: with copies of its own. */
struct kept_proposal {
  struct proposal p;
  struct proposed_call *calls;
  struct buf text; /* what the above points into */
};
enum err proposal_keep(struct kept_proposal *out, const struct proposal *p) MUST_USE;
void kept_proposal_done(struct kept_proposal *k);

enum err governor_standing(struct rpc *rpc, const struct address *governor,
                           const char *tag, const struct proposal *p,
                           struct proposal_standing *out, struct why *why) MUST_USE;

#endif
