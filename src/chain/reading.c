/* SPDX-License-Identifier: Apache-2.0
 * What stands in our contracts. */
#include <sodium.h>
#include <string.h>

#include "chain/abi.h"
#include "chain/contracts.h"

/* The words that a view returned, read from the left; `bad` once one was not what its
 * type allows. */
struct row {
  struct word words[10];
  unsigned n, at;
  bool bad;
};

/* Calls a view of `n` words. Our views never revert: what does is another contract. */
static enum err view(struct row *out, unsigned n, struct rpc *rpc,
                     const struct address *contract, const char *tag,
                     const char *signature, unsigned args_len, const struct abi_arg *args,
                     struct why *why)
{
  AUTO(buf_done) struct buf call = {0}, data = {0};
  char text[ADDRESS_TEXT];
  *out = (struct row){.n = n};
  TRY(abi_call(&call, signature, args_len, args));
  enum err e = rpc_eth_call(rpc, contract, buf_bytes(&call), tag, &data, why);
  if (e != OK && e != E_REVERTED)
    return e;
  for (unsigned i = 0; e == OK && i < n; i++)
    e = abi_word(&out->words[i], buf_bytes(&data), n, i);
  if (e != OK)
    return why_set(why, E_REPLY, "",
                   "what is at %s does not answer %s: it is not that contract of Chorus, "
                   "or not on this chain",
                   address_text(text, contract), signature);
  return OK;
}

static struct word take(struct row *r)
{
  return r->words[r->at++];
}

static uint64_t take_u64(struct row *r)
{
  const struct word w = take(r);
  uint64_t v = 0;
  r->bad |= word_u64(&v, &w) != OK;
  return v;
}

static bool take_bool(struct row *r)
{
  uint64_t v = take_u64(r);
  r->bad |= v > 1;
  return v == 1;
}

static struct digest take_digest(struct row *r)
{
  const struct word w = take(r);
  struct digest d;
  memcpy(d.b, w.b, sizeof d.b);
  return d;
}

static struct address take_address(struct row *r)
{
  const struct word w = take(r);
  struct address a = {{0}};
  r->bad |= word_address(&a, &w) != OK;
  return a;
}

static enum err all_taken(const struct row *r, const char *what, struct why *why)
{
  if (r->bad || r->at != r->n)
    return why_set(why, E_REPLY, "", "the contract's %s holds values outside their types",
                   what);
  return OK;
}

static bool is_zero(const struct digest *d)
{
  return sodium_is_zero(d->b, sizeof d->b);
}

static struct word id_of(const char *model)
{
  struct word id;
  chain_model(&id, model);
  return id;
}

enum err registry_model(struct rpc *rpc, const struct address *registry, const char *tag,
                        const char *model, struct chain_model *out, struct why *why)
{
  struct row r;
  TRY(view(&r, 10, rpc, registry, tag, "models(bytes32)",
           ABI_ARGS(ABI_WORD(id_of(model))), why));
  struct chain_model m = {.spec = take_digest(&r), .currency = take_address(&r)};
  m.policy.minimum = take_u64(&r);
  m.policy.maximum_rounds = take_u64(&r);
  m.policy.privacy_budget = take_u64(&r);
  m.policy.reward_cap = take(&r);
  m.results = take_u64(&r);
  m.last_round = take_u64(&r);
  m.privacy_spent = take_u64(&r);
  m.budgeted = take(&r);
  TRY(all_taken(&r, "model", why));
  if (is_zero(&m.spec))
    return why_set(why, E_NOT_FOUND, "", "the model %s is not registered on the chain",
                   model);
  *out = m;
  return OK;
}

static enum err no_anchor(const char *what, const char *model, uint64_t round,
                          struct why *why)
{
  return why_set(why, E_NOT_FOUND, "", "the chain has no %s of %s, round %llu", what,
                 model, (unsigned long long)round);
}

enum err registry_roster(struct rpc *rpc, const struct address *registry, const char *tag,
                         const char *model, uint64_t round, uint64_t attempt,
                         struct anchor *out, struct why *why)
{
  struct row r;
  TRY(view(&r, 3, rpc, registry, tag, "rosters(bytes32,uint64,uint64)",
           ABI_ARGS(ABI_WORD(id_of(model)), ABI_UINT(round), ABI_UINT(attempt)), why));
  struct anchor a = {.hash = take_digest(&r)};
  a.count = take_u64(&r);
  a.block = take_u64(&r);
  TRY(all_taken(&r, "roster", why));
  if (is_zero(&a.hash))
    return no_anchor("roster", model, round, why);
  *out = a;
  return OK;
}

