/* SPDX-License-Identifier: Apache-2.0
 * Codes of an authenticator against the vectors of RFC 6238 and RFC 4648. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "server/totp.h"

static const struct totp_secret secret = {"12345678901234567890"};

START_TEST(test_vectors)
{
  static const struct {
    uint64_t time;
    uint32_t code; /* of eight digits */
  } vectors[] = {{59, 94287082},         {1111111109, 7081804},  {1111111111, 14050471},
                 {1234567890, 89005924}, {2000000000, 69279037}, {20000000000, 65353130}};
  for (size_t i = 0; i < LENGTH(vectors); i++)
    ck_assert_uint_eq(totp_value(&secret, vectors[i].time / TOTP_STEP) % 100000000,
                      vectors[i].code);
}
END_TEST

START_TEST(test_match)
{
  uint64_t step = 0;
  /* of step 37037036, whose last second is 1111111109 */
  ck_assert(totp_match(&secret, 1111111109, 0, "081804", &step));
  ck_assert_uint_eq(step, 37037036);
  ck_assert(totp_match(&secret, 1111111109 + 30, 0, "081804", &step));
  ck_assert(totp_match(&secret, 1111111109 - 30, 0, "081804", &step));
  ck_assert_uint_eq(step, 37037036);
  ck_assert(totp_match(&secret, 1111111109, 37037035, "081804", &step));
  ck_assert(!totp_match(&secret, 1111111109, 37037036, "081804", &step)); /* again */
  ck_assert(!totp_match(&secret, 1111111109 + 60, 0, "081804", &step));
  ck_assert(!totp_match(&secret, 1111111109 - 60, 0, "081804", &step));
  static const char *const bad[] = {"",       "81804",    "0818040", "081805",
                                    "08180a", "07081804", "-81804"};
  for (size_t i = 0; i < LENGTH(bad); i++)
    ck_assert_msg(!totp_match(&secret, 1111111109, 0, bad[i], &step), "%s", bad[i]);
  ck_assert(totp_match(&secret, 0, 0, "287082", &step)); /* no step before the first */
  ck_assert_uint_eq(step, 1);
}
END_TEST

START_TEST(test_base32)
{
  static const char *const vectors[][2] = {{"", ""},
                                           {"f", "MY"},
                                           {"fo", "MZXQ"},
                                           {"foo", "MZXW6"},
                                           {"foob", "MZXW6YQ"},
                                           {"fooba", "MZXW6YTB"},
                                           {"foobar", "MZXW6YTBOI"}};
  char out[16];
  for (size_t i = 0; i < LENGTH(vectors); i++) {
    base32_encode(out, (const uint8_t *)vectors[i][0], strlen(vectors[i][0]));
    ck_assert_str_eq(out, vectors[i][1]);
  }
}
END_TEST

START_TEST(test_uri)
{
  AUTO(buf_done) struct buf uri = {0};
  ck_assert_int_eq(totp_uri(&uri, &secret, "a b/c:d", "ada.x"), OK);
  ck_assert_str_eq(buf_text(&uri), "otpauth://totp/a%20b%2Fc%3Ad:ada.x?secret="
                                   "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=a%20b%2Fc%3Ad"
                                   "&algorithm=SHA1&digits=6&period=30");
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("totp");
  TCase *c = tcase_create("totp");
  tcase_add_test(c, test_vectors);
  tcase_add_test(c, test_match);
  tcase_add_test(c, test_base32);
  tcase_add_test(c, test_uri);
  suite_add_tcase(suite, c);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? 1 : 0;
}
