/* SPDX-License-Identifier: Apache-2.0
 * What the coordinator said in the phases JOIN, SHARE and UPLOAD, and what was dealt. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clients/lib/audit_state.h"
#include "clients/lib/parallel.h"
#include "core/merkle.h"
#include "util/field.h"
#include "util/text.h"

/* ---- roster and graph ---- */

static json_t *event_or_null(const struct item *it)
{
  return it ? json_incref(it->event) : json_null();
}

/* The joins in the order of their participants, with what is behind each. */
static json_t *members_of(const struct audit *a)
{
  json_t *list = json_array();
  for (size_t i = 0; i < a->len; i++) {
    const struct item *it = a->sorted[i];
    const struct identity *id = &it->header.participant;
    if (it->type != TYPE_JOIN)
      continue;
    json_t *one = json_object();
    json_object_set_new(one, "enroll", event_or_null(audit_find(a, TYPE_ENROLL, id)));
    json_object_set_new(one, "admit", event_or_null(audit_find(a, TYPE_ADMIT, id)));
    json_object_set(one, "join", it->event);
    json_array_append_new(list, one);
  }
  return list;
}

/* What members said, by their index in the roster. */
static const struct item **by_index(const struct audit *a, enum event_type type)
{
  const struct item **out = must_calloc(a->round->n, sizeof *out);
  for (size_t i = 0; i < a->len; i++) {
    const struct item *it = &a->items[i];
    int64_t at = it->type == type ? round_index(a->round, &it->header.participant) : -1;
    if (at >= 0 && !out[at])
      out[at] = it;
    else if (it->type == type && at < 0)
      report_found(a->report, CHECK_ROSTER, it->subject,
                   "its signer is not in the roster");
  }
  return out;
}

enum err audit_roster(struct audit *a, struct why *why)
{
  struct why inner = {0};
  const struct item *it = a->one[TYPE_ROSTER];
  AUTO(json_drop) json_t *members = members_of(a);
  enum err e = round_roster(a->round, it->event, members, &inner);
  report_checked(a->report, CHECK_ROSTER, json_array_size(members));
  TRY(audit_judge(a, CHECK_ROSTER, it->subject, e, &inner, why));
  if (e != OK)
    return OK;
  a->shares = by_index(a, TYPE_SHARE);
  a->updates = by_index(a, TYPE_UPDATE);
  a->unmasks = by_index(a, TYPE_UNMASK);
  a->manifests = must_calloc(a->round->n, sizeof *a->manifests);
  for (uint32_t i = 0; i < a->round->n; i++)
    if (a->updates[i])
      TRY(update_parse(&a->manifests[i], a->updates[i]->event, why));
  return OK;
}

enum err audit_graph(struct audit *a, struct why *why)
{
  struct why inner = {0};
  const struct item *it = a->one[TYPE_GRAPH];
  struct graph_event said;
  TRY(graph_parse(&said, it->event, why));
  /* whether the chain has this block is another check: anchors */
  const struct beacon beacon = {.block = said.block, .hash = said.beacon};
  enum err e =
      round_graph(a->round, it->event, a->pin->instance.simulated, &beacon, &inner);
  report_checked(a->report, CHECK_GRAPH, 1);
  return audit_judge(a, CHECK_GRAPH, it->subject, e, &inner, why);
}

/* ---- deals ---- */

struct dealers {
  struct audit *audit;
  struct draw draw; /* among those who dealt */
  uint32_t *index;
};

static enum err check_dealer(void *arg, unsigned thread, uint64_t n, struct why *why)
{
  const struct dealers *d = arg;
  struct audit *a = d->audit;
  uint32_t i = d->index[d->draw.numbers[n]];
  const struct item *it = a->shares[i];
  struct share_event share;
  struct why inner = {0};
  TRY(share_parse(&share, it->event, why));
  enum err e = round_check_leaves(a->round, i, &share, buf_bytes(&it->data), &inner);
  report_checked(a->report, CHECK_DEALS, 1);
  return audit_judge(a, CHECK_DEALS, it->subject, e, &inner, why);
}

static void tell_deals(void *arg, uint64_t done, uint64_t total)
{
  const struct dealers *d = arg;
  audit_tell(d->audit, "checking the deals", done, total);
}

