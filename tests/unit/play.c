/* SPDX-License-Identifier: Apache-2.0
 * A coordinator and its participants in memory. */
#include "play.h"

#include <check.h>
#include <sodium.h>
#include <string.h>

#include "core/group.h"
#include "core/merkle.h"
#include "util/field.h"
#include "util/text.h"

static int by_id(const void *a, const void *b)
{
  return memcmp(&((const struct player *)a)->id, &((const struct player *)b)->id, 32);
}

void play_sign(struct play *p, json_t *event)
{
  ck_assert_int_eq(event_sign(event, &p->coordinator_key), OK);
}

/* An address that follows from the player's key. */
static json_t *payout_of(const struct player *who)
{
  char text[43] = "0x";
  hex_encode(text + 2, who->id.b, 20);
  return json_string(text);
}

static void make_player(struct play *p, struct player *who, unsigned number)
{
  struct digest enroll_hash;
  uint8_t organisation[16] = {(uint8_t)number, (uint8_t)(number >> 8), 1};
  identity_make(&who->id, &who->key);
  who->enroll = message_start("enroll", &p->instance_hash, NULL, NULL, &who->id);
  json_object_set_new(who->enroll, "organisation", json_hex(organisation, 16));
  json_object_set_new(who->enroll, "payout",
                      p->instance.chain_id ? payout_of(who) : json_null());
  json_object_set_new(who->enroll, "invite", json_hex(who->id.b, 32));
  json_object_set_new(who->enroll, "name", json_hex(who->id.b, 32));
  ck_assert_int_eq(event_sign(who->enroll, &who->key), OK);
  ck_assert_int_eq(event_hash(&enroll_hash, who->enroll), OK);
  who->admit =
      admission_build("admit", &p->instance_hash, "toy", &who->id, &enroll_hash, NULL);
  play_sign(p, who->admit);
}

static json_t *make_open(const struct play *p, const struct play_terms *t)
{
  uint64_t count_max = ((uint64_t)1 << (t->ring_bits - 1)) / (t->n + 1);
  count_max = MIN(count_max, (uint64_t)1000000);
  json_t *e = json_pack(
      "{s:s,s:o,s:s,s:i,s:o,s:i,s:i,s:{s:s,s:o,s:n},s:I,s:[[s,s,I],[s,s,I],[s,s,I]],"
      "s:i,s:i,s:s,s:s,s:I,s:{s:s,s:s,s:n},s:i,s:i,s:i,s:i,s:{s:i,s:i,s:i,s:i},s:i,"
      "s:{s:s,s:s},s:{s:s,s:i},s:[],s:i}",
      "type", "open", "instance", json_hex(p->instance_hash.b, 32), "model", "toy",
      "version", 1, "spec", json_hex(p->instance_hash.b, 32), "round", 1, "attempt", 1,
      "base", "source", "init", "sha256", json_hex(p->instance_hash.b, 32), "event", "d",
      (json_int_t)t->d, "tail", "weight", "", (json_int_t)t->weight_cap, "correct", "",
      (json_int_t)count_max, "evaluated", "", (json_int_t)count_max, "ring_bits",
      (int)t->ring_bits, "quant_bits", (int)t->quant_bits, "range", "0.5", "clip", "2",
      "weight_cap", (json_int_t)t->weight_cap, "optimiser", "kind", "fedavg", "rate", "1",
      "state", "minimum", (int)t->minimum, "maximum", (int)t->n, "corrupt_bp", 1000,
      "dropout_bp", (int)t->dropout_bp, "deadlines", "join", 60, "share", 60, "upload",
      60, "unmask", 60, "beacon_distance", 2, "reward", "scheme",
      t->scheme ? t->scheme : "none", "budget", t->scheme ? "1000" : "0", "audit",
      "audience", "public", "window", 604800, "excluded", "time", 1);
  ck_assert_ptr_nonnull(e);
  return e;
}

