/* SPDX-License-Identifier: Apache-2.0
 * Networks: initial bytes, gradients against finite differences, training, prediction. */
#include "model/net.h"

#include <math.h>
#include <sodium.h>
#include <string.h>

#include "model/metrics.h"
#include "model/train.h"
#include "test_model.h"
#include "util/field.h"
#include "util/text.h"

#define MLP_NUMERIC                                                                      \
  "{'kind':'mlp','hidden':[6,5],'target':{'name':'t','type':'numeric','mean':'100',"     \
  "'deviation':'50'}}"

static float noise(uint32_t *state)
{
  *state = *state * 1664525u + 1013904223u;
  return (float)(*state >> 8) / (float)(1 << 23) - 1;
}

static struct dataset *random_rows(const struct spec *s, size_t rows, uint32_t seed)
{
  struct dataset *d = must_calloc(1, sizeof *d);
  d->rows = rows;
  d->inputs = s->inputs;
  d->has_target = true;
  d->x = must_calloc(rows * s->inputs, sizeof *d->x);
  d->groups = must_calloc(rows, sizeof *d->groups);
  for (size_t i = 0; i < rows * s->inputs; i++)
    d->x[i] = noise(&seed);
  if (s->target.categorical)
    d->label = must_calloc(rows, sizeof *d->label);
  else
    d->value = must_calloc(rows, sizeof *d->value);
  for (size_t i = 0; i < rows; i++) {
    if (d->label)
      d->label[i] = (uint32_t)((noise(&seed) + 1) / 2 * (float)s->outputs);
    else
      d->value[i] = noise(&seed);
  }
  return d;
}

/* From an independent program, tests/vectors/model.py. */
START_TEST(initial)
{
  AUTO(json_drop) json_t *golden = source_json("tests/vectors/init.json");
  const char *name;
  json_t *want;
  ck_assert_uint_eq(json_object_size(golden), 4);
  json_object_foreach (golden, name, want) {
    AUTO(spec_drop) struct spec *s = example_spec(name);
    AUTO(free_drop) float *w = must_calloc(s->d, sizeof *w);
    struct digest sum;
    char hex[65], first[17];
    memset(w, 0xff, s->d * sizeof *w);
    ck_assert_int_eq(net_init(w, s, &s->hash), OK);
    crypto_hash_sha256(sum.b, (const uint8_t *)w, s->d * sizeof *w);
    ck_assert_str_eq(hex_encode(hex, sum.b, 32),
                     json_string_value(json_object_get(want, "sha256")));
    ck_assert_str_eq(hex_encode(first, w, 8),
                     json_string_value(json_object_get(want, "first")));
  }
}
END_TEST

/* More weights than one draw of the keystream takes, bounded by sqrt(6/inputs). */
START_TEST(initial_wide)
{
  AUTO(spec_drop) struct spec *s = spec_of(spec_with("{'kind':'mlp','hidden':[900]}"));
  AUTO(free_drop) float *w = must_calloc(s->d, sizeof *w);
  struct digest other = s->hash;
  ck_assert_int_eq(net_init(w, s, &s->hash), OK);
  float most = 0;
  for (size_t i = 0; i < 4500; i++)
    most = MAX(most, fabsf(w[i]));
  ck_assert_float_le(most, sqrtf(6.0f / 5));
  ck_assert_float_ge(most, sqrtf(6.0f / 5) * 0.99f);
  ck_assert_float_eq(w[4500], 0); /* biases */
  float before = w[4499];
  other.b[0] ^= 1;
  ck_assert_int_eq(net_init(w, s, &other), OK);
  ck_assert_float_ne(before, w[4499]);
}
END_TEST

static double mean_loss(struct net *n, const float *w, const struct dataset *d)
{
  net_forward(n, w, d->x, d->rows);
  return net_loss(n, d->label, d->value) / (double)d->rows;
}

