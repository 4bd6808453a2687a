/* SPDX-License-Identifier: Apache-2.0
 * Whole rounds in memory: the unmasked sum is the plain integer sum, always. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/group.h"
#include "play.h"
#include "test_core.h"
#include "util/field.h"

/* Removes `count` random members from a set over n. */
static void drop(uint8_t *set, unsigned n, unsigned count)
{
  while (count) {
    uint32_t i = randombytes_uniform(n);
    if (set_has(set, i)) {
      set[i / 8] = (uint8_t)(set[i / 8] & ~(1u << (i % 8)));
      count--;
    }
  }
}

static void everybody(uint8_t *set, unsigned n)
{
  memset(set, 0, (n + 7) / 8);
  for (unsigned i = 0; i < n; i++)
    set_add(set, i);
}

/* One round with dropouts in each phase, as many as the rules allow or fewer. */
static void whole_round(const struct play_terms *t, unsigned drop_share,
                        unsigned drop_upload, unsigned drop_unmask)
{
  struct play p;
  struct why why = {0};
  uint8_t *set = must_calloc((t->n + 7) / 8, 1);
  play_init(&p, t);
  play_join(&p);
  everybody(set, t->n);
  drop(set, t->n, drop_share);
  play_share(&p, set);
  drop(set, t->n, drop_upload);
  play_upload(&p, set);
  AUTO(round_drop) struct round *view = NULL;
  enum err e = play_view_survivors(&view, &p, &why);
  ck_assert_msg(e == OK, "n=%u %u/%u/%u: %s", t->n, drop_share, drop_upload, drop_unmask,
                why.detail);
  uint8_t *answers = must_calloc((t->n + 7) / 8, 1);
  memcpy(answers, set, (t->n + 7) / 8);
  drop(answers, t->n, drop_unmask);
  size_t bytes = open_bytes(p.round->open);
  uint8_t *sum = must_calloc(bytes, 1), *plain = must_calloc(bytes, 1);
  ck_assert_int_eq(play_unmask(&p, answers, sum), OK);
  play_plain_sum(&p, set, plain);
  ck_assert_mem_eq(sum, plain, bytes);
  free(sum);
  free(plain);
  free(answers);
  free(set);
  play_done(&p);
}

START_TEST(sum_is_exact_for_every_width)
{
  static const unsigned widths[] = {16, 24, 32, 40, 48, 64};
  for (unsigned w = 0; w < LENGTH(widths); w++)
    for (unsigned anchored = 0; anchored < 2; anchored++) {
      struct play_terms t = {.n = 6,
                             .minimum = 3,
                             .ring_bits = widths[w],
                             .quant_bits = widths[w] == 16 ? 6 : 10,
                             .d = 37 + randombytes_uniform(100),
                             .weight_cap = widths[w] == 16 ? 9 : 100,
                             .dropout_bp = 1000,
                             .anchored = anchored};
      whole_round(&t, 0, 0, 0);
      whole_round(&t, 0, 1, 0);
      whole_round(&t, 1, 0, anchored);
    }
}
END_TEST

START_TEST(sum_is_exact_for_random_cohorts)
{
  for (unsigned run = 0; run < 30; run++) {
    unsigned n = 3 + randombytes_uniform(20);
    bool anchored = randombytes_uniform(2);
    unsigned k = n - 1;
    unsigned t = MAX(2u, (anchored ? k / 2 : 2 * k / 3) + 1);
    struct play_terms terms = {.n = n,
                               .minimum = 3,
                               .ring_bits = 32,
                               .quant_bits = 12,
                               .d = 1 + randombytes_uniform(50),
                               .weight_cap = 50,
                               .dropout_bp = 1000,
                               .anchored = anchored};
    /* all may vanish that leave every secret t helpers: t + 1 survivors among the live */
    unsigned spare = n > t + 1 ? n - t - 1 : 0;
    unsigned first = randombytes_uniform(spare + 1);
    unsigned second = randombytes_uniform(spare - first + 1);
    if (n - first < 4)
      first = 0;
    if (!anchored && n * second >= t * (n - first - 3 + 1))
      second = 0;
    whole_round(&terms, first, second, 0);
  }
}
END_TEST

