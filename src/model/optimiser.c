/* SPDX-License-Identifier: Apache-2.0
 * Server optimisers. The order of operations is part of the protocol: each line below
 * stands in docs/spec.md, and -ffp-contract=off keeps the compiler to it. */
#include "model/optimiser.h"

#include <math.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "weights and state are kept as they are in memory");
_Static_assert(sizeof(float) == 4 && sizeof(double) == 8, "IEEE 754 sizes");

const char *optimiser_name(enum optimiser_kind kind)
{
  static const char *const names[] = {"fedavg", "fedavgm", "fedadam", "fedyogi"};
  return names[kind];
}

size_t optimiser_state_bytes(enum optimiser_kind kind)
{
  static const size_t bytes[] = {0, 8, 16, 16};
  return bytes[kind];
}

static double get(const uint8_t *p)
{
  double v;
  memcpy(&v, p, sizeof v);
  return v;
}

static void put(uint8_t *p, double v)
{
  memcpy(p, &v, sizeof v);
}

static double sign(double x)
{
  return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0;
}

/* The step of one coordinate, before the learning rate is added to the base. */
static double step_momentum(const struct optimiser *o, uint8_t *state, double mean)
{
  double v = o->momentum * get(state) + mean;
  put(state, v);
  return o->rate * v;
}

static double step_adaptive(const struct optimiser *o, uint8_t *state, double mean)
{
  double m = get(state), v = get(state + 8), square = mean * mean;
  m = o->beta1 * m + (1.0 - o->beta1) * mean;
  if (o->kind == OPTIMISER_FEDADAM)
    v = o->beta2 * v + (1.0 - o->beta2) * square;
  else
    v = v - ((1.0 - o->beta2) * square) * sign(v - square);
  put(state, m);
  put(state + 8, v);
  return (o->rate * m) / (sqrt(v) + o->epsilon);
}

enum err optimiser_step(const struct optimiser *o, float *weights, uint8_t *state,
                        const int64_t *sum, size_t count, uint64_t weight_sum)
{
  if (weight_sum == 0)
    return E_FIELD_VALUE;
  double scale = (double)o->quantum / o->range;
  double divisor = scale * (double)weight_sum;
  size_t width = optimiser_state_bytes(o->kind);
  for (size_t i = 0; i < count; i++) {
    double mean = (double)sum[i] / divisor, step;
    if (o->kind == OPTIMISER_FEDAVG)
      step = o->rate * mean;
    else if (o->kind == OPTIMISER_FEDAVGM)
      step = step_momentum(o, state + i * width, mean);
    else
      step = step_adaptive(o, state + i * width, mean);
    weights[i] = (float)((double)weights[i] + step);
    if (!isfinite(weights[i]))
      return E_NUMBER;
    for (size_t k = 0; k < width; k += 8)
      if (!isfinite(get(state + i * width + k)))
        return E_NUMBER;
  }
  return OK;
}
