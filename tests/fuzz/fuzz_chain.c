/* SPDX-License-Identifier: Apache-2.0
 * What src/chain reads from elsewhere: nodes' answers, keystores, addresses, amounts.
 * What is taken is written again and must be the same. The first byte says what the rest
 * is. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "chain/abi.h"
#include "chain/keystore.h"
#include "chain/rpc_reply.h"
#include "util/field.h"
#include "util/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is)
{
  if (!is)
    abort();
}

/* What goes into messages: no control characters, whole UTF-8. */
static void must_be_clean(const char *text)
{
  for (const uint8_t *p = (const uint8_t *)text; *p;) {
    size_t n = utf8_sequence(p, strlen((const char *)p));
    must(n > 0 && *p >= 0x20 && *p != 0x7f);
    p += n;
  }
}

static void try_revert(struct bytes data)
{
  char text[200];
  abi_revert_text(text, sizeof text, data);
  must_be_clean(text);
}

static void same_text(const json_t *v, json_t *again)
{
  const char *text = json_string_value(v), *back = json_string_value(again);
  must(strcasecmp(text, back) == 0);
  json_decref(again);
}

/* Everything that a result may have to be. */
static void try_result(const json_t *v)
{
  AUTO(buf_done) struct buf data = {0};
  struct why why;
  struct word w;
  struct rpc_block block;
  struct rpc_receipt receipt;
  struct rpc_log log;
  struct address from;
  if (quantity_read(&w, v) == OK)
    same_text(v, json_quantity(&w));
  if (data_read(&data, v) == OK)
    same_text(v, json_data(buf_bytes(&data)));
  (void)!block_read(&block, v, &why);
  if (data_fixed(w.b, sizeof w.b, json_object_get(v, "transactionHash")) == OK &&
      receipt_read(&receipt, v, &w, &why) == OK)
    must(receipt.found);
  const json_t *one = json_is_array(v) ? json_array_get(v, 0) : v;
  if (log_read(&log, &data, &from, one, &why) == OK)
    must(log.topics_len <= 4);
}

static void try_reply(struct bytes body)
{
  AUTO(json_drop) json_t *result = NULL;
  AUTO(rpc_error_done) struct rpc_error error = {0};
  struct why why;
  enum err e = reply_read(&result, &error, body, 1, &why);
  must((e == OK) == (result != NULL));
  if (e == OK)
    try_result(result);
  if (e != E_RPC)
    return;
  must_be_clean(error.message);
  if (error.has_data)
    try_revert(buf_bytes(&error.data));
}

static void try_keystore(struct bytes json)
{
  struct keystore k;
  struct why why = {0};
  if (keystore_parse(&k, json, &why) != OK) {
    must(*why.detail);
    return;
  }
  must(k.salt_len >= 1 && k.salt_len <= sizeof k.salt);
  must(k.scrypt ? 128 * k.r * k.n <= (uint64_t)1 << 30 : k.rounds > 0);
}

static void try_address(const char *text)
{
  struct address a, b;
  char back[ADDRESS_TEXT];
  if (address_parse(&a, text, "", NULL) != OK)
    return;
  must(strcasecmp(address_text(back, &a), text) == 0);
  must(address_parse(&b, back, "", NULL) == OK && memcmp(&a, &b, sizeof a) == 0);
}

static void try_word(const char *text)
{
  struct word w;
  char back[WORD_DIGITS + 1];
  if (word_parse(&w, text, "", NULL) == OK)
    must(strcmp(word_text(back, &w), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  AUTO(buf_done) struct buf text = {0};
  if (size == 0 || sodium_init() < 0 || buf_put(&text, data + 1, size - 1) != OK)
    return 0;
  const struct bytes rest = BYTES(data + 1, size - 1);
  switch (data[0]) {
  case 'r':
    try_reply(rest);
    break;
  case 'k':
    try_keystore(rest);
    break;
  case 'a':
    try_address(buf_text(&text));
    break;
  case 'w':
    try_word(buf_text(&text));
    break;
  case 'x':
    try_revert(rest);
    break;
  default:
    break;
  }
  return 0;
}
