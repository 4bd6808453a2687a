/* SPDX-License-Identifier: Apache-2.0
 * One round of the swarm. */
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/merkle.h"
#include "model/metrics.h"
#include "model/train.h"
#include "swarm.h"
#include "util/field.h"
#include "util/text.h"

#define WAIT 50u

/* ---- who is silent ---- */

/* The first drop_join don't join, the next drop_share don't share, and so on. */
static bool sings(const struct swarm *s, unsigned i, enum swarm_phase phase)
{
  unsigned before = s->o.drop_join;
  if (phase >= SWARM_SHARE)
    before += s->o.drop_share;
  if (phase >= SWARM_UPLOAD)
    before += s->o.drop_upload;
  if (phase >= SWARM_UNMASK)
    before += s->o.drop_unmask;
  return i >= before;
}

/* ---- the jobs of the four phases ---- */

static enum err join(struct swarm *s, unsigned thread, unsigned i, struct why *why)
{
  struct singer *one = &s->singers[i];
  const json_t *event;
  AUTO(json_drop) json_t *reply = NULL;
  party_free(one->party);
  one->party = NULL;
  one->uploaded = false;
  if (!sings(s, i, SWARM_JOIN))
    return OK;
  TRY(party_new(&one->party, s->round, &one->self.id, &one->self.key));
  TRY(party_join(one->party, s->round, &event));
  return api_send(&s->api[thread], s->ctx, "joins", event, NULL, &reply, why);
}

static enum err share(struct swarm *s, unsigned thread, unsigned i, struct why *why)
{
  const json_t *event;
  struct bytes deals;
  AUTO(buf_done) struct buf text = {0};
  AUTO(json_drop) json_t *extra = NULL, *reply = NULL;
  if (!sings(s, i, SWARM_SHARE))
    return OK;
  TRY(party_share(s->singers[i].party, s->round, &event, &deals, why));
  TRY(base64_encode(&text, deals));
  extra = json_pack("{s:s}", "deals", buf_text(&text));
  return api_send(&s->api[thread], s->ctx, "shares", event, extra, &reply, why);
}

/* A random update of weight w whose norm stays within the clip. */
static enum err random_update(struct ring x, const struct spec *s, uint64_t w)
{
  const struct quantiser *q = &s->quantiser;
  double most = q->clip * (double)quantiser_max(q) / (q->range * sqrt((double)s->d));
  uint32_t a = (uint32_t)MAX(1, MIN((double)quantiser_max(q), floor(most)));
  struct secret_key key;
  AUTO(free_drop) uint32_t *random = must_calloc(s->d, sizeof *random);
  randombytes_buf(&key, sizeof key);
  TRY(prg_bytes((uint8_t *)random, s->d * sizeof *random, 0, &key));
  for (size_t l = 0; l < s->d; l++)
    ring_put(x, l, ((int64_t)(random[l] % (2 * a + 1)) - a) * (int64_t)w);
  return OK;
}

/* What a participant adds, as integers in x. */
static enum err make_x(struct ring x, const struct swarm *s, const struct dataset *rows)
{
  const struct spec *spec = s->spec;
  uint64_t weight =
      rows ? spec_weight(spec, rows->rows)
           : 1 + randombytes_uniform((uint32_t)MIN(spec->quantiser.cap, 100));
  AUTO(free_drop) uint64_t *tail = must_calloc(spec->tail_count, sizeof *tail);
  struct ring front = {x.data, spec->d, x.bits};
  if (rows) {
    AUTO(free_drop) float *w = must_calloc(spec->d, sizeof *w);
    uint64_t seed;
    randombytes_buf(&seed, sizeof seed);
    memcpy(w, s->base, spec->d * sizeof *w);
    TRY(train(w, spec, rows, seed, NULL));
    for (size_t l = 0; l < spec->d; l++)
      w[l] -= s->base[l];
    TRY(quantise(front, w, &spec->quantiser, weight));
  } else {
    TRY(random_update(front, spec, weight));
  }
  TRY(metrics_tail(tail, s->base, spec, rows, weight));
  for (size_t t = 0; t < spec->tail_count; t++)
    ring_put(x, spec->d + t, (int64_t)tail[t]);
  return OK;
}

static struct bytes chunk_of(const struct buf *y, uint64_t c)
{
  size_t at = (size_t)c * CHUNK_BYTES;
  return BYTES(y->data + at, MIN(CHUNK_BYTES, y->len - at));
}

