/* SPDX-License-Identifier: Apache-2.0
 * A whole server in memory. */
#include "host.h"

#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/merkle.h"
#include "model/net.h"
#include "util/field.h"
#include "util/text.h"

static const char *const types[] = {"join", "share", "update", "unmask"};

#define MUST(call) ck_assert_int_eq(call, OK)

static json_t *signed_by(const struct secret_identity *key, json_t *event)
{
  MUST(event_sign(event, key));
  return event;
}

/* The coordinator's events stand in the log at once. */
static json_t *sign(struct host *h, json_t *event)
{
  host_log_add(&h->log, signed_by(&h->key, event));
  return event;
}

static struct host_member *member_by_hex(struct host *h, const char *hex)
{
  struct identity id;
  if (hex && strlen(hex) >= 64) {
    char text[65];
    snprintf(text, sizeof text, "%.64s", hex);
    if (hex_decode(id.b, 32, text) == OK)
      for (unsigned i = 0; i < h->n; i++)
        if (memcmp(&h->members[i].id, &id, 32) == 0)
          return &h->members[i];
  }
  return NULL;
}

bool host_has(const struct host *h, const struct identity *id, const char *type)
{
  for (unsigned i = 0; i < h->n; i++)
    if (memcmp(&h->members[i].id, id, 32) == 0)
      for (unsigned t = 0; t < 4; t++)
        if (strcmp(types[t], type) == 0)
          return h->members[i].events[t] != NULL;
  return false;
}

/* ---- set up ---- */

static enum err host_call(struct http *base, const struct http_request *rq,
                          struct http_reply *rp, struct why *why);

static void host_free(struct http *base)
{
}

void host_init(struct host *h, const char *spec_json, const char *contract,
               uint64_t chain_id)
{
  struct why why = {0};
  *h = (struct host){.http = {.call = host_call, .free = host_free},
                     .phase = PHASES,
                     .anchored = contract != NULL,
                     .lose_request = -1,
                     .lose_reply = -1};
  identity_make(&h->coordinator, &h->key);
  host_log_init(&h->log, "test/log", &h->coordinator, &h->key);
  h->instance = sign(h, instance_build("test/log", &h->coordinator, contract, chain_id));
  MUST(event_hash(&h->instance_hash, h->instance));
  enum err e = spec_parse(&h->spec, BYTES(spec_json, strlen(spec_json)), &why);
  ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
}

static void drop(json_t **p)
{
  json_decref(*p);
  *p = NULL;
}

static void forget_round(struct host *h)
{
  json_t **docs[] = {&h->open,   &h->roster,    &h->joins,   &h->graph,  &h->sharers,
                     &h->shares, &h->survivors, &h->updates, &h->result, &h->failed};
  for (unsigned i = 0; i < LENGTH(docs); i++)
    drop(docs[i]);
  for (unsigned i = 0; i < h->n; i++) {
    struct host_member *m = &h->members[i];
    for (unsigned t = 0; t < 4; t++)
      drop(&m->events[t]);
    buf_done(&m->deals);
    buf_done(&m->y);
    memset(m->have, 0, sizeof m->have);
  }
  round_free(h->round);
  h->round = NULL;
}

void host_done(struct host *h)
{
  forget_round(h);
  for (unsigned i = 0; i < h->n; i++) {
    drop(&h->members[i].enroll);
    drop(&h->members[i].admit);
  }
  for (unsigned i = 0; i < h->past_len; i++) {
    drop(&h->past[i].open);
    drop(&h->past[i].result);
  }
  drop(&h->instance);
  host_log_done(&h->log);
  spec_free(h->spec);
  buf_done(&h->sum);
  free(h->weights);
}

static void base_hash(struct host *h, struct digest *out)
{
  AUTO(free_drop) float *w = must_calloc(h->spec->d, sizeof *w);
  MUST(net_init(w, h->spec, &h->spec->hash));
  crypto_hash_sha256(out->b, (const uint8_t *)w, h->spec->d * sizeof *w);
}

