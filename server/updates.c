/* SPDX-License-Identifier: Apache-2.0
 * UPLOAD: manifests, complaints, chunks. */
#include <stdio.h>
#include <string.h>

#include "core/merkle.h"
#include "server/accept.h"
#include "server/rounds.h"
#include "util/text.h"

struct uploading {
  struct update_event update;
  struct buf leaves;
  struct identity *guilty; /* one per complaint */
  bool *dealer_guilty;
  int64_t blob;
};

static void uploading_done(struct uploading *u)
{
  update_done(&u->update);
  buf_done(&u->leaves);
  free(u->guilty);
  free(u->dealer_guilty);
}

/* ---- the manifest ---- */

static enum err read_leaves(struct uploading *u, const json_t *list, uint64_t chunks,
                            struct why *why)
{
  struct merkle tree = {0};
  struct digest root;
  if (json_array_size(list) != chunks)
    return why_set(why, E_LENGTH, "chunks", "must be %llu leaf hashes",
                   (unsigned long long)chunks);
  for (size_t i = 0; i < chunks; i++) {
    struct digest leaf;
    const char *text = json_string_value(json_array_get(list, i));
    if (!text || hex_decode(leaf.b, sizeof leaf.b, text) != OK)
      return why_set(why, E_FIELD_VALUE, "chunks", "entry %zu is not a SHA-256 in hex",
                     i);
    TRY(buf_put(&u->leaves, leaf.b, sizeof leaf.b));
    merkle_add_hash(&tree, &leaf);
  }
  merkle_root(&root, &tree);
  if (memcmp(&root, &u->update.chunks, sizeof root) != 0)
    return why_set(why, E_HASH, "chunks",
                   "their Merkle root is not the one in the event");
  return OK;
}

static bool dealer_of(const struct round *r, uint32_t i, uint32_t j)
{
  return j < r->n && j != i && set_has(r->sharers, j) && graph_adjacent(&r->graph, i, j);
}

/* The dealer's deal for i as it is stored. */
static enum err find_deal(struct db *db, const struct round *r, uint32_t dealer,
                          uint32_t i, uint8_t deal[DEAL_BYTES])
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

/* Missing and bad boxes are those of dealers only; each complaint is judged at once. */
static enum err judge(struct request *rq, const struct accept *a, struct uploading *u)
{
  const struct round *r = a->ref.round;
  const struct update_event *e = &u->update;
  for (unsigned c = 0; c < e->missing_len; c++)
    if (!dealer_of(r, a->member, e->missing[c]))
      return why_set(rq->why, E_FIELD_VALUE, "missing", "member %u dealt nothing to you",
                     e->missing[c]);
  u->guilty = must_calloc(e->bad_len, sizeof *u->guilty);
  u->dealer_guilty = must_calloc(e->bad_len, sizeof *u->dealer_guilty);
  for (unsigned c = 0; c < e->bad_len; c++) {
    uint8_t deal[DEAL_BYTES];
    uint32_t dealer = e->bad[c].dealer;
    if (!dealer_of(r, a->member, dealer))
      return why_set(rq->why, E_FIELD_VALUE, "bad", "member %u dealt nothing to you",
                     dealer);
    TRY(find_deal(rq->db, r, dealer, a->member, deal));
    TRY(round_judge(r, a->member, &e->bad[c], deal, &u->dealer_guilty[c]));
    u->guilty[c] = u->dealer_guilty[c] ? r->members[dealer].id : a->header.participant;
  }
  return OK;
}

static enum err update_insert(struct db *db, struct accept *a, void *arg)
{
  struct uploading *u = arg;
  TRY(blob_create(db, &u->blob, u->update.length));
  TRY(db_run(db, Q_UPDATE_INSERT,
             DB_ARGS(DB_FIXED(&a->row.ctx), DB_INT(a->member), DB_INT(a->seq),
                     DB_BUF(&u->leaves), DB_INT(u->blob))));
  for (unsigned c = 0; c < u->update.bad_len; c++)
    TRY(db_run(db, Q_ROUND_CONVICT,
               DB_ARGS(DB_FIXED(&a->row.ctx), DB_FIXED(&u->guilty[c]), DB_FIXED(&a->hash),
                       DB_TEXT(u->dealer_guilty[c] ? "bad-box" : "false-complaint"))));
  return OK;
}

