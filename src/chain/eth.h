/* SPDX-License-Identifier: Apache-2.0
 * Ethereum's small things: addresses, 256-bit words, Keccak-256. Words are big-endian, as
 * the EVM sees them; amounts are wei or a token's smallest unit, decimal text outside. */
#ifndef CHAIN_ETH_H
#define CHAIN_ETH_H

#include "core/types.h"

struct address {
  uint8_t b[20];
};
struct word {
  uint8_t b[32];
};

/* "0x" and 40 hex digits and the NUL. */
#define ADDRESS_TEXT 43u
/* 2^256-1 has 78 digits. */
#define WORD_DIGITS 78u

/* Keccak-256 with Ethereum's padding (not SHA3-256). */
void keccak256(struct word *out, struct bytes in);
void keccak256_text(struct word *out, const char *text);

/* Reads 0x and 40 digits of one case, or mixed case with a right EIP-55 checksum.
 * E_FIELD_VALUE, saying which. */
enum err address_parse(struct address *out, const char *text, const char *field,
                       struct why *why) MUST_USE;
/* Writes it with the EIP-55 checksum; returns out. */
char *address_text(char out[ADDRESS_TEXT], const struct address *a);
bool address_zero(const struct address *a);
/* Where a transaction of `from` with this nonce puts a contract: Keccak of the RLP list.
 */
void address_of_create(struct address *out, const struct address *from, uint64_t nonce);

struct word word_of(uint64_t v);
struct word word_of_address(const struct address *a);
/* Left-aligned, as bytesN: at most 32 bytes. */
struct word word_of_bytes(const void *data, size_t len);
/* Whole decimal text without leading zeros, below 2^256. E_FIELD_VALUE. */
enum err word_parse(struct word *out, const char *text, const char *field,
                    struct why *why) MUST_USE;
char *word_text(char out[WORD_DIGITS + 1], const struct word *w);
/* E_FIELD_VALUE when it does not fit. */
enum err word_u64(uint64_t *out, const struct word *w) MUST_USE;
enum err word_address(struct address *out, const struct word *w) MUST_USE;
/* E_OVERFLOW leaves *sum as it was. */
enum err word_add(struct word *sum, const struct word *more) MUST_USE;
int word_compare(const struct word *a, const struct word *b);
bool word_zero(const struct word *w);

#endif
