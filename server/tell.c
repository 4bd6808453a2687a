/* SPDX-License-Identifier: Apache-2.0
 * What the coordinator says: signed, stored, announced. */
#include <stdio.h>
#include <string.h>

#include "server/engine_internal.h"
#include "util/field.h"
#include "util/text.h"

enum err tell(const struct server *s, struct db *db, const struct round_row *row,
              json_t *event, struct digest *hash)
{
  int64_t seq;
  TRY(event_sign(event, &s->key));
  TRY(event_hash(hash, event));
  return db_event_store(db, event, row->model, &row->ctx, NULL, hash, &seq);
}

enum err tell_changed(struct db *db, const struct round_row *row)
{
  char topic[96], hex[65];
  snprintf(topic, sizeof topic, "round:%s", hex_encode(hex, row->ctx.b, 32));
  TRY(db_notify(db, topic));
  snprintf(topic, sizeof topic, "model:%s", row->model);
  return db_notify(db, topic);
}

enum err tell_named(struct db *db, const struct digest *ctx, json_t **out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_ROUND_NAMED, &rows, DB_ARGS(DB_FIXED(ctx))));
  json_t *named = json_array();
  for (unsigned i = 0; i < rows.len; i++)
    json_array_append_new(
        named, json_pack("{s:o,s:o,s:s}", "event",
                         json_hex(db_bytes(&rows, i, 0).data, db_bytes(&rows, i, 0).len),
                         "participant",
                         json_hex(db_bytes(&rows, i, 1).data, db_bytes(&rows, i, 1).len),
                         "reason", db_text(&rows, i, 2)));
  *out = named;
  return OK;
}

enum err tell_failed(const struct server *s, struct db *db, const struct round_row *row,
                     const char *reason)
{
  json_t *named = NULL;
  struct digest hash, root;
  int64_t doc;
  unsigned count;
  TRY(document_make(db, &row->ctx, DOCUMENT_UNMASKS, &doc, &root, &count, NULL));
  TRY(tell_named(db, &row->ctx, &named));
  AUTO(json_drop)
  json_t *event =
      json_pack("{s:s,s:o,s:o,s:s,s:s,s:o}", "type", "failed", "instance",
                json_hex(s->instance.b, 32), "ctx", json_hex(row->ctx.b, 32), "phase",
                phase_failed_names[row->phase], "reason", reason, "named", named);
  TRY(tell(s, db, row, event, &hash));
  TRY(db_run(db, Q_ROUND_TO_FAILED,
             DB_ARGS(DB_FIXED(&row->ctx), DB_TEXT(reason), DB_INT(doc))));
  TRY(db_run(db, Q_MASKS_DELETE, DB_ARGS(DB_FIXED(&row->ctx))));
  TRY(job_add(db, "clean", NULL, &row->ctx, 0));
  return tell_changed(db, row);
}

enum err tell_receipt(const struct server *s, const struct digest *of, const char *status,
                      int64_t seq, double now, json_t **receipt, struct buf *bytes)
{
  int64_t time = (int64_t)now, by = time + (int64_t)s->config.log_promise;
  AUTO(json_drop) json_t *r = receipt_build(&s->instance, of, status, seq, time, by);
  TRY(event_sign(r, &s->key));
  TRY(event_canonical(bytes, r, true));
  *receipt = STEAL(r);
  return OK;
}
