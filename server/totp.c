/* SPDX-License-Identifier: Apache-2.0
 * Codes of an authenticator (RFC 6238). */
#include "server/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

uint32_t totp_value(const struct totp_secret *secret, uint64_t step)
{
  uint8_t message[8], mac[20];
  unsigned len = sizeof mac;
  for (unsigned i = 0; i < 8; i++)
    message[i] = (uint8_t)(step >> (56 - 8 * i));
  if (!HMAC(EVP_sha1(), secret->b, sizeof secret->b, message, sizeof message, mac, &len))
    abort(); /* this libcrypto has no SHA-1 */
  const uint8_t *at = mac + (mac[19] & 15);
  uint32_t value = ((uint32_t)(at[0] & 0x7f) << 24) | ((uint32_t)at[1] << 16) |
                   ((uint32_t)at[2] << 8) | at[3];
  sodium_memzero(mac, sizeof mac);
  return value;
}

bool totp_match(const struct totp_secret *secret, uint64_t time, uint64_t after,
                const char *text, uint64_t *step)
{
  char code[TOTP_DIGITS + 1];
  uint64_t now = time / TOTP_STEP;
  bool found = false;
  if (strlen(text) != TOTP_DIGITS)
    return false;
  for (uint64_t s = now ? now - 1 : 0; s <= now + 1; s++) {
    snprintf(code, sizeof code, "%06u", (unsigned)(totp_value(secret, s) % 1000000));
    if (s > after && !found && sodium_memcmp(code, text, TOTP_DIGITS) == 0) {
      found = true;
      *step = s;
    }
  }
  sodium_memzero(code, sizeof code);
  return found;
}

void base32_encode(char *out, const uint8_t *data, size_t len)
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  uint32_t bits = 0;
  unsigned have = 0;
  for (size_t i = 0; i < len; i++) {
    bits = bits << 8 | data[i];
    for (have += 8; have >= 5; have -= 5)
      *out++ = digits[(bits >> (have - 5)) & 31];
  }
  if (have)
    *out++ = digits[(bits << (5 - have)) & 31];
  *out = 0;
}

static enum err put_escaped(struct buf *out, const char *text)
{
  for (; *text; text++) {
    bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                 (*text >= '0' && *text <= '9') || strchr("-._~", *text);
    TRY(plain ? buf_put(out, text, 1) : buf_printf(out, "%%%02X", (uint8_t)*text));
  }
  return OK;
}

enum err totp_uri(struct buf *out, const struct totp_secret *secret, const char *issuer,
                  const char *name)
{
  char text[33];
  base32_encode(text, secret->b, sizeof secret->b);
  TRY(buf_puts(out, "otpauth://totp/"));
  TRY(put_escaped(out, issuer));
  TRY(buf_puts(out, ":"));
  TRY(put_escaped(out, name));
  enum err e = buf_printf(out, "?secret=%s&issuer=", text);
  sodium_memzero(text, sizeof text);
  TRY(e);
  TRY(put_escaped(out, issuer));
  return buf_puts(out, "&algorithm=SHA1&digits=6&period=30");
}
