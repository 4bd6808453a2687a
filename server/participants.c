/* SPDX-License-Identifier: Apache-2.0
 * Handlers: participants, and how one enrols: a signed event, and a MAC that only who
 * holds an unused invite code can make (docs/protocol.md section 2). */
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "db/event.h"
#include "server/common.h"
#include "server/engine_internal.h"
#include "server/handlers.h"
#include "server/log.h"
#include "server/visibility.h"

#define NAME_MAX_BYTES 200u

struct enrolment {
  struct request *rq;
  json_t *event;
  struct enroll_event enroll;
  struct digest hash;    /* H(enroll) */
  struct address payout; /* zero: none */
  const char *name;
  uint8_t salt[16];
  struct buf receipt;
  bool again, admitted;
};

/* ---- what can be told without the database ---- */

static enum err check_name(const struct enrolment *n, struct why *why)
{
  crypto_hash_sha256_state h;
  struct digest digest;
  for (const char *p = n->name; *p; p++)
    if ((uint8_t)*p < 0x20 || *p == 0x7f)
      return why_set(why, E_FIELD_VALUE, "name", "must not hold control characters");
  crypto_hash_sha256_init(&h);
  crypto_hash_sha256_update(&h, n->salt, sizeof n->salt);
  crypto_hash_sha256_update(&h, (const uint8_t *)n->name, strlen(n->name));
  crypto_hash_sha256_final(&h, digest.b);
  if (memcmp(digest.b, n->enroll.name.b, sizeof digest.b) != 0)
    return why_set(why, E_HASH, "name", "event.name is not SHA-256 of salt and name");
  return OK;
}

static enum err check_event(struct enrolment *n, struct why *why)
{
  TRY(event_check(n->event, why));
  TRY(enroll_parse(&n->enroll, n->event, why));
  TRY(event_payout(&n->payout, n->enroll.payout, why));
  return event_said(n->rq->server, n->event, "enroll", &n->enroll.header, &n->hash, why);
}

/* ---- one transaction ---- */

/* The same event once more: its first receipt. */
static enum err find_first(struct db *db, struct enrolment *n)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(db_rows_done) struct db_rows member = {0};
  struct bytes receipt;
  TRY(db_event_find(db, &n->hash, &rows, &receipt, &n->again));
  if (!n->again)
    return OK;
  TRY(db_query(db, Q_PARTICIPANT_ADMITTED, &member,
               DB_ARGS(DB_FIXED(&n->enroll.header.participant))));
  n->admitted = db_bool(&member, 0, 0);
  return buf_put(&n->receipt, receipt.data, receipt.len);
}

/* The open invite whose code made the MAC. */
static enum err find_invite(struct db *db, const struct enrolment *n,
                            struct db_rows *rows, unsigned *row)
{
  TRY(db_query(db, Q_INVITE_OPEN, rows, DB_ARGS(DB_FIXED(&n->enroll.organisation))));
  for (unsigned i = 0; i < rows->len; i++) {
    crypto_auth_hmacsha256_state mac;
    struct digest expected;
    struct bytes code = db_bytes(rows, i, 1);
    crypto_auth_hmacsha256_init(&mac, code.data, code.len);
    crypto_auth_hmacsha256_update(&mac, n->enroll.header.participant.b,
                                  sizeof n->enroll.header.participant.b);
    crypto_auth_hmacsha256_final(&mac, expected.b);
    sodium_memzero(&mac, sizeof mac);
    if (sodium_memcmp(expected.b, n->enroll.invite.b, sizeof expected.b) == 0) {
      *row = i;
      return OK;
    }
  }
  return why_set(n->rq->why, E_INVITE, "event.invite",
                 "no open invite of this organisation fits");
}

static enum err make_receipt(struct db *db, struct enrolment *n, int64_t seq)
{
  AUTO(json_drop) json_t *receipt = NULL;
  TRY(tell_receipt(n->rq->server, &n->hash, "accepted", seq, (double)time(NULL), &receipt,
                   &n->receipt));
  return db_event_receipt(db, seq, buf_bytes(&n->receipt));
}

static enum err enrol(struct db *db, void *arg)
{
  struct enrolment *n = arg;
  const struct identity *who = &n->enroll.header.participant;
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(db_rows_done) struct db_rows used = {0};
  unsigned row = 0;
  int64_t seq;
  n->receipt.len = 0;
  n->admitted = false;
  TRY(find_first(db, n));
  if (n->again)
    return OK;
  TRY(log_seen(db, &n->enroll.header.seen, "event.seen", n->rq->why));
  TRY(find_invite(db, n, &rows, &row));
  if (db_bool(&rows, row, 4))
    return E_RETIRED;
  TRY(db_event_store(db, n->event, NULL, NULL, who, &n->hash, &seq));
  TRY(db_run(db, Q_PARTICIPANT_CREATE,
             DB_ARGS(DB_FIXED(who), DB_FIXED(&n->enroll.organisation), DB_TEXT(n->name),
                     DB_FIXED(&n->salt), DB_INT(seq),
                     n->enroll.payout ? DB_FIXED(&n->payout) : DB_NULL)));
  /* who comes second finds no row: the code was erased meanwhile */
  TRY(db_query(db, Q_INVITE_USE, &used,
               DB_ARGS(DB_INT(db_int(&rows, row, 0)), DB_FIXED(who))));
  if (used.affected != 1)
    return why_set(n->rq->why, E_INVITE, "event.invite", "it has just been used");
  TRY(make_receipt(db, n, seq));
  n->admitted = db_bool(&rows, row, 3);
  if (n->admitted)
    TRY(admission_write(n->rq->server, db, "admit", db_text(&rows, row, 2), who,
                        &n->hash));
  return OK;
}

