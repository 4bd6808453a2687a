/* SPDX-License-Identifier: Apache-2.0
 * What clients look at on the chain before they give anything away: a round's anchors
 * over a node of their own, there, not there, not final, and different. */
#include <sodium.h>
#include <string.h>

#include "choir.h"
#include "test_client.h"
#include "util/field.h"
#include "util/text.h"

#define CHAIN 31337u

/* As choir_small, but with rewards and room for a sparse graph. */
static const char crowd[] =
    "{\"name\":\"Toy\",\"purpose\":\"A test.\",\"consent\":\"None.\",\"kind\":\"vector\","
    "\"dimension\":300,\"quantisation\":{\"bits\":12,\"range\":\"1\",\"clip\":\"9\","
    "\"weight_cap\":10},\"ring_bits\":32,\"cohort\":{\"minimum\":3,\"maximum\":48,"
    "\"corrupt_bp\":1000,\"dropout_bp\":1000},\"deadlines\":{\"join\":60,\"share\":60,"
    "\"upload\":60,\"unmask\":60},\"server\":{\"kind\":\"fedavg\",\"rate\":\"1\"},"
    "\"reward\":{\"scheme\":\"equal\",\"budget\":\"1000\"}}";

struct scene {
  struct node node;
  struct choir c;
};

/* A model with these rules is registered, finally. */
static void rules(struct scene *s, const struct digest *spec, uint64_t minimum,
                  uint64_t cap)
{
  struct chain_model m = {
      .spec = *spec,
      .policy = {.minimum = minimum, .maximum_rounds = 100, .reward_cap = word_of(cap)}};
  node_model(&s->node, "toy", &m);
  node_finalize(&s->node);
}

static void scene_init(struct scene *s, unsigned n)
{
  struct address registry = {.b = {0xc0, [19] = 1}};
  node_init(&s->node, CHAIN, &registry);
  choir_init_on(&s->c, n, crowd, &s->node);
  rules(s, &s->c.host.spec->hash, 3, 1000);
}

static void scene_done(struct scene *s)
{
  choir_done(&s->c);
  node_done(&s->node);
}

/* A look that finds something missing on the chain, and gives nothing away. */
static void waits(struct scene *s, unsigned i, const char *type, const char *what)
{
  struct human *u = &s->c.u[i];
  struct drive_report r;
  struct why why = {0};
  enum err e = human_step(u, &r, &why);
  ck_assert_msg(e == OK, "%s: %s %s", err_info(e)->name, why.field, why.detail);
  ck_assert_int_eq(r.outcome, DRIVE_IDLE);
  ck_assert_ptr_nonnull(r.unanchored);
  ck_assert_str_eq(r.unanchored->field, what);
  ck_assert(!host_has(&s->c.host, &u->self.id, type));
}

static void refuses(struct scene *s, unsigned i, const char *type, enum err expected,
                    const char *field)
{
  struct human *u = &s->c.u[i];
  struct drive_report r;
  struct why why = {0};
  enum err e = human_step(u, &r, &why);
  ck_assert_msg(e == expected, "%s: %s %s", err_info(e)->name, why.field, why.detail);
  ck_assert_str_eq(why.field, field);
  ck_assert(*why.detail);
  ck_assert(!host_has(&s->c.host, &u->self.id, type));
}

static void restart(struct human *u)
{
  struct why why = {0};
  human_stop(u);
  enum err e = human_start(u, &why);
  ck_assert_msg(e == OK, "%s: %s %s", err_info(e)->name, why.field, why.detail);
}

static void survivors(struct scene *s, const struct digest *hash, uint64_t count,
                      uint64_t budget)
{
  const struct open_event *o = s->c.host.round->open;
  struct word w = word_of(budget);
  node_survivors(&s->node, "toy", o->round, o->attempt, hash, count, &w);
}

/* ---- the policy, before JOIN ---- */

START_TEST(joins_what_the_policy_allows)
{
  struct scene s;
  scene_init(&s, 3);
  struct digest other = s.c.host.spec->hash, *spec = &s.c.host.spec->hash;
  other.b[0] ^= 1;
  host_open(&s.c.host, NULL);
  rules(&s, &other, 3, 1000);
  refuses(&s, 0, "join", E_POLICY, "spec");
  rules(&s, spec, 4, 1000);
  refuses(&s, 0, "join", E_POLICY, "minimum");
  rules(&s, spec, 3, 999);
  refuses(&s, 0, "join", E_POLICY, "reward.budget");
  ck_assert_uint_eq(s.c.u[0].asked, 0); /* nobody is asked about what cannot be joined */
  rules(&s, spec, 3, 1000);
  human_steps(&s.c.u[0], "joined");
  scene_done(&s);
}
END_TEST

