/* SPDX-License-Identifier: Apache-2.0
 * What the coordinator attests: EIP-712 digests, and the calls that carry them. */
#include <string.h>

#include "chain/abi.h"
#include "chain/contracts.h"

static struct word word_of_digest(const struct digest *d)
{
  return word_of_bytes(d->b, sizeof d->b);
}

void chain_model(struct word *out, const char *slug)
{
  keccak256_text(out, slug);
}

static struct word model_word(const char *slug)
{
  struct word w;
  chain_model(&w, slug);
  return w;
}

/* ---- EIP-712 ---- */

static struct word hash_text(const char *text)
{
  struct word w;
  keccak256_text(&w, text);
  return w;
}

static void hash_words(struct word *out, const struct word *words, size_t n)
{
  keccak256(out, BYTES(words, n * sizeof *words));
}

/* fields: n words, of which the first is left free for the hash of the type. */
static void typed_digest(struct word *out, const char *type, struct word *fields,
                         size_t n, const struct chain_ids *ids)
{
  const struct word domain[] = {
      hash_text("EIP712Domain(string name,string version,uint256 chainId,"
                "address verifyingContract)"),
      hash_text("Chorus"), hash_text("1"), word_of(ids->chain_id),
      word_of_address(&ids->registry)};
  struct {
    uint8_t head[2];
    struct word domain, fields;
  } said = {.head = {0x19, 0x01}};
  fields[0] = hash_text(type);
  hash_words(&said.domain, domain, LENGTH(domain));
  hash_words(&said.fields, fields, n);
  keccak256(out, BYTES_OF(said));
}

void registration_digest(struct word *out, const struct registration *r,
                         const struct chain_ids *ids)
{
  struct word fields[] = {{{0}},
                          model_word(r->model),
                          word_of_digest(&r->spec),
                          word_of_address(&r->currency),
                          word_of(r->policy.minimum),
                          word_of(r->policy.maximum_rounds),
                          word_of(r->policy.privacy_budget),
                          r->policy.reward_cap};
  typed_digest(out,
               "Registration(bytes32 model,bytes32 spec,address currency,uint32 minimum,"
               "uint32 maximumRounds,uint64 privacyBudget,uint256 rewardCap)",
               fields, LENGTH(fields), ids);
}

void anchor_roster_digest(struct word *out, const struct anchor_roster *a,
                          const struct chain_ids *ids)
{
  struct word fields[] = {{{0}},
                          model_word(a->model),
                          word_of(a->round),
                          word_of(a->attempt),
                          word_of_digest(&a->hash),
                          word_of(a->count)};
  typed_digest(out,
               "Roster(bytes32 model,uint64 round,uint64 attempt,bytes32 hash,"
               "uint32 count)",
               fields, LENGTH(fields), ids);
}

void anchor_survivors_digest(struct word *out, const struct anchor_survivors *a,
                             const struct chain_ids *ids)
{
  struct word fields[] = {{{0}},
                          model_word(a->model),
                          word_of(a->round),
                          word_of(a->attempt),
                          word_of_digest(&a->hash),
                          word_of(a->count),
                          word_of_digest(&a->spec),
                          a->budget,
                          word_of(a->privacy)};
  typed_digest(out,
               "Survivors(bytes32 model,uint64 round,uint64 attempt,bytes32 hash,"
               "uint32 count,bytes32 spec,uint256 budget,uint64 privacy)",
               fields, LENGTH(fields), ids);
}

void anchor_result_digest(struct word *out, const struct anchor_result *a,
                          const struct chain_ids *ids)
{
  struct word fields[] = {{{0}},
                          model_word(a->model),
                          word_of(a->round),
                          word_of(a->attempt),
                          word_of_digest(&a->hash),
                          a->reward,
                          a->payouts,
                          a->claims,
                          word_of(a->log_size),
                          word_of_digest(&a->log_root)};
  typed_digest(out,
               "Result(bytes32 model,uint64 round,uint64 attempt,bytes32 hash,"
               "uint256 reward,bytes32 payouts,bytes32 claims,uint64 logSize,"
               "bytes32 logRoot)",
               fields, LENGTH(fields), ids);
}

/* ---- calls ---- */

struct packed {
  uint8_t b[65];
};

static struct packed pack(const struct eth_signature *sig)
{
  struct packed p;
  memcpy(p.b, sig->r, 32);
  memcpy(p.b + 32, sig->s, 32);
  p.b[64] = sig->v;
  return p;
}

enum err registration_call(struct buf *out, const struct registration *r,
                           const struct eth_signature *sig)
{
  const struct packed p = pack(sig);
  return abi_call(
      out, "register(bytes32,bytes32,address,(uint32,uint32,uint64,uint256),bytes)",
      ABI_ARGS(ABI_WORD(model_word(r->model)), ABI_FIXED(&r->spec),
               ABI_ADDRESS(&r->currency), ABI_UINT(r->policy.minimum),
               ABI_UINT(r->policy.maximum_rounds), ABI_UINT(r->policy.privacy_budget),
               ABI_WORD(r->policy.reward_cap), ABI_BYTES(p.b, sizeof p.b)));
}

enum err anchor_roster_call(struct buf *out, const struct anchor_roster *a,
                            const struct eth_signature *sig)
{
  const struct packed p = pack(sig);
  return abi_call(out, "anchorRoster(bytes32,uint64,uint64,bytes32,uint32,bytes)",
                  ABI_ARGS(ABI_WORD(model_word(a->model)), ABI_UINT(a->round),
                           ABI_UINT(a->attempt), ABI_FIXED(&a->hash), ABI_UINT(a->count),
                           ABI_BYTES(p.b, sizeof p.b)));
}

enum err anchor_survivors_call(struct buf *out, const struct anchor_survivors *a,
                               const struct eth_signature *sig)
{
  const struct packed p = pack(sig);
  return abi_call(out,
                  "anchorSurvivors(bytes32,uint64,uint64,bytes32,uint32,bytes32,uint256,"
                  "uint64,bytes)",
                  ABI_ARGS(ABI_WORD(model_word(a->model)), ABI_UINT(a->round),
                           ABI_UINT(a->attempt), ABI_FIXED(&a->hash), ABI_UINT(a->count),
                           ABI_FIXED(&a->spec), ABI_WORD(a->budget), ABI_UINT(a->privacy),
                           ABI_BYTES(p.b, sizeof p.b)));
}

enum err anchor_result_call(struct buf *out, const struct anchor_result *a,
                            const struct eth_signature *sig)
{
  const struct packed p = pack(sig);
  return abi_call(
      out,
      "anchorResult(bytes32,uint64,uint64,bytes32,uint256,bytes32,bytes32,uint64,bytes32,"
      "bytes)",
      ABI_ARGS(ABI_WORD(model_word(a->model)), ABI_UINT(a->round), ABI_UINT(a->attempt),
               ABI_FIXED(&a->hash), ABI_WORD(a->reward), ABI_WORD(a->payouts),
               ABI_WORD(a->claims), ABI_UINT(a->log_size), ABI_FIXED(&a->log_root),
               ABI_BYTES(p.b, sizeof p.b)));
}
