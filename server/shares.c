/* SPDX-License-Identifier: Apache-2.0
 * SHARE: the deals, checked before they are accepted, and their delivery. */
#include <string.h>

#include "core/merkle.h"
#include "server/accept.h"
#include "server/rounds.h"
#include "util/text.h"

struct sharing {
  struct share_event share;
  struct buf deals, leaves;
};

static void sharing_done(struct sharing *s)
{
  buf_done(&s->deals);
  buf_done(&s->leaves);
}

static enum err share_insert(struct db *db, struct accept *a, void *arg)
{
  const struct sharing *s = arg;
  return db_run(db, Q_SHARE_INSERT,
                DB_ARGS(DB_FIXED(&a->row.ctx), DB_INT(a->member), DB_INT(a->seq),
                        DB_BUF(&s->deals), DB_BUF(&s->leaves)));
}

static enum err make_leaves(struct sharing *s)
{
  for (size_t at = 0; at < s->deals.len; at += DEAL_BYTES) {
    uint8_t leaf[96];
    struct digest hash;
    deal_leaf(leaf, s->deals.data + at);
    merkle_leaf(&hash, BYTES_OF(leaf));
    TRY(buf_put(&s->leaves, hash.b, sizeof hash.b));
  }
  return OK;
}

enum err shares_post(struct request *rq, struct reply *rp)
{
  AUTO(accept_done) struct accept a = {.type = "share", .phase = PHASE_SHARE};
  AUTO(sharing_done) struct sharing s = {0};
  const char *deals = NULL;
  const struct field fields[] = {FIELD_OBJECT("event", &a.event),
                                 FIELD_STRING("deals", &deals, 1, 8 << 20), FIELD_END};
  TRY(request_json(rq, &a.root, fields));
  TRY(share_parse(&s.share, a.event, rq->why));
  a.header = s.share.header;
  TRY(accept_check(rq, &a));
  if (!a.known) {
    if (base64_decode(&s.deals, deals) != OK)
      return why_set(rq->why, E_FIELD_VALUE, "deals", "is not padded base64");
    if (memcmp(&s.share.graph, &a.row.graph_hash, sizeof s.share.graph) != 0)
      return why_set(rq->why, E_CONTEXT, "graph",
                     "is not the hash of this round's graph");
    TRY(accept_member(rq, &a, ACCEPT_ROSTER));
    TRY(round_check_deals(a.ref.round, a.member, &s.share, buf_bytes(&s.deals), rq->why));
    TRY(make_leaves(&s));
    TRY(accept_commit(rq, &a, Q_ROUND_SHARE, share_insert, &s));
  }
  accept_reply(rp, &a);
  return OK;
}

/* ---- delivery ---- */

/* Where i stands among the neighbours of each of its own that shared, as two arrays in
 * PostgreSQL's text form. */
static enum err places_of(const struct round *r, uint32_t i, struct buf *dealers,
                          struct buf *places)
{
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  AUTO(free_drop) uint32_t *theirs = must_calloc(r->graph.p.k, sizeof *theirs);
  unsigned len = round_neighbours_in(r, i, r->sharers, near);
  for (unsigned c = 0; c < len; c++) {
    unsigned place = 0;
    graph_neighbours(&r->graph, near[c], theirs);
    while (theirs[place] != i)
      place++;
    TRY(buf_printf(dealers, "%c%u", c ? ',' : '{', near[c]));
    TRY(buf_printf(places, "%c%u", c ? ',' : '{', place));
  }
  TRY(buf_puts(dealers, len ? "}" : "{}"));
  return buf_puts(places, len ? "}" : "{}");
}

