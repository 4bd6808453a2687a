/* SPDX-License-Identifier: Apache-2.0
 * From a trained update to ring coordinates and back. docs/protocol.md sections 7 and 9.
 */
#ifndef CORE_QUANTISE_H
#define CORE_QUANTISE_H

#include "core/ring.h"

/* clip = clip_mantissa / 10^clip_exponent and range likewise come from decimal strings;
 * the doubles are their nearest values. */
struct quantiser {
  unsigned bits; /* q, 2..31: Q = 2^(q-1) - 1 */
  double range;  /* R > 0: a coordinate is clamped to ±R */
  double clip;   /* C > 0: the update's L2 norm is clipped to C */
  uint64_t cap;  /* W: weights are 1..W */
};

static inline int64_t quantiser_max(const struct quantiser *q)
{
  return ((int64_t)1 << (q->bits - 1)) - 1;
}

/* Fills out[i] (mod 2^b) with weight * stochastic(delta[i]), in IEEE doubles and in this
 * order:
 *   norm = sqrt(sum of delta[i]^2, in index order)
 *   v = delta[i], times (C/norm) if norm > C
 *   v = v clamped to ±R, times ((double)Q/R)
 *   z = floor(v), plus 1 if u < v - floor(v), clamped to ±Q
 *   out[i] = z * weight
 * u = (53 fresh random bits) / 2^53 from AES-256-CTR under a key from the operating
 * system's generator, so z is v in the mean to within 2^-53. The key and the random bits
 * are wiped.
 *
 * delta has out.len entries. E_NUMBER when one is not finite, E_FIELD_VALUE when weight
 * is outside 1..W, E_OVERFLOW when Q*weight >= 2^(b-1); out is then untouched. */
enum err quantise(struct ring out, const float *delta, const struct quantiser *q,
                  uint64_t weight) MUST_USE;

#endif
