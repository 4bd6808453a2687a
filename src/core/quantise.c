/* SPDX-License-Identifier: Apache-2.0
 * From a trained update to ring coordinates. */
#include "core/quantise.h"

#include <math.h>
#include <sodium.h>
#include <string.h>

#include "core/prg.h"

#define BLOCK 512u /* coordinates per draw of random bits */

static double clamp(double v, double limit)
{
  return v > limit ? limit : v < -limit ? -limit : v;
}

static enum err norm_of(double *out, const float *delta, size_t len)
{
  double sum = 0;
  for (size_t i = 0; i < len; i++) {
    if (!isfinite(delta[i]))
      return E_NUMBER;
    sum += (double)delta[i] * (double)delta[i];
  }
  *out = sqrt(sum);
  return OK;
}

/* `len` coordinates from `first` on, with 64 random bits for each. */
static void quantise_block(struct ring out, size_t first, size_t len, const float *delta,
                           const struct quantiser *q, double factor, int64_t weight,
                           const uint64_t *random)
{
  double most = (double)quantiser_max(q), scale = most / q->range;
  for (size_t i = 0; i < len; i++) {
    double v = clamp((double)delta[first + i] * factor, q->range) * scale;
    double z = floor(v), u = (double)(random[i] >> 11) * 0x1p-53;
    z = clamp(u < v - z ? z + 1 : z, most);
    ring_put(out, first + i, (int64_t)z * weight);
  }
}

enum err quantise(struct ring out, const float *delta, const struct quantiser *q,
                  uint64_t weight)
{
  double norm;
  uint64_t most;
  uint64_t random[BLOCK];
  struct secret_key seed;
  if (weight < 1 || weight > q->cap)
    return E_FIELD_VALUE;
  if (__builtin_mul_overflow((uint64_t)quantiser_max(q), weight, &most) ||
      most >= (uint64_t)1 << (out.bits - 1))
    return E_OVERFLOW;
  TRY(norm_of(&norm, delta, out.len));
  double factor = norm > q->clip ? q->clip / norm : 1.0;
  AUTO(prg_close) struct prg p = {NULL};
  randombytes_buf(seed.b, sizeof seed.b);
  enum err e = prg_open(&p, &seed, 0);
  for (size_t first = 0; first < out.len && e == OK; first += BLOCK) {
    size_t len = MIN(out.len - first, BLOCK);
    e = prg_next(&p, (uint8_t *)random, len * sizeof *random);
    if (e == OK)
      quantise_block(out, first, len, delta, q, factor, (int64_t)weight, random);
  }
  sodium_memzero(&seed, sizeof seed);
  sodium_memzero(random, sizeof random);
  return e;
}
