/* SPDX-License-Identifier: Apache-2.0
 * Whole rounds through the engine: people come, go and cheat; the sum is the plain sum.
 */
#include "test_engine.h"

#include <check.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "core/merkle.h"
#include "db/blob.h"
#include "model/net.h"
#include "server/engine.h"
#include "util/text.h"

#define MOMENTUM "{\"kind\":\"fedavgm\",\"rate\":\"0.5\",\"momentum\":\"0.9\"}"

static struct stage s;

static void start(struct stage_terms t)
{
  stage_init(&s, &t);
}

static const struct stage_terms five = {.n = 5,
                                        .minimum = 3,
                                        .maximum = 5,
                                        .upload = 600,
                                        .d = 300000,
                                        .optimiser = MOMENTUM};

static void finish(void)
{
  stage_done(&s);
}

/* Nobody is waited for any longer. */
static void past_deadline(void)
{
  char hex[65];
  stage_sql(&s, "UPDATE rounds SET deadline = clock_timestamp() WHERE ctx = '\\x%s'",
            hex_encode(hex, s.ctx.b, 32));
}

static void all_join(unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    ck_assert_int_eq(person_join(&s, i), OK);
  stage_wait(&s, "share");
  stage_view(&s);
}

static void all_share(unsigned first, unsigned n)
{
  for (unsigned i = first; i < n; i++)
    ck_assert_int_eq(person_share(&s, i), OK);
  stage_wait(&s, "upload");
  stage_view(&s);
}

/* The published S is the plain sum of those who stayed, and the model follows from it. */
static void check_result(unsigned first, unsigned last)
{
  const struct open_event *o = s.view->open;
  size_t bytes = open_bytes(o);
  AUTO(free_drop) uint8_t *plain = must_calloc(bytes, 1);
  AUTO(buf_done) struct buf sum = {0};
  AUTO(json_drop) json_t *result = stage_event(&s, "result");
  struct digest hash, said;
  struct request rq = {.server = &s.server, .db = s.db};
  struct reply rp = {0};
  char ctx[65];
  for (unsigned i = first; i < last; i++)
    ck_assert_int_eq(ring_add((struct ring){plain, open_len(o), o->ring_bits},
                              BYTES(s.people[i].x, bytes)),
                     OK);
  rq.param[0] = hex_encode(ctx, s.ctx.b, 32);
  ck_assert_int_eq(rounds_sum(&rq, &rp), OK);
  ck_assert_int_eq(blob_load(s.db, rp.blob, &sum), OK);
  ck_assert_uint_eq(sum.len, bytes);
  ck_assert_mem_eq(sum.data, plain, bytes);
  crypto_hash_sha256(hash.b, plain, bytes);
  struct result_event r;
  struct why why = {0};
  ck_assert_msg(result_parse(&r, result, &why) == OK, "%s %s", why.field, why.detail);
  ck_assert_mem_eq(&r.sum, &hash, 32);
  ck_assert_uint_eq(r.count, last - first);
  ck_assert_int_eq(event_verify(result, "result", &s.server.coordinator, NULL), OK);
  said = r.survivors;
  ck_assert_mem_eq(&said, &s.view->survivors_hash, 32);
}

/* From a base of zeros: v = the mean update, w = rate * v. */
static void check_first_model(void)
{
  const struct open_event *o = s.view->open;
  AUTO(json_drop) json_t *result = stage_event(&s, "result");
  AUTO(free_drop) float *w = must_calloc(o->d, sizeof *w);
  AUTO(free_drop) uint8_t *state = must_calloc(o->d, 8);
  AUTO(free_drop) int64_t *sums = must_calloc(o->d, sizeof *sums);
  struct optimiser opt = {.kind = OPTIMISER_FEDAVGM,
                          .rate = 0.5,
                          .momentum = 0.9,
                          .quantum = 32767,
                          .range = 1};
  struct result_event r;
  struct digest hash;
  uint64_t weight = 0;
  for (unsigned i = 0; i < s.n; i++) {
    if (!s.people[i].x || !set_has(s.view->survivors, i))
      continue;
    for (uint64_t l = 0; l < o->d; l++)
      sums[l] += ring_get((struct ring){s.people[i].x, o->d, 32}, l);
    weight += i % 10 + 1;
  }
  ck_assert_int_eq(result_parse(&r, result, NULL), OK);
  ck_assert_int_eq(optimiser_step(&opt, w, state, sums, o->d, weight), OK);
  crypto_hash_sha256(hash.b, (const uint8_t *)w, o->d * 4);
  ck_assert_mem_eq(&r.model, &hash, 32);
  crypto_hash_sha256(hash.b, state, o->d * 8);
  ck_assert(r.has_state);
  ck_assert_mem_eq(&r.state, &hash, 32);
}

