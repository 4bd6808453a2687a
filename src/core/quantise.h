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

/* Fills out[i] (mod 2^b) with weight * stochastic(delta[i]): L2 clip, clamp to ±range,
 * times Q/range, floor plus Bernoulli(fraction) from the CSPRNG, clamp to ±Q, times
 * weight. The random bits are drawn here and wiped. E_NUMBER when a delta is not finite
 * (out is then untouched), E_FIELD_VALUE when weight is outside 1..W. */
enum err quantise(struct ring out, const float *delta, const struct quantiser *q,
                  uint64_t weight) MUST_USE;

#endif
