/* SPDX-License-Identifier: Apache-2.0
 * The text that a wallet signs to log in (EIP-4361). */
#include "config.h"

#include "server/siwe.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "chain/key.h"
#include "server/common.h"
#include "server/secret.h"
#include "util/text.h"

#define RANDOM_BYTES (SIWE_NONCE / 4)
#define MAC_BYTES (SIWE_NONCE / 4)
#define TIME_TEXT 24u
#define STATEMENT                                                                        \
  "Log in to Chorus as the member who is paid at this address. This costs nothing and "  \
  "sends nothing."

/* ---- the nonce ---- */

static void nonce_of(const struct server *s, const uint8_t random[RANDOM_BYTES],
                     struct siwe *c)
{
  struct secret_key key;
  crypto_auth_hmacsha256_state h;
  uint8_t mac[crypto_auth_hmacsha256_BYTES];
  secret_key_for(&key, s, "chorus/v1/wallet-login");
  crypto_auth_hmacsha256_init(&h, key.b, sizeof key.b);
  crypto_auth_hmacsha256_update(&h, random, RANDOM_BYTES);
  crypto_auth_hmacsha256_update(&h, c->address.b, sizeof c->address.b);
  crypto_auth_hmacsha256_update(&h, (const uint8_t *)&c->issued, sizeof c->issued);
  crypto_auth_hmacsha256_update(&h, (const uint8_t *)&c->expires, sizeof c->expires);
  crypto_auth_hmacsha256_final(&h, mac);
  hex_encode(c->nonce, random, RANDOM_BYTES);
  hex_encode(c->nonce + 2 * RANDOM_BYTES, mac, MAC_BYTES);
  sodium_memzero(&key, sizeof key);
}

static bool nonce_ours(const struct server *s, const struct siwe *given)
{
  struct siwe c = *given;
  uint8_t random[RANDOM_BYTES];
  char text[2 * RANDOM_BYTES + 1] = {0};
  memcpy(text, given->nonce, sizeof text - 1);
  if (hex_decode(random, sizeof random, text) != OK)
    return false;
  nonce_of(s, random, &c);
  return sodium_memcmp(c.nonce, given->nonce, SIWE_NONCE) == 0;
}

void siwe_make(struct siwe *out, const struct server *s, const struct address *address,
               uint64_t now)
{
  uint8_t random[RANDOM_BYTES];
  *out = (struct siwe){.address = *address, .issued = now, .expires = now + SIWE_SECONDS};
  randombytes_buf(random, sizeof random);
  nonce_of(s, random, out);
}

/* ---- the text ---- */

static void time_text(char out[TIME_TEXT], uint64_t at)
{
  struct tm tm;
  time_t t = (time_t)at;
  gmtime_r(&t, &tm);
  strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

enum err siwe_text(const struct request *rq, const struct siwe *c, struct buf *out)
{
  char uri[256], address[ADDRESS_TEXT], issued[TIME_TEXT], expires[TIME_TEXT];
  const struct server *s = rq->server;
  request_address(rq, uri, sizeof uri);
  const char *authority = strstr(uri, "://");
  authority = authority ? authority + 3 : uri;
  time_text(issued, c->issued);
  time_text(expires, c->expires);
  return buf_printf(
      out,
      "%.*s wants you to sign in with your Ethereum account:\n%s\n\n" STATEMENT
      "\n\nURI: %s\nVersion: 1\nChain ID: %llu\nNonce: %s\nIssued At: %s\n"
      "Expiration Time: %s",
      (int)strcspn(authority, "/"), authority, address_text(address, &c->address), uri,
      s->chain.on ? (unsigned long long)s->chain.id : 1ull, c->nonce, issued, expires);
}

/* What stands behind this label in a line of its own; at most room - 1 bytes. */
static bool value_of(const char *text, const char *label, char *out, size_t room)
{
  const char *at = strstr(text, label);
  size_t len = at ? strcspn(at += strlen(label), "\n") : 0;
  if (!at || len >= room)
    return false;
  memcpy(out, at, len);
  out[len] = 0;
  return true;
}

/* Other ways to write it are found out when the text is compared with ours. */
static bool read_time(const char *text, const char *label, uint64_t *out)
{
  char value[TIME_TEXT];
  struct tm tm = {0};
  if (!value_of(text, label, value, sizeof value) ||
      !strptime(value, "%Y-%m-%dT%H:%M:%SZ", &tm))
    return false;
  time_t at = timegm(&tm);
  *out = at > 0 ? (uint64_t)at : 0;
  return at > 0;
}

static bool read_parts(const char *text, struct siwe *out)
{
  char address[ADDRESS_TEXT];
  return value_of(text, " wants you to sign in with your Ethereum account:\n", address,
                  sizeof address) &&
         address_parse(&out->address, address, "message", NULL) == OK &&
         value_of(text, "\nNonce: ", out->nonce, sizeof out->nonce) &&
         strlen(out->nonce) == SIWE_NONCE &&
         read_time(text, "\nIssued At: ", &out->issued) &&
         read_time(text, "\nExpiration Time: ", &out->expires);
}

enum err siwe_read(struct request *rq, const char *text, uint64_t now, struct siwe *out)
{
  AUTO(buf_done) struct buf ours = {0};
  struct siwe c = {0};
  if (!read_parts(text, &c))
    return why_set(rq->why, E_LOGIN, "message", "is not one of ours");
  TRY(siwe_text(rq, &c, &ours));
  if (strcmp(buf_text(&ours), text) != 0 || !nonce_ours(rq->server, &c))
    return why_set(rq->why, E_LOGIN, "message", "is not one of ours, or was changed");
  if (now >= c.expires || now + 1 < c.issued)
    return why_set(rq->why, E_LOGIN, "message", "has expired: ask for another");
  *out = c;
  return OK;
}

/* ---- the signature ---- */

/* EIP-191, version 0x45. */
static void personal_hash(struct word *out, const char *text)
{
  char all[SIWE_TEXT_MAX + 64];
  int len = snprintf(all, sizeof all,
                     "\x19"
                     "Ethereum Signed Message:\n%zu%s",
                     strlen(text), text);
  keccak256(out, BYTES(all, (size_t)len));
}

enum err siwe_check(struct request *rq, const struct siwe *c, const char *text,
                    const char *signature)
{
  uint8_t bytes[65];
  struct eth_signature sig;
  struct address signer;
  struct word hash;
  if (strlen(text) > SIWE_TEXT_MAX)
    return E_INTERNAL;
  if (strncmp(signature, "0x", 2) != 0 ||
      hex_decode(bytes, sizeof bytes, signature + 2) != OK)
    return why_set(rq->why, E_FIELD_VALUE, "signature",
                   "must be 0x and 130 lowercase hex digits");
  memcpy(sig.r, bytes, 32);
  memcpy(sig.s, bytes + 32, 32);
  sig.v = bytes[64] < 27 ? (uint8_t)(bytes[64] + 27) : bytes[64];
  personal_hash(&hash, text);
  if (key_recover(&signer, &hash, &sig) != OK ||
      memcmp(signer.b, c->address.b, sizeof signer.b) != 0)
    return why_set(rq->why, E_LOGIN, "signature", "is not that of the address");
  return OK;
}
