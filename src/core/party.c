/* SPDX-License-Identifier: Apache-2.0
 * A participant's part in one round. Saving and loading is in party_store.c. */
#include "core/party.h"

#include <sodium.h>
#include <string.h>

#include "core/box.h"
#include "core/group.h"
#include "core/kdf.h"
#include "core/merkle.h"
#include "core/party_state.h"
#include "core/pvss.h"
#include "core/shamir.h"
#include "util/field.h"
#include "util/text.h"

enum err party_new(struct party **out, const struct round *r, const struct identity *id,
                   const struct secret_identity *key)
{
  AUTO(party_drop) struct party *p = must_calloc(1, sizeof *p);
  p->ctx = r->open->ctx;
  p->id = *id;
  p->key = *key;
  scalar_random(&p->a);
  scalar_random(&p->e);
  scalar_random(&p->s);
  *out = STEAL(p);
  return OK;
}

void party_forget(struct party *p)
{
  sodium_memzero(&p->a, sizeof p->a);
  sodium_memzero(&p->e, sizeof p->e);
  sodium_memzero(&p->s, sizeof p->s);
  if (p->inbox)
    sodium_memzero(p->inbox, p->inbox_len * sizeof *p->inbox);
  free(p->inbox);
  p->inbox = NULL;
  p->inbox_len = 0;
  p->samples = 0;
  buf_done(&p->deals);
  p->forgotten = true;
}

void party_free(struct party *p)
{
  if (!p)
    return;
  party_forget(p);
  for (unsigned e = 0; e < PARTY_EVENTS; e++)
    json_decref(p->events[e]);
  sodium_memzero(p, sizeof *p);
  free(p);
}

const struct digest *party_ctx(const struct party *p)
{
  return &p->ctx;
}

const char *const party_event_names[PARTY_EVENTS] = {"join", "share", "update", "unmask"};

const json_t *party_event(const struct party *p, const char *type)
{
  for (unsigned e = 0; e < PARTY_EVENTS; e++)
    if (strcmp(type, party_event_names[e]) == 0)
      return p->events[e];
  return NULL;
}

void party_set_seen(struct party *p, const struct seen *seen)
{
  p->seen = *seen;
  p->has_seen = true;
}

static enum err usable(const struct party *p, const struct round *r)
{
  if (memcmp(&p->ctx, &r->open->ctx, sizeof p->ctx) != 0)
    return E_CONTEXT;
  return p->forgotten ? E_STATE : OK;
}

static json_t *start(const struct party *p, const struct round *r, const char *type)
{
  return message_start(type, &r->instance, &p->ctx, p->has_seen ? &p->seen : NULL,
                       &p->id);
}

/* Signs, keeps and lends the event. Takes over the reference. */
static enum err finish(struct party *p, enum party_event_index index, json_t *event,
                       const json_t **out)
{
  enum err e = event_sign(event, &p->key);
  if (e != OK) {
    json_decref(event);
    return e;
  }
  p->events[index] = event;
  *out = event;
  return OK;
}

enum err party_join(struct party *p, const struct round *r, const json_t **event)
{
  if (p->events[PARTY_JOIN]) {
    *event = p->events[PARTY_JOIN];
    return OK;
  }
  TRY(usable(p, r));
  struct point a, e, s;
  TRY(point_mul_base(&a, &p->a));
  TRY(point_mul_base(&e, &p->e));
  TRY(point_mul_base(&s, &p->s));
  json_t *j = start(p, r, "join");
  json_object_set_new(j, "mask_key", json_hex(a.b, 32));
  json_object_set_new(j, "share_key", json_hex(e.b, 32));
  json_object_set_new(j, "self_key", json_hex(s.b, 32));
  return finish(p, PARTY_JOIN, j, event);
}

/* Finds itself in the roster and compares its keys. */
static enum err own_index(uint32_t *out, const struct party *p, const struct round *r,
                          struct why *why)
{
  int64_t i = round_index(r, &p->id);
  if (i < 0)
    return why_set(why, E_NOT_IN_ROUND, "roster", "you are not in it");
  const struct member *m = &r->members[i];
  struct point a, e, s;
  TRY(point_mul_base(&a, &p->a));
  TRY(point_mul_base(&e, &p->e));
  TRY(point_mul_base(&s, &p->s));
  if (memcmp(&a, &m->mask_key, 32) != 0 || memcmp(&e, &m->share_key, 32) != 0 ||
      memcmp(&s, &m->self_key, 32) != 0)
    return why_set(why, E_CHEAT_ROSTER, "members", "your own keys were replaced");
  *out = (uint32_t)i;
  return OK;
}

