/* SPDX-License-Identifier: Apache-2.0
 * What a round with a result pays. */
#include "chain/settlement.h"

#include <string.h>

#include "util/text.h"

enum err payout_address(struct address *out, const char *payout)
{
  char lower[2 * sizeof out->b + 1] = "";
  if (!payout) {
    *out = (struct address){0};
    return OK;
  }
  if (strlen(payout) != 2 + 2 * sizeof out->b || memcmp(payout, "0x", 2) != 0)
    return E_FIELD_VALUE;
  for (size_t i = 0; i < 2 * sizeof out->b; i++)
    lower[i] = payout[i + 2] >= 'A' && payout[i + 2] <= 'F' ? (char)(payout[i + 2] | 32)
                                                            : payout[i + 2];
  return hex_decode(out->b, sizeof out->b, lower);
}

/* ---- who votes ---- */

enum err settlement_voters(struct voter *out, unsigned *len, const struct round *r,
                           const struct address *payouts, const json_t *named)
{
  unsigned count = 0, next = 0;
  for (uint32_t i = 0; i < r->n; i++) {
    struct named n;
    int order = -1;
    while (next < json_array_size(named)) { /* both ascend by key */
      TRY(named_parse(&n, json_array_get(named, next), "named", NULL));
      order = memcmp(&n.participant, &r->members[i].id, sizeof n.participant);
      if (order >= 0)
        break;
      next++;
    }
    if (set_has(r->survivors, i) && !address_zero(&payouts[i]) && order != 0)
      out[count++] = (struct voter){r->members[i].organisation, payouts[i]};
  }
  *len = count;
  return OK;
}

static int by_organisation(const void *a, const void *b)
{
  const struct voter *x = a, *y = b;
  return memcmp(&x->organisation, &y->organisation, sizeof x->organisation);
}

/* ---- who is paid ---- */

static int by_account(const void *a, const void *b)
{
  const struct payee *x = a, *y = b;
  return memcmp(&x->account, &y->account, sizeof x->account);
}

/* Sorts by address and makes one of several with the same. E_OVERFLOW. */
static enum err merge(struct payee *list, unsigned *len)
{
  unsigned n = 0;
  if (*len)
    qsort(list, *len, sizeof *list, by_account);
  for (unsigned i = 0; i < *len; i++)
    if (n && by_account(&list[n - 1], &list[i]) == 0)
      TRY(word_add(&list[n - 1].amount, &list[i].amount));
    else
      list[n++] = list[i];
  *len = n;
  return OK;
}

/* The accounts after the round, and what leaves them by address, merged. */
static enum err settle(struct settlement *s, const struct settling *in,
                       struct account *accounts, struct payee *left, unsigned *left_len)
{
  bool settles = in->round % in->terms->every == 0;
  struct word threshold;
  *left_len = 0;
  TRY(word_parse(&threshold, in->terms->threshold, "threshold", NULL));
  for (unsigned i = 0; i < in->accounts_len; i++) {
    struct account *a = &accounts[i];
    TRY(word_add(&s->reward, &a->reward));
    TRY(word_add(&a->balance, &a->reward));
    a->settled = (struct word){0};
    if (!settles || address_zero(&a->payout) || word_zero(&a->balance) ||
        word_compare(&a->balance, &threshold) < 0)
      continue;
    left[(*left_len)++] = (struct payee){a->payout, a->balance};
    a->settled = a->balance;
    a->balance = (struct word){0};
  }
  return merge(left, left_len);
}

static void find_batches(const struct settlement *s, struct account *accounts,
                         unsigned len)
{
  for (unsigned i = 0; i < len; i++) {
    struct payee key = {.account = accounts[i].payout};
    if (word_zero(&accounts[i].settled))
      continue;
    const struct payee *p =
        bsearch(&key, s->payees, s->payees_len, sizeof key, by_account);
    accounts[i].batch = (unsigned)(p - s->payees) / PAY_BATCH_MAX;
  }
}

/* The cumulative sums after the round. */
static enum err add_claims(struct settlement *s, const struct settling *in,
                           const struct payee *left, unsigned left_len)
{
  unsigned len = left_len + in->before_len;
  AUTO(free_drop) struct payee *sums = must_calloc(MAX(len, 1u), sizeof *sums);
  AUTO(free_drop) struct claimant *all = must_calloc(MAX(len, 1u), sizeof *all);
  for (unsigned i = 0; i < in->before_len; i++)
    sums[i] = (struct payee){in->before[i].account, in->before[i].cumulative};
  for (unsigned i = 0; i < left_len; i++)
    sums[in->before_len + i] = left[i];
  TRY(merge(sums, &len));
  for (unsigned i = 0; i < len; i++)
    all[i] = (struct claimant){sums[i].account, sums[i].amount};
  claims_make(&s->claims, all, len);
  return OK;
}

