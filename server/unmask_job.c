/* SPDX-License-Identifier: Apache-2.0
 * The job `unmask`: rebuilds the secrets that the answers reveal, makes the list of masks
 * to take off the sum, and starts the sums. docs/protocol.md section 8. */
#include <sodium.h>
#include <string.h>

#include "core/mask.h"
#include "server/engine_internal.h"

/* One member's answer: a share for each neighbour in U1. */
struct answer {
  struct unmask_event event; /* event.len 0: none */
  uint32_t *near;
  struct identity id;
  struct digest hash;
};

struct unmasking {
  struct server *server;
  const struct job *job;
  struct round_row row;
  struct round_ref ref;
  struct answer *answers; /* by member */
  struct mask_list masks;
  bool *wrong; /* by member: sent a share that does not fit */
  bool solved;
};

static void unmasking_done(struct unmasking *u)
{
  for (unsigned i = 0; u->answers && i < u->ref.round->n; i++) {
    unmask_done(&u->answers[i].event);
    free(u->answers[i].near);
  }
  free(u->answers);
  free(u->wrong);
  mask_list_done(&u->masks);
  round_ref_done(&u->ref);
  round_row_done(&u->row);
}

static enum err load_answer(struct unmasking *u, uint32_t i, struct bytes bytes)
{
  const struct round *r = u->ref.round;
  AUTO(json_drop) json_t *event = NULL;
  struct answer *a = &u->answers[i];
  TRY(event_parse(&event, bytes, NULL));
  TRY(event_hash(&a->hash, event));
  TRY(unmask_parse(&a->event, event, NULL));
  a->near = must_calloc(r->graph.p.k, sizeof *a->near);
  a->id = r->members[i].id;
  return round_neighbours_in(r, i, r->sharers, a->near) == a->event.len ? OK : E_INTERNAL;
}

static enum err load_answers(struct db *db, struct unmasking *u)
{
  int64_t after = -1;
  unsigned n = u->ref.round->n;
  u->answers = must_calloc(n, sizeof *u->answers);
  u->wrong = must_calloc(n, sizeof *u->wrong);
  for (;;) {
    AUTO(db_rows_done) struct db_rows rows = {0};
    TRY(db_query(db, Q_UNMASK_PAGE, &rows,
                 DB_ARGS(DB_FIXED(&u->row.ctx), DB_INT(after))));
    if (!rows.len)
      return OK;
    for (unsigned i = 0; i < rows.len; i++) {
      after = db_int(&rows, i, 0);
      if (after >= n)
        return E_INTERNAL;
      TRY(load_answer(u, (uint32_t)after, db_bytes(&rows, i, 1)));
    }
  }
}

/* i's share of j's secret, if i gave one. */
static const struct secret_scalar *share_of(const struct answer *a, uint32_t j)
{
  unsigned low = 0, high = a->event.len;
  while (low < high) {
    unsigned middle = low + (high - low) / 2;
    if (a->near[middle] < j)
      low = middle + 1;
    else
      high = middle;
  }
  bool there = low < a->event.len && a->near[low] == j && a->event.given[low];
  return there ? &a->event.shares[low] : NULL;
}

/* j's commitments to the shares that were revealed: the a-points or the s-points. */
static enum err load_commitments(struct db *db, const struct round *r, uint32_t j,
                                 bool self, const struct revealed *shares, unsigned m,
                                 struct point *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  TRY(db_query(db, Q_SHARE_DEALS, &rows, DB_ARGS(DB_FIXED(&r->open->ctx), DB_INT(j))));
  struct bytes deals = db_bytes(&rows, 0, 0);
  graph_neighbours(&r->graph, j, near);
  for (unsigned c = 0, place = 0; c < m; c++) {
    while (place < r->graph.p.k && near[place] != shares[c].from)
      place++;
    if ((place + 1) * (size_t)DEAL_BYTES > deals.len)
      return E_INTERNAL;
    memcpy(out[c].b, deals.data + place * (size_t)DEAL_BYTES + (self ? 32 : 0), 32);
  }
  return OK;
}

/* Rebuilds s_j (self) or a_j from what was revealed; notes who sent wrong shares. */
static enum err rebuild(struct db *db, struct unmasking *u, uint32_t j, bool self,
                        struct revealed *shares, struct secret_scalar *out)
{
  const struct round *r = u->ref.round;
  const struct member *member = &r->members[j];
  const struct point *expected = self ? &member->self_key : &member->mask_key;
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  unsigned m = 0;
  graph_neighbours(&r->graph, j, near);
  for (unsigned c = 0; c < r->graph.p.k; c++) {
    const struct secret_scalar *s = share_of(&u->answers[near[c]], j);
    if (s)
      shares[m++] = (struct revealed){near[c], *s, false};
  }
  enum err e = mask_rebuild(out, expected, shares, m, r->graph.p.t, NULL);
  if (e != E_SHARES)
    return e;
  AUTO(free_drop) struct point *points = must_calloc(m, sizeof *points);
  TRY(load_commitments(db, r, j, self, shares, m, points));
  e = mask_rebuild(out, expected, shares, m, r->graph.p.t, points);
  for (unsigned c = 0; c < m; c++)
    u->wrong[shares[c].from] |= shares[c].wrong;
  return e;
}

