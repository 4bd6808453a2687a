/* SPDX-License-Identifier: Apache-2.0
 * Models that are for their members only. */
#include "server/visibility.h"

#include "db/db.h"
#include "server/http_internal.h"
#include "util/text.h"

static bool begins(const char *text, const char *with)
{
  return strncmp(text, with, strlen(with)) == 0;
}

/* there: whether it must exist; otherwise the handler says what it thinks of that. */
static enum err check_model(struct exchange *x, struct db *db, const char *model,
                            bool there)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  if (!model || !slug_valid(model))
    return OK;
  TRY(db_query(db, Q_MODEL_SEEN, &rows,
               DB_ARGS(DB_TEXT(model), CALLER_ARGS(&x->request))));
  return (rows.len ? db_bool(&rows, 0, 0) : !there)
             ? OK
             : why_set(&x->why, E_NOT_FOUND, "", "there is no such model");
}

static enum err check_round(struct exchange *x, struct db *db, const char *text,
                            bool there)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest ctx;
  if (!text || hex_decode(ctx.b, sizeof ctx.b, text) != OK)
    return OK;
  TRY(db_query(db, Q_ROUND_SEEN, &rows,
               DB_ARGS(DB_FIXED(&ctx), CALLER_ARGS(&x->request))));
  return (rows.len ? db_bool(&rows, 0, 0) : !there)
             ? OK
             : why_set(&x->why, E_NOT_FOUND, "", "there is no such round");
}

enum err visibility_check(struct exchange *x, struct db *db)
{
  const struct request *rq = &x->request;
  const struct route *r = x->route;
  if (strcmp(r->method, "GET") != 0)
    return OK;
  if (begins(r->pattern, "/api/v1/models/{model}"))
    return check_model(x, db, rq->param[0], true);
  if (begins(r->pattern, "/api/v1/rounds/{ctx}"))
    return check_round(x, db, rq->param[0], true);
  if (!(r->flags & ROUTE_CALLER) || begins(r->pattern, "/api/v1/participants/{id}"))
    return OK; /* what is said of people leaves out what the caller must not see */
  TRY(check_model(x, db, request_query(rq, "model"), false));
  return check_round(x, db, request_query(rq, "ctx"), false);
}
