/* SPDX-License-Identifier: Apache-2.0
 * Model cards. */
#include "clients/lib/card.h"

#include <string.h>

#include "util/field.h"

static const char *text_of(const json_t *o, const char *name)
{
  const char *text = json_string_value(json_object_get(o, name));
  return text ? text : "";
}

static long long number_of(const json_t *o, const char *name)
{
  return json_integer_value(json_object_get(o, name));
}

static bool is_result(const json_t *attempt)
{
  return strcmp(text_of(json_object_get(attempt, "end"), "type"), "result") == 0;
}

/* The total of one kind and name (of loss: any) in a result; -1: it is not in the tail.
 */
static double total_of(const json_t *attempt, const char *kind, const char *name)
{
  const json_t *totals = json_object_get(json_object_get(attempt, "end"), "totals");
  size_t i;
  json_t *entry;
  json_array_foreach (json_object_get(json_object_get(attempt, "open"), "tail"), i,
                      entry) {
    const char *is = json_string_value(json_array_get(entry, 0));
    const char *of = json_string_value(json_array_get(entry, 1));
    const char *value = json_string_value(json_array_get(totals, i));
    if (is && of && value && strcmp(is, kind) == 0 && (!name || strcmp(of, name) == 0))
      return strtod(value, NULL);
  }
  return -1;
}

/* A cell of a table: bars would end it. */
static enum err put_cell(struct buf *out, const char *text)
{
  for (; *text; text++)
    TRY(buf_put(out, *text == '|' || *text == '\n' ? " " : text, 1));
  return OK;
}

/* ---- what it is ---- */

static enum err put_inputs(struct buf *out, const struct spec *s)
{
  if (s->kind == SPEC_VECTOR)
    return buf_printf(out, "| a plain vector | of %zu numbers |\n", s->d);
  TRY(buf_puts(out, "| inputs | "));
  for (size_t i = 0; i < s->feature_count; i++) {
    TRY(buf_puts(out, i ? ", " : ""));
    TRY(put_cell(out, s->features[i].name));
  }
  TRY(buf_puts(out, " |\n| predicts | "));
  TRY(put_cell(out, s->target.name));
  for (size_t i = 0; i < s->target.value_count; i++) {
    TRY(buf_puts(out, i ? ", " : ": "));
    TRY(put_cell(out, s->target.values[i]));
  }
  return buf_puts(out, " |\n");
}

static enum err put_made(struct buf *out, const struct card *c)
{
  size_t i, results = 0, failed = 0;
  long long least = 0, most = 0;
  const json_t *newest = NULL;
  json_t *attempt;
  json_array_foreach ((json_t *)c->attempts, i, attempt) {
    long long count = number_of(json_object_get(attempt, "end"), "count");
    failed += !is_result(attempt);
    if (!is_result(attempt))
      continue;
    least = results ? MIN(least, count) : count;
    most = MAX(most, count);
    results++;
    newest = attempt;
  }
  TRY(buf_printf(out, "\n## How it was made\n\n| | |\n|---|---|\n| kind | %s |\n",
                 spec_kind_name(c->spec->kind)));
  TRY(put_inputs(out, c->spec));
  TRY(buf_printf(out, "| parameters | %zu |\n| server optimiser | %s |\n", c->spec->d,
                 optimiser_name(c->spec->optimiser.kind)));
  TRY(buf_printf(out, "| rounds | %zu with a result, %zu failed attempts |\n", results,
                 failed));
  if (!newest)
    return OK;
  return buf_printf(out,
                    "| organisations in a sum | %lld to %lld |\n"
                    "| newest model | of round %lld, SHA-256 %s |\n",
                    least, most, number_of(json_object_get(newest, "open"), "round"),
                    text_of(json_object_get(newest, "end"), "model"));
}

/* ---- how well ---- */

static enum err put_round(struct buf *out, const json_t *attempt, bool classes)
{
  double rows = total_of(attempt, "evaluated", "");
  double loss = total_of(attempt, "loss", NULL),
         correct = total_of(attempt, "correct", "");
  TRY(buf_printf(out, "| %lld | %lld | %.0f | ",
                 number_of(json_object_get(attempt, "open"), "round"),
                 number_of(json_object_get(attempt, "end"), "count"), rows));
  if (rows <= 0)
    return buf_puts(out, "– | – |\n");
  if (classes)
    TRY(buf_printf(out, "%.1f %% | ", 100 * correct / rows));
  else
    TRY(buf_puts(out, "– | "));
  return buf_printf(out, "%.4g |\n", loss / SPEC_LOSS_SCALE / rows);
}

static enum err put_rounds(struct buf *out, const struct card *c)
{
  size_t i;
  json_t *attempt;
  if (c->spec->kind == SPEC_VECTOR)
    return OK;
  TRY(buf_puts(out,
               "\n## How well it did\n\n"
               "Measured in each round on the members' own rows, with the model that "
               "the round began with.\n\n"
               "| round | organisations | rows | right | mean loss |\n"
               "|---|---|---|---|---|\n"));
  json_array_foreach ((json_t *)c->attempts, i, attempt)
    if (is_result(attempt))
      TRY(put_round(out, attempt, c->spec->target.categorical));
  return OK;
}