/* The indices of the chunks that are not there. */
static enum err missing_parts(struct db *db, int64_t blob, uint64_t chunks, json_t **out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_UPDATE_PARTS, &rows, DB_ARGS(DB_INT(blob))));
  json_t *missing = json_array();
  unsigned row = 0;
  for (uint64_t i = 0; i < chunks; i++)
    if (row < rows.len && (uint64_t)db_int(&rows, row, 0) == i)
      row++;
    else
      json_array_append_new(missing, json_integer((json_int_t)i));
  *out = missing;
  return OK;
}

/* {"missing":…,"complete":…,"receipt":…} of one member's update. E_NOT_FOUND. */
static enum err update_state(struct request *rq, const struct accept *a, json_t **out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  json_t *missing = NULL, *receipt = NULL;
  TRY(db_query(rq->db, Q_UPDATE_STATE, &rows,
               DB_ARGS(DB_FIXED(&a->row.ctx), DB_INT(a->member))));
  if (!rows.len)
    return E_NOT_FOUND;
  bool complete = db_bool(&rows, 0, 1);
  if (complete) {
    TRY(event_parse(&receipt, db_bytes(&rows, 0, 2), NULL));
    missing = json_array();
  } else {
    TRY(missing_parts(rq->db, db_int(&rows, 0, 0), a->row.chunks, &missing));
  }
  *out = json_pack("{s:o,s:b,s:o}", "missing", missing, "complete", complete, "receipt",
                   receipt ? receipt : json_null());
  return OK;
}

enum err updates_post(struct request *rq, struct reply *rp)
{
  AUTO(accept_done) struct accept a = {.type = "update", .phase = PHASE_UPLOAD};
  AUTO(uploading_done) struct uploading u = {0};
  AUTO(json_drop) json_t *state = NULL;
  json_t *chunks = NULL;
  const struct field fields[] = {FIELD_OBJECT("event", &a.event),
                                 FIELD_ARRAY("chunks", &chunks, 1, 1 << 20), FIELD_END};
  TRY(request_json(rq, &a.root, fields));
  TRY(update_parse(&u.update, a.event, rq->why));
  a.header = u.update.header;
  TRY(accept_check(rq, &a));
  if (!a.known) {
    if (memcmp(&u.update.sharers, &a.row.sharers_hash, 32) != 0)
      return why_set(rq->why, E_CONTEXT, "sharers", "is not the hash of this round's");
    if (u.update.length != a.row.length)
      return why_set(rq->why, E_LENGTH, "length", "must be %llu",
                     (unsigned long long)a.row.length);
    TRY(accept_member(rq, &a, ACCEPT_SHARERS));
    TRY(read_leaves(&u, chunks, a.row.chunks, rq->why));
    TRY(round_check_samples(a.ref.round, &u.update, rq->why));
    TRY(judge(rq, &a, &u));
    TRY(accept_commit(rq, &a, Q_ROUND_SHARE, update_insert, &u));
  } else {
    TRY(accept_member(rq, &a, ACCEPT_SHARERS));
  }
  TRY(update_state(rq, &a, &state));
  accept_reply(rp, &a);
  json_object_set(rp->json, "missing", json_object_get(state, "missing"));
  return OK;
}

enum err updates_show(struct request *rq, struct reply *rp)
{
  AUTO(accept_done) struct accept a = {0};
  TRY(request_param_hex(rq, 1, a.header.participant.b, 32));
  TRY(accept_row(rq, &a.row));
  if (!a.row.u1.len || accept_member(rq, &a, ACCEPT_SHARERS) != OK)
    return E_NOT_FOUND;
  return update_state(rq, &a, &rp->json);
}

/* ---- chunks ---- */

struct chunk {
  struct request *rq;
  struct accept *a;
  uint64_t index;
  struct digest leaf, hash; /* expected; H(update) */
  int64_t blob, seq;
  bool there, complete;
  struct bytes body;
};

