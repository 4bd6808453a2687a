/* SPDX-License-Identifier: Apache-2.0
 * The log in whole rounds: what events say was seen, promises that are kept and broken,
 * witnesses that are waited for. */
#include <string.h>

#include "choir.h"
#include "test_client.h"
#include "util/field.h"
#include "util/text.h"

/* Receipts of the server in memory promise the log by this time (host.c). */
#define BY 61
#define LONG_AFTER (BY + 1000)

static void ok(enum err e, const struct why *why)
{
  ck_assert_msg(e == OK, "%s: %s %s", err_info(e)->name, why->field, why->detail);
}

static uint64_t seen_of(const struct host *h, unsigned member, unsigned type,
                        struct digest *root)
{
  const json_t *seen = json_object_get(h->members[member].events[type], "seen");
  const char *hex = json_string_value(json_object_get(seen, "root"));
  ck_assert_int_eq(hex_decode(root->b, 32, hex), OK);
  return (uint64_t)json_integer_value(json_object_get(seen, "size"));
}

START_TEST(events_say_what_was_seen)
{
  struct choir c;
  struct digest said, root;
  choir_init(&c, 3, choir_small);
  host_open(&c.host, NULL);
  uint64_t before = 0;
  for (unsigned phase = 0; phase < 4; phase++) {
    choir_step(&c, 0, phase);
    for (unsigned i = 0; i < c.n; i++) {
      uint64_t size = seen_of(&c.host, i, phase, &said);
      ck_assert_uint_gt(size, i ? 0 : before);
      host_log_root(&c.host.log, size, &root);
      ck_assert_mem_eq(&said, &root, 32);
    }
    before = c.host.log.len - 1;
    host_close(&c.host);
  }
  choir_done(&c);
}
END_TEST

/* What was signed before the line was cut says what was seen then, though the log grew;
 * the server in memory takes no second version of it. */
START_TEST(a_signed_event_keeps_what_it_saw)
{
  struct choir c;
  struct drive_report r;
  struct why why = {0};
  bool over = false;
  for (int64_t call = 0; !over; call++) {
    choir_init(&c, 3, choir_small);
    host_open(&c.host, NULL);
    c.host.lose_reply = call;
    ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_NETWORK);
    over = host_has(&c.host, &c.u[0].self.id, "join");
    if (over) {
      choir_step(&c, 1, 0);
      human_stop(&c.u[0]);
      ok(human_start(&c.u[0], &why), &why);
      human_steps(&c.u[0], "joined");
    }
    choir_done(&c);
  }
}
END_TEST

START_TEST(a_forked_log_ends_it)
{
  struct choir c;
  struct drive_report r;
  struct why why = {0};
  static const char *const types[] = {"join", "share", "update", "unmask"};
  choir_init(&c, 3, choir_small);
  host_open(&c.host, NULL);
  for (unsigned phase = 0; phase < (unsigned)_i; phase++) {
    choir_step(&c, 0, phase);
    host_close(&c.host);
  }
  AUTO(watch_done) struct watch w = {0}; /* what it knew before */
  ok(watch_open(&w, c.u[0].home, &c.u[0].api, &c.u[0].pin, NULL, &why), &why);
  ok(watch_refresh(&w, 0, &why), &why);
  c.host.log.fork = 2;
  ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_CHEAT_LOG);
  ck_assert(!host_has(&c.host, &c.u[0].self.id, types[_i]));
  ck_assert_ptr_nonnull(strstr(why.detail, "evidence"));
  choir_done(&c);
}
END_TEST

START_TEST(a_server_that_disowns_its_checkpoint)
{
  struct choir c;
  struct drive_report r;
  struct why why = {0};
  choir_init(&c, 3, choir_small);
  host_open(&c.host, NULL);
  c.host.log.disowns = true;
  ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_CHEAT_LOG);
  ck_assert_ptr_nonnull(strstr(why.detail, "evidence"));
  choir_done(&c);
}
END_TEST

/* ---- promises ---- */

static enum err promises(struct choir *c, int64_t now, struct promises *found,
                         struct why *why)
{
  return drive_promises(c->u[0].drive, now, found, why);
}

START_TEST(kept_promises_are_asked_once)
{
  struct choir c;
  struct promises p;
  struct why why = {0};
  choir_init(&c, 3, choir_small);
  choir_round(&c);
  ok(promises(&c, LONG_AFTER, &p, &why), &why);
  ck_assert_uint_eq(p.kept, 5); /* four messages and the enrolment */
  ck_assert_uint_eq(p.open, 0);
  c.host.calls = 0;
  human_stop(&c.u[0]);
  ok(human_start(&c.u[0], &why), &why);
  c.host.calls = 0;
  ok(promises(&c, LONG_AFTER, &p, &why), &why);
  ck_assert_uint_eq(p.kept + p.open, 0);
  ck_assert_uint_eq(c.host.calls, 0);
  choir_done(&c);
}
END_TEST