enum err participants_enroll(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(json_drop) json_t *receipt = NULL;
  struct enrolment n = {.rq = rq};
  const struct field fields[] = {
      FIELD_OBJECT("event", &n.event),
      FIELD_STRING("name", &n.name, 1, NAME_MAX_BYTES),
      FIELD_HEX("salt", n.salt),
      FIELD_END,
  };
  TRY(request_json(rq, &root, fields));
  TRY(inside_event(rq->why, check_event(&n, rq->why)));
  TRY(check_name(&n, rq->why));
  enum err e = db_transaction(rq->db, enrol, &n);
  if (e == E_CONFLICT || e == E_INVITE) /* perhaps the very same event, at this moment */
    e = db_transaction(rq->db, enrol, &n);
  if (e == E_CONFLICT)
    e = why_set(rq->why, e, "event.participant", "this key is already enrolled");
  if (e == OK)
    e = event_load(&receipt, buf_bytes(&n.receipt));
  buf_done(&n.receipt);
  TRY(e);
  rp->status = n.again ? 200 : 201;
  rp->json = json_pack("{s:O,s:b}", "receipt", receipt, "admitted", n.admitted);
  return OK;
}

/* ---- reading ---- */

enum err participants_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  unsigned limit;
  struct identity cursor;
  TRY(request_limit(rq, &limit));
  TRY(request_cursor(rq, cursor.b, sizeof cursor.b));
  TRY(db_query(rq->db, Q_PARTICIPANT_LIST, &rows,
               DB_ARGS(DB_FIXED(&cursor), DB_INT(limit + 1))));
  unsigned n = page_len(&rows, limit);
  for (unsigned i = 0; i < n; i++)
    json_array_append_new(list, json_pack("{s:o,s:s,s:o,s:o}", "participant",
                                          json_hex_or_null(&rows, i, 0), "name",
                                          db_text(&rows, i, 1), "organisation",
                                          json_hex_or_null(&rows, i, 2), "models",
                                          json_split(db_text(&rows, i, 3))));
  json_t *next = rows.len > n ? json_hex_or_null(&rows, n - 1, 0) : json_null();
  rp->json = json_pack("{s:O,s:o}", "participants", list, "next", next);
  return OK;
}

/* The changes of its payout address, each with what adopted it. */
static enum err load_changes(struct request *rq, const struct identity *who, json_t *list)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(
      rq->db, Q_PAYEE_CHANGES, &rows,
      DB_ARGS(DB_FIXED(who), DB_BOOL(rq->server->chain.on), DB_INT(ADOPT_DELAY))));
  for (unsigned i = 0; i < rows.len; i++) {
    json_t *event = NULL, *adopt = json_null();
    TRY(event_load(&event, db_bytes(&rows, i, 0)));
    if (!db_null(&rows, i, 1) && event_load(&adopt, db_bytes(&rows, i, 1)) != OK) {
      json_decref(event);
      return E_INTERNAL;
    }
    json_array_append_new(
        list, json_pack("{s:o,s:o,s:o}", "event", event, "adopt", adopt, "from",
                        db_null(&rows, i, 2) ? json_null()
                                             : json_integer(db_int(&rows, i, 2))));
  }
  return OK;
}

enum err participants_show(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows enrolled = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  AUTO(json_drop) json_t *changes = json_array();
  AUTO(json_drop) json_t *enroll = NULL;
  struct identity who;
  TRY(request_param_hex(rq, 0, who.b, sizeof who.b));
  TRY(db_query(rq->db, Q_PARTICIPANT_ENROLL, &enrolled,
               DB_ARGS(DB_FIXED(&who), DB_BOOL(reads_names(rq)),
                       rq->has_identity ? DB_FIXED(&rq->identity) : DB_NULL)));
  if (enrolled.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such participant");
  TRY(event_load(&enroll, db_bytes(&enrolled, 0, 0)));
  TRY(db_query(rq->db, Q_PARTICIPANT_ADMISSIONS, &rows,
               DB_ARGS(DB_FIXED(&who), CALLER_ARGS(rq))));
  for (unsigned i = 0; i < rows.len; i++) {
    json_t *event = NULL;
    TRY(event_load(&event, db_bytes(&rows, i, 0)));
    json_array_append_new(list, event);
  }
  TRY(load_changes(rq, &who, changes));
  rp->json = json_pack(
      "{s:o,s:o,s:o,s:O,s:O,s:O,s:o}", "participant", json_hex(who.b, sizeof who.b),
      "name", json_text_or_null(&enrolled, 0, 1), "organisation",
      json_hex_or_null(&enrolled, 0, 2), "enroll", enroll, "admissions", list, "changes",
      changes, "payout", json_address_or_null(&enrolled, 0, 3));
  return OK;
}
