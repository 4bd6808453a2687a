/* SPDX-License-Identifier: Apache-2.0
 * Masks as lists of keys with signs, and rebuilding the secrets behind them. */
#include "core/mask.h"

#include <sodium.h>
#include <string.h>

#include "core/group.h"
#include "core/kdf.h"
#include "core/pvss.h"
#include "core/shamir.h"

/* Masks are applied piece by piece, so that the vector's piece stays in the cache while
 * every key passes over it. Divisible by every width. */
#define PIECE_BYTES 122880u

void mask_list_done(struct mask_list *l)
{
  if (l->masks)
    sodium_memzero(l->masks, l->cap * sizeof *l->masks);
  free(l->masks);
  *l = (struct mask_list){0};
}

/* Room for one more. Growing copies by hand so that the old place can be wiped. */
static struct mask *list_more(struct mask_list *l)
{
  if (l->len == l->cap) {
    size_t cap = l->cap ? l->cap * 2 : 64;
    struct mask *grown = must_calloc(cap, sizeof *grown);
    if (l->len)
      memcpy(grown, l->masks, l->len * sizeof *grown);
    size_t len = l->len;
    mask_list_done(l);
    *l = (struct mask_list){grown, len, cap};
  }
  return &l->masks[l->len++];
}

static void add_self(struct mask_list *out, const struct round *r,
                     const struct secret_scalar *s, enum ring_sign sign)
{
  struct mask *m = list_more(out);
  kdf_self(&m->key, &r->open->ctx, s, &r->sharers_hash);
  m->sign = (uint8_t)sign;
}

/* The mask between i, whose secret a is known, and j. */
static enum err add_pair(struct mask_list *out, const struct round *r, uint32_t i,
                         uint32_t j, const struct secret_scalar *a, enum ring_sign sign)
{
  struct point shared;
  TRY(point_mul(&shared, a, &r->members[j].mask_key));
  struct mask *m = list_more(out);
  kdf_pair(&m->key, &r->open->ctx, &shared, i, j, &r->sharers_hash);
  m->sign = (uint8_t)sign;
  sodium_memzero(&shared, sizeof shared);
  return OK;
}

enum err mask_own(struct mask_list *out, const struct round *r, uint32_t i,
                  const struct secret_scalar *a, const struct secret_scalar *s)
{
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  unsigned len = round_neighbours_in(r, i, r->sharers, near);
  add_self(out, r, s, RING_ADD);
  for (unsigned c = 0; c < len; c++)
    TRY(add_pair(out, r, i, near[c], a, near[c] > i ? RING_ADD : RING_SUB));
  return OK;
}

enum err mask_remove_self(struct mask_list *out, const struct round *r,
                          const struct secret_scalar *s)
{
  add_self(out, r, s, RING_SUB);
  return OK;
}

enum err mask_remove_pairs(struct mask_list *out, const struct round *r, uint32_t j,
                           const struct secret_scalar *a)
{
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  unsigned len = round_neighbours_in(r, j, r->survivors, near);
  for (unsigned c = 0; c < len; c++) /* i added for j > i, so it comes off */
    TRY(add_pair(out, r, j, near[c], a, j > near[c] ? RING_SUB : RING_ADD));
  return OK;
}

enum err mask_apply(struct ring acc, uint64_t first, const struct mask_list *l)
{
  size_t piece = PIECE_BYTES / (acc.bits / 8);
  for (size_t at = 0; at < acc.len; at += piece) {
    struct ring part = {acc.data + ring_bytes(acc.bits, at), MIN(piece, acc.len - at),
                        acc.bits};
    for (size_t m = 0; m < l->len; m++)
      TRY(ring_keystream(part, first + at, &l->masks[m].key,
                         (enum ring_sign)l->masks[m].sign));
  }
  return OK;
}

/* Rebuilds from the first t shares not flagged wrong. */
static enum err rebuild(struct secret_scalar *out, const struct revealed *shares,
                        unsigned m, unsigned t)
{
  struct secret_scalar *use = must_calloc(t, sizeof *use);
  uint32_t *xs = must_calloc(t, sizeof *xs);
  unsigned have = 0;
  for (unsigned c = 0; c < m && have < t; c++)
    if (!shares[c].wrong) {
      use[have] = shares[c].share;
      xs[have++] = shares[c].from + 1;
    }
  enum err e = have < t ? E_THRESHOLD : shamir_recover(out, use, xs, t);
  sodium_memzero(use, t * sizeof *use);
  free(use);
  free(xs);
  return e;
}

static bool fits(const struct secret_scalar *secret, const struct point *expected)
{
  struct point p;
  return point_mul_base(&p, secret) == OK && sodium_memcmp(&p, expected, sizeof p) == 0;
}

enum err mask_rebuild(struct secret_scalar *out, const struct point *expected,
                      struct revealed *shares, unsigned m, unsigned t,
                      const struct point *commitments)
{
  struct secret_scalar secret;
  TRY(rebuild(&secret, shares, m, t));
  if (!fits(&secret, expected)) {
    if (!commitments)
      return E_SHARES;
    for (unsigned c = 0; c < m; c++)
      shares[c].wrong = pvss_check_share(&shares[c].share, &commitments[c]) != OK;
    TRY(rebuild(&secret, shares, m, t));
    if (!fits(&secret, expected)) /* the commitments were checked when they were dealt */
      return E_INTERNAL;
  }
  *out = secret;
  sodium_memzero(&secret, sizeof secret);
  return OK;
}