void host_open(struct host *h, const json_t *bend)
{
  bool again = h->phase == PHASE_FAILED;
  json_t *base;
  struct digest hash;
  forget_round(h);
  h->round_number += !again;
  h->attempt = again ? h->attempt + 1 : 1;
  if (h->past_len) {
    const json_t *last = h->past[h->past_len - 1].result;
    MUST(event_hash(&hash, last));
    base = json_pack("{s:s,s:o,s:O}", "source", "result", "event", json_hex(hash.b, 32),
                     "sha256", json_object_get(last, "model"));
  } else {
    base_hash(h, &hash);
    if (h->cheat == CHEAT_BASE)
      hash.b[0] ^= 1;
    base = json_pack("{s:s,s:n,s:o}", "source", "init", "event", "sha256",
                     json_hex(hash.b, 32));
  }
  json_t *o = json_pack("{s:s,s:o,s:s,s:i,s:i,s:i,s:o,s:i,s:[],s:i}", "type", "open",
                        "instance", json_hex(h->instance_hash.b, 32), "model", "toy",
                        "version", 1, "round", (int)h->round_number, "attempt",
                        (int)h->attempt, "base", base, "beacon_distance", 0, "excluded",
                        "time", (int)(h->round_number * 100 + h->attempt));
  spec_open_fill(o, h->spec);
  if (h->cheat == CHEAT_TERMS)
    json_object_set_new(o, "clip", json_string("1"));
  if (bend)
    json_object_update(o, (json_t *)bend);
  h->open = sign(h, o);
  struct why why = {0};
  enum err e =
      round_new(&h->round, &h->instance_hash, &h->coordinator, h->anchored, o, &why);
  ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  h->phase = PHASE_JOIN;
}

/* ---- closing phases ---- */

static int by_id(const void *a, const void *b)
{
  return memcmp(&(*(struct host_member *const *)a)->id,
                &(*(struct host_member *const *)b)->id, 32);
}

/* Members who said this, ordered by key; with omit the first is left out. */
static unsigned who_said(struct host *h, unsigned type, struct host_member **out,
                         bool omit)
{
  unsigned len = 0;
  for (unsigned i = omit ? 1 : 0; i < h->n; i++)
    if (h->members[i].events[type] &&
        (type != 2 || set_count(h->members[i].have, 64) == h->members[i].chunks))
      out[len++] = &h->members[i];
  qsort(out, len, sizeof *out, by_id);
  return len;
}

static json_t *events_of(struct host_member **who, unsigned len, unsigned type,
                         struct digest *root)
{
  struct merkle tree = {0};
  json_t *list = json_array();
  for (unsigned i = 0; i < len; i++) {
    AUTO(buf_done) struct buf leaf = {0};
    MUST(event_canonical(&leaf, who[i]->events[type], true));
    merkle_add(&tree, buf_bytes(&leaf));
    json_array_append(list, who[i]->events[type]);
  }
  merkle_root(root, &tree);
  return list;
}

static void close_join(struct host *h)
{
  struct host_member *who[HOST_MAX];
  struct member members[HOST_MAX] = {0};
  struct digest root, hash;
  unsigned n = who_said(h, 0, who, h->cheat == CHEAT_ROSTER_OMITS);
  json_decref(events_of(who, n, 0, &root));
  h->joins = json_array();
  for (unsigned i = 0; i < n; i++) {
    struct enroll_event e;
    struct join_event j;
    MUST(enroll_parse(&e, who[i]->enroll, NULL));
    MUST(join_parse(&j, who[i]->events[0], NULL));
    members[i] =
        (struct member){who[i]->id, e.organisation, j.mask_key, j.share_key, j.self_key};
    json_array_append_new(h->joins,
                          json_pack("{s:O,s:O,s:O}", "enroll", who[i]->enroll, "admit",
                                    who[i]->admit, "join", who[i]->events[0]));
  }
  h->roster = sign(h, roster_build(h->round->open, n, &root));
  MUST(event_hash(&hash, h->roster));
  round_set_members(h->round, members, n, &root, &hash);
  MUST(round_make_graph(h->round, BYTES_OF(h->beacon.hash)));
  const struct graph_params *p = &h->round->graph.p;
  h->graph =
      sign(h, graph_build(h->round->open, &hash, p->k, p->t,
                          p->complete ? -1 : (int64_t)h->beacon.block, &h->beacon.hash));
  MUST(event_hash(&h->round->graph_hash, h->graph));
  h->phase = PHASE_SHARE;
}

