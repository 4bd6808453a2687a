/* SPDX-License-Identifier: Apache-2.0
 * Whole rounds as an honest coordinator would serve them. */
#include "show.h"

#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/merkle.h"
#include "core/unmasking.h"
#include "ledger/note.h"
#include "ledger/tlog.h"
#include "model/net.h"
#include "util/field.h"
#include "util/text.h"

#define MUST(call) ck_assert_int_eq(call, OK)
#define API "api/v1/"
#define OPENED 1700000000

static struct digest hash_of(const json_t *event)
{
  struct digest h;
  MUST(event_hash(&h, event));
  return h;
}

static json_t *hex(const struct digest *d)
{
  return json_hex(d->b, sizeof d->b);
}

static struct digest sha256(const void *data, size_t len)
{
  struct digest h;
  crypto_hash_sha256(h.b, data, len);
  return h;
}

/* ---- what is served ---- */

void show_serve(struct show *s, const char *path, struct bytes data)
{
  char name[300];
  struct why why = {0};
  snprintf(name, sizeof name, API "%s", path);
  enum err e = dossier_replace(s->dossier, name, data, &why);
  ck_assert_msg(e == OK, "%s: %s %s", name, why.field, why.detail);
}

void show_served(struct show *s, const char *path, struct buf *out)
{
  char name[300];
  struct http_range all = {0, 0};
  struct why why = {0};
  snprintf(name, sizeof name, API "%s", path);
  enum err e = dossier_get(s->dossier, name, all, BUF_MAX, out, &why);
  ck_assert_msg(e == OK, "%s: %s %s", name, why.field, why.detail);
}

static void serve_json(struct show *s, const char *path, json_t *value)
{
  char *text = json_dumps(value, JSON_COMPACT);
  ck_assert_ptr_nonnull(text);
  show_serve(s, path, BYTES(text, strlen(text)));
  free(text);
  json_decref(value);
}

static const char *path_in(char out[300], const struct digest *ctx, const char *what)
{
  char text[65];
  snprintf(out, 300, "rounds/%s/%s", hex_encode(text, ctx->b, 32), what);
  return out;
}

const char *show_path(struct show *s, const char *what)
{
  static char out[300];
  return path_in(out, &s->rounds[s->played - 1].ctx, what);
}

/* ---- the log ---- */

static enum err serve_tile(void *arg, struct tile tile, const struct digest *hashes)
{
  char path[100], name[80];
  snprintf(path, sizeof path, "log/%s", tile_path(name, tile));
  show_serve(arg, path, BYTES(hashes, tile.width * sizeof *hashes));
  return OK;
}

static void tree_of(struct show *s, struct tlog *t, struct tlog_sink sink)
{
  *t = (struct tlog){0};
  for (size_t i = 0; i < json_array_size(s->log); i++) {
    AUTO(buf_done) struct buf leaf = {0};
    struct digest h;
    MUST(event_canonical(&leaf, json_array_get(s->log, i), true));
    merkle_leaf(&h, buf_bytes(&leaf));
    MUST(tlog_append(t, &h, 1, sink));
  }
}

static enum err no_tile(void *arg, struct tile tile, const struct digest *hashes)
{
  return OK;
}

static void serve_entries(struct show *s)
{
  size_t size = json_array_size(s->log);
  for (size_t from = 0; from < size; from += TILE_WIDTH) {
    AUTO(buf_done) struct buf bundle = {0};
    char path[100], name[80];
    struct tile tile = {TILE_ENTRIES, from / TILE_WIDTH,
                        (unsigned)MIN(size - from, TILE_WIDTH)};
    for (size_t i = from; i < from + tile.width; i++) {
      AUTO(buf_done) struct buf entry = {0};
      MUST(event_canonical(&entry, json_array_get(s->log, i), true));
      MUST(bundle_put(&bundle, buf_bytes(&entry)));
    }
    snprintf(path, sizeof path, "log/%s", tile_path(name, tile));
    show_serve(s, path, buf_bytes(&bundle));
  }
}

static void serve_checkpoint(struct show *s, const struct tlog *t)
{
  struct note_key key;
  struct checkpoint c = {.size = t->size};
  AUTO(buf_done) struct buf text = {0}, lines = {0};
  snprintf(c.origin, sizeof c.origin, "%s", s->pin.instance.origin);
  tlog_root(&c.root, t);
  MUST(checkpoint_text(&text, &c));
  MUST(note_key_make(&key, c.origin, NOTE_ED25519, &s->play.coordinator));
  MUST(note_sign(&lines, buf_bytes(&text), &key, &s->play.coordinator_key, 0));
  MUST(buf_puts(&text, "\n"));
  MUST(buf_put(&text, lines.data, lines.len));
  show_serve(s, "log/checkpoint", buf_bytes(&text));
}

