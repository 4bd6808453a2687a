/* SPDX-License-Identifier: Apache-2.0
 * Handlers: who has what, why, and how it reaches people. */
#include <string.h>

#include "chain/eth.h"
#include "server/accept.h"
#include "server/common.h"
#include "server/handlers.h"
#include "server/outbox.h"
#include "server/visibility.h"
#include "util/text.h"

/* ---- what the answers are made of ---- */

/* A transaction's hash, as the chain's tools write it. */
static json_t *hash_json(const struct db_rows *r, unsigned row, unsigned column)
{
  struct word w;
  char text[2 + 64 + 1] = "0x";
  if (!db_fixed(r, row, column, w.b, sizeof w.b))
    return json_null();
  hex_encode(text + 2, w.b, sizeof w.b);
  return json_string(text);
}

static json_t *int_or_null(const struct db_rows *r, unsigned row, unsigned column)
{
  return db_null(r, row, column) ? json_null() : json_integer(db_int(r, row, column));
}

static enum err check_model(struct request *rq, const char **model)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(request_model(rq, model));
  TRY(db_query(rq->db, Q_MODEL_STATE, &rows, DB_ARGS(DB_TEXT(*model))));
  return rows.len ? OK : why_set(rq->why, E_NOT_FOUND, "", "there is no such model");
}

/* ---- standings ---- */

static json_t *standing_json(const struct db_rows *r, unsigned row)
{
  return json_pack("{s:o,s:o,s:s,s:s,s:s,s:s,s:s,s:s}", "participant",
                   json_hex_or_null(r, row, 0), "payout", json_address_or_null(r, row, 1),
                   "earned", db_text(r, row, 2), "due", db_text(r, row, 3), "paying",
                   db_text(r, row, 4), "paid", db_text(r, row, 5), "claimable",
                   db_text(r, row, 6), "claimed", db_text(r, row, 7));
}

enum err balances_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  const char *model;
  unsigned limit;
  struct identity cursor;
  TRY(request_limit(rq, &limit));
  TRY(request_cursor(rq, cursor.b, sizeof cursor.b));
  TRY(check_model(rq, &model));
  TRY(db_query(rq->db, Q_STANDING_LIST, &rows,
               DB_ARGS(DB_TEXT(model), DB_FIXED(&cursor), DB_INT(limit + 1))));
  unsigned n = page_len(&rows, limit);
  for (unsigned i = 0; i < n; i++)
    json_array_append_new(list, standing_json(&rows, i));
  json_t *next = rows.len > n ? json_hex_or_null(&rows, n - 1, 0) : json_null();
  rp->json = json_pack("{s:O,s:o}", "balances", list, "next", next);
  return OK;
}

enum err balances_show(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  const char *model;
  struct identity who;
  TRY(request_param_hex(rq, 1, who.b, sizeof who.b));
  TRY(check_model(rq, &model));
  TRY(db_query(rq->db, Q_STANDING_FIND, &rows, DB_ARGS(DB_TEXT(model), DB_FIXED(&who))));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "this participant has earned nothing here");
  rp->json = standing_json(&rows, 0);
  return OK;
}

/* ---- a participant's statement ---- */

static json_t *line_json(const struct db_rows *r, unsigned row)
{
  return json_pack("{s:I,s:s,s:s,s:o,s:s,s:o,s:s?,s:f}", "entry",
                   (json_int_t)db_int(r, row, 0), "kind", db_text(r, row, 1), "model",
                   db_text(r, row, 2), "round", int_or_null(r, row, 3), "amount",
                   db_text(r, row, 4), "tx", hash_json(r, row, 5), "state",
                   db_text(r, row, 6), "made_at", db_real(r, row, 7));
}