/* The last chunk makes the update complete. */
static enum err complete(struct db *db, struct chunk *c)
{
  struct accept *a = c->a;
  AUTO(buf_done) struct buf bytes = {0};
  char topic[80], hex[65];
  json_decref(a->receipt);
  a->receipt = NULL;
  TRY(tell_receipt(c->rq->server, &c->hash, "complete", c->seq, a->row.now_at,
                   &a->receipt, &bytes));
  TRY(db_run(db, Q_UPDATE_COMPLETE,
             DB_ARGS(DB_FIXED(&a->row.ctx), DB_INT(a->member), DB_BUF(&bytes))));
  c->complete = true;
  snprintf(topic, sizeof topic, "count:%s", hex_encode(hex, a->row.ctx.b, 32));
  return db_notify(db, topic);
}

static enum err chunk_store(struct db *db, void *arg)
{
  struct chunk *c = arg;
  struct accept *a = c->a;
  struct digest ctx = a->row.ctx;
  AUTO(db_rows_done) struct db_rows rows = {0};
  bool fresh = false;
  c->complete = false;
  TRY(round_row_get(db, Q_ROUND_SHARE, &ctx, &a->row));
  if (!round_row_takes(&a->row, PHASE_UPLOAD))
    return E_PHASE;
  TRY(blob_put_part(db, c->blob, c->index, c->body, &fresh));
  if (!fresh)
    return OK;
  TRY(db_query(db, Q_UPDATE_RECEIVED, &rows, DB_ARGS(DB_FIXED(&ctx), DB_INT(a->member))));
  return (uint64_t)db_int(&rows, 0, 0) == a->row.chunks ? complete(db, c) : OK;
}

static enum err chunk_find(struct chunk *c)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct accept *a = c->a;
  TRY(db_query(c->rq->db, Q_UPDATE_CHUNK_LEAF, &rows,
               DB_ARGS(DB_FIXED(&a->row.ctx), DB_INT(a->member), DB_INT(c->index))));
  if (!rows.len)
    return why_set(c->rq->why, E_NOT_FOUND, "", "send the manifest first");
  if (!db_fixed(&rows, 0, 0, &c->leaf, 32) || !db_fixed(&rows, 0, 4, &c->hash, 32))
    return E_INTERNAL;
  c->blob = db_int(&rows, 0, 1);
  c->complete = db_bool(&rows, 0, 2);
  c->seq = db_int(&rows, 0, 5);
  c->there = c->complete || db_bool(&rows, 0, 6);
  return c->complete ? event_parse(&a->receipt, db_bytes(&rows, 0, 3), NULL) : OK;
}

static enum err index_of(struct request *rq, const struct round_row *row, uint64_t *out)
{
  const char *text = rq->param[2];
  char *end = NULL;
  *out = strtoull(text, &end, 10);
  bool number = *text >= '0' && *text <= '9' && !*end && strlen(text) <= 7;
  return number && *out < row->chunks ? OK : E_NOT_FOUND;
}

enum err chunks_put(struct request *rq, struct reply *rp)
{
  AUTO(accept_done) struct accept a = {.phase = PHASE_UPLOAD};
  struct chunk c = {.rq = rq, .a = &a, .body = rq->body};
  struct digest leaf;
  TRY(request_param_hex(rq, 1, a.header.participant.b, 32));
  TRY(accept_row(rq, &a.row));
  TRY(index_of(rq, &a.row, &c.index));
  if (!a.row.u1.len)
    return E_PHASE;
  TRY(accept_member(rq, &a, ACCEPT_SHARERS));
  TRY(chunk_find(&c));
  uint64_t expected = MIN(CHUNK_BYTES, a.row.length - c.index * CHUNK_BYTES);
  if (rq->body.len != expected)
    return why_set(rq->why, E_LENGTH, "body", "must be %llu bytes",
                   (unsigned long long)expected);
  merkle_leaf(&leaf, rq->body);
  if (memcmp(&leaf, &c.leaf, sizeof leaf) != 0)
    return E_HASH;
  if (!c.there)
    TRY(db_transaction(rq->db, chunk_store, &c));
  rp->json = json_pack("{s:b,s:O}", "complete", c.complete, "receipt",
                       c.complete ? a.receipt : json_null());
  return OK;
}