START_TEST(one_vanishes_and_two_rounds)
{
  start(five);
  stage_open(&s);
  all_join(5);
  all_share(0, 5);
  for (unsigned i = 0; i < 4; i++)
    ck_assert_int_eq(person_upload(&s, i), OK);
  past_deadline(); /* ends the wait for the fifth */
  stage_wait(&s, "unmask");
  ck_assert_int_eq(person_upload(&s, 4), E_PHASE);
  stage_view(&s);
  for (unsigned i = 0; i < 4; i++)
    ck_assert_int_eq(person_unmask(&s, i), OK);
  stage_wait(&s, "done");
  check_result(0, 4);
  check_first_model();

  stage_open(&s);
  ck_assert_uint_eq(s.view->open->round, 2);
  ck_assert_int_eq(s.view->open->source, BASE_RESULT);
  ck_assert(s.view->open->has_state);
  all_join(5);
  all_share(0, 5);
  for (unsigned i = 0; i < 5; i++)
    ck_assert_int_eq(person_upload(&s, i), OK);
  stage_wait(&s, "unmask");
  stage_view(&s);
  for (unsigned i = 0; i < 5; i++)
    ck_assert_int_eq(person_unmask(&s, i), OK);
  stage_wait(&s, "done");
  check_result(0, 5);
  finish();
}
END_TEST

/* ---- messages ---- */

/* Signs a changed copy of an event. */
static json_t *forge(unsigned i, const json_t *event, const char *name, json_t *value)
{
  json_t *copy = json_deep_copy(event);
  json_object_set_new(copy, name, value);
  ck_assert_int_eq(event_sign(copy, &s.people[i].key), OK);
  return copy;
}

static enum err post_join(const json_t *event, json_t **out)
{
  AUTO(json_drop) json_t *body = post_event(event);
  return stage_round(&s, joins_post, NULL, body, out);
}

START_TEST(joins_are_checked)
{
  start(five);
  stage_open(&s);
  ck_assert_int_eq(person_join(&s, 0), OK);
  const json_t *mine = party_event(s.people[0].party, "join");
  AUTO(json_drop) json_t *first = NULL, *again = NULL, *bad = NULL;
  ck_assert_int_eq(post_join(mine, &first), OK);
  ck_assert_int_eq(post_join(mine, &again), OK);
  ck_assert(json_equal(first, again)); /* the very same receipt */
  json_t *receipt = json_object_get(first, "receipt");
  ck_assert_int_eq(event_verify(receipt, "receipt", &s.server.coordinator, NULL), OK);

  /* another event in its place */
  struct party *other = NULL;
  const json_t *second = NULL;
  ck_assert_int_eq(party_new(&other, s.view, &s.people[0].id, &s.people[0].key), OK);
  ck_assert_int_eq(party_join(other, s.view, &second), OK);
  ck_assert_int_eq(post_join(second, NULL), E_CONFLICT);
  party_free(other);

  /* somebody else's keys */
  AUTO(json_drop) json_t *copied = json_deep_copy(mine);
  json_object_set_new(copied, "participant", json_hex(s.people[1].id.b, 32));
  ck_assert_int_eq(event_sign(copied, &s.people[1].key), OK);
  ck_assert_int_eq(post_join(copied, NULL), E_DUPLICATE_KEY);

  /* a signature of somebody else */
  ck_assert_int_eq(event_sign(copied, &s.people[2].key), OK);
  ck_assert_int_eq(post_join(copied, NULL), E_SIGNATURE);

  /* another round */
  bad = forge(1, mine, "ctx", json_hex(s.people[1].id.b, 32));
  ck_assert_int_eq(post_join(bad, NULL), E_CONTEXT);

  char hex[65], organisation[33];
  hex_encode(hex, s.people[1].id.b, 32);
  stage_sql(&s, "UPDATE admissions SET status = 'suspended' WHERE participant = '\\x%s'",
            hex);
  ck_assert_int_eq(person_join(&s, 1), E_SUSPENDED);
  stage_sql(&s, "DELETE FROM admissions WHERE participant = '\\x%s'", hex);
  ck_assert_int_eq(person_join(&s, 1), E_NOT_ADMITTED);
  hex_encode(hex, s.people[2].id.b, 32);
  hex_encode(organisation, s.people[0].organisation.b, 16);
  stage_sql(&s, "UPDATE participants SET organisation = '\\x%s' WHERE id = '\\x%s'",
            organisation, hex);
  ck_assert_int_eq(person_join(&s, 2), E_ORGANISATION);
  struct person stranger = s.people[3];
  identity_make(&s.people[3].id, &s.people[3].key);
  ck_assert_int_eq(person_join(&s, 3), E_NOT_ENROLLED);
  s.people[3].id = stranger.id;
  s.people[3].key = stranger.key;
  finish();
}
END_TEST

