/* SPDX-License-Identifier: Apache-2.0
 * What each model owes, recomputed from rewards and payout addresses, and whether the
 * results on the chain pay just that. docs/chain.md section 4. */
#include <string.h>

#include "chain/settlement.h"
#include "clients/lib/audit_state.h"
#include "util/field.h"
#include "util/text.h"

struct book {
  char model[SLUG_MAX + 1];
  struct account *accounts;
  unsigned accounts_len;
  struct claimant *claims;
  unsigned claims_len;
  bool astray; /* what some round earned is not known */
};

/* From this leaf on the participant is paid there. */
struct adopted {
  struct identity id;
  struct address payout; /* zero: nowhere */
  uint64_t leaf;
};

struct audit_books {
  struct book *all;
  size_t len;
  struct adopted *adopted; /* by leaf */
  size_t adopted_len;
};

struct audit_books *audit_books_new(void)
{
  return must_calloc(1, sizeof(struct audit_books));
}

void audit_books_free(struct audit_books *b)
{
  for (size_t i = 0; b && i < b->len; i++) {
    free(b->all[i].accounts);
    free(b->all[i].claims);
  }
  if (b) {
    free(b->all);
    free(b->adopted);
  }
  free(b);
}

static void drop_books(struct audit_books **b)
{
  audit_books_free(*b);
}

static struct book *book_of(struct audit_books *b, const char *model)
{
  for (size_t i = 0; i < b->len; i++)
    if (strcmp(b->all[i].model, model) == 0)
      return &b->all[i];
  b->all = must_realloc(b->all, b->len + 1, sizeof *b->all);
  struct book *one = &b->all[b->len++];
  *one = (struct book){0};
  snprintf(one->model, sizeof one->model, "%s", model);
  return one;
}

static struct account *account_of(struct book *b, const struct identity *id)
{
  for (unsigned i = 0; i < b->accounts_len; i++)
    if (memcmp(&b->accounts[i].id, id, sizeof *id) == 0)
      return &b->accounts[i];
  b->accounts = must_realloc(b->accounts, b->accounts_len + 1, sizeof *b->accounts);
  struct account *one = &b->accounts[b->accounts_len++];
  *one = (struct account){.id = *id};
  return one;
}

/* ---- where somebody is paid ---- */

enum err audit_books_adopt(struct audit_books *b, const struct identity *id,
                           const char *payout, uint64_t leaf)
{
  b->adopted = must_realloc(b->adopted, b->adopted_len + 1, sizeof *b->adopted);
  struct adopted *one = &b->adopted[b->adopted_len++];
  *one = (struct adopted){.id = *id, .leaf = leaf};
  return payout_address(&one->payout, payout);
}

/* What the transcript tells of its members: all there is before the first result. */
static enum err adopt_members(struct audit_books *b, const struct audit *a,
                              struct why *why)
{
  for (size_t i = 0; i < a->len; i++) {
    struct payout_event p;
    const struct item *it = &a->items[i];
    const struct item *change = audit_find(a, TYPE_PAYOUT, &it->header.participant);
    if (it->type != TYPE_ADOPT || !change)
      continue;
    TRY(payout_parse(&p, change->event, why));
    TRY(audit_books_adopt(b, &it->header.participant, p.payout, it->leaf));
  }
  return OK;
}

/* The address that counted when the result was made; *out stays when none was adopted. */
static void adopted_of(const struct audit *a, const struct audit_books *b,
                       const struct identity *id, struct address *out)
{
  const struct item *result = a->one[TYPE_RESULT];
  for (size_t i = b->adopted_len; i-- > 0;) {
    const struct adopted *one = &b->adopted[i];
    if ((result->in_log && one->leaf > result->leaf) ||
        memcmp(&one->id, id, sizeof *id) != 0)
      continue;
    *out = one->payout;
    return;
  }
}

static enum err payout_of(const struct audit *a, const struct audit_books *b,
                          const struct identity *id, struct address *out, struct why *why)
{
  const struct item *it = audit_find(a, TYPE_ENROLL, id);
  struct enroll_event e = {0};
  if (it)
    TRY(enroll_parse(&e, it->event, why));
  TRY(payout_address(out, e.payout));
  adopted_of(a, b, id, out);
  return OK;
}

/* ---- one round ---- */

