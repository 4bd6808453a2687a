/* SPDX-License-Identifier: Apache-2.0
 * A round filled from a coordinator's documents, everything checked. Whatever does not
 * hold is E_CHEAT_* with the particulars. docs/protocol.md sections 3 to 7. */
#include <sodium.h>
#include <string.h>

#include "core/merkle.h"
#include "core/round.h"
#include "util/field.h"
#include "util/text.h"

/* Turns the failure of an inner check into the accusation it amounts to, keeping the
 * particulars that the check gave. */
static enum err accuse(enum err e, enum err accusation)
{
  return e == OK || e == E_INTERNAL ? e : accusation;
}

static enum err header_check(const struct round *r, const struct header *h, bool with_ctx,
                             struct why *why)
{
  if (memcmp(&h->instance, &r->instance, sizeof r->instance) != 0)
    return why_set(why, E_CONTEXT, "instance", "belongs to another instance");
  if (with_ctx && memcmp(&h->ctx, &r->open->ctx, sizeof h->ctx) != 0)
    return why_set(why, E_CONTEXT, "ctx", "belongs to another round");
  return OK;
}

enum err round_open(struct round **out, const struct instance_event *instance,
                    const struct digest *instance_hash, const json_t *open,
                    struct why *why)
{
  AUTO(round_drop) struct round *r = NULL;
  TRY(accuse(event_check(open, why), E_CHEAT_HISTORY));
  TRY(accuse(event_verify(open, "open", &instance->coordinator, why), E_CHEAT_KEY));
  TRY(accuse(
      round_new(&r, instance_hash, &instance->coordinator, instance->anchored, open, why),
      E_CHEAT_HISTORY));
  *out = STEAL(r);
  return OK;
}

/* ---- roster ---- */

static enum err check_admission(const struct round *r, const json_t *admit,
                                const struct identity *id, const struct digest *enroll,
                                struct why *why)
{
  struct admission_event a;
  TRY(event_check(admit, why));
  TRY(event_verify(admit, "admit", &r->coordinator, why));
  TRY(admission_parse(&a, "admit", admit, why));
  TRY(header_check(r, &a.header, false, why));
  if (memcmp(&a.header.participant, id, sizeof *id) != 0 ||
      memcmp(&a.identity, enroll, sizeof *enroll) != 0 ||
      strcmp(a.model, r->open->model) != 0)
    return why_set(why, E_NOT_ADMITTED, "admit", "is for somebody or something else");
  return OK;
}

static enum err check_member(struct member *out, const struct round *r,
                             const json_t *docs, struct why *why)
{
  const json_t *enroll = json_object_get(docs, "enroll");
  const json_t *join = json_object_get(docs, "join");
  struct enroll_event e;
  struct join_event j;
  struct digest enroll_hash;
  TRY(event_check(enroll, why));
  TRY(event_check(join, why));
  TRY(enroll_parse(&e, enroll, why));
  TRY(join_parse(&j, join, why));
  TRY(event_verify(enroll, "enroll", &e.header.participant, why));
  TRY(event_verify(join, "join", &e.header.participant, why));
  TRY(header_check(r, &e.header, false, why));
  TRY(header_check(r, &j.header, true, why));
  if (memcmp(&e.header.participant, &j.header.participant, 32) != 0)
    return why_set(why, E_SIGNATURE, "join", "is another participant's");
  TRY(event_hash(&enroll_hash, enroll));
  TRY(check_admission(r, json_object_get(docs, "admit"), &e.header.participant,
                      &enroll_hash, why));
  for (unsigned x = 0; x < r->open->excluded_len; x++)
    if (memcmp(&r->open->excluded[x], &e.header.participant, 32) == 0)
      return why_set(why, E_NOT_ADMITTED, "join", "its participant is excluded");
  *out = (struct member){.id = e.header.participant,
                         .organisation = e.organisation,
                         .mask_key = j.mask_key,
                         .share_key = j.share_key,
                         .self_key = j.self_key};
  return OK;
}

