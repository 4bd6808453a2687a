/* SPDX-License-Identifier: Apache-2.0
 * Model descriptions: the parser's top level, canonical bytes and hash. */
#include "model/spec.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/ring.h"
#include "model/spec_internal.h"
#include "util/field.h"
#include "util/text.h"

#define TEXT_MAX 16384
#define SECONDS_MAX 2592000 /* thirty days */
#define AUDIT_WINDOW 604800 /* a week, where the spec says nothing */

/* The members that only some kinds have, as read. NULL: absent. */
struct parts {
  json_t *features, *target, *hidden, *training, *groups;
  json_t *quantisation, *cohort, *deadlines, *server, *reward, *audit;
  const char *kind, *positive;
  uint64_t dimension, ring_bits;
  bool has_dimension;
};

/* Strings of any language, but no control characters: what is hashed is what is shown.
 * jansson has already refused what is not UTF-8. */
static enum err check_text(const json_t *v, const char *path, struct why *why)
{
  char below[96];
  const char *key;
  size_t i;
  json_t *member;
  if (json_is_string(v)) {
    const uint8_t *s = (const uint8_t *)json_string_value(v);
    for (i = 0; i < json_string_length(v); i++)
      if (s[i] < 0x20 || s[i] == 0x7f)
        return why_set(why, E_FIELD_VALUE, path, "must not hold control characters");
  }
  json_array_foreach (v, i, member) {
    snprintf(below, sizeof below, "%s[%zu]", path, i);
    TRY(check_text(member, below, why));
  }
  json_object_foreach ((json_t *)v, key, member) {
    snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", key);
    TRY(check_text(member, below, why));
  }
  return OK;
}

static int append(const char *data, size_t len, void *out)
{
  return buf_put(out, data, len) == OK ? 0 : -1;
}

/* Members sorted, no white space, only '"' and '\' escaped: RFC 8785, since there are no
 * floats, no control characters, and every member's name is ASCII. */
static enum err make_canonical(struct spec *s)
{
  s->canonical.max = SPEC_BYTES_MAX;
  if (json_dump_callback(s->json, append, &s->canonical, JSON_COMPACT | JSON_SORT_KEYS) !=
      0)
    return E_TOO_LARGE;
  crypto_hash_sha256(s->hash.b, s->canonical.data, s->canonical.len);
  return OK;
}

/* The position of `text` in a list of names, or -1. */
static int choice(const char *text, const char *const *names, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (strcmp(text, names[i]) == 0)
      return (int)i;
  return -1;
}

static enum err read_kind(struct spec *s, const struct parts *p, struct why *why)
{
  static const char *const names[] = {"linear", "logistic", "mlp", "vector"};
  int kind = choice(p->kind, names, LENGTH(names));
  if (kind < 0)
    return why_set(why, E_FIELD_VALUE, "kind",
                   "must be \"linear\", \"logistic\", \"mlp\" or \"vector\"");
  s->kind = (enum spec_kind)kind;
  bool vector = s->kind == SPEC_VECTOR, mlp = s->kind == SPEC_MLP;
  const struct {
    const char *name;
    bool here, wanted, allowed;
  } rules[] = {
      {"features", p->features != NULL, !vector, !vector},
      {"target", p->target != NULL, !vector, !vector},
      {"training", p->training != NULL, !vector, !vector},
      {"missing", s->missing != NULL, false, !vector},
      {"groups", p->groups != NULL, false, !vector},
      {"positive", p->positive != NULL, false, p->groups != NULL},
      {"hidden", p->hidden != NULL, mlp, mlp},
      {"dimension", p->has_dimension, vector, vector},
  };
  for (size_t i = 0; i < LENGTH(rules); i++) {
    if (rules[i].wanted && !rules[i].here)
      return why_set(why, E_FIELD_MISSING, rules[i].name, "is required for this kind");
    if (rules[i].here && !rules[i].allowed)
      return why_set(why, E_SPEC, rules[i].name, "has no meaning here");
  }
  return OK;
}

static enum err read_training(struct spec *s, const json_t *o, struct why *why)
{
  struct training *t = &s->training;
  const char *optimiser = "", *weight = "samples";
  const struct field fields[] = {
      FIELD_UINT("epochs", &t->epochs, 1, 1000),
      FIELD_UINT("batch", &t->batch, 1, 65536),
      FIELD_DECIMAL("rate", &t->rate, 1e-12, 1000),
      FIELD_DECIMAL("l2", &t->l2, 0, 1000),
      FIELD_STRING("optimiser", &optimiser, 1, 16),
      OPTIONAL(FIELD_STRING("weight", &weight, 1, 16), NULL),
      FIELD_END,
  };
  TRY(field_read_at(o, fields, "training", why));
  t->adam = strcmp(optimiser, "adam") == 0;
  if (!t->adam && strcmp(optimiser, "sgd") != 0)
    return why_set(why, E_FIELD_VALUE, "training.optimiser",
                   "must be \"sgd\" or \"adam\"");
  t->equal_weight = strcmp(weight, "equal") == 0;
  if (!t->equal_weight && strcmp(weight, "samples") != 0)
    return why_set(why, E_FIELD_VALUE, "training.weight",
                   "must be \"samples\" or \"equal\"");
  return OK;
}

