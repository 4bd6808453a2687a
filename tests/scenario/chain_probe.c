/* SPDX-License-Identifier: Apache-2.0
 * src/chain for test_chain.py: reads one JSON object a line, answers with one.
 *   chain_probe        {"do": "sign", …}: signs transactions
 *   chain_probe URLS   the calls of rpc.h and contracts.h, to those nodes
 * Answers: {"err": "OK", …} or {"err": …, "field": …, "detail": …}. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "chain/contracts.h"
#include "chain/tx.h"
#include "util/field.h"
#include "util/text.h"

static const char *text_of(const json_t *in, const char *name)
{
  const char *text = json_string_value(json_object_get(in, name));
  if (!text) {
    fprintf(stderr, "chain_probe: %s is missing\n", name);
    exit(2);
  }
  return text;
}

static void must(enum err e, const char *what)
{
  if (e == OK)
    return;
  fprintf(stderr, "chain_probe: %s: %s\n", what, err_info(e)->name);
  exit(2);
}

static uint64_t number_of(const json_t *in, const char *name)
{
  struct word w;
  uint64_t v;
  must(word_parse(&w, text_of(in, name), name, NULL), name);
  must(word_u64(&v, &w), name);
  return v;
}

static struct word amount_of(const json_t *in, const char *name)
{
  struct word w;
  must(word_parse(&w, text_of(in, name), name, NULL), name);
  return w;
}

static struct address address_of(const json_t *in, const char *name)
{
  struct address a;
  must(address_parse(&a, text_of(in, name), name, NULL), name);
  return a;
}

static struct word word_in(const json_t *in, const char *name)
{
  struct word w;
  must(hex_decode(w.b, sizeof w.b, text_of(in, name)), name);
  return w;
}

/* Hex without 0x, of any length. */
static struct buf bytes_of(const json_t *in, const char *name)
{
  const char *text = text_of(in, name);
  size_t len = strlen(text) / 2;
  struct buf b = {0};
  must(buf_reserve(&b, len), name);
  must(hex_decode(b.data, len, text), name);
  b.len = len;
  return b;
}

static json_t *hex(const void *data, size_t len)
{
  AUTO(free_drop) char *text = must_calloc(2 * len + 1, 1);
  return json_string(hex_encode(text, data, len));
}

static json_t *amount(const struct word *w)
{
  char text[WORD_DIGITS + 1];
  return json_string(word_text(text, w));
}

static json_t *number(uint64_t v)
{
  struct word w = word_of(v);
  return amount(&w);
}

static json_t *address(const struct address *a)
{
  char text[ADDRESS_TEXT];
  return json_string(address_text(text, a));
}

#define HEX(x) hex((x).b, sizeof(x).b)

/* ---- one function a command: fills in `out` on OK ---- */

static enum err do_sign(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  struct secret_key key;
  struct signer signer;
  struct word hash;
  AUTO(buf_done) struct buf data = bytes_of(in, "data"), raw = {0};
  struct tx tx = {.chain_id = number_of(in, "chain"),
                  .nonce = number_of(in, "nonce"),
                  .gas = number_of(in, "gas"),
                  .max_fee = amount_of(in, "fee"),
                  .max_tip = amount_of(in, "tip"),
                  .value = amount_of(in, "value"),
                  .create = !json_object_get(in, "to"),
                  .data = buf_bytes(&data)};
  if (!tx.create)
    tx.to = address_of(in, "to");
  must(hex_decode(key.b, sizeof key.b, text_of(in, "key")), "key");
  must(signer_local(&signer, &key), "key");
  TRY(tx_sign(&raw, &hash, &tx, &signer, why));
  json_object_set_new(out, "raw", hex(raw.data, raw.len));
  json_object_set_new(out, "hash", HEX(hash));
  json_object_set_new(out, "from", address(&signer.address));
  return OK;
}

static enum err do_check(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  struct word genesis = {{0}};
  if (json_object_get(in, "genesis"))
    genesis = word_in(in, "genesis");
  TRY(rpc_check(rpc, number_of(in, "chain"), &genesis, why));
  json_object_set_new(out, "genesis", HEX(genesis));
  return OK;
}

static enum err do_raw(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  AUTO(buf_done) struct buf revert = {0};
  json_t *result = NULL;
  json_t *params = json_deep_copy(json_object_get(in, "params"));
  enum err e = rpc_call(rpc, (unsigned)number_of(in, "endpoint"), text_of(in, "method"),
                        params, &result, &revert, why);
  json_object_set_new(out, "revert", hex(revert.data, revert.len));
  TRY(e);
  json_object_set_new(out, "result", result);
  return OK;
}

static enum err do_url(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  json_object_set_new(out, "url", json_string(rpc_url(rpc, 0)));
  json_object_set_new(out, "count", json_integer(rpc_count(rpc)));
  return OK;
}

