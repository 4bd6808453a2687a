/* SPDX-License-Identifier: Apache-2.0
 * What a round pays, and to whom. */
#include "core/reward.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "core/merkle.h"
#include "core/round.h"
#include "util/field.h"

enum err reward_terms_read(struct reward_terms *out, const json_t *reward,
                           struct why *why)
{
  static const char *const names[] = {
      [REWARD_NONE] = "none", [REWARD_EQUAL] = "equal", [REWARD_SAMPLES] = "samples"};
  const char *scheme, *budget;
  const struct field fields[] = {FIELD_STRING("scheme", &scheme, 1, 16),
                                 FIELD_STRING("budget", &budget, 1, REWARD_DIGITS),
                                 FIELD_END};
  TRY(field_read_at(reward, fields, "reward", why));
  unsigned s = 0;
  while (s < LENGTH(names) && strcmp(scheme, names[s]) != 0)
    s++;
  if (s == LENGTH(names))
    return why_set(why, E_FIELD_VALUE, "reward.scheme",
                   "must be \"none\", \"equal\" or \"samples\"");
  size_t digits = strspn(budget, "0123456789");
  if (budget[digits] || (digits > 1 && budget[0] == '0'))
    return why_set(why, E_FIELD_VALUE, "reward.budget",
                   "must be a whole number written as a string, such as \"0\"");
  *out = (struct reward_terms){(enum reward_scheme)s, budget};
  return OK;
}

/* ---- amounts ---- */

/* floor(budget * part / whole) as decimal text. */
static enum err share(char out[REWARD_DIGITS + 1], const BIGNUM *budget, uint64_t part,
                      uint64_t whole)
{
  BIGNUM *n = BN_dup(budget);
  char *text = NULL;
  bool done = n && BN_mul_word(n, part) && BN_div_word(n, whole) != (BN_ULONG)-1 &&
              (text = BN_bn2dec(n)) && strlen(text) <= REWARD_DIGITS;
  if (done)
    snprintf(out, REWARD_DIGITS + 1, "%s", text);
  OPENSSL_free(text);
  BN_free(n);
  return done ? OK : E_INTERNAL;
}

static bool samples_sum_to(const struct reward *members, unsigned count, uint64_t total)
{
  unsigned __int128 sum = 0;
  for (unsigned i = 0; i < count; i++)
    sum += members[i].samples;
  return sum == total && total > 0;
}

static enum err fill(struct reward *members, unsigned count, const BIGNUM *budget,
                     bool equal, uint64_t total)
{
  for (unsigned i = 0; i < count; i++) {
    struct reward *m = &members[i];
    if (m->named)
      memcpy(m->amount, "0", 2);
    else if (equal)
      TRY(share(m->amount, budget, 1, count));
    else
      TRY(share(m->amount, budget, m->samples, total));
  }
  return OK;
}

enum err reward_amounts(struct reward *members, unsigned count,
                        const struct reward_terms *terms, uint64_t total, bool *paid)
{
  bool equal = terms->scheme == REWARD_EQUAL;
  BIGNUM *budget = NULL;
  if (!count)
    return E_LENGTH;
  if (terms->scheme == REWARD_NONE ||
      (terms->scheme == REWARD_SAMPLES && !samples_sum_to(members, count, total))) {
    *paid = false;
    return OK;
  }
  enum err e = BN_dec2bn(&budget, terms->budget) ? OK : E_INTERNAL;
  if (e == OK)
    e = fill(members, count, budget, equal, total);
  BN_free(budget);
  if (e == OK)
    *paid = true;
  return e;
}

enum err reward_round(struct reward *out, const struct round *r, const uint64_t *samples,
                      uint64_t total, const json_t *named, bool *paid)
{
  unsigned count = 0, next = 0;
  for (uint32_t i = 0; i < r->n; i++)
    if (set_has(r->survivors, i))
      out[count++] = (struct reward){.id = r->members[i].id, .samples = samples[i]};
  for (size_t i = 0; i < json_array_size(named); i++) { /* both ascend */
    struct named n;
    TRY(named_parse(&n, json_array_get(named, i), "named", NULL));
    while (next < count && memcmp(&out[next].id, &n.participant, 32) < 0)
      next++;
    if (next < count)
      out[next].named = memcmp(&out[next].id, &n.participant, 32) == 0;
  }
  return reward_amounts(out, count, &r->open->reward, total, paid);
}

/* ---- leaves ---- */

enum err reward_leaf(struct buf *out, const struct reward *member)
{
  AUTO(json_drop)
  json_t *leaf = json_pack("{s:s,s:o}", "amount", member->amount, "participant",
                           json_hex(member->id.b, sizeof member->id.b));
  return event_canonical(out, leaf, true);
}

enum err reward_root(struct digest *out, const struct reward *members, unsigned count)
{
  struct merkle tree = {0};
  for (unsigned i = 0; i < count; i++) {
    AUTO(buf_done) struct buf leaf = {0};
    TRY(reward_leaf(&leaf, &members[i]));
    merkle_add(&tree, buf_bytes(&leaf));
  }
  merkle_root(out, &tree);
  return OK;
}
