/* SPDX-License-Identifier: Apache-2.0
 * What several handlers do alike. */
#include "server/common.h"

#include <stdio.h>
#include <string.h>

#include "db/event.h"
#include "util/text.h"

enum err event_load(json_t **out, struct bytes bytes)
{
  json_t *event = json_loadb((const char *)bytes.data, bytes.len, 0, NULL);
  if (!event)
    return E_INTERNAL;
  *out = event;
  return OK;
}

enum err event_said(const struct server *s, const json_t *event, const char *type,
                    const struct header *header, struct digest *hash, struct why *why)
{
  if (memcmp(&header->instance, &s->instance, sizeof s->instance) != 0)
    return why_set(why, E_CONTEXT, "instance", "is not this instance");
  TRY(event_verify(event, type, &header->participant, why));
  return event_hash(hash, event);
}

enum err event_payout(struct address *out, const char *payout, struct why *why)
{
  *out = (struct address){0};
  if (!payout)
    return OK;
  TRY(address_parse(out, payout, "payout", why));
  if (address_zero(out))
    return why_set(why, E_FIELD_VALUE, "payout",
                   "nobody can be paid at the zero address");
  return OK;
}

enum err inside_event(struct why *why, enum err e)
{
  if (e == OK)
    return OK;
  struct why at = *why;
  why->field[0] = 0;
  snprintf(why->field, sizeof why->field, "event%s%.88s", *at.field ? "." : "", at.field);
  return e;
}

enum err event_issue(struct server *s, struct db *db, json_t *event, const char *model,
                     const struct identity *subject, int64_t *seq)
{
  struct digest hash;
  TRY(event_sign(event, &s->key));
  TRY(event_hash(&hash, event));
  return db_event_store(db, event, model, NULL, subject, &hash, seq);
}

enum err admission_write(struct server *s, struct db *db, const char *type,
                         const char *model, const struct identity *who,
                         const struct digest *enroll)
{
  int64_t seq;
  char topic[SLUG_MAX + 16];
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest last;
  TRY(db_query(db, Q_MEMBER_LAST, &rows, DB_ARGS(DB_TEXT(model), DB_FIXED(who))));
  bool before = rows.len && db_fixed(&rows, 0, 0, last.b, sizeof last.b);
  AUTO(json_drop)
  json_t *event =
      admission_build(type, &s->instance, model, who, enroll, before ? &last : NULL);
  TRY(event_issue(s, db, event, model, who, &seq));
  const char *status = strcmp(type, "admit") == 0 ? "admitted" : "suspended";
  TRY(db_run(db, Q_MEMBER_SET,
             DB_ARGS(DB_TEXT(model), DB_FIXED(who), DB_TEXT(status), DB_INT(seq))));
  snprintf(topic, sizeof topic, "model:%s", model);
  return db_notify(db, topic);
}

enum err request_model(struct request *rq, const char **out)
{
  if (!slug_valid(rq->param[0]))
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such model");
  *out = rq->param[0];
  return OK;
}

static bool whole_number(const char *text, uint64_t *out)
{
  size_t len = strlen(text);
  if (len == 0 || len > 15 || strspn(text, "0123456789") != len)
    return false;
  *out = strtoull(text, NULL, 10);
  return true;
}

enum err request_number(struct request *rq, const char *name, uint64_t *out)
{
  const char *text = request_query(rq, name);
  if (text && !whole_number(text, out))
    return why_set(rq->why, E_FIELD_VALUE, name, "must be a whole number");
  return OK;
}

enum err request_param_number(struct request *rq, unsigned index, uint64_t *out)
{
  if (!whole_number(rq->param[index], out))
    return why_set(rq->why, E_NOT_FOUND, "", "the address needs a whole number");
  return OK;
}

enum err request_cursor(struct request *rq, void *out, size_t size)
{
  const char *text = request_query(rq, "cursor");
  memset(out, 0, size);
  if (text && hex_decode(out, size, text) != OK)
    return why_set(rq->why, E_FIELD_VALUE, "cursor", "is not one of ours");
  return OK;
}

enum err request_numbered(struct request *rq, struct numbered *out)
{
  *out = (struct numbered){0};
  TRY(request_limit(rq, &out->limit));
  TRY(request_number(rq, "cursor", &out->cursor));
  out->behind = out->cursor ? DB_INT(out->cursor) : DB_NULL;
  out->rows = DB_INT(out->limit + 1);
  return OK;
}

unsigned page_len(const struct db_rows *rows, unsigned limit)
{
  return MIN(rows->len, limit);
}

json_t *next_number(const struct db_rows *rows, unsigned n)
{
  return rows->len > n ? json_sprintf("%lld", (long long)db_int(rows, n - 1, 0))
                       : json_null();
}

struct db_arg caller_owner(const struct request *rq)
{
  return rq->caller.role == WHO_ADMIN ? DB_NULL : DB_INT(rq->caller.user);
}

bool server_secure(const struct server *s)
{
  return s->config.url && strncasecmp(s->config.url, "https://", 8) == 0;
}
