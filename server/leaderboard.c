/* SPDX-License-Identifier: Apache-2.0
 * Handler: the leaderboard, as JSON by pages and as CSV. */
#include "server/leaderboard.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "chain/eth.h"
#include "server/common.h"
#include "server/handlers.h"
#include "server/visibility.h"
#include "util/text.h"

/* ---- what is asked for ---- */

static enum err read_period(struct request *rq, unsigned *days)
{
  static const struct {
    const char *name;
    unsigned days;
  } periods[] = {{"all", 0}, {"30d", 30}, {"90d", 90}, {"365d", 365}};
  const char *text = request_query(rq, "period");
  for (size_t i = 0; i < LENGTH(periods); i++)
    if (strcmp(text ? text : "all", periods[i].name) == 0) {
      *days = periods[i].days;
      return OK;
    }
  return why_set(rq->why, E_FIELD_VALUE, "period", "must be all, 30d, 90d or 365d");
}

static enum err read_format(struct request *rq, bool *csv)
{
  const char *format = request_query(rq, "format");
  const char *accept = request_header(rq, "Accept");
  if (format && strcmp(format, "csv") != 0 && strcmp(format, "json") != 0)
    return why_set(rq->why, E_FIELD_VALUE, "format", "must be json or csv");
  *csv = format ? *format == 'c' : accept && strncasecmp(accept, "text/csv", 8) == 0;
  return OK;
}

/* A number of at most 15 digits and the hyphen behind it. */
static bool read_part(const char **text, uint64_t *out)
{
  size_t len = strspn(*text, "0123456789");
  if (len == 0 || len > 15 || (*text)[len] != '-')
    return false;
  *out = strtoull(*text, NULL, 10);
  *text += len + 1;
  return true;
}

/* "rounds-joined-id" */
static enum err read_cursor(struct request *rq, struct board_ask *ask)
{
  const char *text = request_query(rq, "cursor");
  struct board_place *p = &ask->cursor;
  if (!text)
    return OK;
  ask->behind = read_part(&text, &p->rounds) && read_part(&text, &p->joined) &&
                hex_decode(p->id.b, sizeof p->id.b, text) == OK;
  return ask->behind ? OK
                     : why_set(rq->why, E_FIELD_VALUE, "cursor", "is not one of ours");
}

enum err board_ask_read(struct request *rq, struct board_ask *out)
{
  const char *model = request_query(rq, "model");
  *out = (struct board_ask){0};
  if (model && !slug_valid(model))
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such model");
  snprintf(out->model, sizeof out->model, "%s", model ? model : "");
  TRY(read_period(rq, &out->days));
  TRY(read_format(rq, &out->csv));
  TRY(read_cursor(rq, out));
  if (out->csv && !request_query(rq, "limit"))
    return OK;
  return request_limit(rq, &out->limit);
}

/* ---- lines ---- */

struct page {
  const struct request *rq;
  const struct board_line *lines; /* of the page */
  size_t len;
  bool more;
};

static int order(const struct board_place *a, const struct board_place *b)
{
  if (a->rounds != b->rounds)
    return a->rounds > b->rounds ? -1 : 1;
  if (a->joined != b->joined)
    return a->joined < b->joined ? -1 : 1;
  return memcmp(a->id.b, b->id.b, sizeof a->id.b);
}

static struct page page_of(const struct request *rq, const struct board *b,
                           const struct board_ask *ask)
{
  size_t first = 0, end = b->len;
  if (!b->lines)
    return (struct page){.rq = rq};
  while (ask->behind && first < end) {
    size_t middle = first + (end - first) / 2;
    if (order(&b->lines[middle].place, &ask->cursor) > 0)
      end = middle;
    else
      first = middle + 1;
  }
  size_t left = b->len - first, len = ask->limit ? MIN(left, ask->limit) : left;
  return (struct page){rq, b->lines + first, len, len < left};
}

static const char *name_of(const struct page *p, const struct board_line *l)
{
  bool read = l->name_shown || reads_names(p->rq) || is_caller(p->rq, &l->place.id);
  return read ? l->name : NULL;
}

/* The next of "currency:amount,…"; currency: "" or the checksummed address. */
static bool next_earned(const char **at, char currency[ADDRESS_TEXT], char amount[96])
{
  struct address a;
  const char *text = *at;
  *currency = 0;
  if (!text || !*text)
    return false;
  size_t hex = strcspn(text, ":"), len = strcspn(text + hex + 1, ",");
  char digits[2 * sizeof a.b + 1];
  snprintf(digits, sizeof digits, "%.*s", (int)MIN(hex, sizeof digits - 1), text);
  if (hex && hex_decode(a.b, sizeof a.b, digits) == OK)
    address_text(currency, &a);
  snprintf(amount, 96, "%.*s", (int)len, text + hex + 1);
  *at = text + hex + 1 + len + (text[hex + 1 + len] == ',');
  return true;
}

static json_t *earned_json(const char *text)
{
  char currency[ADDRESS_TEXT], amount[96];
  json_t *list = json_array();
  while (next_earned(&text, currency, amount))
    json_array_append_new(list, json_pack("{s:o,s:s}", "currency",
                                          *currency ? json_string(currency) : json_null(),
                                          "amount", amount));
  return list;
}

