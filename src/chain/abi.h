/* SPDX-License-Identifier: Apache-2.0
 * Solidity's ABI encoding (contract ABI specification), as much of it as our calls need:
 * static words, bytes, and arrays of words. */
#ifndef CHAIN_ABI_H
#define CHAIN_ABI_H

#include "chain/eth.h"

enum abi_kind { ABI_KIND_WORD, ABI_KIND_BYTES, ABI_KIND_WORDS };
struct abi_arg {
  enum abi_kind kind;
  struct word word;
  struct bytes bytes;       /* borrowed */
  const struct word *words; /* borrowed */
  size_t len;
};
#define ABI_WORD(w) ((struct abi_arg){.kind = ABI_KIND_WORD, .word = (w)})
#define ABI_UINT(v) ABI_WORD(word_of(v))
#define ABI_ADDRESS(p) ABI_WORD(word_of_address(p))
#define ABI_FIXED(p) ABI_WORD(word_of_bytes((p), sizeof *(p)))
#define ABI_BYTES(data, n)                                                               \
  ((struct abi_arg){.kind = ABI_KIND_BYTES, .bytes = BYTES(data, n)})
#define ABI_WORDS(p, n)                                                                  \
  ((struct abi_arg){.kind = ABI_KIND_WORDS, .words = (p), .len = (n)})
#define ABI_ARGS(...)                                                                    \
  (unsigned)LENGTH(((struct abi_arg[]){__VA_ARGS__})), (const struct abi_arg[])          \
  {                                                                                      \
    __VA_ARGS__                                                                          \
  }

/* Appends abi.encode(args). */
enum err abi_encode(struct buf *out, unsigned n, const struct abi_arg *args) MUST_USE;
/* Appends the selector of `signature` ("claim(bytes32,address)") and the arguments. */
enum err abi_call(struct buf *out, const char *signature, unsigned n,
                  const struct abi_arg *args) MUST_USE;

/* Word `index` of returned data that must be exactly `words` words long. E_REPLY: a call
 * to an address without code returns nothing, successfully. */
enum err abi_word(struct word *out, struct bytes data, unsigned words,
                  unsigned index) MUST_USE;

/* What a revert says, in words: Error(string), Panic(uint256), or one of our custom
 * errors by its name ("BelowMinimum(4, 5)"); "no reason" when there is no data. out: room
 * >= 160. */
void abi_revert_text(char *out, size_t room, struct bytes data);

#endif
