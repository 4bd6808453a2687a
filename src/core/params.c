/* SPDX-License-Identifier: Apache-2.0
 * The exact finder of k and t (docs/protocol.md section 5).
 *
 * Both conditions bound the tail of a hypergeometric distribution from above: "r or more
 * of k draws are corrupt", and "fewer than r of k are alive", that is "more than k-r are
 * not". So both are one sum, over u marked people among k neighbours, of
 * C(marked, u)*C(rest, k-u), walked down from the largest u. Each term follows from the
 * one above it by one multiplication and one exact division by a word. */
#include "core/graph.h"

#include <openssl/bn.h>

#define K_BELOW 514u      /* k < min(n-1, 514) */
#define SMALL 40u         /* complete up to here */
#define COMPLETE_MAX 200u /* complete up to here when no k fits */

struct tail {
  unsigned marked, rest; /* they make n */
  BIGNUM *top;           /* the term with the largest u, for the present k */
};

struct finder {
  unsigned n;
  struct tail corrupt, silent;
  BIGNUM *all;   /* C(n, k) */
  BIGNUM *limit; /* scratch */
  BIGNUM *term, *sum;
  bool ok; /* no call into OpenSSL has failed */
};

static void mul_word(struct finder *f, BIGNUM *x, BN_ULONG w)
{
  f->ok &= BN_mul_word(x, w) == 1;
}

static void div_word(struct finder *f, BIGNUM *x, BN_ULONG w)
{
  f->ok &= BN_div_word(x, w) != (BN_ULONG)-1;
}

/* From k to k+1. C(marked, k) while that is not empty, then C(rest, k-marked). */
static void tail_grow(struct finder *f, struct tail *t, unsigned k)
{
  unsigned from = k < t->marked ? t->marked : t->rest;
  unsigned taken = k < t->marked ? k : k - t->marked;
  mul_word(f, t->top, from - taken);
  div_word(f, t->top, taken + 1);
}

static void grow(struct finder *f, unsigned k)
{
  mul_word(f, f->all, f->n - k);
  div_word(f, f->all, k + 1);
  tail_grow(f, &f->corrupt, k);
  tail_grow(f, &f->silent, k);
}

/* limit = floor(2*C(n,k) / (n^2 * 2^bits)): the largest sum that the rule allows. */
static void set_limit(struct finder *f, unsigned bits)
{
  f->ok &= BN_rshift(f->limit, f->all, (int)bits - 1) == 1;
  div_word(f, f->limit, (BN_ULONG)f->n * f->n);
}

/* The least r >= floor for which the sum over u >= r is within limit; floor >= 1. */
static unsigned tail_least(struct finder *f, const struct tail *t, unsigned k,
                           unsigned floor)
{
  unsigned u = MIN(k, t->marked);
  unsigned last = k > t->rest ? k - t->rest : 0; /* below it the terms are zero */
  f->ok &= BN_copy(f->term, t->top) != NULL;
  BN_zero(f->sum);
  for (; u >= floor && u >= last; u--) {
    f->ok &= BN_add(f->sum, f->sum, f->term) == 1;
    if (!f->ok || BN_cmp(f->sum, f->limit) > 0)
      return u + 1;
    mul_word(f, f->term, (BN_ULONG)u * (t->rest - k + u));
    div_word(f, f->term, (BN_ULONG)(t->marked - u + 1) * (k - u + 1));
  }
  return floor;
}

/* Tries every k; sets t->k and t->t and returns true at the first that fits. */
static bool search(struct finder *f, struct graph_params *p)
{
  for (unsigned k = 0; k + 2 < MIN(f->n - 1, K_BELOW) && f->ok;) {
    grow(f, k++);
    grow(f, k++);
    set_limit(f, 40);
    unsigned r = tail_least(f, &f->corrupt, k, 2);
    if (r > k)
      continue;
    set_limit(f, 20);
    /* fewer than r alive: k-r+1 or more that are not */
    if (tail_least(f, &f->silent, k, k - r + 1) > k - r + 1)
      continue;
    p->k = k;
    p->t = r;
    return f->ok;
  }
  return false;
}

static enum err find_sparse(struct graph_params *p, unsigned corrupt, bool *found)
{
  struct finder f = {.n = p->n, .ok = true};
  BIGNUM **const numbers[] = {&f.corrupt.top, &f.silent.top, &f.all,
                              &f.limit,       &f.term,       &f.sum};
  for (size_t i = 0; i < LENGTH(numbers); i++) {
    *numbers[i] = BN_new();
    f.ok &= *numbers[i] && BN_one(*numbers[i]);
  }
  f.corrupt.marked = corrupt;
  f.corrupt.rest = p->n - corrupt;
  f.silent.marked = p->n - p->alive;
  f.silent.rest = p->alive;
  *found = f.ok && search(&f, p);
  for (size_t i = 0; i < LENGTH(numbers); i++)
    BN_free(*numbers[i]);
  return f.ok ? OK : E_INTERNAL;
}

enum err graph_params_find(struct graph_params *out, unsigned n, unsigned corrupt_bp,
                           unsigned dropout_bp, bool anchored)
{
  if (n < 3 || n > PARTICIPANTS_MAX)
    return E_LENGTH;
  if (corrupt_bp > 9000 || dropout_bp > 9000 || corrupt_bp + dropout_bp > 9000)
    return E_FIELD_VALUE;
  unsigned silent = n * dropout_bp / 10000;
  struct graph_params p = {.n = n, .alive = n - silent, .anchored = anchored};
  bool found = false;
  if (n > SMALL && anchored && silent >= 1) {
    TRY(find_sparse(&p, n * corrupt_bp / 10000, &found));
    if (!found && n > COMPLETE_MAX)
      return E_THRESHOLD;
  }
  if (!found) {
    p.complete = true;
    p.k = n - 1;
    p.t = MAX(2u, (anchored ? p.k / 2 : 2 * p.k / 3) + 1);
  }
  *out = p;
  return OK;
}
