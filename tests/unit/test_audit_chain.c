/* SPDX-License-Identifier: Apache-2.0
 * Audits of rounds that stand on a chain: a node in memory holds what was anchored, and
 * every way in which that can be something else is found. */
#include <string.h>

#include "chain/tree.h"
#include "clients/lib/audit.h"
#include "core/merkle.h"
#include "node.h"
#include "show.h"
#include "test_audit.h"
#include "util/field.h"
#include "util/text.h"

#define MUST(call) ck_assert_int_eq(call, OK)
#define CHAIN 31337u
#define MEMBERS 5u

/* By samples; half of the rounds settle, at 300 and more. */
#define SPEC(payout)                                                                     \
  "{\"name\":\"Toy\",\"purpose\":\"A test.\",\"consent\":\"None.\",\"kind\":\"vector\"," \
  "\"dimension\":20,\"quantisation\":{\"bits\":12,\"range\":\"1\",\"clip\":\"9\","       \
  "\"weight_cap\":10},\"cohort\":{\"minimum\":3,\"maximum\":8,\"corrupt_bp\":1000,"      \
  "\"dropout_bp\":1000},\"deadlines\":{\"join\":60,\"share\":60,\"upload\":60,"          \
  "\"unmask\":60},\"ring_bits\":32,\"server\":{\"kind\":\"fedavg\",\"rate\":\"1\"},"     \
  "\"reward\":{\"scheme\":\"equal\",\"budget\":\"1003\"" payout "}}"
#define PUSH SPEC("")
#define CLAIM SPEC(",\"payout\":{\"mode\":\"claim\",\"threshold\":\"300\",\"every\":2}")

struct ground {
  struct node node;
  struct show s;
  struct chain_view view;
  struct audit_options options;
};

static void ground_init(struct ground *g, const char *spec)
{
  struct address registry = {.b = {0xc0, [19] = 1}};
  struct why why = {0};
  char contract[ADDRESS_TEXT] = "0x";
  hex_encode(contract + 2, registry.b, sizeof registry.b);
  *g = (struct ground){0};
  node_init(&g->node, CHAIN, &registry);
  show_init_on(&g->s, spec, MEMBERS, contract, CHAIN);
  MUST(chain_view_open(&g->view, NULL, &g->s.pin, g->node.url, &why));
  g->options.view = &g->view;
}

static void ground_done(struct ground *g)
{
  chain_view_done(&g->view);
  show_done(&g->s);
  node_done(&g->node);
}

/* ---- what an honest coordinator anchors ---- */

static struct digest hash_of(const json_t *event)
{
  struct digest h;
  MUST(event_hash(&h, event));
  return h;
}

static void log_root(const struct show *s, struct digest *out)
{
  struct merkle tree = {0};
  for (size_t i = 0; i < json_array_size(s->log); i++) {
    AUTO(buf_done) struct buf leaf = {0};
    MUST(event_canonical(&leaf, json_array_get(s->log, i), true));
    merkle_add(&tree, buf_bytes(&leaf));
  }
  merkle_root(out, &tree);
}

static struct address payout_of(const struct show *s, unsigned i)
{
  struct address a;
  memcpy(a.b, s->play.players[i].id.b, sizeof a.b); /* as play.c gives it */
  return a;
}

static int by_organisation(const void *a, const void *b)
{
  return memcmp(a, b, sizeof(struct organisation));
}

static struct word voices(const struct show *s, uint64_t round)
{
  struct voter voters[MEMBERS];
  struct word leaf;
  for (unsigned i = 0; i < MEMBERS; i++)
    voters[i] = (struct voter){s->play.round->members[i].organisation, payout_of(s, i)};
  qsort(voters, MEMBERS, sizeof *voters, by_organisation);
  voice_leaf(&leaf, "toy", round, 0, voters, MEMBERS);
  return leaf;
}

static struct word root_of(const struct word *leaves, unsigned n)
{
  struct tree tree;
  struct word root;
  tree_make(&tree, leaves, n);
  tree_root(&tree, &root);
  tree_done(&tree);
  return root;
}

/* 1003 to five is 200 each, and three for those with the lowest keys or for nobody:
 * section 9.1 decides, and the rewards that are served say it. */
static uint64_t reward_of(struct show *s, unsigned i)
{
  AUTO(buf_done) struct buf text = {0};
  AUTO(json_drop) json_t *json = NULL;
  show_served(s, show_path(s, "rewards"), &text);
  MUST(json_parse(&json, buf_bytes(&text), text.len, NULL));
  const json_t *one = json_array_get(json_object_get(json, "rewards"), i);
  const char *amount = json_string_value(json_object_get(one, "amount"));
  ck_assert_ptr_nonnull(amount);
  return strtoull(amount, NULL, 10);
}

