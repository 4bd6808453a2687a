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

/* ---- terms ---- */

/* A scheme divides the budget: a member gets floor(budget * part / whole). Another one
 * (by scores, say) is one more row; `whole` false: this round nobody is paid. */
static bool whole_equal(const struct reward *members, unsigned count, uint64_t total,
                        uint64_t *whole)
{
  *whole = count;
  return true;
}

static uint64_t part_equal(const struct reward *member)
{
  return 1;
}

static bool whole_samples(const struct reward *members, unsigned count, uint64_t total,
                          uint64_t *whole)
{
  unsigned __int128 sum = 0;
  for (unsigned i = 0; i < count; i++)
    sum += members[i].samples;
  *whole = total;
  return sum == total && total > 0;
}

static uint64_t part_samples(const struct reward *member)
{
  return member->samples;
}

static const struct scheme {
  const char *name;
  bool (*whole)(const struct reward *members, unsigned count, uint64_t total,
                uint64_t *whole);
  uint64_t (*part)(const struct reward *member);
} schemes[] = {
    [REWARD_NONE] = {"none", NULL, NULL},
    [REWARD_EQUAL] = {"equal", whole_equal, part_equal},
    [REWARD_SAMPLES] = {"samples", whole_samples, part_samples},
};

static enum err check_amount(const char *text, const char *path, struct why *why)
{
  size_t digits = strspn(text, "0123456789");
  if (text[digits] || (digits > 1 && text[0] == '0'))
    return why_set(why, E_FIELD_VALUE, path,
                   "must be a whole number written as a string, such as \"0\"");
  return OK;
}

enum err reward_terms_read(struct reward_terms *out, const json_t *reward,
                           struct why *why)
{
  const char *scheme, *budget;
  const struct field fields[] = {FIELD_STRING("scheme", &scheme, 1, 16),
                                 FIELD_STRING("budget", &budget, 1, REWARD_DIGITS),
                                 FIELD_END};
  TRY(field_read_at(reward, fields, "reward", why));
  unsigned s = 0;
  while (s < LENGTH(schemes) && strcmp(scheme, schemes[s].name) != 0)
    s++;
  if (s == LENGTH(schemes))
    return why_set(why, E_FIELD_VALUE, "reward.scheme",
                   "must be \"none\", \"equal\" or \"samples\"");
  TRY(check_amount(budget, "reward.budget", why));
  *out = (struct reward_terms){(enum reward_scheme)s, budget};
  return OK;
}

enum err payout_terms_read(struct payout_terms *out, const json_t *payout,
                           struct why *why)
{
  struct payout_terms t = {PAYOUT_PUSH, "0", 1};
  const char *mode = "push";
  const struct field fields[] = {
      FIELD_STRING("mode", &mode, 1, 16),
      FIELD_STRING("threshold", &t.threshold, 1, AMOUNT_DIGITS),
      FIELD_UINT("every", &t.every, 1, PAYOUT_EVERY_MAX), FIELD_END};
  if (payout)
    TRY(field_read_at(payout, fields, "reward.payout", why));
  if (strcmp(mode, "claim") == 0)
    t.mode = PAYOUT_CLAIM;
  else if (strcmp(mode, "push") != 0)
    return why_set(why, E_FIELD_VALUE, "reward.payout.mode",
                   "must be \"push\" or \"claim\"");
  TRY(check_amount(t.threshold, "reward.payout.threshold", why));
  *out = t;
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

enum err reward_amounts(struct reward *members, unsigned count,
                        const struct reward_terms *terms, uint64_t total, bool *paid)
{
  const struct scheme *scheme = &schemes[terms->scheme];
  BIGNUM *budget = NULL;
  uint64_t whole;
  if (!count)
    return E_LENGTH;
  if (!scheme->whole || !scheme->whole(members, count, total, &whole)) {
    *paid = false;
    return OK;
  }
  enum err e = BN_dec2bn(&budget, terms->budget) ? OK : E_INTERNAL;
  for (unsigned i = 0; i < count && e == OK; i++) {
    struct reward *m = &members[i];
    e = share(m->amount, budget, m->named ? 0 : scheme->part(m), whole);
  }
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
