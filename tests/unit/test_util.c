/* SPDX-License-Identifier: Apache-2.0
 * Unit tests of src/util. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "util/field.h"
#include "util/text.h"

START_TEST(decimals)
{
  static const char *const good[] = {"0", "1", "-1", "0.5", "-0.05", "10", "12.034"};
  static const char *const bad[] = {"",   "-",    "-0",  "00",   "01",  "1.",  ".5",
                                    "+1", "1.50", "0.0", "-0.0", "1e3", "nan", "1 "};
  double d;
  for (size_t i = 0; i < LENGTH(good); i++) {
    ck_assert_int_eq(decimal_parse(&d, good[i]), OK);
    ck_assert(d == strtod(good[i], NULL));
  }
  for (size_t i = 0; i < LENGTH(bad); i++)
    ck_assert_msg(decimal_parse(&d, bad[i]) == E_FIELD_VALUE, "%s", bad[i]);
  int64_t m;
  unsigned e;
  ck_assert_int_eq(decimal_exact(&m, &e, "-0.05"), OK);
  ck_assert_int_eq(m, -5);
  ck_assert_uint_eq(e, 2);
  ck_assert_int_eq(decimal_exact(&m, &e, "1234567890123456789"), E_FIELD_VALUE);
}
END_TEST

START_TEST(fields)
{
  uint8_t id[2];
  uint64_t n = 7;
  bool here = true;
  struct why why = {0};
  const struct field table[] = {FIELD_HEX("id", id),
                                OPTIONAL(FIELD_UINT("n", &n, 1, 9), &here), FIELD_END};
  const struct {
    const char *text;
    enum err want;
    const char *field;
  } cases[] = {
      {"{\"id\":\"0aff\"}", OK, ""},
      {"{\"id\":\"0AFF\"}", E_FIELD_VALUE, "id"},
      {"{\"id\":\"0aff\",\"n\":10}", E_FIELD_VALUE, "n"},
      {"{\"id\":\"0aff\",\"n\":\"3\"}", E_FIELD_TYPE, "n"},
      {"{\"n\":3}", E_FIELD_MISSING, "id"},
      {"{\"id\":\"0aff\",\"x\":3}", E_FIELD_UNKNOWN, "x"},
      {"{\"id\":\"0aff\",\"id\":\"0aff\"}", E_JSON, ""},
      {"[]", E_JSON, ""},
      {"{\"id\":\"0aff\"} ,", E_JSON, ""},
  };
  for (size_t i = 0; i < LENGTH(cases); i++) {
    AUTO(json_drop) json_t *root = NULL;
    memset(&why, 0, sizeof why);
    enum err e =
        json_parse(&root, BYTES(cases[i].text, strlen(cases[i].text)), 100, &why);
    if (e == OK)
      e = field_read(root, table, &why);
    ck_assert_msg(e == cases[i].want, "%s: %s", cases[i].text, err_info(e)->name);
    ck_assert_str_eq(why.field, cases[i].field);
  }
  ck_assert_uint_eq(n, 7);
  ck_assert(!here);
}
END_TEST

START_TEST(json_bombs)
{
  char deep[200];
  memset(deep, '[', sizeof deep);
  json_t *root = NULL;
  ck_assert_int_eq(json_parse(&root, BYTES(deep, sizeof deep), 1000, NULL), E_JSON);
  ck_assert_int_eq(json_parse(&root, BYTES(deep, sizeof deep), 100, NULL), E_TOO_LARGE);
}
END_TEST

START_TEST(buffers)
{
  AUTO(buf_done) struct buf b = {.max = 8};
  ck_assert_int_eq(buf_puts(&b, "12345678"), OK);
  ck_assert_int_eq(buf_puts(&b, "9"), E_TOO_LARGE);
  ck_assert_str_eq(buf_text(&b), "12345678");
  AUTO(buf_done) struct buf c = {0};
  ck_assert_int_eq(base64_encode(&c, BYTES("\xff\x00", 2)), OK);
  ck_assert_str_eq(buf_text(&c), "/wA=");
  AUTO(buf_done) struct buf d = {0};
  ck_assert_int_eq(base64_decode(&d, "/wA="), OK);
  ck_assert(bytes_equal(buf_bytes(&d), BYTES("\xff\x00", 2)));
  ck_assert_int_eq(base64_decode(&d, "/wB="), E_FIELD_VALUE); /* trailing bits */
  ck_assert_int_eq(base64_decode(&d, "/wA"), E_FIELD_VALUE);  /* no padding */
}
END_TEST

START_TEST(base64_letters)
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789+/";
  AUTO(buf_done) struct buf b = {0};
  for (int byte = 0; byte < 256; byte++) {
    const uint8_t text[] = {'A', (uint8_t)byte, 'A', 'A'};
    bool is = memchr(letters, byte, sizeof letters - 1) != NULL;
    ck_assert_msg((base64_read(&b, BYTES_OF(text)) == OK) == is, "byte %d", byte);
  }
  ck_assert_uint_eq(b.len, 3 * 64);
}
END_TEST

START_TEST(clean_text)
{
  static const struct {
    const char *in;
    size_t len;
    const char *want;
  } cases[] = {{"plain", 5, "plain"},
               {"a\0b\n\x1b[", 6, "a?b??["},
               {"\x7f\xc2\x85\xc2\xa0", 5, "??\xc2\xa0"},
               {"\xff\xe2\x82", 3, "???"},
               {"\xe2\x82\xac", 3, "\xe2\x82\xac"},
               {"1234567890", 10, "12345678"},
               {"123456\xe2\x82\xac", 9, "123456"}, /* no part of a letter */
               {"", 0, ""}};
  for (size_t i = 0; i < LENGTH(cases); i++) {
    char out[9];
    text_clean(out, sizeof out, BYTES(cases[i].in, cases[i].len));
    ck_assert_str_eq(out, cases[i].want);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("util");
  TCase *t = tcase_create("util");
  tcase_add_test(t, decimals);
  tcase_add_test(t, fields);
  tcase_add_test(t, json_bombs);
  tcase_add_test(t, buffers);
  tcase_add_test(t, base64_letters);
  tcase_add_test(t, clean_text);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