static void begin(struct play *p, json_t *open)
{
  struct why why = {0};
  p->open = open;
  play_sign(p, p->open);
  enum err e = round_open(&p->round, &p->instance, &p->instance_hash, p->open, &why);
  ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
}

void play_init(struct play *p, const struct play_terms *t)
{
  *p = (struct play){.n = t->n, .players = must_calloc(t->n, sizeof(struct player))};
  identity_make(&p->coordinator, &p->coordinator_key);
  const char *simulated = t->anchored ? "simulated" : NULL;
  p->instance_doc = instance_build("http://test", &p->coordinator,
                                   t->contract ? t->contract : simulated, t->chain_id);
  play_sign(p, p->instance_doc);
  ck_assert_int_eq(instance_parse(&p->instance, p->instance_doc, NULL), OK);
  ck_assert_int_eq(event_hash(&p->instance_hash, p->instance_doc), OK);
  for (unsigned i = 0; i < t->n; i++)
    make_player(p, &p->players[i], i);
  qsort(p->players, t->n, sizeof *p->players, by_id);
  begin(p, t->open ? t->open(p, t->arg) : make_open(p, t));
}

static void forget_round(struct play *p)
{
  for (unsigned i = 0; i < p->n; i++) {
    struct player *who = &p->players[i];
    party_free(who->party);
    buf_done(&who->deals);
    free(who->x);
    free(who->y);
    who->party = NULL;
    who->x = who->y = NULL;
  }
  json_t **docs[] = {&p->open,    &p->roster, &p->members,   &p->graph,
                     &p->sharers, &p->shares, &p->survivors, &p->updates};
  for (unsigned i = 0; i < LENGTH(docs); i++) {
    json_decref(*docs[i]);
    *docs[i] = NULL;
  }
  round_free(p->round);
  p->round = NULL;
}

void play_again(struct play *p, json_t *open)
{
  forget_round(p);
  begin(p, open);
}

void play_done(struct play *p)
{
  forget_round(p);
  for (unsigned i = 0; i < p->n; i++) {
    json_decref(p->players[i].enroll);
    json_decref(p->players[i].admit);
  }
  free(p->players);
  json_decref(p->instance_doc);
}

/* ---- views ---- */

enum err play_view_graph(struct round **out, struct play *p, struct why *why)
{
  AUTO(round_drop) struct round *r = NULL;
  TRY(round_open(&r, &p->instance, &p->instance_hash, p->open, why));
  TRY(round_roster(r, p->roster, p->members, why));
  TRY(round_graph(r, p->graph, p->instance.simulated, NULL, why));
  *out = STEAL(r);
  return OK;
}

enum err play_view_sharers(struct round **out, struct play *p, struct why *why)
{
  AUTO(round_drop) struct round *r = NULL;
  TRY(play_view_graph(&r, p, why));
  TRY(round_sharers(r, p->sharers, p->shares, why));
  *out = STEAL(r);
  return OK;
}

enum err play_view_survivors(struct round **out, struct play *p, struct why *why)
{
  AUTO(round_drop) struct round *r = NULL;
  TRY(play_view_sharers(&r, p, why));
  TRY(round_survivors(r, p->survivors, p->updates, why));
  *out = STEAL(r);
  return OK;
}

/* ---- phases ---- */

static void leaf_add(struct merkle *tree, const json_t *event)
{
  AUTO(buf_done) struct buf b = {0};
  ck_assert_int_eq(event_canonical(&b, event, true), OK);
  merkle_add(tree, buf_bytes(&b));
}

static void simulated_hash(struct digest *out, const struct digest *ctx, uint64_t block)
{
  AUTO(buf_done) struct buf b = {0};
  ck_assert_int_eq(buf_puts(&b, "chorus/v1/simulated-block\n"), OK);
  ck_assert_int_eq(buf_put(&b, ctx->b, 32), OK);
  ck_assert_int_eq(buf_put(&b, &block, 8), OK);
  crypto_hash_sha256(out->b, b.data, b.len);
}

