/* SPDX-License-Identifier: Apache-2.0
 * Handler: the people of a round, and how far each of them is. */
#include <string.h>

#include "server/accept.h"
#include "server/common.h"
#include "server/rounds.h"
#include "server/visibility.h"

#define EDGES_MAX 64u /* members of a cohort whose graph is shown */

enum column {
  C_PARTICIPANT,
  C_NAME,
  C_ORGANISATION,
  C_INDEX,
  C_JOINED,
  C_SHARED,
  C_BEGUN, /* the manifest */
  C_UPLOADED,
  C_ANSWERED,
  C_RECEIVED, /* chunks */
  C_SHOWN     /* the name, to everybody */
};

/* What is over, so that whoever has not done it is gone. */
struct over {
  bool share, upload, unmask;
};

static struct over what_is_over(const struct round_row *row)
{
  bool failed = row->phase == PHASE_FAILED && strcmp(row->failure, "cancelled") != 0;
  return (struct over){
      .share = row->u1.len || (failed && row->has_graph),
      .upload = row->u2.len || (failed && row->u1.len),
      .unmask = row->phase == PHASE_FINAL || row->phase == PHASE_DONE ||
                (failed && row->u2.len),
  };
}

/* *gone: the phase from which on it has been missing, or NULL. */
static const char *state_of(const struct db_rows *r, unsigned i, struct over over,
                            const char **gone)
{
  *gone = NULL;
  if (db_null(r, i, C_JOINED))
    return "invited";
  if (!db_null(r, i, C_ANSWERED))
    return "answered";
  if (!db_null(r, i, C_UPLOADED)) {
    *gone = over.unmask ? "unmask" : NULL; /* its update counts all the same */
    return "uploaded";
  }
  bool shared = !db_null(r, i, C_SHARED);
  if (shared ? over.upload : over.share) {
    *gone = shared ? "upload" : "share";
    return "gone";
  }
  return !db_null(r, i, C_BEGUN) ? "uploading" : shared ? "shared" : "joined";
}

static json_t *name_json(const struct request *rq, const struct db_rows *r, unsigned i)
{
  struct identity who;
  bool seen = db_fixed(r, i, C_PARTICIPANT, &who, sizeof who) &&
              (db_bool(r, i, C_SHOWN) || reads_names(rq) || is_caller(rq, &who));
  return seen ? json_text_or_null(r, i, C_NAME) : json_null();
}

static json_t *member_json(const struct request *rq, const struct db_rows *r, unsigned i,
                           const struct round_row *row)
{
  const char *gone;
  const char *state = state_of(r, i, what_is_over(row), &gone);
  uint64_t bytes = MIN((uint64_t)db_int(r, i, C_RECEIVED) * CHUNK_BYTES, row->length);
  return json_pack(
      "{s:o,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:o,s:I,s:I,s:o}", "participant",
      json_hex_or_null(r, i, C_PARTICIPANT), "name", name_json(rq, r, i), "organisation",
      json_hex_or_null(r, i, C_ORGANISATION), "index",
      db_null(r, i, C_INDEX) ? json_null() : json_integer(db_int(r, i, C_INDEX)), "state",
      state, "joined_at", json_real_or_null(r, i, C_JOINED), "shared_at",
      json_real_or_null(r, i, C_SHARED), "uploaded_at",
      json_real_or_null(r, i, C_UPLOADED), "answered_at",
      json_real_or_null(r, i, C_ANSWERED), "bytes", (json_int_t)bytes, "bytes_due",
      (json_int_t)row->length, "gone_in", gone ? json_string(gone) : json_null());
}

static json_t *edges_of(const struct round *round)
{
  json_t *list = json_array();
  for (uint32_t i = 0; i < round->n; i++)
    for (uint32_t j = i + 1; j < round->n; j++)
      if (graph_adjacent(&round->graph, i, j))
        json_array_append_new(list, json_pack("[i,i]", (int)i, (int)j));
  return list;
}

static enum err edges_json(struct request *rq, const struct round_row *row, json_t **out)
{
  AUTO(round_ref_done) struct round_ref ref = {0};
  *out = NULL;
  if (row->has_graph && row->n <= EDGES_MAX) {
    TRY(round_get(rq->server, rq->db, row, &ref));
    if (ref.round->graph.at)
      *out = edges_of(ref.round);
  }
  if (!*out)
    *out = json_null();
  return OK;
}

enum err cohort_list(struct request *rq, struct reply *rp)
{
  AUTO(round_row_done) struct round_row row = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  json_t *edges = NULL;
  struct identity cursor;
  unsigned limit;
  TRY(request_limit(rq, &limit));
  TRY(request_cursor(rq, cursor.b, sizeof cursor.b));
  TRY(accept_row(rq, &row));
  TRY(db_query(rq->db, Q_ROUND_COHORT, &rows,
               DB_ARGS(DB_FIXED(&row.ctx), DB_FIXED(&cursor), DB_INT(limit + 1))));
  unsigned n = page_len(&rows, limit);
  for (unsigned i = 0; i < n; i++)
    json_array_append_new(list, member_json(rq, &rows, i, &row));
  TRY(edges_json(rq, &row, &edges));
  json_t *next = rows.len > n ? json_hex_or_null(&rows, n - 1, 0) : json_null();
  rp->json = json_pack("{s:O,s:o,s:o}", "members", list, "edges", edges, "next", next);
  return OK;
}
