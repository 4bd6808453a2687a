/* SPDX-License-Identifier: Apache-2.0
 * Whole rounds through the clients' own code against a server in memory: stopped at every
 * write, with every message lost once, and against a server that cheats. */
#include <sodium.h>
#include <string.h>

#include "choir.h"
#include "test_client.h"
#include "util/field.h"
#include "util/text.h"

static const struct enrolment renamed = {"Renamed", NULL, NULL};

START_TEST(two_rounds_and_a_failed_one)
{
  struct choir c;
  struct drive_report r;
  struct why why = {0};
  choir_init(&c, 4, choir_small);
  for (unsigned round = 0; round < 2; round++) {
    host_open(&c.host, NULL);
    for (unsigned phase = 0; phase < 4; phase++) {
      choir_step(&c, 0, phase);
      ck_assert_int_eq(human_step(&c.u[0], &r, &why), OK);
      ck_assert_int_eq(r.outcome, DRIVE_IDLE); /* nothing twice */
      host_close(&c.host);
    }
    choir_sum_is_exact(&c, 0);
    for (unsigned i = 0; i < c.n; i++)
      human_ends(&c.u[i], "done");
  }
  ck_assert_uint_eq(c.u[0].asked, 1);
  ck_assert_uint_eq(c.u[0].trained, 2);
  host_open(&c.host, NULL);
  choir_step(&c, 0, 0);
  host_close(&c.host);
  choir_step(&c, 1, 1);
  host_fail(&c.host, "below-threshold");
  for (unsigned i = 0; i < c.n; i++)
    human_ends(&c.u[i], "failed");
  choir_done(&c);
}
END_TEST

START_TEST(those_who_miss_a_phase_leave)
{
  struct choir c;
  choir_init(&c, 5, choir_small);
  host_open(&c.host, NULL);
  choir_step(&c, 0, 0);
  host_close(&c.host);
  choir_step(&c, 1, 1); /* the first does not share */
  host_close(&c.host);
  human_ends(&c.u[0], "left");
  choir_step(&c, 1, 2);
  host_close(&c.host);
  choir_step(&c, 1, 3);
  host_close(&c.host);
  choir_sum_is_exact(&c, 1);
  human_ends(&c.u[0], "left"); /* and it stays so */
  choir_done(&c);
}
END_TEST

/* A round in which the first participant is interrupted again and again: `interrupt` is
 * called before each of its steps, and whatever fails is started anew. */
static void interrupted_round(struct choir *c, void (*interrupt)(struct choir *c))
{
  struct why why = {0};
  struct human *u = &c->u[0];
  host_open(&c->host, NULL);
  for (unsigned phase = 0; phase < 4; phase++) {
    choir_step(c, 1, phase);
    for (unsigned tries = 0;; tries++) {
      struct drive_report r;
      ck_assert_uint_lt(tries, 5);
      if (interrupt)
        interrupt(c);
      enum err e = human_step(u, &r, &why);
      ck_assert_msg(e == OK || e == E_IO || e == E_NETWORK, "%s: %s %s",
                    err_info(e)->name, why.field, why.detail);
      if (e == OK && r.outcome == DRIVE_IDLE &&
          host_has(&c->host, &u->self.id,
                   (const char *[]){"join", "share", "update", "unmask"}[phase]))
        break;
      ck_assert(e != OK || r.outcome == DRIVE_DID);
      if (e != OK) { /* the process is gone; the next one starts */
        human_stop(u);
        enum err again = human_start(u, &why);
        if (again == E_NETWORK) {
          human_stop(u);
          again = human_start(u, &why);
        }
        ck_assert_int_eq(again, OK);
      }
    }
    host_close(&c->host);
  }
  choir_sum_is_exact(c, 0);
  home_set_fault(u->home, NULL, NULL);
  c->host.lose_request = c->host.lose_reply = -1;
  human_ends(u, "done");
}

static struct {
  unsigned left, steps;
  bool fired;
} crash;

static bool crashes(void *arg, const char *step)
{
  crash.steps++;
  if (crash.left) {
    crash.left--;
    return false;
  }
  crash.fired = true;
  return true;
}

static void arm_crash(struct choir *c)
{
  home_set_fault(c->u[0].home, crash.fired ? NULL : crashes, NULL);
}

/* kill -9 before every single change of the disk: the round goes on to the same sum, and
 * the server (host.c) never sees two different messages. */
START_TEST(killed_at_every_write)
{
  unsigned points = 0;
  for (unsigned step = (unsigned)_i;; step += 4, points++) {
    struct choir c;
    choir_init(&c, 3, choir_small);
    crash.left = step;
    crash.fired = false;
    interrupted_round(&c, arm_crash);
    choir_done(&c);
    if (!crash.fired)
      break;
  }
  ck_assert_uint_gt(points, 20);
}
END_TEST

