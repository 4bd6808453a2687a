/* SPDX-License-Identifier: Apache-2.0
 * This process among those that serve the database: it says that it lives. */
#include "config.h"

#include "server/engine_internal.h"

void replica_beat(struct engine *engine, struct db *db)
{
  const char *name = engine->server->config.name;
  (void)!db_run(db, Q_REPLICA_BEAT,
                DB_ARGS(DB_FIXED(&engine->replica), DB_TEXT(name ? name : "chorusd"),
                        DB_TEXT(PACKAGE_VERSION))); /* else in a few seconds */
}

void replica_gone(struct engine *engine)
{
  struct db *db = db_take(engine->server->pool);
  (void)!db_run(db, Q_REPLICA_GONE, DB_ARGS(DB_FIXED(&engine->replica)));
  db_give(engine->server->pool, db);
}
