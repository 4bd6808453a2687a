/* SPDX-License-Identifier: Apache-2.0
 * chorus claim: fetches from the vault what a participant has earned. The server only
 * says what is due and why; that it is due stands on the chain, and the vault pays it. */
#include <string.h>

#include "chain/settlement.h"
#include "clients/cli/cli.h"
#include "clients/lib/wallet.h"
#include "util/field.h"
#include "util/text.h"

#define BLOCK_SECONDS 120u

/* A claim as the server tells it; its proof leads to an anchored root. */
struct claim {
  const char *model;
  struct address account, currency;
  struct word cumulative, claimed, due; /* due: cumulative - claimed */
  uint64_t round;
  struct word proof[32];
  unsigned proof_len;
};

/* ---- whose ---- */

/* --payout, else the address that counts for one's own key. */
static enum err find_account(struct cli *c, struct address *out, struct why *why)
{
  AUTO(json_drop) json_t *reply = NULL;
  char path[128], id[65];
  if (c->o.payout)
    return address_parse(out, c->o.payout, "--payout", why);
  enum err e = E_NOT_FOUND;
  if (c->has_self) {
    snprintf(path, sizeof path, "participants/%s", hex_encode(id, c->self.id.b, 32));
    e = api_get(&c->api, path, &reply, why);
  }
  const char *payout = json_string_value(json_object_get(reply, "payout"));
  if (e == OK && payout)
    return address_parse(out, payout, "payout", why);
  if (e != OK && e != E_NOT_FOUND)
    return e;
  return why_set(why, E_USAGE, "--payout",
                 "is needed: whose claim is it? Your membership names no address");
}

/* ---- what is due ---- */

static enum err read_proof(struct claim *k, const json_t *list, struct why *why)
{
  size_t i;
  json_t *entry;
  if (!json_is_array(list) || json_array_size(list) > LENGTH(k->proof))
    return why_set(why, E_REPLY, "proof", "is not a list of at most 32 hashes");
  json_array_foreach ((json_t *)list, i, entry) {
    const char *hex = json_string_value(entry);
    if (!hex || strncmp(hex, "0x", 2) != 0 ||
        hex_decode(k->proof[i].b, 32, hex + 2) != OK)
      return why_set(why, E_REPLY, "proof", "is not of hashes");
  }
  k->proof_len = (unsigned)json_array_size(list);
  return OK;
}

/* The newest whose result is final for `age` seconds: newer ones the vault does not pay
 * yet. *found is false when the server knows no such claim of this address. */
static enum err fetch(struct claim *k, struct cli *c, uint64_t age, bool *found,
                      struct why *why)
{
  char path[192], account[ADDRESS_TEXT];
  AUTO(json_drop) json_t *reply = NULL;
  snprintf(path, sizeof path, "models/%s/claims/%s?age=%llu", k->model,
           address_text(account, &k->account), (unsigned long long)age);
  enum err e = api_get(&c->api, path, &reply, why);
  *found = e != E_NOT_FOUND;
  if (!*found)
    return OK;
  TRY(e);
  const char *cumulative = json_string_value(json_object_get(reply, "cumulative"));
  const json_t *round = json_object_get(reply, "round");
  if (!cumulative || word_parse(&k->cumulative, cumulative, "cumulative", NULL) != OK ||
      json_integer_value(round) < 1)
    return why_set(why, E_REPLY, "claim", "is not of its form");
  k->round = (uint64_t)json_integer_value(round);
  return read_proof(k, json_object_get(reply, "proof"), why);
}

/* Whether the chain says so too, and what of it was not paid yet. */
static enum err check(struct claim *k, struct chain_view *v, struct why *why)
{
  struct result_anchor r;
  struct chain_model m;
  struct rpc_block now;
  struct word leaf;
  char when[32];
  enum err e =
      registry_result(v->rpc, &v->registry, "finalized", k->model, k->round, &r, why);
  if (e == E_NOT_FOUND)
    return why_set(why, E_UNANCHORED, "round", "%llu is not on the chain, finally, yet",
                   (unsigned long long)k->round);
  TRY(e);
  claim_leaf(&leaf, &k->account, &k->cumulative);
  if (!tree_verify(&r.said.claims, &leaf, k->proof, k->proof_len))
    return why_set(why, E_CHEAT_ANCHOR, "claim",
                   "its proof does not lead to the claims that round %llu anchored",
                   (unsigned long long)k->round);
  TRY(registry_model(v->rpc, &v->registry, "finalized", k->model, &m, why));
  TRY(vault_claimed(v->rpc, &v->roles.vault, "latest", k->model, &k->account, &k->claimed,
                    why));
  k->currency = m.currency;
  if (word_minus(&k->due, &k->cumulative, &k->claimed) != OK)
    k->due = (struct word){0}; /* a later, larger claim was paid already */
  TRY(rpc_block(v->rpc, "latest", &now, why));
  int64_t wait = (int64_t)(r.time + v->roles.delay) - (int64_t)now.timestamp;
  if (!word_zero(&k->due) && wait > 0)
    return why_set(why, E_UNANCHORED, "claim", "can be paid from %s",
                   clock_text(when, (double)wait));
  return OK;
}

/* ---- sending ---- */

