/* SPDX-License-Identifier: Apache-2.0
 * Coordinators that cheat, each refused by name, and what each would gain if the check
 * were not there. The same cases against the real client are in
 * tests/scenario/test_cheating.py. */
#include <sodium.h>
#include <string.h>

#include "core/graph.h"
#include "core/group.h"
#include "core/party_state.h"
#include "play.h"
#include "test_core.h"
#include "util/field.h"

static const struct play_terms terms = {.n = 6,
                                        .minimum = 3,
                                        .ring_bits = 32,
                                        .quant_bits = 12,
                                        .d = 20,
                                        .weight_cap = 9,
                                        .dropout_bp = 1000};
#define ALL ((uint8_t)0x3f)
static const uint8_t all = ALL;

/* What somebody who holds s and a of a victim reads: its whole vector, in the clear. */
static void unmask_one(struct play *p, uint32_t victim, const struct secret_scalar *a,
                       const struct secret_scalar *s, uint8_t *out)
{
  AUTO(mask_list_done) struct mask_list l = {0};
  ck_assert_int_eq(mask_own(&l, p->round, victim, a, s), OK);
  for (size_t m = 0; m < l.len; m++)
    l.masks[m].sign = l.masks[m].sign == RING_ADD ? RING_SUB : RING_ADD;
  size_t bytes = open_bytes(p->round->open);
  memcpy(out, p->players[victim].y, bytes);
  struct ring acc = {out, open_len(p->round->open), p->round->open->ring_bits};
  ck_assert_int_eq(mask_apply(acc, 0, &l), OK);
}

static bool reads_victim(struct play *p, uint32_t victim, const struct secret_scalar *a,
                         const struct secret_scalar *s)
{
  size_t bytes = open_bytes(p->round->open);
  AUTO(free_drop) uint8_t *seen = must_calloc(bytes, 1);
  unmask_one(p, victim, a, s, seen);
  return memcmp(seen, p->players[victim].x, bytes) == 0;
}

static void until_upload(struct play *p, const struct play_terms *t)
{
  play_init(p, t);
  play_join(p);
  play_share(p, &all);
  play_upload(p, &all);
}

/* Rebuilds a victim's secret from what the given players hold for it, as if they had all
 * answered without checking. */
static enum err pool(struct secret_scalar *out, struct play *p, uint32_t victim,
                     uint8_t helpers, bool mask_secret)
{
  struct revealed shares[8];
  unsigned m = 0;
  for (uint32_t i = 0; i < p->n; i++) {
    if (i == victim || !set_has(&helpers, i))
      continue;
    const struct party *one = p->players[i].party;
    for (unsigned c = 0; c < one->inbox_len; c++)
      if (one->inbox[c].from == victim)
        shares[m++] = (struct revealed){
            .from = i, .share = mask_secret ? one->inbox[c].a : one->inbox[c].s};
  }
  const struct member *v = &p->round->members[victim];
  return mask_rebuild(out, mask_secret ? &v->mask_key : &v->self_key, shares, m,
                      p->round->graph.p.t, NULL);
}

START_TEST(wrong_model_to_one_participant)
{
  struct play p;
  struct why why;
  until_upload(&p, &terms);
  /* The victim is shown other terms: another base model, so another ctx. */
  json_t *other = json_deep_copy(p.open);
  json_object_set_new(json_object_get(other, "base"), "sha256",
                      json_hex(p.coordinator.b, 32));
  play_sign(&p, other);
  AUTO(round_drop) struct round *r = NULL;
  ck_assert_int_eq(round_open(&r, &p.instance, &p.instance_hash, other, &why), OK);
  ck_assert_int_eq(round_roster(r, p.roster, p.members, &why), E_CHEAT_ROSTER);
  /* Without the check: it masks under its own ctx, and the sum is noise. */
  struct party *victim = p.players[2].party;
  r->n = 0;
  round_set_members(r, p.round->members, p.n, &p.round->joins_root,
                    &p.round->roster_hash);
  ck_assert_int_eq(round_make_graph(r, BYTES(NULL, 0)), OK);
  round_set_sharers(r, &all, &p.round->sharers_hash);
  AUTO(mask_list_done) struct mask_list l = {0};
  ck_assert_int_eq(mask_own(&l, r, 2, &victim->a, &victim->s), OK);
  size_t bytes = open_bytes(p.round->open);
  memcpy(p.players[2].y, p.players[2].x, bytes);
  struct ring y = {p.players[2].y, open_len(p.round->open), 32};
  ck_assert_int_eq(mask_apply(y, 0, &l), OK);
  AUTO(free_drop) uint8_t *sum = must_calloc(bytes, 1);
  AUTO(free_drop) uint8_t *plain = must_calloc(bytes, 1);
  ck_assert_int_eq(play_unmask(&p, &all, sum), OK);
  play_plain_sum(&p, &all, plain);
  ck_assert_mem_ne(sum, plain, bytes);
  json_decref(other);
  play_done(&p);
}
END_TEST