static enum err do_block(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  struct rpc_block b;
  if (json_object_get(in, "tag"))
    TRY(rpc_block(rpc, text_of(in, "tag"), &b, why));
  else
    TRY(rpc_block_number(rpc, number_of(in, "number"), &b, why));
  json_object_set_new(out, "number", number(b.number));
  json_object_set_new(out, "timestamp", number(b.timestamp));
  json_object_set_new(out, "hash", HEX(b.hash));
  json_object_set_new(out, "base", amount(&b.base_fee));
  return OK;
}

static enum err do_call(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  AUTO(buf_done) struct buf data = bytes_of(in, "data"), got = {0};
  const struct address to = address_of(in, "to");
  TRY(rpc_eth_call(rpc, &to, buf_bytes(&data), "latest", &got, why));
  json_object_set_new(out, "data", hex(got.data, got.len));
  return OK;
}

static enum err do_estimate(struct rpc *rpc, const json_t *in, json_t *out,
                            struct why *why)
{
  AUTO(buf_done) struct buf data = bytes_of(in, "data");
  const struct address from = address_of(in, "from");
  const struct word value = amount_of(in, "value");
  bool create = !json_object_get(in, "to");
  struct address to = {{0}};
  uint64_t gas;
  if (!create)
    to = address_of(in, "to");
  TRY(rpc_estimate(rpc, &from, create ? NULL : &to, &value, buf_bytes(&data), &gas, why));
  json_object_set_new(out, "gas", number(gas));
  return OK;
}

static enum err do_account(struct rpc *rpc, const json_t *in, json_t *out,
                           struct why *why)
{
  const struct address a = address_of(in, "address");
  const char *tag = text_of(in, "tag");
  struct word balance;
  uint64_t nonce;
  size_t len;
  TRY(rpc_nonce(rpc, &a, tag, &nonce, why));
  TRY(rpc_balance(rpc, &a, tag, &balance, why));
  TRY(rpc_code(rpc, &a, tag, &len, why));
  json_object_set_new(out, "nonce", number(nonce));
  json_object_set_new(out, "balance", amount(&balance));
  json_object_set_new(out, "code", number(len));
  return OK;
}

static enum err do_fees(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  struct word tip, base;
  TRY(rpc_fees(rpc, &tip, &base, why));
  json_object_set_new(out, "tip", amount(&tip));
  json_object_set_new(out, "base", amount(&base));
  return OK;
}

static enum err do_send(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  AUTO(buf_done) struct buf raw = bytes_of(in, "raw");
  return rpc_send_raw(rpc, buf_bytes(&raw), why);
}

static enum err do_receipt(struct rpc *rpc, const json_t *in, json_t *out,
                           struct why *why)
{
  const struct word hash = word_in(in, "hash");
  struct rpc_receipt r;
  TRY(rpc_receipt(rpc, &hash, &r, why));
  json_object_set_new(out, "found", json_boolean(r.found));
  json_object_set_new(out, "success", json_boolean(r.success));
  json_object_set_new(out, "block", number(r.block));
  json_object_set_new(out, "gas", number(r.gas_used));
  json_object_set_new(out, "price", amount(&r.gas_price));
  json_object_set_new(out, "contract", address(&r.contract));
  return OK;
}

static enum err each_log(void *arg, const struct rpc_log *log)
{
  json_t *topics = json_array();
  for (unsigned i = 0; i < log->topics_len; i++)
    json_array_append_new(topics, HEX(log->topics[i]));
  json_array_append_new(arg, json_pack("{s:o, s:o, s:o}", "topics", topics, "data",
                                       hex(log->data.data, log->data.len), "block",
                                       number(log->block)));
  return OK;
}

static enum err do_logs(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  const struct address from = address_of(in, "address");
  const struct word topic = word_in(in, "topic");
  json_t *list = json_array();
  json_object_set_new(out, "logs", list);
  return rpc_logs(rpc, &from, &topic, number_of(in, "first"), number_of(in, "last"),
                  each_log, list, why);
}

static enum err do_roles(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  const struct address registry = address_of(in, "registry");
  struct chain_roles r;
  TRY(registry_roles(rpc, &registry, "latest", &r, why));
  json_object_set_new(out, "owner", address(&r.owner));
  json_object_set_new(out, "relayer", address(&r.relayer));
  json_object_set_new(out, "attestor", address(&r.attestor));
  json_object_set_new(out, "guardian", address(&r.guardian));
  json_object_set_new(out, "vault", address(&r.vault));
  json_object_set_new(out, "voice", address(&r.voice));
  json_object_set_new(out, "governor", address(&r.governor));
  json_object_set_new(out, "delay", number(r.delay));
  json_object_set_new(out, "paused", json_boolean(r.paused));
  return OK;
}

