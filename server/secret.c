/* SPDX-License-Identifier: Apache-2.0
 * What opens something, and keys that follow from the coordinator's. */
#include "server/secret.h"

#include <sodium.h>
#include <string.h>

#include "core/kdf.h"

static void encode(struct secret *out, const uint8_t raw[32])
{
  sodium_bin2base64(out->text, sizeof out->text, raw, 32,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void secret_hash(struct digest *out, const char *text)
{
  crypto_hash_sha256(out->b, (const uint8_t *)text, strlen(text));
}

void secret_make(struct secret *out, struct digest *hash)
{
  uint8_t raw[32];
  randombytes_buf(raw, sizeof raw);
  encode(out, raw);
  sodium_memzero(raw, sizeof raw);
  secret_hash(hash, out->text);
}

void secret_wipe(struct secret *s)
{
  sodium_memzero(s, sizeof *s);
}

void secret_derive(struct secret *out, const char *secret, const char *label)
{
  uint8_t mac[crypto_auth_hmacsha256_BYTES];
  crypto_auth_hmacsha256_state h;
  crypto_auth_hmacsha256_init(&h, (const uint8_t *)secret, strlen(secret));
  crypto_auth_hmacsha256_update(&h, (const uint8_t *)label, strlen(label));
  crypto_auth_hmacsha256_final(&h, mac);
  encode(out, mac);
  sodium_memzero(&h, sizeof h);
  sodium_memzero(mac, sizeof mac);
}

/* libsodium keeps the seed in front of the public key. */
void secret_key_for(struct secret_key *out, const struct server *s, const char *label)
{
  kdf_hkdf(out, &s->instance, s->key.b, BYTES(label, strlen(label)));
}
