/* SPDX-License-Identifier: Apache-2.0
 * secp256k1 on libsecp256k1. A context lives for one operation: it costs less than the
 * operation, and nothing is shared between threads. */
#include "chain/key.h"

#include <secp256k1_recovery.h>
#include <sodium.h>
#include <string.h>

#include "core/kdf.h"

/* Blinded, so that what a signature's timing shows says nothing of the key. */
static secp256k1_context *context_new(void)
{
  uint8_t seed[32];
  secp256k1_context *c = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
  randombytes_buf(seed, sizeof seed);
  if (!c || !secp256k1_context_randomize(c, seed))
    abort();
  sodium_memzero(seed, sizeof seed);
  return c;
}

static void context_drop(secp256k1_context **c)
{
  secp256k1_context_destroy(*c);
}

static bool is_key(const uint8_t b[32])
{
  AUTO(context_drop) secp256k1_context *c = context_new();
  return secp256k1_ec_seckey_verify(c, b);
}

void key_make(struct secret_key *out)
{
  do
    randombytes_buf(out->b, sizeof out->b);
  while (!is_key(out->b));
}

/* The last 20 bytes of the hash of the point without its first byte. */
static void address_of(struct address *out, const secp256k1_context *c,
                       const secp256k1_pubkey *point)
{
  uint8_t b[65];
  size_t len = sizeof b;
  struct word hash;
  secp256k1_ec_pubkey_serialize(c, b, &len, point, SECP256K1_EC_UNCOMPRESSED);
  keccak256(&hash, BYTES(b + 1, len - 1));
  memcpy(out->b, hash.b + 12, sizeof out->b);
}

enum err key_address(struct address *out, const struct secret_key *key)
{
  AUTO(context_drop) secp256k1_context *c = context_new();
  secp256k1_pubkey point;
  if (!secp256k1_ec_pubkey_create(c, &point, key->b))
    return E_FIELD_VALUE;
  address_of(out, c, &point);
  return OK;
}

enum err key_sign(struct eth_signature *out, const struct secret_key *key,
                  const struct word *hash)
{
  AUTO(context_drop) secp256k1_context *c = context_new();
  secp256k1_ecdsa_recoverable_signature sig;
  uint8_t rs[64];
  int id = 0;
  /* the library's own nonces are those of RFC 6979, and its s is always the low one */
  if (!secp256k1_ecdsa_sign_recoverable(c, &sig, hash->b, key->b, NULL, NULL))
    return E_FIELD_VALUE;
  secp256k1_ecdsa_recoverable_signature_serialize_compact(c, rs, &id, &sig);
  if (id > 1) /* r beyond the order, once in 2^127: the EVM has no v for it */
    return E_INTERNAL;
  memcpy(out->r, rs, sizeof out->r);
  memcpy(out->s, rs + 32, sizeof out->s);
  out->v = (uint8_t)(27 + id);
  return OK;
}

enum err key_recover(struct address *out, const struct word *hash,
                     const struct eth_signature *sig)
{
  AUTO(context_drop) secp256k1_context *c = context_new();
  secp256k1_ecdsa_recoverable_signature recoverable;
  secp256k1_ecdsa_signature plain;
  secp256k1_pubkey point;
  uint8_t rs[64];
  memcpy(rs, sig->r, sizeof sig->r);
  memcpy(rs + 32, sig->s, sizeof sig->s);
  if ((sig->v != 27 && sig->v != 28) ||
      !secp256k1_ecdsa_recoverable_signature_parse_compact(c, &recoverable, rs,
                                                           sig->v - 27))
    return E_SIGNATURE;
  secp256k1_ecdsa_recoverable_signature_convert(c, &plain, &recoverable);
  if (secp256k1_ecdsa_signature_normalize(c, NULL, &plain) || /* s was the high one */
      !secp256k1_ecdsa_recover(c, &point, &recoverable, hash->b))
    return E_SIGNATURE;
  address_of(out, c, &point);
  return OK;
}

void key_attestor(struct secret_key *out, const struct secret_identity *coordinator)
{
  static const char label[] = "chorus/v1/attestor";
  static const struct digest no_salt; /* HMAC pads an empty key with zeros */
  uint8_t info[sizeof label];         /* the counter stands where the label has its NUL */
  memcpy(info, label, sizeof info);
  do /* once in 2^128 the second time */
    kdf_hkdf(out, &no_salt, coordinator->b, BYTES_OF(info));
  while (!is_key(out->b) && ++info[sizeof label - 1]);
}

static enum err sign_here(void *arg, const struct word *hash, struct eth_signature *out,
                          struct why *why)
{
  enum err e = key_sign(out, arg, hash);
  return e == OK ? OK : why_set(why, e, "", "this key cannot sign");
}

enum err signer_local(struct signer *out, const struct secret_key *key)
{
  struct signer s = {.arg = (void *)key, .sign = sign_here};
  TRY(key_address(&s.address, key));
  *out = s;
  return OK;
}