/* Shares in per cent; below 0: there is nobody to measure it on. */
struct treatment {
  double rows, found, wrongly;
};

static struct treatment treatment_of(const json_t *attempt, const char *group)
{
  double tp = total_of(attempt, "true_positive", group);
  double fp = total_of(attempt, "false_positive", group);
  double tn = total_of(attempt, "true_negative", group);
  double fn = total_of(attempt, "false_negative", group);
  return (struct treatment){.rows = total_of(attempt, "evaluated", group),
                            .found = tp + fn > 0 ? 100 * tp / (tp + fn) : -1,
                            .wrongly = fp + tn > 0 ? 100 * fp / (fp + tn) : -1};
}

static enum err put_share(struct buf *out, double share)
{
  return share < 0 ? buf_puts(out, " – |") : buf_printf(out, " %.1f %% |", share);
}

static enum err put_groups(struct buf *out, const struct card *c, const json_t *newest)
{
  double least = 101, most = -1;
  TRY(buf_printf(
      out,
      "\n## How it treats each group\n\nNewest round. \"Found\" are those whose "
      "answer is \"%s\" and who were told so; \"wrongly\" are the others who "
      "were told so too.\n\n| group | rows | found | wrongly |\n"
      "|---|---|---|---|\n",
      c->spec->target.values[c->spec->positive]));
  for (size_t g = 0; g < c->spec->group_count; g++) {
    struct treatment t = treatment_of(newest, c->spec->groups[g].name);
    TRY(buf_puts(out, "| "));
    TRY(put_cell(out, c->spec->groups[g].name));
    TRY(buf_printf(out, " | %.0f |", t.rows));
    TRY(put_share(out, t.found));
    TRY(put_share(out, t.wrongly));
    TRY(buf_puts(out, "\n"));
    if (t.found >= 0) {
      least = MIN(least, t.found);
      most = MAX(most, t.found);
    }
  }
  return most < 0 ? OK
                  : buf_printf(out,
                               "\nBetween the best and the worst found group lie %.1f "
                               "percentage points.\n",
                               most - least);
}

/* ---- limits ---- */

static enum err put_limits(struct buf *out, const struct card *c)
{
  const struct spec *s = c->spec;
  return buf_printf(
      out,
      "\n## Limits\n\n"
      "- Every sum was over at least %llu organisations. A sum over few says much about "
      "each: none of it is differential privacy.\n"
      "- An update is clipped to a length of %s and weighs at most %llu rows; within "
      "that, a bad update is not told from a good one.\n"
      "- The figures are those of the members' own rows, which nobody else has seen. A "
      "group of fewer than %u rows at one member is not counted.\n"
      "- Whoever has successive models can compare them; what was erased may have been "
      "kept by somebody.\n",
      (unsigned long long)s->cohort.minimum, s->clip,
      (unsigned long long)s->quantiser.cap, SPEC_GROUP_LEAST);
}

enum err card_text(struct buf *out, const struct card *c)
{
  const json_t *newest = NULL;
  size_t i;
  json_t *attempt;
  json_array_foreach ((json_t *)c->attempts, i, attempt)
    if (is_result(attempt))
      newest = attempt;
  TRY(buf_printf(out, "# %s (%s)\n\n%s\n\n## What members agreed to\n\n%s\n",
                 c->spec->name, c->model, c->spec->purpose, c->spec->consent));
  TRY(put_made(out, c));
  TRY(put_rounds(out, c));
  if (newest && c->spec->group_count)
    TRY(put_groups(out, c, newest));
  return put_limits(out, c);
}

/* ---- policy ---- */

json_t *card_policy(const struct card *c)
{
  const struct spec *s = c->spec;
  return json_pack(
      "{s:s,s:I,s:o,s:{s:I,s:I,s:I,s:I},s:{s:s,s:I,s:s,s:s,s:i,s:I,s:i},s:{s:s,s:s},s:O}",
      "model", c->model, "version", (json_int_t)c->version, "spec",
      json_hex(s->hash.b, sizeof s->hash.b), "cohort", "minimum",
      (json_int_t)s->cohort.minimum, "maximum", (json_int_t)s->cohort.maximum,
      "corrupt_bp", (json_int_t)s->cohort.corrupt_bp, "dropout_bp",
      (json_int_t)s->cohort.dropout_bp, "privacy", "audience",
      s->audit_members ? "members" : "public", "window", (json_int_t)s->audit_window,
      "clip", s->clip, "range", s->range, "bits", (int)s->quantiser.bits, "weight_cap",
      (json_int_t)s->quantiser.cap, "ring_bits", (int)s->ring_bits, "rewards", "scheme",
      text_of(json_object_get(s->json, "reward"), "scheme"), "budget", s->reward.budget,
      "deadlines", json_object_get(s->json, "deadlines"));
}