static enum err send_y(struct swarm *s, unsigned thread, struct singer *one,
                       const struct buf *y, struct why *why)
{
  struct merkle tree = {0};
  struct digest root, hash;
  const json_t *event;
  uint64_t chunks = (y->len + CHUNK_BYTES - 1) / CHUNK_BYTES;
  AUTO(json_drop) json_t *list = json_array();
  AUTO(json_drop) json_t *reply = NULL, *receipt = NULL;
  for (uint64_t c = 0; c < chunks; c++) {
    struct digest leaf;
    merkle_leaf(&leaf, chunk_of(y, c));
    merkle_add_hash(&tree, &leaf);
    json_array_append_new(list, json_hex(leaf.b, 32));
  }
  merkle_root(&root, &tree);
  TRY(party_update(one->party, s->round, y->len, &root, &event));
  TRY(event_hash(&hash, event));
  AUTO(json_drop) json_t *extra = json_pack("{s:O}", "chunks", list);
  TRY(api_send(&s->api[thread], s->ctx, "updates", event, extra, &reply, why));
  for (uint64_t c = 0; c < chunks; c++) {
    json_decref(receipt);
    receipt = NULL;
    TRY(api_chunk(&s->api[thread], s->ctx, &one->self.id, c, chunk_of(y, c), &hash,
                  &receipt, why));
  }
  if (!receipt)
    return why_set(why, E_REPLY, "chunk", "the last chunk gave no receipt");
  return OK;
}

static enum err upload(struct swarm *s, unsigned thread, unsigned i, struct why *why)
{
  struct singer *one = &s->singers[i];
  const struct open_event *o = s->round->open;
  AUTO(json_drop) json_t *boxes = NULL;
  AUTO(buf_done) struct buf y = {.max = open_bytes(o) + 1};
  if (!sings(s, i, SWARM_UPLOAD))
    return OK;
  TRY(api_boxes(&s->api[thread], &o->ctx, &one->self.id, &one->self.key, &boxes, why));
  TRY(party_boxes(one->party, s->round, s->shares, boxes, why));
  TRY(buf_reserve(&y, open_bytes(o)));
  y.len = open_bytes(o);
  memset(y.data, 0, y.len);
  struct ring x = {y.data, open_len(o), o->ring_bits};
  TRY(make_x(x, s, one->rows));
  int64_t *plain = s->plain[thread];
  for (size_t l = 0; l < x.len; l++)
    plain[l] += ring_get(x, l);
  TRY(party_mask(one->party, s->round, x));
  TRY(send_y(s, thread, one, &y, why));
  one->uploaded = true;
  return OK;
}

static enum err unmask(struct swarm *s, unsigned thread, unsigned i, struct why *why)
{
  const json_t *event;
  AUTO(json_drop) json_t *reply = NULL;
  if (!sings(s, i, SWARM_UNMASK))
    return OK;
  TRY(party_unmask(s->singers[i].party, s->round, s->updates, 0, &event, why));
  enum err e = api_send(&s->api[thread], s->ctx, "unmasks", event, NULL, &reply, why);
  /* enough had answered already */
  return e == E_PHASE ? OK : e;
}

/* ---- documents, once for all ---- */

static enum err fetch(struct swarm *s, const char *type, json_t **out, struct why *why)
{
  return api_event(&s->api[0], s->ctx, type, out, why);
}

static enum err take_open(struct swarm *s, struct why *why)
{
  AUTO(json_drop) json_t *open = NULL;
  AUTO(buf_done) struct buf base = {0};
  struct digest hash;
  char path[128];
  TRY(fetch(s, "open", &open, why));
  round_free(s->round);
  s->round = NULL;
  TRY(round_open(&s->round, &s->pin.instance, &s->pin.hash, open, why));
  TRY(spec_open_check(open, s->spec, why));
  snprintf(path, sizeof path, "rounds/%s/base", s->ctx);
  TRY(api_bytes(&s->api[0], path, s->spec->d * sizeof(float), &base, NULL, why));
  crypto_hash_sha256(hash.b, base.data, base.len);
  if (base.len != s->spec->d * sizeof(float) ||
      memcmp(&hash, &s->round->open->base, sizeof hash) != 0)
    return why_set(why, E_CHEAT_MODEL, "base", "is not the one that open names");
  free(s->base);
  s->base = (float *)(void *)STEAL(base.data);
  base = (struct buf){0};
  return OK;
}

static void pause_shortly(void)
{
  nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
}

