/* SPDX-License-Identifier: Apache-2.0
 * Amounts as people read them, and sums that do not pass 2^256. Sending is tried against
 * a real chain: tests/scenario/test_chain_client.py. */
#include <string.h>

#include "clients/lib/wallet.h"
#include "test_client.h"

#define MUST(call) ck_assert_int_eq(call, OK)
#define LARGEST                                                                          \
  "115792089237316195423570985008687907853269984665640564039457584007913129639935"

static struct word word(const char *digits)
{
  struct word w;
  MUST(word_parse(&w, digits, "", NULL));
  return w;
}

START_TEST(test_amounts)
{
  static const struct {
    const char *wei, *text;
  } cases[] = {
      {"0", "0 ETH"},
      {"1", "0.000000000000000001 ETH"},
      {"10", "0.00000000000000001 ETH"},
      {"100000000000000000", "0.1 ETH"},
      {"999999999999999999", "0.999999999999999999 ETH"},
      {"1000000000000000000", "1 ETH"},
      {"1000000000000000001", "1.000000000000000001 ETH"},
      {"120500000000000000000", "120.5 ETH"},
      {LARGEST, "115792089237316195423570985008687907853269984665640564039457."
                "584007913129639935 ETH"},
  };
  static const struct address ether, token = {.b = {[19] = 1}};
  char text[160];
  for (unsigned i = 0; i < LENGTH(cases); i++) {
    struct word w = word(cases[i].wei);
    ck_assert_str_eq(amount_text(text, &w, &ether), cases[i].text);
  }
  struct word w = word("1000000000000000000");
  ck_assert_str_eq(amount_text(text, &w, &token),
                   "1000000000000000000 of the token "
                   "0x0000000000000000000000000000000000000001");
  w = word(LARGEST); /* the longest there is */
  ck_assert_uint_lt(strlen(amount_text(text, &w, &token)), sizeof text - 1);
}
END_TEST

START_TEST(test_arithmetic)
{
  struct word most = word(LARGEST), one = word_of(1), out = word_of(7);
  struct word widest = word_of(UINT64_MAX);
  MUST(word_times(&out, &one, UINT64_MAX));
  ck_assert_int_eq(word_compare(&out, &widest), 0);
  struct word a = word("340282366920938463463374607431768211457"); /* 2^128 + 1 */
  struct word product = word("170141183460469231731687303715884105728500000000000000000");
  MUST(word_times(&out, &a, 500000000000000000));
  ck_assert_int_eq(word_compare(&out, &product), 0);
  MUST(word_times(&out, &most, 1));
  ck_assert_int_eq(word_compare(&out, &most), 0);
  MUST(word_times(&out, &most, 0));
  ck_assert(word_zero(&out));
  out = one;
  ck_assert_int_eq(word_times(&out, &most, 2), E_OVERFLOW);
  ck_assert_int_eq(word_compare(&out, &one), 0);
  MUST(word_minus(&out, &most, &most));
  ck_assert(word_zero(&out));
  struct word big = word("18446744073709551616"), less = word("18446744073709551615");
  MUST(word_minus(&out, &big, &one));
  ck_assert_int_eq(word_compare(&out, &less), 0);
  ck_assert_int_eq(word_minus(&out, &one, &big), E_OVERFLOW);
  ck_assert_int_eq(word_compare(&out, &less), 0);
}
END_TEST

TCase *test_wallet(void)
{
  TCase *t = tcase_create("wallet");
  tcase_add_test(t, test_amounts);
  tcase_add_test(t, test_arithmetic);
  return t;
}
