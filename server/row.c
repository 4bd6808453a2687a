/* SPDX-License-Identifier: Apache-2.0
 * A round as the database holds it. */
#include "server/row.h"

#include <stdio.h>
#include <string.h>

/* Seconds after its deadline in which a phase still takes messages. */
#define LATE 2.0

const char *const phase_names[PHASES] = {
#define X(name, text, failed) [name] = text,
    PHASE_TABLE(X)
#undef X
};

const char *const phase_failed_names[PHASES] = {
#define X(name, text, failed) [name] = failed,
    PHASE_TABLE(X)
#undef X
};

enum phase phase_find(const char *name)
{
  unsigned p = 0;
  while (p < PHASES && strcmp(phase_names[p], name) != 0)
    p++;
  return (enum phase)p;
}

void round_row_done(struct round_row *row)
{
  buf_done(&row->open);
  buf_done(&row->u1);
  buf_done(&row->u2);
}

static void copy_text(char *out, size_t size, const char *text)
{
  snprintf(out, size, "%s", text ? text : "");
}

static enum err copy_bytes(struct buf *out, struct bytes b)
{
  return b.len ? buf_put(out, b.data, b.len) : OK;
}

/* The columns of round_view, in order. */
enum column {
  C_CTX,
  C_MODEL,
  C_VERSION,
  C_ROUND,
  C_ATTEMPT,
  C_PHASE,
  C_OPENED,
  C_DEADLINE,
  C_ENDED,
  C_NOW,
  C_OPEN,
  C_MINIMUM,
  C_MAXIMUM,
  C_LENGTH,
  C_CHUNKS,
  C_BASE,
  C_BASE_STATE,
  C_N,
  C_JOINS_ROOT,
  C_ROSTER,
  C_GRAPH,
  C_BEACON,
  C_U1,
  C_SHARERS,
  C_U2,
  C_SURVIVORS,
  C_JOINS_DOC,
  C_SHARES_DOC,
  C_UPDATES_DOC,
  C_UNMASKS_DOC,
  C_SUM,
  C_FAILURE
};

static void read_hashes(const struct db_rows *r, unsigned at, struct round_row *o)
{
  db_fixed(r, at, C_JOINS_ROOT, &o->joins_root, 32);
  db_fixed(r, at, C_ROSTER, &o->roster_hash, 32);
  o->has_graph = db_fixed(r, at, C_GRAPH, &o->graph_hash, 32);
  o->has_beacon = db_fixed(r, at, C_BEACON, &o->beacon, 32);
  db_fixed(r, at, C_SHARERS, &o->sharers_hash, 32);
  db_fixed(r, at, C_SURVIVORS, &o->survivors_hash, 32);
}

enum err round_row_read(const struct db_rows *r, unsigned at, struct round_row *out)
{
  struct round_row o = {.version = db_int(r, at, C_VERSION),
                        .round = db_int(r, at, C_ROUND),
                        .attempt = db_int(r, at, C_ATTEMPT),
                        .phase = phase_find(db_text(r, at, C_PHASE)),
                        .opened_at = db_real(r, at, C_OPENED),
                        .ended_at = db_real(r, at, C_ENDED),
                        .now_at = db_real(r, at, C_NOW),
                        .has_deadline = !db_null(r, at, C_DEADLINE),
                        .deadline_at = db_real(r, at, C_DEADLINE),
                        .minimum = (unsigned)db_int(r, at, C_MINIMUM),
                        .maximum = (unsigned)db_int(r, at, C_MAXIMUM),
                        .n = (unsigned)db_int(r, at, C_N),
                        .length = (uint64_t)db_int(r, at, C_LENGTH),
                        .chunks = (uint64_t)db_int(r, at, C_CHUNKS),
                        .base = db_int(r, at, C_BASE),
                        .base_state = db_int(r, at, C_BASE_STATE),
                        .joins_doc = db_int(r, at, C_JOINS_DOC),
                        .shares_doc = db_int(r, at, C_SHARES_DOC),
                        .updates_doc = db_int(r, at, C_UPDATES_DOC),
                        .unmasks_doc = db_int(r, at, C_UNMASKS_DOC),
                        .sum = db_int(r, at, C_SUM)};
  if (o.phase == PHASES || !db_fixed(r, at, C_CTX, &o.ctx, sizeof o.ctx))
    return E_INTERNAL;
  copy_text(o.model, sizeof o.model, db_text(r, at, C_MODEL));
  copy_text(o.failure, sizeof o.failure, db_text(r, at, C_FAILURE));
  read_hashes(r, at, &o);
  enum err e = copy_bytes(&o.open, db_bytes(r, at, C_OPEN));
  if (e == OK)
    e = copy_bytes(&o.u1, db_bytes(r, at, C_U1));
  if (e == OK)
    e = copy_bytes(&o.u2, db_bytes(r, at, C_U2));
  if (e != OK) {
    round_row_done(&o);
    return e;
  }
  round_row_done(out);
  *out = o;
  return OK;
}

enum err round_row_get(struct db *db, enum query q, const struct digest *ctx,
                       struct round_row *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, q, &rows, DB_ARGS(DB_FIXED(ctx))));
  return rows.len ? round_row_read(&rows, 0, out) : E_NOT_FOUND;
}

bool round_row_takes(const struct round_row *row, enum phase phase)
{
  if (row->phase != phase)
    return false;
  return phase == PHASE_UNMASK || !row->has_deadline ||
         row->now_at <= row->deadline_at + LATE;
}

static enum err load_members(struct db *db, const struct round_row *row, struct round *r)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_ROUND_MEMBERS, &rows, DB_ARGS(DB_FIXED(&row->ctx))));
  if (rows.len != row->n)
    return E_INTERNAL;
  AUTO(free_drop) struct member *members = must_calloc(rows.len, sizeof *members);
  for (unsigned i = 0; i < rows.len; i++)
    if (!db_fixed(&rows, i, 0, &members[i].id, 32) ||
        !db_fixed(&rows, i, 1, &members[i].organisation, 16) ||
        !db_fixed(&rows, i, 2, &members[i].mask_key, 32) ||
        !db_fixed(&rows, i, 3, &members[i].share_key, 32) ||
        !db_fixed(&rows, i, 4, &members[i].self_key, 32))
      return E_INTERNAL;
  round_set_members(r, members, rows.len, &row->joins_root, &row->roster_hash);
  return OK;
}

enum err round_build(const struct server *s, struct db *db, const struct round_row *row,
                     struct round **out)
{
  AUTO(round_drop) struct round *r = NULL;
  AUTO(json_drop) json_t *open = NULL;
  TRY(event_parse(&open, buf_bytes(&row->open), NULL));
  TRY(round_new(&r, &s->instance, &s->coordinator, s->anchored, open, NULL));
  if (row->n)
    TRY(load_members(db, row, r));
  if (row->has_graph) {
    TRY(round_make_graph(r, row->has_beacon ? BYTES_OF(row->beacon) : BYTES(NULL, 0)));
    r->graph_hash = row->graph_hash;
  }
  if (row->u1.len)
    round_set_sharers(r, row->u1.data, &row->sharers_hash);
  if (row->u2.len)
    round_set_survivors(r, row->u2.data, &row->survivors_hash);
  *out = STEAL(r);
  return OK;
}