/* sums: what each member had before, in unsettled rounds; updated. */
static struct anchor_result result_of(struct ground *g, bool push, bool settles,
                                      uint64_t sums[MEMBERS])
{
  struct show *s = &g->s;
  const struct open_event *o = s->play.round->open;
  struct payee payees[MEMBERS];
  struct word leaves[2], claims[MEMBERS];
  uint64_t total = 0;
  for (unsigned i = 0; i < MEMBERS; i++) {
    uint64_t reward = reward_of(s, i);
    total += reward;
    sums[i] += reward;
    payees[i] = (struct payee){payout_of(s, i), word_of(sums[i])};
    claim_leaf(&claims[i], &payees[i].account, &payees[i].amount);
  }
  leaves[0] = voices(s, o->round);
  pay_leaf(&leaves[1], "toy", o->round, 0, payees, MEMBERS);
  struct anchor_result a = {.round = o->round,
                            .attempt = o->attempt,
                            .hash = hash_of(s->result),
                            .reward = word_of(total),
                            .payouts = root_of(leaves, push && settles ? 2 : 1),
                            .log_size = json_array_size(s->log)};
  if (!push && settles)
    a.claims = root_of(claims, MEMBERS);
  if (push && settles)
    memset(sums, 0, MEMBERS * sizeof *sums);
  log_root(s, &a.log_root);
  return a;
}

static void anchor_survivors(struct ground *g)
{
  const struct open_event *o = g->s.play.round->open;
  struct digest hash = hash_of(g->s.play.survivors);
  struct word budget = word_of(1003);
  node_survivors(&g->node, "toy", o->round, o->attempt, &hash, MEMBERS, &budget);
}

/* ---- looking ---- */

static void look(struct report *r, struct ground *g, unsigned round)
{
  struct why why = {0};
  AUTO(audit_log_drop) struct audit_log *log = NULL;
  AUTO(source_drop) struct source *source = source_dossier(g->s.dossier, true);
  MUST(audit_log_open(&log, source, &g->s.pin, NULL, &why));
  report_init(r);
  enum err e =
      audit_round(r, source, log, &g->s.pin, &g->s.rounds[round].ctx, &g->options, &why);
  ck_assert_msg(e == OK, "%s %s %s", err_info(e)->name, why.field, why.detail);
}

static void says(struct ground *g, unsigned round, enum verdict anchors,
                 enum verdict payouts)
{
  AUTO(report_done) struct report r;
  AUTO(buf_done) struct buf text = {0};
  look(&r, g, round);
  MUST(report_text(&text, &r, true));
  ck_assert_msg(report_verdict(&r, CHECK_ANCHORS) == anchors, "%s", buf_text(&text));
  ck_assert_msg(report_verdict(&r, CHECK_PAYOUTS) == payouts, "%s", buf_text(&text));
  for (enum check c = 0; c < CHECKS; c++)
    ck_assert_msg(c == CHECK_ANCHORS || c == CHECK_PAYOUTS ||
                      report_verdict(&r, c) != VERDICT_BROKEN,
                  "%s", buf_text(&text));
}

START_TEST(what_stands_there_holds)
{
  struct ground g;
  uint64_t sums[MEMBERS] = {0};
  ground_init(&g, PUSH);
  show_round(&g.s, MEMBERS, MEMBERS);
  show_publish(&g.s);
  struct chain_view *view = g.options.view;
  g.options.view = NULL;
  says(&g, 0, VERDICT_NOT_CHECKED, VERDICT_NOT_CHECKED);
  g.options.view = view;
  says(&g, 0, VERDICT_NOT_CHECKED, VERDICT_NOT_CHECKED); /* nothing is there */
  anchor_survivors(&g);
  struct anchor_result a = result_of(&g, true, true, sums);
  node_result(&g.node, "toy", &a);
  says(&g, 0, VERDICT_NOT_CHECKED, VERDICT_NOT_CHECKED); /* not finally */
  node_finalize(&g.node);
  says(&g, 0, VERDICT_HOLDS, VERDICT_HOLDS);
  ground_done(&g);
}
END_TEST

/* ---- something else stands there ---- */

static void other_hash(struct anchor_result *a)
{
  a->hash.b[5] ^= 1;
}
static void other_attempt(struct anchor_result *a)
{
  a->attempt++;
}
static void other_reward(struct anchor_result *a)
{
  a->reward = word_of(1);
}
static void other_log(struct anchor_result *a)
{
  a->log_root.b[0] ^= 1;
}
static void short_log(struct anchor_result *a)
{
  a->log_size = 3;
}
static void long_log(struct anchor_result *a)
{
  a->log_size += 1000;
}
static void other_payouts(struct anchor_result *a)
{
  a->payouts.b[0] ^= 1;
}
static void other_claims(struct anchor_result *a)
{
  a->claims = word_of(1);
}

