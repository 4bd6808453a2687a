/* SPDX-License-Identifier: Apache-2.0
 * Whole rounds in memory: the unmasked sum is the plain integer sum, always. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/group.h"
#include "core/merkle.h"
#include "play.h"
#include "test_core.h"
#include "util/field.h"
#include "util/text.h"

/* Removes `count` random members from a set over n. */
static void drop(uint8_t *set, unsigned n, unsigned count)
{
  while (count) {
    uint32_t i = randombytes_uniform(n);
    if (set_has(set, i)) {
      set[i / 8] = (uint8_t)(set[i / 8] & ~(1u << (i % 8)));
      count--;
    }
  }
}

static void everybody(uint8_t *set, unsigned n)
{
  memset(set, 0, (n + 7) / 8);
  for (unsigned i = 0; i < n; i++)
    set_add(set, i);
}

/* One round with dropouts in each phase, as many as the rules allow or fewer. */
static void whole_round(const struct play_terms *t, unsigned drop_share,
                        unsigned drop_upload, unsigned drop_unmask)
{
  struct play p;
  struct why why = {0};
  uint8_t *set = must_calloc((t->n + 7) / 8, 1);
  play_init(&p, t);
  play_join(&p);
  everybody(set, t->n);
  drop(set, t->n, drop_share);
  play_share(&p, set);
  drop(set, t->n, drop_upload);
  play_upload(&p, set);
  AUTO(round_drop) struct round *view = NULL;
  enum err e = play_view_survivors(&view, &p, &why);
  ck_assert_msg(e == OK, "n=%u %u/%u/%u: %s", t->n, drop_share, drop_upload, drop_unmask,
                why.detail);
  uint8_t *answers = must_calloc((t->n + 7) / 8, 1);
  memcpy(answers, set, (t->n + 7) / 8);
  drop(answers, t->n, drop_unmask);
  size_t bytes = open_bytes(p.round->open);
  uint8_t *sum = must_calloc(bytes, 1), *plain = must_calloc(bytes, 1);
  ck_assert_int_eq(play_unmask(&p, answers, sum), OK);
  play_plain_sum(&p, set, plain);
  ck_assert_mem_eq(sum, plain, bytes);
  free(sum);
  free(plain);
  free(answers);
  free(set);
  play_done(&p);
}

START_TEST(sum_is_exact_for_every_width)
{
  static const unsigned widths[] = {16, 24, 32, 40, 48, 64};
  for (unsigned w = 0; w < LENGTH(widths); w++)
    for (unsigned anchored = 0; anchored < 2; anchored++) {
      struct play_terms t = {.n = 6,
                             .minimum = 3,
                             .ring_bits = widths[w],
                             .quant_bits = widths[w] == 16 ? 6 : 10,
                             .d = 37 + randombytes_uniform(100),
                             .weight_cap = widths[w] == 16 ? 9 : 100,
                             .dropout_bp = 1000,
                             .anchored = anchored};
      whole_round(&t, 0, 0, 0);
      whole_round(&t, 0, 1, 0);
      whole_round(&t, 1, 0, anchored);
    }
}
END_TEST

START_TEST(sum_is_exact_for_random_cohorts)
{
  for (unsigned run = 0; run < 30; run++) {
    unsigned n = 3 + randombytes_uniform(20);
    bool anchored = randombytes_uniform(2);
    unsigned k = n - 1;
    unsigned t = MAX(2u, (anchored ? k / 2 : 2 * k / 3) + 1);
    struct play_terms terms = {.n = n,
                               .minimum = 3,
                               .ring_bits = 32,
                               .quant_bits = 12,
                               .d = 1 + randombytes_uniform(50),
                               .weight_cap = 50,
                               .dropout_bp = 1000,
                               .anchored = anchored};
    /* all may vanish that leave every secret t helpers: t + 1 survivors among the live */
    unsigned spare = n > t + 1 ? n - t - 1 : 0;
    unsigned first = randombytes_uniform(spare + 1);
    unsigned second = randombytes_uniform(spare - first + 1);
    if (n - first < 4)
      first = 0;
    if (!anchored && n * second >= t * (n - first - 3 + 1))
      second = 0;
    whole_round(&terms, first, second, 0);
  }
}
END_TEST

START_TEST(sum_is_exact_on_a_sparse_graph)
{
  struct play_terms t = {.n = 80,
                         .minimum = 10,
                         .ring_bits = 32,
                         .quant_bits = 12,
                         .d = 9,
                         .weight_cap = 50,
                         .dropout_bp = 2000,
                         .anchored = true};
  whole_round(&t, 4, 6, 3);
}
END_TEST