/* ---- SHARE ---- */

/* Everything drawn and computed for one dealing, wiped together. */
struct dealing {
  unsigned k;
  uint32_t *near, *xs;
  struct secret_scalar *a, *s;
  struct point *point_a, *point_s;
};

static void dealing_done(struct dealing *d)
{
  sodium_memzero(d->a, d->k * sizeof *d->a);
  sodium_memzero(d->s, d->k * sizeof *d->s);
  free(d->near);
  free(d->xs);
  free(d->a);
  free(d->s);
  free(d->point_a);
  free(d->point_s);
}

static void dealing_init(struct dealing *d, const struct round *r, uint32_t i)
{
  unsigned k = r->graph.p.k;
  *d = (struct dealing){.k = k,
                        .near = must_calloc(k, sizeof *d->near),
                        .xs = must_calloc(k, sizeof *d->xs),
                        .a = must_calloc(k, sizeof *d->a),
                        .s = must_calloc(k, sizeof *d->s),
                        .point_a = must_calloc(k, sizeof *d->point_a),
                        .point_s = must_calloc(k, sizeof *d->point_s)};
  graph_neighbours(&r->graph, i, d->near);
  for (unsigned c = 0; c < k; c++)
    d->xs[c] = d->near[c] + 1;
}

static enum err seal_deal(uint8_t deal[DEAL_BYTES], const struct party *p,
                          const struct round *r, const struct dealing *d, uint32_t i,
                          unsigned c)
{
  struct point shared;
  struct secret_key key;
  struct box box;
  TRY(point_mul(&shared, &p->e, &r->members[d->near[c]].share_key));
  kdf_box(&key, &p->ctx, &shared, i, d->near[c]);
  box_seal(&box, &key, &r->graph_hash, &d->a[c], &d->s[c]);
  memcpy(deal, d->point_a[c].b, 32);
  memcpy(deal + 32, d->point_s[c].b, 32);
  memcpy(deal + 64, box.b, BOX_BYTES);
  sodium_memzero(&shared, sizeof shared);
  sodium_memzero(&key, sizeof key);
  return OK;
}

static enum err deal_all(struct buf *out, struct digest *root, const struct party *p,
                         const struct round *r, struct dealing *d, uint32_t i)
{
  struct merkle tree = {0};
  unsigned t = r->graph.p.t;
  TRY(shamir_deal(d->a, &p->a, t, d->xs, d->k));
  TRY(shamir_deal(d->s, &p->s, t, d->xs, d->k));
  TRY(pvss_commit(d->point_a, d->a, d->k));
  TRY(pvss_commit(d->point_s, d->s, d->k));
  for (unsigned c = 0; c < d->k; c++) {
    uint8_t deal[DEAL_BYTES], leaf[96];
    TRY(seal_deal(deal, p, r, d, i, c));
    TRY(buf_put(out, deal, sizeof deal));
    deal_leaf(leaf, deal);
    merkle_add(&tree, BYTES_OF(leaf));
  }
  merkle_root(root, &tree);
  return OK;
}

enum err party_share(struct party *p, const struct round *r, const json_t **event,
                     struct bytes *deals, struct why *why)
{
  if (!p->events[PARTY_SHARE]) {
    uint32_t i;
    struct digest root;
    struct dealing d;
    AUTO(buf_done) struct buf out = {0};
    TRY(usable(p, r));
    TRY(own_index(&i, p, r, why));
    dealing_init(&d, r, i);
    enum err e = deal_all(&out, &root, p, r, &d, i);
    dealing_done(&d);
    TRY(e);
    json_t *s = start(p, r, "share");
    json_object_set_new(s, "graph", json_hex(r->graph_hash.b, 32));
    json_object_set_new(s, "deals", json_hex(root.b, 32));
    TRY(finish(p, PARTY_SHARE, s, event));
    buf_done(&p->deals); /* room that loading an empty one took */
    p->deals = out;
    out = (struct buf){0};
  }
  *event = p->events[PARTY_SHARE];
  *deals = buf_bytes(&p->deals);
  return OK;
}

/* ---- UPLOAD ---- */

/* Whether the round shows my own event of this type, unchanged, at my place in the set.
 */