START_TEST(sum_is_exact_on_a_sparse_graph)
{
  struct play_terms t = {.n = 80,
                         .minimum = 10,
                         .ring_bits = 32,
                         .quant_bits = 12,
                         .d = 9,
                         .weight_cap = 50,
                         .dropout_bp = 2000,
                         .anchored = true};
  whole_round(&t, 4, 6, 3);
}
END_TEST

START_TEST(parties_survive_saving)
{
  struct play_terms t = {.n = 5,
                         .minimum = 3,
                         .ring_bits = 32,
                         .quant_bits = 12,
                         .d = 9,
                         .weight_cap = 50,
                         .dropout_bp = 1000};
  struct play p;
  uint8_t all = 0x1f;
  play_init(&p, &t);
  play_join(&p);
  play_share(&p, &all);
  play_upload(&p, &all);
  for (unsigned i = 0; i < 5; i++) { /* everybody restarts before the answer */
    AUTO(buf_done) struct buf text = {0};
    struct party *again = NULL;
    ck_assert_int_eq(party_save(&text, p.players[i].party), OK);
    ck_assert_int_eq(party_load(&again, buf_bytes(&text), &p.players[i].key, NULL), OK);
    ck_assert(json_equal((json_t *)party_event(again, "update"),
                         (json_t *)party_event(p.players[i].party, "update")));
    party_free(p.players[i].party);
    p.players[i].party = again;
    text.data[text.len / 2] ^= 1;
    struct party *damaged = NULL;
    if (party_load(&damaged, buf_bytes(&text), &p.players[i].key, NULL) == OK)
      party_free(damaged);
  }
  size_t bytes = open_bytes(p.round->open);
  uint8_t *sum = must_calloc(bytes, 1), *plain = must_calloc(bytes, 1);
  ck_assert_int_eq(play_unmask(&p, &all, sum), OK);
  play_plain_sum(&p, &all, plain);
  ck_assert_mem_eq(sum, plain, bytes);
  free(sum);
  free(plain);
  play_done(&p);
}
END_TEST

/* Changes player i's answer: entry `at` becomes another scalar, or nothing. */
static void spoil_answer(struct play *p, uint32_t i, unsigned at, bool given)
{
  struct secret_scalar other;
  scalar_random(&other);
  json_t *event = (json_t *)party_event(p->players[i].party, "unmask");
  json_array_set_new(json_object_get(event, "shares"), at,
                     given ? json_hex(other.b, 32) : json_null());
}

/* Wrong shares are dropped and named, as long as t right ones are left. */
START_TEST(wrong_shares_are_named)
{
  struct play_terms t = {.n = 9,
                         .minimum = 3,
                         .ring_bits = 32,
                         .quant_bits = 12,
                         .d = 3,
                         .weight_cap = 50,
                         .dropout_bp = 1000,
                         .anchored = true}; /* k = 8, t = 5 */
  struct play p;
  uint8_t all[2] = {0xff, 1}, eight[2] = {0xff, 0}, seven[2] = {0xfe, 0};
  play_init(&p, &t);
  play_join(&p);
  play_share(&p, all);
  play_upload(&p, eight);
  size_t bytes = open_bytes(p.round->open);
  AUTO(free_drop) uint8_t *sum = must_calloc(bytes, 1);
  ck_assert_int_eq(play_unmask(&p, seven, sum), OK); /* member 0 says nothing */
  spoil_answer(&p, 1, 1, true);                      /* of s_2 */
  spoil_answer(&p, 2, 7, true);                      /* of a_8, who vanished */
  struct unmasking u;
  ck_assert_int_eq(play_rebuild(&p, seven, &u), OK);
  for (unsigned i = 0; i < 9; i++)
    ck_assert(u.wrong[i] == (i == 1 || i == 2));
  ck_assert_uint_eq(u.masks.len, 8 + 8); /* eight self masks, eight pairs with member 8 */
  unmasking_done(&u);
  spoil_answer(&p, 3, 2, true); /* of s_2 again: four right ones are left */
  ck_assert_int_eq(play_rebuild(&p, seven, &u), E_THRESHOLD);
  ck_assert(u.wrong[1] && u.wrong[2] && u.wrong[3]);
  unmasking_done(&u);
  play_done(&p);
}
END_TEST

