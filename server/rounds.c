/* SPDX-License-Identifier: Apache-2.0
 * Rounds over HTTP: their state, their documents, opening and cancelling. */
#include "server/rounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/accept.h"
#include "server/anchors.h"
#include "server/engine_internal.h"
#include "server/json.h"
#include "util/text.h"

/* ---- STATE ---- */

static json_t *failure_json(const char *slug)
{
  if (!*slug)
    return json_null();
  for (int e = 0; e < ERR_COUNT; e++) {
    const struct err_info *info = err_info((enum err)e);
    if (strcmp(info->slug, slug) == 0)
      return json_pack("{s:s,s:s,s:s}", "reason", slug, "title", info->title, "help",
                       info->help);
  }
  return json_pack("{s:s,s:s,s:s}", "reason", slug, "title",
                   "An administrator cancelled the attempt.", "help",
                   "Nothing needs to be done; wait for the next one.");
}

static json_t *waiting_json(const struct db_rows *rows)
{
  json_t *list = json_array();
  for (unsigned i = 0; i < rows->len; i++)
    json_array_append_new(list, json_pack("{s:o,s:o}", "participant",
                                          json_hex_or_null(rows, i, 0), "name",
                                          json_text_or_null(rows, i, 2)));
  return list;
}

enum err round_awaited(struct db *db, const struct round_row *row, json_t *state)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  static const enum query queries[PHASES] = {[PHASE_JOIN] = Q_ROUND_AWAITED_JOIN,
                                             [PHASE_SHARE] = Q_ROUND_AWAITED_SHARE,
                                             [PHASE_UPLOAD] = Q_ROUND_AWAITED_UPLOAD,
                                             [PHASE_UNMASK] = Q_ROUND_AWAITED_UNMASK};
  json_t *ids = json_array();
  json_object_set_new(state, "awaited", ids);
  json_object_set_new(state, "awaited_count", json_integer(0));
  if (row->phase == PHASE_JOIN || row->phase == PHASE_SHARE ||
      row->phase == PHASE_UPLOAD || row->phase == PHASE_UNMASK)
    TRY(db_query(db, queries[row->phase], &rows, DB_ARGS(DB_FIXED(&row->ctx))));
  for (unsigned i = 0; i < rows.len; i++)
    json_array_append_new(ids, json_hex(db_bytes(&rows, i, 0).data, 32));
  json_object_set_new(state, "waiting", waiting_json(&rows));
  if (rows.len)
    json_object_set_new(state, "awaited_count", json_integer(db_int(&rows, 0, 1)));
  return OK;
}

/* While the round waits for an anchor: which, and how far it is. */
static enum err chain_json(struct db *db, const struct round_row *row, json_t *state)
{
  struct outbox_state at;
  bool roster = row->phase == PHASE_ROSTER;
  if (!roster && row->phase != PHASE_SURVIVORS)
    return OK;
  enum err e = outbox_find(db, roster ? OUTBOX_ROSTER : OUTBOX_SURVIVORS, row->model,
                           &row->ctx, &at);
  if (e != OK)
    return e == E_NOT_FOUND ? OK : e;
  json_object_set_new(state, "chain", outbox_json(phase_names[row->phase], &at));
  return OK;
}

static enum err state_json(struct db *db, const struct round_row *row, json_t **out)
{
  AUTO(db_rows_done) struct db_rows counts = {0};
  TRY(db_query(db, Q_ROUND_COUNTS, &counts, DB_ARGS(DB_FIXED(&row->ctx))));
  AUTO(json_drop)
  json_t *state = json_pack(
      "{s:o,s:s,s:I,s:I,s:s,s:f,s:o,s:o,s:i,s:i,s:I,s:I,s:I,s:I,s:o,s:f}", "ctx",
      json_hex(row->ctx.b, 32), "model", row->model, "round", (json_int_t)row->round,
      "attempt", (json_int_t)row->attempt, "phase", phase_names[row->phase], "opened_at",
      row->opened_at, "deadline_at",
      row->has_deadline ? json_real(row->deadline_at) : json_null(), "deadline_in",
      row->has_deadline ? json_real(row->deadline_at - row->now_at) : json_null(),
      "minimum", (int)row->minimum, "maximum", (int)row->maximum, "joined",
      (json_int_t)db_int(&counts, 0, 0), "shared", (json_int_t)db_int(&counts, 0, 1),
      "uploaded", (json_int_t)db_int(&counts, 0, 2), "answered",
      (json_int_t)db_int(&counts, 0, 3), "failure", failure_json(row->failure), "now_at",
      row->now_at);
  if (!state)
    return E_INTERNAL;
  TRY(round_awaited(db, row, state));
  TRY(chain_json(db, row, state));
  *out = STEAL(state);
  return OK;
}