START_TEST(the_roster_is_never_too_large)
{
  struct stage_terms t = five;
  t.maximum = 3;
  start(t);
  stage_open(&s);
  for (unsigned i = 0; i < 3; i++)
    ck_assert_int_eq(person_join(&s, i), OK);
  enum err e = person_join(&s, 3);
  ck_assert(e == E_FULL || e == E_PHASE);
  stage_wait(&s, "share");
  stage_view(&s);
  ck_assert_uint_eq(s.view->n, 3);
  ck_assert_int_eq(person_join(&s, 3), E_PHASE);
  ck_assert_int_eq(person_join(&s, 0), OK); /* said before: the first receipt again */
  finish();
}
END_TEST

/* Waits until the attempt has failed for this reason. */
static void wait_failed(const char *reason)
{
  struct timespec pause = {0, 10000000};
  for (unsigned n = 0; n < 2000; n++) {
    AUTO(json_drop) json_t *state = NULL;
    ck_assert_int_eq(stage_round(&s, rounds_show, NULL, NULL, &state), OK);
    const json_t *f = json_object_get(state, "failure");
    if (json_is_object(f)) {
      ck_assert_str_eq(json_string_value(json_object_get(f, "reason")), reason);
      return;
    }
    nanosleep(&pause, NULL);
  }
  ck_abort_msg("the attempt has not failed");
}

/* ---- cheats ---- */

/* Shares like an honest dealer, but with one box that cannot be opened. */
static void share_badly(unsigned dealer, unsigned box)
{
  const json_t *event = NULL;
  struct bytes deals;
  struct merkle tree = {0};
  struct digest root;
  AUTO(buf_done) struct buf copy = {0};
  AUTO(buf_done) struct buf text = {0};
  ck_assert_int_eq(party_share(s.people[dealer].party, s.view, &event, &deals, NULL), OK);
  ck_assert_int_eq(buf_put(&copy, deals.data, deals.len), OK);
  copy.data[box * DEAL_BYTES + 100] ^= 1;
  for (size_t at = 0; at < copy.len; at += DEAL_BYTES) {
    uint8_t leaf[96];
    deal_leaf(leaf, copy.data + at);
    merkle_add(&tree, BYTES_OF(leaf));
  }
  merkle_root(&root, &tree);
  AUTO(json_drop) json_t *forged = forge(dealer, event, "deals", json_hex(root.b, 32));
  ck_assert_int_eq(base64_encode(&text, buf_bytes(&copy)), OK);
  AUTO(json_drop)
  json_t *body =
      json_pack("{s:o,s:s}", "event", json_incref(forged), "deals", buf_text(&text));
  ck_assert_int_eq(stage_round(&s, shares_post, NULL, body, NULL), OK);
}

static void until_upload(unsigned uploads)
{
  stage_open(&s);
  all_join(5);
  all_share(0, 5);
  for (unsigned i = 0; i < uploads; i++)
    ck_assert_int_eq(person_upload(&s, i), OK);
}

