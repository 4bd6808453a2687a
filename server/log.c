/* SPDX-License-Identifier: Apache-2.0
 * Handlers: the public log as C2SP tlog-tiles serves it, and its entries as JSON. */
#include "server/log.h"

#include <stdio.h>
#include <string.h>

#include "server/common.h"
#include "server/handlers.h"
#include "util/text.h"

/* ---- the checkpoint ---- */

/* The cosignatures on exactly this checkpoint, as many as fit on a note. */
static enum err add_cosignatures(struct request *rq, struct buf *note, int64_t size)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(rq->db, Q_WITNESS_LINES, &rows,
               DB_ARGS(DB_INT(size), DB_INT(NOTE_LINES_MAX - 1))));
  for (unsigned i = 0; i < rows.len; i++)
    TRY(buf_put(note, db_bytes(&rows, i, 0).data, db_bytes(&rows, i, 0).len));
  return OK;
}

enum err log_checkpoint_show(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  uint64_t after = 0;
  TRY(request_number(rq, "after", &after));
  TRY(db_query(rq->db, Q_LOG_CHECKPOINT_NEWEST, &rows, DB_NONE));
  int64_t size = rows.len ? db_int(&rows, 0, 0) : 0;
  if ((uint64_t)size <= after && reply_wait(rq, rp, "log"))
    return OK;
  if (!size)
    return why_set(rq->why, E_NOT_FOUND, "", "no checkpoint was signed yet");
  rp->content_type = "text/plain; charset=utf-8";
  TRY(buf_put(&rp->bytes, db_bytes(&rows, 0, 1).data, db_bytes(&rows, 0, 1).len));
  return add_cosignatures(rq, &rp->bytes, size);
}

/* ---- tiles ---- */

/* A bundle's entries; E_NOT_FOUND while there are fewer. */
static enum err read_bundle(struct request *rq, struct tile tile, struct buf *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(rq->db, Q_LOG_BUNDLE, &rows,
               DB_ARGS(DB_INT(tile.index * TILE_WIDTH), DB_INT(tile.width))));
  if (rows.len != tile.width)
    return E_NOT_FOUND;
  for (unsigned i = 0; i < rows.len; i++)
    TRY(bundle_put(out, db_bytes(&rows, i, 0)));
  return OK;
}

/* Any width that a tree had is cut from the tile as it is now. */
static enum err read_hashes(struct request *rq, struct tile tile, struct buf *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  size_t len = tile.width * sizeof(struct digest);
  TRY(db_query(rq->db, Q_LOG_TILE, &rows,
               DB_ARGS(DB_INT(tile.level), DB_INT(tile.index))));
  struct bytes stored = rows.len ? db_bytes(&rows, 0, 0) : BYTES(NULL, 0);
  return stored.len < len ? E_NOT_FOUND : buf_put(out, stored.data, len);
}

enum err log_tile_show(struct request *rq, struct reply *rp)
{
  struct tile tile;
  TRY(tile_parse(&tile, rq->param[0]));
  enum err e = tile.level == TILE_ENTRIES ? read_bundle(rq, tile, &rp->bytes)
                                          : read_hashes(rq, tile, &rp->bytes);
  if (e == E_NOT_FOUND)
    return why_set(rq->why, e, "", "no tree so far has this tile in this width");
  rp->immutable = true;
  return e;
}

/* ---- entries ---- */

static enum err entry_json(json_t **out, const struct db_rows *rows, unsigned row)
{
  json_t *event = NULL;
  TRY(event_load(&event, db_bytes(rows, row, 1)));
  json_t *leaf = db_null(rows, row, 0) ? json_null() : json_integer(db_int(rows, row, 0));
  *out = json_pack("{s:o,s:o}", "leaf", leaf, "event", event);
  return OK;
}

static enum err find_entries(struct request *rq, struct db_rows *rows, uint64_t from,
                             unsigned limit)
{
  const char *model = request_query(rq, "model"), *ctx = request_query(rq, "ctx");
  struct digest of;
  if (model && !slug_valid(model))
    return why_set(rq->why, E_FIELD_VALUE, "model", "is not the name of a model");
  if (ctx && hex_decode(of.b, sizeof of.b, ctx) != OK)
    return why_set(rq->why, E_FIELD_VALUE, "ctx", "must be 64 lowercase hex digits");
  if (ctx)
    return db_query(rq->db, Q_LOG_ENTRY_LIST_CTX, rows,
                    DB_ARGS(DB_INT(from), DB_INT(limit), DB_FIXED(&of), DB_TEXT(model)));
  if (model)
    return db_query(rq->db, Q_LOG_ENTRY_LIST_MODEL, rows,
                    DB_ARGS(DB_INT(from), DB_INT(limit), DB_TEXT(model)));
  return db_query(rq->db, Q_LOG_ENTRY_LIST, rows, DB_ARGS(DB_INT(from), DB_INT(limit)));
}

enum err log_entries_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  uint64_t from = 0;
  unsigned limit;
  TRY(request_limit(rq, &limit));
  TRY(request_number(rq, "cursor", &from));
  TRY(find_entries(rq, &rows, from, limit + 1));
  unsigned n = page_len(&rows, limit);
  for (unsigned i = 0; i < n; i++) {
    json_t *entry = NULL;
    TRY(entry_json(&entry, &rows, i));
    json_array_append_new(list, entry);
  }
  json_t *next = json_null();
  if (rows.len > n)
    next = json_sprintf("%lld", (long long)db_int(&rows, n, 0));
  rp->json = json_pack("{s:O,s:o}", "entries", list, "next", next);
  return OK;
}

enum err log_event_show(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest hash;
  TRY(request_param_hex(rq, 0, hash.b, sizeof hash.b));
  TRY(db_query(rq->db, Q_LOG_EVENT, &rows, DB_ARGS(DB_FIXED(&hash))));
  if (!rows.len)
    return why_set(rq->why, E_NOT_FOUND, "", "no event has this hash");
  return entry_json(&rp->json, &rows, 0);
}
