/* SPDX-License-Identifier: Apache-2.0
 * Quantisation: exact cases, bounds, and the mean of the rounding. */
#include <math.h>
#include <string.h>

#include "core/quantise.h"
#include "test_core.h"

static struct ring ring_over(int64_t *data, size_t len)
{
  return (struct ring){(uint8_t *)data, len, 64};
}

/* Q = 127, R = 127: a coordinate that is an integer has no fraction to draw. */
START_TEST(exact_values)
{
  struct quantiser q = {.bits = 8, .range = 127, .clip = 1e6, .cap = 10};
  const float delta[] = {0, 1, -1, 100, -127, 127, 500, -500};
  const int64_t want[] = {0, 7, -7, 700, -889, 889, 889, -889};
  int64_t out[8];
  ck_assert_int_eq(quantise(ring_over(out, 8), delta, &q, 7), OK);
  ck_assert_mem_eq(out, want, sizeof want);
  int32_t narrow[8];
  ck_assert_int_eq(quantise((struct ring){(uint8_t *)narrow, 8, 32}, delta, &q, 7), OK);
  for (int i = 0; i < 8; i++)
    ck_assert_int_eq(narrow[i], want[i]);
}
END_TEST

START_TEST(clipped_to_norm)
{
  struct quantiser q = {.bits = 8, .range = 127, .clip = 5, .cap = 10};
  const float delta[] = {30, -40}; /* norm 50, so a tenth of each remains */
  int64_t out[2];
  ck_assert_int_eq(quantise(ring_over(out, 2), delta, &q, 1), OK);
  ck_assert_int_ge(out[0], 2); /* 30*(5/50) may lie a rounding error off 3 */
  ck_assert_int_le(out[0], 4);
  ck_assert_int_ge(out[1], -5);
  ck_assert_int_le(out[1], -3);
  q.clip = 50; /* not above the clip: untouched */
  ck_assert_int_eq(quantise(ring_over(out, 2), delta, &q, 1), OK);
  ck_assert_int_eq(out[0], 30);
  ck_assert_int_eq(out[1], -40);
}
END_TEST

START_TEST(unbiased)
{
  enum { N = 200000 };
  static float delta[N];
  static int64_t out[N];
  static const double values[] = {0.25, -0.25, 3.9, -3.9, 0.001};
  struct quantiser q = {.bits = 16, .range = 32767, .clip = 1e12, .cap = 1};
  for (size_t v = 0; v < LENGTH(values); v++) {
    double sum = 0, fraction = values[v] - floor(values[v]);
    for (size_t i = 0; i < N; i++)
      delta[i] = (float)values[v];
    ck_assert_int_eq(quantise(ring_over(out, N), delta, &q, 1), OK);
    for (size_t i = 0; i < N; i++) {
      ck_assert_int_ge(out[i], (int64_t)floor(values[v]));
      ck_assert_int_le(out[i], (int64_t)ceil(values[v]));
      sum += (double)out[i];
    }
    /* seven standard deviations, and the float's own rounding */
    double allowed = 7 * sqrt(fraction * (1 - fraction) / N) + 1e-6;
    ck_assert(fabs(sum / N - values[v]) < allowed);
  }
}
END_TEST

START_TEST(refusals)
{
  struct quantiser q = {.bits = 31, .range = 1, .clip = 1, .cap = 1000};
  float delta[] = {0, 1};
  int64_t out[2] = {5, 5};
  ck_assert_int_eq(quantise(ring_over(out, 2), delta, &q, 0), E_FIELD_VALUE);
  ck_assert_int_eq(quantise(ring_over(out, 2), delta, &q, 1001), E_FIELD_VALUE);
  struct ring narrow = {(uint8_t *)out, 2, 32}; /* Q*2 does not fit into 31 bits */
  ck_assert_int_eq(quantise(narrow, delta, &q, 3), E_OVERFLOW);
  delta[1] = NAN;
  ck_assert_int_eq(quantise(ring_over(out, 2), delta, &q, 1), E_NUMBER);
  delta[1] = -INFINITY;
  ck_assert_int_eq(quantise(ring_over(out, 2), delta, &q, 1), E_NUMBER);
  ck_assert_int_eq(out[0], 5);
  ck_assert_int_eq(out[1], 5);
}
END_TEST

TCase *test_quantise(void)
{
  TCase *t = tcase_create("quantise");
  tcase_set_timeout(t, 20);
  tcase_add_test(t, exact_values);
  tcase_add_test(t, clipped_to_norm);
  tcase_add_test(t, unbiased);
  tcase_add_test(t, refusals);
  return t;
}
