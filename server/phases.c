/* SPDX-License-Identifier: Apache-2.0
 * Ending a phase: one transaction that takes the round's row exclusively, so that what it
 * says contains everything that was accepted. docs/protocol.md sections 4 to 8. */
#include <stdio.h>
#include <string.h>

#include "server/anchors.h"
#include "server/engine_internal.h"

struct closing {
  struct server *server;
  struct digest ctx;
  struct round_row row;
  const struct round *round;
  struct round *own;    /* JOIN, ROSTER: the round is being made */
  struct round_ref ref; /* else: the process's */
};

static void closing_clear(struct closing *c)
{
  round_row_done(&c->row);
  round_ref_done(&c->ref);
  round_free(c->own);
  c->own = NULL;
}

/* The attempt ends here; the document made for its next phase is not needed. */
static enum err fail(struct db *db, struct closing *c, int64_t doc, enum err e)
{
  if (doc)
    TRY(blob_delete(db, doc));
  return tell_failed(c->server, db, &c->row, err_info(e)->slug);
}

/* ---- JOIN → SHARE ---- */

/* The tests' own chain: the roster stands in block round*1000 + attempt. */
static uint64_t simulated_beacon(struct digest *out, const struct closing *c)
{
  uint64_t block = (uint64_t)c->row.round * 1000 + (uint64_t)c->row.attempt +
                   c->round->open->beacon_distance;
  round_simulated_block(out, &c->ctx, block);
  return block;
}

/* Whether the graph will be sparse, and so needs a beacon. E_THRESHOLD when no parameters
 * fit. */
static enum err find_sparse(const struct closing *c, bool *sparse)
{
  struct graph_params p;
  const struct open_event *open = c->round->open;
  TRY(graph_params_find(&p, c->round->n, open->corrupt_bp, open->dropout_bp,
                        c->round->anchored));
  *sparse = !p.complete;
  return OK;
}

/* Draws the graph, says so and begins SHARE. block: of the beacon, or -1. */
static enum err begin_share(struct db *db, struct closing *c, int64_t block,
                            const struct digest *beacon, int64_t doc)
{
  struct digest hash;
  bool sparse = block >= 0;
  const struct open_event *open = c->round->open;
  TRY(round_make_graph(c->own, sparse ? BYTES_OF(*beacon) : BYTES(NULL, 0)));
  const struct graph_params *p = &c->round->graph.p;
  AUTO(json_drop)
  json_t *event = graph_build(open, &c->round->roster_hash, p->k, p->t, block, beacon);
  TRY(tell(c->server, db, &c->row, event, &hash));
  TRY(db_run(db, Q_ROUND_TO_SHARE,
             DB_ARGS(DB_FIXED(&c->ctx), DB_REAL((double)open->deadline[DEADLINE_SHARE]),
                     DB_INT(c->row.n), DB_INT(p->k), DB_INT(p->t),
                     DB_FIXED(&c->row.joins_root), DB_FIXED(&c->row.roster_hash),
                     DB_FIXED(&hash), sparse ? DB_FIXED(beacon) : DB_NULL, DB_INT(doc))));
  return tell_changed(db, &c->row);
}

static enum err say_roster(struct db *db, struct closing *c, int64_t *doc)
{
  unsigned n = 0;
  TRY(db_run(db, Q_JOIN_NUMBER, DB_ARGS(DB_FIXED(&c->ctx))));
  TRY(document_make(db, &c->ctx, DOCUMENT_JOINS, doc, &c->row.joins_root, &n, NULL));
  if (n < c->row.minimum)
    return E_THRESHOLD;
  AUTO(json_drop) json_t *event = roster_build(c->round->open, n, &c->row.joins_root);
  TRY(tell(c->server, db, &c->row, event, &c->row.roster_hash));
  c->row.n = n;
  return OK;
}

static enum err set_members(struct db *db, struct closing *c)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_ROUND_MEMBERS, &rows, DB_ARGS(DB_FIXED(&c->ctx))));
  AUTO(free_drop) struct member *m = must_calloc(c->row.n, sizeof *m);
  for (unsigned i = 0; i < rows.len && i < c->row.n; i++)
    if (!db_fixed(&rows, i, 0, &m[i].id, 32) ||
        !db_fixed(&rows, i, 2, &m[i].mask_key, 32))
      return E_INTERNAL;
  round_set_members(c->own, m, c->row.n, &c->row.joins_root, &c->row.roster_hash);
  return OK;
}