START_TEST(every_message_lost_once)
{
  for (int64_t call = 0;; call++) {
    struct choir c;
    choir_init(&c, 3, choir_small);
    int64_t *which = _i ? &c.host.lose_reply : &c.host.lose_request;
    *which = call;
    bool over = false;
    struct why why = {0};
    host_open(&c.host, NULL);
    for (unsigned phase = 0; phase < 4; phase++) {
      for (unsigned i = 0; i < c.n; i++) {
        struct drive_report r = {0};
        for (unsigned tries = 0; tries < 4; tries++) {
          enum err e = human_step(&c.u[i], &r, &why);
          ck_assert_msg(e == OK || e == E_NETWORK, "%s: %s %s", err_info(e)->name,
                        why.field, why.detail);
          if (e == OK && r.outcome == DRIVE_IDLE)
            break;
        }
        ck_assert_int_eq(r.outcome, DRIVE_IDLE);
      }
      host_close(&c.host);
    }
    over = *which >= 0;
    *which = -1;
    choir_sum_is_exact(&c, 0);
    choir_done(&c);
    if (over)
      break;
  }
}
END_TEST

START_TEST(resumes_an_upload)
{
  struct choir c;
  struct why why = {0};
  struct drive_report r;
  choir_init(&c, 3, choir_large); /* three chunks */
  host_open(&c.host, NULL);
  for (unsigned phase = 0; phase < 2; phase++) {
    choir_step(&c, 0, phase);
    host_close(&c.host);
  }
  choir_step(&c, 1, 2);
  c.host.puts = 0;
  /* the round's state, boxes, the log, manifest and one chunk arrive; then the line is
   * cut
   */
  c.host.lose_request = 8;
  ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_NETWORK);
  ck_assert_uint_eq(c.host.puts, 1);
  human_stop(&c.u[0]);
  ck_assert_int_eq(human_start(&c.u[0], &why), OK);
  human_steps(&c.u[0], "uploaded");
  ck_assert_uint_eq(c.host.puts, 3); /* the first one was not sent again */
  ck_assert_uint_eq(c.u[0].trained, 1);
  host_close(&c.host);
  choir_step(&c, 0, 3);
  host_close(&c.host);
  choir_sum_is_exact(&c, 0);
  choir_done(&c);
}
END_TEST

/* A folder that was set back (a snapshot restored, a file removed) says nothing more. */
START_TEST(a_damaged_folder_leaves)
{
  static const char *const files[] = {"party.json", "y.bin"};
  for (unsigned f = 0; f < LENGTH(files); f++) {
    struct choir c;
    char path[160], ctx[65];
    struct why why = {0};
    choir_init(&c, 4, choir_small);
    host_open(&c.host, NULL);
    for (unsigned phase = 0; phase < 2; phase++) {
      choir_step(&c, 0, phase);
      host_close(&c.host);
    }
    struct drive_report r;
    /* the manifest is out, the chunk is not */
    c.host.lose_request = 7;
    ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_NETWORK);
    ck_assert(host_has(&c.host, &c.u[0].self.id, "update"));
    hex_encode(ctx, c.host.round->open->ctx.b, 32);
    snprintf(path, sizeof path, "rounds/%s/%s", ctx, files[f]);
    ck_assert_int_eq(home_remove(c.u[0].home, path, &why), OK);
    human_stop(&c.u[0]);
    ck_assert_int_eq(human_start(&c.u[0], &why), OK);
    human_ends(&c.u[0], "left");
    choir_done(&c);
  }
}
END_TEST

/* The same invite makes the same bytes; another one of the same server is not used. */
START_TEST(enrols_once)
{
  struct choir c;
  struct why why = {0};
  struct invite_link link = {.address = "http://test", .model = "toy"};
  bool before;
  choir_init(&c, 1, choir_small);
  struct human *u = &c.u[0];
  link.instance = c.host.instance_hash;
  link.organisation.b[0] = 1;
  AUTO(membership_done) struct membership a = {0}, b = {0}, other = {0}, found = {0};
  ck_assert_int_eq(membership_make(&a, &before, u->home, &u->self, &link, &renamed, &why),
                   OK);
  ck_assert(!before);
  ck_assert_str_eq(json_string_value(json_object_get(a.json, "name")), "Somebody");
  link.code[0] ^= 1;
  ck_assert_int_eq(membership_make(&b, &before, u->home, &u->self, &link, &renamed, &why),
                   OK);
  ck_assert(before);
  ck_assert(json_equal(a.json, b.json));
  snprintf(link.model, sizeof link.model, "second");
  ck_assert_int_eq(membership_find(&found, u->home, "second", NULL, &why),
                   E_NOT_ENROLLED);
  ck_assert_int_eq(
      membership_make(&other, &before, u->home, &u->self, &link, &renamed, &why), OK);
  ck_assert(before);
  ck_assert(
      json_equal(json_object_get(a.json, "event"), json_object_get(other.json, "event")));
  ck_assert_int_eq(membership_find(&found, u->home, "second", NULL, &why), OK);
  choir_done(&c);
}
END_TEST

