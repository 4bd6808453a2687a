/* SPDX-License-Identifier: Apache-2.0
 * HKDF-SHA256 (RFC 5869) and the protocol's three uses of it. */
#include "core/kdf.h"

#include <sodium.h>
#include <string.h>

#include "core/le.h"

/* 32 bytes out is one block: T(1) = HMAC(HMAC(salt, ikm), info 0x01). */
void kdf_hkdf(struct secret_key *out, const struct digest *salt, const uint8_t ikm[32],
              struct bytes info)
{
  static const uint8_t one = 1;
  crypto_auth_hmacsha256_state h;
  struct secret_key prk;
  crypto_auth_hmacsha256_init(&h, salt->b, sizeof salt->b);
  crypto_auth_hmacsha256_update(&h, ikm, 32);
  crypto_auth_hmacsha256_final(&h, prk.b);
  crypto_auth_hmacsha256_init(&h, prk.b, sizeof prk.b);
  crypto_auth_hmacsha256_update(&h, info.data, info.len);
  crypto_auth_hmacsha256_update(&h, &one, 1);
  crypto_auth_hmacsha256_final(&h, out->b);
  sodium_memzero(&h, sizeof h);
  sodium_memzero(&prk, sizeof prk);
}

#define BOX_LABEL "chorus/v1/box"
#define SELF_LABEL "chorus/v1/self"
#define PAIR_LABEL "chorus/v1/pair"
#define LABEL_LEN(label) (sizeof(label) - 1)

void kdf_box(struct secret_key *out, const struct digest *ctx, const struct point *shared,
             uint32_t i, uint32_t j)
{
  uint8_t info[LABEL_LEN(BOX_LABEL) + 8] = BOX_LABEL;
  le32_put(info + LABEL_LEN(BOX_LABEL), i);
  le32_put(info + LABEL_LEN(BOX_LABEL) + 4, j);
  kdf_hkdf(out, ctx, shared->b, BYTES_OF(info));
}

void kdf_self(struct secret_key *out, const struct digest *ctx,
              const struct secret_scalar *s, const struct digest *u1)
{
  uint8_t info[LABEL_LEN(SELF_LABEL) + 32] = SELF_LABEL;
  memcpy(info + LABEL_LEN(SELF_LABEL), u1->b, sizeof u1->b);
  kdf_hkdf(out, ctx, s->b, BYTES_OF(info));
}

void kdf_pair(struct secret_key *out, const struct digest *ctx,
              const struct point *shared, uint32_t i, uint32_t j, const struct digest *u1)
{
  uint8_t info[LABEL_LEN(PAIR_LABEL) + 8 + 32] = PAIR_LABEL;
  uint8_t *at = info + LABEL_LEN(PAIR_LABEL);
  le32_put(at, MIN(i, j));
  le32_put(at + 4, MAX(i, j));
  memcpy(at + 8, u1->b, sizeof u1->b);
  kdf_hkdf(out, ctx, shared->b, BYTES_OF(info));
}
