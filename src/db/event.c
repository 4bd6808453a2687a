/* SPDX-License-Identifier: Apache-2.0
 * Protocol events as they are kept. */
#include "db/event.h"

enum err db_event_store(struct db *db, const json_t *event, const char *model,
                        const struct digest *ctx, const struct identity *participant,
                        const struct digest *hash, int64_t *seq)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(buf_done) struct buf bytes = {0};
  TRY(event_canonical(&bytes, event, true));
  TRY(db_query(db, Q_EVENT_STORE, &rows,
               DB_ARGS(DB_TEXT(json_string_value(json_object_get(event, "type"))),
                       DB_TEXT(model), ctx ? DB_FIXED(ctx) : DB_NULL,
                       participant ? DB_FIXED(participant) : DB_NULL, DB_FIXED(hash),
                       DB_BUF(&bytes))));
  *seq = db_int(&rows, 0, 0);
  return OK;
}

enum err db_event_receipt(struct db *db, int64_t seq, struct bytes receipt)
{
  return db_run(db, Q_EVENT_RECEIPT,
                DB_ARGS(DB_INT(seq), DB_BYTES(receipt.data, receipt.len)));
}

enum err db_event_find(struct db *db, const struct digest *hash, struct db_rows *rows,
                       struct bytes *receipt, bool *known)
{
  TRY(db_query(db, Q_EVENT_FIND, rows, DB_ARGS(DB_FIXED(hash))));
  *known = rows->len == 1;
  *receipt = *known ? db_bytes(rows, 0, 0) : BYTES(NULL, 0);
  return OK;
}

enum err db_event_said(struct db *db, const struct digest *ctx, const char *type,
                       const struct identity *participant, struct digest *hash,
                       bool *known)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_EVENT_SAID, &rows,
               DB_ARGS(DB_FIXED(ctx), DB_TEXT(type), DB_FIXED(participant))));
  *known = rows.len == 1 && db_fixed(&rows, 0, 0, hash, sizeof *hash);
  return OK;
}

enum err db_event_round(struct db *db, const struct digest *ctx, const char *type,
                        struct buf *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_EVENT_ROUND, &rows, DB_ARGS(DB_FIXED(ctx), DB_TEXT(type))));
  struct bytes b = db_bytes(&rows, 0, 0);
  return buf_put(out, b.data, b.len);
}