static enum err box_json(const struct db_rows *rows, unsigned at, json_t **out)
{
  AUTO(buf_done) struct buf deal = {0};
  AUTO(buf_done) struct buf path = {0};
  struct digest nodes[64];
  unsigned len = 0;
  struct bytes leaves = db_bytes(rows, at, 2);
  TRY(merkle_path(nodes, &len, (const struct digest *)leaves.data, leaves.len / 32,
                  (uint64_t)db_int(rows, at, 3)));
  TRY(base64_encode(&deal, db_bytes(rows, at, 1)));
  TRY(base64_encode(&path, BYTES(nodes, len * sizeof *nodes)));
  *out = json_pack("{s:I,s:s,s:s}", "dealer", (json_int_t)db_int(rows, at, 0), "deal",
                   buf_text(&deal), "path", buf_text(&path));
  return OK;
}

enum err boxes_list(struct request *rq, struct reply *rp)
{
  AUTO(accept_done) struct accept a = {.header.participant = rq->identity};
  AUTO(buf_done) struct buf dealers = {0};
  AUTO(buf_done) struct buf places = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  if (!rq->has_identity)
    return E_UNAUTHENTICATED;
  TRY(accept_row(rq, &a.row));
  if (!a.row.u1.len)
    return why_set(rq->why, E_NOT_FOUND, "", "boxes are there once sharers stands");
  TRY(accept_member(rq, &a, ACCEPT_SHARERS));
  TRY(places_of(a.ref.round, a.member, &dealers, &places));
  TRY(db_query(rq->db, Q_SHARE_BOXES, &rows,
               DB_ARGS(DB_FIXED(&a.row.ctx), DB_BUF(&dealers), DB_BUF(&places))));
  AUTO(json_drop) json_t *boxes = json_array();
  for (unsigned i = 0; i < rows.len; i++) {
    json_t *box = NULL;
    TRY(box_json(&rows, i, &box));
    json_array_append_new(boxes, box);
  }
  rp->json = json_pack("{s:O}", "boxes", boxes);
  return OK;
}

enum err deal_find(struct db *db, const struct round *r, uint32_t dealer, uint32_t i,
                   uint8_t deal[DEAL_BYTES])
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  TRY(db_query(db, Q_SHARE_DEALS, &rows,
               DB_ARGS(DB_FIXED(&r->open->ctx), DB_INT(dealer))));
  struct bytes deals = db_bytes(&rows, 0, 0);
  graph_neighbours(&r->graph, dealer, near);
  for (unsigned c = 0; c < r->graph.p.k && (c + 1) * DEAL_BYTES <= deals.len; c++)
    if (near[c] == i) {
      memcpy(deal, deals.data + c * DEAL_BYTES, DEAL_BYTES);
      return OK;
    }
  return E_INTERNAL;
}

static json_t *point_json(const uint8_t *deal)
{
  uint8_t leaf[96];
  deal_leaf(leaf, deal);
  return json_pack("[o,o,o]", json_hex(leaf, 32), json_hex(leaf + 32, 32),
                   json_hex(leaf + 64, 32));
}

enum err deals_show(struct request *rq, struct reply *rp)
{
  AUTO(accept_done) struct accept a = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(request_param_hex(rq, 1, a.header.participant.b, 32));
  TRY(accept_row(rq, &a.row));
  if (a.row.phase != PHASE_DONE && a.row.phase != PHASE_FAILED)
    return why_set(rq->why, E_NOT_FOUND, "",
                   "deals are public once the attempt has ended");
  if (accept_member(rq, &a, ACCEPT_ROSTER) != OK)
    return E_NOT_FOUND;
  TRY(db_query(rq->db, Q_SHARE_DEALS, &rows,
               DB_ARGS(DB_FIXED(&a.row.ctx), DB_INT(a.member))));
  struct bytes deals = db_bytes(&rows, 0, 0);
  json_t *points = json_array();
  for (size_t at = 0; at + DEAL_BYTES <= deals.len; at += DEAL_BYTES)
    json_array_append_new(points, point_json(deals.data + at));
  rp->json = json_pack("{s:o}", "points", points);
  rp->immutable = true;
  return OK;
}
