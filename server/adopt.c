/* SPDX-License-Identifier: Apache-2.0
 * From when on a changed payout address counts: the driver adopts it once its delay has
 * passed. docs/protocol.md section 2. */
#include <string.h>

#include "server/engine_internal.h"
#include "util/log.h"

struct adopting {
  const struct server *server;
  struct identity who;
};

static enum err issue(const struct adopting *a, struct db *db,
                      const struct db_rows *ready)
{
  struct digest change, hash;
  int64_t seq;
  if (!db_fixed(ready, 0, 1, change.b, sizeof change.b))
    return E_INTERNAL;
  AUTO(json_drop)
  json_t *event =
      adopt_build(&a->server->instance, &a->who, &change, db_int(ready, 0, 2));
  TRY(event_sign(event, &a->server->key));
  TRY(event_hash(&hash, event));
  TRY(db_event_store(db, event, NULL, NULL, &a->who, &hash, &seq));
  return db_run(db, Q_PAYEE_ADOPT, DB_ARGS(DB_INT(db_int(ready, 0, 0)), DB_INT(seq)));
}

/* No result is being made meanwhile, else it is tried again in a second; and no other
 * change comes in between. */
static enum err adopt(struct db *db, void *arg)
{
  const struct adopting *a = arg;
  AUTO(db_rows_done) struct db_rows alone = {0};
  AUTO(db_rows_done) struct db_rows ready = {0};
  TRY(db_query(db, Q_PAYEES_CHANGE, &alone, DB_NONE));
  if (!db_bool(&alone, 0, 0))
    return OK;
  TRY(db_run(db, Q_PAYEE_LOCK, DB_ARGS(DB_FIXED(&a->who))));
  TRY(db_query(
      db, Q_PAYEE_READY, &ready,
      DB_ARGS(DB_FIXED(&a->who), DB_BOOL(a->server->chain.on), DB_INT(ADOPT_DELAY))));
  return ready.len ? issue(a, db, &ready) : OK;
}

void adopt_due(const struct server *s, struct db *db)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  if (db_query(db, Q_PAYEE_DUE, &rows,
               DB_ARGS(DB_BOOL(s->chain.on), DB_INT(ADOPT_DELAY))) != OK)
    return;
  for (unsigned i = 0; i < rows.len; i++) {
    struct adopting a = {.server = s};
    if (!db_fixed(&rows, i, 0, a.who.b, sizeof a.who.b))
      continue;
    enum err e = db_transaction(db, adopt, &a);
    if (e != OK)
      log_warning("payout", "could not adopt an address: %s", err_info(e)->name);
  }
}