START_TEST(broken_promises_are_evidence)
{
  struct choir c;
  struct promises p;
  struct drive_report r;
  struct why why = {0};
  AUTO(buf_done) struct buf text = {0};
  choir_init(&c, 3, choir_small);
  host_open(&c.host, NULL);
  c.host.log.stopped = true;
  human_steps(&c.u[0], "joined");
  ok(promises(&c, BY, &p, &why), &why); /* there is still time */
  ck_assert_uint_eq(p.open, 1);
  ck_assert_uint_eq(p.kept, 1); /* the enrolment */
  ok(promises(&c, BY + 5, &p, &why), &why);
  for (unsigned twice = 0; twice < 2; twice++) { /* as long as it stays so */
    ck_assert_int_eq(promises(&c, LONG_AFTER, &p, &why), E_CHEAT_PROMISE);
    ck_assert_ptr_nonnull(strstr(why.detail, "message join"));
  }
  const char *path = strstr(why.detail, "logs/");
  ck_assert_ptr_nonnull(path);
  ok(home_read(c.u[0].home, path, &text, &why), &why);
  const char *sig =
      json_string_value(json_object_get(c.host.members[0].events[0], "sig"));
  ck_assert_ptr_nonnull(strstr(buf_text(&text), sig));
  ck_assert_ptr_nonnull(strstr(buf_text(&text), "\"type\":\"receipt\""));
  c.host.log.stopped = false;
  host_log_add(&c.host.log, c.host.members[0].events[0]);
  ok(promises(&c, LONG_AFTER, &p, &why), &why);
  ck_assert_uint_eq(p.kept, 1);
  ok(human_step(&c.u[0], &r, &why), &why);
  choir_done(&c);
}
END_TEST

/* The server names a leaf, but what stands there is something else. */
START_TEST(a_false_leaf_is_no_leaf)
{
  struct choir c;
  struct promises p;
  struct why why = {0};
  choir_init(&c, 3, choir_small);
  host_open(&c.host, NULL);
  choir_step(&c, 0, 0);
  uint64_t last = c.host.log.len - 1;
  struct digest mine = c.host.log.hashes[last - 2];
  c.host.log.hashes[last - 2] = (struct digest){0};
  c.host.log.hashes[last] = mine;
  ck_assert_int_eq(promises(&c, LONG_AFTER, &p, &why), E_CHEAT_PROMISE);
  ok(promises(&c, BY, &p, &why), &why);
  ck_assert_uint_eq(p.open, 1);
  choir_done(&c);
}
END_TEST

/* ---- witnesses ---- */

struct friend
{
  struct note_key key;
  struct secret_identity secret;
};

static void friend_make(struct friend *f, const char *name)
{
  struct identity id;
  identity_make(&id, &f->secret);
  ck_assert_int_eq(note_key_make(&f->key, name, NOTE_COSIGNATURE, &id), OK);
}

/* Cosigns the first `size` leaves of what the server shows. */
static void friend_cosigns(const struct friend *f, struct host *h, uint64_t size)
{
  AUTO(buf_done) struct buf note = {0};
  struct http_reply rp = {0};
  struct note n;
  host_log_note(&h->log, size, &note);
  AUTO(buf_done) struct buf all = {0};
  ck_assert_int_eq(note_parse(&n, buf_bytes(&note), NULL), OK);
  ck_assert_int_eq(buf_put(&all, note.data, note.len), OK);
  ck_assert_int_eq(note_sign(&all, n.text, &f->key, &f->secret, 9), OK);
  ck_assert_int_eq(host_log_post(&h->log, "cosignatures", buf_bytes(&all), &rp), OK);
  http_reply_done(&rp);
}

/* Up to UNMASK; the first participant requires two of three witnesses. */
static void witnessed(struct choir *c, struct witnesses *l, struct friend friends[3])
{
  static const char *const names[] = {"a.example", "b.example", "c.example"};
  struct why why = {0};
  choir_init(c, 3, choir_small);
  for (unsigned i = 0; i < 3; i++) {
    AUTO(buf_done) struct buf vkey = {0};
    friend_make(&friends[i], names[i]);
    ck_assert_int_eq(note_key_format(&vkey, &friends[i].key), OK);
    ok(witnesses_add(l, buf_text(&vkey), &why), &why);
    host_log_witness(&c->host.log, &friends[i].key);
  }
  l->required = 2;
  human_stop(&c->u[0]);
  c->u[0].options.witnesses = l;
  ok(human_start(&c->u[0], &why), &why);
  host_open(&c->host, NULL);
  for (unsigned phase = 0; phase < 3; phase++) {
    choir_step(c, 0, phase);
    host_close(&c->host);
  }
}

