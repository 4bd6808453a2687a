/* SPDX-License-Identifier: Apache-2.0
 * Polynomials over Z_L at small places, with lazy reduction: libsodium's scalar
 * arithmetic reduces at every step, which costs ten times the step itself when one factor
 * is a small integer. */
#include "core/scalar.h"

#include <sodium.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

/* 512 bits, little-endian limbs: what crypto_core_ristretto255_scalar_reduce takes. */
struct wide {
  uint64_t limb[8];
};

static void wide_set(struct wide *w, const uint8_t s[32])
{
  memset(w, 0, sizeof *w);
  memcpy(w->limb, s, 32);
}

/* w = w*m + s. The caller sees to it that this fits. */
static void wide_mul_add(struct wide *w, uint64_t m, const uint8_t s[32])
{
  uint64_t add[8] = {0}, carry = 0;
  memcpy(add, s, 32);
  for (int i = 0; i < 8; i++) {
    uint128 t = (uint128)w->limb[i] * m + add[i] + carry;
    w->limb[i] = (uint64_t)t;
    carry = (uint64_t)(t >> 64);
  }
}

static void wide_reduce(struct wide *w)
{
  uint8_t s[32];
  crypto_core_ristretto255_scalar_reduce(s, (const unsigned char *)w->limb);
  wide_set(w, s);
  sodium_memzero(s, sizeof s);
}

/* A reduced value is below 2^253 and a step (w*x + s, x < 2^32) adds at most 32 bits. */
#define HORNER_STEPS 8u

void scalar_poly(struct secret_scalar *out, const struct secret_scalar *coeffs,
                 unsigned n, uint32_t x)
{
  struct wide w = {{0}};
  unsigned steps = 0;
  for (unsigned i = n; i-- > 0;) {
    wide_mul_add(&w, x, coeffs[i].b);
    if (++steps == HORNER_STEPS) {
      wide_reduce(&w);
      steps = 0;
    }
  }
  wide_reduce(&w);
  memcpy(out->b, w.limb, sizeof out->b);
  sodium_memzero(&w, sizeof w);
}

/* out = product over d != c of (x_c - x_d) mod L. Differences are gathered in 64-bit
 * words, four of which fit between two reductions. */
static enum err differences(struct scalar *out, const uint32_t *xs, unsigned k,
                            unsigned c)
{
  static const uint8_t none[32];
  struct wide w = {{1}};
  uint64_t word = 1;
  unsigned words = 0;
  bool negative = false;
  int64_t xc = c ? xs[c - 1] : 0;
  for (unsigned d = 0; d <= k; d++) {
    if (d == c)
      continue;
    int64_t diff = xc - (d ? xs[d - 1] : 0);
    if (diff == 0)
      return E_LENGTH;
    uint64_t size = (uint64_t)(diff < 0 ? -diff : diff), next;
    negative ^= diff < 0;
    if (!__builtin_mul_overflow(word, size, &next)) {
      word = next;
      continue;
    }
    wide_mul_add(&w, word, none);
    word = size;
    if (++words % 4 == 0)
      wide_reduce(&w);
  }
  wide_reduce(&w);
  wide_mul_add(&w, word, none);
  wide_reduce(&w);
  memcpy(out->b, w.limb, sizeof out->b);
  if (negative)
    crypto_core_ristretto255_scalar_negate(out->b, out->b);
  return OK;
}

/* v[i] = 1/v[i] for all i, none of them zero, with one inversion (Montgomery's trick). */
static enum err invert_all(struct scalar *v, unsigned n)
{
  AUTO(free_drop) struct scalar *before = must_calloc(n, sizeof *before);
  struct scalar run = {{1}}, own;
  for (unsigned i = 0; i < n; i++) {
    before[i] = run;
    crypto_core_ristretto255_scalar_mul(run.b, run.b, v[i].b);
  }
  if (crypto_core_ristretto255_scalar_invert(run.b, run.b) != 0)
    return E_INTERNAL;
  for (unsigned i = n; i-- > 0;) {
    own = v[i];
    crypto_core_ristretto255_scalar_mul(v[i].b, run.b, before[i].b);
    crypto_core_ristretto255_scalar_mul(run.b, run.b, own.b);
  }
  return OK;
}

enum err scalar_dual(struct scalar *v, const uint32_t *xs, unsigned k)
{
  for (unsigned c = 0; c <= k; c++)
    TRY(differences(&v[c], xs, k, c));
  return invert_all(v, k + 1);
}
