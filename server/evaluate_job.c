/* SPDX-License-Identifier: Apache-2.0
 * The job `evaluate`: a model on the operator's hold-out data: a round's new one, or with
 * a model and version the initial one. */
#include <stdio.h>
#include <stdlib.h>

#include "model/metrics.h"
#include "server/engine_internal.h"

/* A hold-out is at most this large (docs/api.md). */
#define HOLDOUT_MAX ((size_t)16 << 20)

struct evaluation {
  const struct job *job;
  bool initial, there;
  char model[SLUG_MAX + 1];
  int64_t version, weights, holdout;
  struct metrics metrics;
  bool accuracy;
  size_t rows;
};

static enum err find(struct db *db, struct evaluation *v)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  const struct job *job = v->job;
  v->initial = job->model[0] != 0;
  if (v->initial)
    TRY(db_query(db, Q_EVALUATE_INITIAL, &rows,
                 DB_ARGS(DB_TEXT(job->model), DB_INT(job->part))));
  else
    TRY(db_query(db, Q_EVALUATE_ROUND, &rows, DB_ARGS(DB_FIXED(&job->ctx))));
  if (!rows.len)
    return OK;
  snprintf(v->model, sizeof v->model, "%s", db_text(&rows, 0, 0));
  v->version = db_int(&rows, 0, 1);
  v->weights = db_int(&rows, 0, 2);
  v->holdout = db_int(&rows, 0, 3);
  v->there = v->weights && v->holdout;
  return OK;
}

static enum err load_dataset(struct db *db, const struct evaluation *v,
                             const struct spec *spec, struct dataset **out)
{
  AUTO(buf_done) struct buf csv = {.max = HOLDOUT_MAX};
  struct csv_limits limits = CSV_LIMITS_DEFAULT;
  TRY(blob_load(db, v->holdout, &csv));
  return dataset_parse(out, spec, buf_bytes(&csv), DATASET_TRAIN, &limits, NULL);
}

static enum err evaluate(struct db *db, struct evaluation *v)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(spec_drop) struct spec *spec = NULL;
  AUTO(dataset_drop) struct dataset *data = NULL;
  TRY(db_query(db, Q_MODEL_VERSION, &rows,
               DB_ARGS(DB_TEXT(v->model), DB_INT(v->version))));
  if (!rows.len)
    return E_INTERNAL;
  TRY(spec_parse(&spec, db_bytes(&rows, 0, 0), NULL));
  TRY(load_dataset(db, v, spec, &data));
  AUTO(free_drop) float *w = must_calloc(spec->d, sizeof *w);
  TRY(blob_read(db, v->weights, 0, w, spec->d * sizeof *w));
  v->accuracy = spec->target.categorical;
  v->rows = data->rows;
  return metrics_evaluate(&v->metrics, w, spec, data, 0);
}

static enum err store(struct db *db, void *arg)
{
  const struct evaluation *v = arg;
  double n = (double)MAX(v->metrics.evaluated, 1u);
  char topic[80];
  struct db_arg loss = DB_REAL(v->metrics.loss / n);
  struct db_arg accuracy =
      v->accuracy ? DB_REAL((double)v->metrics.correct / n) : DB_NULL;
  TRY(job_done(db, v->job));
  if (!v->there)
    return OK;
  snprintf(topic, sizeof topic, "model:%s", v->model);
  TRY(db_notify(db, topic));
  if (v->initial)
    return db_run(
        db, Q_MODEL_INITIAL_HOLDOUT,
        DB_ARGS(DB_TEXT(v->model), DB_INT(v->version), loss, accuracy, DB_INT(v->rows)));
  return db_run(db, Q_ROUND_HOLDOUT,
                DB_ARGS(DB_FIXED(&v->job->ctx), loss, accuracy, DB_INT(v->rows)));
}

enum err job_evaluate(struct server *s, struct db *db, const struct job *job)
{
  struct evaluation v = {.job = job};
  TRY(find(db, &v));
  if (v.there)
    TRY(evaluate(db, &v));
  return db_transaction(db, store, &v);
}
