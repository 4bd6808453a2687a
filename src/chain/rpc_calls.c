/* SPDX-License-Identifier: Apache-2.0
 * The typed calls: parameters out, checked shapes back. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "chain/abi.h"
#include "chain/rpc_internal.h"
#include "util/field.h"

#define CALL_GAS 10000000u
#define TIP_DEFAULT 1000000000u /* 1 gwei */

static json_t *json_address(const struct address *a)
{
  return json_data(BYTES_OF(a->b));
}

/* rpc_ask with the node's error in words. */
static enum err ask(struct rpc *rpc, const char *method, json_t *params, json_t **result,
                    struct why *why)
{
  AUTO(rpc_error_done) struct rpc_error error = {0};
  enum err e = rpc_ask(rpc, method, params, result, &error, why);
  return e == E_RPC ? rpc_said(method, &error, why) : e;
}

static enum err misshapen(const char *method, struct why *why)
{
  return why_set(why, E_REPLY, "result", "the node's answer to %s has not the right form",
                 method);
}

static enum err ask_word(struct rpc *rpc, const char *method, json_t *params,
                         struct word *out, struct why *why)
{
  AUTO(json_drop) json_t *v = NULL;
  TRY(ask(rpc, method, params, &v, why));
  return quantity_read(out, v) == OK ? OK : misshapen(method, why);
}

static enum err ask_u64(struct rpc *rpc, const char *method, json_t *params,
                        uint64_t *out, struct why *why)
{
  struct word w;
  TRY(ask_word(rpc, method, params, &w, why));
  return word_u64(out, &w) == OK ? OK : misshapen(method, why);
}

/* ---- blocks ---- */

enum err rpc_block(struct rpc *rpc, const char *tag, struct rpc_block *out,
                   struct why *why)
{
  AUTO(json_drop) json_t *v = NULL;
  TRY(ask(rpc, "eth_getBlockByNumber", json_pack("[s, b]", tag, 0), &v, why));
  if (json_is_null(v))
    return why_set(why, E_NOT_FOUND, "", "the node has no block %s", tag);
  return block_read(out, v, why);
}

enum err rpc_block_number(struct rpc *rpc, uint64_t number, struct rpc_block *out,
                          struct why *why)
{
  struct rpc_block b;
  char tag[19];
  snprintf(tag, sizeof tag, "0x%llx", (unsigned long long)number);
  TRY(rpc_block(rpc, tag, &b, why));
  if (b.number != number)
    return why_set(why, E_REPLY, "number", "the node answered with block %llu for %llu",
                   (unsigned long long)b.number, (unsigned long long)number);
  *out = b;
  return OK;
}

/* ---- calls of contracts ---- */

/* The words of a refusal decide what people read, and whether something is tried at all;
 * never what became of a payment. */
static enum err refused(const char *method, const struct rpc_error *error,
                        struct why *why)
{
  char text[320]; /* three 256-bit numbers */
  if (!error->has_data && !strcasestr(error->message, "execution reverted"))
    return rpc_said(method, error, why);
  if (error->has_data)
    abi_revert_text(text, sizeof text, buf_bytes(&error->data));
  else
    snprintf(text, sizeof text, "%s", error->message);
  return why_set(why, E_REVERTED, "", "%s", text);
}

enum err rpc_eth_call(struct rpc *rpc, const struct address *to, struct bytes data,
                      const char *tag, struct buf *out, struct why *why)
{
  static const char method[] = "eth_call";
  AUTO(rpc_error_done) struct rpc_error error = {0};
  AUTO(json_drop) json_t *v = NULL;
  json_t *params = json_pack("[{s:o, s:o, s:o}, s]", "to", json_address(to), "data",
                             json_data(data), "gas", json_quantity_u64(CALL_GAS), tag);
  enum err e = rpc_ask(rpc, method, params, &v, &error, why);
  if (e == E_RPC)
    return refused(method, &error, why);
  TRY(e);
  return data_read(out, v) == OK ? OK : misshapen(method, why);
}

enum err rpc_estimate(struct rpc *rpc, const struct address *from,
                      const struct address *to, const struct word *value,
                      struct bytes data, uint64_t *gas, struct why *why)
{
  static const char method[] = "eth_estimateGas";
  AUTO(rpc_error_done) struct rpc_error error = {0};
  AUTO(json_drop) json_t *v = NULL;
  json_t *params = json_pack("[{s:o, s:o*, s:o, s:o}]", "from", json_address(from), "to",
                             to ? json_address(to) : NULL, "value", json_quantity(value),
                             "data", json_data(data));
  enum err e = rpc_ask(rpc, method, params, &v, &error, why);
  if (e == E_RPC)
    return refused(method, &error, why);
  TRY(e);
  return quantity_u64(gas, v) == OK ? OK : misshapen(method, why);
}

/* ---- accounts ---- */

static json_t *account_at(const struct address *a, const char *tag)
{
  return json_pack("[o, s]", json_address(a), tag);
}

