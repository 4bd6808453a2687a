/* SPDX-License-Identifier: Apache-2.0
 * The job `sum`: one chunk of everybody's masked vectors, added up and unmasked. Holds
 * one chunk and a few rows, however many participants and parameters there are. */
#include <sodium.h>
#include <string.h>

#include "core/mask.h"
#include "server/engine_internal.h"

struct summing {
  const struct job *job;
  struct round_row row;
  unsigned bits;
  struct ring acc;
  struct mask_list masks;
};

static void summing_done(struct summing *s)
{
  free(s->acc.data);
  mask_list_done(&s->masks);
  round_row_done(&s->row);
}

static enum err load_masks(struct db *db, struct summing *s)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_MASKS_LOAD, &rows, DB_ARGS(DB_FIXED(&s->row.ctx))));
  struct bytes b = db_bytes(&rows, 0, 0);
  s->masks.len = s->masks.cap = b.len / MASK_BYTES;
  s->masks.masks = must_calloc(MAX(s->masks.cap, 1u), sizeof *s->masks.masks);
  for (size_t i = 0; i < s->masks.len; i++) {
    memcpy(s->masks.masks[i].key.b, b.data + i * MASK_BYTES, 32);
    s->masks.masks[i].sign = b.data[i * MASK_BYTES + 32];
  }
  return OK;
}

static enum err add_chunks(struct db *db, struct summing *s)
{
  int64_t after = -1;
  for (;;) {
    AUTO(db_rows_done) struct db_rows rows = {0};
    TRY(db_query(db, Q_UPDATE_CHUNKS, &rows,
                 DB_ARGS(DB_FIXED(&s->row.ctx), DB_INT(s->job->part), DB_INT(after))));
    if (!rows.len)
      return OK;
    for (unsigned i = 0; i < rows.len; i++)
      TRY(ring_add(s->acc, db_bytes(&rows, i, 1)));
    after = db_int(&rows, rows.len - 1, 0);
  }
}

/* Stores the chunk; the last one starts the job `final`. */
static enum err finish(struct db *db, void *arg)
{
  const struct summing *s = arg;
  AUTO(round_row_done) struct round_row now = {0};
  AUTO(db_rows_done) struct db_rows open = {0};
  bool fresh;
  TRY(round_row_get(db, Q_ROUND_LOCK, &s->row.ctx, &now));
  TRY(job_done(db, s->job));
  if (now.phase != PHASE_FINAL)
    return OK;
  TRY(blob_put_part(db, now.sum, (uint64_t)s->job->part,
                    BYTES(s->acc.data, ring_bytes(s->bits, s->acc.len)), &fresh));
  TRY(db_query(db, Q_JOB_OPEN_PARTS, &open, DB_ARGS(DB_FIXED(&now.ctx), DB_TEXT("sum"))));
  return db_int(&open, 0, 0) ? OK : job_add(db, "final", NULL, &now.ctx, 0);
}

enum err job_sum(struct server *server, struct db *db, const struct job *job)
{
  AUTO(summing_done) struct summing s = {.job = job};
  struct round_ref ref = {0};
  TRY(round_row_get(db, Q_ROUND_ROW, &job->ctx, &s.row));
  TRY(round_get(server, db, &s.row, &ref));
  s.bits = ref.round->open->ring_bits;
  round_ref_done(&ref);
  if (s.row.phase == PHASE_FINAL) {
    uint64_t offset = (uint64_t)job->part * CHUNK_BYTES;
    if (offset >= s.row.length)
      return E_INTERNAL;
    s.acc.bits = s.bits;
    s.acc.len = MIN(CHUNK_BYTES, s.row.length - offset) / (s.bits / 8);
    s.acc.data = must_calloc(s.acc.len, s.bits / 8);
    TRY(load_masks(db, &s));
    TRY(add_chunks(db, &s));
    TRY(mask_apply(s.acc, offset / (s.bits / 8), &s.masks));
  }
  return db_transaction(db, finish, &s);
}