static void check_named(const char *type, unsigned who, const char *reason)
{
  char hex[65];
  AUTO(json_drop) json_t *event = stage_event(&s, type);
  const json_t *named = json_object_get(event, "named");
  ck_assert_uint_eq(json_array_size(named), 1);
  const json_t *one = json_array_get(named, 0);
  ck_assert_str_eq(json_string_value(json_object_get(one, "participant")),
                   hex_encode(hex, s.people[who].id.b, 32));
  ck_assert_str_eq(json_string_value(json_object_get(one, "reason")), reason);
}

START_TEST(a_bad_box_is_found_out)
{
  start(five);
  stage_open(&s);
  all_join(5);
  share_badly(0, 1);
  all_share(1, 5);
  for (unsigned i = 1; i < 5; i++)
    ck_assert_int_eq(person_upload(&s, i), OK);
  past_deadline();
  stage_wait(&s, "unmask");
  stage_view(&s);
  for (unsigned i = 1; i < 5; i++)
    ck_assert_int_eq(person_unmask(&s, i), OK);
  stage_wait(&s, "done");
  check_result(1, 5);
  check_named("result", 0, "bad-box");
  finish();
}
END_TEST

START_TEST(the_convicted_stay_outside_the_retry)
{
  char hex[65];
  start(five);
  stage_open(&s);
  all_join(5);
  share_badly(4, 0);
  all_share(0, 4);
  ck_assert_int_eq(person_upload(&s, 0), OK);
  past_deadline(); /* one update is too few */
  wait_failed("below-threshold");
  check_named("failed", 4, "bad-box");
  stage_open(&s);
  ck_assert_uint_eq(s.view->open->round, 1);
  ck_assert_uint_eq(s.view->open->attempt, 2);
  ck_assert_uint_eq(s.view->open->excluded_len, 1);
  ck_assert_mem_eq(&s.view->open->excluded[0], &s.people[4].id, 32);
  ck_assert_int_eq(person_join(&s, 4), E_NOT_ADMITTED);
  hex_encode(hex, s.ctx.b, 32);
  AUTO(json_drop) json_t *state = NULL;
  ck_assert_int_eq(stage_call(&s, rounds_cancel, hex, NULL, NULL, NULL, &state, NULL),
                   OK);
  ck_assert_str_eq(json_string_value(json_object_get(state, "phase")), "failed");
  ck_assert_int_eq(stage_call(&s, rounds_cancel, hex, NULL, NULL, NULL, NULL, NULL),
                   E_PHASE);
  finish();
}
END_TEST

/* The first person's answer, with a share that does not fit. */
static void answer_wrongly(void)
{
  const json_t *event = NULL;
  uint8_t other[32] = {42};
  ck_assert_int_eq(party_unmask(s.people[0].party, s.view, s.updates, 3, &event, NULL),
                   OK);
  AUTO(json_drop) json_t *shares = json_deep_copy(json_object_get(event, "shares"));
  json_array_set_new(shares, 1, json_hex(other, 32));
  AUTO(json_drop) json_t *forged = forge(0, event, "shares", json_incref(shares));
  AUTO(json_drop) json_t *body = post_event(forged);
  ck_assert_int_eq(stage_round(&s, unmasks_post, NULL, body, NULL), OK);
}

START_TEST(a_wrong_share_is_found_out)
{
  start(five);
  until_upload(5);
  stage_wait(&s, "unmask");
  stage_view(&s);
  answer_wrongly();
  for (unsigned i = 1; i < 5; i++)
    ck_assert_int_eq(person_unmask(&s, i), OK);
  stage_wait(&s, "done");
  check_result(0, 5);
  check_named("result", 0, "bad-share");
  finish();
}
END_TEST

/* ---- rewards ---- */

/* The result says the root of these amounts, and the table holds them. */
static void check_rewards(const char *const amounts[5])
{
  struct reward members[5] = {0};
  struct digest root;
  struct result_event r;
  char sql[160];
  AUTO(json_drop) json_t *result = stage_event(&s, "result");
  for (unsigned i = 0; i < 5; i++) {
    members[i].id = s.people[i].id;
    strcpy(members[i].amount, amounts[i]);
    snprintf(sql, sizeof sql,
             "SELECT 1 FROM rewards JOIN joins USING (ctx, member, participant) "
             "WHERE member = %u AND amount = %s",
             i, amounts[i]);
    stage_real(&s, sql);
  }
  ck_assert_int_eq(reward_root(&root, members, 5), OK);
  ck_assert_int_eq(result_parse(&r, result, NULL), OK);
  ck_assert(r.has_rewards);
  ck_assert_mem_eq(&r.rewards, &root, sizeof root);
}

