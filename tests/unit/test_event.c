/* SPDX-License-Identifier: Apache-2.0
 * Canonical events and signatures. */
#include <string.h>

#include "core/message.h"
#include "test_core.h"
#include "util/field.h"

static enum err parse(const char *text)
{
  AUTO(json_drop) json_t *event = NULL;
  return event_parse(&event, BYTES(text, strlen(text)), NULL);
}

START_TEST(canonical_or_refused)
{
  ck_assert_int_eq(parse("{\"a\":1,\"b\":[true,null,\"x\\\\\\\"\"]}"), OK);
  static const char *const bad[] = {
      "{\"b\":1,\"a\":1}",
      "{\"a\": 1}",
      "{\"a\":1.0}",
      "{\"a\":1e2}",
      "{\"a\":-0}",
      "{\"a\":9007199254740992}",
      "{\"a\":\"\\u0041\"}",
      "{\"a\":\"\\/\"}",
      "{\"a\":\"\xc3\xa9\"}",
      "{\"a\":\"\\n\"}",
      "{\"a\":[[[[[[[[1]]]]]]]]}",
  };
  for (size_t i = 0; i < LENGTH(bad); i++)
    ck_assert_msg(parse(bad[i]) == E_CANONICAL, "%s", bad[i]);
}
END_TEST

START_TEST(signatures)
{
  struct identity id, other;
  struct secret_identity key, unused;
  identity_make(&id, &key);
  identity_make(&other, &unused);
  AUTO(json_drop) json_t *e = json_pack("{s:s,s:i}", "type", "join", "n", 3);
  struct digest before, after;
  ck_assert_int_eq(event_hash(&before, e), OK);
  ck_assert_int_eq(event_sign(e, &key), OK);
  ck_assert_int_eq(event_hash(&after, e), OK);
  ck_assert_mem_eq(&before, &after, sizeof before);
  ck_assert_int_eq(event_verify(e, "join", &id, NULL), OK);
  ck_assert_int_eq(event_verify(e, "join", &other, NULL), E_SIGNATURE);
  ck_assert_int_eq(event_verify(e, "open", &id, NULL), E_FIELD_VALUE);
  json_object_set_new(e, "n", json_integer(4));
  ck_assert_int_eq(event_verify(e, "join", &id, NULL), E_SIGNATURE);
}
END_TEST

/* With its signature an event is at most as long as an entry of the log can be. */
START_TEST(as_long_as_an_entry)
{
  struct identity id;
  struct secret_identity key;
  struct digest hash;
  struct why why = {0};
  AUTO(buf_done) struct buf text = {0};
  AUTO(buf_done) struct buf all = {0};
  identity_make(&id, &key);
  AUTO(json_drop) json_t *e = json_pack("{s:s}", "type", "join");
  ck_assert_int_eq(event_sign(e, &key), OK);
  ck_assert_int_eq(event_canonical(&text, e, true), OK);
  size_t room = EVENT_BYTES_MAX - text.len - strlen(",\"x\":\"\"");
  while (all.len < room + 1)
    ck_assert_int_eq(buf_puts(&all, "x"), OK);
  json_object_set_new(e, "x", json_stringn(buf_text(&all), room));
  ck_assert_int_eq(event_sign(e, &key), OK);
  text.len = 0;
  ck_assert_int_eq(event_canonical(&text, e, true), OK);
  ck_assert_uint_eq(text.len, EVENT_BYTES_MAX);
  ck_assert_int_eq(event_verify(e, "join", &id, &why), OK);
  ck_assert_int_eq(parse(buf_text(&text)), OK);
  json_object_set_new(e, "x", json_stringn(buf_text(&all), room + 1));
  ck_assert_int_eq(event_sign(e, &key), E_TOO_LARGE);
  ck_assert_int_eq(event_hash(&hash, e), E_TOO_LARGE);
  ck_assert_int_eq(event_verify(e, "join", &id, &why), E_TOO_LARGE);
  text.len = 0;
  ck_assert_int_eq(event_canonical(&text, e, true), OK);
  ck_assert_int_eq(parse(buf_text(&text)), E_TOO_LARGE);
}
END_TEST

/* The checkpoint that a participant names is read, and is the empty tree or not. */
START_TEST(seen)
{
  struct digest d = {{7}};
  struct identity who = {{9}};
  struct share_event share;
  struct why why = {0};
  AUTO(json_drop) json_t *e = message_start("share", &d, &d, NULL, &who);
  json_object_set_new(e, "graph", json_hex(&d, 32));
  json_object_set_new(e, "deals", json_hex(&d, 32));
  json_object_set_new(e, "sig", json_null());
  ck_assert_int_eq(share_parse(&share, e, &why), OK);
  ck_assert_uint_eq(share.header.seen.size, 0);
  json_t *checkpoint = json_object_get(e, "seen");
  json_object_set_new(checkpoint, "root", json_hex(&d, 32));
  ck_assert_int_eq(share_parse(&share, e, &why), E_FIELD_VALUE);
  ck_assert_str_eq(why.field, "seen.root");
  json_object_set_new(checkpoint, "size", json_integer(5));
  ck_assert_int_eq(share_parse(&share, e, &why), OK);
  ck_assert_uint_eq(share.header.seen.size, 5);
  ck_assert_mem_eq(&share.header.seen.root, &d, 32);
}
END_TEST

START_TEST(receipts)
{
  static const struct digest d = {{7}};
  static const struct {
    const char *member, *value;
    enum err want;
  } bad[] = {
      {"by", NULL, E_FIELD_MISSING},       {"by", "99", E_FIELD_VALUE},
      {"by", "\"200\"", E_FIELD_TYPE},     {"by", "-1", E_FIELD_VALUE},
      {"seq", "0", E_FIELD_VALUE},         {"status", "\"perhaps\"", E_FIELD_VALUE},
      {"more", "1", E_FIELD_UNKNOWN},      {"of", "\"00\"", E_FIELD_VALUE},
      {"type", "\"join\"", E_FIELD_VALUE},
  };
  struct receipt_event r;
  struct why why;
  AUTO(json_drop) json_t *good = receipt_build(&d, &d, "complete", 5, 100, 160);
  json_object_set_new(good, "sig", json_null());
  ck_assert_int_eq(receipt_parse(&r, good, &why), OK);
  ck_assert(r.complete && r.seq == 5 && r.time == 100 && r.by == 160);
  ck_assert_mem_eq(&r.of, &d, sizeof d);
  for (size_t i = 0; i < LENGTH(bad); i++) {
    AUTO(json_drop) json_t *e = json_copy(good);
    if (bad[i].value)
      json_object_set_new(e, bad[i].member,
                          json_loads(bad[i].value, JSON_DECODE_ANY, NULL));
    else
      json_object_del(e, bad[i].member);
    ck_assert_int_eq(receipt_parse(&r, e, &why), bad[i].want);
    ck_assert_str_eq(why.field, bad[i].member);
  }
}
END_TEST

TCase *test_event(void)
{
  TCase *t = tcase_create("event");
  tcase_add_test(t, canonical_or_refused);
  tcase_add_test(t, signatures);
  tcase_add_test(t, as_long_as_an_entry);
  tcase_add_test(t, seen);
  tcase_add_test(t, receipts);
  return t;
}
