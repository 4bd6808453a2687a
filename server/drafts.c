/* SPDX-License-Identifier: Apache-2.0
 * Handlers: drafts of models, kept between those who write them together. A change names
 * the state that it was made from, so that nobody overwrites what he has not seen. */
#include <stdio.h>
#include <string.h>

#include "server/common.h"
#include "server/etag.h"
#include "server/handlers.h"

#define DRAFTS_MAX 500
#define DRAFT_BYTES_MAX ((size_t)1 << 20)

enum draft_column { C_ID, C_NAME, C_CONTENT, C_REVISION, C_BY, C_AT };

/* DRAFT of docs/api.md; in lists without its content. */
static enum err draft_json(json_t **out, const struct db_rows *r, unsigned row)
{
  const char *content = db_text(r, row, C_CONTENT);
  AUTO(json_drop)
  json_t *o = json_pack("{s:I,s:s,s:f,s:s}", "id", (json_int_t)db_int(r, row, C_ID),
                        "name", db_text(r, row, C_NAME), "changed_at",
                        db_real(r, row, C_AT), "changed_by", db_text(r, row, C_BY));
  if (content) {
    json_t *value = json_loads(content, 0, NULL);
    if (!value)
      return E_INTERNAL;
    json_object_set_new(o, "content", value);
  }
  *out = STEAL(o);
  return OK;
}

static void draft_etag(char out[72], int64_t revision)
{
  snprintf(out, 72, "%lld", (long long)revision);
}

static enum err draft_reply(struct request *rq, struct reply *rp, int64_t id)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(rq->db, Q_DRAFT_FIND, &rows, DB_ARGS(DB_INT(id))));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such draft");
  TRY(draft_json(&rp->json, &rows, 0));
  draft_etag(rp->etag, db_int(&rows, 0, C_REVISION));
  return OK;
}

enum err drafts_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  struct numbered p;
  TRY(request_numbered(rq, &p));
  TRY(db_query(rq->db, Q_DRAFT_LIST, &rows, DB_ARGS(p.behind, p.rows)));
  unsigned n = page_len(&rows, p.limit);
  for (unsigned i = 0; i < n; i++) {
    json_t *draft = NULL;
    TRY(draft_json(&draft, &rows, i));
    json_array_append_new(list, draft);
  }
  rp->json = json_pack("{s:O,s:o}", "drafts", list, "next", next_number(&rows, n));
  return OK;
}

enum err drafts_show(struct request *rq, struct reply *rp)
{
  uint64_t id;
  TRY(request_param_number(rq, 0, &id));
  return draft_reply(rq, rp, (int64_t)id);
}

struct draft {
  struct request *rq;
  json_t *root; /* owns name */
  const char *name;
  char *content; /* owned */
  int64_t id;
};

static void draft_done(struct draft *d)
{
  json_decref(d->root);
  free(d->content);
}

static enum err read_draft(struct draft *d)
{
  json_t *content;
  const struct field fields[] = {FIELD_STRING("name", &d->name, 1, 200),
                                 FIELD_OBJECT("content", &content), FIELD_END};
  TRY(request_json(d->rq, &d->root, fields));
  d->content = json_dumps(content, JSON_COMPACT);
  if (!d->content)
    return why_set(d->rq->why, E_FIELD_VALUE, "content", "cannot be stored");
  if (strlen(d->content) > DRAFT_BYTES_MAX)
    return why_set(d->rq->why, E_FIELD_VALUE, "content", "must have at most %zu bytes",
                   DRAFT_BYTES_MAX);
  return OK;
}

static enum err create(struct db *db, void *arg)
{
  struct draft *d = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_DRAFT_CREATE, &rows,
               DB_ARGS(DB_TEXT(d->name), DB_TEXT(d->content), DB_TEXT(d->rq->caller.name),
                       DB_INT(DRAFTS_MAX))));
  if (rows.len == 0)
    return why_set(d->rq->why, E_CONFLICT, "",
                   "there are %d drafts already: delete some first", DRAFTS_MAX);
  d->id = db_int(&rows, 0, 0);
  return OK;
}

enum err drafts_create(struct request *rq, struct reply *rp)
{
  AUTO(draft_done) struct draft d = {.rq = rq};
  TRY(read_draft(&d));
  TRY(db_transaction(rq->db, create, &d));
  rp->status = 201;
  return draft_reply(rq, rp, d.id);
}

/* Locks the draft; it is in the state that the request names. */
static enum err lock(struct db *db, struct request *rq, int64_t id, bool needed)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  char etag[72];
  TRY(db_query(db, Q_DRAFT_LOCK, &rows, DB_ARGS(DB_INT(id))));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such draft");
  draft_etag(etag, db_int(&rows, 0, 0));
  return request_if_match(rq, etag, needed);
}

static enum err change(struct db *db, void *arg)
{
  struct draft *d = arg;
  TRY(lock(db, d->rq, d->id, true));
  return db_run(db, Q_DRAFT_CHANGE,
                DB_ARGS(DB_INT(d->id), DB_TEXT(d->name), DB_TEXT(d->content),
                        DB_TEXT(d->rq->caller.name)));
}

enum err drafts_change(struct request *rq, struct reply *rp)
{
  AUTO(draft_done) struct draft d = {.rq = rq};
  uint64_t id;
  TRY(request_param_number(rq, 0, &id));
  d.id = (int64_t)id;
  TRY(read_draft(&d));
  TRY(db_transaction(rq->db, change, &d));
  return draft_reply(rq, rp, d.id);
}

static enum err drop(struct db *db, void *arg)
{
  struct draft *d = arg;
  TRY(lock(db, d->rq, d->id, false));
  return db_run(db, Q_DRAFT_DELETE, DB_ARGS(DB_INT(d->id)));
}

enum err drafts_delete(struct request *rq, struct reply *rp)
{
  struct draft d = {.rq = rq};
  uint64_t id;
  TRY(request_param_number(rq, 0, &id));
  d.id = (int64_t)id;
  TRY(db_transaction(rq->db, drop, &d));
  rp->status = 204;
  return OK;
}
