/* SPDX-License-Identifier: Apache-2.0
 * Model cards as JSON. */
#include "model/card.h"

#include <string.h>

#include "util/field.h"

static const char *text_of(const json_t *o, const char *name)
{
  const char *text = json_string_value(json_object_get(o, name));
  return text ? text : "";
}

static json_int_t number_of(const json_t *o, const char *name)
{
  return json_integer_value(json_object_get(o, name));
}

static json_t *whole(uint64_t v)
{
  return json_integer((json_int_t)v);
}

static bool is_result(const json_t *attempt)
{
  return strcmp(text_of(json_object_get(attempt, "end"), "type"), "result") == 0;
}

void card_count(struct card *c)
{
  size_t i;
  json_t *attempt;
  json_array_foreach ((json_t *)c->attempts, i, attempt) {
    uint64_t count = (uint64_t)number_of(json_object_get(attempt, "end"), "count");
    if (!is_result(attempt)) {
      c->failed++;
      continue;
    }
    c->least = c->results ? MIN(c->least, count) : count;
    c->most = MAX(c->most, count);
    c->results++;
  }
}

static const json_t *newest_of(const struct card *c)
{
  for (size_t i = json_array_size(c->attempts); i > 0; i--)
    if (is_result(json_array_get(c->attempts, i - 1)))
      return json_array_get(c->attempts, i - 1);
  return NULL;
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

/* part / all, or null where there is nobody to measure it on. */
static json_t *share_json(double part, double all)
{
  return part >= 0 && all > 0 ? json_real(part / all) : json_null();
}

/* ---- what it is ---- */

static json_t *inputs_json(const struct spec *s)
{
  json_t *list = json_array();
  for (size_t i = 0; i < s->feature_count; i++)
    json_array_append_new(list, json_string(s->features[i].name));
  return list;
}

static json_t *target_json(const struct spec *s)
{
  json_t *values = json_array();
  for (size_t i = 0; i < s->target.value_count; i++)
    json_array_append_new(values, json_string(s->target.values[i]));
  if (s->kind == SPEC_VECTOR) {
    json_decref(values);
    return json_null();
  }
  return json_pack("{s:s,s:o}", "name", s->target.name, "values", values);
}

static json_t *training_json(const struct spec *s)
{
  json_t *training = json_object_get(s->json, "training");
  return training ? json_deep_copy(training) : json_null();
}

static json_t *history_json(const struct card *c)
{
  const json_t *newest = newest_of(c);
  json_t *o = json_pack("{s:o,s:o,s:n,s:n,s:n}", "results", whole(c->results), "failed",
                        whole(c->failed), "least", "most", "newest");
  if (!newest)
    return o;
  json_object_set_new(o, "least", whole(c->least));
  json_object_set_new(o, "most", whole(c->most));
  json_object_set_new(
      o, "newest",
      json_pack("{s:I,s:s}", "round", number_of(json_object_get(newest, "open"), "round"),
                "model", text_of(json_object_get(newest, "end"), "model")));
  return o;
}

/* ---- how well ---- */

static json_t *round_json(const json_t *attempt, bool classes)
{
  double rows = total_of(attempt, "evaluated", "");
  double loss = total_of(attempt, "loss", NULL);
  double correct = classes ? total_of(attempt, "correct", "") : -1;
  return json_pack("{s:I,s:I,s:o,s:o,s:o}", "round",
                   number_of(json_object_get(attempt, "open"), "round"), "organisations",
                   number_of(json_object_get(attempt, "end"), "count"), "rows",
                   whole(rows > 0 ? (uint64_t)rows : 0), "accuracy",
                   share_json(correct, rows), "loss",
                   share_json(loss < 0 ? -1 : loss / SPEC_LOSS_SCALE, rows));
}

static json_t *rounds_json(const struct card *c)
{
  json_t *list = json_array();
  size_t i;
  json_t *attempt;
  if (c->spec->kind == SPEC_VECTOR)
    return list;
  json_array_foreach ((json_t *)c->attempts, i, attempt)
    if (is_result(attempt))
      json_array_append_new(list, round_json(attempt, c->spec->target.categorical));
  while (json_array_size(list) > CARD_ROUNDS)
    json_array_remove(list, 0);
  return list;
}

/* ---- how it treats each group ---- */

static json_t *group_json(const json_t *attempt, const char *group)
{
  double tp = total_of(attempt, "true_positive", group);
  double fp = total_of(attempt, "false_positive", group);
  double tn = total_of(attempt, "true_negative", group);
  double fn = total_of(attempt, "false_negative", group);
  double rows = total_of(attempt, "evaluated", group);
  return json_pack("{s:s,s:o,s:o,s:o,s:o}", "name", group, "rows",
                   whole(rows > 0 ? (uint64_t)rows : 0), "found", share_json(tp, tp + fn),
                   "wrongly", share_json(fp, fp + tn), "right",
                   share_json(tp + tn, rows));
}

/* Between the best and the worst treated group; null: fewer than two can be compared. */
static json_t *gap_json(const json_t *groups, const char *figure)
{
  double least = 2, most = -1;
  size_t i, measured = 0;
  json_t *group;
  json_array_foreach ((json_t *)groups, i, group) {
    const json_t *v = json_object_get(group, figure);
    if (!json_is_real(v))
      continue;
    least = MIN(least, json_real_value(v));
    most = MAX(most, json_real_value(v));
    measured++;
  }
  return measured > 1 ? json_real(most - least) : json_null();
}

static json_t *fairness_json(const struct card *c)
{
  const struct spec *s = c->spec;
  const json_t *newest = newest_of(c);
  if (!newest || !s->group_count)
    return json_null();
  AUTO(json_drop) json_t *groups = json_array();
  for (size_t g = 0; g < s->group_count; g++)
    json_array_append_new(groups, group_json(newest, s->groups[g].name));
  return json_pack("{s:I,s:s,s:O,s:{s:o,s:o,s:o}}", "round",
                   number_of(json_object_get(newest, "open"), "round"), "positive",
                   s->target.values[s->positive], "groups", groups, "gaps", "found",
                   gap_json(groups, "found"), "wrongly", gap_json(groups, "wrongly"),
                   "right", gap_json(groups, "right"));
}

/* ---- limits ---- */

static json_t *limits_json(const struct spec *s)
{
  return json_pack(
      "[o,o,o,s]",
      json_sprintf("Every sum was over at least %llu organisations. A sum over few says "
                   "much about each: none of it is differential privacy.",
                   (unsigned long long)s->cohort.minimum),
      json_sprintf("An update is clipped to a length of %s and weighs at most %llu rows; "
                   "within that, a bad update is not told from a good one.",
                   s->clip, (unsigned long long)s->quantiser.cap),
      json_sprintf(
          "The figures are those of the members' own rows, which nobody else has "
          "seen. A group of fewer than %u rows at one member is not counted.",
          SPEC_GROUP_LEAST),
      "Whoever has successive models can compare them; what was erased may have been "
      "kept by somebody.");
}

json_t *card_make(const struct card *c)
{
  const struct spec *s = c->spec;
  json_t *o = json_pack("{s:s,s:o,s:s,s:s,s:s,s:s}", "model", c->model, "version",
                        whole(c->version), "name", s->name, "purpose", s->purpose,
                        "consent", s->consent, "kind", spec_kind_name(s->kind));
  json_object_set_new(o, "inputs", inputs_json(s));
  json_object_set_new(o, "target", target_json(s));
  json_object_set_new(o, "parameters", whole(s->d));
  json_object_set_new(o, "optimiser", json_string(optimiser_name(s->optimiser.kind)));
  json_object_set_new(o, "training", training_json(s));
  json_object_set_new(o, "policy", card_rules(c));
  if (c->chain)
    json_object_set_new(o, "registry",
                        c->registry ? json_deep_copy(c->registry) : json_null());
  json_object_set_new(o, "rounds", history_json(c));
  json_object_set_new(o, "results", rounds_json(c));
  json_object_set_new(o, "holdout",
                      c->holdout ? json_deep_copy(c->holdout) : json_null());
  json_object_set_new(o, "fairness", fairness_json(c));
  json_object_set_new(o, "limits", limits_json(s));
  return o;
}

/* ---- policy ---- */

json_t *card_rules(const struct card *c)
{
  const struct spec *s = c->spec;
  json_t *policy = json_pack(
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
  if (c->chain)
    json_object_set(policy, "chain", (json_t *)c->chain);
  return policy;
}
