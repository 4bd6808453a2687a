/* SPDX-License-Identifier: Apache-2.0
 * What clients read from outside: .npy files, invite links, problem replies. */
#include <math.h>
#include <string.h>

#include "clients/lib/http.h"
#include "clients/lib/link.h"
#include "clients/lib/npy.h"
#include "test_client.h"

/* A .npy file of version 1.0 with this header text and body. */
static void npy(struct buf *out, const char *header, const void *data, size_t len)
{
  uint8_t front[10] = "\x93NUMPY\x01\x00";
  out->len = 0;
  front[8] = (uint8_t)strlen(header);
  front[9] = 0;
  ck_assert_int_eq(buf_put(out, front, 10), OK);
  ck_assert_int_eq(buf_puts(out, header), OK);
  ck_assert_int_eq(buf_put(out, data, len), OK);
}

START_TEST(npy_good)
{
  static const float f4[3] = {1.5f, -2, 0};
  static const double f8[3] = {1.5, -2, 0};
  AUTO(buf_done) struct buf b = {0};
  struct why why;
  float out[3];
  npy(&b, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }   \n", f4, 12);
  ck_assert_int_eq(npy_read(out, 3, buf_bytes(&b), &why), OK);
  ck_assert_mem_eq(out, f4, 12);
  memset(out, 0, sizeof out);
  npy(&b, "{'shape': (3,), 'descr': '<f8', 'fortran_order': False}\n", f8, 24);
  ck_assert_int_eq(npy_read(out, 3, buf_bytes(&b), &why), OK);
  ck_assert_mem_eq(out, f4, 12);
  memset(out, 0, sizeof out);
  ck_assert_int_eq(npy_read(out, 3, BYTES(f4, 12), &why), OK); /* raw */
  ck_assert_mem_eq(out, f4, 12);
  b.len = 0;
  ck_assert_int_eq(npy_header(&b, 3), OK);
  ck_assert_uint_eq(b.len % 64, 0);
  ck_assert_int_eq(buf_put(&b, f4, 12), OK);
  memset(out, 0, sizeof out);
  ck_assert_int_eq(npy_read(out, 3, buf_bytes(&b), &why), OK);
  ck_assert_mem_eq(out, f4, 12);
}
END_TEST

