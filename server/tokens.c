/* SPDX-License-Identifier: Apache-2.0
 * Handlers: tokens for programs, each with a role, for one model or all, for a time. */
#include <string.h>

#include "server/common.h"
#include "server/handlers.h"
#include "server/secret.h"
#include "server/sessions.h"

#define YEAR 31536000u

struct token {
  struct request *rq;
  const char *name, *role, *model;
  uint64_t seconds;
  bool ends;
  struct secret secret;
  int64_t id;
  double expires_at;
};

static void token_wipe(struct token *t)
{
  secret_wipe(&t->secret);
}

static enum err store(struct db *db, void *arg)
{
  struct token *t = arg;
  AUTO(db_rows_done) struct db_rows model = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest hash;
  if (t->model)
    TRY(db_query(db, Q_MODEL_STATE, &model, DB_ARGS(DB_TEXT(t->model))));
  if (t->model && model.len == 0)
    return why_set(t->rq->why, E_FIELD_VALUE, "model", "there is no such model");
  secret_make(&t->secret, &hash);
  TRY(db_query(db, Q_TOKEN_CREATE, &rows,
               DB_ARGS(DB_FIXED(&hash), DB_TEXT(t->name), DB_INT(t->rq->caller.user),
                       DB_TEXT(t->role), DB_TEXT(t->model),
                       t->ends ? DB_REAL((double)t->seconds) : DB_NULL)));
  t->id = db_int(&rows, 0, 0);
  t->expires_at = db_real(&rows, 0, 1);
  return OK;
}

static enum err read_token(struct request *rq, json_t **root, struct token *t)
{
  json_t *model, *seconds;
  enum who role;
  const struct field fields[] = {
      FIELD_STRING("name", &t->name, 1, 100), FIELD_STRING("role", &t->role, 1, 16),
      FIELD_ANY("model", &model), FIELD_ANY("expires_in", &seconds), FIELD_END};
  TRY(request_json(rq, root, fields));
  TRY(role_parse(&role, t->role, rq->why));
  if (role > rq->caller.role)
    return why_set(rq->why, E_FORBIDDEN, "role", "you are %s yourself",
                   role_name(rq->caller.role));
  t->model = json_string_value(model);
  if (!json_is_null(model) && (!t->model || !slug_valid(t->model)))
    return why_set(rq->why, E_FIELD_VALUE, "model", "must be a model or null");
  t->ends = !json_is_null(seconds);
  t->seconds = (uint64_t)json_integer_value(seconds);
  if (t->ends && (!json_is_integer(seconds) || json_integer_value(seconds) < 1 ||
                  json_integer_value(seconds) > (json_int_t)10 * YEAR))
    return why_set(rq->why, E_FIELD_VALUE, "expires_in",
                   "must be null or a number of seconds, at most ten years");
  return OK;
}

/* Not by a token: whoever finds one must not be able to make another that stays. */
enum err tokens_create(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(token_wipe) struct token t = {.rq = rq};
  if (!rq->caller.session)
    return why_set(rq->why, E_FORBIDDEN, "", "this needs a session: log in");
  TRY(read_token(rq, &root, &t));
  TRY(db_transaction(rq->db, store, &t));
  rp->status = 201;
  rp->json = json_pack("{s:I,s:s,s:o}", "id", (json_int_t)t.id, "token", t.secret.text,
                       "expires_at", t.ends ? json_real(t.expires_at) : json_null());
  return OK;
}

enum err tokens_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  struct numbered p;
  TRY(request_numbered(rq, &p));
  TRY(db_query(rq->db, Q_TOKEN_LIST, &rows, DB_ARGS(caller_owner(rq), p.behind, p.rows)));
  unsigned n = page_len(&rows, p.limit);
  for (unsigned i = 0; i < n; i++)
    json_array_append_new(
        list,
        json_pack("{s:I,s:s,s:o,s:s,s:o,s:f,s:o,s:o}", "id",
                  (json_int_t)db_int(&rows, i, 0), "name", db_text(&rows, i, 1), "user",
                  json_text_or_null(&rows, i, 2), "role", db_text(&rows, i, 3), "model",
                  json_text_or_null(&rows, i, 4), "created_at", db_real(&rows, i, 5),
                  "expires_at", json_real_or_null(&rows, i, 6), "used_at",
                  json_real_or_null(&rows, i, 7)));
  rp->json = json_pack("{s:O,s:o}", "tokens", list, "next", next_number(&rows, n));
  return OK;
}

enum err tokens_delete(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  uint64_t id;
  TRY(request_param_number(rq, 0, &id));
  TRY(db_query(rq->db, Q_TOKEN_REVOKE, &rows, DB_ARGS(DB_INT(id), caller_owner(rq))));
  if (rows.affected == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such token");
  rp->status = 204;
  return OK;
}
