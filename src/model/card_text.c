/* SPDX-License-Identifier: Apache-2.0
 * Model cards as Markdown. */
#include <string.h>

#include "model/card.h"

static const json_t *get(const json_t *o, const char *name)
{
  return json_object_get(o, name);
}

static const char *text(const json_t *o, const char *name)
{
  const char *s = json_string_value(json_object_get(o, name));
  return s ? s : "";
}

static long long number(const json_t *o, const char *name)
{
  return json_integer_value(json_object_get(o, name));
}

/* A cell of a table: bars would end it. */
static enum err put_cell(struct buf *out, const char *s)
{
  for (; *s; s++)
    TRY(buf_put(out, *s == '|' || *s == '\n' ? " " : s, 1));
  return OK;
}

static enum err put_list(struct buf *out, const json_t *names)
{
  for (size_t i = 0; i < json_array_size(names); i++) {
    TRY(buf_puts(out, i ? ", " : ""));
    TRY(put_cell(out, json_string_value(json_array_get(names, i))));
  }
  return OK;
}

/* ---- what it is ---- */

static enum err put_inputs(struct buf *out, const json_t *c)
{
  const json_t *target = get(c, "target");
  if (!json_is_object(target))
    return buf_printf(out, "| a plain vector | of %lld numbers |\n",
                      number(c, "parameters"));
  TRY(buf_puts(out, "| inputs | "));
  TRY(put_list(out, get(c, "inputs")));
  TRY(buf_puts(out, " |\n| predicts | "));
  TRY(put_cell(out, text(target, "name")));
  if (json_array_size(get(target, "values")))
    TRY(buf_puts(out, ": "));
  TRY(put_list(out, get(target, "values")));
  return buf_puts(out, " |\n");
}

static enum err put_training(struct buf *out, const json_t *training)
{
  if (!json_is_object(training))
    return OK;
  return buf_printf(
      out,
      "| training at each member | %lld epochs in batches of %lld, %s, rate "
      "%s, l2 %s |\n",
      number(training, "epochs"), number(training, "batch"), text(training, "optimiser"),
      text(training, "rate"), text(training, "l2"));
}

static enum err put_made(struct buf *out, const json_t *c)
{
  const json_t *rounds = get(c, "rounds"), *newest = get(rounds, "newest");
  TRY(buf_printf(out, "\n## How it was made\n\n| | |\n|---|---|\n| kind | %s |\n",
                 text(c, "kind")));
  TRY(put_inputs(out, c));
  TRY(put_training(out, get(c, "training")));
  TRY(buf_printf(out, "| parameters | %lld |\n| server optimiser | %s |\n",
                 number(c, "parameters"), text(c, "optimiser")));
  TRY(buf_printf(out, "| rounds | %lld with a result, %lld failed attempts |\n",
                 number(rounds, "results"), number(rounds, "failed")));
  if (!json_is_object(newest))
    return OK;
  return buf_printf(out,
                    "| organisations in a sum | %lld to %lld |\n"
                    "| newest model | of round %lld, SHA-256 %s |\n",
                    number(rounds, "least"), number(rounds, "most"),
                    number(newest, "round"), text(newest, "model"));
}

/* ---- under which rules ---- */

static enum err put_privacy(struct buf *out, const json_t *policy)
{
  const json_t *cohort = get(policy, "cohort"), *privacy = get(policy, "privacy");
  TRY(buf_printf(
      out,
      "| organisations in a round | %lld to %lld, of whom %.4g %% may be dishonest and "
      "%.4g %% may vanish |\n",
      number(cohort, "minimum"), number(cohort, "maximum"),
      (double)number(cohort, "corrupt_bp") / 100,
      (double)number(cohort, "dropout_bp") / 100));
  return buf_printf(
      out,
      "| an update | clipped to a length of %s, within %s in each number, of "
      "%lld bits, weighing at most %lld |\n"
      "| masked updates | readable by %s for %.4g hours after a round |\n",
      text(privacy, "clip"), text(privacy, "range"), number(privacy, "bits"),
      number(privacy, "weight_cap"),
      strcmp(text(privacy, "audience"), "members") == 0 ? "members" : "everybody",
      (double)number(privacy, "window") / 3600);
}

/* What the contract holds the instance to. */
static enum err put_registry(struct buf *out, const json_t *registry)
{
  if (!json_is_object(registry))
    return OK;
  return buf_printf(out,
                    "| policy on the chain | at least %lld organisations, at most %lld "
                    "rounds, %s of the smallest unit for a round |\n",
                    number(registry, "minimum"), number(registry, "maximum_rounds"),
                    text(registry, "reward_cap"));
}

