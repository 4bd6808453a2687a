/* SPDX-License-Identifier: Apache-2.0
 * ristretto255 with the identity refused and the zero scalar handled. */
#include "core/group.h"

#include <sodium.h>
#include <string.h>

/* L = 2^252 + 27742317777372353535851937790883648493, little-endian. */
static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                  0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                  0,    0,    0,    0,    0,    0,    0,    0,
                                  0,    0,    0,    0,    0,    0,    0,    0x10};

bool point_is_identity(const struct point *p)
{
  return sodium_is_zero(p->b, sizeof p->b);
}

/* libsodium 1.0.18 ignores the top bit where RFC 9496 section 4.3.1 refuses it: without
 * this every point would have a second encoding. */
static bool top_bit_clear(const struct point *p)
{
  return p->b[31] < 0x80;
}

bool point_valid(const struct point *p)
{
  return top_bit_clear(p) && crypto_core_ristretto255_is_valid_point(p->b) == 1 &&
         !point_is_identity(p);
}

bool scalar_valid(const uint8_t b[32])
{
  unsigned borrow = 0; /* of b - L, in constant time: the scalar may be a secret */
  for (int i = 0; i < 32; i++)
    borrow = ((unsigned)b[i] - order[i] - borrow) >> 8 & 1;
  return borrow == 1;
}

void scalar_random(struct secret_scalar *out)
{
  crypto_core_ristretto255_scalar_random(out->b); /* never zero */
}

static bool usable(const struct secret_scalar *s)
{
  return scalar_valid(s->b) && !sodium_is_zero(s->b, sizeof s->b);
}

enum err point_mul_base(struct point *out, const struct secret_scalar *s)
{
  struct point r;
  if (!usable(s) || crypto_scalarmult_ristretto255_base(r.b, s->b) != 0)
    return E_SCALAR;
  *out = r;
  return OK;
}

enum err point_mul(struct point *out, const struct secret_scalar *s,
                   const struct point *p)
{
  struct point r;
  if (!usable(s))
    return E_SCALAR;
  /* With a usable scalar -1 means that p does not decode or is the identity. */
  if (!top_bit_clear(p) || crypto_scalarmult_ristretto255(r.b, s->b, p->b) != 0)
    return E_POINT;
  *out = r;
  return OK;
}

enum err point_sum(struct point *out, const struct scalar *s, const struct point *p,
                   unsigned n)
{
  struct point sum = {{0}}, product;
  for (unsigned i = 0; i < n; i++) {
    if (sodium_is_zero(s[i].b, sizeof s[i].b)) {
      if (!point_valid(&p[i]))
        return E_POINT;
      continue;
    }
    if (!top_bit_clear(&p[i]) ||
        crypto_scalarmult_ristretto255(product.b, s[i].b, p[i].b) != 0 ||
        crypto_core_ristretto255_add(sum.b, sum.b, product.b) != 0)
      return E_POINT;
  }
  *out = sum;
  return OK;
}