/* The balance of an address before and after. */
static enum err send_and_say(struct cli *c, const struct wallet *w,
                             const struct wallet_call *call, const char *what,
                             const struct address *account,
                             const struct address *currency, struct why *why)
{
  static const struct address ether;
  struct chain_view *v = &c->view;
  struct wallet_sent sent;
  struct word before, after;
  char had[160], has[160], fee[160], who[ADDRESS_TEXT], hash[65];
  TRY(wallet_balance(v, currency, account, &before, why));
  say(c, "%s has %s.", address_text(who, account), amount_text(had, &before, currency));
  say(c, "Sending, for at most %s of gas…", amount_text(fee, &call->cost, &ether));
  TRY(wallet_send(&sent, v, w, call, BLOCK_SECONDS, why));
  TRY(wallet_balance(v, currency, account, &after, why));
  say(c, "It is in block %llu; the gas cost %s. %s now has %s.",
      (unsigned long long)sent.block, amount_text(fee, &sent.fee, &ether), who,
      amount_text(has, &after, currency));
  char digits[3][WORD_DIGITS + 1];
  say_json(c, json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:s}", "event", what, "account", who,
                        "before", word_text(digits[0], &before), "after",
                        word_text(digits[1], &after), "transaction",
                        hex_encode(hash, sent.hash.b, 32), "block",
                        (json_int_t)sent.block, "fee", word_text(digits[2], &sent.fee)));
  return OK;
}

static void say_nothing(struct cli *c, const struct address *account, const char *words)
{
  char who[ADDRESS_TEXT];
  say_json(c, json_pack("{s:s,s:s}", "event", "nothing", "account",
                        address_text(who, account)));
  say(c, "%s: %s.", who, words);
}

static enum err claim(struct cli *c, const char *model, struct why *why)
{
  AUTO(wallet_done) struct wallet w = {0};
  AUTO(buf_done) struct buf data = {0};
  struct claim k = {.model = model};
  struct wallet_call call = {.to = c->view.roles.vault};
  char due[160], who[ADDRESS_TEXT], digits[WORD_DIGITS + 1];
  bool found;
  TRY(find_account(c, &k.account, why));
  TRY(fetch(&k, c, c->view.roles.delay, &found, why));
  if (!found) /* perhaps there is one that must wait: check says until when */
    TRY(fetch(&k, c, 0, &found, why));
  if (found)
    TRY(check(&k, &c->view, why));
  if (!found || word_zero(&k.due)) {
    say_nothing(c, &k.account, found ? "all of it was paid already" : "nothing to claim");
    return OK;
  }
  say_json(c, json_pack("{s:s,s:s,s:s,s:I}", "event", "due", "account",
                        address_text(who, &k.account), "amount",
                        word_text(digits, &k.due), "round", (json_int_t)k.round));
  say(c, "%s is due to %s, by round %llu of %s.", amount_text(due, &k.due, &k.currency),
      address_text(who, &k.account), (unsigned long long)k.round, model);
  if (!c->o.key) {
    say(c, "To fetch it: --key KEYSTORE, anybody's; its address pays the gas.");
    return OK;
  }
  TRY(wallet_open(&w, c->o.key, c->o.passphrase_file, why));
  TRY(claim_call(&data, model, k.round, &k.account, &k.cumulative, k.proof, k.proof_len));
  call.data = buf_bytes(&data);
  TRY(wallet_prepare(&call, &c->view, &w, why));
  return send_and_say(c, &w, &call, "claimed", &k.account, &k.currency, why);
}

/* What a push could not deliver is kept for the address, which alone can fetch it. */
static enum err withdraw(struct cli *c, const char *model, struct why *why)
{
  AUTO(wallet_done) struct wallet w = {0};
  AUTO(buf_done) struct buf data = {0};
  struct chain_view *v = &c->view;
  struct wallet_call call = {.to = v->roles.vault};
  struct chain_model m;
  struct word owed;
  char text[160];
  if (!c->o.key)
    return why_set(why, E_USAGE, "--key",
                   "is needed: only the address itself can withdraw what it is owed");
  TRY(wallet_open(&w, c->o.key, c->o.passphrase_file, why));
  TRY(registry_model(v->rpc, &v->registry, "finalized", model, &m, why));
  TRY(wallet_ask(v, &v->roles.vault, "owed(address,address)",
                 ABI_ARGS(ABI_ADDRESS(&m.currency), ABI_ADDRESS(&w.signer.address)),
                 &owed, why));
  if (word_zero(&owed)) {
    say_nothing(c, &w.signer.address, "nothing is owed to it");
    return OK;
  }
  say(c, "%s is owed after a payment that could not be delivered.",
      amount_text(text, &owed, &m.currency));
  TRY(abi_call(&data, "withdraw(address)", ABI_ARGS(ABI_ADDRESS(&m.currency))));
  call.data = buf_bytes(&data);
  TRY(wallet_prepare(&call, v, &w, why));
  return send_and_say(c, &w, &call, "withdrawn", &w.signer.address, &m.currency, why);
}

enum err cmd_claim(struct cli *c, struct why *why)
{
  const char *model = c->o.words[0];
  if (!slug_valid(model))
    return why_set(why, E_USAGE, "MODEL", "is not the name of a model");
  TRY(cli_visitor(c, model, why));
  TRY(cli_chain(c, c->home, why));
  return c->o.withdraw ? withdraw(c, model, why) : claim(c, model, why);
}
