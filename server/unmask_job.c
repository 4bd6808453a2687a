/* SPDX-License-Identifier: Apache-2.0
 * The job `unmask`: rebuilds the secrets that the answers reveal, makes the list of masks
 * to take off the sum, and starts the sums. docs/protocol.md section 8. */
#include <sodium.h>
#include <string.h>

#include "core/unmasking.h"
#include "server/engine_internal.h"

struct work {
  struct server *server;
  const struct job *job;
  struct round_row row;
  struct round_ref ref;
  struct unmasking unmasking;
  struct digest *answers; /* by member: H of its answer */
  bool solved;
};

static void work_done(struct work *w)
{
  unmasking_done(&w->unmasking);
  free(w->answers);
  round_ref_done(&w->ref);
  round_row_done(&w->row);
}

static enum err load_answer(struct work *w, uint32_t i, struct bytes bytes)
{
  AUTO(json_drop) json_t *event = NULL;
  struct unmask_event answer;
  TRY(event_parse(&event, bytes, NULL));
  TRY(event_hash(&w->answers[i], event));
  TRY(unmask_parse(&answer, event, NULL));
  enum err e = unmasking_add(&w->unmasking, i, &answer);
  unmask_done(&answer);
  return e == OK ? OK : E_INTERNAL; /* it was checked before it was accepted */
}

static enum err load_answers(struct db *db, struct work *w)
{
  int64_t after = -1;
  for (;;) {
    AUTO(db_rows_done) struct db_rows rows = {0};
    TRY(db_query(db, Q_UNMASK_PAGE, &rows,
                 DB_ARGS(DB_FIXED(&w->row.ctx), DB_INT(after))));
    if (!rows.len)
      return OK;
    for (unsigned i = 0; i < rows.len; i++) {
      after = db_int(&rows, i, 0);
      if (after >= w->ref.round->n)
        return E_INTERNAL;
      TRY(load_answer(w, (uint32_t)after, db_bytes(&rows, i, 1)));
    }
  }
}

struct deals_reader {
  struct db *db;
  const struct round *round;
};

/* A dealer's commitments: the a-points or the s-points of its deals. */
static enum err read_commitments(void *arg, uint32_t dealer, bool self, struct point *out)
{
  const struct deals_reader *d = arg;
  unsigned k = d->round->graph.p.k;
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(d->db, Q_SHARE_DEALS, &rows,
               DB_ARGS(DB_FIXED(&d->round->open->ctx), DB_INT(dealer))));
  struct bytes deals = db_bytes(&rows, 0, 0);
  if (deals.len != (size_t)k * DEAL_BYTES)
    return E_INTERNAL;
  for (unsigned c = 0; c < k; c++)
    memcpy(out[c].b, deals.data + c * (size_t)DEAL_BYTES + (self ? 32 : 0), 32);
  return OK;
}

static enum err store_masks(struct db *db, const struct work *w)
{
  const struct mask_list *masks = &w->unmasking.masks;
  size_t len = masks->len * MASK_BYTES;
  uint8_t *bytes = must_calloc(MAX(len, 1u), 1);
  for (size_t i = 0; i < masks->len; i++) {
    memcpy(bytes + i * MASK_BYTES, masks->masks[i].key.b, 32);
    bytes[i * MASK_BYTES + 32] = masks->masks[i].sign;
  }
  enum err e =
      db_run(db, Q_MASKS_STORE, DB_ARGS(DB_FIXED(&w->row.ctx), DB_BYTES(bytes, len)));
  sodium_memzero(bytes, len);
  free(bytes);
  return e;
}

static enum err start_sums(struct db *db, const struct work *w)
{
  int64_t sum;
  TRY(store_masks(db, w));
  TRY(blob_create(db, &sum, w->row.length));
  TRY(db_run(db, Q_JOB_ADD_PARTS,
             DB_ARGS(DB_TEXT("sum"), DB_FIXED(&w->row.ctx), DB_INT(w->row.chunks))));
  TRY(db_run(db, Q_ROUND_TO_FINAL, DB_ARGS(DB_FIXED(&w->row.ctx), DB_INT(sum))));
  TRY(db_notify(db, "jobs"));
  return tell_changed(db, &w->row);
}

static enum err finish(struct db *db, void *arg)
{
  struct work *w = arg;
  AUTO(round_row_done) struct round_row now = {0};
  TRY(round_row_get(db, Q_ROUND_LOCK, &w->row.ctx, &now));
  TRY(job_done(db, w->job));
  if (now.phase != PHASE_UNMASK)
    return OK; /* another process was faster */
  const struct round *r = w->ref.round;
  for (uint32_t i = 0; i < r->n; i++)
    if (w->unmasking.wrong[i])
      TRY(db_run(db, Q_ROUND_CONVICT,
                 DB_ARGS(DB_FIXED(&w->row.ctx), DB_FIXED(&r->members[i].id),
                         DB_FIXED(&w->answers[i]), DB_TEXT("bad-share"))));
  return w->solved ? start_sums(db, w) : OK;
}

enum err job_unmask(struct server *s, struct db *db, const struct job *job)
{
  AUTO(work_done) struct work w = {.server = s, .job = job};
  TRY(round_row_get(db, Q_ROUND_ROW, &job->ctx, &w.row));
  TRY(round_get(s, db, &w.row, &w.ref));
  unmasking_init(&w.unmasking, w.ref.round);
  w.answers = must_calloc(w.ref.round->n, sizeof *w.answers);
  if (w.row.phase == PHASE_UNMASK) {
    struct deals_reader deals = {db, w.ref.round};
    TRY(load_answers(db, &w));
    enum err e =
        unmasking_solve(&w.unmasking, (struct commitments){read_commitments, &deals});
    if (e != E_THRESHOLD) /* with more answers there is another try */
      TRY(e);
    w.solved = e == OK;
  }
  return db_transaction(db, finish, &w);
}
