/* SPDX-License-Identifier: Apache-2.0
 * One round as the public sees it: building it, and the rules both sides ask. Checking a
 * coordinator's documents is in round_check.c, bounds of the sum in sum_check.c. */
#include "core/round.h"

#include <sodium.h>
#include <string.h>

#include "core/box.h"
#include "core/group.h"
#include "core/kdf.h"
#include "core/merkle.h"
#include "core/pvss.h"

enum err round_new(struct round **out, const struct digest *instance,
                   const struct identity *coordinator, bool anchored, const json_t *open,
                   struct why *why)
{
  AUTO(open_drop) struct open_event *o = NULL;
  TRY(open_parse(&o, open, anchored, why));
  if (memcmp(&o->header.instance, instance, sizeof *instance) != 0)
    return why_set(why, E_CONTEXT, "instance", "belongs to another instance");
  struct round *r = must_calloc(1, sizeof *r);
  r->instance = *instance;
  r->coordinator = *coordinator;
  r->anchored = anchored;
  r->open = STEAL(o);
  *out = r;
  return OK;
}

void round_free(struct round *r)
{
  if (!r)
    return;
  open_free(r->open);
  free(r->members);
  graph_done(&r->graph);
  free(r->sharers);
  free(r->survivors);
  free(r);
}

void round_set_members(struct round *r, const struct member *members, unsigned n,
                       const struct digest *joins_root, const struct digest *roster_hash)
{
  free(r->members);
  r->members = must_calloc(n, sizeof *members);
  memcpy(r->members, members, n * sizeof *members);
  r->n = n;
  r->joins_root = *joins_root;
  r->roster_hash = *roster_hash;
}

enum err round_make_graph(struct round *r, struct bytes beacon)
{
  struct graph_params params;
  struct graph g = {0};
  TRY(graph_params_find(&params, r->n, r->open->corrupt_bp, r->open->dropout_bp,
                        r->anchored));
  TRY(graph_make(&g, &params, &r->open->ctx, &r->joins_root, beacon));
  graph_done(&r->graph);
  r->graph = g;
  return OK;
}

static uint8_t *set_copy(const struct round *r, const uint8_t *set)
{
  size_t len = (r->n + 7) / 8;
  return memcpy(must_calloc(len, 1), set, len);
}

void round_set_sharers(struct round *r, const uint8_t *set, const struct digest *hash)
{
  uint8_t *copy = set_copy(r, set);
  free(r->sharers);
  r->sharers = copy;
  r->sharers_hash = *hash;
}

void round_set_survivors(struct round *r, const uint8_t *set, const struct digest *hash)
{
  uint8_t *copy = set_copy(r, set);
  free(r->survivors);
  r->survivors = copy;
  r->survivors_hash = *hash;
}