/* Central differences; float32 forward passes leave about 1e-3 of noise in them. */
START_TEST(gradient)
{
  static const char *const kinds[] = {
      "{}",
      "{'kind':'linear','target':{'name':'t','type':'numeric','mean':'0','deviation':'1'}"
      "}",
      "{'kind':'mlp','hidden':[6,5]}", MLP_NUMERIC};
  AUTO(spec_drop) struct spec *s = spec_of(spec_with(kinds[_i]));
  AUTO(dataset_drop) struct dataset *d = random_rows(s, 9, 3);
  AUTO(net_drop) struct net *n = net_new(s, 9);
  AUTO(free_drop) float *w = must_calloc(s->d, sizeof *w);
  AUTO(free_drop) float *grad = must_calloc(s->d, sizeof *grad);
  uint32_t seed = 11;
  for (size_t i = 0; i < s->d; i++)
    w[i] = 0.5f * noise(&seed);
  net_forward(n, w, d->x, d->rows);
  double sum = net_gradient(n, grad, w, d->x, d->label, d->value);
  ck_assert_double_eq_tol(sum / 9, mean_loss(n, w, d), 1e-6);
  double size = 0;
  for (size_t i = 0; i < s->d; i++) {
    const float step = 1e-3f, was = w[i];
    w[i] = was + step;
    double up = mean_loss(n, w, d), wide = (double)w[i];
    w[i] = was - step;
    double down = mean_loss(n, w, d);
    wide -= (double)w[i];
    w[i] = was;
    ck_assert_double_eq_tol((double)grad[i], (up - down) / wide, 2e-3);
    size = MAX(size, fabs((double)grad[i]));
  }
  ck_assert_double_ge(size, 0.05); /* there was something to see */
}
END_TEST

struct progress {
  uint64_t calls, done, total;
};

static void count_step(void *arg, uint64_t done, uint64_t total)
{
  struct progress *p = arg;
  p->calls++;
  p->done = done;
  p->total = total;
}

/* A straight line is found, by both optimisers; the same seed gives the same weights. */
START_TEST(learns_line)
{
  static const char *const how[] = {"sgd", "adam"};
  AUTO(json_drop)
  json_t *root = spec_with("{'kind':'linear','target':{'name':'t','type':'numeric',"
                           "'mean':'100','deviation':'50'},'training':{'epochs':200,"
                           "'batch':8,'rate':'0.02','l2':'0','optimiser':'sgd'}}");
  json_object_set_new(json_object_get(root, "training"), "optimiser",
                      json_string(how[_i]));
  AUTO(spec_drop) struct spec *s = spec_of(json_incref(root));
  AUTO(dataset_drop) struct dataset *d = random_rows(s, 50, 5);
  for (size_t r = 0; r < 50; r++) {
    const float *x = d->x + r * 5;
    d->value[r] = 0.5f * x[0] - 0.25f * x[1] + x[4] - 0.125f;
  }
  float w[6] = {0}, again[6] = {0}, out[50];
  static const float want[] = {0.5f, -0.25f, 0, 0, 1, -0.125f};
  ck_assert_int_eq(train(w, s, d, 7, NULL), OK);
  struct progress p = {0};
  ck_assert_int_eq(train(again, s, d, 7, &(struct train_watch){count_step, &p}), OK);
  ck_assert_uint_eq(p.calls, s->training.epochs *
                                 ((50 + s->training.batch - 1) / s->training.batch));
  ck_assert_uint_eq(p.done, p.total);
  ck_assert_uint_eq(p.calls, p.total);
  ck_assert_mem_eq(w, again, sizeof w);
  for (size_t i = 0; i < 6; i++)
    ck_assert_float_eq_tol(w[i], want[i], 2e-3f);
  ck_assert_int_eq(net_predict(out, w, s, d), OK);
  ck_assert_float_eq_tol(out[3], 100 + 50 * d->value[3], 0.5f);
}
END_TEST