static int compare_32(const void *a, const void *b)
{
  return memcmp(a, b, 32);
}

static int compare_16(const void *a, const void *b)
{
  return memcmp(a, b, 16);
}

/* Whether all of n values of `size` bytes differ. Sorts them. */
static bool distinct(uint8_t *values, size_t n, size_t size)
{
  qsort(values, n, size, size == 32 ? compare_32 : compare_16);
  for (size_t i = 1; i < n; i++)
    if (memcmp(values + (i - 1) * size, values + i * size, size) == 0)
      return false;
  return true;
}

static enum err check_distinct(const struct member *m, unsigned n, struct why *why)
{
  AUTO(free_drop) uint8_t *points = must_calloc(n, 96);
  AUTO(free_drop) uint8_t *organisations = must_calloc(n, 16);
  for (unsigned i = 0; i < n; i++) {
    if (i && memcmp(&m[i - 1].id, &m[i].id, 32) >= 0)
      return why_set(why, E_CHEAT_ROSTER, "members", "not in the order of their keys");
    memcpy(points + (size_t)i * 96, m[i].mask_key.b, 32);
    memcpy(points + (size_t)i * 96 + 32, m[i].share_key.b, 32);
    memcpy(points + (size_t)i * 96 + 64, m[i].self_key.b, 32);
    memcpy(organisations + (size_t)i * 16, m[i].organisation.b, 16);
  }
  if (!distinct(points, (size_t)n * 3, 32))
    return why_set(why, E_CHEAT_ROSTER, "members", "a key occurs twice");
  if (!distinct(organisations, n, 16))
    return why_set(why, E_CHEAT_ROSTER, "members",
                   "two members belong to one organisation");
  return OK;
}

/* The Merkle root of the events in an array (or of the member `key` of each entry). */
static enum err events_root(struct digest *out, const json_t *list, const char *key)
{
  struct merkle tree = {0};
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *entry = json_array_get(list, i);
    AUTO(buf_done) struct buf leaf = {.max = EVENT_BYTES_MAX};
    TRY(event_canonical(&leaf, key ? json_object_get(entry, key) : entry, true));
    merkle_add(&tree, buf_bytes(&leaf));
  }
  merkle_root(out, &tree);
  return OK;
}

enum err round_roster(struct round *r, const json_t *roster, const json_t *members,
                      struct why *why)
{
  struct roster_event e;
  struct digest root, hash;
  TRY(accuse(event_check(roster, why), E_CHEAT_ROSTER));
  TRY(accuse(event_verify(roster, "roster", &r->coordinator, why), E_CHEAT_KEY));
  TRY(accuse(roster_parse(&e, roster, why), E_CHEAT_ROSTER));
  TRY(accuse(header_check(r, &e.header, true, why), E_CHEAT_ROSTER));
  if (e.n != json_array_size(members) || e.n < r->open->minimum || e.n > r->open->maximum)
    return why_set(why, E_CHEAT_ROSTER, "n",
                   "%u members announced, %zu shown, %u to %u allowed", e.n,
                   json_array_size(members), r->open->minimum, r->open->maximum);
  AUTO(free_drop) struct member *m = must_calloc(e.n, sizeof *m);
  for (unsigned i = 0; i < e.n; i++)
    TRY(accuse(check_member(&m[i], r, json_array_get(members, i), why), E_CHEAT_ROSTER));
  TRY(check_distinct(m, e.n, why));
  TRY(events_root(&root, members, "join"));
  if (memcmp(&root, &e.joins, sizeof root) != 0)
    return why_set(why, E_CHEAT_ROSTER, "joins", "the joins shown are not those signed");
  TRY(event_hash(&hash, roster));
  round_set_members(r, m, e.n, &root, &hash);
  return OK;
}

/* ---- graph ---- */