START_TEST(npy_bad)
{
  static const float f4[3] = {1, 2, 3};
  static const char *const headers[] = {
      "",
      "{",
      "{}",
      "{'descr': '>f4', 'fortran_order': False, 'shape': (3,), }",
      "{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }",
      "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
      "{'descr': '<f4', 'fortran_order': True, 'shape': (3,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }",
      "{'descr': '<f4', 'fortran_order': False}",
      "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), } x",
      "{'descr': '<f4' 'fortran_order': False, 'shape': (3,), }",
  };
  AUTO(buf_done) struct buf b = {0};
  struct why why;
  float out[3] = {7, 7, 7};
  for (size_t i = 0; i < LENGTH(headers); i++) {
    npy(&b, headers[i], f4, 12);
    ck_assert_msg(npy_read(out, 3, buf_bytes(&b), &why) != OK, "%s", headers[i]);
  }
  npy(&b, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", f4, 11);
  ck_assert_int_eq(npy_read(out, 3, buf_bytes(&b), &why), E_LENGTH);
  for (size_t cut = 0; cut < b.len; cut++)
    ck_assert(npy_read(out, 3, BYTES(b.data, cut), &why) != OK);
  float bad[3] = {1, NAN, 3};
  ck_assert_int_eq(npy_read(out, 3, BYTES(bad, 12), &why), E_NUMBER);
  double huge[3] = {1, 1e300, 3};
  npy(&b, "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", huge, 24);
  ck_assert_int_eq(npy_read(out, 3, buf_bytes(&b), &why), E_NUMBER);
  ck_assert(out[0] == 7 && out[1] == 7 && out[2] == 7);
}
END_TEST

#define CODE "00112233445566778899aabbccddeeff"
#define ORGANISATION "ffeeddccbbaa99887766554433221100"
#define INSTANCE CODE ORGANISATION

START_TEST(links)
{
  struct invite_link link;
  struct why why;
  const char *good =
      "https://chorus.example/sub/#invite=" CODE "." ORGANISATION "." INSTANCE ".iris-2";
  ck_assert_int_eq(link_parse(&link, good, &why), OK);
  ck_assert_str_eq(link.address, "https://chorus.example/sub");
  ck_assert_str_eq(link.model, "iris-2");
  ck_assert_uint_eq(link.code[1], 0x11);
  ck_assert_uint_eq(link.organisation.b[0], 0xff);
  ck_assert_uint_eq(link.instance.b[16], 0xff);
  static const char *const bad[] = {
      "",
      "https://chorus.example/",
      "#invite=" CODE "." ORGANISATION "." INSTANCE ".iris",
      "ftp://x/#invite=" CODE "." ORGANISATION "." INSTANCE ".iris",
      "http://x/#invite=" CODE "." ORGANISATION "." INSTANCE ".",
      "http://x/#invite=" CODE "." ORGANISATION "." INSTANCE ".Iris",
      "http://x/#invite=" CODE "." ORGANISATION "." INSTANCE,
      "http://x/#invite=" CODE "." ORGANISATION ".00" INSTANCE ".iris",
      "http://x/#invite=" CODE "." ORGANISATION "." ORGANISATION ".iris",
      "http://x/#invite=0" CODE "." ORGANISATION "." INSTANCE ".iris",
      "http://x/#invite=" CODE ORGANISATION "." INSTANCE ".iris",
      "http://x/#invite=" CODE "." ORGANISATION "." INSTANCE ".iris ",
      "http://x/#invite=" CODE,
  };
  for (size_t i = 0; i < LENGTH(bad); i++)
    ck_assert_msg(link_parse(&link, bad[i], &why) == E_INVITE, "%s", bad[i]);
}
END_TEST

static enum err problem(long status, const char *text, struct why *why)
{
  memset(why, 0, sizeof *why);
  return http_problem(status, BYTES(text, strlen(text)), why);
}

START_TEST(problems)
{
  struct why why;
  ck_assert_int_eq(problem(409,
                           "{\"type\":\"urn:chorus:error:wrong-phase\",\"title\":\"t\","
                           "\"status\":409,\"detail\":\"d\",\"field\":\"f\"}",
                           &why),
                   E_PHASE);
  ck_assert_str_eq(why.field, "f");
  ck_assert_str_eq(why.detail, "d");
  ck_assert_int_eq(problem(429, "slow down", &why), E_RATE);
  ck_assert_int_eq(problem(503, "", &why), E_BUSY);
  ck_assert_int_eq(problem(502, "<html>", &why), E_NETWORK);
  ck_assert_int_eq(problem(404, "{\"type\":\"urn:chorus:error:newer\"}", &why),
                   E_NOT_FOUND);
  ck_assert_int_eq(problem(301, "", &why), E_REPLY);
  ck_assert_int_eq(problem(500, "{\"type\":\"urn:chorus:error:ok\"}", &why), E_REPLY);
  ck_assert_int_eq(problem(409, "{\"type\":7,\"detail\":[]}", &why), E_REPLY);
}
END_TEST

START_TEST(addresses)
{
  static const char *const bad[] = {"",
                                    "example.org",
                                    "ftp://x",
                                    "http://a b",
                                    "http://x/?q",
                                    "http://x/#f",
                                    "http://x\r\nA: b"};
  struct http *h = NULL;
  struct why why;
  for (size_t i = 0; i < LENGTH(bad); i++) {
    struct http_options o = {.address = bad[i]};
    ck_assert_msg(http_new(&h, &o, &why) == E_USAGE, "%s", bad[i]);
  }
  struct http_options o = {.address = "http://127.0.0.1:1//"};
  struct http_request rq = {.method = "GET", .path = "/", .max = 10};
  struct http_reply rp = {0};
  ck_assert_int_eq(http_new(&h, &o, &why), OK);
  ck_assert_int_eq(http_call(h, &rq, &rp, &why), E_NETWORK);
  http_drop(&h);
}
END_TEST

TCase *test_parsing(void)
{
  TCase *t = tcase_create("parsing");
  tcase_add_test(t, npy_good);
  tcase_add_test(t, npy_bad);
  tcase_add_test(t, links);
  tcase_add_test(t, problems);
  tcase_add_test(t, addresses);
  return t;
}