/* Decimals that rules compare exactly: at most 18 digits. */
static enum err check_exact(const char *text, const char *path, double *value,
                            struct why *why)
{
  int64_t mantissa;
  unsigned exponent;
  if (decimal_exact(&mantissa, &exponent, text) != OK || mantissa <= 0 ||
      decimal_parse(value, text) != OK)
    return why_set(why, E_FIELD_VALUE, path,
                   "must be a plain decimal above 0 of at most 18 digits");
  return OK;
}

static enum err read_quantisation(struct spec *s, const struct parts *p, struct why *why)
{
  struct quantiser *q = &s->quantiser;
  uint64_t bits = 0;
  const struct field fields[] = {
      FIELD_UINT("bits", &bits, 2, 31),
      FIELD_STRING("range", &s->range, 1, 24),
      FIELD_STRING("clip", &s->clip, 1, 24),
      FIELD_UINT("weight_cap", &q->cap, 1, 1000000000),
      FIELD_END,
  };
  TRY(field_read_at(p->quantisation, fields, "quantisation", why));
  TRY(check_exact(s->range, "quantisation.range", &q->range, why));
  TRY(check_exact(s->clip, "quantisation.clip", &q->clip, why));
  q->bits = (unsigned)bits;
  s->ring_bits = (unsigned)p->ring_bits;
  if (!ring_bits_valid(s->ring_bits))
    return why_set(why, E_FIELD_VALUE, "ring_bits", "must be 16, 24, 32, 40, 48 or 64");
  return OK;
}

static enum err read_cohort(struct spec *s, const struct parts *p, struct why *why)
{
  struct cohort *c = &s->cohort;
  const struct field cohort[] = {
      FIELD_UINT("minimum", &c->minimum, 3, PARTICIPANTS_MAX),
      FIELD_UINT("maximum", &c->maximum, 3, PARTICIPANTS_MAX),
      FIELD_UINT("corrupt_bp", &c->corrupt_bp, 0, 9000),
      FIELD_UINT("dropout_bp", &c->dropout_bp, 0, 9000),
      FIELD_END,
  };
  const struct field deadlines[] = {
      FIELD_UINT("join", &s->deadlines.join, 1, SECONDS_MAX),
      FIELD_UINT("share", &s->deadlines.share, 1, SECONDS_MAX),
      FIELD_UINT("upload", &s->deadlines.upload, 1, SECONDS_MAX),
      FIELD_UINT("unmask", &s->deadlines.unmask, 1, SECONDS_MAX),
      FIELD_END,
  };
  TRY(field_read_at(p->cohort, cohort, "cohort", why));
  if (c->minimum > c->maximum)
    return why_set(why, E_SPEC, "cohort.minimum", "must not be above the maximum");
  if (c->corrupt_bp + c->dropout_bp > 9000)
    return why_set(why, E_SPEC, "cohort.dropout_bp",
                   "corrupt_bp and dropout_bp together must not be above 9000");
  return field_read_at(p->deadlines, deadlines, "deadlines", why);
}

static enum err read_server(struct spec *s, const json_t *o, struct why *why)
{
  static const char *const names[] = {"fedavg", "fedavgm", "fedadam", "fedyogi"};
  struct optimiser *m = &s->optimiser;
  const char *name = json_string_value(json_object_get(o, "kind"));
  int kind = name ? choice(name, names, LENGTH(names)) : 0;
  if (kind < 0)
    return why_set(why, E_FIELD_VALUE, "server.kind",
                   "must be \"fedavg\", \"fedavgm\", \"fedadam\" or \"fedyogi\"");
  m->kind = (enum optimiser_kind)kind;
  const struct field kind_row = FIELD_CONST("kind", names[kind]);
  const struct field rate = FIELD_DECIMAL("rate", &m->rate, 1e-12, 1000);
  const struct field end = FIELD_END;
  const struct field average[] = {kind_row, rate, end};
  const struct field momentum[] = {
      kind_row, rate, FIELD_DECIMAL("momentum", &m->momentum, 0, 0.9999999), end};
  const struct field adaptive[] = {kind_row,
                                   rate,
                                   FIELD_DECIMAL("beta1", &m->beta1, 0, 0.9999999),
                                   FIELD_DECIMAL("beta2", &m->beta2, 0, 0.9999999),
                                   FIELD_DECIMAL("epsilon", &m->epsilon, 1e-12, 1),
                                   end};
  const struct field *const tables[] = {average, momentum, adaptive, adaptive};
  TRY(field_read_at(o, tables[kind], "server", why));
  m->quantum = quantiser_max(&s->quantiser);
  m->range = s->quantiser.range;
  return OK;
}