START_TEST(odd_answers_are_not_taken)
{
  struct play_terms t = {
      .n = 4, .minimum = 3, .ring_bits = 32, .quant_bits = 12, .d = 3, .weight_cap = 50};
  struct play p;
  uint8_t all = 0x0f;
  play_init(&p, &t);
  play_join(&p);
  play_share(&p, &all);
  play_upload(&p, &all);
  size_t bytes = open_bytes(p.round->open);
  AUTO(free_drop) uint8_t *sum = must_calloc(bytes, 1);
  ck_assert_int_eq(play_unmask(&p, &all, sum), OK);
  AUTO(json_drop)
  json_t *event = json_deep_copy(party_event(p.players[0].party, "unmask"));
  struct unmasking u;
  AUTO(unmask_done) struct unmask_event answer = {0};
  unmasking_init(&u, p.round);
  ck_assert_int_eq(unmask_parse(&answer, event, NULL), OK);
  ck_assert_int_eq(unmasking_add(&u, 4, &answer), E_ANSWER);
  ck_assert_int_eq(unmasking_add(&u, 0, &answer), OK);
  ck_assert_int_eq(unmask_parse(&answer, event, NULL), OK);
  ck_assert_int_eq(unmasking_add(&u, 0, &answer), E_ANSWER); /* a second time */
  unmask_done(&answer);
  json_array_append_new(json_object_get(event, "shares"), json_null());
  ck_assert_int_eq(unmask_parse(&answer, event, NULL), OK);
  ck_assert_int_eq(unmasking_add(&u, 1, &answer), E_ANSWER); /* four of three */
  unmasking_done(&u);
  play_done(&p);
}
END_TEST

/* The values the protocol page promises for small cohorts: silent members tolerated. */
START_TEST(small_cohorts_tolerate_what_is_promised)
{
  static const struct {
    unsigned n, anchored, unanchored;
  } cases[] = {{3, 0, 0}, {4, 1, 0}, {5, 1, 1}, {6, 2, 1}, {10, 4, 2}};
  for (unsigned c = 0; c < LENGTH(cases); c++)
    for (unsigned anchored = 0; anchored < 2; anchored++) {
      unsigned n = cases[c].n, least = anchored ? cases[c].anchored : cases[c].unanchored;
      struct play_terms t = {.n = n,
                             .minimum = 3,
                             .ring_bits = 32,
                             .quant_bits = 12,
                             .d = 3,
                             .weight_cap = 5,
                             .dropout_bp = 1000,
                             .anchored = anchored};
      struct play p;
      uint8_t set[2];
      play_init(&p, &t);
      play_join(&p);
      everybody(set, n);
      play_share(&p, set);
      drop(set, n, least);
      ck_assert_int_eq(round_check_survivors(p.round, set, NULL, NULL), OK);
      drop(set, n, 1);
      ck_assert_int_eq(round_check_survivors(p.round, set, NULL, NULL), E_THRESHOLD);
      play_done(&p);
    }
}
END_TEST

TCase *test_round(void)
{
  TCase *t = tcase_create("round");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, sum_is_exact_for_every_width);
  tcase_add_test(t, sum_is_exact_for_random_cohorts);
  tcase_add_test(t, sum_is_exact_on_a_sparse_graph);
  tcase_add_test(t, parties_survive_saving);
  tcase_add_test(t, wrong_shares_are_named);
  tcase_add_test(t, odd_answers_are_not_taken);
  tcase_add_test(t, small_cohorts_tolerate_what_is_promised);
  return t;
}