START_TEST(settles_what_was_left_open)
{
  struct choir c;
  struct why why = {0};
  char path[160], ctx[65];
  choir_init(&c, 5, choir_small);
  host_open(&c.host, NULL);
  for (unsigned phase = 0; phase < 4; phase++) {
    choir_step(&c, phase < 2 ? 0 : 1, phase); /* the first falls silent after sharing */
    host_close(&c.host);
  }
  hex_encode(ctx, c.host.round->open->ctx.b, 32);
  snprintf(path, sizeof path, "rounds/%s/party.json", ctx);
  ck_assert(home_has(c.u[0].home, path));
  host_open(&c.host, NULL);
  ck_assert_int_eq(drive_settle(c.u[0].drive, NULL, &why), OK);
  ck_assert(!home_has(c.u[0].home, path));
  human_steps(&c.u[0], "joined");
  choir_done(&c);
}
END_TEST

TCase *test_drive(void)
{
  TCase *t = tcase_create("drive");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, two_rounds_and_a_failed_one);
  tcase_add_test(t, those_who_miss_a_phase_leave);
  tcase_add_loop_test(t, killed_at_every_write, 0, 4);
  tcase_add_loop_test(t, every_message_lost_once, 0, 2);
  tcase_add_test(t, resumes_an_upload);
  tcase_add_test(t, a_damaged_folder_leaves);
  tcase_add_test(t, enrols_once);
  tcase_add_test(t, settles_what_was_left_open);
  return t;
}

/* ---- servers that cheat ---- */

/* Plays honestly up to `phase`, then lets the first participant take its step there. */
static enum err cheated(enum host_cheat cheat, unsigned phase, unsigned n)
{
  struct choir c;
  struct why why = {0};
  struct drive_report r;
  choir_init(&c, n, choir_small);
  c.host.cheat = cheat;
  host_open(&c.host, NULL);
  for (unsigned p = 0; p < phase; p++) {
    c.host.cheat = cheat;
    choir_step(&c, 0, p);
    host_close(&c.host);
  }
  enum err e = human_step(&c.u[0], &r, &why);
  ck_assert_msg(!err_is_cheat(e) || *why.detail, "no particulars");
  ck_assert(!host_has(&c.host, &c.u[0].self.id, "unmask") || phase > 3);
  choir_done(&c);
  return e;
}

START_TEST(cheats_are_refused)
{
  ck_assert_int_eq(cheated(HONEST, 0, 3), OK);
  ck_assert_int_eq(cheated(CHEAT_SPEC, 0, 3), E_CHEAT_MODEL);
  ck_assert_int_eq(cheated(CHEAT_TERMS, 0, 3), E_CHEAT_MODEL);
  ck_assert_int_eq(cheated(CHEAT_RECEIPT_KEY, 0, 3), E_CHEAT_KEY);
  ck_assert_int_eq(cheated(CHEAT_RECEIPT_OF, 0, 3), E_CHEAT_HISTORY);
  ck_assert_int_eq(cheated(CHEAT_RECEIPT_BY, 0, 3), E_REPLY);
  ck_assert_int_eq(cheated(CHEAT_BASE, 2, 3), E_CHEAT_MODEL);
  ck_assert_int_eq(cheated(CHEAT_ROSTER_OMITS, 1, 4), E_CHEAT_ROSTER);
  ck_assert_int_eq(cheated(CHEAT_SHARERS_OMITS, 2, 4), E_CHEAT_SHARERS);
  ck_assert_int_eq(cheated(CHEAT_SURVIVORS_OMITS, 3, 5), E_CHEAT_SURVIVORS);
  ck_assert_int_eq(cheated(CHEAT_RESULT_LIST, 4, 3), E_CHEAT_SECOND);
  ck_assert_int_eq(cheated(CHEAT_RESULT_KEY, 4, 3), E_CHEAT_KEY);
}
END_TEST

START_TEST(no_second_answer)
{
  struct choir c;
  struct why why = {0};
  struct drive_report r;
  choir_init(&c, 3, choir_small);
  host_open(&c.host, NULL);
  for (unsigned phase = 0; phase < 3; phase++) {
    choir_step(&c, 0, phase);
    host_close(&c.host);
  }
  human_steps(&c.u[0], "answered");
  c.host.cheat = CHEAT_SURVIVORS_SECOND;
  human_stop(&c.u[0]);
  ck_assert_int_eq(human_start(&c.u[0], &why), OK);
  ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_CHEAT_SECOND);
  choir_done(&c);
}
END_TEST

