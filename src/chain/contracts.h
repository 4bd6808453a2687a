/* SPDX-License-Identifier: Apache-2.0
 * Our contracts as C sees them (docs/chain.md): what is signed, what is sent, what is
 * read. Nothing here talks to anybody but the functions that take a struct rpc. */
#ifndef CHAIN_CONTRACTS_H
#define CHAIN_CONTRACTS_H

#include "chain/key.h"
#include "chain/rpc.h"
#include "core/message.h"

/* Keccak-256 of the slug: how contracts call a model. */
void chain_model(struct word *out, const char *slug);

struct chain_ids { /* whom an attestation is for (EIP-712 domain) */
  uint64_t chain_id;
  struct address registry;
};

struct policy {
  uint64_t minimum;        /* organisations, uint32 */
  uint64_t maximum_rounds; /* with a result, uint32 */
  uint64_t privacy_budget; /* over all rounds, in millionths of epsilon; uint64 */
  struct word reward_cap;  /* for one round */
};

/* ---- what the coordinator attests: each struct makes a digest to sign and the calldata
 * of the registry's function, signature included ---- */

struct registration {
  char model[SLUG_MAX + 1];
  struct digest spec;
  struct address currency; /* zero: ether */
  struct policy policy;
};
struct anchor_roster {
  char model[SLUG_MAX + 1];
  uint64_t round, attempt;
  struct digest hash; /* H(roster) */
  uint64_t count;
};
struct anchor_survivors {
  char model[SLUG_MAX + 1];
  uint64_t round, attempt;
  struct digest hash; /* H(survivors) */
  uint64_t count;
  struct digest spec;
  struct word budget; /* what the round may pay at most */
  uint64_t privacy;   /* what it spends of the privacy budget; 0 today */
};
struct anchor_result {
  char model[SLUG_MAX + 1];
  uint64_t round, attempt;
  struct digest hash;          /* H(result) */
  struct word reward;          /* sum of this round's rewards */
  struct word payouts, claims; /* roots, zero: nothing */
  uint64_t log_size;
  struct digest log_root;
};
void registration_digest(struct word *out, const struct registration *r,
                         const struct chain_ids *ids);
void anchor_roster_digest(struct word *out, const struct anchor_roster *a,
                          const struct chain_ids *ids);
void anchor_survivors_digest(struct word *out, const struct anchor_survivors *a,
                             const struct chain_ids *ids);
void anchor_result_digest(struct word *out, const struct anchor_result *a,
                          const struct chain_ids *ids);
enum err registration_call(struct buf *out, const struct registration *r,
                           const struct eth_signature *sig) MUST_USE;
enum err anchor_roster_call(struct buf *out, const struct anchor_roster *a,
                            const struct eth_signature *sig) MUST_USE;
enum err anchor_survivors_call(struct buf *out, const struct anchor_survivors *a,
                               const struct eth_signature *sig) MUST_USE;
enum err anchor_result_call(struct buf *out, const struct anchor_result *a,
                            const struct eth_signature *sig) MUST_USE;

/* ---- payouts: leaves of the tree whose root is in the result ---- */

#define PAY_BATCH_MAX 100u
#define VOICE_BATCH_MAX 50u
struct payee {
  struct address account;
  struct word amount;
};
struct voter {
  struct organisation organisation;
  struct address account;
};
void pay_leaf(struct word *out, const char *model, uint64_t round, uint64_t index,
              const struct payee *payees, unsigned n);
void voice_leaf(struct word *out, const char *model, uint64_t round, uint64_t index,
                const struct voter *voters, unsigned n);
void claim_leaf(struct word *out, const struct address *account,
                const struct word *cumulative);
enum err pay_call(struct buf *out, const char *model, uint64_t round, uint64_t index,
                  const struct payee *payees, unsigned n, const struct word *proof,
                  unsigned proof_len) MUST_USE;
enum err voice_call(struct buf *out, const char *model, uint64_t round, uint64_t index,
                    const struct voter *voters, unsigned n, const struct word *proof,
                    unsigned proof_len) MUST_USE;
/* Anybody may send it; it pays the account. */
enum err claim_call(struct buf *out, const char *model, uint64_t round,
                    const struct address *account, const struct word *cumulative,
                    const struct word *proof, unsigned proof_len) MUST_USE;

/* ---- reading; `tag` as in rpc.h. E_NOT_FOUND where there is nothing; E_REPLY where the
 * address is not such a contract ---- */

struct chain_model {
  struct digest spec;
  struct address currency;
  struct policy policy;
  uint64_t results, last_round, privacy_spent;
  struct word budgeted; /* sum of all rewards of results that were not revoked */
};
struct anchor {
  struct digest hash;
  uint64_t count, block;
  struct word budget; /* of survivors */
};
struct result_anchor {
  struct anchor_result said; /* model is not filled in */
  uint64_t block, time;
  bool revoked;
};
enum err registry_model(struct rpc *rpc, const struct address *registry, const char *tag,
                        const char *model, struct chain_model *out,
                        struct why *why) MUST_USE;
enum err registry_roster(struct rpc *rpc, const struct address *registry, const char *tag,
                         const char *model, uint64_t round, uint64_t attempt,
                         struct anchor *out, struct why *why) MUST_USE;
enum err registry_survivors(struct rpc *rpc, const struct address *registry,
                            const char *tag, const char *model, uint64_t round,
                            uint64_t attempt, struct anchor *out,
                            struct why *why) MUST_USE;
enum err registry_result(struct rpc *rpc, const struct address *registry, const char *tag,
                         const char *model, uint64_t round, struct result_anchor *out,
                         struct why *why) MUST_USE;
/* Who is who: the contracts and roles around a registry. */
struct chain_roles {
  struct address owner, relayer, attestor, guardian, vault, voice, governor;
  uint64_t delay; /* seconds between an anchored result and its payouts */
  bool paused;
};
enum err registry_roles(struct rpc *rpc, const struct address *registry, const char *tag,
                        struct chain_roles *out, struct why *why) MUST_USE;
/* What the vault holds for a model, has paid of it, and has paid to an account by claims.
 */
enum err vault_funds(struct rpc *rpc, const struct address *vault, const char *tag,
                     const char *model, struct word *funds, struct word *spent,
                     struct why *why) MUST_USE;
enum err vault_claimed(struct rpc *rpc, const struct address *vault, const char *tag,
                       const char *model, const struct address *account, struct word *out,
                       struct why *why) MUST_USE;

#endif