static json_t *leaf_of(struct show *s, const json_t *event)
{
  for (size_t i = 0; i < json_array_size(s->log); i++)
    if (json_array_get(s->log, i) == event)
      return json_integer((json_int_t)i);
  return json_null();
}

static void serve_transcript(struct show *s, unsigned r)
{
  char path[300];
  size_t i;
  json_t *item, *out = json_array();
  json_array_foreach (s->rounds[r].items, i, item) {
    json_t *copy = json_copy(item);
    if (!json_object_get(copy, "leaf"))
      json_object_set_new(copy, "leaf", leaf_of(s, json_object_get(item, "event")));
    json_array_append_new(out, copy);
  }
  serve_json(s, path_in(path, &s->rounds[r].ctx, "transcript"),
             json_pack("{s:o,s:n}", "items", out, "next"));
}

static void serve_events(struct show *s)
{
  size_t i;
  json_t *event;
  json_array_foreach (s->log, i, event) {
    char path[100], text[65];
    struct digest h = hash_of(event);
    snprintf(path, sizeof path, "log/events/%s", hex_encode(text, h.b, 32));
    serve_json(s, path, json_pack("{s:I,s:O}", "leaf", (json_int_t)i, "event", event));
  }
}

void show_publish(struct show *s)
{
  struct tlog t;
  struct tlog_sink sink = {serve_tile, s};
  tree_of(s, &t, sink);
  MUST(tlog_flush(&t, sink));
  serve_entries(s);
  serve_checkpoint(s, &t);
  serve_events(s);
  for (unsigned r = 0; r < s->played; r++)
    serve_transcript(s, r);
}

/* ---- set up ---- */

static void note(struct show *s, json_t *event)
{
  json_array_append(s->log, event);
}

static json_t *say(struct show *s, json_t *event)
{
  ck_assert_ptr_nonnull(event);
  play_sign(&s->play, event);
  json_array_append_new(s->log, event);
  return event;
}

/* The terms of the next round. */
static json_t *make_open(const struct play *p, void *arg)
{
  struct show *s = arg;
  struct digest model = sha256(s->weights, s->spec->d * sizeof *s->weights), result;
  json_t *base;
  if (s->result) {
    result = hash_of(s->result);
    base = json_pack("{s:s,s:o,s:o}", "source", "result", "event", hex(&result), "sha256",
                     hex(&model));
  } else {
    base = json_pack("{s:s,s:n,s:o}", "source", "init", "event", "sha256", hex(&model));
  }
  bool again = s->played && !s->result;
  json_t *o = json_pack("{s:s,s:o,s:s,s:i,s:i,s:i,s:o,s:i,s:[],s:i}", "type", "open",
                        "instance", hex(&p->instance_hash), "model", "toy", "version", 1,
                        "round", again ? 1 : (int)s->played + 1, "attempt", again ? 2 : 1,
                        "base", base, "beacon_distance", 2, "excluded", "time", OPENED);
  spec_open_fill(o, s->spec);
  if (s->result && optimiser_state_bytes(s->spec->optimiser.kind))
    json_object_set(json_object_get(o, "optimiser"), "state",
                    json_object_get(s->result, "optimiser_state"));
  if (s->bend)
    json_object_update(o, s->bend);
  json_decref(s->bend);
  s->bend = NULL;
  return o;
}

static void set_pin(struct show *s)
{
  s->pin.event = json_incref(s->play.instance_doc);
  s->pin.hash = s->play.instance_hash;
  hex_encode(s->pin.hex, s->pin.hash.b, 32);
  MUST(instance_parse(&s->pin.instance, s->pin.event, NULL));
}

void show_init(struct show *s, const char *spec, unsigned n)
{
  show_init_on(s, spec, n, NULL, 0);
}