static enum err read_reward(struct spec *s, const json_t *o, struct why *why)
{
  AUTO(json_drop) json_t *terms = json_copy((json_t *)o); /* as they stand in `open` */
  json_object_del(terms, "payout");
  TRY(reward_terms_read(&s->reward, terms, why));
  TRY(payout_terms_read(&s->payout, json_object_get(o, "payout"), why));
  if (strlen(s->reward.budget) > AMOUNT_DIGITS)
    return why_set(why, E_FIELD_VALUE, "reward.budget", "must have at most %u digits",
                   AMOUNT_DIGITS);
  if (s->reward.scheme == REWARD_NONE && strcmp(s->reward.budget, "0") != 0)
    return why_set(why, E_SPEC, "reward.budget", "must be \"0\" where nothing is paid");
  if (s->reward.scheme == REWARD_SAMPLES && s->training.equal_weight)
    return why_set(why, E_SPEC, "reward.scheme",
                   "pays by samples, but training.weight is \"equal\"");
  return OK;
}

static enum err read_model(struct spec *s, const struct parts *p, struct why *why)
{
  if (s->kind == SPEC_VECTOR) {
    s->d = (size_t)p->dimension;
    return OK;
  }
  TRY(spec_read_features(s, p->features, why));
  TRY(spec_read_target(s, p->target, why));
  if (p->groups)
    TRY(spec_read_groups(s, p->groups, p->positive, why));
  return read_training(s, p->training, why);
}

static enum err read_all(struct spec *s, struct why *why)
{
  struct parts p = {0};
  const struct field fields[] = {
      FIELD_STRING("name", &s->name, 1, 200),
      FIELD_STRING("purpose", &s->purpose, 1, TEXT_MAX),
      FIELD_STRING("consent", &s->consent, 1, TEXT_MAX),
      FIELD_STRING("kind", &p.kind, 1, 16),
      OPTIONAL(FIELD_ARRAY("features", &p.features, 1, 65536), NULL),
      OPTIONAL(FIELD_OBJECT("target", &p.target), NULL),
      OPTIONAL(FIELD_STRING("missing", &s->missing, 0, 64), NULL),
      OPTIONAL(FIELD_ARRAY("hidden", &p.hidden, 1, 64), NULL),
      OPTIONAL(FIELD_UINT("dimension", &p.dimension, 1, SPEC_PARAMETERS_MAX),
               &p.has_dimension),
      OPTIONAL(FIELD_OBJECT("training", &p.training), NULL),
      OPTIONAL(FIELD_ARRAY("groups", &p.groups, 1, SPEC_GROUPS_MAX), NULL),
      OPTIONAL(FIELD_STRING("positive", &p.positive, 0, 200), NULL),
      FIELD_OBJECT("quantisation", &p.quantisation),
      FIELD_UINT("ring_bits", &p.ring_bits, 16, 64),
      FIELD_OBJECT("cohort", &p.cohort),
      FIELD_OBJECT("deadlines", &p.deadlines),
      FIELD_OBJECT("server", &p.server),
      FIELD_OBJECT("reward", &p.reward),
      OPTIONAL(FIELD_OBJECT("audit", &p.audit), NULL),
      OPTIONAL(FIELD_BOOL("holdout", &s->holdout), NULL),
      FIELD_END,
  };
  TRY(check_text(s->json, "", why));
  TRY(field_read(s->json, fields, why));
  TRY(read_kind(s, &p, why));
  TRY(read_model(s, &p, why));
  TRY(read_quantisation(s, &p, why));
  TRY(read_cohort(s, &p, why));
  TRY(read_server(s, p.server, why));
  TRY(read_reward(s, p.reward, why));
  s->audit_window = AUDIT_WINDOW;
  if (p.audit)
    TRY(audit_terms_read(&s->audit_members, &s->audit_window, p.audit, why));
  TRY(spec_lay_out(s, p.hidden, why));
  return make_canonical(s);
}

enum err spec_parse(struct spec **out, struct bytes json, struct why *why)
{
  AUTO(spec_drop) struct spec *s = must_calloc(1, sizeof *s);
  TRY(json_parse(&s->json, json, SPEC_BYTES_MAX, why));
  TRY(read_all(s, why));
  *out = STEAL(s);
  return OK;
}

void spec_free(struct spec *s)
{
  if (!s)
    return;
  spec_columns_done(s);
  free(s->layers);
  free(s->tail);
  buf_done(&s->canonical);
  json_decref(s->json);
  free(s);
}

void spec_drop(struct spec **s)
{
  spec_free(*s);
}
