/* SPDX-License-Identifier: Apache-2.0
 * From the answers of UNMASK to the masks that come off the sum. */
#include "core/unmasking.h"

#include <sodium.h>

/* What was revealed of one secret; room for k. */
struct revelation {
  struct revealed *shares;
  unsigned *places; /* of shares[c].from among the dealer's neighbours */
  unsigned len;
};

void unmasking_init(struct unmasking *u, const struct round *r)
{
  *u = (struct unmasking){.round = r,
                          .answers = must_calloc(r->n, sizeof *u->answers),
                          .wrong = must_calloc(r->n, sizeof *u->wrong)};
}

void unmasking_done(struct unmasking *u)
{
  for (uint32_t i = 0; u->answers && i < u->round->n; i++) {
    unmask_done(&u->answers[i].event);
    free(u->answers[i].near);
  }
  free(u->answers);
  free(u->wrong);
  mask_list_done(&u->masks);
  *u = (struct unmasking){0};
}

enum err unmasking_add(struct unmasking *u, uint32_t i, struct unmask_event *answer)
{
  const struct round *r = u->round;
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  if (i >= r->n || u->answers[i].near ||
      round_neighbours_in(r, i, r->sharers, near) != answer->len)
    return E_ANSWER;
  u->answers[i] = (struct unmask_answer){.event = *answer, .near = STEAL(near)};
  *answer = (struct unmask_event){0};
  return OK;
}

/* i's share of j's secret, if i gave one. */
static const struct secret_scalar *share_of(const struct unmask_answer *a, uint32_t j)
{
  unsigned low = 0, high = a->event.len;
  while (low < high) {
    unsigned middle = low + (high - low) / 2;
    if (a->near[middle] < j)
      low = middle + 1;
    else
      high = middle;
  }
  bool there = low < a->event.len && a->near[low] == j && a->event.given[low];
  return there ? &a->event.shares[low] : NULL;
}

static void gather(struct revelation *v, const struct unmasking *u, uint32_t j)
{
  unsigned k = u->round->graph.p.k;
  AUTO(free_drop) uint32_t *near = must_calloc(k, sizeof *near);
  graph_neighbours(&u->round->graph, j, near);
  v->len = 0;
  for (unsigned c = 0; c < k; c++) {
    const struct secret_scalar *s = share_of(&u->answers[near[c]], j);
    if (!s)
      continue;
    v->places[v->len] = c;
    v->shares[v->len++] = (struct revealed){near[c], *s, false};
  }
}

/* Rebuilds s_j (self) or a_j from what was revealed; notes who sent wrong shares. */
static enum err rebuild(struct secret_scalar *out, struct unmasking *u, uint32_t j,
                        bool self, struct revelation *v, struct commitments dealt)
{
  const struct round *r = u->round;
  const struct member *m = &r->members[j];
  const struct point *expected = self ? &m->self_key : &m->mask_key;
  gather(v, u, j);
  enum err e = mask_rebuild(out, expected, v->shares, v->len, r->graph.p.t, NULL);
  if (e != E_SHARES)
    return e;
  AUTO(free_drop) struct point *points = must_calloc(r->graph.p.k, sizeof *points);
  TRY(dealt.read(dealt.arg, j, self, points));
  for (unsigned c = 0; c < v->len; c++) /* places ascend: nothing needed is overwritten */
    points[c] = points[v->places[c]];
  e = mask_rebuild(out, expected, v->shares, v->len, r->graph.p.t, points);
  for (unsigned c = 0; c < v->len; c++)
    u->wrong[v->shares[c].from] |= v->shares[c].wrong;
  return e;
}

/* Whether a secret of j has to come off the sum. */
static bool needed(const struct round *r, uint32_t j, uint32_t *near)
{
  return set_has(r->survivors, j) ||
         (set_has(r->sharers, j) && round_neighbours_in(r, j, r->survivors, near));
}

static enum err solve(struct unmasking *u, struct revelation *v, struct commitments dealt)
{
  const struct round *r = u->round;
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  struct secret_scalar secret;
  enum err result = OK;
  for (uint32_t j = 0; j < r->n; j++) {
    bool self = set_has(r->survivors, j);
    if (!needed(r, j, near))
      continue;
    enum err e = rebuild(&secret, u, j, self, v, dealt);
    if (e == E_THRESHOLD) { /* go on: all the wrong ones shall be named */
      result = e;
      continue;
    }
    TRY(e);
    e = self ? mask_remove_self(&u->masks, r, &secret)
             : mask_remove_pairs(&u->masks, r, j, &secret);
    sodium_memzero(&secret, sizeof secret);
    TRY(e);
  }
  return result;
}

enum err unmasking_solve(struct unmasking *u, struct commitments dealt)
{
  unsigned k = u->round->graph.p.k;
  struct revelation v = {.shares = must_calloc(k, sizeof *v.shares),
                         .places = must_calloc(k, sizeof *v.places)};
  enum err e = solve(u, &v, dealt);
  sodium_memzero(v.shares, k * sizeof *v.shares);
  free(v.shares);
  free(v.places);
  return e;
}