static enum err check_phase(const char *name, struct why *why)
{
  for (int i = 0; i < PHASES; i++)
    if (strcmp(name, phase_names[i]) == 0)
      return OK;
  return why_set(why, E_FIELD_VALUE, "phase", "is not a phase of a round");
}

enum err rounds_show(struct request *rq, struct reply *rp)
{
  AUTO(round_row_done) struct round_row row = {0};
  char topic[80], hex[65];
  const char *other = request_query(rq, "phase");
  TRY(accept_row(rq, &row));
  if (other)
    TRY(check_phase(other, rq->why));
  snprintf(topic, sizeof topic, "round:%s", hex_encode(hex, row.ctx.b, 32));
  bool same = other && strcmp(other, phase_names[row.phase]) == 0;
  if (same && row.phase != PHASE_DONE && row.phase != PHASE_FAILED &&
      reply_wait(rq, rp, topic))
    return OK;
  return state_json(rq->db, &row, &rp->json);
}

enum err rounds_newest(struct request *rq, struct reply *rp)
{
  AUTO(round_row_done) struct round_row row = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  char topic[80], hex[65] = "none";
  const char *after = request_query(rq, "after");
  if (!slug_valid(rq->param[0]))
    return E_NOT_FOUND;
  TRY(db_query(rq->db, Q_ROUND_NEWEST, &rows, DB_ARGS(DB_TEXT(rq->param[0]))));
  if (rows.len) {
    TRY(round_row_read(&rows, 0, &row));
    hex_encode(hex, row.ctx.b, 32);
  }
  snprintf(topic, sizeof topic, "model:%s", rq->param[0]);
  if (after && strcmp(after, hex) == 0 && reply_wait(rq, rp, topic))
    return OK;
  return rows.len ? state_json(rq->db, &row, &rp->json)
                  : why_set(rq->why, E_NOT_FOUND, "", "no round was opened yet");
}

enum err round_render(struct db *db, const struct digest *ctx, json_t **out)
{
  AUTO(round_row_done) struct round_row row = {0};
  TRY(round_row_get(db, Q_ROUND_ROW, ctx, &row));
  return state_json(db, &row, out);
}

/* ---- lists ---- */

/* A cursor is ROUND-ATTEMPT of the last entry shown. */
static enum err read_cursor(struct request *rq, int64_t *round, int64_t *attempt)
{
  const char *cursor = request_query(rq, "cursor");
  char *end = NULL;
  *round = INT64_MAX;
  *attempt = 0;
  if (!cursor)
    return OK;
  *round = strtoll(cursor, &end, 10);
  if (*end == '-')
    *attempt = strtoll(end + 1, &end, 10);
  return *end || *round < 1 || *attempt < 1
             ? why_set(rq->why, E_FIELD_VALUE, "cursor", "is not one that a list gave")
             : OK;
}

enum err rounds_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  AUTO(json_drop) json_t *next = json_null();
  int64_t round, attempt;
  unsigned limit;
  TRY(request_limit(rq, &limit));
  TRY(read_cursor(rq, &round, &attempt));
  if (!slug_valid(rq->param[0]))
    return E_NOT_FOUND;
  TRY(db_query(
      rq->db, Q_ROUND_LIST, &rows,
      DB_ARGS(DB_TEXT(rq->param[0]), DB_INT(round), DB_INT(attempt), DB_INT(limit + 1))));
  for (unsigned i = 0; i < MIN(rows.len, limit); i++) {
    AUTO(round_row_done) struct round_row row = {0};
    json_t *state = NULL;
    TRY(round_row_read(&rows, i, &row));
    TRY(state_json(rq->db, &row, &state));
    json_array_append_new(list, state);
    if (i + 1 == limit && rows.len > limit)
      next = json_sprintf("%lld-%lld", (long long)row.round, (long long)row.attempt);
  }
  rp->json = json_pack("{s:O,s:O}", "rounds", list, "next", next);
  return OK;
}

/* ---- opening and cancelling ---- */

static enum err reply_state(struct request *rq, struct reply *rp,
                            const struct digest *ctx, int status)
{
  rp->status = status;
  return round_render(rq->db, ctx, &rp->json);
}

enum err rounds_open(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  const struct field fields[] = {FIELD_END};
  struct digest ctx;
  if (rq->body.len)
    TRY(request_json(rq, &root, fields));
  if (!slug_valid(rq->param[0]))
    return E_NOT_FOUND;
  TRY(engine_open_round(rq->server, rq->db, rq->param[0], &ctx, rq->why));
  return reply_state(rq, rp, &ctx, 201);
}