enum err audit_deals(struct audit *a, struct why *why)
{
  AUTO(free_drop) uint32_t *index = must_calloc(a->round->n, sizeof *index);
  struct dealers d = {.audit = a, .index = index};
  uint64_t total = 0;
  for (uint32_t i = 0; i < a->round->n; i++)
    if (a->shares[i])
      index[total++] = i;
  audit_draw(&d.draw, a->options->light, total);
  const struct parallel p = {check_dealer, &d, tell_deals, &d};
  enum err e = parallel_run(&p, a->threads, d.draw.count, why);
  free(d.draw.numbers);
  return e;
}

/* ---- sharers ---- */

static bool in_set(const char *hex, uint32_t i)
{
  char digits[3];
  uint8_t byte = 0;
  if (strlen(hex) / 2 <= i / 8)
    return false;
  snprintf(digits, sizeof digits, "%.2s", hex + (size_t)2 * (i / 8));
  return hex_decode(&byte, 1, digits) == OK && (byte >> i % 8 & 1);
}

json_t *audit_events_of(const struct audit *a, const struct item *const *by,
                        const char *set)
{
  json_t *list = json_array();
  for (uint32_t i = 0; i < a->round->n; i++)
    if (by[i] && in_set(set, i))
      json_array_append(list, by[i]->event);
  return list;
}

enum err audit_sharers(struct audit *a, struct why *why)
{
  struct why inner = {0};
  struct set_event s;
  const struct item *it = a->one[TYPE_SHARERS];
  TRY(sharers_parse(&s, it->event, why));
  AUTO(json_drop) json_t *shares = audit_events_of(a, a->shares, s.members);
  enum err e = round_sharers(a->round, it->event, shares, &inner);
  report_checked(a->report, CHECK_SHARERS, json_array_size(shares));
  for (uint32_t i = 0; i < a->round->n; i++)
    if (a->shares[i] && !in_set(s.members, i))
      report_found(a->report, CHECK_SHARERS, a->shares[i]->subject,
                   "was accepted, but its sender is left out of the sharers");
  return audit_judge(a, CHECK_SHARERS, it->subject, e, &inner, why);
}

/* ---- complaints ---- */

/* Where i stands among the neighbours of j, ascending. */
static unsigned place_of(const struct round *r, uint32_t j, uint32_t i)
{
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  unsigned c = 0;
  graph_neighbours(&r->graph, j, near);
  while (c < r->graph.p.k && near[c] != i)
    c++;
  return c;
}

/* The deal for i as it was sealed: its public leaf and the box that was shown. */
static enum err complained_deal(const struct audit *a, uint32_t i, size_t c,
                                uint8_t deal[DEAL_BYTES], struct why *why)
{
  uint32_t j = a->manifests[i].bad[c].dealer;
  AUTO(buf_done) struct buf box = {0};
  uint8_t hash[32];
  const json_t *shown = json_array_get(a->updates[i]->boxes, c);
  const char *text = json_string_value(json_object_get(shown, "box"));
  size_t at = (size_t)place_of(a->round, j, i) * LEAF_BYTES;
  if (!text || base64_decode(&box, text) != OK || box.len != DEAL_BYTES - 64 ||
      json_integer_value(json_object_get(shown, "dealer")) != j)
    return why_set(why, E_REPLY, "boxes", "the box of dealer %u is not shown", j);
  if (a->shares[j]->data.len < at + LEAF_BYTES)
    return why_set(why, E_LENGTH, "deals", "those of dealer %u are not shown", j);
  const uint8_t *leaf = a->shares[j]->data.data + at;
  crypto_hash_sha256(hash, box.data, box.len);
  if (memcmp(hash, leaf + 64, sizeof hash) != 0)
    return why_set(why, E_HASH, "boxes", "the box of dealer %u is not the one it dealt",
                   j);
  memcpy(deal, leaf, 64);
  memcpy(deal + 64, box.data, box.len);
  return OK;
}

static void convict(struct audit *a, uint32_t i, const struct item *update,
                    enum named_reason reason)
{
  a->convictions = must_realloc(a->convictions, a->convicted + 1, sizeof *a->convictions);
  a->convictions[a->convicted++] =
      (struct named){update->hash, a->round->members[i].id, reason};
}