static void waits(struct choir *c, unsigned have)
{
  struct drive_report r;
  struct why why = {0};
  ok(human_step(&c->u[0], &r, &why), &why);
  ck_assert_int_eq(r.outcome, DRIVE_IDLE);
  ck_assert(r.unwitnessed);
  ck_assert_uint_eq(r.cosigned, have);
  ck_assert(!host_has(&c->host, &c->u[0].self.id, "unmask"));
}

START_TEST(witnesses_are_waited_for)
{
  struct choir c;
  struct friend friends[3];
  AUTO(witnesses_done) struct witnesses l = {0};
  witnessed(&c, &l, friends);
  struct host *h = &c.host;
  waits(&c, 0);
  friend_cosigns(&friends[0], h, h->log.len - 1); /* without the survivor list */
  waits(&c, 0);
  friend_cosigns(&friends[0], h, h->log.len);
  waits(&c, 1);
  friend_cosigns(&friends[0], h, h->log.len); /* twice is once */
  waits(&c, 1);
  choir_step(&c, 1, 3);
  waits(&c, 1); /* an older tree than what is known by now */
  h->log.no_proofs = true;
  waits(&c, 0); /* of which nobody shows that it fits */
  h->log.no_proofs = false;
  friend_cosigns(&friends[2], h, h->log.len); /* a larger tree holds it too */
  human_steps(&c.u[0], "answered");
  host_close(h);
  for (unsigned i = 0; i < c.n; i++)
    human_ends(&c.u[i], "done");
  choir_done(&c);
}
END_TEST

/* A witness was shown another history: its cosignature proves it. */
START_TEST(a_witness_of_another_history)
{
  struct choir c;
  struct drive_report r;
  struct why why = {0};
  struct friend friends[3];
  AUTO(witnesses_done) struct witnesses l = {0};
  witnessed(&c, &l, friends);
  struct host *h = &c.host;
  h->log.fork = 3;
  friend_cosigns(&friends[1], h, h->log.len);
  h->log.fork = 0;
  ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_CHEAT_LOG);
  ck_assert(!host_has(h, &c.u[0].self.id, "unmask"));
  choir_done(&c);
}
END_TEST

/* A note without the signature of the log, or of somebody else, counts for nothing. */
START_TEST(false_cosignatures_do_not_count)
{
  struct choir c;
  struct friend friends[3], stranger;
  AUTO(witnesses_done) struct witnesses l = {0};
  witnessed(&c, &l, friends);
  struct host_log *log = &c.host.log;
  for (unsigned i = 0; i < 3; i++)
    friend_cosigns(&friends[i], &c.host, log->len);
  friend_make(&stranger, "a.example");
  AUTO(buf_done) struct buf note = {0};
  struct note n;
  host_log_note(log, log->len, &note);
  ck_assert_int_eq(note_parse(&n, buf_bytes(&note), NULL), OK);
  AUTO(buf_done) struct buf line = {0};
  ck_assert_int_eq(note_sign(&line, n.text, &stranger.key, &stranger.secret, 9), OK);
  ck_assert_int_eq(buf_put(&note, line.data, line.len), OK);
  log->witnesses[0].note.len = 0;
  ck_assert_int_eq(buf_put(&log->witnesses[0].note, note.data, note.len), OK);
  /* the log's own line is gone */
  struct buf *bare = &log->witnesses[1].note;
  char *lines = strstr((char *)bare->data, "\n\n") + 2, *second = strchr(lines, '\n') + 1;
  memmove(lines, second, strlen(second) + 1);
  bare->len = strlen((char *)bare->data);
  waits(&c, 1);
  choir_done(&c);
}
END_TEST

TCase *test_promise(void)
{
  TCase *t = tcase_create("promise");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, events_say_what_was_seen);
  tcase_add_test(t, a_signed_event_keeps_what_it_saw);
  tcase_add_loop_test(t, a_forked_log_ends_it, 0, 4);
  tcase_add_test(t, a_server_that_disowns_its_checkpoint);
  tcase_add_test(t, kept_promises_are_asked_once);
  tcase_add_test(t, broken_promises_are_evidence);
  tcase_add_test(t, a_false_leaf_is_no_leaf);
  tcase_add_test(t, witnesses_are_waited_for);
  tcase_add_test(t, a_witness_of_another_history);
  tcase_add_test(t, false_cosignatures_do_not_count);
  return t;
}
