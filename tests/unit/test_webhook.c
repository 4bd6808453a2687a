/* SPDX-License-Identifier: Apache-2.0
 * Where webhooks may go, and what is sealed. */
#include <arpa/inet.h>
#include <check.h>
#include <sodium.h>
#include <string.h>

#include "server/seal.h"
#include "server/webhook.h"

static bool is_public(const char *text)
{
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
    return address_public((const struct sockaddr *)&v4);
  ck_assert_msg(inet_pton(AF_INET6, text, &v6.sin6_addr) == 1, "%s", text);
  return address_public((const struct sockaddr *)&v6);
}

/* Both ends of each range, and what stands just outside. */
START_TEST(addresses)
{
  static const char *const refused[] = {
      "0.0.0.0",
      "0.255.255.255",
      "10.0.0.0",
      "10.255.255.255",
      "100.64.0.0",
      "100.127.255.255",
      "127.0.0.1",
      "127.255.255.255",
      "169.254.0.0",
      "169.254.169.254",
      "172.16.0.0",
      "172.31.255.255",
      "192.0.0.0",
      "192.0.0.255",
      "192.0.2.1",
      "192.88.99.1",
      "192.168.0.0",
      "192.168.255.255",
      "198.18.0.0",
      "198.19.255.255",
      "198.51.100.1",
      "203.0.113.1",
      "224.0.0.0",
      "239.255.255.255",
      "240.0.0.0",
      "255.255.255.255",
      "::",
      "::1",
      "::ffff:8.8.8.8",
      "::8.8.8.8",
      "64:ff9b::808:808",
      "100::1",
      "1fff::1",
      "2001::1",
      "2001:1ff::1",
      "2001:db8::1",
      "2002:808:808::1",
      "3fff:fff::1",
      "4000::1",
      "fc00::1",
      "fdff::1",
      "fe80::1",
      "fec0::1",
      "ff02::1",
  };
  static const char *const taken[] = {
      "1.0.0.0",     "9.255.255.255",   "11.0.0.0",    "100.63.255.255",
      "100.128.0.0", "126.255.255.255", "128.0.0.0",   "169.253.255.255",
      "169.255.0.0", "172.15.255.255",  "172.32.0.0",  "192.0.1.0",
      "192.0.3.0",   "192.167.255.255", "192.169.0.0", "198.17.255.255",
      "198.20.0.0",  "223.255.255.255", "2000::1",     "2001:200::1",
      "2001:db7::1", "2001:db9::1",     "2003::1",     "2606:4700::1111",
      "3ffe::1",     "3fff:1000::1",
  };
  for (size_t i = 0; i < LENGTH(refused); i++)
    ck_assert_msg(!is_public(refused[i]), "%s", refused[i]);
  for (size_t i = 0; i < LENGTH(taken); i++)
    ck_assert_msg(is_public(taken[i]), "%s", taken[i]);
  struct sockaddr local = {.sa_family = AF_UNIX};
  ck_assert(!address_public(&local));
}
END_TEST

START_TEST(urls)
{
  static const struct {
    const char *url;
    bool open, closed; /* taken with and without webhook-private */
  } known[] = {
      {"https://example.org/hook?x=1", true, true},
      {"https://example.org:8443/", true, true},
      {"https://8.8.8.8/", true, true},
      {"https://[2606:4700::1111]/", true, true},
      {"http://example.org/", true, false},
      {"https://127.0.0.1/", true, false},
      {"https://0x7f000001/", true, false},
      {"https://[::1]:8/", true, false},
      {"https://[fe80::1%25eth0]/", true, false},
      {"https://user@example.org/", false, false},
      {"gopher://example.org/", false, false},
      {"file:///etc/passwd", false, false},
      {"https://", false, false},
      {"example.org", false, false},
      {"https://exa mple.org/", false, false},
      {"https://example.org/\n", false, false},
  };
  for (size_t i = 0; i < LENGTH(known); i++) {
    struct why why = {0};
    enum err open = webhook_url_check(known[i].url, true, NULL);
    enum err closed = webhook_url_check(known[i].url, false, &why);
    ck_assert_msg((open == OK) == known[i].open, "%s", known[i].url);
    ck_assert_msg((closed == OK) == known[i].closed, "%s", known[i].url);
    if (closed != OK)
      ck_assert_str_eq(why.field, "url");
  }
}
END_TEST

START_TEST(seals)
{
  struct secret_key key, other;
  struct buf sealed = {0}, again = {0}, text = {0};
  int64_t mine = 7, yours = 8;
  randombytes_buf(key.b, sizeof key.b);
  randombytes_buf(other.b, sizeof other.b);
  ck_assert_int_eq(seal_put(&sealed, &key, BYTES_OF(mine), BYTES("secret", 6)), OK);
  ck_assert_int_eq(seal_put(&again, &key, BYTES_OF(mine), BYTES("secret", 6)), OK);
  ck_assert_uint_eq(sealed.len, 6 + SEAL_OVERHEAD);
  ck_assert(!bytes_equal(buf_bytes(&sealed), buf_bytes(&again)));
  ck_assert_int_eq(seal_open(&text, &key, BYTES_OF(yours), buf_bytes(&sealed)), E_CONFIG);
  ck_assert_int_eq(seal_open(&text, &other, BYTES_OF(mine), buf_bytes(&sealed)),
                   E_CONFIG);
  for (size_t i = 0; i < sealed.len; i++) {
    sealed.data[i] ^= 1;
    ck_assert_int_eq(seal_open(&text, &key, BYTES_OF(mine), buf_bytes(&sealed)),
                     E_CONFIG);
    sealed.data[i] ^= 1;
  }
  ck_assert_int_eq(seal_open(&text, &key, BYTES_OF(mine), BYTES(sealed.data, 39)),
                   E_CONFIG);
  ck_assert_uint_eq(text.len, 0);
  ck_assert_int_eq(seal_open(&text, &key, BYTES_OF(mine), buf_bytes(&sealed)), OK);
  ck_assert_str_eq(buf_text(&text), "secret");
  buf_done(&sealed);
  buf_done(&again);
  buf_done(&text);
}
END_TEST

int main(void)
{
  if (sodium_init() < 0)
    return 1;
  Suite *s = suite_create("webhook");
  TCase *tc = tcase_create("webhook");
  tcase_add_test(tc, addresses);
  tcase_add_test(tc, urls);
  tcase_add_test(tc, seals);
  suite_add_tcase(s, tc);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