START_TEST(another_instance_is_refused)
{
  struct choir c;
  struct host other;
  struct why why = {0};
  choir_init(&c, 3, choir_small);
  host_init(&other, choir_small, NULL, 0);
  human_stop(&c.u[0]);
  json_t *mine = c.host.instance;
  c.host.instance = other.instance;
  ck_assert_int_eq(human_start(&c.u[0], &why), E_CHEAT_KEY);
  c.host.instance = mine;
  host_done(&other);
  choir_done(&c);
}
END_TEST

START_TEST(older_bases_are_refused)
{
  struct choir c;
  struct why why = {0};
  struct drive_report r;
  struct digest hash;
  choir_init(&c, 3, choir_small);
  choir_round(&c);
  choir_round(&c);
  /* back to the start */
  AUTO(json_drop)
  json_t *init =
      json_pack("{s:{s:s,s:n,s:O}}", "base", "source", "init", "event", "sha256",
                json_object_get(json_object_get(c.host.past[0].open, "base"), "sha256"));
  host_open(&c.host, init);
  ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_CHEAT_MODEL);
  c.host.phase = PHASE_FAILED;
  /* back by one round */
  const json_t *first = c.host.past[0].result;
  ck_assert_int_eq(event_hash(&hash, first), OK);
  AUTO(json_drop)
  json_t *old =
      json_pack("{s:{s:s,s:o,s:O}}", "base", "source", "result", "event",
                json_hex(hash.b, 32), "sha256", json_object_get(first, "model"));
  host_open(&c.host, old);
  ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_CHEAT_MODEL);
  c.host.phase = PHASE_FAILED;
  /* a result that names another model, and one that does not exist */
  AUTO(json_drop) json_t *wrong = json_deep_copy(old);
  const json_t *last = c.host.past[1].result;
  ck_assert_int_eq(event_hash(&hash, last), OK);
  json_object_set_new(json_object_get(wrong, "base"), "event", json_hex(hash.b, 32));
  host_open(&c.host, wrong);
  ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_CHEAT_MODEL);
  c.host.phase = PHASE_FAILED;
  hash.b[0] ^= 1;
  json_object_set_new(json_object_get(wrong, "base"), "event", json_hex(hash.b, 32));
  host_open(&c.host, wrong);
  ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_CHEAT_MODEL);
  c.host.phase = PHASE_FAILED;
  /* imported weights need a word */
  json_object_set_new(json_object_get(wrong, "base"), "source", json_string("import"));
  host_open(&c.host, wrong);
  ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_CONSENT);
  c.host.phase = PHASE_FAILED;
  host_open(&c.host, NULL);
  human_steps(&c.u[0], "joined");
  choir_done(&c);
}
END_TEST

START_TEST(own_minimum)
{
  struct choir c;
  struct why why = {0};
  struct drive_report r;
  choir_init(&c, 3, choir_small);
  human_stop(&c.u[0]);
  c.u[0].options.minimum = 4;
  ck_assert_int_eq(human_start(&c.u[0], &why), OK);
  host_open(&c.host, NULL);
  ck_assert_int_eq(human_step(&c.u[0], &r, &why), E_USAGE);
  ck_assert(!host_has(&c.host, &c.u[0].self.id, "join"));
  choir_done(&c);
}
END_TEST

/* The same base summed over nearly the same people: the second time nobody answers. */
START_TEST(sums_that_differ_in_one)
{
  struct choir c;
  struct why why = {0};
  struct drive_report r;
  choir_init(&c, 5, choir_small);
  for (unsigned attempt = 0; attempt < 2; attempt++) {
    host_open(&c.host, NULL);
    for (unsigned phase = 0; phase < 3; phase++) {
      choir_step(&c, attempt, phase);
      host_close(&c.host);
    }
    if (attempt == 0)
      human_steps(&c.u[1], "answered");
    else
      ck_assert_int_eq(human_step(&c.u[1], &r, &why), E_CHEAT_BASE);
    host_fail(&c.host, "cancelled");
  }
  ck_assert(!host_has(&c.host, &c.u[1].self.id, "unmask"));
  choir_done(&c);
}
END_TEST

TCase *test_distrust(void)
{
  TCase *t = tcase_create("distrust");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, cheats_are_refused);
  tcase_add_test(t, no_second_answer);
  tcase_add_test(t, another_instance_is_refused);
  tcase_add_test(t, older_bases_are_refused);
  tcase_add_test(t, own_minimum);
  tcase_add_test(t, sums_that_differ_in_one);
  return t;
}
