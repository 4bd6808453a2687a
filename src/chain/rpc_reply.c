/* SPDX-License-Identifier: Apache-2.0
 * What nodes answer. */
#include "chain/rpc_reply.h"

#include <sodium.h>
#include <string.h>

#include "util/field.h"
#include "util/text.h"

void rpc_error_done(struct rpc_error *e)
{
  buf_done(&e->data);
}

/* ---- the envelope ---- */

static void read_error(struct rpc_error *out, const json_t *v)
{
  const json_t *message = json_object_get(v, "message");
  out->code = json_integer_value(json_object_get(v, "code"));
  text_clean(out->message, sizeof out->message,
             BYTES(json_string_value(message), json_string_length(message)));
  buf_done(&out->data);
  out->has_data = data_read(&out->data, json_object_get(v, "data")) == OK;
}

enum err reply_read(json_t **result, struct rpc_error *error, struct bytes body,
                    uint64_t id, struct why *why)
{
  json_error_t bad;
  /* nodes put NULs into the text of errors */
  AUTO(json_drop)
  json_t *root = json_loadb((const char *)body.data, body.len,
                            JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &bad);
  if (!root)
    return why_set(why, E_REPLY, "", "the answer is not JSON");
  const char *version = json_string_value(json_object_get(root, "jsonrpc"));
  const json_t *their_id = json_object_get(root, "id");
  const json_t *fault = json_object_get(root, "error");
  json_t *value = json_object_get(root, "result");
  if (!version || strcmp(version, "2.0") != 0)
    return why_set(why, E_REPLY, "jsonrpc", "the answer is not JSON-RPC 2.0");
  if (json_is_null(fault))
    fault = NULL;
  /* an error before the request was understood has no id */
  if (!(json_is_integer(their_id) && (uint64_t)json_integer_value(their_id) == id) &&
      !(fault && json_is_null(their_id)))
    return why_set(why, E_REPLY, "id", "the answer is not to what was asked");
  if (fault && !json_is_object(fault))
    return why_set(why, E_REPLY, "error", "the error is not an object");
  if (fault) {
    read_error(error, fault);
    return E_RPC;
  }
  if (!value)
    return why_set(why, E_REPLY, "result", "the answer has neither result nor error");
  *result = json_incref(value);
  return OK;
}

/* ---- hex ---- */

/* The digits behind 0x, or NULL. */
static const char *hex_digits(const json_t *v, size_t *len)
{
  const char *text = json_string_value(v);
  if (!text || json_string_length(v) < 2 || text[0] != '0' || text[1] != 'x')
    return NULL;
  *len = json_string_length(v) - 2;
  return text + 2;
}

static bool hex_bytes(uint8_t *out, size_t len, const char *digits)
{
  size_t got = 0;
  return len == 0 ||
         (sodium_hex2bin(out, len, digits, 2 * len, NULL, &got, NULL) == 0 && got == len);
}

enum err quantity_read(struct word *out, const json_t *v)
{
  char padded[2 * sizeof out->b];
  struct word w;
  size_t len;
  const char *digits = hex_digits(v, &len);
  if (!digits || len == 0 || len > sizeof padded || (len > 1 && digits[0] == '0'))
    return E_REPLY;
  memset(padded, '0', sizeof padded);
  memcpy(padded + sizeof padded - len, digits, len);
  if (!hex_bytes(w.b, sizeof w.b, padded))
    return E_REPLY;
  *out = w;
  return OK;
}

enum err quantity_u64(uint64_t *out, const json_t *v)
{
  struct word w;
  TRY(quantity_read(&w, v));
  return word_u64(out, &w) == OK ? OK : E_REPLY;
}

enum err data_read(struct buf *out, const json_t *v)
{
  size_t len;
  const char *digits = hex_digits(v, &len);
  if (!digits || len % 2 || buf_reserve(out, len / 2) != OK ||
      !hex_bytes(out->data + out->len, len / 2, digits))
    return E_REPLY;
  out->len += len / 2;
  out->data[out->len] = 0;
  return OK;
}

enum err data_fixed(void *out, size_t len, const json_t *v)
{
  uint8_t b[32];
  size_t have;
  const char *digits = hex_digits(v, &have);
  if (!digits || len > sizeof b || have != 2 * len || !hex_bytes(b, len, digits))
    return E_REPLY;
  memcpy(out, b, len);
  return OK;
}

json_t *json_data(struct bytes data)
{
  char *text = must_calloc(2 * data.len + 3, 1);
  memcpy(text, "0x", 2);
  hex_encode(text + 2, data.data, data.len);
  json_t *v = json_string(text);
  free(text);
  return v;
}

