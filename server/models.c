/* SPDX-License-Identifier: Apache-2.0
 * Handlers: models, and the schedules by which their rounds open by themselves. */
#include "server/models.h"

#include "server/etag.h"
#include "server/handlers.h"
#include "server/policy.h"
#include "server/visibility.h"
#include "util/text.h"

enum model_column {
  C_SLUG,
  C_VERSION,
  C_NAME,
  C_PURPOSE,
  C_CONSENT,
  C_KIND,
  C_D,
  C_SPEC,
  C_STATUS,
  C_MEMBERS,
  C_RESULTS,
  C_CURRENT,
  C_EVENT,
  C_EVERY,
  C_ROUNDS,
  C_TARGET,
  C_VISIBILITY
};

static json_t *text(const struct db_rows *r, unsigned row, unsigned column)
{
  const char *s = db_text(r, row, column);
  return s ? json_string(s) : json_null();
}

static json_t *whole(const struct db_rows *r, unsigned row, unsigned column)
{
  return json_integer((json_int_t)db_int(r, row, column));
}

static json_t *schedule_json(const struct db_rows *r, unsigned row)
{
  if (db_null(r, row, C_EVERY))
    return json_null();
  return json_pack("{s:o,s:o,s:o}", "every", whole(r, row, C_EVERY), "rounds",
                   whole(r, row, C_ROUNDS), "target", text(r, row, C_TARGET));
}

static enum err model_json(const struct server *s, struct db *db, json_t **out,
                           const struct db_rows *r, unsigned row)
{
  AUTO(json_drop) json_t *event = NULL;
  TRY(event_load(&event, db_bytes(r, row, C_EVENT)));
  AUTO(json_drop) json_t *o = json_object();
  json_object_set_new(o, "model", text(r, row, C_SLUG));
  json_object_set_new(o, "version", whole(r, row, C_VERSION));
  json_object_set_new(o, "name", text(r, row, C_NAME));
  json_object_set_new(o, "purpose", text(r, row, C_PURPOSE));
  json_object_set_new(o, "consent", text(r, row, C_CONSENT));
  json_object_set_new(o, "kind", text(r, row, C_KIND));
  json_object_set_new(o, "d", whole(r, row, C_D));
  json_object_set_new(o, "spec", json_hex_or_null(r, row, C_SPEC));
  json_object_set_new(o, "status", text(r, row, C_STATUS));
  json_object_set_new(o, "visibility", text(r, row, C_VISIBILITY));
  json_object_set_new(o, "members", whole(r, row, C_MEMBERS));
  json_object_set_new(o, "rounds", whole(r, row, C_RESULTS));
  json_object_set_new(o, "schedule", schedule_json(r, row));
  json_object_set_new(o, "current", json_hex_or_null(r, row, C_CURRENT));
  json_object_set_new(o, "event", STEAL(event));
  if (s->chain.on)
    TRY(policy_show(db, db_text(r, row, C_SLUG), o));
  *out = STEAL(o);
  return OK;
}

enum err model_render(const struct server *s, struct db *db, const char *model,
                      json_t **out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_MODEL_ROWS, &rows,
               DB_ARGS(DB_TEXT(model), DB_TEXT(""), DB_INT(1), NO_CALLER)));
  return rows.len ? model_json(s, db, out, &rows, 0) : E_NOT_FOUND;
}

enum err model_reply(struct request *rq, const char *model, struct reply *rp)
{
  enum err e = model_render(rq->server, rq->db, model, &rp->json);
  return e == E_NOT_FOUND ? why_set(rq->why, e, "", "there is no such model") : e;
}

enum err models_show(struct request *rq, struct reply *rp)
{
  const char *model;
  TRY(request_model(rq, &model));
  return model_reply(rq, model, rp);
}

enum err models_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  unsigned limit;
  const char *cursor = request_query(rq, "cursor");
  TRY(request_limit(rq, &limit));
  if (cursor && !slug_valid(cursor))
    return why_set(rq->why, E_FIELD_VALUE, "cursor", "is not one of ours");
  TRY(db_query(rq->db, Q_MODEL_ROWS, &rows,
               DB_ARGS(DB_NULL, DB_TEXT(cursor ? cursor : ""), DB_INT(limit + 1),
                       CALLER_ARGS(rq))));
  unsigned n = page_len(&rows, limit);
  for (unsigned i = 0; i < n; i++) {
    json_t *model = NULL;
    TRY(model_json(rq->server, rq->db, &model, &rows, i));
    json_array_append_new(list, model);
  }
  json_t *next = rows.len > n ? text(&rows, n - 1, C_SLUG) : json_null();
  rp->json = json_pack("{s:O,s:o}", "models", list, "next", next);
  return OK;
}

struct create {
  struct request *rq;
  const char *model;
  const struct spec *spec;
  struct registration registration; /* with a chain */
};

static enum err create(struct db *db, void *arg)
{
  struct create *c = arg;
  const struct spec *s = c->spec;
  enum err e = db_run(db, Q_MODEL_CREATE,
                      DB_ARGS(DB_TEXT(c->model), DB_TEXT(s->name), DB_TEXT(s->purpose),
                              DB_TEXT(s->consent), DB_TEXT(spec_kind_name(s->kind)),
                              DB_INT(s->d)));
  if (e == E_CONFLICT)
    return why_set(c->rq->why, e, "model", "there is already a model of this name");
  TRY(e);
  TRY(version_announce(c->rq, c->model, 1, s, NULL));
  return c->rq->server->chain.on ? anchor_register(c->rq->server, db, &c->registration)
                                 : OK;
}