static json_t *close_set(struct host *h, unsigned type, bool omit, json_t **list)
{
  struct host_member *who[HOST_MAX];
  uint8_t set[(HOST_MAX + 7) / 8] = {0};
  struct digest root, hash;
  unsigned len = who_said(h, type, who, omit);
  *list = events_of(who, len, type, &root);
  for (unsigned i = 0; i < len; i++)
    set_add(set, (uint32_t)round_index(h->round, &who[i]->id));
  json_t *e =
      sign(h, set_build(type == 1 ? "sharers" : "survivors", h->round->open,
                        type == 1 ? &h->round->graph_hash : &h->round->sharers_hash, set,
                        h->round->n, &root));
  MUST(event_hash(&hash, e));
  if (type == 1)
    round_set_sharers(h->round, set, &hash);
  else
    round_set_survivors(h->round, set, &hash);
  return e;
}

/* The share of `who` in j's secret, from the answers. */
static unsigned revealed(struct host *h, uint32_t j, struct revealed *out)
{
  const struct round *r = h->round;
  unsigned m = 0;
  for (uint32_t i = 0; i < r->n; i++) {
    struct host_member *who = NULL;
    struct unmask_event u;
    uint32_t near[HOST_MAX];
    for (unsigned c = 0; c < h->n; c++)
      if (memcmp(&h->members[c].id, &r->members[i].id, 32) == 0)
        who = &h->members[c];
    if (i == j || !who || !who->events[3])
      continue;
    MUST(unmask_parse(&u, who->events[3], NULL));
    unsigned len = round_neighbours_in(r, i, r->sharers, near);
    for (unsigned c = 0; c < len; c++)
      if (near[c] == j && u.given[c])
        out[m++] = (struct revealed){.from = i, .share = u.shares[c]};
    unmask_done(&u);
  }
  return m;
}

static void add_up(struct host *h)
{
  const struct round *r = h->round;
  AUTO(mask_list_done) struct mask_list masks = {0};
  size_t bytes = open_bytes(r->open);
  h->sum.len = 0;
  MUST(buf_reserve(&h->sum, bytes));
  memset(h->sum.data, 0, bytes);
  h->sum.len = bytes;
  struct ring acc = {h->sum.data, open_len(r->open), r->open->ring_bits};
  for (uint32_t j = 0; j < r->n; j++) {
    struct revealed shares[HOST_MAX];
    struct secret_scalar secret;
    if (!set_has(r->sharers, j))
      continue;
    bool live = set_has(r->survivors, j);
    unsigned m = revealed(h, j, shares);
    MUST(mask_rebuild(&secret, live ? &r->members[j].self_key : &r->members[j].mask_key,
                      shares, m, r->graph.p.t, NULL));
    MUST(live ? mask_remove_self(&masks, r, &secret)
              : mask_remove_pairs(&masks, r, j, &secret));
    for (unsigned c = 0; live && c < h->n; c++)
      if (memcmp(&h->members[c].id, &r->members[j].id, 32) == 0)
        MUST(ring_add(acc, buf_bytes(&h->members[c].y)));
  }
  MUST(mask_apply(acc, 0, &masks));
}

