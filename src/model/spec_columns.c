/* SPDX-License-Identifier: Apache-2.0
 * The spec's columns and groups. */
#include <stdio.h>
#include <string.h>

#include "model/spec_internal.h"
#include "util/field.h"

#define NAME_BYTES 200
#define PATH_BYTES 32 /* "features[65535]" */
#define FEATURES_MAX 65536
#define VALUES_MAX 65536
#define NUMBER_MAX 1e30

/* Numeric columns are given by bounds or by mean and deviation, never both. */
struct numeric_members {
  double minimum, maximum, mean, deviation;
  bool has_minimum, has_maximum, has_mean, has_deviation;
};

static enum err bad(struct why *why, const char *path, const char *member,
                    const char *text)
{
  char name[96];
  snprintf(name, sizeof name, "%s.%s", path, member);
  return why_set(why, E_SPEC, name, "%s", text);
}

static enum err numeric_finish(struct column *c, const struct numeric_members *n,
                               const char *path, struct why *why)
{
  bool bounds = n->has_minimum || n->has_maximum;
  bool moments = n->has_mean || n->has_deviation;
  if (bounds && moments)
    return bad(why, path, n->has_mean ? "mean" : "deviation",
               "give minimum and maximum, or mean and deviation, not both");
  if (!bounds && !moments)
    return bad(why, path, "minimum", "give minimum and maximum, or mean and deviation");
  if (bounds && !(n->has_minimum && n->has_maximum))
    return bad(why, path, n->has_minimum ? "maximum" : "minimum", "is required too");
  if (moments && !(n->has_mean && n->has_deviation))
    return bad(why, path, n->has_mean ? "deviation" : "mean", "is required too");
  c->bounded = bounds;
  if (bounds) {
    if (!(n->minimum < n->maximum))
      return bad(why, path, "minimum", "must be below the maximum");
    c->low = n->minimum;
    c->high = n->maximum;
    c->centre = (n->minimum + n->maximum) / 2;
    c->scale = (n->maximum - n->minimum) / 2;
  } else {
    c->centre = n->mean;
    c->scale = n->deviation;
  }
  if (!(c->scale >= 1e-30))
    return bad(why, path, bounds ? "maximum" : "deviation",
               bounds ? "is too close to the minimum" : "must be above 0");
  c->width = 1;
  return OK;
}

static enum err read_numeric(struct column *c, const json_t *o, const char *path,
                             struct why *why)
{
  struct numeric_members n = {0};
  const struct field fields[] = {
      FIELD_STRING("name", &c->name, 1, NAME_BYTES),
      FIELD_CONST("type", "numeric"),
      OPTIONAL(FIELD_DECIMAL("minimum", &n.minimum, -NUMBER_MAX, NUMBER_MAX),
               &n.has_minimum),
      OPTIONAL(FIELD_DECIMAL("maximum", &n.maximum, -NUMBER_MAX, NUMBER_MAX),
               &n.has_maximum),
      OPTIONAL(FIELD_DECIMAL("mean", &n.mean, -NUMBER_MAX, NUMBER_MAX), &n.has_mean),
      OPTIONAL(FIELD_DECIMAL("deviation", &n.deviation, 0, NUMBER_MAX), &n.has_deviation),
      FIELD_END,
  };
  TRY(field_read_at(o, fields, path, why));
  return numeric_finish(c, &n, path, why);
}

static bool known_value(const struct column *c, size_t count, const char *text,
                        size_t *index)
{
  for (size_t i = 0; i < count; i++)
    if (strcmp(c->values[i], text) == 0) {
      *index = i;
      return true;
    }
  return false;
}

static enum err read_categorical(struct column *c, const json_t *o, const char *path,
                                 size_t least, struct why *why)
{
  json_t *values = NULL, *v;
  const struct field fields[] = {
      FIELD_STRING("name", &c->name, 1, NAME_BYTES),
      FIELD_CONST("type", "categorical"),
      FIELD_ARRAY("values", &values, (double)least, VALUES_MAX),
      FIELD_END,
  };
  TRY(field_read_at(o, fields, path, why));
  size_t i, twin;
  c->categorical = true;
  c->values = must_calloc(json_array_size(values), sizeof *c->values);
  json_array_foreach (values, i, v) {
    char name[96];
    snprintf(name, sizeof name, "%s.values[%zu]", path, i);
    if (!json_is_string(v))
      return why_set(why, E_FIELD_TYPE, name, "must be a string");
    if (json_string_length(v) > NAME_BYTES)
      return why_set(why, E_FIELD_VALUE, name, "must have at most %d bytes", NAME_BYTES);
    if (known_value(c, i, json_string_value(v), &twin))
      return why_set(why, E_SPEC, name, "is the same as values[%zu]", twin);
    c->values[i] = json_string_value(v);
  }
  c->value_count = c->width = i;
  return OK;
}

static enum err read_column(struct column *c, const json_t *o, const char *path,
                            size_t least_values, struct why *why)
{
  const char *type = json_string_value(json_object_get(o, "type"));
  if (json_is_object(o) && type && strcmp(type, "categorical") == 0)
    return read_categorical(c, o, path, least_values, why);
  if (!json_is_object(o) || !type || strcmp(type, "numeric") == 0)
    return read_numeric(c, o, path, why);
  char name[96];
  snprintf(name, sizeof name, "%s.type", path);
  return why_set(why, E_FIELD_VALUE, name, "must be \"numeric\" or \"categorical\"");
}

