/* SPDX-License-Identifier: Apache-2.0
 * What events say besides the round itself: weights in public, what was seen, and how
 * long their lists may be. */
#include <string.h>

#include "core/merkle.h"
#include "play.h"
#include "test_core.h"
#include "util/field.h"
#include "util/text.h"

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

/* A dealer's first box as the coordinator would deliver it. */
static json_t *first_box(uint32_t dealer, struct bytes deals, struct digest *root)
{
  struct digest leaves[CROWD], path[64];
  struct merkle tree = {0};
  unsigned len, k = (unsigned)(deals.len / DEAL_BYTES);
  AUTO(buf_done) struct buf deal64 = {0};
  AUTO(buf_done) struct buf path64 = {0};
  for (unsigned c = 0; c < k; c++) {
    uint8_t leaf[LEAF_BYTES];
    deal_leaf(leaf, deals.data + c * DEAL_BYTES);
    merkle_leaf(&leaves[c], BYTES_OF(leaf));
    merkle_add_hash(&tree, &leaves[c]);
  }
  merkle_root(root, &tree);
  ck_assert_int_eq(merkle_path(path, &len, leaves, k, 0), OK);
  ck_assert_int_eq(base64_encode(&deal64, BYTES(deals.data, DEAL_BYTES)), OK);
  ck_assert_int_eq(base64_encode(&path64, BYTES(path, len * 32)), OK);
  return json_pack("{s:i,s:s,s:s}", "dealer", (int)dealer, "deal", buf_text(&deal64),
                   "path", buf_text(&path64));
}

/* Share events of a crowd, and the boxes for its member 0: two good ones, then `bad` that
 * do not open. */
static void crowd_shares(struct play *p, unsigned bad, json_t *shares, json_t *boxes)
{
  const struct round *r = p->round;
  struct bytes deals;
  struct digest root;
  const json_t *event;
  AUTO(free_drop) uint8_t *nothing = must_calloc(CROWD - 1, DEAL_BYTES);
  for (uint32_t j = 0; j < 3; j++) {
    ck_assert_int_eq(party_share(p->players[j].party, r, &event, &deals, NULL), OK);
    json_array_append(shares, (json_t *)event);
    if (j)
      json_array_append_new(boxes, first_box(j, deals, &root));
  }
  AUTO(json_drop)
  json_t *box = first_box(0, BYTES(nothing, (CROWD - 1) * DEAL_BYTES), &root);
  for (uint32_t j = 3; j < CROWD; j++) {
    json_t *s =
        message_start("share", &r->instance, &r->open->ctx, NULL, &r->members[j].id);
    json_object_set_new(s, "graph", json_hex(r->graph_hash.b, 32));
    json_object_set_new(s, "deals", json_hex(root.b, 32));
    json_object_set_new(s, "sig", json_null());
    json_array_append_new(shares, s);
    json_t *one = json_copy(box);
    json_object_set_new(one, "dealer", json_integer(j));
    if (j < 3 + bad)
      json_array_append(boxes, one);
    json_decref(one);
  }
}

/* Three players in a crowd whose other members are there by name only. */
static void make_crowd(struct play *p)
{
  struct round *r = p->round;
  struct digest none = {{0}};
  uint8_t set[(CROWD + 7) / 8] = {0};
  AUTO(free_drop) struct member *crowd = must_calloc(CROWD, sizeof *crowd);
  struct graph_params params = {.n = CROWD, .k = CROWD - 1, .t = 2, .complete = true};
  for (unsigned i = 0; i < CROWD; i++) {
    crowd[i] = r->members[MIN(i, 2u)];
    if (i > 2) {
      memset(crowd[i].id.b, 0xff, 30);
      crowd[i].id.b[30] = (uint8_t)(i >> 8);
      crowd[i].id.b[31] = (uint8_t)i;
    }
  }
  round_set_members(r, crowd, CROWD, &none, &none);
  graph_done(&r->graph);
  ck_assert_int_eq(graph_make(&r->graph, &params, &r->open->ctx, &none, BYTES(NULL, 0)),
                   OK);
  for (uint32_t i = 0; i < CROWD; i++)
    set_add(set, i);
  round_set_sharers(r, set, &none);
}