json_t *json_quantity(const struct word *w)
{
  char text[2 + 2 * sizeof w->b + 1];
  hex_encode(text + 2, w->b, sizeof w->b);
  size_t skip = strspn(text + 2, "0");
  char *p = text + MIN(skip, 2 * sizeof w->b - 1);
  memcpy(p, "0x", 2);
  return json_string(p);
}

json_t *json_quantity_u64(uint64_t v)
{
  struct word w = word_of(v);
  return json_quantity(&w);
}

/* ---- what is inside ---- */

enum member_kind { MEMBER_WORD, MEMBER_U64, MEMBER_HASH, MEMBER_ADDRESS };
struct member {
  const char *name;
  enum member_kind kind;
  void *out;
  bool optional; /* absent or null: untouched */
};

static enum err read_member(const struct member *m, const json_t *v)
{
  switch (m->kind) {
  case MEMBER_WORD:
    return quantity_read(m->out, v);
  case MEMBER_U64:
    return quantity_u64(m->out, v);
  case MEMBER_HASH:
    return data_fixed(m->out, sizeof(struct word), v);
  case MEMBER_ADDRESS:
    return data_fixed(m->out, sizeof(struct address), v);
  }
  return E_INTERNAL;
}

static enum err read_members(const json_t *v, const struct member *members, size_t n,
                             struct why *why)
{
  for (size_t i = 0; i < n; i++) {
    const json_t *value = json_object_get(v, members[i].name);
    if (members[i].optional && (!value || json_is_null(value)))
      continue;
    if (read_member(&members[i], value) != OK)
      return why_set(why, E_REPLY, members[i].name,
                     "the node's answer has no usable \"%s\"", members[i].name);
  }
  return OK;
}

enum err block_read(struct rpc_block *out, const json_t *v, struct why *why)
{
  struct rpc_block b = {0};
  const struct member members[] = {{"number", MEMBER_U64, &b.number, false},
                                   {"timestamp", MEMBER_U64, &b.timestamp, false},
                                   {"hash", MEMBER_HASH, &b.hash, false},
                                   {"baseFeePerGas", MEMBER_WORD, &b.base_fee, true}};
  TRY(read_members(v, members, LENGTH(members), why));
  *out = b;
  return OK;
}

enum err receipt_read(struct rpc_receipt *out, const json_t *v,
                      const struct word *tx_hash, struct why *why)
{
  struct rpc_receipt r = {.found = true};
  struct word theirs;
  uint64_t status;
  const struct member members[] = {
      {"transactionHash", MEMBER_HASH, &theirs, false},
      {"status", MEMBER_U64, &status, false},
      {"blockNumber", MEMBER_U64, &r.block, false},
      {"blockHash", MEMBER_HASH, &r.block_hash, false},
      {"gasUsed", MEMBER_U64, &r.gas_used, false},
      {"effectiveGasPrice", MEMBER_WORD, &r.gas_price, false},
      {"contractAddress", MEMBER_ADDRESS, &r.contract, true}};
  if (json_is_null(v)) {
    *out = (struct rpc_receipt){0};
    return OK;
  }
  TRY(read_members(v, members, LENGTH(members), why));
  if (word_compare(&theirs, tx_hash) != 0)
    return why_set(why, E_REPLY, "transactionHash",
                   "the receipt is that of another transaction");
  if (status > 1)
    return why_set(why, E_REPLY, "status", "the status of a receipt is 0 or 1");
  r.success = status == 1;
  *out = r;
  return OK;
}

enum err log_read(struct rpc_log *out, struct buf *data, struct address *from,
                  const json_t *v, struct why *why)
{
  struct rpc_log log = {0};
  const struct member members[] = {{"address", MEMBER_ADDRESS, from, false},
                                   {"blockNumber", MEMBER_U64, &log.block, false},
                                   {"logIndex", MEMBER_U64, &log.index, false},
                                   {"transactionHash", MEMBER_HASH, &log.tx_hash, false}};
  const json_t *topics = json_object_get(v, "topics");
  TRY(read_members(v, members, LENGTH(members), why));
  if (!json_is_array(topics) || json_array_size(topics) > LENGTH(log.topics))
    return why_set(why, E_REPLY, "topics", "a log has up to 4 topics");
  for (; log.topics_len < json_array_size(topics); log.topics_len++)
    if (data_fixed(log.topics[log.topics_len].b, sizeof log.topics[0].b,
                   json_array_get(topics, log.topics_len)) != OK)
      return why_set(why, E_REPLY, "topics", "a topic is 0x and 64 digits");
  data->len = 0;
  if (data_read(data, json_object_get(v, "data")) != OK)
    return why_set(why, E_REPLY, "data", "a log's data is 0x and two digits a byte");
  log.data = buf_bytes(data);
  *out = log;
  return OK;
}