/* The penalty pulls weights, not biases, towards zero. */
START_TEST(l2)
{
  AUTO(spec_drop)
  struct spec *s = spec_of(
      spec_with("{'kind':'linear','target':{'name':'t','type':'numeric','mean':'0',"
                "'deviation':'1'},'training':{'epochs':300,'batch':50,'rate':'0.1',"
                "'l2':'1000','optimiser':'sgd'}}"));
  s->training.l2 = 4;
  AUTO(dataset_drop) struct dataset *d = random_rows(s, 50, 5);
  for (size_t r = 0; r < 50; r++)
    d->value[r] = d->x[r * 5] + 3;
  float w[6] = {0};
  ck_assert_int_eq(train(w, s, d, 7, NULL), OK);
  ck_assert_float_le(fabsf(w[0]), 0.3f);
  ck_assert_float_eq_tol(w[5], 3, 0.3f);
}
END_TEST

START_TEST(diverges)
{
  AUTO(spec_drop)
  struct spec *s = spec_of(
      spec_with("{'kind':'linear','target':{'name':'t','type':'numeric','mean':'0',"
                "'deviation':'1'},'training':{'epochs':500,'batch':4,'rate':'900',"
                "'l2':'0','optimiser':'sgd'}}"));
  AUTO(dataset_drop) struct dataset *d = random_rows(s, 20, 5);
  float w[6] = {1, 2, 3, 4, 5, 6}, before[6];
  memcpy(before, w, sizeof w);
  ck_assert_int_eq(train(w, s, d, 1, NULL), E_NUMBER);
  ck_assert_mem_eq(w, before, sizeof w);
  w[0] = INFINITY;
  float out[20];
  ck_assert_int_eq(net_predict(out, w, s, d), E_NUMBER);
}
END_TEST

START_TEST(needs_rows)
{
  AUTO(spec_drop) struct spec *s = spec_of(spec_with("{}"));
  AUTO(dataset_drop) struct dataset *d = random_rows(s, 3, 5);
  float w[12] = {0};
  d->has_target = false;
  ck_assert_int_eq(train(w, s, d, 1, NULL), E_SPEC);
  d->has_target = true;
  d->rows = 0;
  ck_assert_int_eq(train(w, s, d, 1, NULL), E_SPEC);
}
END_TEST

/* Probabilities of each row sum to 1, also where logits are huge, over block borders. */
START_TEST(probabilities)
{
  AUTO(spec_drop) struct spec *s = spec_of(spec_with("{'kind':'mlp','hidden':[8]}"));
  AUTO(dataset_drop) struct dataset *d = random_rows(s, 1100, 9);
  AUTO(free_drop) float *w = must_calloc(s->d, sizeof *w);
  AUTO(free_drop) float *out = must_calloc(1100 * 2, sizeof *out);
  uint32_t seed = 1;
  for (size_t i = 0; i < s->d; i++)
    w[i] = 300 * noise(&seed);
  ck_assert_int_eq(net_predict(out, w, s, d), OK);
  size_t sure = 0;
  for (size_t r = 0; r < 1100; r++) {
    ck_assert_float_eq_tol(out[2 * r] + out[2 * r + 1], 1, 1e-5f);
    sure += out[2 * r] > 0.99f || out[2 * r] < 0.01f;
  }
  ck_assert_uint_ge(sure, 1000);
  AUTO(net_drop) struct net *n = net_new(s, 1);
  const float *z = net_forward(n, w, d->x + 1099 * 5, 1);
  ck_assert_float_eq_tol(out[2 * 1099], 1 / (1 + expf(z[1] - z[0])), 1e-5f);
}
END_TEST

TCase *test_net(void)
{
  TCase *t = tcase_create("net");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, initial);
  tcase_add_test(t, initial_wide);
  tcase_add_loop_test(t, gradient, 0, 4);
  tcase_add_loop_test(t, learns_line, 0, 2);
  tcase_add_test(t, l2);
  tcase_add_test(t, diverges);
  tcase_add_test(t, needs_rows);
  tcase_add_test(t, probabilities);
  return t;
}