/* ---- batches ---- */

static const struct payee *pay_batch(const struct settlement *s, unsigned batch,
                                     unsigned *n)
{
  *n = MIN(s->payees_len - batch * PAY_BATCH_MAX, PAY_BATCH_MAX);
  return s->payees + batch * PAY_BATCH_MAX;
}

static const struct voter *voice_batch(const struct settlement *s, unsigned batch,
                                       unsigned *n)
{
  *n = MIN(s->voters_len - batch * VOICE_BATCH_MAX, VOICE_BATCH_MAX);
  return s->voters + batch * VOICE_BATCH_MAX;
}

static void make_leaves(struct settlement *s)
{
  unsigned n;
  s->pays = (s->payees_len + PAY_BATCH_MAX - 1) / PAY_BATCH_MAX;
  s->voices = (s->voters_len + VOICE_BATCH_MAX - 1) / VOICE_BATCH_MAX;
  s->leaves = must_calloc(MAX(s->pays + s->voices, 1u), sizeof *s->leaves);
  for (unsigned i = 0; i < s->pays; i++) {
    const struct payee *payees = pay_batch(s, i, &n);
    pay_leaf(&s->leaves[i], s->model, s->round, i, payees, n);
  }
  for (unsigned i = 0; i < s->voices; i++) {
    const struct voter *voters = voice_batch(s, i, &n);
    voice_leaf(&s->leaves[s->pays + i], s->model, s->round, i, voters, n);
  }
  tree_make(&s->payouts, s->leaves, s->pays + s->voices);
}

/* A copy of n things, never NULL; list may be when there are none. */
static void *copy_of(const void *list, size_t n, size_t size)
{
  void *copy = must_calloc(MAX(n, 1u), size);
  return n ? memcpy(copy, list, n * size) : copy;
}

static enum err make(struct settlement *s, const struct settling *in,
                     struct account *accounts)
{
  AUTO(free_drop)
  struct payee *left = must_calloc(MAX(in->accounts_len, 1u), sizeof *left);
  unsigned left_len;
  bool push = in->terms->mode == PAYOUT_PUSH;
  TRY(settle(s, in, accounts, left, &left_len));
  TRY(add_claims(s, in, left, push ? 0 : left_len));
  if (push) {
    s->payees = STEAL(left);
    s->payees_len = left_len;
    find_batches(s, accounts, in->accounts_len);
  }
  s->voters = copy_of(in->voters, in->voters_len, sizeof *s->voters);
  s->voters_len = in->voters_len;
  qsort(s->voters, s->voters_len, sizeof *s->voters, by_organisation);
  make_leaves(s);
  return OK;
}

enum err settlement_make(struct settlement *out, const struct settling *in)
{
  struct settlement s = {.round = in->round};
  AUTO(free_drop)
  struct account *accounts = copy_of(in->accounts, in->accounts_len, sizeof *accounts);
  memcpy(s.model, in->model, strnlen(in->model, SLUG_MAX));
  enum err e = make(&s, in, accounts);
  if (e != OK) {
    settlement_done(&s);
    return e;
  }
  if (in->accounts_len)
    memcpy(in->accounts, accounts, in->accounts_len * sizeof *accounts);
  *out = s;
  return OK;
}

void settlement_done(struct settlement *s)
{
  free(s->payees);
  free(s->voters);
  free(s->leaves);
  tree_done(&s->payouts);
  claims_done(&s->claims);
  *s = (struct settlement){0};
}

enum err settlement_pay_call(const struct settlement *s, unsigned batch, struct buf *out)
{
  struct word proof[32];
  unsigned n, len;
  const struct payee *payees = pay_batch(s, batch, &n);
  TRY(tree_proof(&s->payouts, &s->leaves[batch], proof, &len));
  return pay_call(out, s->model, s->round, batch, payees, n, proof, len);
}

enum err settlement_voice_call(const struct settlement *s, unsigned batch,
                               struct buf *out)
{
  struct word proof[32];
  unsigned n, len;
  const struct voter *voters = voice_batch(s, batch, &n);
  TRY(tree_proof(&s->payouts, &s->leaves[s->pays + batch], proof, &len));
  return voice_call(out, s->model, s->round, batch, voters, n, proof, len);
}