enum err models_create(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(spec_drop) struct spec *spec = NULL;
  const char *model = NULL;
  json_t *json = NULL, *policy = NULL;
  const struct field fields[] = {
      FIELD_STRING("model", &model, 1, SLUG_MAX),
      FIELD_OBJECT("spec", &json),
      OPTIONAL(FIELD_OBJECT("policy", &policy), NULL),
      FIELD_END,
  };
  TRY(request_json(rq, &root, fields));
  if (!slug_valid(model))
    return why_set(rq->why, E_FIELD_VALUE, "model",
                   "must be lowercase letters, digits and hyphens, at most 63");
  TRY(request_scope(rq, model));
  TRY(spec_read(&spec, rq->server, json, rq->why));
  struct create c = {.rq = rq, .model = model, .spec = spec};
  if (policy && !rq->server->chain.on)
    return why_set(rq->why, E_NO_CHAIN, "policy", "is kept on a chain only");
  if (rq->server->chain.on)
    TRY(policy_read(&c.registration, policy, spec, rq->why));
  snprintf(c.registration.model, sizeof c.registration.model, "%s", model);
  TRY(db_transaction(rq->db, create, &c));
  rp->status = 201;
  return model_reply(rq, model, rp);
}

enum err models_retire(struct request *rq, struct reply *rp)
{
  const char *model;
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(request_model(rq, &model));
  TRY(db_query(rq->db, Q_MODEL_RETIRE, &rows, DB_ARGS(DB_TEXT(model))));
  rq->unchanged = rows.affected == 0;
  return model_reply(rq, model, rp);
}

enum err visibility_put(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(db_rows_done) struct db_rows rows = {0};
  const char *model, *visibility;
  const struct field fields[] = {FIELD_STRING("visibility", &visibility, 1, 16),
                                 FIELD_END};
  TRY(request_model(rq, &model));
  TRY(request_json(rq, &root, fields));
  if (strcmp(visibility, "public") != 0 && strcmp(visibility, "members") != 0)
    return why_set(rq->why, E_FIELD_VALUE, "visibility", "must be public or members");
  TRY(db_query(rq->db, Q_MODEL_VISIBILITY, &rows,
               DB_ARGS(DB_TEXT(model), DB_TEXT(visibility))));
  rq->unchanged = rows.affected == 0;
  return model_reply(rq, model, rp);
}

/* ---- schedules ---- */

static enum err read_target(const json_t *given, const char **out, struct why *why)
{
  double value;
  *out = NULL;
  if (json_is_null(given))
    return OK;
  const char *s = json_string_value(given);
  if (!s)
    return why_set(why, E_FIELD_TYPE, "target", "must be a decimal as a string, or null");
  if (decimal_parse(&value, s) != OK || value < 0 || value > 1)
    return why_set(why, E_FIELD_VALUE, "target",
                   "must be a plain decimal such as \"0.95\", from 0 to 1");
  *out = s;
  return OK;
}

/* The schedule as it is; null: none. */
static enum err schedule_now(struct request *rq, const char *model, json_t **out,
                             char etag[72])
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(rq->db, Q_MODEL_ROWS, &rows,
               DB_ARGS(DB_TEXT(model), DB_TEXT(""), DB_INT(1), NO_CALLER)));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such model");
  *out = schedule_json(&rows, 0);
  if (!json_is_null(*out))
    etag_of_json(etag, *out);
  return OK;
}

/* Locks the model; its schedule is in the state that the request names, if it does. */
static enum err schedule_lock(struct request *rq, const char *model, bool *retired)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *now = NULL;
  char etag[72] = "";
  TRY(db_query(rq->db, Q_SCHEDULE_LOCK, &rows, DB_ARGS(DB_TEXT(model))));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such model");
  *retired = db_bool(&rows, 0, 0);
  TRY(schedule_now(rq, model, &now, etag));
  return request_if_match(rq, *etag ? etag : NULL, false);
}

enum err schedule_show(struct request *rq, struct reply *rp)
{
  const char *model;
  TRY(request_model(rq, &model));
  TRY(schedule_now(rq, model, &rp->json, rp->etag));
  return json_is_null(rp->json)
             ? why_set(rq->why, E_NOT_FOUND, "", "this model has no schedule")
             : OK;
}

enum err schedule_put(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(json_drop) json_t *now = NULL;
  const char *model, *target;
  uint64_t every = 0, rounds = 0;
  json_t *given = NULL;
  bool retired;
  const struct field fields[] = {
      FIELD_UINT("every", &every, 0, 31536000),
      FIELD_UINT("rounds", &rounds, 1, 1000000),
      FIELD_ANY("target", &given),
      FIELD_END,
  };
  TRY(request_model(rq, &model));
  TRY(request_json(rq, &root, fields));
  TRY(read_target(given, &target, rq->why));
  TRY(schedule_lock(rq, model, &retired));
  if (retired)
    return E_RETIRED;
  TRY(db_run(rq->db, Q_SCHEDULE_SET,
             DB_ARGS(DB_TEXT(model), DB_INT(every), DB_INT(rounds), DB_TEXT(target))));
  TRY(schedule_now(rq, model, &now, rp->etag));
  return model_reply(rq, model, rp);
}

enum err schedule_delete(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  const char *model;
  bool retired;
  TRY(request_model(rq, &model));
  TRY(schedule_lock(rq, model, &retired));
  TRY(db_query(rq->db, Q_SCHEDULE_CLEAR, &rows, DB_ARGS(DB_TEXT(model))));
  rq->unchanged = rows.affected == 0;
  rp->status = 204;
  return OK;
}