START_TEST(waits_for_a_registration)
{
  struct scene s;
  scene_init(&s, 3);
  NODE_SET(&s.node, finalized, 0);
  host_open(&s.c.host, NULL);
  waits(&s, 0, "join", "model");
  node_finalize(&s.node);
  human_steps(&s.c.u[0], "joined");
  scene_done(&s);
}
END_TEST

/* ---- the survivors, before UNMASK ---- */

/* Plays to UNMASK. */
static void to_unmask(struct scene *s)
{
  scene_init(s, 3);
  host_open(&s->c.host, NULL);
  for (unsigned phase = 0; phase < 3; phase++) {
    choir_step(&s->c, 0, phase);
    host_close(&s->c.host);
  }
}

START_TEST(answers_what_is_anchored)
{
  struct scene s;
  to_unmask(&s);
  const struct digest *hash = &s.c.host.round->survivors_hash;
  waits(&s, 0, "unmask", "survivors");
  survivors(&s, hash, 3, 1000);
  waits(&s, 0, "unmask", "survivors"); /* it is there, but not final */
  restart(&s.c.u[0]);
  waits(&s, 0, "unmask", "survivors"); /* and that is not forgotten */
  NODE_SET(&s.node, away, true);
  waits(&s, 0, "unmask", "--rpc");
  NODE_SET(&s.node, away, false);
  node_finalize(&s.node);
  restart(&s.c.u[1]);
  choir_step(&s.c, 0, 3);
  host_close(&s.c.host);
  choir_sum_is_exact(&s.c, 0);
  for (unsigned i = 0; i < 3; i++)
    human_ends(&s.c.u[i], "done");
  scene_done(&s);
}
END_TEST

START_TEST(refuses_other_survivors)
{
  struct scene s;
  to_unmask(&s);
  struct digest other = s.c.host.round->survivors_hash;
  other.b[31] ^= 1;
  survivors(&s, &other, 3, 1000);
  node_finalize(&s.node);
  refuses(&s, 0, "unmask", E_CHEAT_ANCHOR, "survivors");
  restart(&s.c.u[0]);
  refuses(&s, 0, "unmask", E_CHEAT_ANCHOR, "survivors");
  survivors(&s, &s.c.host.round->survivors_hash, 4, 1000);
  node_finalize(&s.node);
  refuses(&s, 0, "unmask", E_CHEAT_ANCHOR, "survivors");
  survivors(&s, &s.c.host.round->survivors_hash, 3, 1001);
  node_finalize(&s.node);
  refuses(&s, 0, "unmask", E_CHEAT_ANCHOR, "survivors");
  survivors(&s, &s.c.host.round->survivors_hash, 3, 999); /* less is allowed */
  node_finalize(&s.node);
  human_steps(&s.c.u[0], "answered");
  scene_done(&s);
}
END_TEST

/* ---- which chain ---- */

START_TEST(refuses_another_chain)
{
  struct scene s;
  scene_init(&s, 3);
  host_open(&s.c.host, NULL);
  NODE_SET(&s.node, chain_id, 1);
  refuses(&s, 0, "join", E_CHAIN, "");
  NODE_SET(&s.node, chain_id, CHAIN);
  NODE_SET(&s.node, no_registry, true);
  refuses(&s, 0, "join", E_CHAIN, "contract");
  NODE_SET(&s.node, no_registry, false);
  human_steps(&s.c.u[0], "joined");
  /* a chain with the same number, but another first block */
  NODE_SET(&s.node, genesis, 7);
  restart(&s.c.u[0]);
  struct why why = {0};
  ck_assert_int_eq(chain_view_check(&s.c.u[0].view, &why), E_CHAIN);
  scene_done(&s);
}
END_TEST