/* On a real chain a sparse graph waits until its roster stands there. */
static enum err begin_roster(struct db *db, struct closing *c, int64_t doc)
{
  TRY(anchor_the_roster(c->server, db, &c->row, c->round->open->beacon_distance));
  TRY(db_run(db, Q_ROUND_TO_ROSTER,
             DB_ARGS(DB_FIXED(&c->ctx), DB_INT(c->row.n), DB_FIXED(&c->row.joins_root),
                     DB_FIXED(&c->row.roster_hash), DB_INT(doc))));
  return tell_changed(db, &c->row);
}

static enum err close_join(struct db *db, struct closing *c)
{
  int64_t doc = 0, block = -1;
  struct digest beacon = {0};
  bool sparse = false;
  enum err e = say_roster(db, c, &doc);
  if (e == OK)
    TRY(set_members(db, c));
  if (e == OK)
    e = find_sparse(c, &sparse);
  if (e == E_THRESHOLD)
    return fail(db, c, doc, e);
  TRY(e);
  if (sparse && c->server->chain.on)
    return begin_roster(db, c, doc);
  if (sparse)
    block = (int64_t)simulated_beacon(&beacon, c);
  return begin_share(db, c, block, &beacon, doc);
}

/* ---- ROSTER → SHARE ---- */

static enum err close_roster(struct db *db, struct closing *c)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest beacon;
  TRY(db_query(db, Q_CHAIN_BEACON, &rows, DB_ARGS(DB_FIXED(&c->ctx))));
  if (!rows.len) /* due without a beacon: it was refused */
    return tell_failed(c->server, db, &c->row, err_info(E_POLICY)->slug);
  if (!db_fixed(&rows, 0, 1, &beacon, sizeof beacon))
    return E_INTERNAL;
  return begin_share(db, c, db_int(&rows, 0, 0), &beacon, c->row.joins_doc);
}

/* ---- SHARE → UPLOAD ---- */

static enum err close_share(struct db *db, struct closing *c)
{
  size_t size = (c->row.n + 7) / 8;
  AUTO(free_drop) uint8_t *set = must_calloc(size, 1);
  struct digest root, hash;
  int64_t doc = 0;
  unsigned count;
  TRY(document_make(db, &c->ctx, DOCUMENT_SHARES, &doc, &root, &count, set));
  enum err e = round_check_sharers(c->round, set, NULL);
  if (e != OK)
    return fail(db, c, doc, e);
  AUTO(json_drop)
  json_t *event =
      set_build("sharers", c->round->open, &c->row.graph_hash, set, c->row.n, &root);
  TRY(tell(c->server, db, &c->row, event, &hash));
  TRY(db_run(db, Q_ROUND_TO_UPLOAD,
             DB_ARGS(DB_FIXED(&c->ctx),
                     DB_REAL((double)c->round->open->deadline[DEADLINE_UPLOAD]),
                     DB_BYTES(set, size), DB_FIXED(&hash), DB_INT(doc))));
  return tell_changed(db, &c->row);
}

/* ---- UPLOAD → UNMASK, with a chain by SURVIVORS ---- */

/* The same check that clients make (docs/protocol.md section 8): a sum over nearly the
 * same people as an earlier one over this base would show the difference. */
static enum err check_similar(struct db *db, const struct closing *c)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_ROUND_SIMILAR, &rows, DB_ARGS(DB_FIXED(&c->ctx))));
  return rows.len ? E_SIMILAR : OK;
}

