/* SPDX-License-Identifier: Apache-2.0
 * Handlers: who may take part in a model's rounds. */
#include "server/common.h"
#include "server/handlers.h"

static enum err check_model(struct request *rq, const char *model)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(rq->db, Q_MODEL_STATE, &rows, DB_ARGS(DB_TEXT(model))));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such model");
  return OK;
}

static json_t *member_json(const struct db_rows *r, unsigned row)
{
  return json_pack("{s:o,s:s,s:o,s:s}", "participant", json_hex_or_null(r, row, 0),
                   "name", db_text(r, row, 1), "organisation",
                   json_hex_or_null(r, row, 2), "status", db_text(r, row, 3));
}

enum err members_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  const char *model;
  unsigned limit;
  struct identity cursor;
  TRY(request_model(rq, &model));
  TRY(request_limit(rq, &limit));
  TRY(request_cursor(rq, cursor.b, sizeof cursor.b));
  TRY(check_model(rq, model));
  TRY(db_query(rq->db, Q_MEMBER_LIST, &rows,
               DB_ARGS(DB_TEXT(model), DB_FIXED(&cursor), DB_INT(limit + 1))));
  unsigned n = page_len(&rows, limit);
  for (unsigned i = 0; i < n; i++)
    json_array_append_new(list, member_json(&rows, i));
  json_t *next = rows.len > n ? json_hex_or_null(&rows, n - 1, 0) : json_null();
  rp->json = json_pack("{s:O,s:o}", "members", list, "next", next);
  return OK;
}

struct change {
  struct request *rq;
  const char *model, *type, *was;
  struct identity who;
};

/* One transaction: the model stands, the person is enrolled, the status changes once. */
static enum err change_status(struct db *db, void *arg)
{
  struct change *c = arg;
  struct why *why = c->rq->why;
  AUTO(db_rows_done) struct db_rows model = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest enroll;
  bool admit = c->type[0] == 'a';
  TRY(db_query(db, Q_MODEL_STATE, &model, DB_ARGS(DB_TEXT(c->model))));
  if (model.len == 0)
    return why_set(why, E_NOT_FOUND, "", "there is no such model");
  if (admit && db_bool(&model, 0, 1))
    return E_RETIRED;
  TRY(db_query(db, Q_MEMBER_LOCK, &rows, DB_ARGS(DB_TEXT(c->model), DB_FIXED(&c->who))));
  if (rows.len == 0 && admit)
    return why_set(why, E_NOT_ENROLLED, "participant", "nobody has enrolled this key");
  if (rows.len == 0 || (!admit && db_null(&rows, 0, 1)))
    return why_set(why, E_NOT_FOUND, "", "there is no such member");
  c->rq->unchanged = !db_null(&rows, 0, 1) && db_bool(&rows, 0, 1) == admit;
  if (c->rq->unchanged)
    return OK;
  if (!db_fixed(&rows, 0, 0, enroll.b, sizeof enroll.b))
    return E_INTERNAL;
  TRY(admission_write(c->rq->server, db, c->type, c->model, &c->who, &enroll));
  return admit ? OK : db_notify(db, "sight");
}

static enum err member_reply(struct change *c, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(c->rq->db, Q_MEMBER_FIND, &rows,
               DB_ARGS(DB_TEXT(c->model), DB_FIXED(&c->who))));
  if (rows.len == 0)
    return E_INTERNAL;
  rp->json = member_json(&rows, 0);
  return OK;
}

enum err members_add(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  struct change c = {.rq = rq, .type = "admit"};
  const struct field fields[] = {FIELD_HEX("participant", c.who.b), FIELD_END};
  TRY(request_model(rq, &c.model));
  TRY(request_json(rq, &root, fields));
  TRY(db_transaction(rq->db, change_status, &c));
  rp->status = rq->unchanged ? 200 : 201;
  return member_reply(&c, rp);
}

enum err members_suspend(struct request *rq, struct reply *rp)
{
  struct change c = {.rq = rq, .type = "suspend"};
  TRY(request_model(rq, &c.model));
  TRY(request_param_hex(rq, 1, c.who.b, sizeof c.who.b));
  TRY(db_transaction(rq->db, change_status, &c));
  return member_reply(&c, rp);
}