static void finish(struct host *h)
{
  char set[3] = {0};
  struct digest survivors = h->round->survivors_hash, sum, model;
  struct secret_identity other;
  struct identity id;
  add_up(h);
  h->weights = must_realloc(h->weights, h->spec->d, sizeof *h->weights);
  for (size_t i = 0; i < h->spec->d; i++)
    h->weights[i] = (float)h->round_number;
  crypto_hash_sha256(model.b, (const uint8_t *)h->weights, h->spec->d * sizeof(float));
  crypto_hash_sha256(sum.b, h->sum.data, h->sum.len);
  if (h->cheat == CHEAT_RESULT_LIST)
    survivors.b[0] ^= 1;
  json_t *totals = json_array();
  for (size_t i = 0; i < h->spec->tail_count; i++)
    json_array_append_new(totals, json_string("3"));
  h->result = json_pack(
      "{s:s,s:o,s:o,s:o,s:{s:s,s:o},s:i,s:o,s:o,s:o,s:n,s:n,s:[]}", "type", "result",
      "instance", json_hex(h->instance_hash.b, 32), "ctx",
      json_hex(h->round->open->ctx.b, 32), "survivors", json_hex(survivors.b, 32),
      "unmasks", "members", hex_encode(set, h->round->survivors, 1), "root",
      json_hex(sum.b, 32), "count", (int)set_count(h->round->survivors, h->round->n),
      "sum", json_hex(sum.b, 32), "totals", totals, "model", json_hex(model.b, 32),
      "optimiser_state", "rewards", "named");
  ck_assert_ptr_nonnull(h->result);
  identity_make(&id, &other);
  signed_by(h->cheat == CHEAT_RESULT_KEY ? &other : &h->key, h->result);
  host_log_add(&h->log, h->result);
  ck_assert_uint_lt(h->past_len, HOST_MAX);
  h->past[h->past_len].open = json_incref(h->open);
  h->past[h->past_len].result = json_incref(h->result);
  hex_encode(h->past[h->past_len].ctx, h->round->open->ctx.b, 32);
  h->past_len++;
  h->phase = PHASE_DONE;
}

void host_close(struct host *h)
{
  switch (h->phase) {
  case PHASE_JOIN:
    close_join(h);
    break;
  case PHASE_SHARE:
    h->sharers = close_set(h, 1, h->cheat == CHEAT_SHARERS_OMITS, &h->shares);
    h->phase = PHASE_UPLOAD;
    break;
  case PHASE_UPLOAD:
    h->survivors = close_set(h, 2, h->cheat == CHEAT_SURVIVORS_OMITS, &h->updates);
    h->phase = PHASE_UNMASK;
    break;
  case PHASE_UNMASK:
    finish(h);
    break;
  default:
    ck_abort_msg("nothing to close");
  }
}

void host_fail(struct host *h, const char *reason)
{
  h->failed = sign(h, json_pack("{s:s,s:o,s:o,s:s,s:s,s:[]}", "type", "failed",
                                "instance", json_hex(h->instance_hash.b, 32), "ctx",
                                json_hex(h->round->open->ctx.b, 32), "phase", "upload",
                                "reason", reason, "named"));
  h->phase = PHASE_FAILED;
}

/* ---- HTTP ---- */

static enum err reply_json(struct http_reply *rp, json_t *body)
{
  char *text = json_dumps(body, 0);
  ck_assert_ptr_nonnull(text);
  MUST(buf_puts(&rp->body, text));
  rp->status = 200;
  free(text);
  json_decref(body);
  return OK;
}

static enum err reply_event(struct http_reply *rp, const json_t *event)
{
  if (!event)
    return E_NOT_FOUND;
  rp->status = 200;
  return event_canonical(&rp->body, event, true);
}

static json_t *state_of(struct host *h, unsigned past)
{
  char ctx[65];
  if (past < h->past_len && (past + 1 < h->past_len || h->phase != PHASE_DONE))
    return json_pack("{s:s,s:s,s:i,s:i,s:s}", "ctx", h->past[past].ctx, "model", "toy",
                     "round", (int)past + 1, "attempt", 1, "phase", "done");
  if (!h->round)
    return json_object();
  hex_encode(ctx, h->round->open->ctx.b, 32);
  return json_pack("{s:s,s:s,s:i,s:i,s:s,s:i,s:i}", "ctx", ctx, "model", "toy", "round",
                   (int)h->round_number, "attempt", (int)h->attempt, "phase",
                   phase_names[h->phase], "minimum", 3, "maximum", (int)HOST_MAX);
}

