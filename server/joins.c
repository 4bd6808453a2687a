/* SPDX-License-Identifier: Apache-2.0
 * JOIN: who takes part, with which keys. */
#include <string.h>

#include "server/accept.h"
#include "server/rounds.h"

struct joining {
  struct join_event join;
  struct organisation organisation;
  int64_t admit;
  struct why *why;
};

/* Enrolled, admitted, not suspended, not excluded from this attempt. */
static enum err check_standing(struct request *rq, const struct accept *a,
                               struct joining *j)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct round_ref ref = {0};
  bool excluded = false;
  TRY(db_query(rq->db, Q_JOIN_STANDING, &rows,
               DB_ARGS(DB_FIXED(&a->header.participant), DB_TEXT(a->row.model))));
  if (!rows.len)
    return E_NOT_ENROLLED;
  const char *status = db_text(&rows, 0, 1);
  if (!status)
    return E_NOT_ADMITTED;
  if (strcmp(status, "admitted") != 0)
    return E_SUSPENDED;
  db_fixed(&rows, 0, 0, &j->organisation, sizeof j->organisation);
  j->admit = db_int(&rows, 0, 2);
  TRY(round_get(rq->server, rq->db, &a->row, &ref));
  const struct open_event *open = ref.round->open;
  for (unsigned x = 0; x < open->excluded_len; x++)
    excluded |= !memcmp(&open->excluded[x], &a->header.participant, 32);
  round_ref_done(&ref);
  return excluded ? why_set(rq->why, E_NOT_ADMITTED, "participant",
                            "was convicted in an earlier attempt of this round")
                  : OK;
}

/* How many joined, and how many could be joining at this moment. */
static enum err count_joins(struct db *db, const struct digest *ctx, int64_t *joined,
                            int64_t *margin)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_JOIN_ROOM, &rows, DB_ARGS(DB_FIXED(ctx))));
  *joined = db_int(&rows, 0, 0);
  *margin = db_int(&rows, 0, 1);
  return OK;
}

static enum err join_insert(struct db *db, struct accept *a, void *arg)
{
  const struct joining *j = arg;
  const struct join_event *e = &j->join;
  int64_t joined, margin;
  TRY(count_joins(db, &a->row.ctx, &joined, &margin));
  if (joined >= a->row.maximum)
    return E_FULL;
  TRY(db_run(db, Q_JOIN_INSERT,
             DB_ARGS(DB_FIXED(&a->row.ctx), DB_FIXED(&a->header.participant),
                     DB_FIXED(&j->organisation), DB_FIXED(&e->mask_key),
                     DB_FIXED(&e->share_key), DB_FIXED(&e->self_key), DB_INT(a->seq),
                     DB_INT(j->admit))));
  return db_run(db, Q_JOIN_POINTS,
                DB_ARGS(DB_FIXED(&a->row.ctx), DB_FIXED(&e->mask_key),
                        DB_FIXED(&e->share_key), DB_FIXED(&e->self_key)));
}

enum err joins_post(struct request *rq, struct reply *rp)
{
  AUTO(accept_done) struct accept a = {.type = "join", .phase = PHASE_JOIN};
  struct joining j = {.why = rq->why};
  const struct field fields[] = {FIELD_OBJECT("event", &a.event), FIELD_END};
  TRY(request_json(rq, &a.root, fields));
  TRY(join_parse(&j.join, a.event, rq->why));
  a.header = j.join.header;
  TRY(accept_check(rq, &a));
  if (!a.known) {
    int64_t joined, margin;
    TRY(check_standing(rq, &a, &j));
    TRY(count_joins(rq->db, &a.row.ctx, &joined, &margin));
    /* Far from the maximum many join at once; near it one by one, so that nobody gets a
     * receipt who would not fit into the roster. */
    bool near = joined + margin >= a.row.maximum;
    TRY(accept_commit(rq, &a, near ? Q_ROUND_LOCK : Q_ROUND_SHARE, join_insert, &j));
  }
  accept_reply(rp, &a);
  return OK;
}