static struct stage_terms paid_by(const char *scheme)
{
  struct stage_terms t = five;
  t.d = 100;
  t.scheme = scheme;
  return t;
}

/* Until everybody but the first has answered. */
static void all_but_first_answer(void)
{
  stage_wait(&s, "unmask");
  stage_view(&s);
  for (unsigned i = 1; i < 5; i++)
    ck_assert_int_eq(person_unmask(&s, i), OK);
}

START_TEST(rewards_follow_the_weights)
{
  start(paid_by("samples"));
  until_upload(5);
  stage_wait(&s, "unmask");
  stage_view(&s);
  answer_wrongly();
  for (unsigned i = 1; i < 5; i++)
    ck_assert_int_eq(person_unmask(&s, i), OK);
  stage_wait(&s, "done");
  check_named("result", 0, "bad-share");
  /* of a million, by fifteenths */
  check_rewards((const char *const[]){"0", "133333", "200000", "266666", "333333"});
  finish();
}
END_TEST

START_TEST(rewards_are_equal)
{
  start(paid_by("equal"));
  until_upload(5);
  all_but_first_answer();
  stage_wait(&s, "done");
  check_rewards((const char *const[]){"200000", "200000", "200000", "200000", "200000"});
  finish();
}
END_TEST

/* Somebody says a weight that is not the one in its vector: nobody is paid. */
START_TEST(weights_that_do_not_add_up)
{
  start(paid_by("samples"));
  s.samples = "10";
  until_upload(5);
  all_but_first_answer();
  stage_wait(&s, "done");
  AUTO(json_drop) json_t *result = stage_event(&s, "result");
  ck_assert(json_is_null(json_object_get(result, "rewards")));
  ck_assert_double_eq(stage_real(&s, "SELECT count(*) FROM rewards"), 0);
  finish();
}
END_TEST

START_TEST(weights_are_said_where_asked)
{
  start(paid_by("samples"));
  until_upload(0);
  s.samples = "null";
  ck_assert_int_eq(person_upload(&s, 0), E_FIELD_VALUE);
  s.samples = "11"; /* the cap is 10 */
  ck_assert_int_eq(person_upload(&s, 1), E_FIELD_VALUE);
  ck_assert_int_eq(person_upload(&s, 2), OK);
  finish();
  start(paid_by("equal"));
  until_upload(0);
  s.samples = "1";
  ck_assert_int_eq(person_upload(&s, 0), E_FIELD_VALUE);
  ck_assert_int_eq(person_upload(&s, 1), OK);
  finish();
}
END_TEST

/* An event is an entry of the log: its lists are cut, by ascending participant. */
START_TEST(long_lists_are_cut)
{
  char ctx[65];
  start(five);
  stage_open(&s);
  stage_sql(&s,
            "INSERT INTO convictions SELECT '\\x%s', sha256(i::text::bytea), "
            "sha256(e::text::bytea), 'bad-box' FROM generate_series(1, 950) i, "
            "generate_series(1, 2) e",
            hex_encode(ctx, s.ctx.b, 32));
  ck_assert_int_eq(stage_call(&s, rounds_cancel, ctx, NULL, NULL, NULL, NULL, NULL), OK);
  AUTO(json_drop) json_t *failed = stage_event(&s, "failed");
  struct failed_event f;
  struct why why = {0};
  ck_assert_msg(failed_parse(&f, failed, &why) == OK, "%s %s", why.field, why.detail);
  ck_assert_uint_eq(json_array_size(f.named), NAMED_MAX);
  struct named first;
  ck_assert_int_eq(named_parse(&first, json_array_get(f.named, 0), "", NULL), OK);
  stage_open(&s);
  const struct open_event *o = s.view->open;
  ck_assert_uint_eq(o->excluded_len, EXCLUDED_MAX);
  ck_assert_mem_eq(&o->excluded[0], &first.participant, 32);
  for (unsigned i = 1; i < EXCLUDED_MAX; i++)
    ck_assert_int_lt(memcmp(&o->excluded[i - 1], &o->excluded[i], 32), 0);
  finish();
}
END_TEST

