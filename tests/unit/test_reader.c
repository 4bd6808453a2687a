/* SPDX-License-Identifier: Apache-2.0
 * Signed reads: what is signed, how long it is used, and a server that does not take it.
 */
#include "clients/lib/reader.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/event.h"
#include "test_client.h"
#include "util/text.h"

/* A server that remembers what came, and refuses on demand. */
struct desk {
  struct http http;
  struct reader reader;
  struct identity id;
  struct secret_identity key;
  enum err of_signed, of_unsigned;
  unsigned asked;
  char last[256]; /* the authorization, or "" */
};

static enum err desk_call(struct http *h, const struct http_request *rq,
                          struct http_reply *rp, struct why *why)
{
  struct desk *d = (struct desk *)h;
  d->asked++;
  snprintf(d->last, sizeof d->last, "%s", rq->authorization ? rq->authorization : "");
  enum err e = *d->last ? d->of_signed : d->of_unsigned;
  *rp = (struct http_reply){.status = 200};
  return e == OK ? OK : why_set(why, e, "", "said the desk");
}

static void desk_init(struct desk *d)
{
  *d = (struct desk){.http = {.call = desk_call}};
  identity_make(&d->id, &d->key);
  d->reader = (struct reader){.id = &d->id, .key = &d->key};
  memset(d->reader.instance.b, 0xA5, sizeof d->reader.instance.b);
}

static enum err ask(struct desk *d, const char *method, const char *authorization,
                    struct why *why)
{
  const struct http_request rq = {
      .method = method, .path = "/", .authorization = authorization, .max = 1};
  struct http_reply rp;
  return reader_call(&d->reader, &d->http, &rq, &rp, why);
}

/* Whether the last header is "Chorus ID.TIME.SIG" of now, over
 * "chorus/v1/read\n" ‖ instance ‖ TIME. */
static void signed_now(const struct desk *d)
{
  char hex[65], start[80], *end;
  unsigned long long at;
  struct signature sig;
  uint8_t text[80] = "chorus/v1/read\n";
  snprintf(start, sizeof start, "Chorus %s.", hex_encode(hex, d->id.b, 32));
  ck_assert_int_eq(strncmp(d->last, start, strlen(start)), 0);
  at = strtoull(d->last + strlen(start), &end, 10);
  ck_assert_int_eq(*end, '.');
  ck_assert_int_le(llabs((long long)at - (long long)time(NULL)), 2);
  ck_assert_int_eq(hex_decode(sig.b, 64, strrchr(d->last, '.') + 1), OK);
  memset(text + 15, 0xA5, 32);
  int digits = snprintf((char *)text + 47, 24, "%llu", at);
  ck_assert(identity_signed(&d->id, BYTES(text, 47 + (size_t)digits), &sig));
}

START_TEST(signs_reads)
{
  struct desk d;
  struct why why = {0};
  char first[256];
  desk_init(&d);
  ck_assert_int_eq(ask(&d, "GET", NULL, &why), OK);
  signed_now(&d);
  memcpy(first, d.last, sizeof first);
  d.reader.made -= 3600; /* an hour later it is the same */
  ck_assert_int_eq(ask(&d, "GET", NULL, &why), OK);
  ck_assert_str_eq(d.last, first);
  ck_assert_int_eq(ask(&d, "POST", NULL, &why), OK);
  ck_assert_str_eq(d.last, "");
  ck_assert_int_eq(ask(&d, "PUT", NULL, &why), OK);
  ck_assert_str_eq(d.last, "");
  ck_assert_int_eq(ask(&d, "GET", "Chorus of a round", &why), OK);
  ck_assert_str_eq(d.last, "Chorus of a round");
  d.reader.id = NULL; /* nobody */
  ck_assert_int_eq(ask(&d, "GET", NULL, &why), OK);
  ck_assert_str_eq(d.last, "");
}
END_TEST

START_TEST(signs_anew)
{
  static const int64_t past[] = {5 * 3600, 86400 * 3, -60 /* the clock was set back */};
  struct desk d;
  struct why why = {0};
  desk_init(&d);
  ck_assert_int_eq(ask(&d, "GET", NULL, &why), OK);
  for (size_t i = 0; i < LENGTH(past); i++) {
    snprintf(d.reader.header, sizeof d.reader.header, "old");
    d.reader.made -= past[i];
    ck_assert_int_eq(ask(&d, "GET", NULL, &why), OK);
    signed_now(&d);
  }
}
END_TEST

START_TEST(is_refused)
{
  static const enum err refusals[] = {E_UNAUTHENTICATED, E_SIGNATURE};
  for (size_t i = 0; i < LENGTH(refusals); i++) {
    struct desk d;
    struct why why = {0};
    desk_init(&d);
    d.of_signed = refusals[i];
    ck_assert_int_eq(ask(&d, "GET", NULL, &why), OK); /* what is public is read */
    ck_assert_uint_eq(d.asked, 2);
    ck_assert_int_eq(ask(&d, "GET", NULL, &why), OK); /* and not signed again */
    ck_assert_uint_eq(d.asked, 3);
    d.of_unsigned = E_NOT_FOUND;
    ck_assert_int_eq(ask(&d, "GET", NULL, &why), E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(why.detail, "members only"));
    ck_assert_int_eq(ask(&d, "GET", "of a round", &why), refusals[i]); /* the caller's */
    d.of_signed = OK;
    d.reader.made -= 86400; /* the next one may be taken */
    ck_assert_int_eq(ask(&d, "GET", NULL, &why), OK);
    signed_now(&d);
  }
}
END_TEST

START_TEST(other_errors_stay)
{
  struct desk d;
  struct why why = {0};
  desk_init(&d);
  d.of_signed = E_NOT_FOUND;
  ck_assert_int_eq(ask(&d, "GET", NULL, &why), E_NOT_FOUND);
  ck_assert_str_eq(why.detail, "said the desk");
  d.of_signed = E_NETWORK;
  ck_assert_int_eq(ask(&d, "GET", NULL, &why), E_NETWORK);
  ck_assert_uint_eq(d.asked, 2);
  ck_assert_int_eq(d.reader.refused, false);
}
END_TEST

TCase *test_reader(void)
{
  TCase *t = tcase_create("reader");
  tcase_add_test(t, signs_reads);
  tcase_add_test(t, signs_anew);
  tcase_add_test(t, is_refused);
  tcase_add_test(t, other_errors_stay);
  return t;
}
