/* SPDX-License-Identifier: Apache-2.0
 * Vectors and documents in the database, in chunks of CHUNK_BYTES (the last may be
 * shorter). Written once from front to back, or chunk by chunk in any order; read whole,
 * by chunk or by range. One chunk at a time is in memory. */
#ifndef DB_BLOB_H
#define DB_BLOB_H

#include "db/db.h"

struct blob_info {
  int64_t id;
  uint64_t length;
  struct digest sha256;
};

/* Writes a blob from front to back, inside one transaction. blob_writer_done may be
 * called at any time and frees. */
struct blob_writer {
  struct blob_info info; /* complete after blob_finish */
  uint64_t part;
  struct buf pending;
  void *hash;
};
enum err blob_start(struct db *db, struct blob_writer *w) MUST_USE;
enum err blob_put(struct db *db, struct blob_writer *w, struct bytes data) MUST_USE;
enum err blob_finish(struct db *db, struct blob_writer *w) MUST_USE;
void blob_writer_done(struct blob_writer *w);

/* The same for bytes that are all there. */
enum err blob_store(struct db *db, struct blob_info *out, struct bytes data) MUST_USE;

/* An empty blob whose chunks come in any order and are hashed elsewhere. */
enum err blob_create(struct db *db, int64_t *id, uint64_t length) MUST_USE;
/* Stores one chunk; *fresh is false when it was already there. */
enum err blob_put_part(struct db *db, int64_t id, uint64_t part, struct bytes data,
                       bool *fresh) MUST_USE;

/* E_NOT_FOUND. The hash is zero for blobs written in any order. */
enum err blob_find(struct db *db, int64_t id, struct blob_info *out) MUST_USE;
/* One chunk; *out borrows from rows. E_NOT_FOUND. */
enum err blob_part(struct db *db, int64_t id, uint64_t part, struct db_rows *rows,
                   struct bytes *out) MUST_USE;
/* Bytes [offset, offset + len). E_RANGE when they are not all there. */
enum err blob_read(struct db *db, int64_t id, uint64_t offset, void *out,
                   size_t len) MUST_USE;
/* All of it, for what is known to be small. E_TOO_LARGE by out's maximum. */
enum err blob_load(struct db *db, int64_t id, struct buf *out) MUST_USE;
enum err blob_delete(struct db *db, int64_t id) MUST_USE;

#endif