START_TEST(parties_survive_saving)
{
  struct play_terms t = {.n = 5,
                         .minimum = 3,
                         .ring_bits = 32,
                         .quant_bits = 12,
                         .d = 9,
                         .weight_cap = 50,
                         .dropout_bp = 1000};
  struct play p;
  uint8_t all = 0x1f;
  play_init(&p, &t);
  play_join(&p);
  play_share(&p, &all);
  play_upload(&p, &all);
  for (unsigned i = 0; i < 5; i++) { /* everybody restarts before the answer */
    AUTO(buf_done) struct buf text = {0};
    struct party *again = NULL;
    ck_assert_int_eq(party_save(&text, p.players[i].party), OK);
    ck_assert_int_eq(party_load(&again, buf_bytes(&text), &p.players[i].key, NULL), OK);
    ck_assert(json_equal((json_t *)party_event(again, "update"),
                         (json_t *)party_event(p.players[i].party, "update")));
    party_free(p.players[i].party);
    p.players[i].party = again;
    text.data[text.len / 2] ^= 1;
    struct party *damaged = NULL;
    if (party_load(&damaged, buf_bytes(&text), &p.players[i].key, NULL) == OK)
      party_free(damaged);
  }
  size_t bytes = open_bytes(p.round->open);
  uint8_t *sum = must_calloc(bytes, 1), *plain = must_calloc(bytes, 1);
  ck_assert_int_eq(play_unmask(&p, &all, sum), OK);
  play_plain_sum(&p, &all, plain);
  ck_assert_mem_eq(sum, plain, bytes);
  free(sum);
  free(plain);
  play_done(&p);
}
END_TEST

/* Changes player i's answer: entry `at` becomes another scalar, or nothing. */
static void spoil_answer(struct play *p, uint32_t i, unsigned at, bool given)
{
  struct secret_scalar other;
  scalar_random(&other);
  json_t *event = (json_t *)party_event(p->players[i].party, "unmask");
  json_array_set_new(json_object_get(event, "shares"), at,
                     given ? json_hex(other.b, 32) : json_null());
}

/* Wrong shares are dropped and named, as long as t right ones are left. */
START_TEST(wrong_shares_are_named)
{
  struct play_terms t = {.n = 7,
                         .minimum = 3,
                         .ring_bits = 32,
                         .quant_bits = 12,
                         .d = 3,
                         .weight_cap = 50,
                         .dropout_bp = 1000,
                         .anchored = true}; /* k = 6, t = 4 */
  struct play p;
  uint8_t all = 0x7f, six = 0x3f;
  play_init(&p, &t);
  play_join(&p);
  play_share(&p, &all);
  play_upload(&p, &six);
  size_t bytes = open_bytes(p.round->open);
  AUTO(free_drop) uint8_t *sum = must_calloc(bytes, 1);
  ck_assert_int_eq(play_unmask(&p, &six, sum), OK);
  spoil_answer(&p, 1, 0, true); /* of s_0 */
  spoil_answer(&p, 2, 5, true); /* of a_6, who vanished */
  struct unmasking u;
  ck_assert_int_eq(play_rebuild(&p, &six, &u), OK);
  for (unsigned i = 0; i < 7; i++)
    ck_assert(u.wrong[i] == (i == 1 || i == 2));
  ck_assert_uint_eq(u.masks.len, 6 + 6); /* six self masks, six pairs with member 6 */
  unmasking_done(&u);
  spoil_answer(&p, 3, 0, true);
  ck_assert_int_eq(play_rebuild(&p, &six, &u), E_THRESHOLD);
  ck_assert(u.wrong[1] && u.wrong[2] && u.wrong[3]);
  unmasking_done(&u);
  play_done(&p);
}
END_TEST

START_TEST(odd_answers_are_not_taken)
{
  struct play_terms t = {
      .n = 4, .minimum = 3, .ring_bits = 32, .quant_bits = 12, .d = 3, .weight_cap = 50};
  struct play p;
  uint8_t all = 0x0f;
  play_init(&p, &t);
  play_join(&p);
  play_share(&p, &all);
  play_upload(&p, &all);
  size_t bytes = open_bytes(p.round->open);
  AUTO(free_drop) uint8_t *sum = must_calloc(bytes, 1);
  ck_assert_int_eq(play_unmask(&p, &all, sum), OK);
  AUTO(json_drop)
  json_t *event = json_deep_copy(party_event(p.players[0].party, "unmask"));
  AUTO(unmasking_done) struct unmasking u;
  AUTO(unmask_done) struct unmask_event answer = {0};
  unmasking_init(&u, p.round);
  ck_assert_int_eq(unmask_parse(&answer, event, NULL), OK);
  ck_assert_int_eq(unmasking_add(&u, 4, &answer), E_ANSWER);
  ck_assert_int_eq(unmasking_add(&u, 0, &answer), OK);
  ck_assert_int_eq(unmask_parse(&answer, event, NULL), OK);
  ck_assert_int_eq(unmasking_add(&u, 0, &answer), E_ANSWER); /* a second time */
  unmask_done(&answer);
  json_array_append_new(json_object_get(event, "shares"), json_null());
  ck_assert_int_eq(unmask_parse(&answer, event, NULL), OK);
  ck_assert_int_eq(unmasking_add(&u, 1, &answer), E_ANSWER); /* four of three */
  play_done(&p);
}
END_TEST