void show_init_on(struct show *s, const char *spec, unsigned n, const char *contract,
                  uint64_t chain_id)
{
  struct why why = {0};
  *s = (struct show){.log = json_array()};
  enum err e = spec_parse(&s->spec, BYTES(spec, strlen(spec)), &why);
  ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  MUST(dossier_new(&s->dossier, &why));
  s->weights = must_calloc(s->spec->d, sizeof *s->weights);
  MUST(net_init(s->weights, s->spec, &s->spec->hash));
  s->state = must_calloc(s->spec->d, 16);
  const struct play_terms terms = {
      .n = n, .open = make_open, .arg = s, .contract = contract, .chain_id = chain_id};
  play_init(&s->play, &terms);
  set_pin(s);
  note(s, s->play.instance_doc);
  s->model = say(s, json_pack("{s:s,s:o,s:s,s:i,s:o,s:n}", "type", "model", "instance",
                              hex(&s->pin.hash), "model", "toy", "version", 1, "spec",
                              hex(&s->spec->hash), "previous"));
  for (unsigned i = 0; i < n; i++) {
    note(s, s->play.players[i].enroll);
    note(s, s->play.players[i].admit);
  }
  show_serve(s, "models/toy/spec?version=1", buf_bytes(&s->spec->canonical));
  serve_json(s, "instance", json_pack("{s:O}", "instance", s->play.instance_doc));
}

void show_done(struct show *s)
{
  play_done(&s->play);
  spec_free(s->spec);
  dossier_free(s->dossier);
  pin_done(&s->pin);
  json_decref(s->log);
  for (unsigned r = 0; r < s->played; r++)
    json_decref(s->rounds[r].items);
  free(s->weights);
  free(s->state);
}

/* ---- playing ---- */

static json_t *add_item(struct show *s, json_t *event)
{
  json_t *item = json_pack("{s:O}", "event", event);
  json_array_append_new(s->rounds[s->played - 1].items, item);
  return item;
}

static void add(struct show *s, json_t *event)
{
  note(s, event);
  add_item(s, event);
}

static void add_base64(json_t *item, const char *name, struct bytes data)
{
  AUTO(buf_done) struct buf text = {0};
  MUST(base64_encode(&text, data));
  json_object_set_new(item, name, json_string(buf_text(&text)));
}

static void begin_round(struct show *s)
{
  struct play *p = &s->play;
  struct tlog t;
  char path[300];
  play_again(p, make_open(p, s));
  ck_assert_uint_lt(s->played, SHOW_ROUNDS);
  tree_of(s, &t, (struct tlog_sink){no_tile, NULL});
  p->seen.size = t.size;
  tlog_root(&p->seen.root, &t);
  s->rounds[s->played].ctx = p->round->open->ctx;
  s->rounds[s->played++].items = json_array();
  add_item(s, s->model);
  for (unsigned i = 0; i < p->n; i++) {
    add_item(s, p->players[i].enroll);
    add_item(s, p->players[i].admit);
  }
  add(s, p->open);
  AUTO(buf_done) struct buf bytes = {0};
  MUST(event_canonical(&bytes, p->open, true));
  show_serve(s, path_in(path, &p->round->open->ctx, "events/open"), buf_bytes(&bytes));
  show_serve(s, show_path(s, "base"), BYTES(s->weights, s->spec->d * sizeof *s->weights));
  size_t state = optimiser_state_bytes(s->spec->optimiser.kind);
  if (state && s->result)
    show_serve(s, show_path(s, "state"), BYTES(s->state, s->spec->d * state));
}

static void add_joins(struct show *s)
{
  play_join(&s->play);
  for (unsigned i = 0; i < s->play.n; i++)
    add(s, (json_t *)party_event(s->play.players[i].party, "join"));
  add(s, s->play.roster);
  add(s, s->play.graph);
}

static void first_bits(uint8_t *set, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    set_add(set, i);
}

static void add_shares(struct show *s, const uint8_t *who)
{
  unsigned k = s->play.round->graph.p.k;
  play_share(&s->play, who);
  for (unsigned i = 0; i < s->play.n; i++) {
    struct player *one = &s->play.players[i];
    AUTO(buf_done) struct buf leaves = {0};
    if (!set_has(who, i))
      continue;
    for (unsigned c = 0; c < k; c++) {
      uint8_t leaf[LEAF_BYTES];
      deal_leaf(leaf, one->deals.data + (size_t)c * DEAL_BYTES);
      MUST(buf_put(&leaves, leaf, sizeof leaf));
    }
    json_t *event = (json_t *)party_event(one->party, "share");
    note(s, event);
    add_base64(add_item(s, event), "deals", buf_bytes(&leaves));
  }
}

/* The boxes that an update complains about. */
static json_t *boxes_of(struct show *s, const struct player *one, const json_t *event)
{
  const struct round *r = s->play.round;
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  uint32_t i = (uint32_t)(one - s->play.players);
  json_t *list = json_array(), *bad;
  size_t at;
  json_array_foreach (json_object_get(event, "bad"), at, bad) {
    AUTO(buf_done) struct buf box = {0};
    json_int_t dealer = json_integer_value(json_object_get(bad, "dealer"));
    unsigned c = 0;
    graph_neighbours(&r->graph, (uint32_t)dealer, near);
    while (near[c] != i)
      c++;
    const uint8_t *deal = s->play.players[dealer].deals.data + (size_t)c * DEAL_BYTES;
    MUST(base64_encode(&box, BYTES(deal + 64, DEAL_BYTES - 64)));
    json_array_append_new(
        list, json_pack("{s:s,s:I}", "box", buf_text(&box), "dealer", dealer));
  }
  return list;
}