static enum err take_roster(struct swarm *s, struct why *why)
{
  AUTO(json_drop) json_t *roster = NULL, *members = NULL, *graph = NULL;
  struct graph_event said;
  struct beacon beacon;
  TRY(fetch(s, "roster", &roster, why));
  TRY(fetch(s, "graph", &graph, why));
  TRY(api_list(&s->api[0], s->ctx, "joins", "members", &members, why));
  TRY(round_roster(s->round, roster, members, why));
  TRY(graph_parse(&said, graph, why));
  bool look = said.has_block && s->view.rpc;
  if (look) {
    enum err e;
    while ((e = chain_view_beacon(&s->view, s->round, &beacon, why)) == E_UNANCHORED)
      pause_shortly();
    TRY(e);
  }
  return round_graph(s->round, graph, s->pin.instance.simulated, look ? &beacon : NULL,
                     why);
}

static enum err take_sharers(struct swarm *s, struct why *why)
{
  AUTO(json_drop) json_t *sharers = NULL;
  json_decref(s->shares);
  s->shares = NULL;
  TRY(fetch(s, "sharers", &sharers, why));
  TRY(api_list(&s->api[0], s->ctx, "shares", "events", &s->shares, why));
  return round_sharers(s->round, sharers, s->shares, why);
}

static enum err take_survivors(struct swarm *s, struct why *why)
{
  AUTO(json_drop) json_t *survivors = NULL;
  json_decref(s->updates);
  s->updates = NULL;
  TRY(fetch(s, "survivors", &survivors, why));
  TRY(api_list(&s->api[0], s->ctx, "updates", "events", &s->updates, why));
  TRY(round_survivors(s->round, survivors, s->updates, why));
  if (s->view.rpc) {
    enum err e;
    while ((e = chain_view_survivors(&s->view, s->round, why)) == E_UNANCHORED)
      pause_shortly();
    TRY(e);
  }
  for (unsigned i = 0; i < s->o.n; i++) {
    int64_t index = round_index(s->round, &s->singers[i].self.id);
    bool in = index >= 0 && set_has(s->round->survivors, (uint32_t)index);
    if (in != s->singers[i].uploaded)
      return why_set(why, E_CHEAT_SURVIVORS, "members",
                     "is not exactly those who uploaded");
  }
  return OK;
}

/* ---- phases ---- */

/* Waits until the phase is `want` or later. */
static enum err wait_for(struct swarm *s, enum phase want, struct why *why)
{
  for (;;) {
    struct state next = {0};
    TRY(api_state(&s->api[0], s->ctx, s->state.json ? WAIT : 0, s->state.phase, &next,
                  why));
    state_done(&s->state);
    s->state = next;
    if (next.phase == PHASE_FAILED)
      return why_set(why, E_THRESHOLD, "round", "failed: %s",
                     next.failure ? next.failure : "?");
    if (next.phase >= want)
      return OK;
  }
}

static enum err phase(struct swarm *s, enum swarm_phase p, swarm_job job, enum phase next,
                      struct why *why)
{
  double start = seconds_now();
  TRY(swarm_run(s, s->o.n, job, why));
  double sent = seconds_now();
  TRY(wait_for(s, next, why));
  s->timing[p] = (struct timing){sent - start, seconds_now() - sent};
  return OK;
}

/* Opens a round, or finds the one that somebody else opened. */
static enum err find_round(struct swarm *s, struct why *why)
{
  char path[128];
  AUTO(json_drop) json_t *reply = NULL;
  state_done(&s->state);
  if (s->o.no_open) {
    struct state st = {0};
    enum err e;
    do {
      state_done(&st);
      e = api_newest(&s->api[0], s->o.model, WAIT, s->ctx[0] ? s->ctx : "none", &st, why);
    } while (e == E_NOT_FOUND || (e == OK && strcmp(st.ctx_hex, s->ctx) == 0));
    TRY(e);
    s->state = st;
  } else {
    snprintf(path, sizeof path, "models/%s/rounds", s->o.model);
    AUTO(json_drop) json_t *nothing = json_object();
    TRY(api_admin(&s->api[0], "POST", path, nothing, true, &reply, why));
    TRY(state_parse(&s->state, reply, why));
    reply = NULL;
  }
  snprintf(s->ctx, sizeof s->ctx, "%s", s->state.ctx_hex);
  return OK;
}

/* ---- the comparison ---- */

static void pack_plain(struct swarm *s, struct buf *out)
{
  const struct open_event *o = s->round->open;
  struct ring acc = {out->data, open_len(o), o->ring_bits};
  for (size_t l = 0; l < acc.len; l++) {
    int64_t sum = 0;
    for (unsigned t = 0; t < s->o.threads; t++)
      sum += s->plain[t][l];
    ring_put(acc, l, sum);
  }
}

