/* SPDX-License-Identifier: Apache-2.0
 * The job `clean`: erases what an ended round no longer needs. Once the audit window is
 * over, and after a failed attempt at once, these are its masked vectors, of which the
 * event `retention` then tells. docs/protocol.md section 11.2. */
#include "server/engine_internal.h"

struct cleaning {
  const struct server *server;
  const struct job *job;
  bool more;
};

static enum err say_retention(struct db *db, const struct cleaning *c, int64_t vectors)
{
  AUTO(round_row_done) struct round_row row = {0};
  struct digest hash;
  TRY(round_row_get(db, Q_ROUND_ROW, &c->job->ctx, &row));
  AUTO(json_drop)
  json_t *event = json_pack("{s:s,s:o,s:o,s:I,s:I,s:I}", "type", "retention", "instance",
                            json_hex(c->server->instance.b, 32), "ctx",
                            json_hex(row.ctx.b, 32), "vectors", (json_int_t)vectors,
                            "bytes", (json_int_t)vectors * (json_int_t)row.length, "time",
                            (json_int_t)row.now_at);
  return tell(c->server, db, &row, event, &hash);
}

/* Some chunks at a time, so that no transaction grows long. The last one finds none, and
 * tells. Several processes may be at it: what is found is locked by who erases it, and
 * only one of them sets the mark. */
static enum err clean_some(struct db *db, void *arg)
{
  struct cleaning *c = arg;
  const struct digest *ctx = &c->job->ctx;
  AUTO(db_rows_done) struct db_rows found = {0};
  AUTO(db_rows_done) struct db_rows erased = {0};
  TRY(db_query(db, Q_UPDATE_ERASE, &found, DB_ARGS(DB_FIXED(ctx))));
  c->more = db_int(&found, 0, 0) != 0;
  if (c->more)
    return OK;
  TRY(db_query(db, Q_ROUND_ERASED, &erased, DB_ARGS(DB_FIXED(ctx))));
  if (erased.len && db_int(&erased, 0, 0))
    TRY(say_retention(db, c, db_int(&erased, 0, 0)));
  TRY(db_run(db, Q_MASKS_DELETE, DB_ARGS(DB_FIXED(ctx))));
  return db_run(db, Q_JOB_FORGET, DB_ARGS(DB_FIXED(ctx), DB_INT(c->job->id)));
}

enum err job_clean(struct server *s, struct db *db, const struct job *job)
{
  struct cleaning c = {s, job, true};
  while (c.more && !s->stopping)
    TRY(db_transaction(db, clean_some, &c));
  return c.more ? E_BUSY : OK;
}