/* Who is convicted by the complaint about a spoilt box. */
static json_t *named_by(struct show *s)
{
  if (!s->play.spoil)
    return json_array();
  struct digest update = hash_of(party_event(s->play.players[1].party, "update"));
  return json_pack("[{s:o,s:o,s:s}]", "event", hex(&update), "participant",
                   json_hex(s->play.players[0].id.b, 32), "reason", "bad-box");
}

static void add_update(struct show *s, struct player *one)
{
  uint64_t length = open_bytes(s->play.round->open);
  json_t *event = (json_t *)party_event(one->party, "update");
  AUTO(buf_done) struct buf hashes = {0};
  for (uint64_t at = 0, c = 0; at < length; at += CHUNK_BYTES, c++) {
    struct bytes chunk = BYTES(one->y + at, MIN(length - at, CHUNK_BYTES));
    struct digest leaf;
    char what[160], id[65];
    merkle_leaf(&leaf, chunk);
    MUST(buf_put(&hashes, &leaf, sizeof leaf));
    snprintf(what, sizeof what, "updates/%s/chunks/%llu", hex_encode(id, one->id.b, 32),
             (unsigned long long)c);
    show_serve(s, show_path(s, what), chunk);
  }
  note(s, event);
  json_t *item = add_item(s, event);
  add_base64(item, "chunks", buf_bytes(&hashes));
  if (json_array_size(json_object_get(event, "bad")))
    json_object_set_new(item, "boxes", boxes_of(s, one, event));
}

/* The model after this sum; *sum becomes numbers. */
static void make_step(struct show *s, const uint8_t *packed, int64_t *tail)
{
  const struct open_event *o = s->play.round->open;
  AUTO(free_drop) int64_t *sums = must_calloc(open_len(o), sizeof *sums);
  struct ring r = {(uint8_t *)packed, open_len(o), o->ring_bits};
  for (size_t i = 0; i < r.len; i++)
    sums[i] = ring_get(r, i);
  memcpy(tail, sums + o->d, o->tail_len * sizeof *tail);
  MUST(optimiser_step(&s->spec->optimiser, s->weights, s->state, sums, o->d,
                      (uint64_t)tail[0]));
}

/* The rewards' root or NULL, and the list as it is served. */
static json_t *make_rewards(struct show *s, int64_t total)
{
  struct play *p = &s->play;
  AUTO(free_drop) struct reward *list = must_calloc(p->n, sizeof *list);
  struct digest root;
  unsigned count = 0;
  bool paid;
  json_t *served = json_array();
  for (unsigned i = 0; i < p->n; i++) {
    struct update_event u;
    if (!set_has(p->round->survivors, i))
      continue;
    MUST(update_parse(&u, party_event(p->players[i].party, "update"), NULL));
    list[count++] = (struct reward){
        .id = p->players[i].id, .samples = u.samples, .named = p->spoil && i == 0};
    update_done(&u);
  }
  MUST(reward_amounts(list, count, &p->round->open->reward, (uint64_t)total, &paid));
  MUST(reward_root(&root, list, count));
  for (unsigned i = 0; paid && i < count; i++)
    json_array_append_new(served, json_pack("{s:s,s:o}", "amount", list[i].amount,
                                            "participant", json_hex(list[i].id.b, 32)));
  serve_json(s, show_path(s, "rewards"), json_pack("{s:o}", "rewards", served));
  return paid ? hex(&root) : json_null();
}

static json_t *answers_of(struct show *s, const uint8_t *who)
{
  struct merkle tree = {0};
  struct digest root;
  char set[2 * 64 + 1];
  for (unsigned i = 0; i < s->play.n; i++) {
    AUTO(buf_done) struct buf leaf = {0};
    if (!set_has(who, i))
      continue;
    json_t *event = (json_t *)party_event(s->play.players[i].party, "unmask");
    add(s, event);
    MUST(event_canonical(&leaf, event, true));
    merkle_add(&tree, buf_bytes(&leaf));
  }
  merkle_root(&root, &tree);
  return json_pack("{s:s,s:o}", "members", hex_encode(set, who, (s->play.n + 7) / 8),
                   "root", hex(&root));
}

