/* SPDX-License-Identifier: Apache-2.0
 * The sequencer: one thread per process that makes leaves of the log out of stored events
 * and signs a checkpoint over them. Everything it knows is in the database, so a process
 * that starts has nothing to rebuild, and one that dies leaves nothing half done. */
#include "server/engine_internal.h"
#include "server/head_file.h"
#include "server/log.h"
#include "util/log.h"

#define PAUSE_MS 200u
#define TROUBLE_MS 1000u

/* Says once what is wrong, however often it is tried. */
static void complain(enum err e, enum err before, const struct why *why)
{
  if (e != OK && e != before)
    log_error("log", "no checkpoint could be made or remembered: %s %s %s",
              err_info(e)->name, why->field, why->detail);
  if (e == OK && before != OK)
    log_info("log", "checkpoints are made again");
}

void *sequencer_run(void *arg)
{
  struct engine *engine = arg;
  struct server *s = engine->server;
  struct db *db = db_take(s->pool);
  enum err before = OK;
  unsigned pause;
  do {
    struct why why = {0};
    unsigned added = 0;
    enum err e = log_step(s, db, &added, &why);
    if (e == OK && added && s->config.head_file)
      e = head_file_keep(s->config.head_file, db, &why);
    complain(e, before, &why);
    before = e;
    pause = e != OK ? TROUBLE_MS : added == LOG_BATCH ? 0 : PAUSE_MS;
  } while (engine_wait_log(engine, pause));
  db_give(s->pool, db);
  return NULL;
}
