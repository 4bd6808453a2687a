/* SPDX-License-Identifier: Apache-2.0
 * Addresses and 256-bit words. */
#include "chain/eth.h"

#include <sodium.h>
#include <string.h>

#include "chain/tx.h"
#include "util/text.h"

char *address_text(char out[ADDRESS_TEXT], const struct address *a)
{
  struct word hash;
  char *digits = out + 2;
  memcpy(out, "0x", 2);
  hex_encode(digits, a->b, sizeof a->b);
  keccak256_text(&hash, digits);
  for (unsigned i = 0; i < 40; i++) {
    unsigned nibble = i % 2 ? hash.b[i / 2] & 15 : hash.b[i / 2] >> 4;
    if (nibble >= 8 && digits[i] >= 'a')
      digits[i] = (char)(digits[i] - 'a' + 'A');
  }
  return out;
}

enum err address_parse(struct address *out, const char *text, const char *field,
                       struct why *why)
{
  static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
  const char *digits = strncmp(text, "0x", 2) == 0 ? text + 2 : "";
  struct address a;
  char right[ADDRESS_TEXT];
  if (strlen(digits) != 40 ||
      sodium_hex2bin(a.b, sizeof a.b, digits, 40, NULL, NULL, NULL) != 0)
    return why_set(why, E_FIELD_VALUE, field,
                   "must be an address: 0x and 40 hexadecimal digits");
  bool one_case = strspn(digits, lower) == 40 || strspn(digits, upper) == 40;
  if (!one_case && strcmp(address_text(right, &a), text) != 0)
    return why_set(why, E_FIELD_VALUE, field,
                   "the capitals of this address are its checksum (EIP-55), and do not "
                   "fit: a digit is wrong; copy it again");
  *out = a;
  return OK;
}

bool address_zero(const struct address *a)
{
  return sodium_is_zero(a->b, sizeof a->b);
}

void address_of_create(struct address *out, const struct address *from, uint64_t nonce)
{
  AUTO(buf_done) struct buf list = {0};
  struct word n = word_of(nonce), hash;
  if (rlp_bytes(&list, BYTES_OF(from->b)) != OK || rlp_number(&list, &n) != OK ||
      rlp_list(&list, 0) != OK)
    abort(); /* some 30 bytes */
  keccak256(&hash, buf_bytes(&list));
  memcpy(out->b, hash.b + 12, sizeof out->b);
}

struct word word_of(uint64_t v)
{
  struct word w = {{0}};
  for (unsigned i = 0; i < 8; i++)
    w.b[31 - i] = (uint8_t)(v >> 8 * i);
  return w;
}

struct word word_of_address(const struct address *a)
{
  struct word w = {{0}};
  memcpy(w.b + 12, a->b, sizeof a->b);
  return w;
}

struct word word_of_bytes(const void *data, size_t len)
{
  struct word w = {{0}};
  if (len)
    memcpy(w.b, data, MIN(len, sizeof w.b));
  return w;
}

/* *w = *w * 10 + digit, unless that does not fit. */
static bool push_digit(struct word *w, unsigned digit)
{
  for (int i = 31; i >= 0; i--) {
    unsigned v = w->b[i] * 10u + digit;
    w->b[i] = (uint8_t)v;
    digit = v >> 8;
  }
  return digit == 0;
}

/* *w = *w / 10; returns the rest. */
static unsigned pop_digit(struct word *w)
{
  unsigned rest = 0;
  for (int i = 0; i < 32; i++) {
    unsigned v = rest << 8 | w->b[i];
    w->b[i] = (uint8_t)(v / 10);
    rest = v % 10;
  }
  return rest;
}

enum err word_parse(struct word *out, const char *text, const char *field,
                    struct why *why)
{
  size_t len = strlen(text);
  struct word w = {{0}};
  if (len == 0 || strspn(text, "0123456789") != len || (len > 1 && *text == '0'))
    return why_set(why, E_FIELD_VALUE, field,
                   "must be a whole number in decimal digits, without leading zeros");
  for (const char *p = text; *p; p++)
    if (p - text == WORD_DIGITS || !push_digit(&w, (unsigned)(*p - '0')))
      return why_set(why, E_FIELD_VALUE, field, "must be below 2^256");
  *out = w;
  return OK;
}

char *word_text(char out[WORD_DIGITS + 1], const struct word *w)
{
  struct word left = *w;
  char *p = out + WORD_DIGITS;
  *p = 0;
  do
    *--p = (char)('0' + pop_digit(&left));
  while (!word_zero(&left));
  return memmove(out, p, (size_t)(out + WORD_DIGITS - p) + 1);
}

enum err word_u64(uint64_t *out, const struct word *w)
{
  uint64_t v = 0;
  if (!sodium_is_zero(w->b, 24))
    return E_FIELD_VALUE;
  for (unsigned i = 24; i < 32; i++)
    v = v << 8 | w->b[i];
  *out = v;
  return OK;
}

enum err word_address(struct address *out, const struct word *w)
{
  if (!sodium_is_zero(w->b, 12))
    return E_FIELD_VALUE;
  memcpy(out->b, w->b + 12, sizeof out->b);
  return OK;
}

enum err word_add(struct word *sum, const struct word *more)
{
  struct word total;
  unsigned carry = 0;
  for (int i = 31; i >= 0; i--) {
    carry += (unsigned)sum->b[i] + more->b[i];
    total.b[i] = (uint8_t)carry;
    carry >>= 8;
  }
  if (carry)
    return E_OVERFLOW;
  *sum = total;
  return OK;
}

int word_compare(const struct word *a, const struct word *b)
{
  return memcmp(a->b, b->b, sizeof a->b);
}

bool word_zero(const struct word *w)
{
  return sodium_is_zero(w->b, sizeof w->b);
}