static bool shows_mine(const struct party *p, const uint8_t *set, uint32_t i,
                       enum party_event_index type, const json_t *events)
{
  unsigned before = 0;
  for (uint32_t j = 0; j < i; j++)
    before += set_has(set, j);
  return p->events[type] && json_equal(json_array_get(events, before), p->events[type]);
}

/* Opens dealer j's delivery into *in. What is not delivered as j signed it is missing;
 * what does not open or does not fit its points is bad. */
static void open_delivery(struct inbox *in, const struct party *p, const struct round *r,
                          uint32_t i, const struct share_event *dealt,
                          const json_t *delivery)
{
  AUTO(buf_done) struct buf deal = {.max = DEAL_BYTES};
  AUTO(buf_done) struct buf path = {.max = 64 * 32};
  const char *deal64 = json_string_value(json_object_get(delivery, "deal"));
  const char *path64 = json_string_value(json_object_get(delivery, "path"));
  uint8_t leaf[96];
  struct digest leaf_hash;
  struct point shared, point_a, point_s;
  struct secret_key key;
  struct box box;
  in->state = INBOX_MISSING;
  if (!deal64 || !path64 || base64_decode(&deal, deal64) != OK ||
      base64_decode(&path, path64) != OK || deal.len != DEAL_BYTES || path.len % 32)
    return;
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  unsigned place = 0;
  graph_neighbours(&r->graph, in->from, near);
  while (near[place] != i)
    place++;
  deal_leaf(leaf, deal.data);
  merkle_leaf(&leaf_hash, BYTES_OF(leaf));
  if (merkle_check_path(&dealt->deals, r->graph.p.k, place, &leaf_hash,
                        (const struct digest *)path.data,
                        (unsigned)(path.len / 32)) != OK)
    return;
  in->state = INBOX_BAD;
  memcpy(point_a.b, deal.data, 32);
  memcpy(point_s.b, deal.data + 32, 32);
  memcpy(box.b, deal.data + 64, BOX_BYTES);
  if (point_mul(&shared, &p->e, &r->members[in->from].share_key) != OK)
    return;
  kdf_box(&key, &p->ctx, &shared, in->from, i);
  if (box_open(&in->a, &in->s, &box, &key, &r->graph_hash) == OK &&
      pvss_check_share(&in->a, &point_a) == OK &&
      pvss_check_share(&in->s, &point_s) == OK)
    in->state = INBOX_GOOD;
  sodium_memzero(&shared, sizeof shared);
  sodium_memzero(&key, sizeof key);
}

/* The share event of dealer j among those of U1. */
static const json_t *share_of(const struct round *r, const json_t *shares, uint32_t j)
{
  unsigned before = 0;
  for (uint32_t i = 0; i < j; i++)
    before += set_has(r->sharers, i);
  return json_array_get(shares, before);
}

static const json_t *delivery_of(const json_t *boxes, uint32_t j)
{
  size_t b;
  const json_t *entry;
  json_array_foreach ((json_t *)boxes, b, entry) {
    const json_t *dealer = json_object_get(entry, "dealer");
    if (json_is_integer(dealer) && json_integer_value(dealer) == j)
      return entry;
  }
  return NULL;
}

enum err party_boxes(struct party *p, const struct round *r, const json_t *shares,
                     const json_t *boxes, struct why *why)
{
  uint32_t i;
  TRY(usable(p, r));
  if (p->inbox)
    return OK;
  TRY(own_index(&i, p, r, why));
  if (!set_has(r->sharers, i))
    return why_set(why, p->events[PARTY_SHARE] ? E_NOT_IN_ROUND : E_PHASE, "sharers",
                   "you are not among them");
  if (!shows_mine(p, r->sharers, i, PARTY_SHARE, shares))
    return why_set(why, E_CHEAT_SHARERS, "shares", "your own message was replaced");
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  unsigned len = round_neighbours_in(r, i, r->sharers, near), good = 0, bad = 0;
  struct inbox *inbox = must_calloc(len, sizeof *inbox);
  for (unsigned c = 0; c < len; c++) {
    struct share_event dealt;
    inbox[c].from = near[c];
    if (share_parse(&dealt, share_of(r, shares, near[c]), NULL) == OK)
      open_delivery(&inbox[c], p, r, i, &dealt, delivery_of(boxes, near[c]));
    good += inbox[c].state == INBOX_GOOD;
    bad += inbox[c].state == INBOX_BAD;
  }
  if (good < r->graph.p.t || bad > COMPLAINTS_MAX) {
    sodium_memzero(inbox, len * sizeof *inbox);
    free(inbox);
    return bad > COMPLAINTS_MAX
               ? why_set(why, E_THRESHOLD, "boxes",
                         "%u bad boxes, at most %u can be complained about", bad,
                         COMPLAINTS_MAX)
               : why_set(why, E_THRESHOLD, "boxes", "%u good boxes, %u are needed", good,
                         r->graph.p.t);
  }
  p->inbox = inbox;
  p->inbox_len = len;
  return OK;
}

