/* SPDX-License-Identifier: Apache-2.0
 * Handlers: what an audit of an ended round needs (docs/api.md "The transcript"). Events
 * go out as the bytes that were signed. */
#include "core/box.h"
#include "server/accept.h"
#include "server/common.h"
#include "server/handlers.h"
#include "util/text.h"

/* Of events and what belongs to them; the item that reaches it is the last of its page.
 */
#define PAGE_BYTES ((size_t)4 << 20)

enum column { C_PLACE, C_LEAF, C_EVENT, C_DEALS, C_CHUNKS, C_MEMBER, C_FOUND };

struct page {
  struct request *rq;
  struct round_row row;
  struct round_ref ref; /* once a complaint needs it */
  bool settled;         /* every leaf has its number */
};

static void page_done(struct page *p)
{
  round_row_done(&p->row);
  round_ref_done(&p->ref);
}

static enum err put_base64(struct buf *out, const char *name, struct bytes data)
{
  TRY(buf_printf(out, ",\"%s\":\"", name));
  TRY(base64_encode(out, data));
  return buf_puts(out, "\"");
}

static enum err put_deals(struct buf *out, struct bytes deals)
{
  AUTO(buf_done) struct buf leaves = {0};
  for (size_t at = 0; at + DEAL_BYTES <= deals.len; at += DEAL_BYTES) {
    uint8_t leaf[LEAF_BYTES];
    deal_leaf(leaf, deals.data + at);
    TRY(buf_put(&leaves, leaf, sizeof leaf));
  }
  return put_base64(out, "deals", buf_bytes(&leaves));
}

/* The boxes that the complaints of a manifest are about. */
static enum err put_boxes(struct buf *out, struct page *p, uint32_t member,
                          const struct update_event *update)
{
  if (!p->ref.round)
    TRY(round_get(p->rq->server, p->rq->db, &p->row, &p->ref));
  for (unsigned c = 0; c < update->bad_len; c++) {
    uint8_t deal[DEAL_BYTES];
    uint32_t dealer = update->bad[c].dealer;
    TRY(deal_find(p->rq->db, p->ref.round, dealer, member, deal));
    TRY(buf_puts(out, c ? ",{\"box\":\"" : ",\"boxes\":[{\"box\":\""));
    TRY(base64_encode(out, BYTES(deal + sizeof deal - BOX_BYTES, BOX_BYTES)));
    TRY(buf_printf(out, "\",\"dealer\":%u}", dealer));
  }
  return update->bad_len ? buf_puts(out, "]") : OK;
}

static enum err put_update(struct buf *out, struct page *p, const struct db_rows *rows,
                           unsigned at)
{
  AUTO(json_drop) json_t *event = NULL;
  AUTO(update_done) struct update_event update = {0};
  TRY(put_base64(out, "chunks", db_bytes(rows, at, C_CHUNKS)));
  TRY(event_load(&event, db_bytes(rows, at, C_EVENT)));
  TRY(update_parse(&update, event, NULL));
  return put_boxes(out, p, (uint32_t)db_int(rows, at, C_MEMBER), &update);
}

static enum err put_item(struct buf *out, struct page *p, const struct db_rows *rows,
                         unsigned at)
{
  struct bytes event = db_bytes(rows, at, C_EVENT);
  TRY(buf_puts(out, at ? ",{\"leaf\":" : "{\"leaf\":"));
  if (db_null(rows, at, C_LEAF)) {
    p->settled = false;
    TRY(buf_puts(out, "null"));
  } else {
    TRY(buf_printf(out, "%lld", (long long)db_int(rows, at, C_LEAF)));
  }
  TRY(buf_puts(out, ",\"event\":"));
  TRY(buf_put(out, event.data, event.len));
  if (!db_null(rows, at, C_DEALS))
    TRY(put_deals(out, db_bytes(rows, at, C_DEALS)));
  if (!db_null(rows, at, C_CHUNKS))
    TRY(put_update(out, p, rows, at));
  return buf_puts(out, "}");
}

/* A cursor is the place of the last item shown. */
static enum err put_page(struct page *p, struct reply *rp, const struct db_rows *rows,
                         unsigned limit)
{
  unsigned n = page_len(rows, limit);
  bool more = n && db_int(rows, 0, C_FOUND) > n;
  TRY(buf_puts(&rp->bytes, "{\"items\":["));
  for (unsigned i = 0; i < n; i++)
    TRY(put_item(&rp->bytes, p, rows, i));
  if (more)
    TRY(buf_printf(&rp->bytes, "],\"next\":\"%lld\"}",
                   (long long)db_int(rows, n - 1, C_PLACE)));
  else
    TRY(buf_puts(&rp->bytes, "],\"next\":null}"));
  rp->content_type = "application/json";
  rp->immutable = more && p->settled;
  return OK;
}

enum err transcript_show(struct request *rq, struct reply *rp)
{
  AUTO(page_done) struct page p = {.rq = rq, .settled = true};
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct numbered ask;
  TRY(request_numbered(rq, &ask));
  TRY(accept_row(rq, &p.row));
  if (p.row.phase != PHASE_DONE && p.row.phase != PHASE_FAILED)
    return why_set(rq->why, E_NOT_FOUND, "",
                   "the transcript is there once the attempt has ended");
  TRY(db_query(
      rq->db, Q_TRANSCRIPT_PAGE, &rows,
      DB_ARGS(DB_FIXED(&p.row.ctx), DB_INT(ask.cursor), ask.rows, DB_INT(PAGE_BYTES))));
  return put_page(&p, rp, &rows, ask.limit);
}

enum err rewards_list(struct request *rq, struct reply *rp)
{
  AUTO(round_row_done) struct round_row row = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  TRY(accept_row(rq, &row));
  if (row.phase != PHASE_DONE)
    return why_set(rq->why, E_NOT_FOUND, "", "rewards are there once result stands");
  TRY(db_query(rq->db, Q_REWARD_LIST, &rows, DB_ARGS(DB_FIXED(&row.ctx))));
  for (unsigned i = 0; i < rows.len; i++)
    json_array_append_new(list, json_pack("{s:s,s:o}", "amount", db_text(&rows, i, 0),
                                          "participant", json_hex_or_null(&rows, i, 1)));
  rp->json = json_pack("{s:O}", "rewards", list);
  rp->immutable = true;
  return OK;
}