static json_t *rounds(struct host *h)
{
  json_t *list = json_array();
  if (h->round && h->phase != PHASE_DONE)
    json_array_append_new(list, state_of(h, HOST_MAX));
  for (unsigned i = h->past_len; i-- > 0;)
    json_array_append_new(list, state_of(h, i));
  return json_pack("{s:o,s:n}", "rounds", list, "next");
}

static json_t *receipt(struct host *h, const json_t *event, const char *status)
{
  struct digest of;
  struct identity id;
  struct secret_identity other;
  MUST(event_hash(&of, event));
  if (h->cheat == CHEAT_RECEIPT_OF)
    of.b[0] ^= 1;
  identity_make(&id, &other);
  json_t *e = receipt_build(&h->instance_hash, &of, status, 1, 1, 61);
  if (h->cheat == CHEAT_RECEIPT_BY)
    json_object_del(e, "by");
  return signed_by(h->cheat == CHEAT_RECEIPT_KEY ? &other : &h->key, e);
}

/* Whether the checkpoint that it names is one of this log. */
static bool knows_seen(struct host *h, const json_t *event)
{
  const json_t *seen = json_object_get(event, "seen");
  struct digest root;
  MUST(hex_decode(root.b, 32, json_string_value(json_object_get(seen, "root"))));
  return host_log_had(&h->log,
                      (uint64_t)json_integer_value(json_object_get(seen, "size")), &root);
}

/* A participant's message: checked, and never two different ones. */
static enum err take(struct host *h, unsigned type, enum phase phase, const json_t *body,
                     struct host_member **out)
{
  json_t *event = json_object_get(body, "event");
  struct host_member *m =
      member_by_hex(h, json_string_value(json_object_get(event, "participant")));
  ck_assert_ptr_nonnull(m);
  MUST(event_verify(event, types[type], &m->id, NULL));
  ck_assert_msg(!m->events[type] || json_equal(m->events[type], event),
                "two different messages of type %s", types[type]);
  *out = m;
  if (m->events[type])
    return OK;
  if (!knows_seen(h, event))
    return E_CHECKPOINT;
  if (h->phase != phase)
    return E_PHASE;
  m->events[type] = json_incref(event);
  host_log_add(&h->log, event);
  return OK;
}

static enum err post_share(struct host *h, const json_t *body, struct host_member *m)
{
  struct share_event s;
  struct why why = {0};
  AUTO(buf_done) struct buf deals = {0};
  MUST(base64_decode(&deals, json_string_value(json_object_get(body, "deals"))));
  MUST(share_parse(&s, m->events[1], NULL));
  uint32_t i = (uint32_t)round_index(h->round, &m->id);
  MUST(round_check_deals(h->round, i, &s, buf_bytes(&deals), &why));
  if (!m->deals.len)
    MUST(buf_put(&m->deals, deals.data, deals.len));
  ck_assert(bytes_equal(buf_bytes(&deals), buf_bytes(&m->deals)));
  return OK;
}

static json_t *missing_of(const struct host_member *m)
{
  json_t *list = json_array();
  for (unsigned c = 0; c < m->chunks; c++)
    if (!set_has(m->have, c))
      json_array_append_new(list, json_integer(c));
  return list;
}

static void post_update(struct host *h, const json_t *body, struct host_member *m)
{
  struct merkle tree = {0};
  struct digest leaf, root;
  struct update_event u;
  size_t i;
  json_t *entry;
  MUST(update_parse(&u, m->events[2], NULL));
  json_array_foreach (json_object_get(body, "chunks"), i, entry) {
    MUST(hex_decode(leaf.b, 32, json_string_value(entry)));
    merkle_add_hash(&tree, &leaf);
  }
  merkle_root(&root, &tree);
  ck_assert_mem_eq(&root, &u.chunks, 32);
  ck_assert_uint_eq(u.length, open_bytes(h->round->open));
  ck_assert_uint_eq(u.missing_len + u.bad_len, 0);
  update_done(&u);
  m->chunks = (unsigned)i;
  MUST(buf_reserve(&m->y, open_bytes(h->round->open)));
  m->y.len = open_bytes(h->round->open);
}