/* The new model by our own arithmetic; only where there is no optimiser state. */
static enum err check_model(struct swarm *s, const struct result_event *result,
                            const uint8_t *sum, struct why *why)
{
  const struct open_event *o = s->round->open;
  const struct spec *spec = s->spec;
  struct ring acc = {(uint8_t *)sum, open_len(o), o->ring_bits};
  struct digest hash;
  if (spec->optimiser.kind != OPTIMISER_FEDAVG)
    return OK;
  AUTO(free_drop) int64_t *sums = must_calloc(spec->d, sizeof *sums);
  for (size_t l = 0; l < spec->d; l++)
    sums[l] = ring_get(acc, l);
  TRY(optimiser_step(&spec->optimiser, s->base, NULL, sums, spec->d,
                     (uint64_t)ring_get(acc, spec->d)));
  crypto_hash_sha256(hash.b, (const uint8_t *)s->base, spec->d * sizeof *s->base);
  if (memcmp(&hash, &result->model, sizeof hash) != 0)
    return why_set(why, E_CHEAT_MODEL, "result",
                   "the new model is not what follows from the sum");
  return OK;
}

static enum err compare(struct swarm *s, struct why *why)
{
  const struct open_event *o = s->round->open;
  AUTO(json_drop) json_t *event = NULL;
  AUTO(buf_done) struct buf sum = {0}, plain = {.max = open_bytes(o) + 1};
  struct result_event result;
  struct digest hash;
  char path[128];
  TRY(fetch(s, "result", &event, why));
  TRY(event_verify(event, "result", &s->pin.instance.coordinator, why));
  TRY(result_parse(&result, event, why));
  if (memcmp(&result.survivors, &s->round->survivors_hash, sizeof hash) != 0)
    return why_set(why, E_CHEAT_SECOND, "result", "is over another survivor list");
  snprintf(path, sizeof path, "rounds/%s/sum", s->ctx);
  TRY(api_bytes(&s->api[0], path, open_bytes(o), &sum, NULL, why));
  crypto_hash_sha256(hash.b, sum.data, sum.len);
  if (memcmp(&hash, &result.sum, sizeof hash) != 0)
    return why_set(why, E_CHEAT_HISTORY, "sum", "is not the one in the result");
  TRY(buf_reserve(&plain, open_bytes(o)));
  memset(plain.data, 0, open_bytes(o));
  plain.len = open_bytes(o);
  pack_plain(s, &plain);
  if (!bytes_equal(buf_bytes(&plain), buf_bytes(&sum)))
    return why_set(why, E_SUM, "sum", "differs from the plain sum");
  return check_model(s, &result, sum.data, why);
}

static json_t *report_of(const struct swarm *s, double total)
{
  static const char *const names[] = {"join", "share", "upload", "unmask"};
  const struct open_event *o = s->round->open;
  json_t *phases = json_object();
  for (unsigned p = 0; p < SWARM_PHASES; p++)
    json_object_set_new(
        phases, names[p],
        json_pack("{s:f,s:f}", "send_s", s->timing[p].send, "wait_s", s->timing[p].wait));
  return json_pack("{s:I,s:I,s:i,s:I,s:i,s:i,s:i,s:i,s:i,s:b,s:o,s:f,s:b}", "round",
                   (json_int_t)o->round, "attempt", (json_int_t)o->attempt, "n",
                   (int)s->round->n, "d", (json_int_t)o->d, "ring_bits",
                   (int)o->ring_bits, "k", (int)s->round->graph.p.k, "t",
                   (int)s->round->graph.p.t, "sharers",
                   (int)set_count(s->round->sharers, s->round->n), "survivors",
                   (int)set_count(s->round->survivors, s->round->n), "complete_graph",
                   (int)s->round->graph.p.complete, "phases", phases, "total_s", total,
                   "sum_exact", 1);
}

enum err swarm_round(struct swarm *s, json_t **report, struct why *why)
{
  double start = seconds_now();
  TRY(find_round(s, why));
  TRY(take_open(s, why));
  for (unsigned t = 0; t < s->o.threads; t++) {
    free(s->plain[t]);
    s->plain[t] = must_calloc(open_len(s->round->open), sizeof **s->plain);
  }
  TRY(phase(s, SWARM_JOIN, join, PHASE_SHARE, why));
  TRY(take_roster(s, why));
  TRY(phase(s, SWARM_SHARE, share, PHASE_UPLOAD, why));
  TRY(take_sharers(s, why));
  TRY(phase(s, SWARM_UPLOAD, upload, PHASE_UNMASK, why));
  TRY(take_survivors(s, why));
  TRY(phase(s, SWARM_UNMASK, unmask, PHASE_DONE, why));
  TRY(compare(s, why));
  *report = report_of(s, seconds_now() - start);
  return OK;
}