static const struct {
  void (*bend)(struct anchor_result *a);
  enum verdict anchors, payouts;
} bendings[] = {
    {other_hash, VERDICT_BROKEN, VERDICT_NOT_CHECKED},
    {other_attempt, VERDICT_BROKEN, VERDICT_NOT_CHECKED},
    {other_reward, VERDICT_BROKEN, VERDICT_NOT_CHECKED},
    {other_log, VERDICT_BROKEN, VERDICT_NOT_CHECKED},
    {short_log, VERDICT_BROKEN, VERDICT_NOT_CHECKED},
    {long_log, VERDICT_BROKEN, VERDICT_NOT_CHECKED},
    {other_payouts, VERDICT_HOLDS, VERDICT_BROKEN},
    {other_claims, VERDICT_HOLDS, VERDICT_BROKEN},
};

START_TEST(another_result_is_found)
{
  struct ground g;
  uint64_t sums[MEMBERS] = {0};
  ground_init(&g, PUSH);
  show_round(&g.s, MEMBERS, MEMBERS);
  show_publish(&g.s);
  anchor_survivors(&g);
  struct anchor_result a = result_of(&g, true, true, sums);
  bendings[_i].bend(&a);
  node_result(&g.node, "toy", &a);
  node_finalize(&g.node);
  says(&g, 0, bendings[_i].anchors, bendings[_i].payouts);
  ground_done(&g);
}
END_TEST

START_TEST(other_survivors_are_found)
{
  struct ground g;
  uint64_t sums[MEMBERS] = {0};
  ground_init(&g, PUSH);
  show_round(&g.s, MEMBERS, MEMBERS);
  show_publish(&g.s);
  struct digest other = hash_of(g.s.play.roster);
  struct word budget = word_of(1003);
  node_survivors(&g.node, "toy", 1, 1, &other, MEMBERS, &budget);
  struct anchor_result a = result_of(&g, true, true, sums);
  node_result(&g.node, "toy", &a);
  node_finalize(&g.node);
  says(&g, 0, VERDICT_BROKEN, VERDICT_HOLDS);
  ground_done(&g);
}
END_TEST

/* A result that never came while a later one did is no longer waited for. */
START_TEST(a_skipped_result_is_found)
{
  struct ground g;
  ground_init(&g, PUSH);
  show_round(&g.s, MEMBERS, MEMBERS);
  show_publish(&g.s);
  anchor_survivors(&g);
  struct chain_model m = {.spec = g.s.spec->hash, .policy.minimum = 3, .last_round = 1};
  node_model(&g.node, "toy", &m);
  node_finalize(&g.node);
  says(&g, 0, VERDICT_NOT_CHECKED, VERDICT_NOT_CHECKED);
  m.last_round = 2;
  node_model(&g.node, "toy", &m);
  node_finalize(&g.node);
  says(&g, 0, VERDICT_BROKEN, VERDICT_NOT_CHECKED);
  ground_done(&g);
}
END_TEST

/* Two rounds of claims, of which the second settles both. */
START_TEST(books_are_kept_over_rounds)
{
  struct ground g;
  uint64_t sums[MEMBERS] = {0};
  ground_init(&g, CLAIM);
  for (unsigned round = 0; round < 2; round++) {
    show_round(&g.s, MEMBERS, MEMBERS);
    anchor_survivors(&g);
    show_publish(&g.s);
    struct anchor_result a = result_of(&g, false, round == 1, sums);
    node_result(&g.node, "toy", &a);
  }
  node_finalize(&g.node);
  says(&g, 1, VERDICT_HOLDS, VERDICT_NOT_CHECKED); /* alone */
  g.options.books = audit_books_new();
  says(&g, 0, VERDICT_HOLDS, VERDICT_HOLDS);
  says(&g, 1, VERDICT_HOLDS, VERDICT_HOLDS);
  audit_books_free(g.options.books);
  g.options.books = audit_books_new();
  says(&g, 1, VERDICT_HOLDS, VERDICT_BROKEN); /* books that miss a round are others */
  audit_books_free(g.options.books);
  ground_done(&g);
}
END_TEST

TCase *test_audit_chain(void)
{
  TCase *t = tcase_create("chain");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, what_stands_there_holds);
  tcase_add_loop_test(t, another_result_is_found, 0, LENGTH(bendings));
  tcase_add_test(t, other_survivors_are_found);
  tcase_add_test(t, a_skipped_result_is_found);
  tcase_add_test(t, books_are_kept_over_rounds);
  return t;
}