START_TEST(different_survivor_lists_to_different_people)
{
  struct play p;
  struct secret_scalar a, s;
  struct play_terms loose = terms;
  /* Three people are told that member 0 survived, three others that it vanished. With a
   * threshold of half of the neighbours both secrets come out; the rule is more than
   * half. */
  loose.n = 7;
  loose.anchored = true;
  uint8_t seven = 0x7f;
  play_init(&p, &loose);
  play_join(&p);
  play_share(&p, &seven);
  play_upload(&p, &seven);
  ck_assert_uint_eq(p.round->graph.p.t, 4);
  ck_assert_int_eq(pool(&s, &p, 0, 0x0e, false), E_THRESHOLD); /* 1,2,3 say s_0 */
  ck_assert_int_eq(pool(&a, &p, 0, 0x70, true), E_THRESHOLD);  /* 4,5,6 say a_0 */
  play_done(&p);
  /* Somebody answering both lists is what would break it: */
  until_upload(&p, &terms);
  ck_assert_int_eq(pool(&s, &p, 0, ALL, false), OK);
  ck_assert_int_eq(pool(&a, &p, 0, ALL, true), OK);
  ck_assert(reads_victim(&p, 0, &a, &s));
  play_done(&p);
  /* and unanchored lists that differ by many are refused outright: */
  play_init(&p, &terms);
  play_join(&p);
  play_share(&p, &all);
  play_upload(&p, &all);
  uint8_t few = 0x07;
  struct why why;
  AUTO(round_drop) struct round *r = NULL;
  play_survivors(&p, &few);
  ck_assert_int_eq(play_view_survivors(&r, &p, &why), E_CHEAT_SURVIVORS);
  play_done(&p);
}
END_TEST

START_TEST(both_share_kinds_asked)
{
  struct play p;
  struct why why;
  const json_t *event;
  struct secret_scalar a, s;
  until_upload(&p, &terms);
  AUTO(round_drop) struct round *first = NULL;
  ck_assert_int_eq(play_view_survivors(&first, &p, &why), OK);
  ck_assert_int_eq(party_unmask(p.players[1].party, first, p.updates, 3, &event, &why),
                   OK);
  uint8_t without = ALL & 0xfe; /* now member 0 is said to have vanished */
  AUTO(round_drop) struct round *second = NULL;
  play_survivors(&p, &without);
  ck_assert_int_eq(play_view_survivors(&second, &p, &why), OK);
  ck_assert_int_eq(party_unmask(p.players[1].party, second, p.updates, 3, &event, &why),
                   E_CHEAT_SECOND);
  /* the same view refuses to be turned, too */
  ck_assert_int_eq(round_survivors(first, p.survivors, p.updates, &why), E_CHEAT_SECOND);
  /* Without the check: shares of both kinds, and member 0 is read in the clear. */
  ck_assert_int_eq(pool(&s, &p, 0, ALL, false), OK);
  ck_assert_int_eq(pool(&a, &p, 0, ALL, true), OK);
  ck_assert(reads_victim(&p, 0, &a, &s));
  /* One kind alone reads nothing. */
  struct secret_scalar wrong;
  scalar_random(&wrong);
  ck_assert(!reads_victim(&p, 0, &wrong, &s));
  ck_assert(!reads_victim(&p, 0, &a, &wrong));
  play_done(&p);
}
END_TEST

START_TEST(second_answer_asked)
{
  struct play p;
  struct why why;
  const json_t *event, *again;
  until_upload(&p, &terms);
  AUTO(round_drop) struct round *r = NULL;
  ck_assert_int_eq(play_view_survivors(&r, &p, &why), OK);
  struct party *one = p.players[1].party;
  ck_assert_int_eq(party_unmask(one, r, p.updates, 3, &event, &why), OK);
  ck_assert_int_eq(party_unmask(one, r, p.updates, 3, &again, &why), OK);
  ck_assert_ptr_eq(event, again); /* the identical answer, as often as asked */
  /* ... also after a restart and after the secrets are gone */
  AUTO(buf_done) struct buf text = {0};
  party_forget(one);
  ck_assert_int_eq(party_save(&text, one), OK);
  AUTO(party_drop) struct party *restarted = NULL;
  ck_assert_int_eq(party_load(&restarted, buf_bytes(&text), &p.players[1].key, &why), OK);
  ck_assert_int_eq(party_unmask(restarted, r, p.updates, 3, &again, &why), OK);
  ck_assert(json_equal((json_t *)event, (json_t *)again));
  play_done(&p);
}
END_TEST

