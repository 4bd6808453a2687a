/* SPDX-License-Identifier: Apache-2.0
 * Job workers: claim, work, report. A job is claimed under a lease that the driver keeps
 * renewing; when its process dies the lease lapses and another claims it. */
#include <stdio.h>
#include <string.h>

#include "server/engine_internal.h"
#include "util/log.h"

/* After so many failures a job is given up, and with it its round. */
#define TRIES 8

static const struct {
  const char *kind;
  job_work work;
  bool essential; /* its round cannot end without it */
} kinds[] = {
    {"unmask", job_unmask, true}, {"sum", job_sum, true},
    {"final", job_final, true},   {"evaluate", job_evaluate, false},
    {"clean", job_clean, false},
};

enum err job_add(struct db *db, const char *kind, const char *model,
                 const struct digest *ctx, int64_t part)
{
  TRY(db_run(db, Q_JOB_ADD,
             DB_ARGS(DB_TEXT(kind), DB_TEXT(model), ctx ? DB_FIXED(ctx) : DB_NULL,
                     DB_INT(part))));
  return db_notify(db, "jobs");
}

enum err job_done(struct db *db, const struct job *job)
{
  return db_run(db, Q_JOB_DONE, DB_ARGS(DB_INT(job->id)));
}

static enum err claim(struct engine *engine, struct db *db, struct job *out, bool *some)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  *some = false;
  TRY(db_query(db, Q_JOB_CLAIM, &rows, DB_ARGS(DB_FIXED(&engine->replica))));
  if (!rows.len)
    return OK;
  struct job job = {.id = db_int(&rows, 0, 0),
                    .part = db_int(&rows, 0, 4),
                    .attempts = db_int(&rows, 0, 5)};
  const char *model = db_text(&rows, 0, 2);
  snprintf(job.kind, sizeof job.kind, "%s", db_text(&rows, 0, 1));
  snprintf(job.model, sizeof job.model, "%s", model ? model : "");
  db_fixed(&rows, 0, 3, &job.ctx, sizeof job.ctx);
  *out = job;
  *some = true;
  return OK;
}

struct giving_up {
  struct server *server;
  const struct job *job;
  bool essential;
};

static enum err give_up(struct db *db, void *arg)
{
  const struct giving_up *g = arg;
  AUTO(round_row_done) struct round_row row = {0};
  TRY(db_run(db, Q_JOB_DEAD, DB_ARGS(DB_INT(g->job->id))));
  if (!g->essential)
    return OK;
  TRY(round_row_get(db, Q_ROUND_LOCK, &g->job->ctx, &row));
  if (row.phase == PHASE_DONE || row.phase == PHASE_FAILED)
    return OK;
  return tell_failed(g->server, db, &row, err_info(E_INTERNAL)->slug);
}

static void work(struct engine *engine, struct db *db, const struct job *job)
{
  enum err e = E_INTERNAL;
  bool essential = false;
  for (size_t i = 0; i < LENGTH(kinds); i++)
    if (strcmp(kinds[i].kind, job->kind) == 0) {
      essential = kinds[i].essential;
      e = kinds[i].work(engine->server, db, job);
    }
  if (e == OK)
    return;
  log_warning("job", "%s, part %lld, attempt %lld: %s", job->kind, (long long)job->part,
              (long long)job->attempts, err_info(e)->name);
  struct giving_up g = {engine->server, job, essential};
  bool database = e == E_DB || e == E_DB_RETRY; /* its trouble passes */
  if (job->attempts >= TRIES && !database)
    (void)!db_transaction(db, give_up, &g);
  else
    (void)!db_run(db, Q_JOB_LATER, DB_ARGS(DB_INT(job->id), DB_FIXED(&engine->replica)));
}

static void set_job(struct worker *w, int64_t id)
{
  pthread_mutex_lock(&w->engine->lock);
  w->job = id;
  pthread_mutex_unlock(&w->engine->lock);
}

void jobs_renew(struct engine *engine, struct db *db)
{
  for (unsigned i = 0; i < engine->workers_len; i++) {
    pthread_mutex_lock(&engine->lock);
    int64_t id = engine->workers[i].job;
    pthread_mutex_unlock(&engine->lock);
    if (id)
      (void)!db_run(db, Q_JOB_RENEW, DB_ARGS(DB_FIXED(&engine->replica), DB_INT(id)));
  }
}

void *jobs_run(void *arg)
{
  struct worker *w = arg;
  struct engine *engine = w->engine;
  uint64_t seen = 0;
  do {
    struct db *db = db_take(engine->server->pool);
    struct job job;
    bool some = true;
    while (!engine->server->stopping && claim(engine, db, &job, &some) == OK && some) {
      set_job(w, job.id);
      work(engine, db, &job);
      set_job(w, 0);
    }
    db_give(engine->server->pool, db);
  } while (engine_wait_jobs(engine, &seen));
  return NULL;
}
