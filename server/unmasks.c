/* SPDX-License-Identifier: Apache-2.0
 * UNMASK: the answers, and whether they are enough. */
#include <string.h>

#include "core/le.h"
#include "core/mask.h"
#include "server/accept.h"
#include "server/rounds.h"

struct answering {
  struct unmask_event unmask;
  struct buf nulls;
};

static void answering_done(struct answering *a)
{
  unmask_done(&a->unmask);
  buf_done(&a->nulls);
}

static enum err unmask_insert(struct db *db, struct accept *a, void *arg)
{
  const struct answering *u = arg;
  return db_run(db, Q_UNMASK_INSERT,
                DB_ARGS(DB_FIXED(&a->row.ctx), DB_INT(a->member), DB_INT(a->seq),
                        DB_BUF(&u->nulls)));
}

/* Compares the answer with the sender's own manifest. */
static enum err check_answer(struct request *rq, const struct accept *a,
                             struct answering *u)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *event = NULL;
  AUTO(update_done) struct update_event manifest = {0};
  const struct round *r = a->ref.round;
  TRY(db_query(rq->db, Q_UPDATE_EVENT, &rows,
               DB_ARGS(DB_FIXED(&a->row.ctx), DB_INT(a->member))));
  TRY(event_parse(&event, db_bytes(&rows, 0, 0), NULL));
  TRY(update_parse(&manifest, event, NULL));
  TRY(round_check_answer(r, a->member, &u->unmask, &manifest, rq->why));
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  unsigned len = round_neighbours_in(r, a->member, r->sharers, near);
  for (unsigned c = 0; c < len; c++)
    if (!u->unmask.given[c]) {
      uint8_t le[4];
      le32_put(le, near[c]);
      TRY(buf_put(&u->nulls, le, sizeof le));
    }
  return OK;
}

enum err unmasks_post(struct request *rq, struct reply *rp)
{
  AUTO(accept_done) struct accept a = {.type = "unmask", .phase = PHASE_UNMASK};
  AUTO(answering_done) struct answering u = {0};
  const struct field fields[] = {FIELD_OBJECT("event", &a.event), FIELD_END};
  TRY(request_json(rq, &a.root, fields));
  TRY(unmask_parse(&u.unmask, a.event, rq->why));
  a.header = u.unmask.header;
  TRY(accept_check(rq, &a));
  if (!a.known) {
    if (memcmp(&u.unmask.survivors, &a.row.survivors_hash, 32) != 0)
      return why_set(rq->why, E_CONTEXT, "survivors", "is not the hash of this round's");
    TRY(accept_member(rq, &a, ACCEPT_SURVIVORS));
    TRY(check_answer(rq, &a, &u));
    TRY(accept_commit(rq, &a, Q_ROUND_SHARE, unmask_insert, &u));
  }
  accept_reply(rp, &a);
  return OK;
}

/* Adds what member i's answer is worth to each neighbour's count. */
static void count_answer(const struct round *r, uint32_t i, struct bytes nulls,
                         unsigned *have, uint32_t *near)
{
  unsigned len = round_neighbours_in(r, i, r->sharers, near);
  for (unsigned c = 0; c < len; c++)
    have[near[c]]++;
  for (size_t at = 0; at + 4 <= nulls.len; at += 4) {
    uint32_t j = le32_get(nulls.data + at);
    if (j < r->n)
      have[j]--;
  }
}

enum err unmask_solvable(struct db *db, const struct round *r, bool *yes)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(free_drop) unsigned *have = must_calloc(r->n, sizeof *have);
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  bool solvable = true;
  TRY(db_query(db, Q_UNMASK_GIVEN, &rows, DB_ARGS(DB_FIXED(&r->open->ctx))));
  for (unsigned i = 0; i < rows.len; i++)
    count_answer(r, (uint32_t)db_int(&rows, i, 0), db_bytes(&rows, i, 1), have, near);
  for (uint32_t j = 0; j < r->n && solvable; j++) {
    if (!set_has(r->sharers, j))
      continue;
    bool needed =
        set_has(r->survivors, j) || round_neighbours_in(r, j, r->survivors, near);
    solvable = !needed || have[j] >= r->graph.p.t;
  }
  *yes = solvable;
  return OK;
}