static const struct play_terms by_samples = {.n = 4,
                                             .minimum = 3,
                                             .ring_bits = 24,
                                             .quant_bits = 8,
                                             .d = 5,
                                             .weight_cap = 50,
                                             .scheme = "samples"};

static uint64_t samples_of(const struct party *p)
{
  struct update_event u;
  ck_assert_int_eq(update_parse(&u, party_event(p, "update"), NULL), OK);
  uint64_t samples = u.samples;
  update_done(&u);
  return samples;
}

/* What an update says in public is the weight that went into the sum. */
START_TEST(samples_are_what_was_masked)
{
  struct play p;
  struct why why = {0};
  uint8_t all = 0x0f;
  play_init(&p, &by_samples);
  play_join(&p);
  play_share(&p, &all);
  play_upload(&p, &all);
  const struct open_event *o = p.round->open;
  for (unsigned i = 0; i < p.n; i++) {
    struct ring x = {p.players[i].x, open_len(o), o->ring_bits};
    ck_assert_uint_eq(samples_of(p.players[i].party), (uint64_t)ring_get(x, o->d));
  }
  AUTO(round_drop) struct round *view = NULL;
  ck_assert_int_eq(play_view_survivors(&view, &p, &why), OK);
  static const struct {
    const char *value;
    enum err want;
  } cases[] = {{"50", OK},           {"null", E_FIELD_VALUE}, {"51", E_FIELD_VALUE},
               {"0", E_FIELD_VALUE}, {"-1", E_FIELD_VALUE},   {"\"5\"", E_FIELD_VALUE}};
  for (size_t c = 0; c < LENGTH(cases); c++) {
    AUTO(json_drop) json_t *event = json_copy((json_t *)json_array_get(p.updates, 0));
    struct update_event u;
    json_object_set_new(event, "samples",
                        json_loads(cases[c].value, JSON_DECODE_ANY, NULL));
    enum err e = update_parse(&u, event, &why);
    if (e == OK) {
      e = round_check_samples(p.round, &u, &why);
      update_done(&u);
    }
    ck_assert_int_eq(e, cases[c].want);
    ck_assert(e == OK || strcmp(why.field, "samples") == 0);
  }
  play_done(&p);
}
END_TEST

/* Nobody counts an update that hides its weight, or says one that nobody asked for. */
START_TEST(samples_are_checked_by_everybody)
{
  for (int asked = 0; asked < 2; asked++) {
    struct play p;
    struct why why = {0};
    struct play_terms t = by_samples;
    uint8_t all = 0x0f;
    if (!asked)
      t.scheme = NULL;
    play_init(&p, &t);
    play_join(&p);
    play_share(&p, &all);
    play_upload(&p, &all);
    json_t *event = (json_t *)party_event(p.players[1].party, "update");
    json_object_set_new(event, "samples", asked ? json_null() : json_integer(1));
    ck_assert_int_eq(event_sign(event, &p.players[1].key), OK);
    play_survivors(&p, &all);
    AUTO(round_drop) struct round *view = NULL;
    ck_assert_int_eq(play_view_survivors(&view, &p, &why), E_CHEAT_SURVIVORS);
    ck_assert_str_eq(why.field, "samples");
    play_done(&p);
  }
}
END_TEST