/* A cell that means "nothing here" cannot be a category too. */
static enum err check_missing(const struct spec *s, const struct column *c,
                              const char *path, struct why *why)
{
  size_t i;
  if (s->missing && c->categorical && known_value(c, c->value_count, s->missing, &i)) {
    char name[96];
    snprintf(name, sizeof name, "%s.values[%zu]", path, i);
    return why_set(why, E_SPEC, name, "stands for a missing value, says `missing`");
  }
  return OK;
}

enum err spec_read_features(struct spec *s, const json_t *list, struct why *why)
{
  size_t i, n = json_array_size(list);
  json_t *o;
  if (n < 1 || n > FEATURES_MAX)
    return why_set(why, E_FIELD_VALUE, "features", "must have 1 to %d entries",
                   FEATURES_MAX);
  s->features = must_calloc(n, sizeof *s->features);
  s->feature_count = n;
  json_array_foreach (list, i, o) {
    struct column *c = &s->features[i];
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "features[%zu]", i);
    TRY(read_column(c, o, path, 1, why));
    TRY(check_missing(s, c, path, why));
    for (size_t k = 0; k < i; k++)
      if (strcmp(s->features[k].name, c->name) == 0)
        return bad(why, path, "name", "is the name of an earlier feature");
    c->first = s->inputs;
    s->inputs += c->width;
    if (s->inputs > SPEC_INPUTS_MAX)
      return why_set(why, E_SPEC, path, "makes more than %zu inputs", SPEC_INPUTS_MAX);
  }
  return OK;
}

enum err spec_read_target(struct spec *s, const json_t *target, struct why *why)
{
  struct column *c = &s->target;
  TRY(read_column(c, target, "target", 2, why));
  TRY(check_missing(s, c, "target", why));
  if (s->kind == SPEC_LINEAR && c->categorical)
    return why_set(why, E_SPEC, "target.type", "a linear model has a numeric target");
  if (s->kind == SPEC_LOGISTIC && !c->categorical)
    return why_set(why, E_SPEC, "target.type",
                   "a logistic model has a categorical target");
  for (size_t k = 0; k < s->feature_count; k++)
    if (strcmp(s->features[k].name, c->name) == 0)
      return why_set(why, E_SPEC, "target.name", "is also the name of features[%zu]", k);
  s->outputs = c->categorical ? c->value_count : 1;
  return OK;
}

/* Group names stand in signed events, so they are ASCII. */
static bool ascii(const char *text)
{
  for (; *text; text++)
    if (*text < 0x20 || *text > 0x7e)
      return false;
  return true;
}

static enum err group_members(struct group *g, const struct column *c,
                              const json_t *values, const char *path, struct why *why)
{
  size_t i, at;
  json_t *v;
  g->member = must_calloc(c->value_count, sizeof *g->member);
  json_array_foreach (values, i, v) {
    char name[96];
    snprintf(name, sizeof name, "%s.values[%zu]", path, i);
    if (!json_is_string(v))
      return why_set(why, E_FIELD_TYPE, name, "must be a string");
    if (!known_value(c, c->value_count, json_string_value(v), &at))
      return why_set(why, E_SPEC, name, "is not a value of that feature");
    if (g->member[at])
      return why_set(why, E_SPEC, name, "stands there twice");
    g->member[at] = true;
  }
  return OK;
}

static enum err read_group(struct spec *s, struct group *g, const json_t *o,
                           const char *path, struct why *why)
{
  const char *feature = "";
  json_t *values = NULL;
  const struct field fields[] = {
      FIELD_STRING("name", &g->name, 1, 64),
      FIELD_STRING("feature", &feature, 1, NAME_BYTES),
      FIELD_ARRAY("values", &values, 1, VALUES_MAX),
      FIELD_END,
  };
  TRY(field_read_at(o, fields, path, why));
  if (!ascii(g->name))
    return bad(why, path, "name", "must be plain ASCII: it stands in events");
  for (struct group *earlier = s->groups; earlier < g; earlier++)
    if (strcmp(earlier->name, g->name) == 0)
      return bad(why, path, "name", "is the name of an earlier group");
  while (g->feature < s->feature_count &&
         strcmp(s->features[g->feature].name, feature) != 0)
    g->feature++;
  if (g->feature == s->feature_count)
    return bad(why, path, "feature", "is not the name of a feature");
  if (!s->features[g->feature].categorical)
    return bad(why, path, "feature", "must be categorical");
  return group_members(g, &s->features[g->feature], values, path, why);
}

enum err spec_read_groups(struct spec *s, const json_t *list, const char *positive,
                          struct why *why)
{
  size_t i, n = json_array_size(list);
  json_t *o;
  if (n < 1 || n > SPEC_GROUPS_MAX)
    return why_set(why, E_FIELD_VALUE, "groups", "must have 1 to %u entries",
                   SPEC_GROUPS_MAX);
  if (!s->target.categorical)
    return why_set(why, E_SPEC, "groups", "need a categorical target");
  s->groups = must_calloc(n, sizeof *s->groups);
  s->group_count = n;
  json_array_foreach (list, i, o) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "groups[%zu]", i);
    TRY(read_group(s, &s->groups[i], o, path, why));
  }
  if (!positive)
    return why_set(why, E_FIELD_MISSING, "positive", "is required with groups");
  if (!known_value(&s->target, s->target.value_count, positive, &s->positive))
    return why_set(why, E_SPEC, "positive", "is not a value of the target");
  return OK;
}

void spec_columns_done(struct spec *s)
{
  for (size_t i = 0; i < s->feature_count; i++)
    free(s->features[i].values);
  free(s->features);
  free(s->target.values);
  for (size_t i = 0; i < s->group_count; i++)
    free(s->groups[i].member);
  free(s->groups);
}
