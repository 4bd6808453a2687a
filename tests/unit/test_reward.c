/* SPDX-License-Identifier: Apache-2.0
 * What a round pays, against schoolbook arithmetic on decimal digits. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/merkle.h"
#include "core/reward.h"
#include "play.h"
#include "test_core.h"
#include "util/field.h"

#define PEOPLE 40u
#define PLACES 100u

/* A number as decimal digits, the lowest first. */
struct digits {
  uint8_t d[PLACES];
};

static struct digits read_digits(const char *text)
{
  struct digits n = {{0}};
  size_t len = strlen(text);
  ck_assert_uint_le(len, PLACES);
  for (size_t i = 0; i < len; i++)
    n.d[i] = (uint8_t)(text[len - 1 - i] - '0');
  return n;
}

static void times(struct digits *n, uint64_t by)
{
  unsigned __int128 carry = 0;
  for (unsigned i = 0; i < PLACES; i++) {
    carry += (unsigned __int128)n->d[i] * by;
    n->d[i] = (uint8_t)(carry % 10);
    carry /= 10;
  }
  ck_assert(carry == 0);
}

static void divide(struct digits *n, uint64_t by)
{
  unsigned __int128 rest = 0;
  for (unsigned i = PLACES; i-- > 0;) {
    rest = rest * 10 + n->d[i];
    n->d[i] = (uint8_t)(rest / by);
    rest %= by;
  }
}

static void add(struct digits *n, const struct digits *more)
{
  unsigned carry = 0;
  for (unsigned i = 0; i < PLACES; i++) {
    carry += (unsigned)n->d[i] + more->d[i];
    n->d[i] = (uint8_t)(carry % 10);
    carry /= 10;
  }
}

static int compare(const struct digits *a, const struct digits *b)
{
  for (unsigned i = PLACES; i-- > 0;)
    if (a->d[i] != b->d[i])
      return a->d[i] < b->d[i] ? -1 : 1;
  return 0;
}

static void random_budget(char out[REWARD_DIGITS + 1])
{
  unsigned len = 1 + randombytes_uniform(REWARD_DIGITS);
  for (unsigned i = 0; i < len; i++)
    out[i] = (char)('0' + randombytes_uniform(10));
  if (len > 1 && *out == '0')
    *out = '9';
  out[len] = 0;
}

/* One case: every amount as the schoolbook has it, their sum within the budget. */
static void check_amounts(const struct reward *members, unsigned count,
                          const struct reward_terms *terms, uint64_t total)
{
  struct digits budget = read_digits(terms->budget), sum = {{0}};
  for (unsigned i = 0; i < count; i++) {
    struct digits want = budget, is = read_digits(members[i].amount);
    times(&want, members[i].named                ? 0
                 : terms->scheme == REWARD_EQUAL ? 1
                                                 : members[i].samples);
    divide(&want, terms->scheme == REWARD_EQUAL ? count : total);
    ck_assert_msg(compare(&is, &want) == 0, "%s of %s", members[i].amount, terms->budget);
    ck_assert(members[i].amount[0] != '0' || !members[i].amount[1]);
    add(&sum, &is);
  }
  ck_assert(compare(&sum, &budget) <= 0);
}

START_TEST(amounts_are_exact)
{
  for (unsigned run = 0; run < 3000; run++) {
    struct reward members[PEOPLE] = {0};
    char budget[REWARD_DIGITS + 1];
    unsigned count = 1 + randombytes_uniform(PEOPLE), kind = randombytes_uniform(3);
    struct reward_terms terms = {run % 2 ? REWARD_EQUAL : REWARD_SAMPLES, budget};
    uint64_t total = 0, top[] = {3, 1000000, (uint64_t)1 << 47};
    bool paid = false;
    random_budget(budget);
    for (unsigned i = 0; i < count; i++) {
      uint64_t draw;
      randombytes_buf(&draw, sizeof draw);
      members[i].samples = 1 + draw % top[kind];
      members[i].named = randombytes_uniform(8) == 0;
      total += members[i].samples;
    }
    ck_assert_int_eq(reward_amounts(members, count, &terms, total, &paid), OK);
    ck_assert(paid);
    check_amounts(members, count, &terms, total);
  }
}
END_TEST

START_TEST(nobody_is_paid)
{
  struct reward members[2] = {{.samples = 3, .amount = "x"}, {.samples = 4}};
  struct reward_terms terms = {REWARD_SAMPLES, "100"};
  bool paid = true;
  ck_assert_int_eq(reward_amounts(members, 2, &terms, 8, &paid), OK);
  ck_assert(!paid);
  ck_assert_str_eq(members[0].amount, "x");
  members[0].samples = members[1].samples = (uint64_t)1 << 63; /* 0 modulo 2^64 */
  ck_assert_int_eq(reward_amounts(members, 2, &terms, 0, &paid), OK);
  ck_assert(!paid);
  terms.scheme = REWARD_NONE;
  paid = true;
  ck_assert_int_eq(reward_amounts(members, 2, &terms, 7, &paid), OK);
  ck_assert(!paid);
  ck_assert_int_eq(reward_amounts(members, 0, &terms, 0, &paid), E_LENGTH);
}
END_TEST