/* A party from before the masks finds its weight in the vector that they are on. */
START_TEST(samples_come_back_after_a_crash)
{
  struct play p;
  struct why why = {0};
  uint8_t all = 0x0f;
  const json_t *event;
  play_init(&p, &by_samples);
  play_join(&p);
  play_share(&p, &all);
  struct player *one = &p.players[2];
  AUTO(round_drop) struct round *view = NULL;
  ck_assert_int_eq(play_view_sharers(&view, &p, &why), OK);
  AUTO(json_drop) json_t *boxes = play_boxes(&p, 2);
  ck_assert_int_eq(party_boxes(one->party, view, p.shares, boxes, &why), OK);
  const struct open_event *o = view->open;
  AUTO(free_drop) uint8_t *y = must_calloc(open_bytes(o), 1);
  struct ring ring = {y, open_len(o), o->ring_bits};
  ck_assert_int_eq(party_mask(one->party, view, ring), E_FIELD_VALUE); /* no weight */
  ring_put(ring, o->d, 37);
  AUTO(buf_done) struct buf before = {0};
  ck_assert_int_eq(party_save(&before, one->party), OK);
  ck_assert_int_eq(party_mask(one->party, view, ring), OK);
  AUTO(party_drop) struct party *again = NULL;
  ck_assert_int_eq(party_load(&again, buf_bytes(&before), &one->key, &why), OK);
  ck_assert_int_eq(party_masked(again, view, ring), OK);
  ck_assert_int_eq(party_mask(again, view, ring), E_STATE);
  ck_assert_int_eq(party_masked(again, view, ring), E_STATE);
  ck_assert_int_eq(party_update(again, view, open_bytes(o), &o->base, &event), OK);
  ck_assert_uint_eq(samples_of(again), 37);
  ck_assert_int_eq(party_update(one->party, view, open_bytes(o), &o->base, &event), OK);
  ck_assert(json_equal((json_t *)event, (json_t *)party_event(again, "update")));
  AUTO(party_drop) struct party *damaged = NULL;
  ck_assert_int_eq(party_load(&damaged, buf_bytes(&before), &one->key, &why), OK);
  y[ring_bytes(o->ring_bits, o->d) + 1] ^= 0x40; /* now it would weigh 16,000 more */
  ck_assert_int_eq(party_masked(damaged, view, ring), E_FIELD_VALUE);
  play_done(&p);
}
END_TEST

#define CROWD 260u

/* Share events and boxes of a crowd in which the first `bad` deals do not open. */
static void bad_boxes(struct round *r, unsigned bad, json_t *shares, json_t *boxes)
{
  AUTO(free_drop) struct digest *leaves = must_calloc(CROWD, sizeof *leaves);
  uint8_t deal[DEAL_BYTES] = {0}, leaf[LEAF_BYTES];
  struct digest path[64];
  struct merkle tree = {0};
  unsigned len;
  deal_leaf(leaf, deal);
  for (unsigned c = 0; c < CROWD - 1; c++) {
    merkle_leaf(&leaves[c], BYTES_OF(leaf));
    merkle_add_hash(&tree, &leaves[c]);
  }
  struct digest root;
  merkle_root(&root, &tree);
  AUTO(buf_done) struct buf deal64 = {0};
  ck_assert_int_eq(base64_encode(&deal64, BYTES_OF(deal)), OK);
  /* member 0 is its neighbours' first */
  ck_assert_int_eq(merkle_path(path, &len, leaves, CROWD - 1, 0), OK);
  AUTO(buf_done) struct buf path64 = {0};
  ck_assert_int_eq(base64_encode(&path64, BYTES(path, len * 32)), OK);
  for (uint32_t j = 1; j < CROWD; j++) {
    json_t *s =
        message_start("share", &r->instance, &r->open->ctx, NULL, &r->members[j].id);
    json_object_set_new(s, "graph", json_hex(r->graph_hash.b, 32));
    json_object_set_new(s, "deals", json_hex(root.b, 32));
    json_object_set_new(s, "sig", json_null());
    json_array_append_new(shares, s);
    if (j <= bad)
      json_array_append_new(boxes,
                            json_pack("{s:i,s:s,s:s}", "dealer", (int)j, "deal",
                                      buf_text(&deal64), "path", buf_text(&path64)));
  }
}