static enum err post_message(struct host *h, const char *what, const json_t *body,
                             struct http_reply *rp)
{
  static const char *const names[] = {"joins", "shares", "updates", "unmasks"};
  static const enum phase phases[] = {PHASE_JOIN, PHASE_SHARE, PHASE_UPLOAD,
                                      PHASE_UNMASK};
  struct host_member *m;
  for (unsigned t = 0; t < 4; t++) {
    if (strcmp(what, names[t]) != 0)
      continue;
    TRY(take(h, t, phases[t], body, &m));
    if (t == 1)
      MUST(post_share(h, body, m));
    if (t == 2)
      post_update(h, body, m);
    json_t *out = json_pack("{s:o}", "receipt", receipt(h, m->events[t], "accepted"));
    if (t == 2)
      json_object_set_new(out, "missing", missing_of(m));
    return reply_json(rp, out);
  }
  return E_NOT_FOUND;
}

static enum err put_chunk(struct host *h, const char *path, struct bytes body,
                          struct http_reply *rp)
{
  unsigned index;
  struct host_member *m = member_by_hex(h, path);
  ck_assert_ptr_nonnull(m);
  ck_assert_int_eq(strncmp(path + 64, "/chunks/", 8), 0);
  index = (unsigned)strtoul(path + 72, NULL, 10);
  ck_assert_ptr_nonnull(m->events[2]); /* only after the manifest */
  if (h->phase != PHASE_UPLOAD)
    return E_PHASE;
  ck_assert_uint_lt(index, m->chunks);
  h->puts++;
  memcpy(m->y.data + (size_t)index * CHUNK_BYTES, body.data, body.len);
  set_add(m->have, index);
  bool complete = set_count(m->have, 64) == m->chunks;
  return reply_json(
      rp, json_pack("{s:b,s:o}", "complete", (int)complete, "receipt",
                    complete ? receipt(h, m->events[2], "complete") : json_null()));
}

/* The deals addressed to i, with their paths. */
static json_t *boxes_for(struct host *h, uint32_t i)
{
  const struct round *r = h->round;
  uint32_t near[HOST_MAX], theirs[HOST_MAX];
  unsigned len = round_neighbours_in(r, i, r->sharers, near), k = r->graph.p.k;
  json_t *list = json_array();
  for (unsigned c = 0; c < len; c++) {
    char hex[65];
    struct host_member *m =
        member_by_hex(h, hex_encode(hex, r->members[near[c]].id.b, 32));
    struct digest leaves[HOST_MAX], path[64];
    unsigned place = 0, steps;
    AUTO(buf_done) struct buf deal = {0}, text = {0};
    graph_neighbours(&r->graph, near[c], theirs);
    for (unsigned x = 0; x < k; x++) {
      uint8_t leaf[96];
      deal_leaf(leaf, m->deals.data + x * DEAL_BYTES);
      merkle_leaf(&leaves[x], BYTES_OF(leaf));
      if (theirs[x] == i)
        place = x;
    }
    MUST(merkle_path(path, &steps, leaves, k, place));
    MUST(base64_encode(&deal, BYTES(m->deals.data + place * DEAL_BYTES, DEAL_BYTES)));
    MUST(base64_encode(&text, BYTES(path, steps * 32)));
    json_array_append_new(list, json_pack("{s:i,s:s,s:s}", "dealer", (int)near[c], "deal",
                                          buf_text(&deal), "path", buf_text(&text)));
  }
  return list;
}