START_TEST(the_largest_budget)
{
  char budget[REWARD_DIGITS + 1];
  struct reward one = {.samples = 9007199254740991};
  struct reward_terms terms = {REWARD_SAMPLES, budget};
  bool paid;
  memset(budget, '9', REWARD_DIGITS);
  budget[REWARD_DIGITS] = 0;
  ck_assert_int_eq(reward_amounts(&one, 1, &terms, one.samples, &paid), OK);
  ck_assert_str_eq(one.amount, budget);
}
END_TEST

START_TEST(terms)
{
  static const struct {
    const char *text;
    enum err want;
  } cases[] = {
      {"{\"scheme\":\"equal\",\"budget\":\"0\"}", OK},
      {"{\"scheme\":\"equal\",\"budget\":\"1000000000000000000\"}", OK},
      {"{\"scheme\":\"fair\",\"budget\":\"5\"}", E_FIELD_VALUE},
      {"{\"scheme\":\"equal\",\"budget\":\"05\"}", E_FIELD_VALUE},
      {"{\"scheme\":\"equal\",\"budget\":\"-5\"}", E_FIELD_VALUE},
      {"{\"scheme\":\"equal\",\"budget\":\"5.0\"}", E_FIELD_VALUE},
      {"{\"scheme\":\"equal\",\"budget\":\"\"}", E_FIELD_VALUE},
      {"{\"scheme\":\"equal\",\"budget\":5}", E_FIELD_TYPE},
      {"{\"scheme\":\"equal\"}", E_FIELD_MISSING},
      {"{\"scheme\":\"equal\",\"budget\":\"5\",\"to\":1}", E_FIELD_UNKNOWN},
      {"{\"scheme\":\"equal\",\"budget\":\"10000000000000000000000000000000000000000"
       "00000000000000000000000000000000000000\"}",
       E_FIELD_VALUE}, /* 79 digits */
  };
  for (size_t c = 0; c < LENGTH(cases); c++) {
    AUTO(json_drop) json_t *root = json_loads(cases[c].text, 0, NULL);
    struct reward_terms t;
    struct why why;
    ck_assert_msg(reward_terms_read(&t, root, &why) == cases[c].want, "%s",
                  cases[c].text);
  }
}
END_TEST

/* A round's members, who of them is named, and the root over their leaves. */
START_TEST(of_a_round)
{
  static const struct play_terms by_samples = {.n = 4,
                                               .minimum = 3,
                                               .ring_bits = 32,
                                               .quant_bits = 8,
                                               .d = 1,
                                               .weight_cap = 50,
                                               .scheme = "samples"};
  struct play p;
  struct digest root, want, left, right;
  struct reward out[3];
  uint8_t three = 0x0d; /* 0, 2 and 3 */
  uint64_t samples[4] = {1, 99, 5, 4};
  char id[65];
  bool paid = false;
  play_init(&p, &by_samples);
  play_join(&p);
  round_set_survivors(p.round, &three, &p.round->roster_hash);
  AUTO(json_drop) json_t *named = json_array();
  for (unsigned i = 1; i < 3; i++)
    json_array_append_new(named, json_pack("{s:o,s:o,s:s}", "event",
                                           json_hex(p.coordinator.b, 32), "participant",
                                           json_hex(p.players[i].id.b, 32), "reason",
                                           "bad-share"));
  ck_assert_int_eq(reward_round(out, p.round, samples, 10, named, &paid), OK);
  ck_assert(paid);
  ck_assert_mem_eq(&out[1].id, &p.players[2].id, 32);
  ck_assert_str_eq(out[0].amount, "100"); /* of 1,000 */
  ck_assert_str_eq(out[1].amount, "0");
  ck_assert_str_eq(out[2].amount, "400");
  ck_assert_int_eq(reward_root(&root, out, 3), OK);
  struct digest leaves[3];
  for (unsigned i = 0; i < 3; i++) {
    char leaf[256];
    snprintf(leaf, sizeof leaf, "{\"amount\":\"%s\",\"participant\":\"%s\"}",
             out[i].amount, sodium_bin2hex(id, sizeof id, out[i].id.b, 32));
    merkle_leaf(&leaves[i], BYTES(leaf, strlen(leaf)));
  }
  merkle_node(&left, &leaves[0], &leaves[1]);
  right = leaves[2];
  merkle_node(&want, &left, &right);
  ck_assert_mem_eq(&root, &want, sizeof want);
  json_array_remove(named, 1); /* the one that is left is not in U2 */
  ck_assert_int_eq(reward_round(out, p.round, samples, 10, named, &paid), OK);
  ck_assert_str_eq(out[1].amount, "500");
  samples[1] = 0; /* who is not in U2 does not count */
  ck_assert_int_eq(reward_round(out, p.round, samples, 11, named, &paid), OK);
  ck_assert(!paid);
  play_done(&p);
}
END_TEST

TCase *test_reward(void)
{
  TCase *t = tcase_create("reward");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, amounts_are_exact);
  tcase_add_test(t, nobody_is_paid);
  tcase_add_test(t, the_largest_budget);
  tcase_add_test(t, terms);
  tcase_add_test(t, of_a_round);
  return t;
}