/* A manifest names at most 200 bad boxes: with more a party leaves. */
START_TEST(too_many_bad_boxes)
{
  struct play_terms t = {
      .n = 3, .minimum = 3, .ring_bits = 32, .quant_bits = 12, .d = 1, .weight_cap = 5};
  struct play p;
  struct digest none = {{0}};
  struct bytes deals;
  const json_t *event;
  play_init(&p, &t);
  play_join(&p);
  /* the first of a crowd whose other members are there by name only */
  struct round *r = p.round;
  struct player *me = &p.players[0];
  AUTO(free_drop) struct member *crowd = must_calloc(CROWD, sizeof *crowd);
  for (unsigned i = 0; i < CROWD; i++) {
    crowd[i] = r->members[i < 3 ? i : 2];
    if (i)
      memset(crowd[i].id.b, 0xff, 30);
    crowd[i].id.b[30] = (uint8_t)(i >> 8);
    crowd[i].id.b[31] = (uint8_t)i;
  }
  crowd[0] = r->members[0];
  round_set_members(r, crowd, CROWD, &none, &none);
  struct graph_params params = {.n = CROWD, .k = CROWD - 1, .t = 2, .complete = true};
  graph_done(&r->graph);
  ck_assert_int_eq(graph_make(&r->graph, &params, &r->open->ctx, &none, BYTES(NULL, 0)),
                   OK);
  uint8_t set[(CROWD + 7) / 8];
  everybody(set, CROWD);
  round_set_sharers(r, set, &none);
  struct why why = {0};
  ck_assert_int_eq(party_share(me->party, r, &event, &deals, &why), OK);
  for (unsigned bad = 200; bad <= 201; bad++) {
    AUTO(json_drop) json_t *shares = json_pack("[O]", event);
    AUTO(json_drop) json_t *boxes = json_array();
    bad_boxes(r, bad, shares, boxes);
    ck_assert_int_eq(party_boxes(me->party, r, shares, boxes, &why), E_THRESHOLD);
    ck_assert_ptr_nonnull(
        strstr(why.detail, bad == 200 ? "0 good boxes" : "201 bad boxes"));
  }
  play_done(&p);
}
END_TEST

/* An event says what had been seen when it was signed, and goes on saying it. */
START_TEST(events_keep_what_was_seen)
{
  struct play_terms t = {
      .n = 3, .minimum = 3, .ring_bits = 32, .quant_bits = 12, .d = 1, .weight_cap = 50};
  struct play p;
  struct seen first = {5, {{1, 2, 3}}}, second = {6, {{4}}};
  const json_t *event;
  struct bytes deals;
  struct join_event join;
  struct share_event share;
  uint8_t all = 7;
  play_init(&p, &t);
  play_join(&p);
  struct party *one = p.players[0].party;
  party_set_seen(one, &first);
  ck_assert_int_eq(party_join(one, p.round, &event), OK);
  ck_assert_int_eq(join_parse(&join, event, NULL), OK);
  ck_assert_uint_eq(join.header.seen.size, 0);
  play_share(&p, &all);
  party_set_seen(one, &second);
  ck_assert_int_eq(party_share(one, p.round, &event, &deals, NULL), OK);
  ck_assert_int_eq(share_parse(&share, event, NULL), OK);
  ck_assert_uint_eq(share.header.seen.size, 5);
  ck_assert_mem_eq(&share.header.seen.root, &first.root, sizeof first.root);
  play_done(&p);
}
END_TEST

/* The values the protocol page promises for small cohorts: silent members tolerated. */
START_TEST(small_cohorts_tolerate_what_is_promised)
{
  static const struct {
    unsigned n, anchored, unanchored;
  } cases[] = {{3, 0, 0}, {4, 1, 0}, {5, 1, 1}, {6, 2, 1}, {10, 4, 2}};
  for (unsigned c = 0; c < LENGTH(cases); c++)
    for (unsigned anchored = 0; anchored < 2; anchored++) {
      unsigned n = cases[c].n, least = anchored ? cases[c].anchored : cases[c].unanchored;
      struct play_terms t = {.n = n,
                             .minimum = 3,
                             .ring_bits = 32,
                             .quant_bits = 12,
                             .d = 3,
                             .weight_cap = 5,
                             .dropout_bp = 1000,
                             .anchored = anchored};
      struct play p;
      uint8_t set[2];
      play_init(&p, &t);
      play_join(&p);
      everybody(set, n);
      play_share(&p, set);
      drop(set, n, least);
      ck_assert_int_eq(round_check_survivors(p.round, set, NULL, NULL), OK);
      drop(set, n, 1);
      ck_assert_int_eq(round_check_survivors(p.round, set, NULL, NULL), E_THRESHOLD);
      play_done(&p);
    }
}
END_TEST

TCase *test_round(void)
{
  TCase *t = tcase_create("round");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, sum_is_exact_for_every_width);
  tcase_add_test(t, sum_is_exact_for_random_cohorts);
  tcase_add_test(t, sum_is_exact_on_a_sparse_graph);
  tcase_add_test(t, parties_survive_saving);
  tcase_add_test(t, wrong_shares_are_named);
  tcase_add_test(t, odd_answers_are_not_taken);
  tcase_add_test(t, samples_are_what_was_masked);
  tcase_add_test(t, samples_are_checked_by_everybody);
  tcase_add_test(t, samples_come_back_after_a_crash);
  tcase_add_test(t, too_many_bad_boxes);
  tcase_add_test(t, events_keep_what_was_seen);
  tcase_add_test(t, small_cohorts_tolerate_what_is_promised);
  return t;
}