void play_join(struct play *p)
{
  struct merkle tree = {0};
  struct digest root, hash, beacon;
  struct graph_params params;
  AUTO(free_drop) struct member *m = must_calloc(p->n, sizeof *m);
  p->members = json_array();
  for (unsigned i = 0; i < p->n; i++) {
    struct player *who = &p->players[i];
    const json_t *event;
    struct join_event j;
    struct enroll_event e;
    ck_assert_int_eq(party_new(&who->party, p->round, &who->id, &who->key), OK);
    if (p->seen.size)
      party_set_seen(who->party, &p->seen);
    ck_assert_int_eq(party_join(who->party, p->round, &event), OK);
    ck_assert_int_eq(join_parse(&j, event, NULL), OK);
    ck_assert_int_eq(enroll_parse(&e, who->enroll, NULL), OK);
    m[i] = (struct member){who->id, e.organisation, j.mask_key, j.share_key, j.self_key};
    leaf_add(&tree, event);
    json_array_append_new(p->members,
                          json_pack("{s:O,s:O,s:O}", "enroll", who->enroll, "admit",
                                    who->admit, "join", (json_t *)event));
  }
  merkle_root(&root, &tree);
  p->roster = roster_build(p->round->open, p->n, &root);
  play_sign(p, p->roster);
  ck_assert_int_eq(event_hash(&hash, p->roster), OK);
  round_set_members(p->round, m, p->n, &root, &hash);
  ck_assert_int_eq(graph_params_find(&params, p->n, p->round->open->corrupt_bp,
                                     p->round->open->dropout_bp, p->round->anchored),
                   OK);
  simulated_hash(&beacon, &p->round->open->ctx, 7);
  p->graph = graph_build(p->round->open, &hash, params.k, params.t,
                         params.complete ? -1 : 7, &beacon);
  play_sign(p, p->graph);
  ck_assert_int_eq(event_hash(&p->round->graph_hash, p->graph), OK);
  ck_assert_int_eq(
      round_make_graph(p->round, params.complete ? BYTES(NULL, 0) : BYTES_OF(beacon)),
      OK);
}

/* The set event over `who` with the events in `list`; says whose they are. */
static json_t *close_set(struct play *p, const char *type, const uint8_t *who,
                         const json_t *list, struct digest *hash)
{
  struct merkle tree = {0};
  struct digest root;
  for (size_t i = 0; i < json_array_size(list); i++)
    leaf_add(&tree, json_array_get(list, i));
  merkle_root(&root, &tree);
  bool sharers = strcmp(type, "sharers") == 0;
  json_t *e = set_build(type, p->round->open,
                        sharers ? &p->round->graph_hash : &p->round->sharers_hash, who,
                        p->n, &root);
  play_sign(p, e);
  ck_assert_int_eq(event_hash(hash, e), OK);
  return e;
}

/* Puts a box for player 1 among player 0's deals that does not open, and signs that. */
static void spoil_deal(struct play *p, json_t *event, uint8_t *deals)
{
  unsigned k = p->round->graph.p.k;
  AUTO(free_drop) uint32_t *near = must_calloc(k, sizeof *near);
  struct merkle tree = {0};
  struct digest root;
  graph_neighbours(&p->round->graph, 0, near);
  for (unsigned c = 0; c < k; c++) {
    uint8_t leaf[LEAF_BYTES], *deal = deals + (size_t)c * DEAL_BYTES;
    if (near[c] == 1)
      deal[DEAL_BYTES - 1] ^= 1;
    deal_leaf(leaf, deal);
    merkle_add(&tree, BYTES_OF(leaf));
  }
  merkle_root(&root, &tree);
  json_object_set_new(event, "deals", json_hex(root.b, 32));
  ck_assert_int_eq(event_sign(event, &p->players[0].key), OK);
}

