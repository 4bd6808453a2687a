/* SPDX-License-Identifier: Apache-2.0
 * The bounds of a sum, in exact integers. docs/protocol.md section 9. */
#include <openssl/bn.h>
#include <string.h>

#include "core/round.h"
#include "util/text.h"

void sum_check_add(struct sum_check *c, const int64_t *sums, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    uint64_t size = sums[i] < 0 ? 0 - (uint64_t)sums[i] : (uint64_t)sums[i];
    unsigned __int128 square = (unsigned __int128)size * size;
    c->largest = MAX(c->largest, size);
    unsigned __int128 carry = (unsigned __int128)c->squares[0] + (uint64_t)square;
    c->squares[0] = (uint64_t)carry;
    carry = (carry >> 64) + c->squares[1] + (uint64_t)(square >> 64);
    c->squares[1] = (uint64_t)carry;
    for (unsigned limb = 2; limb < 4; limb++) {
      carry = (carry >> 64) + c->squares[limb];
      c->squares[limb] = (uint64_t)carry;
    }
  }
}

static uint64_t ceil_sqrt(uint64_t d)
{
  uint64_t low = 0, high = (uint64_t)1 << 32;
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if ((unsigned __int128)middle * middle >= d)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* Both decimals over the same power of ten: clip = C/10^e, range = R/10^e. */
static enum err common_fractions(int64_t *clip, int64_t *range,
                                 const struct open_event *o)
{
  unsigned e_clip, e_range;
  TRY(decimal_exact(clip, &e_clip, o->clip));
  TRY(decimal_exact(range, &e_range, o->range));
  for (; e_clip < e_range; e_clip++)
    if (__builtin_mul_overflow(*clip, (int64_t)10, clip))
      return E_OVERFLOW;
  for (; e_range < e_clip; e_range++)
    if (__builtin_mul_overflow(*range, (int64_t)10, range))
      return E_OVERFLOW;
  return OK;
}

static bool bn_word_mul(BIGNUM *n, uint64_t by)
{
  return BN_mul_word(n, by) == 1;
}

/* Whether squares * R^2 <= weight^2 * (C*Q + R*ceil(sqrt d))^2. */
static enum err norm_fits(bool *fits, const struct sum_check *c,
                          const struct open_event *o, uint64_t weight)
{
  int64_t clip, range;
  TRY(common_fractions(&clip, &range, o));
  uint8_t limbs[32];
  memcpy(limbs, c->squares, sizeof limbs);
  BN_CTX *ctx = BN_CTX_new();
  BIGNUM *left = BN_lebin2bn(limbs, sizeof limbs, NULL);
  BIGNUM *right = BN_new(), *part = BN_new();
  bool done = ctx && left && right && part && bn_word_mul(left, (uint64_t)range) &&
              bn_word_mul(left, (uint64_t)range) && BN_set_word(right, (uint64_t)clip) &&
              bn_word_mul(right, (uint64_t)quantiser_max(&o->quantiser)) &&
              BN_set_word(part, (uint64_t)range) && bn_word_mul(part, ceil_sqrt(o->d)) &&
              BN_add(right, right, part) && bn_word_mul(right, weight) &&
              BN_sqr(right, right, ctx);
  if (done)
    *fits = BN_cmp(left, right) <= 0;
  BN_free(left);
  BN_free(right);
  BN_free(part);
  BN_CTX_free(ctx);
  return done ? OK : E_INTERNAL;
}

static int64_t tail_find(const struct open_event *o, const int64_t *tail,
                         enum tail_kind kind, const char *name)
{
  for (unsigned i = 0; i < o->tail_len; i++)
    if (o->tail[i].kind == kind && strcmp(o->tail[i].name, name) == 0)
      return tail[i];
  return -1; /* not in the tail: sums are never negative here */
}

/* 0 <= correct <= evaluated; the confusion counts of a group sum to its evaluated. */
static enum err tail_identities(const struct open_event *o, const int64_t *tail,
                                struct why *why)
{
  for (unsigned i = 0; i < o->tail_len; i++) {
    const char *name = o->tail[i].name;
    if (o->tail[i].kind != TAIL_EVALUATED)
      continue;
    int64_t correct = tail_find(o, tail, TAIL_CORRECT, name);
    if (correct > tail[i])
      return why_set(why, E_SUM, "totals", "more correct than evaluated");
    __int128 cells = 0;
    bool whole = true;
    for (int k = TAIL_TRUE_POSITIVE; k <= TAIL_FALSE_NEGATIVE; k++) {
      int64_t cell = tail_find(o, tail, (enum tail_kind)k, name);
      whole = whole && cell >= 0;
      cells += cell;
    }
    if (whole && cells != tail[i])
      return why_set(why, E_SUM, "totals",
                     "the confusion counts of \"%s\" do not sum to its evaluated", name);
  }
  return OK;
}

enum err sum_check_finish(const struct sum_check *c, const struct open_event *o,
                          const int64_t *tail, unsigned count, struct why *why)
{
  for (unsigned i = 0; i < o->tail_len; i++)
    if (tail[i] < 0 ||
        (unsigned __int128)tail[i] > (unsigned __int128)o->tail[i].max * count)
      return why_set(why, E_SUM, "totals", "the sum of %s is outside 0 to %u x maximum",
                     tail_kind_names[o->tail[i].kind], count);
  uint64_t weight = (uint64_t)tail[0];
  if (weight < count)
    return why_set(why, E_SUM, "totals", "the weights sum to less than one each");
  if (c->largest > (unsigned __int128)weight * (uint64_t)quantiser_max(&o->quantiser))
    return why_set(why, E_SUM, "sum",
                   "a coordinate exceeds what honest updates can sum to");
  bool fits = false;
  TRY(norm_fits(&fits, c, o, weight));
  if (!fits)
    return why_set(why, E_SUM, "sum",
                   "its length exceeds what clipped updates can sum to");
  return tail_identities(o, tail, why);
}
