/* SPDX-License-Identifier: Apache-2.0
 * What the registry said of a model when the payer last read it, and whether a
 * description may be opened under it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/anchors.h"

/* Why there is no copy: how far the registration is. */
static enum err no_copy(struct db *db, const char *model, struct why *why)
{
  struct outbox_state at;
  enum err e = outbox_find(db, OUTBOX_REGISTER, model, NULL, &at);
  if (e == E_NOT_FOUND)
    return why_set(why, E_UNANCHORED, "model", "it is not registered on the chain");
  TRY(e);
  if (strcmp(at.state, "final") == 0)
    return why_set(why, E_UNANCHORED, "model",
                   "its policy has not been read from the chain yet");
  return why_set(why, E_UNANCHORED, "model", "its registration on the chain is %s%s%s",
                 at.state, *at.reason ? ": " : "", at.reason);
}

static enum err read_copy(const struct db_rows *r, struct chain_copy *out)
{
  struct chain_copy c = {.version = db_int(r, 0, 9)};
  struct chain_model *m = &c.model;
  struct word budget, spent;
  if (!db_fixed(r, 0, 0, &m->spec, sizeof m->spec) ||
      !db_fixed(r, 0, 1, &m->currency, sizeof m->currency))
    return E_INTERNAL;
  m->policy.minimum = (uint64_t)db_int(r, 0, 2);
  m->policy.maximum_rounds = (uint64_t)db_int(r, 0, 3);
  m->results = (uint64_t)db_int(r, 0, 6);
  TRY(word_parse(&budget, db_text(r, 0, 4), "", NULL));
  TRY(word_parse(&m->policy.reward_cap, db_text(r, 0, 5), "", NULL));
  TRY(word_parse(&spent, db_text(r, 0, 7), "", NULL));
  TRY(word_u64(&m->policy.privacy_budget, &budget));
  TRY(word_u64(&m->privacy_spent, &spent));
  *out = c;
  return OK;
}

enum err chain_copy_get(struct db *db, const char *model, struct chain_copy *out,
                        struct why *why)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_CHAIN_MODEL, &rows, DB_ARGS(DB_TEXT(model))));
  if (!rows.len)
    return no_copy(db, model, why);
  double age = db_real(&rows, 0, 8);
  if (age > CHAIN_COPY_AGE)
    return why_set(
        why, E_UNANCHORED, "model",
        "its policy was last read from the chain %.0f seconds ago; chorusd chain "
        "check says what is wrong",
        age);
  return read_copy(&rows, out);
}

enum err chain_policy_check(const struct chain_copy *c, uint64_t minimum,
                            const struct reward_terms *reward, struct why *why)
{
  const struct policy *p = &c->model.policy;
  struct word budget = {0};
  if (minimum < p->minimum)
    return why_set(why, E_POLICY, "minimum",
                   "the description asks for %" PRIu64 " organisations, the policy for "
                   "%" PRIu64,
                   minimum, p->minimum);
  if (c->model.results >= p->maximum_rounds)
    return why_set(why, E_POLICY, "maximum_rounds",
                   "the policy allows %" PRIu64 " results, and they are there",
                   p->maximum_rounds);
  if (reward->scheme != REWARD_NONE)
    TRY(word_parse(&budget, reward->budget, "reward.budget", why));
  char want[WORD_DIGITS + 1], cap[WORD_DIGITS + 1];
  if (word_compare(&budget, &p->reward_cap) > 0)
    return why_set(why, E_POLICY, "reward_cap",
                   "a round may pay %s by its description, but %s by the policy",
                   word_text(want, &budget), word_text(cap, &p->reward_cap));
  return OK;
}
