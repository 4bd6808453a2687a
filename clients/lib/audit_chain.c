/* SPDX-License-Identifier: Apache-2.0
 * What stands on the chain: the anchors of a round, and what its result pays. */
#include <string.h>

#include "chain/settlement.h"
#include "clients/lib/audit_state.h"
#include "util/field.h"
#include "util/text.h"

/* ---- anchors ---- */

/* What a node says: not there yet is no finding, something else is. */
static enum err judge(struct audit *a, enum event_type t, enum err e,
                      const struct why *inner, struct why *why)
{
  if (e == E_UNANCHORED) {
    report_skip(a->report, CHECK_ANCHORS, "%s %s", inner->field, inner->detail);
    return OK;
  }
  if (e == E_CHEAT_ANCHOR) {
    report_why(a->report, CHECK_ANCHORS, a->one[t]->subject, e, inner);
    return OK;
  }
  if (e == OK)
    report_checked(a->report, CHECK_ANCHORS, 1);
  else if (why)
    *why = *inner;
  return e;
}

/* Of a sparse graph: the roster, and the block after it that draws the graph. */
static enum err check_beacon(struct audit *a, struct why *why)
{
  struct graph_event said;
  struct beacon is;
  struct why inner = {0};
  const struct item *it = a->one[TYPE_GRAPH];
  if (!it || graph_parse(&said, it->event, NULL) != OK || !said.has_block)
    return OK;
  enum err e = chain_view_beacon(a->options->view, a->round, &is, &inner);
  if (e == OK &&
      (is.block != said.block || memcmp(&is.hash, &said.beacon, sizeof is.hash) != 0))
    e = why_set(&inner, E_CHEAT_ANCHOR, "beacon", "is not the hash of block %llu",
                (unsigned long long)is.block);
  return judge(a, TYPE_GRAPH, e, &inner, why);
}

/* An attempt that failed may have failed before it came to this. */
static enum err check_survivors(struct audit *a, struct why *why)
{
  struct why inner = {0};
  if (!a->round->survivors)
    return OK;
  enum err e = chain_view_survivors(a->options->view, a->round, &inner);
  if (e == E_UNANCHORED && a->failed)
    return OK;
  return judge(a, TYPE_SURVIVORS, e, &inner, why);
}

/* What all members earn together. */
static enum err reward_sum(const struct audit *a, struct word *out, struct why *why)
{
  AUTO(free_drop) struct reward *list = NULL;
  unsigned count;
  bool paid;
  *out = (struct word){0};
  TRY(audit_earned(a, &list, &count, &paid));
  for (unsigned i = 0; paid && i < count; i++) {
    struct word w;
    TRY(word_parse(&w, list[i].amount, "amount", why));
    TRY(word_add(out, &w));
  }
  return OK;
}

/* The checkpoint in the anchor is one of this log, and holds the result. */
static enum err check_checkpoint(struct audit *a, struct why *inner)
{
  const struct item *it = a->one[TYPE_RESULT];
  const struct anchor_result *said = &a->anchor.said;
  const struct seen tree = {said->log_size, said->log_root};
  TRY(audit_log_reach(a->log, said->log_size, inner));
  if (!it->in_log || it->leaf >= said->log_size)
    return why_set(inner, E_CHEAT_ANCHOR, "log",
                   "the first %llu leaves do not hold the result",
                   (unsigned long long)said->log_size);
  enum err e = audit_log_root(a->log, &tree, inner);
  return e == E_CHEAT_LOG ? E_CHEAT_ANCHOR : e;
}

/* A result of a later round stands there: this one never can. */
static enum err never(struct audit *a, struct why *inner)
{
  struct chain_model m;
  const struct open_event *o = a->round->open;
  struct chain_view *v = a->options->view;
  enum err e = registry_model(v->rpc, &v->registry, "finalized", o->model, &m, inner);
  if (e == E_NOT_FOUND || (e == OK && m.last_round <= o->round))
    return E_UNANCHORED;
  TRY(e);
  return why_set(inner, E_CHEAT_ANCHOR, "result",
                 "is not on the chain, though that of round %llu is",
                 (unsigned long long)m.last_round);
}

