/* SPDX-License-Identifier: Apache-2.0
 * Handlers: does it live, is it ready, which instance is it. */
#include "config.h"

#include "core/event.h"
#include "db/db.h"
#include "server/common.h"
#include "server/handlers.h"

enum err health_show(struct request *rq, struct reply *rp)
{
  rp->json = json_pack("{s:s}", "status", "ok");
  return OK;
}

enum err ready_show(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(rq->db, Q_SCHEMA_VERSION, &rows, DB_NONE));
  rp->json = json_pack("{s:s,s:I}", "status", "ready", "schema",
                       (json_int_t)db_int(&rows, 0, 0));
  return OK;
}

enum err instance_show(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *event = NULL;
  TRY(db_query(rq->db, Q_INSTANCE_FIND, &rows, DB_NONE));
  if (rows.len == 0)
    return E_INTERNAL;
  TRY(event_load(&event, db_bytes(&rows, 0, 0)));
  rp->json = json_pack("{s:O,s:s,s:f}", "instance", event, "version", PACKAGE_VERSION,
                       "now_at", db_real(&rows, 0, 2));
  return OK;
}