/* Two sums over the same base whose people differ by one would show that one's update. */
START_TEST(nearly_the_same_people_are_not_summed)
{
  char hex[65];
  struct stage_terms t = five;
  t.d = 100;
  start(t);
  until_upload(5);
  stage_wait(&s, "unmask");
  stage_sql(&s,
            "UPDATE rounds SET phase = 'failed', failure = 'internal', ended_at = now(), "
            "deadline = NULL WHERE ctx = '\\x%s'",
            hex_encode(hex, s.ctx.b, 32));
  until_upload(4);
  past_deadline();
  wait_failed("too-similar");
  until_upload(5); /* the same people again are nothing new */
  stage_wait(&s, "unmask");
  stage_view(&s);
  for (unsigned i = 0; i < 5; i++)
    ck_assert_int_eq(person_unmask(&s, i), OK);
  stage_wait(&s, "done");
  check_result(0, 5);
  until_upload(4); /* another base */
  past_deadline();
  stage_wait(&s, "unmask");
  finish();
}
END_TEST

/* A sum outside the rules: published nowhere, and the model stays. */
START_TEST(a_sum_out_of_bounds_is_rejected)
{
  struct stage_terms t = five;
  t.d = 100;
  start(t);
  s.wild = true; /* the first person sends far more than the range allows */
  until_upload(5);
  stage_wait(&s, "unmask");
  stage_view(&s);
  for (unsigned i = 0; i < 5; i++)
    ck_assert_int_eq(person_unmask(&s, i), OK);
  wait_failed("sum-out-of-bounds");
  ck_assert_int_eq(stage_round(&s, rounds_sum, NULL, NULL, NULL), E_NOT_FOUND);
  AUTO(json_drop) json_t *answers = NULL;
  ck_assert_int_eq(stage_round(&s, unmasks_list, NULL, NULL, &answers), OK);
  ck_assert_uint_eq(json_array_size(json_object_get(answers, "events")), 5);
  stage_open(&s);
  ck_assert_uint_eq(s.view->open->attempt, 2);
  ck_assert_int_eq(s.view->open->source, BASE_INIT);
  finish();
}
END_TEST

/* ---- schedules, hold-out ---- */

START_TEST(schedules_open_rounds)
{
  struct timespec pause = {0, 50000000};
  AUTO(json_drop) json_t *state = NULL;
  start(five);
  ck_assert_int_eq(stage_call(&s, rounds_newest, "toy", NULL, NULL, NULL, &state, NULL),
                   E_NOT_FOUND);
  stage_sql(&s, "INSERT INTO schedules (model, every, rounds) VALUES ('toy', 0, 1)");
  for (unsigned n = 0; n < 100 && !state; n++) {
    (void)!stage_call(&s, rounds_newest, "toy", NULL, NULL, NULL, &state, NULL);
    nanosleep(&pause, NULL);
  }
  ck_assert_ptr_nonnull(state);
  ck_assert_int_eq(json_integer_value(json_object_get(state, "round")), 1);
  ck_assert_uint_eq(json_array_size(json_object_get(state, "awaited")), 5);
  ck_assert_int_eq(stage_call(&s, rounds_open, "toy", NULL, NULL, NULL, NULL, NULL),
                   E_OPEN_ROUND);
  finish();
}
END_TEST

START_TEST(holdouts_are_evaluated)
{
  start(five);
  stage_add_iris(&s);
  double accuracy = stage_real(&s, "SELECT initial_accuracy FROM model_versions "
                                   "WHERE model = 'iris' AND initial_rows = 150");
  ck_assert_double_eq_tol(accuracy, 1.0 / 3,
                          1e-9); /* all zeros: always the first class */
  finish();
}
END_TEST

/* ---- sparse graphs, other processes ---- */