static enum err do_model(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  const struct address registry = address_of(in, "registry");
  struct chain_model m;
  TRY(registry_model(rpc, &registry, "latest", text_of(in, "model"), &m, why));
  json_object_set_new(out, "spec", HEX(m.spec));
  json_object_set_new(out, "currency", address(&m.currency));
  json_object_set_new(out, "minimum", number(m.policy.minimum));
  json_object_set_new(out, "maximumRounds", number(m.policy.maximum_rounds));
  json_object_set_new(out, "privacyBudget", number(m.policy.privacy_budget));
  json_object_set_new(out, "rewardCap", amount(&m.policy.reward_cap));
  json_object_set_new(out, "results", number(m.results));
  json_object_set_new(out, "lastRound", number(m.last_round));
  json_object_set_new(out, "privacySpent", number(m.privacy_spent));
  json_object_set_new(out, "budgeted", amount(&m.budgeted));
  return OK;
}

static enum err do_anchor(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  const struct address registry = address_of(in, "registry");
  bool roster = strcmp(text_of(in, "which"), "roster") == 0;
  struct anchor a = {0};
  TRY((roster ? registry_roster : registry_survivors)(
      rpc, &registry, "latest", text_of(in, "model"), number_of(in, "round"),
      number_of(in, "attempt"), &a, why));
  json_object_set_new(out, "hash", HEX(a.hash));
  json_object_set_new(out, "count", number(a.count));
  json_object_set_new(out, "block", number(a.block));
  json_object_set_new(out, "budget", amount(&a.budget));
  return OK;
}

static enum err do_result(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  const struct address registry = address_of(in, "registry");
  struct result_anchor a;
  TRY(registry_result(rpc, &registry, "latest", text_of(in, "model"),
                      number_of(in, "round"), &a, why));
  json_object_set_new(out, "hash", HEX(a.said.hash));
  json_object_set_new(out, "attempt", number(a.said.attempt));
  json_object_set_new(out, "reward", amount(&a.said.reward));
  json_object_set_new(out, "payouts", HEX(a.said.payouts));
  json_object_set_new(out, "claims", HEX(a.said.claims));
  json_object_set_new(out, "logSize", number(a.said.log_size));
  json_object_set_new(out, "logRoot", HEX(a.said.log_root));
  json_object_set_new(out, "block", number(a.block));
  json_object_set_new(out, "time", number(a.time));
  json_object_set_new(out, "revoked", json_boolean(a.revoked));
  return OK;
}

static enum err do_vault(struct rpc *rpc, const json_t *in, json_t *out, struct why *why)
{
  const struct address vault = address_of(in, "vault");
  const struct address account = address_of(in, "account");
  struct word funds, spent, claimed;
  TRY(vault_funds(rpc, &vault, "latest", text_of(in, "model"), &funds, &spent, why));
  TRY(vault_claimed(rpc, &vault, "latest", text_of(in, "model"), &account, &claimed,
                    why));
  json_object_set_new(out, "funds", amount(&funds));
  json_object_set_new(out, "spent", amount(&spent));
  json_object_set_new(out, "claimed", amount(&claimed));
  return OK;
}

/* ---- the loop ---- */

static const struct {
  const char *name;
  enum err (*run)(struct rpc *rpc, const json_t *in, json_t *out, struct why *why);
} commands[] = {{"sign", do_sign},         {"check", do_check},     {"raw", do_raw},
                {"url", do_url},           {"block", do_block},     {"call", do_call},
                {"estimate", do_estimate}, {"account", do_account}, {"fees", do_fees},
                {"send", do_send},         {"receipt", do_receipt}, {"logs", do_logs},
                {"roles", do_roles},       {"model", do_model},     {"anchor", do_anchor},
                {"result", do_result},     {"vault", do_vault}};

static void answer(const json_t *in, struct rpc *rpc)
{
  AUTO(json_drop) json_t *out = json_object();
  const char *name = text_of(in, "do");
  struct why why = {0};
  size_t i = 0;
  while (i < LENGTH(commands) && strcmp(commands[i].name, name) != 0)
    i++;
  if (i == LENGTH(commands)) {
    must(E_USAGE, name);
    return;
  }
  enum err e = commands[i].run(rpc, in, out, &why);
  json_object_set_new(out, "err", json_string(err_info(e)->name));
  if (e != OK) {
    json_object_set_new(out, "field", json_string(why.field));
    json_object_set_new(out, "detail", json_string(why.detail));
  }
  AUTO(free_drop) char *text = json_dumps(out, JSON_COMPACT);
  must(text ? OK : E_INTERNAL, "the answer cannot be written as JSON");
  printf("%s\n", text);
  fflush(stdout);
}

int main(int argc, char **argv)
{
  AUTO(rpc_drop) struct rpc *rpc = NULL;
  AUTO(free_drop) char *line = NULL;
  struct why why = {0};
  size_t room = 0;
  if (sodium_init() < 0)
    return 2;
  enum err e = argc > 1 ? rpc_new(&rpc, argv[1], &why) : OK;
  if (e != OK) {
    printf("{\"err\": \"%s\", \"detail\": \"%s\"}\n", err_info(e)->name, why.detail);
    return 1;
  }
  while (getline(&line, &room, stdin) > 0) {
    AUTO(json_drop) json_t *in = NULL;
    must(json_parse(&in, BYTES(line, strlen(line)), BUF_MAX, &why), "a line");
    answer(in, rpc);
  }
  return 0;
}
