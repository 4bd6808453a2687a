/* SPDX-License-Identifier: Apache-2.0
 * What accepting a participant's event has in common. */
#include "server/accept.h"

#include <stdio.h>
#include <string.h>

#include "server/log.h"
#include "util/text.h"

void accept_done(struct accept *a)
{
  json_decref(a->root);
  json_decref(a->receipt);
  round_row_done(&a->row);
  round_ref_done(&a->ref);
}

enum err accept_row(struct request *rq, struct round_row *row)
{
  struct digest ctx;
  TRY(request_param_hex(rq, 0, ctx.b, sizeof ctx.b));
  return round_row_get(rq->db, Q_ROUND_ROW, &ctx, row);
}

/* Sets known and the receipt when this very event was accepted before. */
static enum err find_known(struct request *rq, struct accept *a)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct bytes receipt;
  struct digest said;
  bool before = false;
  TRY(db_event_find(rq->db, &a->hash, &rows, &receipt, &a->known));
  if (a->known) {
    json_decref(a->receipt);
    a->receipt = NULL;
    return receipt.data ? event_parse(&a->receipt, receipt, NULL) : E_INTERNAL;
  }
  TRY(db_event_said(rq->db, &a->row.ctx, a->type, &a->header.participant, &said,
                    &before));
  return before ? why_set(rq->why, E_CONFLICT, "event",
                          "another %s of this participant was accepted before", a->type)
                : OK;
}

static enum err check_phase(const struct accept *a, struct why *why)
{
  if (round_row_takes(&a->row, a->phase))
    return OK;
  return why_set(why, E_PHASE, "event", "a %s is taken in the phase %s, this is %s",
                 a->type, phase_names[a->phase],
                 a->row.phase == a->phase ? "past its deadline"
                                          : phase_names[a->row.phase]);
}

enum err accept_check(struct request *rq, struct accept *a)
{
  const struct server *s = rq->server;
  TRY(event_check(a->event, rq->why));
  TRY(accept_row(rq, &a->row));
  if (memcmp(&a->header.instance, &s->instance, sizeof s->instance) != 0)
    return why_set(rq->why, E_CONTEXT, "instance", "belongs to another instance");
  if (memcmp(&a->header.ctx, &a->row.ctx, sizeof a->row.ctx) != 0)
    return why_set(rq->why, E_CONTEXT, "ctx", "belongs to another round");
  TRY(event_verify(a->event, a->type, &a->header.participant, rq->why));
  TRY(event_hash(&a->hash, a->event));
  TRY(find_known(rq, a));
  if (a->known)
    return OK;
  TRY(check_phase(a, rq->why));
  return log_seen(rq->db, &a->header.seen, "seen", rq->why);
}

enum err accept_member(struct request *rq, struct accept *a, enum accept_set set)
{
  TRY(round_get(rq->server, rq->db, &a->row, &a->ref));
  const struct round *r = a->ref.round;
  int64_t i = round_index(r, &a->header.participant);
  const uint8_t *bits = set == ACCEPT_SHARERS     ? r->sharers
                        : set == ACCEPT_SURVIVORS ? r->survivors
                                                  : NULL;
  if (i < 0 || (set != ACCEPT_ROSTER && (!bits || !set_has(bits, (uint32_t)i))))
    return E_NOT_IN_ROUND;
  a->member = (uint32_t)i;
  return OK;
}

struct commit {
  struct request *rq;
  struct accept *a;
  enum query lock;
  accept_insert insert;
  void *arg;
};

static enum err commit_run(struct db *db, void *arg)
{
  struct commit *c = arg;
  struct accept *a = c->a;
  struct digest ctx = a->row.ctx;
  AUTO(buf_done) struct buf receipt = {0};
  char topic[80], hex[65];
  TRY(round_row_get(db, c->lock, &ctx, &a->row));
  TRY(check_phase(a, c->rq->why));
  TRY(db_event_store(db, a->event, a->row.model, &ctx, &a->header.participant, &a->hash,
                     &a->seq));
  TRY(c->insert(db, a, c->arg));
  json_decref(a->receipt);
  a->receipt = NULL;
  TRY(tell_receipt(c->rq->server, &a->hash, "accepted", a->seq, a->row.now_at,
                   &a->receipt, &receipt));
  TRY(db_event_receipt(db, a->seq, buf_bytes(&receipt)));
  snprintf(topic, sizeof topic, "count:%s", hex_encode(hex, ctx.b, 32));
  return db_notify(db, topic);
}

enum err accept_commit(struct request *rq, struct accept *a, enum query lock,
                       accept_insert insert, void *arg)
{
  struct commit c = {rq, a, lock, insert, arg};
  enum err e = db_transaction(rq->db, commit_run, &c);
  if (e != E_CONFLICT)
    return e;
  char broken[64];
  snprintf(broken, sizeof broken, "%s", db_constraint(rq->db));
  TRY(find_known(rq, a)); /* the same message may have come twice at once */
  if (a->known)
    return OK;
  if (strcmp(broken, "joins_one_organisation") == 0)
    return E_ORGANISATION;
  return strcmp(broken, "join_points_distinct") == 0 ? E_DUPLICATE_KEY : E_CONFLICT;
}

void accept_reply(struct reply *rp, struct accept *a)
{
  rp->status = a->known ? 200 : 201;
  rp->json = json_pack("{s:O}", "receipt", a->receipt);
}
