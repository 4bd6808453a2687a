/* SPDX-License-Identifier: Apache-2.0
 * Vectors and documents in the database. */
#include "db/blob.h"

#include <openssl/evp.h>
#include <string.h>

enum err blob_start(struct db *db, struct blob_writer *w)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  blob_writer_done(w);
  TRY(db_query(db, Q_BLOB_CREATE, &rows, DB_ARGS(DB_NULL)));
  w->info.id = db_int(&rows, 0, 0);
  w->hash = EVP_MD_CTX_new();
  if (!w->hash || !EVP_DigestInit_ex(w->hash, EVP_sha256(), NULL))
    return E_INTERNAL;
  buf_init(&w->pending, CHUNK_BYTES);
  return OK;
}

static enum err flush(struct db *db, struct blob_writer *w, struct bytes chunk)
{
  if (!EVP_DigestUpdate(w->hash, chunk.data, chunk.len))
    return E_INTERNAL;
  TRY(db_run(
      db, Q_BLOB_PUT,
      DB_ARGS(DB_INT(w->info.id), DB_INT(w->part), DB_BYTES(chunk.data, chunk.len))));
  w->part++;
  w->info.length += chunk.len;
  return OK;
}

enum err blob_put(struct db *db, struct blob_writer *w, struct bytes data)
{
  while (data.len) {
    if (!w->pending.len && data.len >= CHUNK_BYTES) { /* no copy */
      TRY(flush(db, w, BYTES(data.data, CHUNK_BYTES)));
      data = BYTES(data.data + CHUNK_BYTES, data.len - CHUNK_BYTES);
      continue;
    }
    size_t take = MIN(data.len, CHUNK_BYTES - w->pending.len);
    TRY(buf_put(&w->pending, data.data, take));
    data = BYTES(data.data + take, data.len - take);
    if (w->pending.len == CHUNK_BYTES) {
      TRY(flush(db, w, buf_bytes(&w->pending)));
      w->pending.len = 0;
    }
  }
  return OK;
}

enum err blob_finish(struct db *db, struct blob_writer *w)
{
  if (w->pending.len)
    TRY(flush(db, w, buf_bytes(&w->pending)));
  w->pending.len = 0;
  if (!EVP_DigestFinal_ex(w->hash, w->info.sha256.b, NULL))
    return E_INTERNAL;
  return db_run(
      db, Q_BLOB_FINISH,
      DB_ARGS(DB_INT(w->info.id), DB_INT(w->info.length), DB_FIXED(&w->info.sha256)));
}

void blob_writer_done(struct blob_writer *w)
{
  EVP_MD_CTX_free(w->hash);
  buf_done(&w->pending);
  *w = (struct blob_writer){0};
}

enum err blob_store(struct db *db, struct blob_info *out, struct bytes data)
{
  AUTO(blob_writer_done) struct blob_writer w = {0};
  TRY(blob_start(db, &w));
  TRY(blob_put(db, &w, data));
  TRY(blob_finish(db, &w));
  *out = w.info;
  return OK;
}

enum err blob_create(struct db *db, int64_t *id, uint64_t length)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_BLOB_CREATE, &rows, DB_ARGS(DB_INT(length))));
  *id = db_int(&rows, 0, 0);
  return OK;
}

enum err blob_put_part(struct db *db, int64_t id, uint64_t part, struct bytes data,
                       bool *fresh)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_BLOB_PUT, &rows,
               DB_ARGS(DB_INT(id), DB_INT(part), DB_BYTES(data.data, data.len))));
  *fresh = rows.affected == 1;
  return OK;
}

enum err blob_find(struct db *db, int64_t id, struct blob_info *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_BLOB_FIND, &rows, DB_ARGS(DB_INT(id))));
  *out = (struct blob_info){.id = id, .length = (uint64_t)db_int(&rows, 0, 0)};
  db_fixed(&rows, 0, 1, &out->sha256, sizeof out->sha256);
  return OK;
}

enum err blob_part(struct db *db, int64_t id, uint64_t part, struct db_rows *rows,
                   struct bytes *out)
{
  TRY(db_query(db, Q_BLOB_PART, rows, DB_ARGS(DB_INT(id), DB_INT(part))));
  *out = db_bytes(rows, 0, 0);
  return OK;
}

enum err blob_read(struct db *db, int64_t id, uint64_t offset, void *out, size_t len)
{
  uint8_t *p = out;
  while (len) {
    AUTO(db_rows_done) struct db_rows rows = {0};
    uint64_t within = offset % CHUNK_BYTES;
    size_t want = MIN(len, (size_t)(CHUNK_BYTES - within));
    enum err e = db_query(
        db, Q_BLOB_RANGE, &rows,
        DB_ARGS(DB_INT(id), DB_INT(offset / CHUNK_BYTES), DB_INT(within), DB_INT(want)));
    if (e != OK)
      return e == E_NOT_FOUND ? E_RANGE : e;
    struct bytes b = db_bytes(&rows, 0, 0);
    if (b.len != want)
      return E_RANGE;
    memcpy(p, b.data, want);
    p += want;
    offset += want;
    len -= want;
  }
  return OK;
}

enum err blob_load(struct db *db, int64_t id, struct buf *out)
{
  struct blob_info info;
  TRY(blob_find(db, id, &info));
  for (uint64_t part = 0; part * CHUNK_BYTES < info.length; part++) {
    AUTO(db_rows_done) struct db_rows rows = {0};
    struct bytes b;
    TRY(blob_part(db, id, part, &rows, &b));
    TRY(buf_put(out, b.data, b.len));
  }
  return OK;
}

enum err blob_delete(struct db *db, int64_t id)
{
  TRY(db_run(db, Q_BLOB_ERASE, DB_ARGS(DB_INT(id))));
  return db_run(db, Q_BLOB_DELETE, DB_ARGS(DB_INT(id)));
}