static enum err get_boxes(struct host *h, const char *authorization,
                          struct http_reply *rp)
{
  ck_assert_int_eq(strncmp(authorization, "Chorus ", 7), 0);
  struct host_member *m = member_by_hex(h, authorization + 7);
  uint8_t message[16 + 32], sig[64];
  memcpy(message, "chorus/v1/fetch\n", 16);
  memcpy(message + 16, h->round->open->ctx.b, 32);
  MUST(hex_decode(sig, 64, authorization + 7 + 65));
  ck_assert_int_eq(crypto_sign_verify_detached(sig, message, sizeof message, m->id.b), 0);
  int64_t i = round_index(h->round, &m->id);
  if (i < 0 || !h->round->sharers || !set_has(h->round->sharers, (uint32_t)i))
    return E_NOT_IN_ROUND;
  return reply_json(rp, json_pack("{s:o}", "boxes", boxes_for(h, (uint32_t)i)));
}

static enum err get_survivors(struct host *h, struct http_reply *rp)
{
  if (h->cheat != CHEAT_SURVIVORS_SECOND || !h->survivors)
    return reply_event(rp, h->survivors);
  AUTO(json_drop) json_t *other = json_deep_copy(h->survivors);
  json_object_set_new(other, "updates", json_hex(h->instance_hash.b, 32));
  return reply_event(rp, sign(h, other));
}

static enum err get_list(struct http_reply *rp, const char *member, json_t *list)
{
  return list ? reply_json(rp, json_pack("{s:O}", member, list)) : E_NOT_FOUND;
}

static enum err get_round(struct host *h, const char *what, const struct http_request *rq,
                          struct http_reply *rp)
{
  const struct {
    const char *name;
    const json_t *event;
  } events[] = {{"events/open", h->open},     {"events/roster", h->roster},
                {"events/graph", h->graph},   {"events/sharers", h->sharers},
                {"events/result", h->result}, {"events/failed", h->failed}};
  for (unsigned i = 0; i < LENGTH(events); i++)
    if (strcmp(what, events[i].name) == 0)
      return reply_event(rp, events[i].event);
  if (strcmp(what, "events/survivors") == 0)
    return get_survivors(h, rp);
  if (strcmp(what, "joins") == 0)
    return get_list(rp, "members", h->joins);
  if (strcmp(what, "shares") == 0)
    return get_list(rp, "events", h->shares);
  if (strcmp(what, "updates") == 0)
    return get_list(rp, "events", h->updates);
  if (strcmp(what, "base") == 0) {
    rp->status = 200;
    return buf_put(&rp->body, h->weights, h->spec->d * sizeof(float));
  }
  if (strcmp(what, "boxes") == 0)
    return get_boxes(h, rq->authorization, rp);
  if (strncmp(what, "updates/", 8) == 0) {
    struct host_member *m = member_by_hex(h, what + 8);
    ck_assert_ptr_nonnull(m);
    bool complete = m->events[2] && set_count(m->have, 64) == m->chunks;
    if (!m->events[2])
      return E_NOT_FOUND;
    return reply_json(
        rp, json_pack("{s:o,s:b,s:o}", "missing", missing_of(m), "complete",
                      (int)complete, "receipt",
                      complete ? receipt(h, m->events[2], "complete") : json_null()));
  }
  return E_NOT_FOUND;
}

static enum err get_past(struct host *h, const char *ctx, const char *what,
                         struct http_reply *rp)
{
  for (unsigned i = 0; i < h->past_len; i++) {
    if (strncmp(h->past[i].ctx, ctx, 64) != 0)
      continue;
    if (!*what)
      return reply_json(rp, state_of(h, i));
    if (strcmp(what, "events/open") == 0)
      return reply_event(rp, h->past[i].open);
    if (strcmp(what, "events/result") == 0)
      return reply_event(rp, h->past[i].result);
  }
  return E_NOT_FOUND;
}

static enum err rounds_path(struct host *h, const char *path,
                            const struct http_request *rq, const json_t *body,
                            struct http_reply *rp)
{
  char ctx[65] = "";
  const char *what = path + 64;
  if (strlen(path) < 64)
    return E_NOT_FOUND;
  if (*what == '/')
    what++;
  else if (*what == '?')
    what = "";
  if (h->round)
    hex_encode(ctx, h->round->open->ctx.b, 32);
  if (strncmp(ctx, path, 64) != 0)
    return get_past(h, path, what, rp);
  if (strcmp(rq->method, "POST") == 0)
    return post_message(h, what, body, rp);
  if (strcmp(rq->method, "PUT") == 0)
    return put_chunk(h, what + 8, rq->body, rp);
  if (!*what)
    return reply_json(rp, state_of(h, HOST_MAX));
  return get_round(h, what, rq, rp);
}