START_TEST(sixty_on_a_sparse_graph)
{
  start((struct stage_terms){.n = 60,
                             .minimum = 40,
                             .maximum = 200,
                             .upload = 600,
                             .d = 1000,
                             .simulated = true,
                             .optimiser = "{\"kind\":\"fedavg\",\"rate\":\"1\"}"});
  stage_open(&s);
  all_join(60);
  ck_assert(!s.view->graph.p.complete);
  all_share(0, 60);
  for (unsigned i = 0; i < 55; i++)
    ck_assert_int_eq(person_upload(&s, i), OK);
  past_deadline();
  stage_wait(&s, "unmask");
  stage_view(&s);
  for (unsigned i = 0; i < 53; i++) /* two more vanish */
    ck_assert_int_eq(person_unmask(&s, i), OK);
  stage_wait(&s, "done");
  check_result(0, 55);
  finish();
}
END_TEST

/* Another process has claimed the job and died: its lease lapses. */
START_TEST(a_dead_process_is_replaced)
{
  char hex[65];
  start(five);
  stage_open(&s);
  all_join(5);
  all_share(0, 5);
  for (unsigned i = 0; i < 5; i++)
    ck_assert_int_eq(person_upload(&s, i), OK);
  stage_wait(&s, "unmask");
  stage_view(&s);
  stage_sql(&s,
            "INSERT INTO jobs (kind, ctx, part, state, attempts, claimed_by, claimed_at, "
            "claimed_until) VALUES ('unmask', '\\x%s', 5, 'claimed', 1, "
            "'\\x000102030405060708090a0b0c0d0e0f', now(), now() + interval '2 seconds')",
            hex_encode(hex, s.ctx.b, 32));
  for (unsigned i = 0; i < 5; i++)
    ck_assert_int_eq(person_unmask(&s, i), OK);
  stage_wait(&s, "done");
  check_result(0, 5);
  finish();
}
END_TEST

/* ---- masked vectors: kept for the audit, then erased ---- */

/* A whole round of the five. */
static void play_round(void)
{
  until_upload(5);
  stage_wait(&s, "unmask");
  stage_view(&s);
  for (unsigned i = 0; i < 5; i++)
    ck_assert_int_eq(person_unmask(&s, i), OK);
  stage_wait(&s, "done");
}

/* count(*) of what follows FROM, which ends with the column that is the round's ctx. */
static double count(const char *from)
{
  char sql[512], hex[65];
  snprintf(sql, sizeof sql, "SELECT count(*) FROM %s = '\\x%s'", from,
           hex_encode(hex, s.ctx.b, 32));
  return stage_real(&s, sql);
}

static void wait_count(const char *from, double expected)
{
  struct timespec pause = {0, 20000000};
  for (unsigned n = 0; n < 2000 && count(from) != expected; n++)
    nanosleep(&pause, NULL);
  ck_assert_double_eq(count(from), expected);
}

#define OPEN_JOBS "jobs WHERE state IN ('ready', 'claimed') AND ctx"
#define VECTORS "updates u JOIN blob_chunks b ON b.blob = u.blob WHERE u.ctx"
#define RETENTION "events WHERE type = 'retention' AND ctx"

static enum err get_chunk(unsigned i, const char *index, struct reply *rp)
{
  char ctx[65], id[65];
  struct why why = {0};
  struct request rq = {.server = &s.server,
                       .db = s.db,
                       .why = &why,
                       .param = {hex_encode(ctx, s.ctx.b, 32),
                                 hex_encode(id, s.people[i].id.b, 32), index}};
  return chunks_show(&rq, rp);
}

static void end_window(void)
{
  char hex[65];
  stage_sql(&s, "UPDATE rounds SET vectors_until = clock_timestamp() WHERE ctx = '\\x%s'",
            hex_encode(hex, s.ctx.b, 32));
}

