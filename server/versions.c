/* SPDX-License-Identifier: Apache-2.0
 * Handlers: the versions of a model's description. */
#include <stdio.h>
#include <string.h>

#include "server/engine.h"
#include "server/handlers.h"
#include "server/models.h"
#include "util/text.h"

static enum err check_quota(const struct server *server, const struct spec *s,
                            struct why *why)
{
  uint64_t quota = server->config.quota_bytes;
  uint64_t each = (s->d + s->tail_count) * (s->ring_bits / 8);
  if (quota == 0 || s->cohort.maximum * each <= quota)
    return OK;
  return why_set(why, E_QUOTA, "spec.cohort.maximum",
                 "%llu participants of %llu bytes each are more than %llu",
                 (unsigned long long)s->cohort.maximum, (unsigned long long)each,
                 (unsigned long long)quota);
}

/* Section 3 refuses such a round: better to say so before people are invited. */
static enum err check_cohort(const struct server *server, const struct spec *s,
                             struct why *why)
{
  if (server->anchored || s->cohort.maximum <= UNANCHORED_MAX)
    return OK;
  return why_set(why, E_FIELD_VALUE, "spec.cohort.maximum", "at most %u without a chain",
                 UNANCHORED_MAX);
}

enum err spec_read(struct spec **out, const struct server *server, const json_t *spec,
                   struct why *why)
{
  AUTO(free_drop) char *text = json_dumps(spec, JSON_COMPACT);
  AUTO(spec_drop) struct spec *s = NULL;
  struct why below = {0};
  if (!text)
    return E_INTERNAL;
  enum err e = spec_parse(&s, BYTES(text, strlen(text)), &below);
  if (e != OK) {
    char field[sizeof below.field + 8];
    snprintf(field, sizeof field, "spec%s%s", *below.field ? "." : "", below.field);
    return why_set(why, e, field, "%s", below.detail);
  }
  TRY(check_cohort(server, s, why));
  TRY(check_quota(server, s, why));
  *out = STEAL(s);
  return OK;
}

/* The `model` event, unsigned. */
static json_t *model_build(const struct server *s, const char *model, uint64_t version,
                           const struct spec *spec, const struct digest *previous)
{
  return json_pack("{s:s,s:o,s:s,s:I,s:o,s:o}", "type", "model", "instance",
                   json_hex(s->instance.b, sizeof s->instance.b), "model", model,
                   "version", (json_int_t)version, "spec",
                   json_hex(spec->hash.b, sizeof spec->hash.b), "previous",
                   previous ? json_hex(previous->b, sizeof previous->b) : json_null());
}

enum err version_announce(struct request *rq, const char *model, uint64_t version,
                          const struct spec *spec, const struct digest *previous)
{
  int64_t seq, initial;
  AUTO(json_drop) json_t *event = model_build(rq->server, model, version, spec, previous);
  TRY(event_issue(rq->server, rq->db, event, model, NULL, &seq));
  TRY(db_run(rq->db, Q_VERSION_CREATE,
             DB_ARGS(DB_TEXT(model), DB_INT(version), DB_BUF(&spec->canonical),
                     DB_FIXED(&spec->hash), DB_INT(seq))));
  return engine_initial_weights(rq->db, model, (int64_t)version, &initial);
}

/* ---- the next version ---- */

static bool same_column(const struct column *a, const struct column *b)
{
  if (strcmp(a->name, b->name) != 0 || a->categorical != b->categorical ||
      a->value_count != b->value_count)
    return false;
  for (size_t i = 0; i < a->value_count; i++)
    if (strcmp(a->values[i], b->values[i]) != 0)
      return false;
  return true;
}

/* What must stay, so that the weights keep their meaning. */
static enum err check_successor(const struct spec *now, const struct spec *next,
                                struct why *why)
{
  if (now->kind != next->kind)
    return why_set(why, E_SPEC, "spec.kind", "must stay %s", spec_kind_name(now->kind));
  if (now->feature_count != next->feature_count)
    return why_set(why, E_SPEC, "spec.features", "the columns must stay as they are");
  for (size_t i = 0; i < now->feature_count; i++) {
    char name[96];
    snprintf(name, sizeof name, "spec.features[%zu]", i);
    if (!same_column(&now->features[i], &next->features[i]))
      return why_set(why, E_SPEC, name, "the columns must stay as they are");
  }
  if (now->kind != SPEC_VECTOR && !same_column(&now->target, &next->target))
    return why_set(why, E_SPEC, "spec.target", "must stay as it is");
  if (now->d != next->d)
    return why_set(why, E_SPEC, "spec", "has %zu parameters, but must keep %zu", next->d,
                   now->d);
  return OK;
}

struct advance {
  struct request *rq;
  const char *model;
  const struct spec *spec;
};

static enum err advance(struct db *db, void *arg)
{
  struct advance *a = arg;
  const struct spec *s = a->spec;
  struct why *why = a->rq->why;
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(spec_drop) struct spec *now = NULL;
  struct digest previous;
  TRY(db_query(db, Q_VERSION_LOCK, &rows, DB_ARGS(DB_TEXT(a->model))));
  if (rows.len == 0)
    return why_set(why, E_NOT_FOUND, "", "there is no such model");
  if (db_bool(&rows, 0, 1))
    return E_RETIRED;
  if (db_bool(&rows, 0, 2))
    return E_OPEN_ROUND;
  uint64_t version = (uint64_t)db_int(&rows, 0, 0) + 1;
  if (!db_fixed(&rows, 0, 4, previous.b, sizeof previous.b))
    return E_INTERNAL;
  TRY(spec_parse(&now, db_bytes(&rows, 0, 3), NULL));
  TRY(check_successor(now, s, why));
  TRY(version_announce(a->rq, a->model, version, s, &previous));
  return db_run(db, Q_MODEL_ADVANCE,
                DB_ARGS(DB_TEXT(a->model), DB_INT(version), DB_TEXT(s->name),
                        DB_TEXT(s->purpose), DB_TEXT(s->consent)));
}

enum err versions_create(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(spec_drop) struct spec *spec = NULL;
  const char *model;
  json_t *json = NULL;
  const struct field fields[] = {FIELD_OBJECT("spec", &json), FIELD_END};
  TRY(request_model(rq, &model));
  TRY(request_json(rq, &root, fields));
  TRY(spec_read(&spec, rq->server, json, rq->why));
  struct advance a = {.rq = rq, .model = model, .spec = spec};
  TRY(db_transaction(rq->db, advance, &a));
  rp->status = 201;
  return model_reply(rq, model, rp);
}

/* ---- reading ---- */

enum err spec_show(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  const char *model;
  uint64_t version = 0;
  TRY(request_model(rq, &model));
  TRY(request_number(rq, "version", &version));
  TRY(db_query(rq->db, Q_VERSION_SPEC, &rows,
               DB_ARGS(DB_TEXT(model), version ? DB_INT(version) : DB_NULL)));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such model or version");
  struct bytes spec = db_bytes(&rows, 0, 0), hash = db_bytes(&rows, 0, 1);
  TRY(buf_put(&rp->bytes, spec.data, spec.len));
  hex_encode(rp->etag, hash.data, hash.len);
  rp->content_type = "application/json";
  rp->immutable = version > 0;
  return OK;
}
