/* SPDX-License-Identifier: Apache-2.0
 * Hexadecimal, base64, UTF-8 and the protocol's decimals. */
#include "util/text.h"

#include <math.h>
#include <sodium.h>
#include <string.h>

char *hex_encode(char *out, const void *data, size_t len)
{
  return sodium_bin2hex(out, 2 * len + 1, data, len);
}

enum err hex_decode(void *out, size_t len, const char *text)
{
  if (strlen(text) != 2 * len || strspn(text, "0123456789abcdef") != 2 * len)
    return E_FIELD_VALUE;
  size_t got = 0;
  if (sodium_hex2bin(out, len, text, 2 * len, NULL, &got, NULL) != 0 || got != len)
    return E_FIELD_VALUE;
  return OK;
}

enum err base64_encode(struct buf *out, struct bytes in)
{
  size_t room = sodium_base64_encoded_len(in.len, sodium_base64_VARIANT_ORIGINAL);
  TRY(buf_reserve(out, room));
  sodium_bin2base64((char *)out->data + out->len, room, in.data, in.len,
                    sodium_base64_VARIANT_ORIGINAL);
  out->len += room - 1;
  return OK;
}

enum err base64_read(struct buf *out, struct bytes text)
{
  size_t room = text.len / 4 * 3, got = 0;
  if (text.len % 4)
    return E_FIELD_VALUE;
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] > 0x7f) /* libsodium 1.0.18 takes these for '/' */
      return E_FIELD_VALUE;
  TRY(buf_reserve(out, room));
  if (text.len &&
      sodium_base642bin(out->data + out->len, room, (const char *)text.data, text.len,
                        NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
    return E_FIELD_VALUE;
  out->len += got;
  out->data[out->len] = 0;
  return OK;
}

enum err base64_decode(struct buf *out, const char *text)
{
  return base64_read(out, BYTES(text, strlen(text)));
}

size_t utf8_sequence(const uint8_t *p, size_t left)
{
  uint8_t a = p[0];
  if (a < 0x80)
    return 1;
  size_t n = a >= 0xc2 && a <= 0xdf ? 2 : (a & 0xf0) == 0xe0 ? 3 : 0;
  if (a >= 0xf0 && a <= 0xf4)
    n = 4;
  if (n == 0 || n > left)
    return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xc0) != 0x80)
      return 0;
  bool overlong = (a == 0xe0 && p[1] < 0xa0) || (a == 0xf0 && p[1] < 0x90);
  bool beyond = (a == 0xed && p[1] > 0x9f) || (a == 0xf4 && p[1] > 0x8f);
  return overlong || beyond ? 0 : n;
}

void text_clean(char *out, size_t room, struct bytes in)
{
  size_t len = 0;
  while (in.len) {
    size_t n = utf8_sequence(in.data, in.len);
    bool control = n == 0 || in.data[0] < 0x20 || in.data[0] == 0x7f ||
                   (n == 2 && in.data[0] == 0xc2 && in.data[1] < 0xa0);
    n = MAX(n, (size_t)1);
    if (len + (control ? 1 : n) >= room)
      break;
    if (control)
      out[len] = '?';
    else
      memcpy(out + len, in.data, n);
    len += control ? 1 : n;
    in = BYTES(in.data + n, in.len - n);
  }
  out[len] = 0;
}

static bool decimal_valid(const char *text)
{
  const char *p = text + (*text == '-');
  size_t whole = strspn(p, "0123456789");
  if (whole == 0 || (whole > 1 && *p == '0'))
    return false;
  bool zero = whole == 1 && *p == '0';
  p += whole;
  if (*p == '.') {
    size_t part = strspn(++p, "0123456789");
    if (part == 0 || p[part - 1] == '0')
      return false;
    p += part;
    zero = false;
  }
  return *p == 0 && !(zero && *text == '-');
}

enum err decimal_parse(double *out, const char *text)
{
  if (strlen(text) > 400 || !decimal_valid(text))
    return E_FIELD_VALUE;
  char *end = NULL;
  double v = strtod(text, &end); /* programs stay in the C locale: the point is '.' */
  if (*end)
    return E_FIELD_VALUE;
  if (!isfinite(v))
    return E_NUMBER;
  *out = v;
  return OK;
}

enum err decimal_exact(int64_t *mantissa, unsigned *exponent, const char *text)
{
  if (!decimal_valid(text))
    return E_FIELD_VALUE;
  int64_t m = 0;
  unsigned e = 0, digits = 0;
  bool fraction = false;
  for (const char *p = text + (*text == '-'); *p; p++) {
    if (*p == '.') {
      fraction = true;
      continue;
    }
    if (++digits > 18)
      return E_FIELD_VALUE;
    m = m * 10 + (*p - '0');
    e += fraction;
  }
  *mantissa = *text == '-' ? -m : m;
  *exponent = e;
  return OK;
}
