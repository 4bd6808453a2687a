/* SPDX-License-Identifier: Apache-2.0
 * Solidity's ABI: a head of one word for each argument, where those of no fixed length
 * have the place of their content behind all heads. */
#include "chain/abi.h"

#include <string.h>

static enum err put_word(struct buf *out, uint64_t v)
{
  struct word w = word_of(v);
  return buf_put(out, w.b, sizeof w.b);
}

static size_t content_len(const struct abi_arg *arg)
{
  switch (arg->kind) {
  case ABI_KIND_BYTES:
    return 32 + (arg->bytes.len + 31) / 32 * 32;
  case ABI_KIND_WORDS:
    return 32 + arg->len * sizeof *arg->words;
  case ABI_KIND_WORD:
    break;
  }
  return 0;
}

static enum err put_content(struct buf *out, const struct abi_arg *arg)
{
  static const uint8_t zeros[32];
  switch (arg->kind) {
  case ABI_KIND_BYTES:
    TRY(put_word(out, arg->bytes.len));
    TRY(buf_put(out, arg->bytes.data, arg->bytes.len));
    return buf_put(out, zeros, (32 - arg->bytes.len % 32) % 32);
  case ABI_KIND_WORDS:
    TRY(put_word(out, arg->len));
    return buf_put(out, arg->words, arg->len * sizeof *arg->words);
  case ABI_KIND_WORD:
    break;
  }
  return OK;
}

enum err abi_encode(struct buf *out, unsigned n, const struct abi_arg *args)
{
  size_t place = (size_t)n * 32, start = out->len;
  enum err e = OK;
  for (unsigned i = 0; i < n && e == OK; i++) {
    if (args[i].kind == ABI_KIND_WORD)
      e = buf_put(out, args[i].word.b, sizeof args[i].word.b);
    else
      e = put_word(out, place);
    place += content_len(&args[i]);
  }
  for (unsigned i = 0; i < n && e == OK; i++)
    e = put_content(out, &args[i]);
  if (e != OK)
    out->len = start;
  return e;
}

enum err abi_call(struct buf *out, const char *signature, unsigned n,
                  const struct abi_arg *args)
{
  struct word selector;
  keccak256_text(&selector, signature);
  TRY(buf_put(out, selector.b, 4));
  enum err e = abi_encode(out, n, args);
  if (e != OK)
    out->len -= 4;
  return e;
}

enum err abi_word(struct word *out, struct bytes data, unsigned words, unsigned index)
{
  if (data.len != words * sizeof *out || index >= words)
    return E_REPLY;
  memcpy(out->b, data.data + index * sizeof *out, sizeof *out);
  return OK;
}