enum err rpc_nonce(struct rpc *rpc, const struct address *a, const char *tag,
                   uint64_t *out, struct why *why)
{
  return ask_u64(rpc, "eth_getTransactionCount", account_at(a, tag), out, why);
}

enum err rpc_balance(struct rpc *rpc, const struct address *a, const char *tag,
                     struct word *out, struct why *why)
{
  return ask_word(rpc, "eth_getBalance", account_at(a, tag), out, why);
}

enum err rpc_code(struct rpc *rpc, const struct address *a, const char *tag, size_t *len,
                  struct why *why)
{
  AUTO(buf_done) struct buf code = {0};
  AUTO(json_drop) json_t *v = NULL;
  TRY(ask(rpc, "eth_getCode", account_at(a, tag), &v, why));
  if (data_read(&code, v) != OK)
    return misshapen("eth_getCode", why);
  *len = code.len;
  return OK;
}

/* ---- transactions ---- */

enum err rpc_fees(struct rpc *rpc, struct word *tip, struct word *base, struct why *why)
{
  struct rpc_block newest;
  struct word asked;
  TRY(rpc_block(rpc, "latest", &newest, why));
  enum err e = ask_word(rpc, "eth_maxPriorityFeePerGas", json_array(), &asked, why);
  if (e != OK && e != E_RPC)
    return e;
  if (e == E_RPC || word_zero(&asked)) /* not every node knows that method */
    asked = word_of(TIP_DEFAULT);
  *tip = asked;
  *base = newest.base_fee;
  return OK;
}

/* How the nodes say that they have these bytes already. */
static bool is_known(const struct rpc_error *error)
{
  return strcasestr(error->message, "already known") ||
         strcasestr(error->message, "already imported") ||
         strcasestr(error->message, "known transaction");
}

static enum err send_one(struct rpc *rpc, unsigned i, json_t *params,
                         const struct word *hash, struct why *why)
{
  static const char method[] = "eth_sendRawTransaction";
  AUTO(rpc_error_done) struct rpc_error error = {0};
  AUTO(json_drop) json_t *v = NULL;
  struct word theirs;
  enum err e = rpc_call_one(rpc, i, method, params, &v, &error, why);
  if (e == E_RPC)
    return is_known(&error) ? OK : rpc_said(method, &error, why);
  TRY(e);
  if (data_fixed(theirs.b, sizeof theirs.b, v) != OK || word_compare(&theirs, hash) != 0)
    return misshapen(method, why);
  return OK;
}

enum err rpc_send_raw(struct rpc *rpc, struct bytes raw, struct why *why)
{
  AUTO(json_drop) json_t *params = json_pack("[o]", json_data(raw));
  struct word hash;
  enum err e = why_set(why, E_NETWORK, "",
                       "none of the %u Ethereum nodes has passed the last check", rpc->n);
  keccak256(&hash, raw);
  for (unsigned i = 0; i < rpc->n; i++) {
    if (!rpc->endpoints[i].passed)
      continue;
    enum err one = send_one(rpc, i, params, &hash, e == OK ? NULL : why);
    e = e == OK ? OK : one;
  }
  return e;
}

enum err rpc_receipt(struct rpc *rpc, const struct word *tx_hash, struct rpc_receipt *out,
                     struct why *why)
{
  AUTO(json_drop) json_t *v = NULL;
  TRY(ask(rpc, "eth_getTransactionReceipt",
          json_pack("[o]", json_data(BYTES_OF(tx_hash->b))), &v, why));
  return receipt_read(out, v, tx_hash, why);
}

/* ---- logs ---- */

enum err rpc_logs(struct rpc *rpc, const struct address *from, const struct word *topic,
                  uint64_t first, uint64_t last,
                  enum err (*each)(void *arg, const struct rpc_log *log), void *arg,
                  struct why *why)
{
  static const char method[] = "eth_getLogs";
  AUTO(json_drop) json_t *v = NULL;
  AUTO(buf_done) struct buf data = {0};
  json_t *filter =
      json_pack("[{s:o, s:[o], s:o, s:o}]", "address", json_address(from), "topics",
                json_data(BYTES_OF(topic->b)), "fromBlock", json_quantity_u64(first),
                "toBlock", json_quantity_u64(last));
  TRY(ask(rpc, method, filter, &v, why));
  if (!json_is_array(v))
    return misshapen(method, why);
  for (size_t i = 0; i < json_array_size(v); i++) {
    const json_t *entry = json_array_get(v, i);
    struct address theirs;
    struct rpc_log log;
    TRY(log_read(&log, &data, &theirs, entry, why));
    if (memcmp(theirs.b, from->b, sizeof theirs.b) != 0 || log.topics_len == 0 ||
        word_compare(&log.topics[0], topic) != 0 || log.block < first ||
        log.block > last || json_is_true(json_object_get(entry, "removed")))
      return why_set(why, E_REPLY, "result",
                     "the node sent logs that were not asked for");
    TRY(each(arg, &log));
  }
  return OK;
}