struct cancelling {
  const struct server *server;
  struct digest ctx;
};

static enum err cancel(struct db *db, void *arg)
{
  const struct cancelling *c = arg;
  AUTO(round_row_done) struct round_row row = {0};
  TRY(round_row_get(db, Q_ROUND_LOCK, &c->ctx, &row));
  /* Survivors that are named may still be summed; only once they were given all the time
   * they were promised may somebody end it. */
  bool overdue =
      row.phase == PHASE_UNMASK && row.has_deadline && row.now_at > row.deadline_at;
  if ((row.phase > PHASE_SURVIVORS || row.u2.len) && !overdue)
    return E_PHASE;
  return tell_failed(c->server, db, &row, "cancelled");
}

enum err rounds_cancel(struct request *rq, struct reply *rp)
{
  struct cancelling c = {.server = rq->server};
  TRY(request_param_hex(rq, 0, c.ctx.b, sizeof c.ctx.b));
  enum err e = db_transaction(rq->db, cancel, &c);
  if (e == E_PHASE)
    return why_set(
        rq->why, e, "",
        "a round can be cancelled until survivors stands, and in unmask after its "
        "deadline");
  TRY(e);
  return reply_state(rq, rp, &c.ctx, 200);
}

/* ---- documents ---- */

static void blob_etag(struct reply *rp, const struct blob_info *info)
{
  hex_encode(rp->etag, info->sha256.b, 32);
}

/* A blob of the round, or 404 while it is not there. */
static enum err reply_blob(struct request *rq, struct reply *rp, int64_t blob,
                           const char *type)
{
  struct blob_info info;
  if (!blob)
    return why_set(rq->why, E_NOT_FOUND, "", "it is not there yet");
  TRY(blob_find(rq->db, blob, &info));
  blob_etag(rp, &info);
  rp->blob = blob;
  rp->content_type = type;
  rp->immutable = true;
  return OK;
}

enum err joins_list(struct request *rq, struct reply *rp)
{
  AUTO(round_row_done) struct round_row row = {0};
  TRY(accept_row(rq, &row));
  return reply_blob(rq, rp, row.joins_doc, "application/json");
}

enum err shares_list(struct request *rq, struct reply *rp)
{
  AUTO(round_row_done) struct round_row row = {0};
  TRY(accept_row(rq, &row));
  return reply_blob(rq, rp, row.shares_doc, "application/json");
}

enum err updates_list(struct request *rq, struct reply *rp)
{
  AUTO(round_row_done) struct round_row row = {0};
  TRY(accept_row(rq, &row));
  return reply_blob(rq, rp, row.updates_doc, "application/json");
}

enum err unmasks_list(struct request *rq, struct reply *rp)
{
  AUTO(round_row_done) struct round_row row = {0};
  TRY(accept_row(rq, &row));
  return reply_blob(rq, rp, row.unmasks_doc, "application/json");
}

enum err rounds_base(struct request *rq, struct reply *rp)
{
  AUTO(round_row_done) struct round_row row = {0};
  TRY(accept_row(rq, &row));
  return reply_blob(rq, rp, row.base, NULL);
}

enum err rounds_sum(struct request *rq, struct reply *rp)
{
  AUTO(round_row_done) struct round_row row = {0};
  TRY(accept_row(rq, &row));
  return reply_blob(rq, rp, row.phase == PHASE_DONE ? row.sum : 0, NULL);
}

enum err rounds_state(struct request *rq, struct reply *rp)
{
  AUTO(round_row_done) struct round_row row = {0};
  TRY(accept_row(rq, &row));
  if (!row.base_state)
    return why_set(rq->why, E_NOT_FOUND, "", "the round began without such a state");
  return reply_blob(rq, rp, row.base_state, NULL);
}

enum err rounds_event(struct request *rq, struct reply *rp)
{
  static const char *const types[] = {"open",      "roster", "graph", "sharers",
                                      "survivors", "result", "failed"};
  struct digest ctx;
  bool known = false;
  TRY(request_param_hex(rq, 0, ctx.b, sizeof ctx.b));
  for (size_t i = 0; i < LENGTH(types); i++)
    known |= strcmp(types[i], rq->param[1]) == 0;
  if (!known)
    return E_NOT_FOUND;
  TRY(db_event_round(rq->db, &ctx, rq->param[1], &rp->bytes));
  rp->content_type = "application/json";
  rp->immutable = true;
  return OK;
}