static enum err close_upload(struct db *db, struct closing *c)
{
  size_t size = (c->row.n + 7) / 8;
  AUTO(free_drop) uint8_t *set = must_calloc(size, 1);
  AUTO(manifests_done) struct manifests m = {0};
  struct digest root, hash;
  int64_t doc = 0;
  unsigned count = 0;
  TRY(document_make(db, &c->ctx, DOCUMENT_UPDATES, &doc, &root, &count, set));
  TRY(manifests_load(&m, db, &c->ctx, c->row.n));
  enum err e = round_check_survivors(c->round, set, m.lists, NULL);
  if (e == OK)
    e = check_similar(db, c);
  if (e == E_THRESHOLD || e == E_SIMILAR)
    return fail(db, c, doc, e);
  TRY(e);
  AUTO(json_drop)
  json_t *event =
      set_build("survivors", c->round->open, &c->row.sharers_hash, set, c->row.n, &root);
  TRY(tell(c->server, db, &c->row, event, &hash));
  if (c->server->chain.on) {
    TRY(anchor_the_survivors(c->server, db, &c->row, c->round->open, &hash, count));
    TRY(db_run(db, Q_ROUND_TO_SURVIVORS,
               DB_ARGS(DB_FIXED(&c->ctx), DB_BYTES(set, size), DB_FIXED(&hash),
                       DB_INT(doc), DB_INT(count))));
    return tell_changed(db, &c->row);
  }
  TRY(db_run(db, Q_ROUND_TO_UNMASK,
             DB_ARGS(DB_FIXED(&c->ctx),
                     DB_REAL((double)c->round->open->deadline[DEADLINE_UNMASK]),
                     DB_BYTES(set, size), DB_FIXED(&hash), DB_INT(doc), DB_INT(count))));
  return tell_changed(db, &c->row);
}

/* Final, or refused: it is due with nothing else. */
static enum err close_survivors(struct db *db, struct closing *c)
{
  struct outbox_state anchor;
  TRY(outbox_find(db, OUTBOX_SURVIVORS, c->row.model, &c->ctx, &anchor));
  if (strcmp(anchor.state, "final") != 0)
    return tell_failed(c->server, db, &c->row, err_info(E_POLICY)->slug);
  TRY(db_run(db, Q_ROUND_ANCHORED,
             DB_ARGS(DB_FIXED(&c->ctx),
                     DB_REAL((double)c->round->open->deadline[DEADLINE_UNMASK]))));
  return tell_changed(db, &c->row);
}

/* ---- UNMASK → (job) ---- */

/* Hands the answers to a job as soon as they rebuild everything; one try for each number
 * of answers. */
static enum err close_unmask(struct db *db, struct closing *c)
{
  AUTO(db_rows_done) struct db_rows counts = {0};
  bool solvable = false;
  TRY(unmask_solvable(db, c->round, &solvable));
  if (!solvable)
    return OK;
  TRY(db_query(db, Q_ROUND_COUNTS, &counts, DB_ARGS(DB_FIXED(&c->ctx))));
  return job_add(db, "unmask", NULL, &c->ctx, db_int(&counts, 0, 3));
}

static enum err close_nothing(struct db *db, struct closing *c)
{
  return OK;
}

/* How each phase ends when its deadline has passed or nobody is awaited any more. */
static enum err (*const closings[PHASES])(struct db *db, struct closing *c) = {
    [PHASE_JOIN] = close_join,           [PHASE_ROSTER] = close_roster,
    [PHASE_SHARE] = close_share,         [PHASE_UPLOAD] = close_upload,
    [PHASE_SURVIVORS] = close_survivors, [PHASE_UNMASK] = close_unmask,
    [PHASE_FINAL] = close_nothing,       [PHASE_DONE] = close_nothing,
    [PHASE_FAILED] = close_nothing,
};

/* Whether it is still due now that nobody else can change it. */
static enum err still_due(struct db *db, const struct digest *ctx, bool *due)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_ROUND_DUE, &rows, DB_ARGS(DB_FIXED(ctx))));
  *due = rows.len == 1;
  return OK;
}

static enum err close_run(struct db *db, void *arg)
{
  struct closing *c = arg;
  bool due = false;
  closing_clear(c);
  enum err e = round_row_get(db, Q_ROUND_CLAIM, &c->ctx, &c->row);
  if (e == E_NOT_FOUND) /* somebody is at it, or is being accepted right now */
    return E_BUSY;
  TRY(e);
  TRY(still_due(db, &c->ctx, &due));
  if (!due)
    return OK;
  if (c->row.phase == PHASE_JOIN || c->row.phase == PHASE_ROSTER)
    TRY(round_build(c->server, db, &c->row, &c->own));
  else
    TRY(round_get(c->server, db, &c->row, &c->ref));
  c->round = c->own ? c->own : c->ref.round;
  return closings[c->row.phase](db, c);
}

enum err phase_close(struct server *s, struct db *db, const struct digest *ctx)
{
  struct closing c = {.server = s, .ctx = *ctx};
  enum err e = db_transaction(db, close_run, &c);
  closing_clear(&c);
  return e;
}
