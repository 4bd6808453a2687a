/* SPDX-License-Identifier: Apache-2.0
 * Handler: a participant names another payout address (docs/protocol.md section 2). When
 * it counts is decided in adopt.c. */
#include <string.h>

#include "db/event.h"
#include "server/common.h"
#include "server/engine_internal.h"
#include "server/handlers.h"
#include "server/log.h"

struct change {
  struct request *rq;
  json_t *event;
  struct payout_event said;
  struct digest hash;
  struct address payout; /* zero: none */
  struct buf receipt;
  bool again;
};

static enum err check_event(struct change *c, struct why *why)
{
  struct identity who;
  TRY(event_check(c->event, why));
  TRY(payout_parse(&c->said, c->event, why));
  TRY(event_payout(&c->payout, c->said.payout, why));
  TRY(event_said(c->rq->server, c->event, "payout", &c->said.header, &c->hash, why));
  TRY(request_param_hex(c->rq, 0, who.b, sizeof who.b));
  if (memcmp(&who, &c->said.header.participant, sizeof who) != 0)
    return why_set(why, E_FIELD_VALUE, "participant", "is not the one of the address");
  return OK;
}

/* It must be said now: from then on the delay counts. */
static enum err check_time(const struct change *c, double now)
{
  double off = (double)c->said.time - now;
  if (off > CLOCK_SLACK || off < -(double)CLOCK_SLACK)
    return why_set(c->rq->why, E_FIELD_VALUE, "event.time",
                   "must be within %u seconds of this server's clock, which says %.0f",
                   CLOCK_SLACK, now);
  return OK;
}

/* The row is held: who changes it twice at once does so one after the other. */
static enum err check_place(struct change *c, struct db *db)
{
  const struct identity *who = &c->said.header.participant;
  AUTO(db_rows_done) struct db_rows held = {0};
  AUTO(db_rows_done) struct db_rows last = {0};
  TRY(db_query(db, Q_PAYEE_LOCK, &held, DB_ARGS(DB_FIXED(who))));
  if (!held.len)
    return why_set(c->rq->why, E_NOT_ENROLLED, "event.participant",
                   "nobody has enrolled this key");
  TRY(db_query(db, Q_PAYEE_LAST, &last, DB_ARGS(DB_FIXED(who))));
  struct bytes hash = db_bytes(&last, 0, 0);
  if (hash.len != sizeof c->said.previous ||
      memcmp(hash.data, &c->said.previous, hash.len) != 0)
    return why_set(c->rq->why, E_CONFLICT, "event.previous",
                   "another change of this participant came before");
  return log_seen(db, &c->said.header.seen, "event.seen", c->rq->why);
}

static enum err store(struct change *c, struct db *db, double now)
{
  const struct identity *who = &c->said.header.participant;
  AUTO(json_drop) json_t *receipt = NULL;
  int64_t seq;
  TRY(db_event_store(db, c->event, NULL, NULL, who, &c->hash, &seq));
  TRY(db_run(db, Q_PAYEE_CHANGE_ADD,
             DB_ARGS(DB_INT(seq), DB_FIXED(who),
                     c->said.payout ? DB_FIXED(&c->payout) : DB_NULL,
                     DB_INT(c->said.time))));
  TRY(tell_receipt(c->rq->server, &c->hash, "accepted", seq, now, &receipt, &c->receipt));
  return db_event_receipt(db, seq, buf_bytes(&c->receipt));
}

static enum err change_run(struct db *db, void *arg)
{
  struct change *c = arg;
  AUTO(db_rows_done) struct db_rows now = {0};
  AUTO(db_rows_done) struct db_rows known = {0};
  struct bytes receipt;
  c->receipt.len = 0;
  TRY(db_event_find(db, &c->hash, &known, &receipt, &c->again));
  if (c->again)
    return buf_put(&c->receipt, receipt.data, receipt.len);
  TRY(db_query(db, Q_NOW, &now, DB_NONE));
  TRY(check_time(c, db_real(&now, 0, 0)));
  TRY(check_place(c, db));
  return store(c, db, db_real(&now, 0, 0));
}

enum err participants_payout(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(json_drop) json_t *receipt = NULL;
  struct change c = {.rq = rq};
  const struct field fields[] = {FIELD_OBJECT("event", &c.event), FIELD_END};
  TRY(request_json(rq, &root, fields));
  TRY(inside_event(rq->why, check_event(&c, rq->why)));
  enum err e = db_transaction(rq->db, change_run, &c);
  if (e == E_CONFLICT) /* perhaps the very same event, at this moment */
    e = db_transaction(rq->db, change_run, &c);
  if (e == OK)
    e = event_load(&receipt, buf_bytes(&c.receipt));
  buf_done(&c.receipt);
  TRY(e);
  rp->status = c.again ? 200 : 201;
  rp->json = json_pack("{s:O}", "receipt", receipt);
  return OK;
}