void round_simulated_block(struct digest *out, const struct digest *ctx, uint64_t block)
{
  static const char label[] = "chorus/v1/simulated-block\n";
  uint8_t le[8];
  for (unsigned i = 0; i < 8; i++)
    le[i] = (uint8_t)(block >> (8 * i));
  crypto_hash_sha256_state h;
  crypto_hash_sha256_init(&h);
  crypto_hash_sha256_update(&h, (const uint8_t *)label, sizeof label - 1);
  crypto_hash_sha256_update(&h, ctx->b, sizeof ctx->b);
  crypto_hash_sha256_update(&h, le, sizeof le);
  crypto_hash_sha256_final(&h, out->b);
}

enum err round_graph(struct round *r, const json_t *graph, bool simulated,
                     const struct beacon *known, struct why *why)
{
  struct graph_event e;
  struct digest hash;
  TRY(accuse(event_check(graph, why), E_CHEAT_GRAPH));
  TRY(accuse(event_verify(graph, "graph", &r->coordinator, why), E_CHEAT_KEY));
  TRY(accuse(graph_parse(&e, graph, why), E_CHEAT_GRAPH));
  TRY(accuse(header_check(r, &e.header, true, why), E_CHEAT_GRAPH));
  if (memcmp(&e.roster, &r->roster_hash, sizeof e.roster) != 0)
    return why_set(why, E_CHEAT_GRAPH, "roster", "is not the roster that was shown");
  struct graph_params p;
  TRY(accuse(
      graph_params_find(&p, r->n, r->open->corrupt_bp, r->open->dropout_bp, r->anchored),
      E_CHEAT_GRAPH));
  if (e.k != p.k || e.t != p.t || e.has_block == p.complete)
    return why_set(why, E_CHEAT_GRAPH, "t", "k=%u, t=%u where the rules give k=%u, t=%u",
                   e.k, e.t, p.k, p.t);
  if (e.has_block) {
    struct beacon expected = {.block = e.block};
    if (!simulated && !known)
      return why_set(why, E_NO_CHAIN, "beacon", "block %llu must be looked at",
                     (unsigned long long)e.block);
    if (simulated)
      round_simulated_block(&expected.hash, &r->open->ctx, e.block);
    else
      expected = *known;
    if (expected.block != e.block ||
        memcmp(&expected.hash, &e.beacon, sizeof e.beacon) != 0)
      return why_set(why, E_CHEAT_GRAPH, "beacon", "is not the hash of block %llu",
                     (unsigned long long)expected.block);
  }
  TRY(event_hash(&hash, graph));
  TRY(round_make_graph(r, e.has_block ? BYTES_OF(e.beacon) : BYTES(NULL, 0)));
  r->graph_hash = hash;
  return OK;
}

/* ---- sets ---- */

/* Checks what sharers and survivors have in common: that the set's members are those
 * whose events are shown, in order, each signed by its member, under the signed root. */
static enum err check_set(const struct round *r, const struct set_event *e,
                          const char *type, const json_t *events, uint8_t *set,
                          struct why *why)
{
  struct digest root;
  if (set_parse(set, r->n, e->members) != OK)
    return why_set(why, E_FIELD_VALUE, "members", "is not a set over the roster");
  unsigned shown = 0;
  for (uint32_t i = 0; i < r->n; i++) {
    if (!set_has(set, i))
      continue;
    const json_t *event = json_array_get(events, shown++);
    TRY(event_check(event, why));
    TRY(event_verify(event, type, &r->members[i].id, why));
  }
  if (shown != json_array_size(events))
    return why_set(why, E_LENGTH, "events", "%zu shown for %u members",
                   json_array_size(events), shown);
  TRY(events_root(&root, events, NULL));
  if (memcmp(&root, &e->root, sizeof root) != 0)
    return why_set(why, E_HASH, "events", "those shown are not those signed");
  return OK;
}