START_TEST(substituted_key)
{
  struct play p;
  struct why why;
  play_init(&p, &terms);
  play_join(&p);
  json_t *join = json_object_get(json_array_get(p.members, 3), "join");
  AUTO(json_drop) json_t *kept = json_deep_copy(join);
  struct secret_scalar mine;
  struct point planted;
  scalar_random(&mine);
  ck_assert_int_eq(point_mul_base(&planted, &mine), OK);
  json_object_set_new(join, "mask_key", json_hex(planted.b, 32));
  AUTO(round_drop) struct round *r = NULL;
  ck_assert_int_eq(play_view_graph(&r, &p, &why), E_CHEAT_ROSTER);
  /* A member whose own keys were replaced says so even when the rest fits. */
  json_object_update(join, kept);
  ck_assert_int_eq(play_view_graph(&r, &p, &why), OK);
  r->members[3].mask_key = planted;
  const json_t *event;
  struct bytes deals;
  ck_assert_int_eq(party_share(p.players[3].party, r, &event, &deals, &why),
                   E_CHEAT_ROSTER);
  /* Without the check: the coordinator knows the mask between 0 and the planted key. */
  struct point from_victim, from_coordinator;
  ck_assert_int_eq(point_mul(&from_victim, &p.players[0].party->a, &planted), OK);
  ck_assert_int_eq(point_mul(&from_coordinator, &mine, &p.round->members[0].mask_key),
                   OK);
  ck_assert_mem_eq(&from_victim, &from_coordinator, 32);
  play_done(&p);
}
END_TEST

START_TEST(changed_roster)
{
  struct play p;
  struct why why;
  play_init(&p, &terms);
  play_join(&p);
  AUTO(json_drop) json_t *kept = json_copy(p.members);
  AUTO(round_drop) struct round *r = NULL;
  struct {
    const char *what;
    enum err want;
  } cases[] = {{"a member left out", E_CHEAT_ROSTER},
               {"two members swapped", E_CHEAT_ROSTER},
               {"one member twice", E_CHEAT_ROSTER},
               {"somebody who was never admitted", E_CHEAT_ROSTER},
               {"two of one organisation", E_CHEAT_ROSTER}};
  for (unsigned c = 0; c < LENGTH(cases); c++) {
    json_decref(p.members);
    p.members = json_deep_copy(kept);
    json_t *first = json_array_get(p.members, 0), *second = json_array_get(p.members, 1);
    if (c == 0)
      json_array_remove(p.members, 5);
    if (c == 1) {
      json_incref(first);
      json_array_set(p.members, 0, second);
      json_array_set_new(p.members, 1, first);
    }
    if (c == 2)
      json_array_set(p.members, 1, first);
    if (c == 3)
      json_object_set(first, "admit", json_object_get(second, "admit"));
    if (c == 4) {
      json_t *enroll = json_object_get(first, "enroll");
      json_object_set(enroll, "organisation",
                      json_object_get(json_object_get(second, "enroll"), "organisation"));
      ck_assert_int_eq(event_sign(enroll, &p.players[0].key), OK);
      struct digest h;
      ck_assert_int_eq(event_hash(&h, enroll), OK);
      json_t *admit =
          admission_build("admit", &p.instance_hash, "toy", &p.players[0].id, &h, NULL);
      play_sign(&p, admit);
      json_object_set_new(first, "admit", admit);
    }
    enum err e = play_view_graph(&r, &p, &why);
    ck_assert_msg(e == cases[c].want, "%s: %s", cases[c].what, err_info(e)->name);
    ck_assert_ptr_null(r);
  }
  play_done(&p);
}
END_TEST

START_TEST(too_few_organisations)
{
  struct play p;
  struct why why;
  struct play_terms t = terms;
  t.minimum = 5;
  t.anchored = true; /* so that only the minimum stands in the way */
  until_upload(&p, &t);
  uint8_t four = 0x0f, five = 0x1f;
  const json_t *event;
  AUTO(round_drop) struct round *r = NULL;
  play_survivors(&p, &four);
  ck_assert_int_eq(play_view_survivors(&r, &p, &why), E_CHEAT_SURVIVORS);
  play_survivors(&p, &five);
  ck_assert_int_eq(play_view_survivors(&r, &p, &why), OK);
  ck_assert_int_eq(party_unmask(p.players[0].party, r, p.updates, 6, &event, &why),
                   E_THRESHOLD); /* the member's own minimum */
  ck_assert_int_eq(party_unmask(p.players[0].party, r, p.updates, 5, &event, &why), OK);
  play_done(&p);
}
END_TEST

