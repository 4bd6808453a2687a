/* SPDX-License-Identifier: Apache-2.0
 * The manifests of a round's complete updates, for whoever needs them all at once. */
#include "server/engine_internal.h"

void manifests_done(struct manifests *m)
{
  for (unsigned i = 0; i < m->n; i++)
    update_done(&m->all[i]);
  free(m->all);
  free(m->lists);
}

static enum err load(struct manifests *m, struct db *db, const struct digest *ctx)
{
  int64_t after = -1;
  for (;;) {
    AUTO(db_rows_done) struct db_rows rows = {0};
    TRY(db_query(db, Q_UPDATE_PAGE, &rows, DB_ARGS(DB_FIXED(ctx), DB_INT(after))));
    if (!rows.len)
      return OK;
    for (unsigned i = 0; i < rows.len; i++) {
      AUTO(json_drop) json_t *event = NULL;
      after = db_int(&rows, i, 0);
      if (after >= m->n)
        return E_INTERNAL;
      TRY(event_parse(&event, db_bytes(&rows, i, 1), NULL));
      TRY(update_parse(&m->all[after], event, NULL));
      m->lists[after] = &m->all[after];
    }
  }
}

enum err manifests_load(struct manifests *out, struct db *db, const struct digest *ctx,
                        unsigned n)
{
  AUTO(manifests_done)
  struct manifests m = {must_calloc(n, sizeof *m.all), must_calloc(n, sizeof *m.lists),
                        n};
  TRY(load(&m, db, ctx));
  *out = m;
  m = (struct manifests){0};
  return OK;
}