enum err statement_show(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows who = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  struct identity id;
  struct numbered p;
  const char *model = request_query(rq, "model");
  TRY(request_param_hex(rq, 0, id.b, sizeof id.b));
  if (model && !slug_valid(model))
    return why_set(rq->why, E_FIELD_VALUE, "model", "is not the name of a model");
  TRY(request_numbered(rq, &p));
  TRY(db_query(rq->db, Q_PARTICIPANT_ENROLL, &who,
               DB_ARGS(DB_FIXED(&id), DB_BOOL(false), DB_NULL)));
  if (who.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such participant");
  TRY(db_query(
      rq->db, Q_STATEMENT_LIST, &rows,
      DB_ARGS(DB_FIXED(&id), DB_INT(p.cursor), DB_TEXT(model), p.rows, CALLER_ARGS(rq))));
  unsigned n = page_len(&rows, p.limit);
  for (unsigned i = 0; i < n; i++)
    json_array_append_new(list, line_json(&rows, i));
  rp->json = json_pack("{s:O,s:o}", "statement", list, "next", next_number(&rows, n));
  return OK;
}

/* ---- for administrators ---- */

enum err ledger_show(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  const char *model;
  TRY(check_model(rq, &model));
  TRY(db_query(rq->db, Q_LEDGER_LIST, &rows, DB_ARGS(DB_TEXT(model))));
  for (unsigned i = 0; i < rows.len; i++)
    json_array_append_new(list, json_pack("{s:s,s:I,s:s}", "kind", db_text(&rows, i, 0),
                                          "accounts", (json_int_t)db_int(&rows, i, 1),
                                          "balance", db_text(&rows, i, 2)));
  rp->json = json_pack("{s:O}", "ledger", list);
  return OK;
}

/* [[hex, amount]…] as the database made it; null: it is no payment. */
static json_t *payments_json(const char *text)
{
  AUTO(json_drop) json_t *pairs = text ? json_loads(text, 0, NULL) : NULL;
  json_t *list = json_array(), *pair;
  size_t i;
  json_array_foreach (pairs, i, pair) {
    struct address a;
    char account[ADDRESS_TEXT];
    if (hex_decode(a.b, sizeof a.b, json_string_value(json_array_get(pair, 0))) == OK)
      json_array_append_new(list,
                            json_pack("{s:s,s:O}", "account", address_text(account, &a),
                                      "amount", json_array_get(pair, 1)));
  }
  return list;
}

static json_t *payout_json(const struct db_rows *r, unsigned row)
{
  return json_pack("{s:I,s:s,s:s,s:o,s:o,s:I,s:s,s:s?,s:o,s:o,s:o,s:o,s:s?,s:f,s:f,s:o}",
                   "id", (json_int_t)db_int(r, row, 0), "kind", db_text(r, row, 1),
                   "model", db_text(r, row, 2), "round", int_or_null(r, row, 3),
                   "attempt", int_or_null(r, row, 4), "part",
                   (json_int_t)db_int(r, row, 5), "state", db_text(r, row, 6), "reason",
                   db_text(r, row, 7), "target", json_address_or_null(r, row, 8), "nonce",
                   int_or_null(r, row, 9), "tx", hash_json(r, row, 10), "block",
                   int_or_null(r, row, 11), "fee", db_text(r, row, 12), "created_at",
                   db_real(r, row, 13), "changed_at", db_real(r, row, 14), "payments",
                   payments_json(db_text(r, row, 15)));
}

static enum err state_filter(struct request *rq, const char **out)
{
  static const char *const states[] = {"waiting", "planned", "signed", "mined",
                                       "final",   "refused", "held"};
  const char *text = request_query(rq, "state");
  *out = text;
  for (size_t i = 0; text && i < LENGTH(states); i++)
    if (strcmp(text, states[i]) == 0)
      return OK;
  return text ? why_set(rq->why, E_FIELD_VALUE, "state",
                        "must be waiting, planned, signed, mined, final, refused or held")
              : OK;
}

enum err payouts_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  struct numbered p;
  const char *state;
  TRY(request_numbered(rq, &p));
  TRY(state_filter(rq, &state));
  TRY(db_query(rq->db, Q_PAYOUT_LIST, &rows,
               DB_ARGS(DB_INT(p.cursor), DB_TEXT(state), p.rows)));
  unsigned n = page_len(&rows, p.limit);
  for (unsigned i = 0; i < n; i++)
    json_array_append_new(list, payout_json(&rows, i));
  rp->json = json_pack("{s:O,s:o}", "payouts", list, "next", next_number(&rows, n));
  return OK;
}

/* ---- what of a round stands on the chain ---- */

enum err rounds_anchors(struct request *rq, struct reply *rp)
{
  AUTO(round_row_done) struct round_row row = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  TRY(accept_row(rq, &row));
  TRY(db_query(rq->db, Q_ROUND_ANCHORS, &rows, DB_ARGS(DB_FIXED(&row.ctx))));
  for (unsigned i = 0; i < rows.len; i++)
    json_array_append_new(
        list,
        json_pack("{s:s,s:I,s:s,s:s?,s:o,s:o,s:f}", "kind", db_text(&rows, i, 0), "part",
                  (json_int_t)db_int(&rows, i, 1), "state", db_text(&rows, i, 2),
                  "reason", db_text(&rows, i, 3), "tx", hash_json(&rows, i, 4), "block",
                  int_or_null(&rows, i, 5), "changed_at", db_real(&rows, i, 6)));
  rp->json = json_pack("{s:O}", "anchors", list);
  return OK;
}