/* Whether x can be masked now; the list of the masks that go on. */
static enum err begin_masking(struct mask_list *masks, const struct party *p,
                              const struct round *r, struct ring x)
{
  uint32_t i;
  TRY(usable(p, r));
  if (!p->inbox || p->masked || p->events[PARTY_UPDATE])
    return E_STATE;
  if (x.bits != r->open->ring_bits || x.len != open_len(r->open))
    return E_LENGTH;
  TRY(own_index(&i, p, r, NULL));
  return mask_own(masks, r, i, &p->a, &p->s);
}

/* From now on something is masked, with this weight in it. */
static enum err note_masked(struct party *p, const struct round *r, int64_t weight)
{
  uint64_t samples = 0;
  if (r->open->reward.scheme == REWARD_SAMPLES) {
    if (weight < 1 || (uint64_t)weight > r->open->quantiser.cap)
      return E_FIELD_VALUE;
    samples = (uint64_t)weight;
  }
  p->samples = samples;
  p->masked = true;
  p->masked_under = r->sharers_hash;
  return OK;
}

enum err party_mask(struct party *p, const struct round *r, struct ring x)
{
  AUTO(mask_list_done) struct mask_list masks = {0};
  TRY(begin_masking(&masks, p, r, x));
  TRY(note_masked(p, r, ring_get(x, r->open->d)));
  return mask_apply(x, 0, &masks);
}

enum err party_masked(struct party *p, const struct round *r, struct ring y)
{
  AUTO(mask_list_done) struct mask_list masks = {0};
  uint8_t masked[8] = {0}, mask[8] = {0}; /* the weight's coordinate */
  struct ring sum = {masked, 1, y.bits}, one = {mask, 1, y.bits};
  TRY(begin_masking(&masks, p, r, y));
  TRY(mask_apply(one, r->open->d, &masks));
  ring_put(sum, 0,
           (int64_t)((uint64_t)ring_get(y, r->open->d) - (uint64_t)ring_get(one, 0)));
  enum err e = note_masked(p, r, ring_get(sum, 0));
  sodium_memzero(masked, sizeof masked);
  sodium_memzero(mask, sizeof mask);
  return e;
}

static enum err complain(json_t *bad, const struct party *p, const struct round *r,
                         uint32_t i, uint32_t j)
{
  struct point key;
  struct dleq proof;
  const struct point *ei = &r->members[i].share_key, *ej = &r->members[j].share_key;
  TRY(point_mul(&key, &p->e, ej));
  TRY(dleq_prove(&proof, &p->ctx, i, j, &p->e, ei, ej, &key));
  json_array_append_new(bad, json_pack("{s:i,s:o,s:o,s:o}", "dealer", (int)j, "key",
                                       json_hex(key.b, 32), "challenge",
                                       json_hex(proof.challenge.b, 32), "response",
                                       json_hex(proof.response.b, 32)));
  return OK;
}

enum err party_update(struct party *p, const struct round *r, uint64_t length,
                      const struct digest *chunks, const json_t **event)
{
  if (p->events[PARTY_UPDATE]) {
    *event = p->events[PARTY_UPDATE];
    return OK;
  }
  uint32_t i;
  TRY(usable(p, r));
  if (!p->masked || memcmp(&p->masked_under, &r->sharers_hash, 32) != 0)
    return E_STATE;
  TRY(own_index(&i, p, r, NULL));
  AUTO(json_drop) json_t *missing = json_array();
  AUTO(json_drop) json_t *bad = json_array();
  for (unsigned c = 0; c < p->inbox_len; c++) {
    if (p->inbox[c].state == INBOX_MISSING)
      json_array_append_new(missing, json_integer(p->inbox[c].from));
    else if (p->inbox[c].state == INBOX_BAD)
      TRY(complain(bad, p, r, i, p->inbox[c].from));
  }
  json_t *u = start(p, r, "update");
  json_object_set_new(u, "sharers", json_hex(r->sharers_hash.b, 32));
  json_object_set_new(u, "length", json_integer((json_int_t)length));
  json_object_set_new(u, "chunks", json_hex(chunks->b, 32));
  json_object_set_new(u, "samples",
                      p->samples ? json_integer((json_int_t)p->samples) : json_null());
  json_object_set(u, "missing", missing);
  json_object_set(u, "bad", bad);
  return finish(p, PARTY_UPDATE, u, event);
}