enum err registry_survivors(struct rpc *rpc, const struct address *registry,
                            const char *tag, const char *model, uint64_t round,
                            uint64_t attempt, struct anchor *out, struct why *why)
{
  struct row r;
  TRY(view(&r, 4, rpc, registry, tag, "survivors(bytes32,uint64,uint64)",
           ABI_ARGS(ABI_WORD(id_of(model)), ABI_UINT(round), ABI_UINT(attempt)), why));
  struct anchor a = {.hash = take_digest(&r)};
  a.count = take_u64(&r);
  a.block = take_u64(&r);
  a.budget = take(&r);
  TRY(all_taken(&r, "survivors", why));
  if (is_zero(&a.hash))
    return no_anchor("survivors", model, round, why);
  *out = a;
  return OK;
}

enum err registry_result(struct rpc *rpc, const struct address *registry, const char *tag,
                         const char *model, uint64_t round, struct result_anchor *out,
                         struct why *why)
{
  struct row r;
  TRY(view(&r, 10, rpc, registry, tag, "results(bytes32,uint64)",
           ABI_ARGS(ABI_WORD(id_of(model)), ABI_UINT(round)), why));
  struct result_anchor a = {.said.round = round};
  a.said.hash = take_digest(&r);
  a.said.attempt = take_u64(&r);
  a.said.reward = take(&r);
  a.said.payouts = take(&r);
  a.said.claims = take(&r);
  a.said.log_size = take_u64(&r);
  a.said.log_root = take_digest(&r);
  a.block = take_u64(&r);
  a.time = take_u64(&r);
  a.revoked = take_bool(&r);
  TRY(all_taken(&r, "result", why));
  if (is_zero(&a.said.hash))
    return no_anchor("result", model, round, why);
  *out = a;
  return OK;
}

enum err registry_roles(struct rpc *rpc, const struct address *registry, const char *tag,
                        struct chain_roles *out, struct why *why)
{
  struct chain_roles roles = {0};
  struct row r;
  const struct {
    const char *view;
    struct address *out;
  } who[] = {{"owner()", &roles.owner},       {"relayer()", &roles.relayer},
             {"attestor()", &roles.attestor}, {"guardian()", &roles.guardian},
             {"vault()", &roles.vault},       {"voice()", &roles.voice},
             {"governor()", &roles.governor}};
  for (size_t i = 0; i < LENGTH(who); i++) {
    TRY(view(&r, 1, rpc, registry, tag, who[i].view, 0, NULL, why));
    *who[i].out = take_address(&r);
    TRY(all_taken(&r, who[i].view, why));
  }
  TRY(view(&r, 1, rpc, registry, tag, "delay()", 0, NULL, why));
  roles.delay = take_u64(&r);
  TRY(all_taken(&r, "delay()", why));
  TRY(view(&r, 1, rpc, registry, tag, "paused()", 0, NULL, why));
  roles.paused = take_bool(&r);
  TRY(all_taken(&r, "paused()", why));
  *out = roles;
  return OK;
}

static enum err view_amount(struct word *out, struct rpc *rpc,
                            const struct address *vault, const char *tag,
                            const char *signature, unsigned n, const struct abi_arg *args,
                            struct why *why)
{
  struct row r;
  TRY(view(&r, 1, rpc, vault, tag, signature, n, args, why));
  *out = take(&r);
  return OK;
}

enum err vault_funds(struct rpc *rpc, const struct address *vault, const char *tag,
                     const char *model, struct word *funds, struct word *spent,
                     struct why *why)
{
  const struct abi_arg id = ABI_WORD(id_of(model));
  struct word has, gone;
  TRY(view_amount(&has, rpc, vault, tag, "funds(bytes32)", 1, &id, why));
  TRY(view_amount(&gone, rpc, vault, tag, "spent(bytes32)", 1, &id, why));
  *funds = has;
  *spent = gone;
  return OK;
}

enum err vault_claimed(struct rpc *rpc, const struct address *vault, const char *tag,
                       const char *model, const struct address *account, struct word *out,
                       struct why *why)
{
  return view_amount(out, rpc, vault, tag, "claimed(bytes32,address)",
                     ABI_ARGS(ABI_WORD(id_of(model)), ABI_ADDRESS(account)), why);
}
