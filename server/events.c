/* SPDX-License-Identifier: Apache-2.0
 * Handler: the stream of events (server-sent events) of a round, a model, or the log. */
#include <string.h>

#include "server/common.h"
#include "server/handlers.h"
#include "server/http_internal.h"
#include "server/hub.h"
#include "util/text.h"

/* What is asked for must be there. */
static enum err check_there(struct request *rq, const struct filter *f)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  if (f->kind == FILTER_ALL)
    return OK;
  if (f->kind == FILTER_ROUND)
    TRY(db_query(rq->db, Q_ROUND_MODEL, &rows, DB_ARGS(DB_FIXED(&f->ctx))));
  else
    TRY(db_query(rq->db, Q_FEED_CURRENT, &rows, DB_ARGS(DB_TEXT(f->model))));
  return rows.len ? OK
                  : why_set(rq->why, E_NOT_FOUND, "", "there is no such %s",
                            f->kind == FILTER_ROUND ? "round" : "model");
}

static enum err read_filter(struct request *rq, struct filter *out)
{
  const char *ctx = request_query(rq, "ctx"), *model = request_query(rq, "model");
  memset(out, 0, sizeof *out);
  if (ctx && model)
    return why_set(rq->why, E_FIELD_VALUE, "model", "excludes ctx");
  if (ctx && hex_decode(out->ctx.b, sizeof out->ctx.b, ctx) != OK)
    return why_set(rq->why, E_FIELD_VALUE, "ctx", "must be 64 lowercase hex digits");
  if (model && !slug_valid(model))
    return why_set(rq->why, E_FIELD_VALUE, "model", "is not the name of a model");
  out->kind = ctx ? FILTER_ROUND : model ? FILTER_MODEL : FILTER_ALL;
  if (model)
    memcpy(out->model, model, strlen(model));
  return check_there(rq, out);
}

/* What a browser sends by itself when it comes again wins over the address. */
static enum err read_from(struct request *rq, bool *resumes, uint64_t *from)
{
  const char *last = request_header(rq, "Last-Event-ID");
  const char *text = last && *last ? last : request_query(rq, "after");
  size_t len = text ? strlen(text) : 0;
  *resumes = text != NULL;
  if (!text)
    return OK;
  if (len == 0 || len > 15 || strspn(text, "0123456789") != len)
    return why_set(rq->why, E_FIELD_VALUE, last && *last ? "Last-Event-ID" : "after",
                   "must be the number of a leaf");
  *from = strtoull(text, NULL, 10) + 1;
  return OK;
}

enum err events_show(struct request *rq, struct reply *rp)
{
  struct exchange *x = rq->http;
  struct filter filter;
  uint64_t from = 0;
  bool resumes;
  TRY(read_from(rq, &resumes, &from));
  TRY(read_filter(rq, &filter));
  rp->stream =
      hub_subscribe(x->http->hub, &filter, resumes ? &from : NULL, x->connection);
  return rp->stream ? OK : why_set(rq->why, E_BUSY, "", "too many streams are open");
}
