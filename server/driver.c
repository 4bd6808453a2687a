/* SPDX-License-Identifier: Apache-2.0
 * The driver: one thread per process that ends phases, keeps the leases of its process,
 * opens scheduled rounds, has masked vectors erased whose time is over, and adopts payout
 * addresses. Woken by notifications, and each second. */
#include <string.h>
#include <time.h>

#include "model/spec.h"
#include "server/engine_internal.h"
#include "util/log.h"

#define BEAT_SECONDS 5

/* Ends what is due. *again: a round was busy, look again soon. */
static void close_due(struct engine *engine, struct db *db, bool *again)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  enum err e = db_query(db, Q_ROUND_DUE, &rows, DB_ARGS(DB_NULL));
  *again = false;
  if (e != OK)
    return;
  for (unsigned i = 0; i < rows.len; i++) {
    struct digest ctx;
    if (!db_fixed(&rows, i, 0, &ctx, sizeof ctx))
      continue;
    e = phase_close(engine->server, db, &ctx);
    *again |= e == E_BUSY;
    if (e != OK && e != E_BUSY)
      log_error("phase", "could not end %s: %s", db_text(&rows, i, 1), err_info(e)->name);
  }
}

/* Enough organisations are admitted for the model's minimum. */
static bool enough_admitted(struct db *db, const char *model)
{
  AUTO(db_rows_done) struct db_rows admitted = {0};
  AUTO(db_rows_done) struct db_rows before = {0};
  AUTO(spec_drop) struct spec *spec = NULL;
  if (db_query(db, Q_SCHEDULE_ADMITTED, &admitted, DB_ARGS(DB_TEXT(model))) != OK ||
      db_query(db, Q_SCHEDULE_SPEC, &before, DB_ARGS(DB_TEXT(model))) != OK ||
      !before.len || spec_parse(&spec, db_bytes(&before, 0, 0), NULL) != OK)
    return false;
  return (uint64_t)db_int(&admitted, 0, 0) >= spec->cohort.minimum;
}

static void open_scheduled(struct engine *engine, struct db *db)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  if (db_query(db, Q_SCHEDULE_DUE, &rows, DB_NONE) != OK)
    return;
  for (unsigned i = 0; i < rows.len; i++) {
    const char *model = db_text(&rows, i, 0);
    struct digest ctx;
    struct why why = {0};
    if (!enough_admitted(db, model))
      continue;
    enum err e = engine_open_round(engine->server, db, model, &ctx, &why);
    if (e == E_UNANCHORED || e == E_POLICY) /* may be so for days */
      log_debug("schedule", "no round of %s yet: %s", model, why.detail);
    else if (e != OK && e != E_OPEN_ROUND)
      log_warning("schedule", "could not open a round of %s: %s %s", model,
                  err_info(e)->name, why.detail);
  }
}

static void erase_due(struct db *db)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  if (db_query(db, Q_ROUND_VECTORS_DUE, &rows, DB_NONE) != OK)
    return;
  for (unsigned i = 0; i < rows.len; i++) {
    struct digest ctx;
    if (db_fixed(&rows, i, 0, &ctx, sizeof ctx))
      (void)!job_add(db, "clean", NULL, &ctx, 0); /* else in the next second */
  }
}

void *driver_run(void *arg)
{
  struct engine *engine = arg;
  time_t second = 0, beat = 0;
  bool again = false;
  do {
    struct db *db = db_take(engine->server->pool);
    close_due(engine, db, &again);
    if (time(NULL) != second) {
      second = time(NULL);
      jobs_renew(engine, db);
      if (second >= beat) {
        replica_beat(engine, db);
        beat = second + BEAT_SECONDS;
      }
      open_scheduled(engine, db);
      erase_due(db);
      adopt_due(engine->server, db);
    }
    db_give(engine->server->pool, db);
    if (again) {
      struct timespec pause = {0, 10000000};
      nanosleep(&pause, NULL);
      engine_heard(engine->server, "count:");
    }
  } while (engine_wait_driver(engine));
  return NULL;
}