static enum err check_result(struct audit *a, struct why *why)
{
  const struct item *it = a->one[TYPE_RESULT];
  struct why inner = {0};
  struct word reward;
  if (!it)
    return OK;
  enum verdict rewards = report_verdict(a->report, CHECK_REWARDS);
  if (rewards == VERDICT_BROKEN || rewards == VERDICT_NOT_CHECKED || !a->tail) {
    report_skip(a->report, CHECK_ANCHORS,
                "that of the result: \"%s\" does not hold, or was not checked",
                check_name(CHECK_REWARDS));
    return OK;
  }
  TRY(reward_sum(a, &reward, why));
  enum err e = chain_view_result(a->options->view, a->round->open, &it->hash, &reward,
                                 &a->anchor, &inner);
  if (e == OK)
    e = check_checkpoint(a, &inner);
  a->anchored = e == OK;
  if (e == E_UNANCHORED) {
    struct why later = inner;
    e = never(a, &later);
    if (e != E_UNANCHORED)
      inner = later;
  }
  return judge(a, TYPE_RESULT, e, &inner, why);
}

enum err audit_anchors(struct audit *a, struct why *why)
{
  if (!chain_view_needed(a->pin))
    return OK;
  if (!a->options->view) {
    report_skip(a->report, CHECK_ANCHORS, "it needs an Ethereum node of your own: --rpc");
    return OK;
  }
  TRY(check_beacon(a, why));
  TRY(check_survivors(a, why));
  return check_result(a, why);
}

/* ---- what is owed ---- */

struct book {
  char model[SLUG_MAX + 1];
  struct account *accounts;
  unsigned accounts_len;
  struct claimant *claims;
  unsigned claims_len;
  bool astray; /* what some round earned is not known */
};

struct audit_books {
  struct book *all;
  size_t len;
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
  if (b)
    free(b->all);
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

static enum err payout_of(const struct audit *a, const struct identity *id,
                          struct address *out, struct why *why)
{
  const struct item *it = audit_find(a, TYPE_ENROLL, id);
  struct enroll_event e = {0};
  if (it)
    TRY(enroll_parse(&e, it->event, why));
  return payout_address(out, e.payout);
}

/* Puts the rewards of this round on the accounts. */
static enum err earn(const struct audit *a, struct book *b, struct why *why)
{
  AUTO(free_drop) struct reward *list = NULL;
  unsigned count;
  bool paid;
  for (unsigned i = 0; i < b->accounts_len; i++)
    b->accounts[i].reward = (struct word){0};
  TRY(audit_earned(a, &list, &count, &paid));
  for (unsigned i = 0; paid && i < count; i++) {
    struct account *one = account_of(b, &list[i].id);
    TRY(word_parse(&one->reward, list[i].amount, "amount", why));
    TRY(payout_of(a, &list[i].id, &one->payout, why));
  }
  return OK;
}

static enum err settle(struct settlement *out, const struct audit *a, struct book *b,
                       struct why *why)
{
  const struct round *r = a->round;
  AUTO(free_drop) struct address *payouts = must_calloc(r->n, sizeof *payouts);
  AUTO(free_drop) struct voter *voters = must_calloc(r->n, sizeof *voters);
  unsigned voters_len;
  TRY(earn(a, b, why));
  for (unsigned i = 0; i < r->n; i++)
    TRY(payout_of(a, &r->members[i].id, &payouts[i], why));
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

static enum err check_payouts(struct audit *a, struct book *b, struct why *why)
{
  AUTO(settlement_done) struct settlement s = {0};
  if (!b->astray && !earnings_known(a))
    b->astray = true;
  if (b->astray) {
    report_skip(a->report, CHECK_PAYOUTS,
                "what this round or one before it earned is "
                "not known");
    return OK;
  }
  TRY(settle(&s, a, b, why));
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
  }
  if (!books) {
    report_skip(a->report, CHECK_PAYOUTS,
                "it needs --all: what is paid depends on the rounds before");
    return OK;
  }
  return check_payouts(a, book_of(books, o->model), why);
}
