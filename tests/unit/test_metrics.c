/* SPDX-License-Identifier: Apache-2.0
 * Evaluation and the tail that a participant adds. */
#include "model/metrics.h"

#include <math.h>
#include <string.h>

#include "test_model.h"

#define GROUPS                                                                           \
  "{'groups':[{'name':'w','feature':'sex','values':['w']},"                              \
  "{'name':'m','feature':'sex','values':['m']}],'positive':'yes'}"

/* Weights that say "yes" (class 1) exactly where a > 5. */
static void yes_above_five(float w[12])
{
  memset(w, 0, 12 * sizeof *w);
  w[5] = 4; /* row of class 1, feature a */
}

static struct dataset *rows_of(const struct spec *s, const char *text)
{
  struct dataset *d = NULL;
  struct why why = {0};
  enum err e = dataset_parse(&d, s, BYTES(text, strlen(text)), DATASET_TRAIN,
                             &CSV_LIMITS_DEFAULT, &why);
  ck_assert_msg(e == OK, "%s: %s", why.field, why.detail);
  return d;
}

/* w: 2 true positive, 1 false positive, 1 true negative, 1 false negative; m: 4 rows. */
static const char mixed[] = "a,b,sex,t\n"
                            "9,5,w,yes\n8,5,w,yes\n7,5,w,no\n1,5,w,no\n2,5,w,yes\n"
                            "9,5,m,yes\n9,5,m,yes\n1,5,m,no\n9,5,m,no\n"
                            "1,5,x,no\n";

START_TEST(confusion)
{
  AUTO(spec_drop) struct spec *s = spec_of(spec_with(GROUPS));
  AUTO(dataset_drop) struct dataset *d = rows_of(s, mixed);
  struct metrics m;
  float w[12];
  yes_above_five(w);
  ck_assert_int_eq(metrics_evaluate(&m, w, s, d, 0), OK);
  ck_assert_uint_eq(m.evaluated, 10);
  ck_assert_uint_eq(m.correct, 7);
  ck_assert_uint_eq(m.group[0].evaluated, 5);
  ck_assert_uint_eq(m.group[0].true_positive, 2);
  ck_assert_uint_eq(m.group[0].false_positive, 1);
  ck_assert_uint_eq(m.group[0].true_negative, 1);
  ck_assert_uint_eq(m.group[0].false_negative, 1);
  ck_assert_uint_eq(m.group[1].evaluated, 4);
  double loss = 0; /* -ln of the probability of what is true; logit of yes is 4a' */
  static const double a[] = {9, 8, 7, 1, 2, 9, 9, 1, 9, 1};
  static const int yes[] = {1, 1, 0, 0, 1, 1, 1, 0, 0, 0};
  for (size_t i = 0; i < 10; i++)
    loss += log(1 + exp((yes[i] ? -4 : 4) * (a[i] - 5) / 5));
  ck_assert_double_eq_tol(m.loss, loss, 1e-5);
  ck_assert_int_eq(metrics_evaluate(&m, w, s, d, 3), OK);
  ck_assert_uint_eq(m.evaluated, 3);

  uint64_t tail[14];
  ck_assert_uint_eq(s->tail_count, 14);
  ck_assert_int_eq(metrics_tail(tail, w, s, d, 10), OK);
  uint64_t want[14] = {10, (uint64_t)round(loss * 1000), 7, 10, 5, 2, 1, 1, 1};
  /* the men are four: fewer than five add nothing */
  for (size_t i = 0; i < 14; i++)
    ck_assert_msg(tail[i] == want[i], "entry %zu is %llu", i,
                  (unsigned long long)tail[i]);
  ck_assert_int_eq(metrics_tail(tail, w, s, d, 0), E_FIELD_VALUE);
  ck_assert_int_eq(metrics_tail(tail, w, s, d, 1001), E_FIELD_VALUE);
}
END_TEST

/* More rows and more loss than the tail can hold: cut, and still consistent. */
START_TEST(caps)
{
  AUTO(spec_drop) struct spec *s = spec_of(spec_with(GROUPS));
  AUTO(dataset_drop) struct dataset *d = rows_of(s, mixed);
  uint64_t tail[14];
  float w[12];
  yes_above_five(w);
  for (size_t i = 1; i < 14; i++)
    s->tail[i].max = i == 1 ? 100 : 6;
  ck_assert_int_eq(metrics_tail(tail, w, s, d, 10), OK);
  ck_assert_uint_eq(tail[1], 100);
  ck_assert_uint_eq(tail[2], 4);
  ck_assert_uint_eq(tail[3], 6);
  ck_assert_uint_eq(tail[4], 5);
  w[5] = INFINITY;
  ck_assert_int_eq(metrics_tail(tail, w, s, d, 10), E_NUMBER);
}
END_TEST

START_TEST(numeric)
{
  AUTO(spec_drop)
  struct spec *s = spec_of(spec_with("{'kind':'linear','target':{'name':'t','type':"
                                     "'numeric','mean':'100','deviation':'50'}}"));
  AUTO(dataset_drop) struct dataset *d = rows_of(s, "a,b,sex,t\n5,5,m,175\n5,5,w,50\n");
  uint64_t tail[4];
  const float w[6] = {0, 0, 0, 0, 0, 0.5f};
  ck_assert_int_eq(metrics_tail(tail, w, s, d, 2), OK);
  ck_assert_uint_eq(tail[0], 2);
  ck_assert_uint_eq(tail[1], 3250); /* 1² + 1.5² */
  ck_assert_uint_eq(tail[2], 0);
  ck_assert_uint_eq(tail[3], 2);
}
END_TEST

START_TEST(vector_tail)
{
  AUTO(spec_drop)
  struct spec *s = spec_of(spec_with("{'kind':'vector','features':null,'target':null,"
                                     "'training':null,'dimension':3}"));
  uint64_t tail[1];
  const float w[3] = {0};
  ck_assert_int_eq(metrics_tail(tail, w, s, NULL, 17), OK);
  ck_assert_uint_eq(tail[0], 17);
}
END_TEST

TCase *test_metrics(void)
{
  TCase *t = tcase_create("metrics");
  tcase_add_test(t, confusion);
  tcase_add_test(t, caps);
  tcase_add_test(t, numeric);
  tcase_add_test(t, vector_tail);
  return t;
}