void play_share(struct play *p, const uint8_t *who)
{
  struct why why = {0};
  struct digest hash;
  AUTO(round_drop) struct round *view = NULL;
  enum err e = play_view_graph(&view, p, &why);
  ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  p->shares = json_array();
  for (unsigned i = 0; i < p->n; i++) {
    struct player *one = &p->players[i];
    const json_t *event;
    struct bytes deals;
    struct share_event s;
    if (!set_has(who, i))
      continue;
    ck_assert_int_eq(party_share(one->party, view, &event, &deals, &why), OK);
    if (p->spoil && i == 0)
      spoil_deal(p, (json_t *)event, (uint8_t *)deals.data);
    ck_assert_int_eq(share_parse(&s, event, NULL), OK);
    e = round_check_deals(p->round, i, &s, deals, &why);
    ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
    ck_assert_int_eq(buf_put(&one->deals, deals.data, deals.len), OK);
    json_array_append(p->shares, (json_t *)event);
  }
  p->sharers = close_set(p, "sharers", who, p->shares, &hash);
  round_set_sharers(p->round, who, &hash);
}

json_t *play_boxes(struct play *p, uint32_t i)
{
  unsigned k = p->round->graph.p.k;
  AUTO(free_drop) uint32_t *near = must_calloc(k, sizeof *near);
  AUTO(free_drop) uint32_t *theirs = must_calloc(k, sizeof *theirs);
  AUTO(free_drop) struct digest *leaves = must_calloc(k, sizeof *leaves);
  unsigned len = round_neighbours_in(p->round, i, p->round->sharers, near);
  json_t *boxes = json_array();
  for (unsigned c = 0; c < len; c++) {
    const struct player *dealer = &p->players[near[c]];
    AUTO(buf_done) struct buf deal = {0};
    AUTO(buf_done) struct buf path64 = {0};
    struct digest path[64];
    unsigned path_len, place = 0;
    graph_neighbours(&p->round->graph, near[c], theirs);
    for (unsigned o = 0; o < k; o++) {
      uint8_t leaf[96];
      deal_leaf(leaf, dealer->deals.data + o * DEAL_BYTES);
      merkle_leaf(&leaves[o], BYTES_OF(leaf));
      if (theirs[o] == i)
        place = o;
    }
    ck_assert_int_eq(merkle_path(path, &path_len, leaves, k, place), OK);
    ck_assert_int_eq(
        base64_encode(&deal, BYTES(dealer->deals.data + place * DEAL_BYTES, DEAL_BYTES)),
        OK);
    ck_assert_int_eq(base64_encode(&path64, BYTES(path, path_len * 32)), OK);
    json_array_append_new(boxes,
                          json_pack("{s:i,s:s,s:s}", "dealer", (int)near[c], "deal",
                                    buf_text(&deal), "path", buf_text(&path64)));
  }
  return boxes;
}

static struct ring make_x(const struct play *p, struct player *who)
{
  const struct open_event *o = p->round->open;
  size_t len = open_len(o), bytes = open_bytes(o);
  who->x = must_calloc(bytes, 1);
  who->y = must_calloc(bytes, 1);
  struct ring x = {who->x, len, o->ring_bits};
  int64_t top = quantiser_max(&o->quantiser);
  int64_t weight = 1 + (int64_t)randombytes_uniform((uint32_t)o->quantiser.cap);
  for (size_t l = 0; l < o->d; l++) {
    int64_t q = (int64_t)randombytes_uniform((uint32_t)(2 * top + 1)) - top;
    ring_put(x, l, q * weight);
  }
  ring_put(x, o->d, weight);
  for (unsigned i = 1; i < o->tail_len; i++)
    ring_put(x, o->d + i, 2 * i + 1);
  memcpy(who->y, who->x, bytes);
  return (struct ring){who->y, len, o->ring_bits};
}

