/* SPDX-License-Identifier: Apache-2.0
 * Handlers: what training gave, round by round, and the hold-out rows that the
 * coordinator itself measures with. */
#include <stdio.h>
#include <string.h>

#include "db/blob.h"
#include "model/dataset.h"
#include "server/handlers.h"
#include "server/models.h"
#include "util/text.h"

/* ---- results ---- */

enum result_column {
  C_ROUND,
  C_ATTEMPT,
  C_CTX,
  C_MODEL,
  C_COUNT,
  C_ENDED,
  C_TOTALS,
  C_OPEN,
  C_LOSS,
  C_ACCURACY,
  C_HOLDOUT_LOSS,
  C_HOLDOUT_ACCURACY,
  C_HOLDOUT_ROWS
};

static json_int_t total_value(const json_t *v)
{
  const char *s = json_string_value(v);
  return s ? (json_int_t)strtoll(s, NULL, 10) : json_integer_value(v);
}

/* Spreads the tail's sums over "totals" (everybody) and "groups". */
static void add_totals(json_t *o, const json_t *tail, const json_t *sums)
{
  json_t *totals = json_object(), *groups = json_object(), *entry;
  size_t i;
  json_array_foreach (tail, i, entry) {
    const char *kind = json_string_value(json_array_get(entry, 0));
    const char *name = json_string_value(json_array_get(entry, 1));
    json_t *into = totals;
    if (!kind || !name)
      continue;
    if (*name && strcmp(kind, "loss") != 0) {
      if (!json_object_get(groups, name))
        json_object_set_new(groups, name, json_object());
      into = json_object_get(groups, name);
    }
    json_object_set_new(into, kind, json_integer(total_value(json_array_get(sums, i))));
  }
  json_object_set_new(o, "totals", totals);
  json_object_set_new(o, "groups", groups);
}

static json_t *holdout_json(const struct db_rows *r, unsigned row)
{
  if (db_null(r, row, C_HOLDOUT_ROWS))
    return json_null();
  return json_pack("{s:o,s:o,s:I}", "loss", json_real_or_null(r, row, C_HOLDOUT_LOSS),
                   "accuracy", json_real_or_null(r, row, C_HOLDOUT_ACCURACY), "rows",
                   (json_int_t)db_int(r, row, C_HOLDOUT_ROWS));
}

static enum err result_json(json_t **out, const struct db_rows *r, unsigned row)
{
  AUTO(json_drop) json_t *open = NULL;
  const char *totals = db_text(r, row, C_TOTALS);
  AUTO(json_drop) json_t *sums = json_loads(totals ? totals : "[]", 0, NULL);
  TRY(event_load(&open, db_bytes(r, row, C_OPEN)));
  json_t *o = json_object();
  json_object_set_new(o, "round", json_integer((json_int_t)db_int(r, row, C_ROUND)));
  json_object_set_new(o, "attempt", json_integer((json_int_t)db_int(r, row, C_ATTEMPT)));
  json_object_set_new(o, "ctx", json_hex_or_null(r, row, C_CTX));
  json_object_set_new(o, "model", json_hex_or_null(r, row, C_MODEL));
  json_object_set_new(o, "count", json_integer((json_int_t)db_int(r, row, C_COUNT)));
  json_object_set_new(o, "ended_at", json_real_or_null(r, row, C_ENDED));
  add_totals(o, json_object_get(open, "tail"), sums);
  json_object_set_new(o, "loss", json_real_or_null(r, row, C_LOSS));
  json_object_set_new(o, "accuracy", json_real_or_null(r, row, C_ACCURACY));
  json_object_set_new(o, "holdout", holdout_json(r, row));
  *out = o;
  return OK;
}