/* ---- UNMASK ---- */

enum err party_unmask(struct party *p, const struct round *r, const json_t *updates,
                      unsigned minimum, const json_t **event, struct why *why)
{
  uint32_t i;
  const json_t *done = p->events[PARTY_UNMASK];
  if (done) {
    struct digest said;
    const char *hex = json_string_value(json_object_get(done, "survivors"));
    if (!hex || hex_decode(said.b, 32, hex) != OK)
      return E_STATE;
    if (memcmp(&said, &r->survivors_hash, 32) != 0)
      return why_set(
          why, E_CHEAT_SECOND, "survivors",
          "another list was answered before, and only one answer is ever given");
    *event = done;
    return OK;
  }
  TRY(usable(p, r));
  TRY(own_index(&i, p, r, why));
  if (!set_has(r->survivors, i))
    return why_set(why, E_NOT_IN_ROUND, "survivors", "your update is not among them");
  if (!shows_mine(p, r->survivors, i, PARTY_UPDATE, updates))
    return why_set(why, E_CHEAT_SURVIVORS, "updates", "your own message was replaced");
  if (round_organisations(r, r->survivors) < minimum)
    return why_set(why, E_THRESHOLD, "survivors", "%u organisations, you ask for %u",
                   round_organisations(r, r->survivors), minimum);
  json_t *shares = json_array();
  for (unsigned c = 0; c < p->inbox_len; c++) {
    const struct inbox *in = &p->inbox[c];
    const struct secret_scalar *one = set_has(r->survivors, in->from) ? &in->s : &in->a;
    json_array_append_new(shares,
                          in->state == INBOX_GOOD ? json_hex(one->b, 32) : json_null());
  }
  json_t *u = start(p, r, "unmask");
  json_object_set_new(u, "survivors", json_hex(r->survivors_hash.b, 32));
  json_object_set_new(u, "shares", shares);
  return finish(p, PARTY_UNMASK, u, event);
}

/* ---- history ---- */

static json_t *organisations_of(const struct round *r, const uint8_t *set)
{
  json_t *list = json_array();
  for (uint32_t i = 0; i < r->n; i++)
    if (set_has(set, i))
      json_array_append_new(list, json_hex(r->members[i].organisation.b, 16));
  return list;
}

static bool list_has(const json_t *list, const json_t *value)
{
  size_t i;
  const json_t *entry;
  json_array_foreach ((json_t *)list, i, entry)
    if (json_equal(entry, value))
      return true;
  return false;
}

/* |A Δ B| of two lists without repetitions. */
static size_t difference(const json_t *a, const json_t *b)
{
  size_t i, common = 0;
  const json_t *entry;
  json_array_foreach ((json_t *)a, i, entry)
    common += list_has(b, entry);
  return json_array_size(a) + json_array_size(b) - 2 * common;
}

enum err party_check_history(json_t *history, const struct round *r, unsigned minimum,
                             bool consent, struct why *why)
{
  AUTO(json_drop) json_t *now = organisations_of(r, r->survivors);
  size_t i, nearest = SIZE_MAX;
  bool known = false; /* the same people again: nothing new can be learnt from that set */
  const json_t *before;
  json_array_foreach (history, i, before) {
    size_t apart = difference(before, now);
    known = known || apart == 0;
    if (apart > 0)
      nearest = MIN(nearest, apart);
  }
  size_t sums = json_array_size(history);
  if (nearest >= minimum && sums >= 2 && !known && !consent)
    return why_set(why, E_CONSENT, "survivors",
                   "%zu different sums over this model exist already; each more says "
                   "more about single members",
                   sums);
  if (!known)
    json_array_append(history, now);
  if (nearest < minimum)
    return why_set(why, E_CHEAT_BASE, "survivors",
                   "the same model was summed before over people of whom only %zu differ",
                   nearest);
  return OK;
}