void play_upload(struct play *p, const uint8_t *who)
{
  struct why why = {0};
  AUTO(round_drop) struct round *view = NULL;
  enum err e = play_view_sharers(&view, p, &why);
  ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  for (unsigned i = 0; i < p->n; i++) {
    struct player *one = &p->players[i];
    const json_t *event;
    struct merkle chunks = {0};
    struct digest root;
    if (!set_has(who, i))
      continue;
    AUTO(json_drop) json_t *boxes = play_boxes(p, i);
    e = party_boxes(one->party, view, p->shares, boxes, &why);
    ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
    struct ring y = make_x(p, one);
    ck_assert_int_eq(party_mask(one->party, view, y), OK);
    ck_assert_int_eq(party_mask(one->party, view, y), E_STATE);
    uint64_t length = open_bytes(p->round->open);
    for (uint64_t at = 0; at < length; at += CHUNK_BYTES)
      merkle_add(&chunks, BYTES(one->y + at, MIN(length - at, CHUNK_BYTES)));
    merkle_root(&root, &chunks);
    ck_assert_int_eq(party_update(one->party, view, length, &root, &event), OK);
  }
  play_survivors(p, who);
}

void play_survivors(struct play *p, const uint8_t *who)
{
  struct digest hash;
  json_decref(p->updates);
  json_decref(p->survivors);
  p->updates = json_array();
  for (unsigned i = 0; i < p->n; i++)
    if (set_has(who, i))
      json_array_append(p->updates, (json_t *)party_event(p->players[i].party, "update"));
  p->survivors = close_set(p, "survivors", who, p->updates, &hash);
  round_set_survivors(p->round, who, &hash);
}

/* A dealer's commitments out of the leaves that everybody may see. */
static enum err read_leaves(void *arg, uint32_t dealer, bool self, struct point *out)
{
  const struct play *p = arg;
  for (unsigned c = 0; c < p->round->graph.p.k; c++) {
    uint8_t leaf[LEAF_BYTES];
    deal_leaf(leaf, p->players[dealer].deals.data + c * DEAL_BYTES);
    memcpy(out[c].b, leaf + (self ? 32 : 0), 32);
  }
  return OK;
}

enum err play_rebuild(struct play *p, const uint8_t *who, struct unmasking *u)
{
  unmasking_init(u, p->round);
  for (uint32_t i = 0; i < p->n; i++) {
    struct unmask_event answer;
    if (!set_has(who, i))
      continue;
    ck_assert_int_eq(
        unmask_parse(&answer, party_event(p->players[i].party, "unmask"), NULL), OK);
    ck_assert_int_eq(unmasking_add(u, i, &answer), OK);
  }
  return unmasking_solve(u, (struct commitments){read_leaves, p});
}

enum err play_unmask(struct play *p, const uint8_t *who, uint8_t *out)
{
  struct why why = {0};
  const struct round *r = p->round;
  AUTO(round_drop) struct round *view = NULL;
  AUTO(unmasking_done) struct unmasking u = {0};
  TRY(play_view_survivors(&view, p, &why));
  for (unsigned i = 0; i < p->n; i++) {
    const json_t *event;
    if (set_has(who, i))
      TRY(party_unmask(p->players[i].party, view, p->updates, 3, &event, &why));
  }
  TRY(play_rebuild(p, who, &u));
  struct ring acc = {out, open_len(r->open), r->open->ring_bits};
  memset(out, 0, open_bytes(r->open));
  for (unsigned i = 0; i < p->n; i++)
    if (set_has(r->survivors, i))
      TRY(ring_add(acc, BYTES(p->players[i].y, open_bytes(r->open))));
  return mask_apply(acc, 0, &u.masks);
}

void play_plain_sum(const struct play *p, const uint8_t *who, uint8_t *out)
{
  const struct open_event *o = p->round->open;
  struct ring acc = {out, open_len(o), o->ring_bits};
  memset(out, 0, open_bytes(o));
  for (unsigned i = 0; i < p->n; i++)
    if (set_has(who, i))
      for (size_t l = 0; l < acc.len; l++) {
        struct ring x = {p->players[i].x, acc.len, acc.bits};
        ring_put(acc, l,
                 (int64_t)((uint64_t)ring_get(acc, l) + (uint64_t)ring_get(x, l)));
      }
}
