/* SPDX-License-Identifier: Apache-2.0
 * What a description means for a round of so many members. */
#include "model/outlook.h"

#include "core/graph.h"
#include "test_model.h"

static struct outlook look(struct spec *s, unsigned members, bool anchored)
{
  struct outlook o;
  ck_assert_int_eq(outlook_make(&o, s, members, anchored, NULL), OK);
  return o;
}

/* The least number of survivors, by asking section 7's conditions one after the other. */
static unsigned least_by_search(const struct graph_params *p, unsigned m)
{
  for (unsigned u = m; u < p->n; u++) {
    bool good = u >= p->t + 1 && (p->complete || u >= p->alive);
    if (!p->anchored) /* with all of n in U1 */
      good = good && p->n * (p->n - u) < p->t * (p->n - m + 1);
    if (good)
      return u;
  }
  return p->n;
}

START_TEST(survivors)
{
  AUTO(spec_drop)
  struct spec *s = spec_of(spec_with("{'ring_bits':64,'cohort':{'minimum':3,'maximum':"
                                     "200,'corrupt_bp':1000,'dropout_bp':2000}}"));
  for (int anchored = 0; anchored < 2; anchored++)
    for (unsigned n = 3; n <= 200; n++) {
      struct graph_params p;
      struct outlook o = look(s, n, anchored);
      ck_assert_int_eq(graph_params_find(&p, n, 1000, 2000, anchored), OK);
      ck_assert_uint_eq(o.members, n);
      ck_assert_uint_eq(o.neighbours, p.k);
      ck_assert_uint_eq(o.threshold, p.t);
      ck_assert(o.sparse == !p.complete);
      ck_assert_msg(o.minimum == least_by_search(&p, 3), "n = %u: %u, not %u", n,
                    o.minimum, least_by_search(&p, 3));
      ck_assert_uint_eq(o.anonymity, 3);
    }
}
END_TEST

START_TEST(bounds)
{
  AUTO(spec_drop) struct spec *s = example_spec("iris");
  ck_assert_uint_eq(look(s, 0, false).members, 10);
  ck_assert_uint_eq(look(s, 1, false).members, 3);
  ck_assert_uint_eq(look(s, 11, false).members, 10);
  struct outlook o = look(s, 3, false);
  ck_assert_str_eq(o.reward, "");
  ck_assert_uint_eq(o.seconds_most, 780);
  ck_assert_uint_ge(o.seconds_least, 1);
  AUTO(spec_drop)
  struct spec *wide = spec_of(
      spec_with("{'ring_bits':64,'cohort':{'minimum':3,'maximum':3000,'corrupt_bp':4500,"
                "'dropout_bp':4500},'reward':{'scheme':'equal','budget':'7'}}"));
  struct why why = {0};
  ck_assert_int_eq(outlook_make(&o, wide, 3000, true, &why), E_THRESHOLD);
  ck_assert_str_eq(why.field, "spec.cohort.maximum");
  ck_assert_uint_eq(o.members, 3); /* untouched */
  ck_assert_str_eq(look(wide, 3, true).reward, "2");
}
END_TEST

START_TEST(headroom)
{
  AUTO(spec_drop) struct spec *s = example_spec("iris");
  for (uint64_t cap = 1; cap < 6000; cap += 7) {
    struct why why;
    unsigned h;
    s->quantiser.cap = cap;
    if (spec_check_overflow(s, &why) != OK)
      continue;
    h = look(s, 0, false).headroom_bits;
    ck_assert_uint_lt(10 * cap * 32767 << h, (uint64_t)1 << 31);
    ck_assert_uint_ge(10 * cap * 32767 << (h + 1), (uint64_t)1 << 31);
  }
}
END_TEST

TCase *test_outlook(void)
{
  TCase *tc = tcase_create("outlook");
  tcase_add_test(tc, survivors);
  tcase_add_test(tc, bounds);
  tcase_add_test(tc, headroom);
  return tc;
}