static enum err judge_complaint(struct audit *a, uint32_t i, size_t c, struct why *why)
{
  uint8_t deal[DEAL_BYTES];
  bool dealer_guilty = false;
  const struct complaint *bad = &a->manifests[i].bad[c];
  TRY(complained_deal(a, i, c, deal, why));
  if (round_judge(a->round, i, bad, deal, &dealer_guilty) != OK)
    return why_set(why, E_PROOF, "bad", "the proof about dealer %u does not verify",
                   bad->dealer);
  convict(a, dealer_guilty ? bad->dealer : i, a->updates[i],
          dealer_guilty ? NAMED_BAD_BOX : NAMED_FALSE_COMPLAINT);
  return OK;
}

/* Whether member i could have had a box of j. */
static bool boxed(const struct audit *a, uint32_t i, uint32_t j)
{
  return j < a->round->n && set_has(a->round->sharers, j) && a->shares[j] &&
         graph_adjacent(&a->round->graph, i, j);
}

static enum err check_lists(struct audit *a, uint32_t i, struct why *why)
{
  const struct update_event *u = &a->manifests[i];
  const char *subject = a->updates[i]->subject;
  for (size_t c = 0; c < u->missing_len; c++)
    if (!boxed(a, i, u->missing[c]))
      report_found(a->report, CHECK_COMPLAINTS, subject,
                   "lists a box of member %u, which had none for it", u->missing[c]);
  for (size_t c = 0; c < u->bad_len; c++) {
    struct why inner = {0};
    enum err e = boxed(a, i, u->bad[c].dealer)
                     ? judge_complaint(a, i, c, &inner)
                     : why_set(&inner, E_CONTEXT, "bad", "member %u had no box for it",
                               u->bad[c].dealer);
    TRY(audit_judge(a, CHECK_COMPLAINTS, subject, e, &inner, why));
    report_checked(a->report, CHECK_COMPLAINTS, 1);
  }
  return OK;
}

enum err audit_complaints(struct audit *a, struct why *why)
{
  for (uint32_t i = 0; i < a->round->n; i++)
    if (a->updates[i])
      TRY(check_lists(a, i, why));
  return OK;
}

/* ---- survivors, manifests ---- */

enum err audit_survivors(struct audit *a, struct why *why)
{
  struct why inner = {0};
  struct set_event s;
  const struct item *it = a->one[TYPE_SURVIVORS];
  TRY(survivors_parse(&s, it->event, why));
  AUTO(json_drop) json_t *updates = audit_events_of(a, a->updates, s.members);
  enum err e = round_survivors(a->round, it->event, updates, &inner);
  report_checked(a->report, CHECK_SURVIVORS, json_array_size(updates));
  return audit_judge(a, CHECK_SURVIVORS, it->subject, e, &inner, why);
}

static enum err check_manifest(const struct audit *a, uint32_t i, struct why *why)
{
  const struct buf *hashes = &a->updates[i]->data;
  uint64_t chunks = (a->manifests[i].length + CHUNK_BYTES - 1) / CHUNK_BYTES;
  struct merkle tree = {0};
  struct digest root;
  if (hashes->len != chunks * sizeof root)
    return why_set(why, E_LENGTH, "chunks",
                   "%zu bytes of hashes are shown for %llu chunks", hashes->len,
                   (unsigned long long)chunks);
  for (uint64_t c = 0; c < chunks; c++) {
    struct digest leaf;
    memcpy(&leaf, hashes->data + c * sizeof leaf, sizeof leaf);
    merkle_add_hash(&tree, &leaf);
  }
  merkle_root(&root, &tree);
  if (memcmp(&root, &a->manifests[i].chunks, sizeof root) != 0)
    return why_set(why, E_HASH, "chunks", "the hashes that are shown have another root");
  return OK;
}

enum err audit_manifests(struct audit *a, struct why *why)
{
  for (uint32_t i = 0; i < a->round->n; i++) {
    struct why inner = {0};
    if (!a->updates[i])
      continue;
    enum err e = check_manifest(a, i, &inner);
    TRY(audit_judge(a, CHECK_MANIFESTS, a->updates[i]->subject, e, &inner, why));
    report_checked(a->report, CHECK_MANIFESTS, 1);
  }
  return OK;
}