START_TEST(sums_over_nearly_the_same_people)
{
  struct play p;
  struct why why;
  struct play_terms t = terms;
  t.anchored = true;
  until_upload(&p, &t);
  AUTO(json_drop) json_t *history = json_array();
  AUTO(round_drop) struct round *r = NULL;
  uint8_t five = 0x1f, three = 0x07;
  ck_assert_int_eq(play_view_survivors(&r, &p, &why), OK);
  ck_assert_int_eq(party_check_history(history, r, 3, false, &why), OK);
  ck_assert_int_eq(party_check_history(history, r, 3, false, &why), OK); /* equal set */
  round_set_survivors(r, &five, &r->survivors_hash);
  /* Two sums that differ by one person are that person's update. */
  ck_assert_int_eq(party_check_history(history, r, 3, false, &why), E_CHEAT_BASE);
  ck_assert_int_eq(party_check_history(history, r, 3, true, &why), E_CHEAT_BASE);
  round_set_survivors(r, &three, &r->survivors_hash);
  ck_assert_int_eq(party_check_history(history, r, 3, true, &why), E_CHEAT_BASE);
  ck_assert_uint_eq(json_array_size(history), 3); /* refused sets are remembered too */
  json_array_clear(history);
  static const uint8_t apart[3] = {0x07, 0x38, 0x3f};
  for (unsigned i = 0; i < 3; i++) {
    round_set_survivors(r, &apart[i], &r->survivors_hash);
    enum err want = i < 2 ? OK : E_CONSENT;
    ck_assert_int_eq(party_check_history(history, r, 3, false, &why), want);
  }
  ck_assert_int_eq(party_check_history(history, r, 3, true, &why), OK);
  play_done(&p);
}
END_TEST

START_TEST(bad_box_is_blamed_on_the_right_party)
{
  struct play p;
  struct why why;
  play_init(&p, &terms);
  play_join(&p);
  play_share(&p, &all);
  AUTO(round_drop) struct round *r = NULL;
  ck_assert_int_eq(play_view_sharers(&r, &p, &why), OK);
  /* Dealer 1 seals garbage for member 0, and signs that. */
  struct player *dealer = &p.players[1];
  uint32_t near[8];
  graph_neighbours(&p.round->graph, 1, near);
  ck_assert_uint_eq(near[0], 0);
  dealer->deals.data[64 + 30] ^= 1;
  struct share_event s;
  ck_assert_int_eq(share_parse(&s, party_event(dealer->party, "share"), NULL), OK);
  ck_assert_int_eq(round_check_deals(p.round, 1, &s, buf_bytes(&dealer->deals), &why),
                   E_HASH);
  /* As delivered under a false path it is missing; nobody is blamed for that. */
  AUTO(json_drop) json_t *boxes = play_boxes(&p, 0);
  ck_assert_int_eq(party_boxes(p.players[0].party, r, p.shares, boxes, &why), OK);
  ck_assert_int_eq(p.players[0].party->inbox[0].state, INBOX_MISSING);
  /* The judge: the box as the dealer signed it, opened with the key the complainer shows.
   */
  struct complaint c = {.dealer = 1};
  const struct party *me = p.players[0].party;
  const struct point *ei = &r->members[0].share_key, *ej = &r->members[1].share_key;
  bool guilty = false;
  ck_assert_int_eq(point_mul(&c.key, &me->e, ej), OK);
  ck_assert_int_eq(dleq_prove(&c.proof, &r->open->ctx, 0, 1, &me->e, ei, ej, &c.key), OK);
  ck_assert_int_eq(round_judge(r, 0, &c, dealer->deals.data, &guilty), OK);
  ck_assert(guilty);
  dealer->deals.data[64 + 30] ^= 1; /* a good box: the complaint was false */
  ck_assert_int_eq(round_judge(r, 0, &c, dealer->deals.data, &guilty), OK);
  ck_assert(!guilty);
  c.proof.response.b[0] ^= 1;
  ck_assert_int_eq(round_judge(r, 0, &c, dealer->deals.data, &guilty), E_PROOF);
  play_done(&p);
}
END_TEST

TCase *test_cheat(void)
{
  TCase *t = tcase_create("cheating coordinators");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, wrong_model_to_one_participant);
  tcase_add_test(t, different_survivor_lists_to_different_people);
  tcase_add_test(t, both_share_kinds_asked);
  tcase_add_test(t, second_answer_asked);
  tcase_add_test(t, substituted_key);
  tcase_add_test(t, changed_roster);
  tcase_add_test(t, too_few_organisations);
  tcase_add_test(t, sums_over_nearly_the_same_people);
  tcase_add_test(t, bad_box_is_blamed_on_the_right_party);
  return t;
}