enum err results_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(db_rows_done) struct db_rows state = {0};
  AUTO(json_drop) json_t *list = json_array();
  const char *model;
  struct numbered p;
  TRY(request_model(rq, &model));
  TRY(request_numbered(rq, &p));
  TRY(db_query(rq->db, Q_MODEL_STATE, &state, DB_ARGS(DB_TEXT(model))));
  if (state.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such model");
  TRY(db_query(rq->db, Q_RESULT_LIST, &rows,
               DB_ARGS(DB_TEXT(model), DB_INT(p.cursor), p.rows)));
  unsigned n = page_len(&rows, p.limit);
  for (unsigned i = 0; i < n; i++) {
    json_t *result = NULL;
    TRY(result_json(&result, &rows, i));
    json_array_append_new(list, result);
  }
  json_t *next = json_null();
  if (rows.len > n)
    next = json_sprintf("%lld", (long long)db_int(&rows, n - 1, C_ROUND));
  rp->json = json_pack("{s:O,s:o}", "results", list, "next", next);
  return OK;
}

/* ---- hold-out ---- */

#define HOLDOUT_VALUES ((size_t)16 << 20) /* inputs of all rows: 64 MiB of floats */

struct holdout {
  struct request *rq;
  const char *model;
  size_t rows;
};

/* Has the initial and the newest model measured on the new rows. */
static enum err measure(struct db *db, const char *model, int64_t version)
{
  AUTO(db_rows_done) struct db_rows best = {0};
  TRY(db_run(db, Q_JOB_ADD,
             DB_ARGS(DB_TEXT("evaluate"), DB_TEXT(model), DB_NULL, DB_INT(version))));
  TRY(db_query(db, Q_ROUND_BEST, &best, DB_ARGS(DB_TEXT(model))));
  struct bytes ctx = best.len ? db_bytes(&best, 0, 0) : BYTES(NULL, 0);
  if (ctx.data)
    TRY(db_run(
        db, Q_JOB_ADD,
        DB_ARGS(DB_TEXT("evaluate"), DB_NULL, DB_BYTES(ctx.data, ctx.len), DB_INT(0))));
  return db_notify(db, "jobs");
}

static enum err store_holdout(struct db *db, void *arg)
{
  struct holdout *h = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct blob_info blob;
  TRY(db_query(db, Q_MODEL_HOLDOUT_LOCK, &rows, DB_ARGS(DB_TEXT(h->model))));
  if (rows.len == 0)
    return why_set(h->rq->why, E_NOT_FOUND, "", "there is no such model");
  TRY(blob_store(db, &blob, h->rq->body));
  TRY(db_run(db, Q_MODEL_HOLDOUT_SET,
             DB_ARGS(DB_TEXT(h->model), DB_INT(blob.id), DB_INT(h->rows))));
  if (!db_null(&rows, 0, 0))
    TRY(blob_delete(db, db_int(&rows, 0, 0)));
  return measure(db, h->model, db_int(&rows, 0, 1));
}

enum err holdout_put(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(spec_drop) struct spec *spec = NULL;
  AUTO(dataset_drop) struct dataset *data = NULL;
  struct holdout h = {.rq = rq};
  TRY(request_model(rq, &h.model));
  TRY(db_query(rq->db, Q_VERSION_SPEC, &rows, DB_ARGS(DB_TEXT(h.model), DB_NULL)));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such model");
  TRY(spec_parse(&spec, db_bytes(&rows, 0, 0), NULL));
  struct csv_limits limits = CSV_LIMITS_DEFAULT;
  limits.bytes = (size_t)16 << 20;
  limits.rows = HOLDOUT_VALUES / MAX(spec->inputs, 1);
  TRY(dataset_parse(&data, spec, rq->body, DATASET_TRAIN, &limits, rq->why));
  if (data->rows == 0)
    return why_set(rq->why, E_CSV, "", "there are no rows");
  h.rows = data->rows;
  TRY(db_transaction(rq->db, store_holdout, &h));
  rp->json = json_pack("{s:I}", "rows", (json_int_t)h.rows);
  return OK;
}
