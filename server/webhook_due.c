/* SPDX-License-Identifier: Apache-2.0
 * Phases that are due: a quarter of the time is left, and at most an hour, and somebody
 * is awaited. Told once for each phase. */
#include "server/engine_internal.h"
#include "server/webhook.h"

static enum err tell_one(struct db *db, const struct digest *ctx, const char *phase)
{
  AUTO(round_row_done) struct round_row row = {0};
  AUTO(json_drop) json_t *state = json_object();
  TRY(round_row_get(db, Q_ROUND_ROW, ctx, &row));
  TRY(round_awaited(db, &row, state));
  json_int_t count = json_integer_value(json_object_get(state, "awaited_count"));
  if (count == 0)
    return OK;
  AUTO(free_drop)
  char *awaited = json_dumps(json_object_get(state, "awaited"), JSON_COMPACT);
  return awaited ? db_run(db, Q_WEBHOOK_DUE_TELL,
                          DB_ARGS(DB_FIXED(ctx), DB_TEXT(phase), DB_TEXT(awaited),
                                  DB_INT(count)))
                 : E_INTERNAL;
}

static enum err tell_all(struct db *db, void *arg)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest ctx;
  TRY(db_query(db, Q_WEBHOOK_DUE_TAKE, &rows, DB_NONE));
  for (unsigned i = 0; i < rows.len; i++)
    if (db_fixed(&rows, i, 0, ctx.b, sizeof ctx.b))
      TRY(tell_one(db, &ctx, db_text(&rows, i, 1)));
  return OK;
}

enum err webhook_tell_due(struct db *db)
{
  return db_transaction(db, tell_all, NULL);
}