static void finish_round(struct show *s, const uint8_t *who, unsigned count)
{
  const struct open_event *o = s->play.round->open;
  size_t bytes = open_bytes(o), state = optimiser_state_bytes(s->spec->optimiser.kind);
  AUTO(free_drop) uint8_t *sum = must_calloc(bytes, 1);
  AUTO(free_drop) int64_t *tail = must_calloc(o->tail_len, sizeof *tail);
  char path[100];
  MUST(play_unmask(&s->play, who, sum));
  json_t *unmasks = answers_of(s, who), *totals = json_array();
  make_step(s, sum, tail);
  for (unsigned i = 0; i < o->tail_len; i++)
    json_array_append_new(totals, json_sprintf("%lld", (long long)tail[i]));
  struct digest sum_hash = sha256(sum, bytes);
  struct digest model = sha256(s->weights, s->spec->d * sizeof *s->weights);
  struct digest states = sha256(s->state, s->spec->d * state);
  s->result = say(
      s, json_pack("{s:s,s:o,s:o,s:o,s:o,s:i,s:o,s:o,s:o,s:o,s:o,s:o}", "type", "result",
                   "instance", hex(&s->pin.hash), "ctx", hex(&o->ctx), "survivors",
                   hex(&s->play.round->survivors_hash), "unmasks", unmasks, "count",
                   (int)count, "sum", hex(&sum_hash), "totals", totals, "model",
                   hex(&model), "optimiser_state", state ? hex(&states) : json_null(),
                   "rewards", make_rewards(s, tail[0]), "named", named_by(s)));
  add_item(s, s->result);
  show_serve(s, show_path(s, "sum"), BYTES(sum, bytes));
  snprintf(path, sizeof path, "models/toy/weights?round=%llu",
           (unsigned long long)o->round);
  show_serve(s, path, BYTES(s->weights, s->spec->d * sizeof *s->weights));
}

void show_round(struct show *s, unsigned sharers, unsigned survivors)
{
  uint8_t u1[64] = {0}, u2[64] = {0};
  first_bits(u1, sharers);
  first_bits(u2, survivors);
  begin_round(s);
  add_joins(s);
  add_shares(s, u1);
  add(s, s->play.sharers);
  play_upload(&s->play, u2);
  for (unsigned i = 0; i < survivors; i++)
    add_update(s, &s->play.players[i]);
  add(s, s->play.survivors);
  finish_round(s, u2, survivors);
}

void show_failed(struct show *s, unsigned sharers, const char *reason)
{
  uint8_t u1[64] = {0};
  first_bits(u1, sharers);
  begin_round(s);
  add_joins(s);
  add_shares(s, u1);
  add_item(s, say(s, json_pack("{s:s,s:o,s:o,s:s,s:s,s:[]}", "type", "failed", "instance",
                               hex(&s->pin.hash), "ctx", hex(&s->play.round->open->ctx),
                               "phase", "share", "reason", reason, "named")));
}

void show_erase(struct show *s, uint64_t time)
{
  unsigned count = set_count(s->play.round->survivors, s->play.n);
  add_item(
      s, say(s, json_pack("{s:s,s:o,s:o,s:I,s:i,s:i}", "type", "retention", "instance",
                          hex(&s->pin.hash), "ctx", hex(&s->play.round->open->ctx),
                          "time", (json_int_t)time, "vectors", (int)count, "bytes", 1)));
}

/* ---- bending ---- */

json_t *show_item(struct show *s, const char *type, unsigned number)
{
  size_t i;
  json_t *item;
  json_array_foreach (s->rounds[s->played - 1].items, i, item) {
    const json_t *event = json_object_get(item, "event");
    const char *is = json_string_value(json_object_get(event, "type"));
    if (strcmp(is, type) == 0 && number-- == 0)
      return item;
  }
  ck_abort_msg("there is no %s", type);
  return NULL;
}

json_t *show_event(struct show *s, const char *type, unsigned number)
{
  return json_object_get(show_item(s, type, number), "event");
}

void show_sign(struct show *s, json_t *event)
{
  struct identity id;
  const char *who = json_string_value(json_object_get(event, "participant"));
  const char *type = json_string_value(json_object_get(event, "type"));
  if (who && strcmp(type, "admit") != 0) {
    MUST(hex_decode(id.b, 32, who));
    for (unsigned i = 0; i < s->play.n; i++)
      if (memcmp(&s->play.players[i].id, &id, sizeof id) == 0) {
        MUST(event_sign(event, &s->play.players[i].key));
        return;
      }
  }
  play_sign(&s->play, event);
}