/* A manifest names at most 200 bad boxes: with more a party leaves. */
START_TEST(too_many_bad_boxes)
{
  struct play_terms t = {
      .n = 3, .minimum = 3, .ring_bits = 32, .quant_bits = 12, .d = 1, .weight_cap = 5};
  struct play p;
  struct why why = {0};
  play_init(&p, &t);
  play_join(&p);
  make_crowd(&p);
  for (unsigned bad = 201; bad >= 200; bad--) {
    AUTO(json_drop) json_t *shares = json_array();
    AUTO(json_drop) json_t *boxes = json_array();
    crowd_shares(&p, bad, shares, boxes);
    enum err e = party_boxes(p.players[0].party, p.round, shares, boxes, &why);
    ck_assert_int_eq(e, bad > 200 ? E_THRESHOLD : OK);
  }
  ck_assert_ptr_nonnull(strstr(why.detail, "201 bad boxes"));
  play_done(&p);
}
END_TEST

static json_t *repeated(unsigned count, const json_t *entry, const char *member)
{
  json_t *list = json_array();
  for (unsigned i = 0; i < count; i++) {
    uint8_t id[32] = {(uint8_t)(i >> 8), (uint8_t)i};
    json_t *one = member ? json_copy((json_t *)entry) : json_hex(id, 32);
    if (member)
      json_object_set_new(one, member,
                          strcmp(member, "dealer") == 0 ? json_integer(i)
                                                        : json_hex(id, 32));
    json_array_append_new(list, one);
  }
  return list;
}

/* An event is an entry of the log, which cannot be long. */
START_TEST(lists_are_bounded)
{
  struct play p;
  struct why why = {0};
  struct digest d = {{1}};
  uint8_t all = 0x0f;
  play_init(&p, &by_samples);
  play_join(&p);
  play_share(&p, &all);
  play_upload(&p, &all);
  AUTO(json_drop)
  json_t *complaint =
      json_pack("{s:o,s:o,s:o}", "key", json_hex(p.round->members[0].mask_key.b, 32),
                "challenge", json_hex(d.b, 32), "response", json_hex(d.b, 32));
  AUTO(json_drop)
  json_t *named = json_pack("{s:o,s:s}", "event", json_hex(d.b, 32), "reason", "bad-box");
  for (unsigned more = 0; more < 2; more++) {
    enum err want = more ? E_FIELD_VALUE : OK;
    AUTO(json_drop) json_t *update = json_copy(json_array_get(p.updates, 0));
    json_object_set_new(update, "bad", repeated(200 + more, complaint, "dealer"));
    AUTO(update_done) struct update_event u = {0};
    ck_assert_int_eq(update_parse(&u, update, &why), want);
    AUTO(json_drop) json_t *open = json_copy(p.open);
    json_object_set_new(open, "excluded", repeated(900 + more, NULL, NULL));
    AUTO(open_drop) struct open_event *o = NULL;
    ck_assert_int_eq(open_parse(&o, open, false, &why), want);
    AUTO(json_drop)
    json_t *failed = json_pack("{s:s,s:o,s:o,s:s,s:s,s:s,s:o}", "type", "failed",
                               "instance", json_hex(d.b, 32), "ctx", json_hex(d.b, 32),
                               "phase", "share", "reason", "internal", "sig", "", "named",
                               repeated(256 + more, named, "participant"));
    struct failed_event f;
    ck_assert_int_eq(failed_parse(&f, failed, &why), want);
  }
  ck_assert_str_eq(why.field, "named");
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

TCase *test_terms(void)
{
  TCase *t = tcase_create("terms");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, samples_are_what_was_masked);
  tcase_add_test(t, samples_are_checked_by_everybody);
  tcase_add_test(t, samples_come_back_after_a_crash);
  tcase_add_test(t, too_many_bad_boxes);
  tcase_add_test(t, lists_are_bounded);
  tcase_add_test(t, events_keep_what_was_seen);
  return t;
}