static enum err post_enroll(struct host *h, const json_t *body, struct http_reply *rp)
{
  json_t *event = json_object_get(body, "event");
  struct enroll_event e;
  struct digest hash;
  struct why why = {0};
  enum err bad = enroll_parse(&e, event, &why);
  ck_assert_msg(bad == OK, "%s %s", why.field, why.detail);
  MUST(event_verify(event, "enroll", &e.header.participant, NULL));
  char hex[65];
  if (!knows_seen(h, event))
    return E_CHECKPOINT;
  if (!member_by_hex(h, hex_encode(hex, e.header.participant.b, 32))) {
    ck_assert_uint_lt(h->n, HOST_MAX);
    MUST(event_hash(&hash, event));
    struct host_member *m = &h->members[h->n++];
    m->id = e.header.participant;
    m->enroll = json_incref(event);
    host_log_add(&h->log, event);
    m->admit =
        sign(h, admission_build("admit", &h->instance_hash, "toy", &m->id, &hash, NULL));
  }
  return reply_json(rp, json_pack("{s:o,s:b}", "receipt", receipt(h, event, "accepted"),
                                  "admitted", 1));
}

static enum err get_spec(struct host *h, struct http_reply *rp)
{
  rp->status = 200;
  MUST(buf_put(&rp->body, h->spec->canonical.data, h->spec->canonical.len));
  if (h->cheat == CHEAT_SPEC)
    rp->body.data[rp->body.len / 2] ^= 1;
  return OK;
}

static enum err answer(struct host *h, const struct http_request *rq, const json_t *body,
                       struct http_reply *rp)
{
  const char *path = rq->path;
  ck_assert_int_eq(strncmp(path, "/api/v1/", 8), 0);
  path += 8;
  if (strcmp(path, "instance") == 0)
    return reply_json(rp, json_pack("{s:O}", "instance", h->instance));
  if (strcmp(path, "participants") == 0)
    return post_enroll(h, body, rp);
  if (strncmp(path, "models/toy/spec", 15) == 0)
    return get_spec(h, rp);
  if (strncmp(path, "models/toy/rounds", 17) == 0)
    return reply_json(rp, rounds(h));
  if (strncmp(path, "models/toy/round", 16) == 0)
    return h->round ? reply_json(rp, state_of(h, HOST_MAX)) : E_NOT_FOUND;
  if (strncmp(path, "log/", 4) == 0)
    return strcmp(rq->method, "GET") == 0
               ? host_log_get(&h->log, path + 4, rp)
               : host_log_post(&h->log, path + 4, rq->body, rp);
  if (strncmp(path, "rounds/", 7) == 0)
    return rounds_path(h, path + 7, rq, body, rp);
  return E_NOT_FOUND;
}

static bool lost(int64_t *count)
{
  if (*count < 0)
    return false;
  return (*count)-- == 0;
}

static enum err host_call(struct http *base, const struct http_request *rq,
                          struct http_reply *rp, struct why *why)
{
  struct host *h = (struct host *)base;
  struct http_reply got = {0};
  AUTO(json_drop) json_t *body = NULL;
  h->calls++;
  if (lost(&h->lose_request))
    return why_set(why, E_NETWORK, "", "the request was lost");
  if (rq->type && strcmp(rq->type, "application/json") == 0)
    MUST(json_parse(&body, rq->body, (size_t)64 << 20, NULL));
  enum err e = answer(h, rq, body, &got);
  if (e == OK && lost(&h->lose_reply))
    e = why_set(why, E_NETWORK, "", "the reply was lost");
  ck_assert_uint_le(got.body.len, rq->max);
  if (e == OK)
    *rp = got;
  else
    http_reply_done(&got);
  return e;
}