enum err round_sharers(struct round *r, const json_t *sharers, const json_t *shares,
                       struct why *why)
{
  struct set_event e;
  struct digest hash;
  AUTO(free_drop) uint8_t *set = must_calloc((r->n + 7) / 8, 1);
  TRY(accuse(event_check(sharers, why), E_CHEAT_SHARERS));
  TRY(accuse(event_verify(sharers, "sharers", &r->coordinator, why), E_CHEAT_KEY));
  TRY(accuse(sharers_parse(&e, sharers, why), E_CHEAT_SHARERS));
  TRY(accuse(header_check(r, &e.header, true, why), E_CHEAT_SHARERS));
  if (memcmp(&e.previous, &r->graph_hash, sizeof e.previous) != 0)
    return why_set(why, E_CHEAT_SHARERS, "graph", "is not the graph that was shown");
  TRY(accuse(check_set(r, &e, "share", shares, set, why), E_CHEAT_SHARERS));
  for (size_t i = 0; i < json_array_size(shares); i++) {
    struct share_event s;
    TRY(accuse(share_parse(&s, json_array_get(shares, i), why), E_CHEAT_SHARERS));
    TRY(accuse(header_check(r, &s.header, true, why), E_CHEAT_SHARERS));
    if (memcmp(&s.graph, &r->graph_hash, sizeof s.graph) != 0)
      return why_set(why, E_CHEAT_SHARERS, "graph", "a share was made for another graph");
  }
  TRY(accuse(round_check_sharers(r, set, why), E_CHEAT_SHARERS));
  TRY(event_hash(&hash, sharers));
  round_set_sharers(r, set, &hash);
  return OK;
}

static enum err read_updates(struct update_event **lists, const struct round *r,
                             const uint8_t *set, const json_t *updates, struct why *why)
{
  unsigned shown = 0;
  for (uint32_t i = 0; i < r->n; i++) {
    if (!set_has(set, i))
      continue;
    struct update_event *u = must_calloc(1, sizeof *u);
    enum err e = update_parse(u, json_array_get(updates, shown++), why);
    if (e != OK) {
      free(u);
      return e;
    }
    lists[i] = u;
    TRY(header_check(r, &u->header, true, why));
    if (memcmp(&u->sharers, &r->sharers_hash, sizeof u->sharers) != 0 ||
        u->length != open_bytes(r->open))
      return why_set(why, E_CONTEXT, "updates", "one was made for other sharers");
    TRY(round_check_samples(r, u, why));
  }
  return OK;
}

enum err round_survivors(struct round *r, const json_t *survivors, const json_t *updates,
                         struct why *why)
{
  struct set_event e;
  struct digest hash;
  AUTO(free_drop) uint8_t *set = must_calloc((r->n + 7) / 8, 1);
  TRY(accuse(event_check(survivors, why), E_CHEAT_SURVIVORS));
  TRY(accuse(event_verify(survivors, "survivors", &r->coordinator, why), E_CHEAT_KEY));
  TRY(accuse(survivors_parse(&e, survivors, why), E_CHEAT_SURVIVORS));
  TRY(accuse(header_check(r, &e.header, true, why), E_CHEAT_SURVIVORS));
  if (memcmp(&e.previous, &r->sharers_hash, sizeof e.previous) != 0)
    return why_set(why, E_CHEAT_SURVIVORS, "sharers", "are not those that were shown");
  TRY(accuse(check_set(r, &e, "update", updates, set, why), E_CHEAT_SURVIVORS));
  AUTO(free_drop) struct update_event **lists = must_calloc(r->n, sizeof *lists);
  enum err err = read_updates(lists, r, set, updates, why);
  if (err == OK)
    err = round_check_survivors(r, set, (const struct update_event *const *)lists, why);
  for (unsigned i = 0; i < r->n; i++)
    if (lists[i]) {
      update_done(lists[i]);
      free(lists[i]);
    }
  TRY(accuse(err, E_CHEAT_SURVIVORS));
  TRY(event_hash(&hash, survivors));
  if (r->survivors && memcmp(&hash, &r->survivors_hash, sizeof hash) != 0)
    return why_set(why, E_CHEAT_SECOND, "survivors",
                   "another list of survivors was shown before");
  round_set_survivors(r, set, &hash);
  return OK;
}
