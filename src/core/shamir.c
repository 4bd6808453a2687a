/* SPDX-License-Identifier: Apache-2.0
 * Shamir's secret sharing over Z_L. */
#include "core/shamir.h"

#include <sodium.h>

#include "core/group.h"
#include "core/scalar.h"

/* Uniform in 0..L-1: 512 random bits reduced are uniform to within 2^-259. */
static void coefficient_random(struct secret_scalar *out)
{
  uint8_t wide[64];
  randombytes_buf(wide, sizeof wide);
  crypto_core_ristretto255_scalar_reduce(out->b, wide);
  sodium_memzero(wide, sizeof wide);
}

/* One polynomial and its shares; false when a share is zero. */
static bool deal_once(struct secret_scalar *shares, struct secret_scalar *coeffs,
                      unsigned t, const uint32_t *xs, unsigned k)
{
  for (unsigned i = 1; i < t; i++)
    coefficient_random(&coeffs[i]);
  for (unsigned c = 0; c < k; c++) {
    scalar_poly(&shares[c], coeffs, t, xs[c]);
    if (sodium_is_zero(shares[c].b, sizeof shares[c].b))
      return false;
  }
  return true;
}

enum err shamir_deal(struct secret_scalar *shares, const struct secret_scalar *secret,
                     unsigned t, const uint32_t *xs, unsigned k)
{
  if (t < 1 || t > k || k > PARTICIPANTS_MAX)
    return E_LENGTH;
  for (unsigned c = 0; c < k; c++)
    if (xs[c] == 0)
      return E_LENGTH;
  if (!scalar_valid(secret->b) || sodium_is_zero(secret->b, sizeof secret->b))
    return E_SCALAR;
  struct secret_scalar *coeffs = must_calloc(t, sizeof *coeffs);
  coeffs[0] = *secret;
  while (!deal_once(shares, coeffs, t, xs, k))
    ;
  sodium_memzero(coeffs, t * sizeof *coeffs);
  free(coeffs);
  return OK;
}

/* The dual weights v over 0 and xs give 0 = v[0]*f(0) + sum of v[c]*f(x_c), hence
 * f(0) = -sum/v[0]. */
enum err shamir_recover(struct secret_scalar *secret, const struct secret_scalar *shares,
                        const uint32_t *xs, unsigned t)
{
  if (t == 0 || t > PARTICIPANTS_MAX)
    return E_LENGTH;
  for (unsigned c = 0; c < t; c++)
    if (!scalar_valid(shares[c].b))
      return E_SCALAR;
  AUTO(free_drop) struct scalar *v = must_calloc(t + 1, sizeof *v);
  TRY(scalar_dual(v, xs, t));
  struct secret_scalar sum = {{0}}, term;
  for (unsigned c = 0; c < t; c++) {
    crypto_core_ristretto255_scalar_mul(term.b, v[c + 1].b, shares[c].b);
    crypto_core_ristretto255_scalar_add(sum.b, sum.b, term.b);
  }
  enum err e = OK;
  if (crypto_core_ristretto255_scalar_invert(v[0].b, v[0].b) != 0)
    e = E_INTERNAL;
  crypto_core_ristretto255_scalar_negate(v[0].b, v[0].b);
  if (e == OK)
    crypto_core_ristretto255_scalar_mul(secret->b, v[0].b, sum.b);
  sodium_memzero(&sum, sizeof sum);
  sodium_memzero(&term, sizeof term);
  return e;
}