/* Every s of U2, and every a of U1 outside U2 with a neighbour in U2. */
static enum err rebuild_all(struct db *db, struct unmasking *u, struct revealed *shares)
{
  const struct round *r = u->ref.round;
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  struct secret_scalar secret;
  enum err result = OK;
  for (uint32_t j = 0; j < r->n; j++) {
    bool self = set_has(r->survivors, j);
    if (!self &&
        (!set_has(r->sharers, j) || !round_neighbours_in(r, j, r->survivors, near)))
      continue;
    enum err e = rebuild(db, u, j, self, shares, &secret);
    if (e == E_THRESHOLD) { /* go on: all the wrong ones shall be named */
      result = e;
      continue;
    }
    TRY(e);
    e = self ? mask_remove_self(&u->masks, r, &secret)
             : mask_remove_pairs(&u->masks, r, j, &secret);
    sodium_memzero(&secret, sizeof secret);
    TRY(e);
  }
  return result;
}

static enum err store_masks(struct db *db, const struct unmasking *u)
{
  size_t len = u->masks.len * MASK_BYTES;
  uint8_t *bytes = must_calloc(MAX(len, 1u), 1);
  for (size_t i = 0; i < u->masks.len; i++) {
    memcpy(bytes + i * MASK_BYTES, u->masks.masks[i].key.b, 32);
    bytes[i * MASK_BYTES + 32] = u->masks.masks[i].sign;
  }
  enum err e =
      db_run(db, Q_MASKS_STORE, DB_ARGS(DB_FIXED(&u->row.ctx), DB_BYTES(bytes, len)));
  sodium_memzero(bytes, len);
  free(bytes);
  return e;
}

static enum err start_sums(struct db *db, const struct unmasking *u)
{
  int64_t sum;
  TRY(store_masks(db, u));
  TRY(blob_create(db, &sum, u->row.length));
  TRY(db_run(db, Q_JOB_ADD_PARTS,
             DB_ARGS(DB_TEXT("sum"), DB_FIXED(&u->row.ctx), DB_INT(u->row.chunks))));
  TRY(db_run(db, Q_ROUND_TO_FINAL, DB_ARGS(DB_FIXED(&u->row.ctx), DB_INT(sum))));
  TRY(db_notify(db, "jobs"));
  return tell_changed(db, &u->row);
}

static enum err finish(struct db *db, void *arg)
{
  struct unmasking *u = arg;
  AUTO(round_row_done) struct round_row now = {0};
  TRY(round_row_get(db, Q_ROUND_LOCK, &u->row.ctx, &now));
  TRY(job_done(db, u->job));
  if (now.phase != PHASE_UNMASK)
    return OK; /* another process was faster */
  for (unsigned i = 0; i < u->ref.round->n; i++)
    if (u->wrong[i])
      TRY(db_run(db, Q_ROUND_CONVICT,
                 DB_ARGS(DB_FIXED(&u->row.ctx), DB_FIXED(&u->answers[i].id),
                         DB_FIXED(&u->answers[i].hash), DB_TEXT("bad-share"))));
  return u->solved ? start_sums(db, u) : OK;
}

enum err job_unmask(struct server *s, struct db *db, const struct job *job)
{
  AUTO(unmasking_done) struct unmasking u = {.server = s, .job = job};
  TRY(round_row_get(db, Q_ROUND_ROW, &job->ctx, &u.row));
  TRY(round_get(s, db, &u.row, &u.ref));
  if (u.row.phase == PHASE_UNMASK) {
    unsigned k = u.ref.round->graph.p.k;
    TRY(load_answers(db, &u));
    struct revealed *shares = must_calloc(k, sizeof *shares);
    enum err e = rebuild_all(db, &u, shares);
    sodium_memzero(shares, k * sizeof *shares);
    free(shares);
    if (e != E_THRESHOLD) /* with more answers there is another try */
      TRY(e);
    u.solved = e == OK;
  } else {
    u.answers = must_calloc(u.ref.round->n, sizeof *u.answers);
    u.wrong = must_calloc(u.ref.round->n, sizeof *u.wrong);
  }
  return db_transaction(db, finish, &u);
}