static enum err put_rules(struct buf *out, const json_t *c)
{
  const json_t *policy = get(c, "policy"), *rewards = get(policy, "rewards");
  const json_t *chain = get(policy, "chain");
  TRY(buf_puts(out, "\n## Under which rules\n\n| | |\n|---|---|\n"));
  TRY(buf_printf(out, "| description | version %lld, SHA-256 %s |\n",
                 number(policy, "version"), text(policy, "spec")));
  TRY(put_privacy(out, policy));
  if (strcmp(text(rewards, "scheme"), "none") == 0)
    TRY(buf_puts(out, "| reward | none |\n"));
  else
    TRY(buf_printf(out, "| reward | %s of the smallest unit for each round, %s |\n",
                   text(rewards, "budget"),
                   strcmp(text(rewards, "scheme"), "equal") == 0 ? "in equal parts"
                                                                 : "by samples"));
  if (!json_is_object(chain))
    return OK;
  TRY(put_registry(out, get(c, "registry")));
  return buf_printf(out, "| enforced by | registry %s of chain %lld |\n",
                    text(chain, "contract"), number(chain, "id"));
}

/* ---- how well ---- */

static enum err put_share(struct buf *out, const json_t *share)
{
  return json_is_real(share) ? buf_printf(out, " %.1f %% |", 100 * json_real_value(share))
                             : buf_puts(out, " – |");
}

static enum err put_round(struct buf *out, const json_t *round)
{
  const json_t *loss = get(round, "loss");
  TRY(buf_printf(out, "| %lld | %lld | %lld |", number(round, "round"),
                 number(round, "organisations"), number(round, "rows")));
  TRY(put_share(out, get(round, "accuracy")));
  return json_is_real(loss) ? buf_printf(out, " %.4g |\n", json_real_value(loss))
                            : buf_puts(out, " – |\n");
}

static enum err put_holdout(struct buf *out, const json_t *holdout)
{
  if (!json_is_object(holdout))
    return OK;
  TRY(buf_printf(
      out,
      "\nOn %lld rows that the coordinator holds, the model of round %lld has a "
      "mean loss of %.4g",
      number(holdout, "rows"), number(holdout, "round"),
      json_number_value(get(holdout, "loss"))));
  if (json_is_number(get(holdout, "accuracy")))
    TRY(buf_printf(out, " and is right in %.1f %%",
                   100 * json_number_value(get(holdout, "accuracy"))));
  return buf_puts(out, ".\n");
}

static enum err put_rounds(struct buf *out, const json_t *c)
{
  size_t i;
  json_t *round;
  if (!json_is_object(get(c, "target")))
    return OK;
  TRY(buf_puts(out, "\n## How well it did\n\n"));
  if (!json_array_size(get(c, "results")))
    return buf_puts(out, "No round has a result yet.\n");
  TRY(buf_puts(out,
               "Measured in each round on the members' own rows, with the model that "
               "the round began with.\n\n"
               "| round | organisations | rows | right | mean loss |\n"
               "|---|---|---|---|---|\n"));
  json_array_foreach ((json_t *)get(c, "results"), i, round)
    TRY(put_round(out, round));
  if (number(get(c, "rounds"), "results") > (long long)CARD_ROUNDS)
    TRY(buf_printf(out, "\nThese are the newest %u rounds.\n", CARD_ROUNDS));
  return put_holdout(out, get(c, "holdout"));
}

/* ---- how it treats each group ---- */

static enum err put_group(struct buf *out, const json_t *group)
{
  TRY(buf_puts(out, "| "));
  TRY(put_cell(out, text(group, "name")));
  TRY(buf_printf(out, " | %lld |", number(group, "rows")));
  TRY(put_share(out, get(group, "found")));
  TRY(put_share(out, get(group, "wrongly")));
  return buf_puts(out, "\n");
}

static enum err put_fairness(struct buf *out, const json_t *fairness)
{
  const json_t *gap = get(get(fairness, "gaps"), "found");
  size_t i;
  json_t *group;
  if (!json_is_object(fairness))
    return OK;
  TRY(buf_printf(
      out,
      "\n## How it treats each group\n\nNewest round. \"Found\" are those whose "
      "answer is \"%s\" and who were told so; \"wrongly\" are the others who "
      "were told so too.\n\n| group | rows | found | wrongly |\n"
      "|---|---|---|---|\n",
      text(fairness, "positive")));
  json_array_foreach ((json_t *)get(fairness, "groups"), i, group)
    TRY(put_group(out, group));
  if (!json_is_real(gap))
    return OK;
  return buf_printf(out,
                    "\nBetween the best and the worst found group lie %.1f percentage "
                    "points.\n",
                    100 * json_real_value(gap));
}

static enum err put_limits(struct buf *out, const json_t *limits)
{
  TRY(buf_puts(out, "\n## Limits\n\n"));
  for (size_t i = 0; i < json_array_size(limits); i++)
    TRY(buf_printf(out, "- %s\n", json_string_value(json_array_get(limits, i))));
  return OK;
}

enum err card_markdown(struct buf *out, const json_t *card)
{
  TRY(buf_printf(out, "# %s (%s)\n\n%s\n\n## What members agreed to\n\n%s\n",
                 text(card, "name"), text(card, "model"), text(card, "purpose"),
                 text(card, "consent")));
  TRY(put_made(out, card));
  TRY(put_rules(out, card));
  TRY(put_rounds(out, card));
  TRY(put_fairness(out, get(card, "fairness")));
  return put_limits(out, get(card, "limits"));
}