int64_t round_index(const struct round *r, const struct identity *id)
{
  unsigned low = 0, high = r->n;
  while (low < high) { /* members are ordered by id */
    unsigned middle = low + (high - low) / 2;
    int c = memcmp(id, &r->members[middle].id, sizeof *id);
    if (c == 0)
      return middle;
    if (c < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return -1;
}

unsigned round_organisations(const struct round *r, const uint8_t *set)
{
  /* A roster holds one key per organisation (round_roster, and a constraint in the
   * coordinator's database), so members of a set are as many organisations. */
  return set ? set_count(set, r->n) : r->n;
}

unsigned round_neighbours_in(const struct round *r, uint32_t i, const uint8_t *set,
                             uint32_t *out)
{
  unsigned len = 0;
  graph_neighbours(&r->graph, i, out);
  for (unsigned c = 0; c < r->graph.p.k; c++)
    if (!set || set_has(set, out[c]))
      out[len++] = out[c];
  return len;
}

enum err round_check_sharers(const struct round *r, const uint8_t *set, struct why *why)
{
  unsigned sharers = set_count(set, r->n);
  if (round_organisations(r, set) < r->open->minimum)
    return why_set(why, E_THRESHOLD, "members", "%u shared, the minimum is %u", sharers,
                   r->open->minimum);
  if (!r->graph.p.complete && sharers < r->graph.p.alive)
    return why_set(why, E_THRESHOLD, "members", "%u shared, at least %u of %u must",
                   sharers, r->graph.p.alive, r->n);
  return OK;
}

/* Condition 3: every secret that is needed has t neighbours who can give a share of it.
 */
static enum err check_recoverable(const struct round *r, const uint8_t *set,
                                  const struct update_event *const *lists,
                                  struct why *why)
{
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  for (uint32_t j = 0; j < r->n; j++) {
    if (!set_has(r->sharers, j))
      continue;
    unsigned live = round_neighbours_in(r, j, set, near), good = 0;
    if (!set_has(set, j) && live == 0)
      continue; /* nobody masked towards it */
    for (unsigned c = 0; c < live; c++)
      good += !(lists && lists[near[c]] && update_lists(lists[near[c]], j));
    if (good < r->graph.p.t)
      return why_set(why, E_THRESHOLD, "members",
                     "only %u of the %u needed can help to remove the masks of member %u",
                     good, r->graph.p.t, j);
  }
  return OK;
}

enum err round_check_survivors(const struct round *r, const uint8_t *set,
                               const struct update_event *const *lists, struct why *why)
{
  const struct graph_params *p = &r->graph.p;
  unsigned u1 = set_count(r->sharers, r->n), u2 = set_count(set, r->n);
  for (size_t b = 0; b < (r->n + 7) / 8; b++)
    if (set[b] & ~r->sharers[b])
      return why_set(why, E_THRESHOLD, "members", "a survivor is not among the sharers");
  if (round_organisations(r, set) < r->open->minimum)
    return why_set(why, E_THRESHOLD, "members", "%u updates, the minimum is %u", u2,
                   r->open->minimum);
  if (!p->complete) {
    if (u1 < p->alive || u2 < p->alive)
      return why_set(why, E_THRESHOLD, "members", "%u updates, at least %u of %u must",
                     u2, p->alive, r->n);
    unsigned runs = graph_least_runs(&r->graph, set);
    if (runs < p->t)
      return why_set(
          why, E_THRESHOLD, "members",
          "two runs of the ring hold only %u survivors together, %u are needed", runs,
          p->t);
  }
  if (!r->anchored &&
      (uint64_t)r->n * (u1 - u2) >= (uint64_t)p->t * (u1 - r->open->minimum + 1))
    return why_set(why, E_THRESHOLD, "members",
                   "%u of %u sharers vanished: without a chain two different lists could "
                   "be shown to different people",
                   u1 - u2, u1);
  return check_recoverable(r, set, lists, why);
}

enum err round_check_leaves(const struct round *r, uint32_t dealer,
                            const struct share_event *share, struct bytes leaves,
                            struct why *why)
{
  unsigned k = r->graph.p.k, t = r->graph.p.t;
  if (leaves.len != (size_t)k * LEAF_BYTES)
    return why_set(why, E_LENGTH, "deals", "must be %u leaves of %u bytes", k,
                   LEAF_BYTES);
  AUTO(free_drop) uint32_t *xs = must_calloc(k, sizeof *xs);
  AUTO(free_drop) struct point *a = must_calloc(k, sizeof *a);
  AUTO(free_drop) struct point *s = must_calloc(k, sizeof *s);
  struct merkle tree = {0};
  struct digest root;
  graph_neighbours(&r->graph, dealer, xs);
  for (unsigned c = 0; c < k; c++) {
    const uint8_t *leaf = leaves.data + (size_t)c * LEAF_BYTES;
    xs[c]++;
    memcpy(a[c].b, leaf, 32);
    memcpy(s[c].b, leaf + 32, 32);
    merkle_add(&tree, BYTES(leaf, LEAF_BYTES));
  }
  merkle_root(&root, &tree);
  if (memcmp(&root, &share->deals, sizeof root) != 0)
    return why_set(why, E_HASH, "deals", "their Merkle root is not the one in the event");
  const struct member *m = &r->members[dealer];
  enum err e = pvss_check(&m->mask_key, a, xs, k, t);
  if (e == OK)
    e = pvss_check(&m->self_key, s, xs, k, t);
  if (e != OK)
    return why_set(why, e, "deals",
                   "the shares do not lie on one polynomial of degree "
                   "below %u with the public key",
                   t);
  return OK;
}

enum err round_check_deals(const struct round *r, uint32_t dealer,
                           const struct share_event *share, struct bytes deals,
                           struct why *why)
{
  unsigned k = r->graph.p.k;
  if (deals.len != (size_t)k * DEAL_BYTES)
    return why_set(why, E_LENGTH, "deals", "must be %u deals of %u bytes", k, DEAL_BYTES);
  AUTO(free_drop) uint8_t *leaves = must_calloc(k, LEAF_BYTES);
  for (unsigned c = 0; c < k; c++)
    deal_leaf(leaves + (size_t)c * LEAF_BYTES, deals.data + (size_t)c * DEAL_BYTES);
  return round_check_leaves(r, dealer, share, BYTES(leaves, (size_t)k * LEAF_BYTES), why);
}

enum err round_check_samples(const struct round *r, const struct update_event *u,
                             struct why *why)
{
  bool asked = r->open->reward.scheme == REWARD_SAMPLES;
  if (!asked && u->samples)
    return why_set(why, E_FIELD_VALUE, "samples", "must be null: no reward asks for it");
  if (asked && (!u->samples || u->samples > r->open->quantiser.cap))
    return why_set(why, E_FIELD_VALUE, "samples", "must be your weight, 1 to %llu",
                   (unsigned long long)r->open->quantiser.cap);
  return OK;
}

enum err round_judge(const struct round *r, uint32_t i, const struct complaint *c,
                     const uint8_t deal[DEAL_BYTES], bool *dealer_guilty)
{
  const struct digest *ctx = &r->open->ctx;
  if (c->dealer >= r->n || !graph_adjacent(&r->graph, i, c->dealer))
    return E_PROOF;
  TRY(dleq_check(&c->proof, ctx, i, c->dealer, &r->members[i].share_key,
                 &r->members[c->dealer].share_key, &c->key));
  struct secret_key key;
  struct secret_scalar a, s;
  struct box box;
  struct point point_a, point_s;
  memcpy(point_a.b, deal, 32);
  memcpy(point_s.b, deal + 32, 32);
  memcpy(box.b, deal + 64, BOX_BYTES);
  kdf_box(&key, ctx, &c->key, c->dealer, i);
  bool good = box_open(&a, &s, &box, &key, &r->graph_hash) == OK &&
              pvss_check_share(&a, &point_a) == OK &&
              pvss_check_share(&s, &point_s) == OK;
  sodium_memzero(&key, sizeof key);
  sodium_memzero(&a, sizeof a);
  sodium_memzero(&s, sizeof s);
  *dealer_guilty = !good;
  return OK;
}

enum err round_check_answer(const struct round *r, uint32_t i,
                            const struct unmask_event *u,
                            const struct update_event *manifest, struct why *why)
{
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  unsigned len = round_neighbours_in(r, i, r->sharers, near);
  if (u->len != len)
    return why_set(why, E_ANSWER, "shares", "must have %u entries", len);
  for (unsigned c = 0; c < len; c++)
    if (u->given[c] == update_lists(manifest, near[c]))
      return why_set(why, E_ANSWER, "shares",
                     "entry %u: null exactly for boxes that the manifest lists", c);
  return OK;
}
