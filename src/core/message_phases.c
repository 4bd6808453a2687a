/* SPDX-License-Identifier: Apache-2.0
 * Reading what is said in a round's phases, from join to unmask. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/group.h"
#include "core/message_internal.h"
#include "core/scalar.h"
#include "util/text.h"

enum err seen_read(struct seen *out, const json_t *seen, struct why *why)
{
  struct digest empty;
  const struct field fields[] = {FIELD_UINT("size", &out->size, 0, INTEGER_MAX),
                                 FIELD_HEX("root", out->root.b), FIELD_END};
  TRY(field_read_at(seen, fields, "seen", why));
  crypto_hash_sha256(empty.b, NULL, 0);
  if (out->size == 0 && memcmp(&out->root, &empty, sizeof empty) != 0)
    return why_set(why, E_FIELD_VALUE, "seen.root", "must be the root of the empty tree");
  return OK;
}

static enum err point_check(const struct point *p, const char *field, struct why *why)
{
  if (!point_valid(p))
    return why_set(why, E_POINT, field, "is not a canonical ristretto255 point");
  return OK;
}

enum err join_parse(struct join_event *out, const json_t *event, struct why *why)
{
  struct join_event j;
  json_t *seen, *sig;
  const struct field fields[] = {
      PARTICIPANT_FIELDS("join", j.header), FIELD_HEX("ctx", j.header.ctx.b),
      FIELD_HEX("mask_key", j.mask_key.b),  FIELD_HEX("share_key", j.share_key.b),
      FIELD_HEX("self_key", j.self_key.b),  FIELD_END};
  TRY(field_read(event, fields, why));
  TRY(seen_read(&j.header.seen, seen, why));
  TRY(point_check(&j.mask_key, "mask_key", why));
  TRY(point_check(&j.share_key, "share_key", why));
  TRY(point_check(&j.self_key, "self_key", why));
  *out = j;
  return OK;
}

enum err roster_parse(struct roster_event *out, const json_t *event, struct why *why)
{
  struct roster_event r;
  uint64_t n;
  json_t *sig;
  const struct field fields[] = {ROUND_FIELDS("roster", r.header),
                                 FIELD_UINT("n", &n, 3, PARTICIPANTS_MAX),
                                 FIELD_HEX("joins", r.joins.b), FIELD_END};
  TRY(field_read(event, fields, why));
  r.n = (unsigned)n;
  *out = r;
  return OK;
}

enum err graph_parse(struct graph_event *out, const json_t *event, struct why *why)
{
  struct graph_event g = {0};
  uint64_t k, t;
  const char *beacon;
  json_t *block, *sig;
  const struct field fields[] = {ROUND_FIELDS("graph", g.header),
                                 FIELD_HEX("roster", g.roster.b),
                                 FIELD_UINT("k", &k, 1, PARTICIPANTS_MAX),
                                 FIELD_UINT("t", &t, 2, PARTICIPANTS_MAX),
                                 FIELD_ANY("block", &block),
                                 FIELD_STRING("beacon", &beacon, 0, 64),
                                 FIELD_END};
  TRY(field_read(event, fields, why));
  g.k = (unsigned)k;
  g.t = (unsigned)t;
  g.has_block = json_is_integer(block) && json_integer_value(block) >= 0;
  if (!g.has_block && !json_is_null(block))
    return why_set(why, E_FIELD_TYPE, "block", "must be null or a block number");
  g.block = g.has_block ? (uint64_t)json_integer_value(block) : 0;
  if (g.has_block ? hex_decode(g.beacon.b, 32, beacon) != OK : *beacon != 0)
    return why_set(why, E_FIELD_VALUE, "beacon",
                   "must be the hash of the block, or empty");
  *out = g;
  return OK;
}

enum err share_parse(struct share_event *out, const json_t *event, struct why *why)
{
  struct share_event s;
  json_t *seen, *sig;
  const struct field fields[] = {
      PARTICIPANT_FIELDS("share", s.header), FIELD_HEX("ctx", s.header.ctx.b),
      FIELD_HEX("graph", s.graph.b), FIELD_HEX("deals", s.deals.b), FIELD_END};
  TRY(field_read(event, fields, why));
  TRY(seen_read(&s.header.seen, seen, why));
  *out = s;
  return OK;
}

static enum err set_parse_as(struct set_event *out, const char *type,
                             const char *previous, const char *root, const json_t *event,
                             struct why *why)
{
  struct set_event s;
  json_t *sig;
  const struct field fields[] = {
      ROUND_FIELDS(type, s.header), FIELD_HEX(previous, s.previous.b),
      FIELD_STRING("members", &s.members, 2, PARTICIPANTS_MAX / 4),
      FIELD_HEX(root, s.root.b), FIELD_END};
  TRY(field_read(event, fields, why));
  *out = s;
  return OK;
}

enum err sharers_parse(struct set_event *out, const json_t *event, struct why *why)
{
  return set_parse_as(out, "sharers", "graph", "shares", event, why);
}

enum err survivors_parse(struct set_event *out, const json_t *event, struct why *why)
{
  return set_parse_as(out, "survivors", "sharers", "updates", event, why);
}

static enum err missing_read(struct update_event *u, const json_t *list, struct why *why)
{
  u->missing_len = (unsigned)json_array_size(list);
  u->missing = must_calloc(u->missing_len, sizeof *u->missing);
  for (unsigned i = 0; i < u->missing_len; i++) {
    const json_t *v = json_array_get(list, i);
    json_int_t j = json_integer_value(v);
    if (!json_is_integer(v) || j < 0 || j >= PARTICIPANTS_MAX ||
        (i && (uint32_t)j <= u->missing[i - 1]))
      return why_set(why, E_FIELD_VALUE, "missing", "must be roster indices, ascending");
    u->missing[i] = (uint32_t)j;
  }
  return OK;
}

static enum err bad_read(struct update_event *u, const json_t *list, struct why *why)
{
  u->bad_len = (unsigned)json_array_size(list);
  u->bad = must_calloc(u->bad_len, sizeof *u->bad);
  for (unsigned i = 0; i < u->bad_len; i++) {
    struct complaint *c = &u->bad[i];
    uint64_t dealer;
    char at[32];
    snprintf(at, sizeof at, "bad[%u]", i);
    const struct field fields[] = {FIELD_UINT("dealer", &dealer, 0, PARTICIPANTS_MAX - 1),
                                   FIELD_HEX("key", c->key.b),
                                   FIELD_HEX("challenge", c->proof.challenge.b),
                                   FIELD_HEX("response", c->proof.response.b), FIELD_END};
    TRY(field_read_at(json_array_get(list, i), fields, at, why));
    c->dealer = (uint32_t)dealer;
    if (i && c->dealer <= u->bad[i - 1].dealer)
      return why_set(why, E_FIELD_VALUE, at, "dealers must be ascending");
    TRY(point_check(&c->key, at, why));
    if (!scalar_valid(c->proof.challenge.b) || !scalar_valid(c->proof.response.b))
      return why_set(why, E_SCALAR, at, "challenge and response must be canonical");
  }
  for (unsigned i = 0; i < u->missing_len; i++)
    for (unsigned c = 0; c < u->bad_len; c++)
      if (u->missing[i] == u->bad[c].dealer)
        return why_set(why, E_FIELD_VALUE, "bad", "a box is missing or bad, not both");
  return OK;
}

enum err update_parse(struct update_event *out, const json_t *event, struct why *why)
{
  struct update_event u = {0};
  json_t *seen, *sig, *samples, *missing, *bad;
  const struct field fields[] = {
      PARTICIPANT_FIELDS("update", u.header),
      FIELD_HEX("ctx", u.header.ctx.b),
      FIELD_HEX("sharers", u.sharers.b),
      FIELD_UINT("length", &u.length, 2, INTEGER_MAX),
      FIELD_HEX("chunks", u.chunks.b),
      FIELD_ANY("samples", &samples),
      FIELD_ARRAY("missing", &missing, 0, PARTICIPANTS_MAX),
      FIELD_ARRAY("bad", &bad, 0, COMPLAINTS_MAX),
      FIELD_END,
  };
  TRY(field_read(event, fields, why));
  TRY(seen_read(&u.header.seen, seen, why));
  if (!json_is_null(samples)) {
    if (json_integer_value(samples) < 1 || json_integer_value(samples) > INTEGER_MAX)
      return why_set(why, E_FIELD_VALUE, "samples", "must be null or a weight");
    u.samples = (uint64_t)json_integer_value(samples);
  }
  enum err e = missing_read(&u, missing, why);
  if (e == OK)
    e = bad_read(&u, bad, why);
  if (e != OK) {
    update_done(&u);
    return e;
  }
  *out = u;
  return OK;
}

void update_done(struct update_event *u)
{
  free(u->missing);
  free(u->bad);
  u->missing = NULL;
  u->bad = NULL;
  u->missing_len = u->bad_len = 0;
}

bool update_lists(const struct update_event *u, uint32_t j)
{
  for (unsigned i = 0; i < u->missing_len; i++)
    if (u->missing[i] == j)
      return true;
  for (unsigned i = 0; i < u->bad_len; i++)
    if (u->bad[i].dealer == j)
      return true;
  return false;
}

enum err unmask_parse(struct unmask_event *out, const json_t *event, struct why *why)
{
  struct unmask_event u = {0};
  json_t *seen, *sig, *shares;
  const struct field fields[] = {
      PARTICIPANT_FIELDS("unmask", u.header), FIELD_HEX("ctx", u.header.ctx.b),
      FIELD_HEX("survivors", u.survivors.b),
      FIELD_ARRAY("shares", &shares, 0, PARTICIPANTS_MAX), FIELD_END};
  TRY(field_read(event, fields, why));
  TRY(seen_read(&u.header.seen, seen, why));
  u.len = (unsigned)json_array_size(shares);
  u.shares = must_calloc(u.len, sizeof *u.shares);
  u.given = must_calloc(u.len, sizeof *u.given);
  for (unsigned i = 0; i < u.len; i++) {
    const json_t *v = json_array_get(shares, i);
    char at[32];
    snprintf(at, sizeof at, "shares[%u]", i);
    u.given[i] = !json_is_null(v);
    if (u.given[i] && (!json_is_string(v) ||
                       hex_decode(u.shares[i].b, 32, json_string_value(v)) != OK ||
                       !scalar_valid(u.shares[i].b))) {
      unmask_done(&u);
      return why_set(why, E_SCALAR, at, "must be null or a canonical scalar in hex");
    }
  }
  *out = u;
  return OK;
}

void unmask_done(struct unmask_event *u)
{
  if (u->shares)
    sodium_memzero(u->shares, u->len * sizeof *u->shares);
  free(u->shares);
  free(u->given);
  *u = (struct unmask_event){.header = u->header};
}

void deal_leaf(uint8_t leaf[LEAF_BYTES], const uint8_t deal[DEAL_BYTES])
{
  memcpy(leaf, deal, 64);
  crypto_hash_sha256(leaf + 64, deal + 64, DEAL_BYTES - 64);
}