START_TEST(vectors_are_kept_for_the_audit)
{
  char hex[65];
  struct reply rp = {0};
  start(five);
  play_round();
  wait_count(OPEN_JOBS, 0);
  ck_assert_double_eq(count(VECTORS), 10); /* two chunks each */
  for (unsigned i = 0; i < 5; i++) {
    AUTO(free_drop) uint8_t *chunk = must_calloc(CHUNK_BYTES, 1);
    ck_assert_int_eq(get_chunk(i, "1", &rp), OK);
    ck_assert_uint_eq(rp.from, CHUNK_BYTES);
    ck_assert_uint_eq(rp.size, open_bytes(s.view->open) - CHUNK_BYTES);
    ck_assert_int_eq(blob_read(s.db, rp.blob, rp.from, chunk, rp.size), OK);
    ck_assert_mem_eq(chunk, s.people[i].y + CHUNK_BYTES, rp.size);
  }
  ck_assert_int_eq(get_chunk(0, "2", &rp), E_NOT_FOUND);
  end_window();
  wait_count(RETENTION, 1);
  ck_assert_double_eq(count(VECTORS), 0);
  ck_assert_int_eq(get_chunk(0, "0", &rp), E_ERASED);
  /* once more, as a process would that looked a moment ago: nothing is told again */
  stage_sql(&s, "INSERT INTO jobs (kind, ctx) VALUES ('clean', '\\x%s')",
            hex_encode(hex, s.ctx.b, 32));
  wait_count(OPEN_JOBS, 0);
  ck_assert_double_eq(count(RETENTION), 1);
  finish();
}
END_TEST

/* A process began to erase and died: its lease lapses, and another one goes on. */
START_TEST(half_erased_is_erased)
{
  char hex[65];
  start(five);
  play_round();
  wait_count(OPEN_JOBS, 0);
  hex_encode(hex, s.ctx.b, 32);
  stage_sql(&s,
            "BEGIN; DELETE FROM blob_chunks WHERE part = 0 AND blob IN "
            "(SELECT blob FROM updates WHERE ctx = '\\x%s');"
            "INSERT INTO jobs (kind, ctx, state, attempts, claimed_by, claimed_at, "
            "claimed_until) VALUES ('clean', '\\x%s', 'claimed', 1, "
            "'\\x000102030405060708090a0b0c0d0e0f', now(), now() + interval '2 seconds');"
            "UPDATE rounds SET vectors_until = now() WHERE ctx = '\\x%s'; COMMIT",
            hex, hex, hex);
  wait_count(RETENTION, 1);
  ck_assert_double_eq(count(VECTORS), 0);
  wait_count(OPEN_JOBS, 0);
  ck_assert_double_eq(count(RETENTION), 1);
  finish();
}
END_TEST

START_TEST(failed_attempts_are_erased_at_once)
{
  start(five);
  until_upload(2);
  past_deadline();
  wait_failed("below-threshold");
  wait_count(RETENTION, 1);
  ck_assert_double_eq(count(VECTORS), 0);
  stage_open(&s);
  AUTO(json_drop) json_t *state = NULL;
  ck_assert_int_eq(stage_round(&s, rounds_cancel, NULL, NULL, &state), OK);
  wait_count("rounds WHERE vectors_erased AND ctx", 1);
  ck_assert_double_eq(count(RETENTION), 0); /* there was nothing */
  finish();
}
END_TEST

int main(void)
{
  model_init();
  Suite *suite = suite_create("engine");
  TCase *t = tcase_create("rounds");
  tcase_set_timeout(t, 90);
  tcase_add_test(t, one_vanishes_and_two_rounds);
  tcase_add_test(t, joins_are_checked);
  tcase_add_test(t, the_roster_is_never_too_large);
  tcase_add_test(t, a_bad_box_is_found_out);
  tcase_add_test(t, the_convicted_stay_outside_the_retry);
  tcase_add_test(t, a_wrong_share_is_found_out);
  tcase_add_test(t, rewards_follow_the_weights);
  tcase_add_test(t, rewards_are_equal);
  tcase_add_test(t, weights_that_do_not_add_up);
  tcase_add_test(t, weights_are_said_where_asked);
  tcase_add_test(t, long_lists_are_cut);
  tcase_add_test(t, nearly_the_same_people_are_not_summed);
  tcase_add_test(t, a_sum_out_of_bounds_is_rejected);
  tcase_add_test(t, schedules_open_rounds);
  tcase_add_test(t, holdouts_are_evaluated);
  tcase_add_test(t, sixty_on_a_sparse_graph);
  tcase_add_test(t, a_dead_process_is_replaced);
  tcase_add_test(t, vectors_are_kept_for_the_audit);
  tcase_add_test(t, half_erased_is_erased);
  tcase_add_test(t, failed_attempts_are_erased_at_once);
  suite_add_tcase(suite, t);
  SRunner *r = srunner_create(suite);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
