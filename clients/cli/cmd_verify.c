/* SPDX-License-Identifier: Apache-2.0
 * chorus verify: a round, or all of them, recomputed from what is public. */
#include <string.h>

#include "clients/cli/auditor.h"
#include "util/text.h"

/* With --all, what is not shown is counted, and the rest is checked. */
static enum err verify_one(struct auditor *a, const struct past_round *r, bool brief,
                           struct why *why)
{
  struct why inner = {0};
  enum err e = auditor_round(a, &r->ctx, r->events, brief, &inner);
  if (e == E_NOT_FOUND && a->cli->o.all) {
    auditor_hidden(a, r);
    return OK;
  }
  if (e != OK)
    *why = inner;
  return e;
}

static enum err verify_list(struct auditor *a, const struct history *h, bool brief,
                            struct why *why)
{
  for (size_t i = 0; i < h->len; i++)
    if (h->rounds[i].ended)
      TRY(verify_one(a, &h->rounds[i], brief, why));
  return OK;
}

static enum err verify_all(struct auditor *a, struct why *why)
{
  AUTO(report_done) struct report r;
  AUTO(history_done) struct history h = {0};
  report_init(&r);
  a->options.books = audit_books_new(); /* auditor_done frees them */
  TRY(audit_history(&r, &h, a->log, &a->options, why));
  TRY(auditor_say(a, &r, false, why));
  return verify_list(a, &h, true, why);
}

static enum err verify_model(struct auditor *a, const char *model, struct why *why)
{
  AUTO(history_done) struct history h = {0};
  const struct options *o = &a->cli->o;
  bool every = o->archive && !o->round;
  TRY(auditor_rounds(a, model, o->round, !every && !o->round, &h, why));
  return verify_list(a, &h, every, why);
}

static enum err verify(struct auditor *a, const char *word, const struct digest *ctx,
                       struct why *why)
{
  TRY(auditor_open_log(a, why));
  if (a->cli->o.all)
    TRY(verify_all(a, why));
  else if (ctx)
    TRY(auditor_round(a, ctx, 0, false, why));
  else
    TRY(verify_model(a, word, why));
  return auditor_conclude(a, why);
}

/* What is meant: a model, or (*ctx) one attempt. */
static enum err read_word(const struct cli *c, struct digest *ctx, bool *round,
                          struct why *why)
{
  const char *word = c->o.words[0];
  *round = word && hex_decode(ctx->b, sizeof ctx->b, word) == OK;
  if (c->o.all && (word || c->o.round || c->o.archive))
    return why_set(why, E_USAGE, "--all", "is the whole log: no round can be named");
  if (!c->o.all && !word && !c->o.archive)
    return why_set(why, E_USAGE, "MODEL-or-ROUND", "is missing: chorus verify --help");
  if (word && !*round && !slug_valid(word))
    return why_set(why, E_USAGE, word, "is neither a model nor a round");
  if (c->o.round && *round)
    return why_set(why, E_USAGE, "--round", "goes with a model");
  return OK;
}

enum err cmd_verify(struct cli *c, struct why *why)
{
  AUTO(auditor_done) struct auditor a = {0};
  struct digest ctx;
  bool round;
  char model[SLUG_MAX + 1];
  const char *word = c->o.words[0];
  TRY(read_word(c, &ctx, &round, why));
  if (c->o.archive) {
    TRY(auditor_unpack(&a, c, c->o.archive, model, why));
    if (!word)
      word = model;
  } else {
    TRY(auditor_connect(&a, c, round ? NULL : word, false, why));
  }
  return verify(&a, word, round ? &ctx : NULL, why);
}