/* Puts the rewards of this round on the accounts. */
static enum err earn(const struct audit *a, const struct audit_books *books,
                     struct book *b, struct why *why)
{
  AUTO(free_drop) struct reward *list = NULL;
  unsigned count;
  bool paid;
  for (unsigned i = 0; i < b->accounts_len; i++) {
    b->accounts[i].reward = (struct word){0};
    adopted_of(a, books, &b->accounts[i].id, &b->accounts[i].payout);
  }
  TRY(audit_earned(a, &list, &count, &paid));
  for (unsigned i = 0; paid && i < count; i++) {
    struct account *one = account_of(b, &list[i].id);
    TRY(word_parse(&one->reward, list[i].amount, "amount", why));
    TRY(payout_of(a, books, &list[i].id, &one->payout, why));
  }
  return OK;
}

static enum err settle(struct settlement *out, const struct audit *a,
                       const struct audit_books *books, struct book *b, struct why *why)
{
  const struct round *r = a->round;
  AUTO(free_drop) struct address *payouts = must_calloc(r->n, sizeof *payouts);
  AUTO(free_drop) struct voter *voters = must_calloc(r->n, sizeof *voters);
  unsigned voters_len;
  TRY(earn(a, books, b, why));
  for (unsigned i = 0; i < r->n; i++)
    TRY(payout_of(a, books, &r->members[i].id, &payouts[i], why));
  TRY(settlement_voters(voters, &voters_len, r, payouts, a->result.named));
  const struct settling in = {.model = r->open->model,
                              .round = r->open->round,
                              .terms = &a->spec->payout,
                              .accounts = b->accounts,
                              .accounts_len = b->accounts_len,
                              .before = b->claims,
                              .before_len = b->claims_len,
                              .voters = voters,
                              .voters_len = voters_len};
  TRY(settlement_make(out, &in));
  free(b->claims);
  b->claims_len = out->claims.len;
  b->claims = must_calloc(MAX(b->claims_len, 1u), sizeof *b->claims);
  if (b->claims_len)
    memcpy(b->claims, out->claims.all, b->claims_len * sizeof *b->claims);
  return OK;
}

static void compare_root(struct audit *a, const char *what, const struct tree *tree,
                         const struct word *anchored)
{
  struct word root;
  char there[65], due[65];
  tree_root(tree, &root);
  report_checked(a->report, CHECK_PAYOUTS, tree->n);
  if (word_compare(&root, anchored) != 0)
    report_found(a->report, CHECK_PAYOUTS, a->one[TYPE_RESULT]->subject,
                 "%s: the chain holds the root %s, the rewards give %s", what,
                 hex_encode(there, anchored->b, 32), hex_encode(due, root.b, 32));
}

/* Whether what the round earned is known: the books need it. */
static bool earnings_known(const struct audit *a)
{
  static const enum check needed[] = {CHECK_REWARDS, CHECK_SPEC};
  for (unsigned i = 0; i < LENGTH(needed); i++) {
    enum verdict v = report_verdict(a->report, needed[i]);
    if (v == VERDICT_BROKEN || v == VERDICT_NOT_CHECKED)
      return false;
  }
  return a->tail && a->spec && a->round->survivors;
}

static enum err check_payouts(struct audit *a, struct audit_books *books, struct why *why)
{
  struct book *b = book_of(books, a->round->open->model);
  AUTO(settlement_done) struct settlement s = {0};
  if (!b->astray && !earnings_known(a))
    b->astray = true;
  if (b->astray) {
    report_skip(a->report, CHECK_PAYOUTS,
                "what this round or one before it earned is "
                "not known");
    return OK;
  }
  TRY(settle(&s, a, books, b, why));
  if (!a->anchored)
    report_skip(a->report, CHECK_PAYOUTS,
                a->options->view ? "the result is not on the chain as it must be"
                                 : "it needs an Ethereum node of your own: --rpc");
  else if (a->anchor.revoked)
    report_skip(a->report, CHECK_PAYOUTS,
                "the result was revoked by a vote: it pays nothing more");
  if (!a->anchored || a->anchor.revoked)
    return OK;
  compare_root(a, "payouts", &s.payouts, &a->anchor.said.payouts);
  compare_root(a, "claims", &s.claims.tree, &a->anchor.said.claims);
  return OK;
}

enum err audit_payouts(struct audit *a, struct why *why)
{
  const struct open_event *o = a->round->open;
  struct audit_books *books = a->options->books;
  AUTO(drop_books) struct audit_books *own = NULL;
  if (!chain_view_needed(a->pin))
    return OK;
  if (!books && o->source == BASE_INIT) { /* nothing was earned before */
    own = audit_books_new();
    books = own;
    TRY(adopt_members(own, a, why));
  }
  if (!books) {
    report_skip(a->report, CHECK_PAYOUTS,
                "it needs --all: what is paid depends on the rounds before");
    return OK;
  }
  return check_payouts(a, books, why);
}
