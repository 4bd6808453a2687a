/* SPDX-License-Identifier: Apache-2.0
 * Hexadecimal, base64, UTF-8 and the protocol's decimals. */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include "util/buf.h"

/* Writes 2*len lowercase digits and a NUL to `out`; returns out. */
char *hex_encode(char *out, const void *data, size_t len);
/* Reads exactly len bytes from exactly 2*len lowercase digits. E_FIELD_VALUE otherwise.
 */
enum err hex_decode(void *out, size_t len, const char *text) MUST_USE;

/* RFC 4648 section 4, padded. Appends to out. */
enum err base64_encode(struct buf *out, struct bytes in) MUST_USE;
/* Strict: padded, trailing bits zero. Appends to out; E_FIELD_VALUE on anything else. */
enum err base64_decode(struct buf *out, const char *text) MUST_USE;
/* The same of text that no NUL ends. */
enum err base64_read(struct buf *out, struct bytes text) MUST_USE;

/* Length of the UTF-8 sequence at p (Unicode 15 table 3-7), 0 when it is malformed or
 * longer than `left`, which is at least 1. */
size_t utf8_sequence(const uint8_t *p, size_t left);

/* Makes somebody else's text fit to be shown: UTF-8 of at most room - 1 bytes and a NUL;
 * what is malformed or a control character becomes '?'. */
void text_clean(char *out, size_t room, struct bytes in);

/* The protocol's decimals: -?(0|[1-9][0-9]*)(\.[0-9]*[1-9])? but not "-0"
 * (docs/protocol.md section 1.4); read as the nearest double. E_FIELD_VALUE otherwise,
 * E_NUMBER if infinite. */
enum err decimal_parse(double *out, const char *text) MUST_USE;
/* The same grammar, of at most 18 digits before and after the point together, as an exact
 * fraction: value = *mantissa / 10^*exponent. */
enum err decimal_exact(int64_t *mantissa, unsigned *exponent, const char *text) MUST_USE;

#endif