static double reliability(const struct board_line *l)
{
  return l->place.joined ? (double)l->place.rounds / (double)l->place.joined : 0;
}

static json_t *line_json(const struct page *p, const struct board_line *l)
{
  return json_pack(
      "{s:I,s:o,s:s?,s:o,s:I,s:I,s:f,s:o,s:o}", "rank", (json_int_t)l->rank,
      "participant", json_hex(l->place.id.b, sizeof l->place.id.b), "name", name_of(p, l),
      "organisation", json_hex(l->organisation, sizeof l->organisation), "rounds",
      (json_int_t)l->place.rounds, "joined", (json_int_t)l->place.joined, "reliability",
      reliability(l), "samples", l->samples < 0 ? json_null() : json_integer(l->samples),
      "earned", earned_json(l->earned));
}

static json_t *cursor_behind(const struct page *p)
{
  char id[2 * sizeof(struct identity) + 1];
  if (!p->more)
    return json_null();
  const struct board_place *last = &p->lines[p->len - 1].place;
  return json_sprintf("%" PRIu64 "-%" PRIu64 "-%s", last->rounds, last->joined,
                      hex_encode(id, last->id.b, sizeof last->id.b));
}

static enum err write_json(const struct page *p, const struct board *b, struct buf *out)
{
  AUTO(json_drop) json_t *list = json_array();
  for (size_t i = 0; i < p->len; i++)
    json_array_append_new(list, line_json(p, &p->lines[i]));
  AUTO(json_drop)
  json_t *o = json_pack("{s:O,s:o,s:I}", "leaders", list, "next", cursor_behind(p),
                        "version", (json_int_t)b->version);
  AUTO(free_drop) char *text = json_dumps(o, JSON_COMPACT);
  return text ? buf_puts(out, text) : E_INTERNAL;
}

/* ---- CSV (RFC 4180) ---- */

/* In quotation marks; an apostrophe in front of what a spreadsheet would compute. */
static enum err csv_text(struct buf *out, const char *text)
{
  TRY(buf_puts(out, *text && strchr("=+-@\t\r", *text) ? "\"'" : "\""));
  for (; *text; text++)
    TRY(buf_put(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1));
  return buf_puts(out, "\"");
}

/* "12", "12 0x…", with several currencies separated by semicolons. */
static enum err csv_earned(struct buf *out, const char *text)
{
  char currency[ADDRESS_TEXT], amount[96];
  const char *between = "";
  while (next_earned(&text, currency, amount)) {
    TRY(buf_printf(out, "%s%s%s%s", between, amount, *currency ? " " : "", currency));
    between = "; ";
  }
  return OK;
}

static enum err csv_line(const struct page *p, const struct board_line *l,
                         struct buf *out)
{
  char id[2 * sizeof l->place.id + 1], organisation[2 * sizeof l->organisation + 1];
  const char *name = name_of(p, l);
  TRY(buf_printf(out, "%" PRIu64 ",%s,", l->rank,
                 hex_encode(id, l->place.id.b, sizeof l->place.id)));
  if (name)
    TRY(csv_text(out, name));
  TRY(buf_printf(out, ",%s,%" PRIu64 ",%" PRIu64 ",%.4f,",
                 hex_encode(organisation, l->organisation, sizeof l->organisation),
                 l->place.rounds, l->place.joined, reliability(l)));
  if (l->samples >= 0)
    TRY(buf_printf(out, "%" PRId64, l->samples));
  TRY(buf_puts(out, ","));
  TRY(csv_earned(out, l->earned));
  return buf_puts(out, "\r\n");
}

static enum err write_csv(const struct page *p, struct buf *out)
{
  TRY(buf_puts(out, "rank,participant,name,organisation,rounds,joined,reliability,"
                    "samples,earned\r\n"));
  for (size_t i = 0; i < p->len; i++)
    TRY(csv_line(p, &p->lines[i], out));
  return OK;
}

/* ---- the handler ---- */

static enum err answer(struct request *rq, const struct board *b,
                       const struct board_ask *ask, struct reply *rp)
{
  uint8_t hash[crypto_hash_sha256_BYTES];
  struct page p = page_of(rq, b, ask);
  buf_init(&rp->bytes, (size_t)1 << 30);
  TRY(ask->csv ? write_csv(&p, &rp->bytes) : write_json(&p, b, &rp->bytes));
  rp->content_type = ask->csv ? "text/csv; charset=utf-8" : "application/json";
  if (ask->csv)
    snprintf(rp->filename, sizeof rp->filename, "leaderboard.csv");
  crypto_hash_sha256(hash, rp->bytes.data, rp->bytes.len);
  hex_encode(rp->etag, hash, 16);
  return OK;
}

enum err leaderboard_list(struct request *rq, struct reply *rp)
{
  struct leaderboard *lb = rq->server->leaderboard;
  const struct board *b;
  struct board_ask ask;
  TRY(board_ask_read(rq, &ask));
  enum err e = board_get(lb, rq->db, &ask, &b);
  if (e == E_NOT_FOUND)
    return why_set(rq->why, e, "", "there is no such model");
  TRY(e);
  e = answer(rq, b, &ask, rp);
  if (e == OK && b->open && !rq->has_identity && rq->caller.role == WHO_PUBLIC)
    board_prepare(rq, b, &ask, rp);
  board_give(lb, b);
  return e;
}