START_TEST(needs_a_node)
{
  struct scene s;
  struct why why = {0};
  scene_init(&s, 1);
  struct human *u = &s.c.u[0];
  struct chain_view v = {0};
  struct drive *d = NULL;
  struct drive_hooks hooks = {0};
  struct drive_options none = {0};
  ck_assert_int_eq(
      drive_new(&d, u->home, &u->self, &u->pin, &u->api, "toy", &none, &hooks, &why),
      E_NO_CHAIN);
  ck_assert_str_eq(why.field, "--rpc");
  ck_assert_int_eq(chain_view_open(&v, u->home, &u->pin, NULL, &why), E_NO_CHAIN);
  ck_assert_int_eq(chain_view_open(&v, u->home, &u->pin, "ftp://x", &why), E_CONFIG);
  ck_assert_int_eq(chain_view_check(&u->view, &why), OK);
  ck_assert_int_eq(chain_view_open(&v, u->home, &u->pin, NULL, &why),
                   OK); /* remembered */
  ck_assert_int_eq(chain_view_check(&v, &why), OK);
  chain_view_done(&v);
  scene_done(&s);
}
END_TEST

/* ---- sparse graphs ---- */

static void roster(struct scene *s, const struct digest *hash, uint64_t count)
{
  const struct open_event *o = s->c.host.round->open;
  node_roster(&s->node, "toy", o->round, o->attempt, hash, count);
}

START_TEST(takes_the_beacon_from_the_chain)
{
  struct scene s;
  char path[160], ctx[65];
  struct why why = {0};
  scene_init(&s, 45);
  AUTO(json_drop) json_t *bend = json_pack("{s:i}", "beacon_distance", 2);
  host_open(&s.c.host, bend);
  choir_step(&s.c, 0, 0);
  /* the next block is the roster's */
  s.c.host.beacon.block = s.node.latest + 1 + 2;
  struct word hash = node_block_hash(s.c.host.beacon.block);
  memcpy(s.c.host.beacon.hash.b, hash.b, sizeof hash.b);
  host_close(&s.c.host);
  ck_assert(!s.c.host.round->graph.p.complete);
  waits(&s, 0, "share", "roster");
  struct digest other = s.c.host.round->roster_hash;
  other.b[0] ^= 1;
  roster(&s, &other, 45);
  node_finalize(&s.node);
  refuses(&s, 0, "share", E_CHEAT_ANCHOR, "roster");
  NODE_SET(&s.node, latest, s.node.latest - 1);
  roster(&s, &s.c.host.round->roster_hash, 44);
  refuses(&s, 0, "share", E_CHEAT_ANCHOR, "roster");
  NODE_SET(&s.node, latest, s.node.latest - 1);
  roster(&s, &s.c.host.round->roster_hash, 45);
  node_finalize(&s.node);
  waits(&s, 0, "share", "beacon");
  NODE_SET(&s.node, latest, s.c.host.beacon.block);
  waits(&s, 0, "share", "beacon"); /* its block is there, but not final */
  node_finalize(&s.node);
  human_steps(&s.c.u[0], "shared");
  NODE_SET(&s.node, away, true); /* what was checked is checked again without it */
  struct drive_report r;
  restart(&s.c.u[0]);
  ck_assert_int_eq(human_step(&s.c.u[0], &r, &why), OK);
  ck_assert_int_eq(r.outcome, DRIVE_IDLE);
  ck_assert_ptr_null(r.unanchored);
  hex_encode(ctx, s.c.host.round->open->ctx.b, 32);
  snprintf(path, sizeof path, "rounds/%s/beacon.json", ctx);
  ck_assert_int_eq(home_remove(s.c.u[0].home, path, &why), OK);
  restart(&s.c.u[0]);
  human_ends(&s.c.u[0], "left"); /* a graph is not taken without its beacon */
  scene_done(&s);
}
END_TEST

START_TEST(refuses_another_beacon)
{
  struct scene s;
  scene_init(&s, 45);
  host_open(&s.c.host, NULL);
  choir_step(&s.c, 0, 0);
  s.c.host.beacon.block = s.node.latest + 1;
  memset(s.c.host.beacon.hash.b, 7, 32);
  host_close(&s.c.host);
  roster(&s, &s.c.host.round->roster_hash, 45);
  node_finalize(&s.node);
  refuses(&s, 0, "share", E_CHEAT_GRAPH, "beacon");
  scene_done(&s);
}
END_TEST

TCase *test_chain_view(void)
{
  TCase *t = tcase_create("chain view");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, joins_what_the_policy_allows);
  tcase_add_test(t, waits_for_a_registration);
  tcase_add_test(t, answers_what_is_anchored);
  tcase_add_test(t, refuses_other_survivors);
  tcase_add_test(t, refuses_another_chain);
  tcase_add_test(t, needs_a_node);
  tcase_add_test(t, takes_the_beacon_from_the_chain);
  tcase_add_test(t, refuses_another_beacon);
  return t;
}
