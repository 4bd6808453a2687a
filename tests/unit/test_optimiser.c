/* SPDX-License-Identifier: Apache-2.0
 * Server optimisers against golden bytes (tests/vectors/model.py made them). */
#include "model/optimiser.h"

#include <math.h>
#include <string.h>

#include "test_model.h"
#include "util/field.h"
#include "util/text.h"

#define COUNT_MAX 64

static double number(const json_t *o, const char *name)
{
  double v = 0;
  const char *text = json_string_value(json_object_get(o, name));
  if (text)
    ck_assert_int_eq(decimal_parse(&v, text), OK);
  return v;
}

static void read_bytes(void *out, size_t len, const json_t *o, const char *name)
{
  ck_assert_int_eq(hex_decode(out, len, json_string_value(json_object_get(o, name))), OK);
}

static struct optimiser optimiser_of(const json_t *c)
{
  const char *kind = json_string_value(json_object_get(c, "kind"));
  struct optimiser o = {
      .rate = number(c, "rate"),
      .momentum = number(c, "momentum"),
      .beta1 = number(c, "beta1"),
      .beta2 = number(c, "beta2"),
      .epsilon = number(c, "epsilon"),
      .range = number(c, "range"),
      .quantum =
          ((int64_t)1 << (json_integer_value(json_object_get(c, "bits")) - 1)) - 1};
  while (strcmp(optimiser_name(o.kind), kind) != 0)
    o.kind++;
  return o;
}

/* Runs the steps of one case, in pieces of `piece` coordinates. */
static void run_case(const json_t *c, size_t piece)
{
  struct optimiser o = optimiser_of(c);
  float w[COUNT_MAX], want[COUNT_MAX];
  uint8_t state[COUNT_MAX * 16 + 1] = {0}, want_state[COUNT_MAX * 16];
  size_t count = (size_t)json_integer_value(json_object_get(c, "count")), k;
  size_t width = optimiser_state_bytes(o.kind);
  json_t *step;
  read_bytes(w, 4 * count, c, "weights");
  read_bytes(state + 1, width * count, c, "state");
  json_array_foreach (json_object_get(c, "steps"), k, step) {
    int64_t sum[COUNT_MAX];
    size_t i;
    json_t *v;
    json_array_foreach (json_object_get(step, "sum"), i, v)
      sum[i] = json_integer_value(v);
    uint64_t total = (uint64_t)json_integer_value(json_object_get(step, "weight_sum"));
    for (i = 0; i < count; i += piece) /* the state need not be aligned */
      ck_assert_int_eq(optimiser_step(&o, w + i, state + 1 + i * width, sum + i,
                                      MIN(piece, count - i), total),
                       OK);
    read_bytes(want, 4 * count, step, "weights");
    ck_assert_mem_eq(w, want, 4 * count);
    if (width) {
      read_bytes(want_state, width * count, step, "state");
      ck_assert_mem_eq(state + 1, want_state, width * count);
    }
  }
}

START_TEST(golden)
{
  AUTO(json_drop) json_t *cases = source_json("tests/vectors/optimiser.json");
  size_t i;
  json_t *c;
  ck_assert_uint_eq(json_array_size(cases), 5);
  json_array_foreach (cases, i, c) {
    run_case(c, COUNT_MAX);
    run_case(c, 7);
  }
}
END_TEST

/* With rate 1 and equal updates the new model is base plus that update. */
START_TEST(average)
{
  const struct optimiser o = {
      .kind = OPTIMISER_FEDAVG, .rate = 1, .quantum = 4, .range = 2};
  float w[] = {1, -1, 0};
  const int64_t sum[] = {10, -20, 0}; /* of weights 5: means 1, -2, 0 */
  static const float want[] = {2, -3, 0};
  ck_assert_int_eq(optimiser_step(&o, w, NULL, sum, 3, 5), OK);
  ck_assert_mem_eq(w, want, sizeof w);
}
END_TEST

START_TEST(not_finite)
{
  struct optimiser o = {
      .kind = OPTIMISER_FEDAVG, .rate = 1, .quantum = 1, .range = 1e300};
  float w[] = {0};
  uint8_t state[16] = {0};
  const int64_t sum[] = {1000000000};
  ck_assert_int_eq(optimiser_step(&o, w, NULL, sum, 1, 0), E_FIELD_VALUE);
  ck_assert_int_eq(optimiser_step(&o, w, NULL, sum, 1, 1), E_NUMBER);
  /* here the weight stays finite and only the state overflows */
  o.kind = OPTIMISER_FEDADAM;
  o.epsilon = 0.001;
  o.beta1 = o.beta2 = 0.9;
  w[0] = 0;
  ck_assert_int_eq(optimiser_step(&o, w, state, sum, 1, 1), E_NUMBER);
}
END_TEST

TCase *test_optimiser(void)
{
  TCase *t = tcase_create("optimiser");
  tcase_add_test(t, golden);
  tcase_add_test(t, average);
  tcase_add_test(t, not_finite);
  return t;
}
