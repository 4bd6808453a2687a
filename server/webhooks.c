/* SPDX-License-Identifier: Apache-2.0
 * Handlers: webhooks, and what was and is to be sent to them. */
#include "server/webhook.h"

#include <sodium.h>
#include <string.h>

#include "server/common.h"
#include "server/etag.h"
#include "server/handlers.h"

#define WEBHOOKS_MAX 100
#define SECRET_TEXT (6 + sodium_base64_ENCODED_LEN(WEBHOOK_SECRET_BYTES, 1))

static const char *const event_names[] = {"round.opened", "phase.due",    "round.result",
                                          "round.failed", "payout.final", "payout.held"};

/* ---- WEBHOOK ---- */

static json_t *split(const char *words)
{
  json_t *list = json_array();
  while (*words) {
    size_t len = strcspn(words, " ");
    json_array_append_new(list, json_stringn(words, len));
    words += len + strspn(words + len, " ");
  }
  return list;
}

/* What an administrator edits. */
static json_t *settings_json(const struct db_rows *r, unsigned row)
{
  return json_pack("{s:s,s:o,s:o,s:b}", "url", db_text(r, row, 1), "events",
                   split(db_text(r, row, 2)), "model", json_text_or_null(r, row, 3),
                   "active", (int)db_bool(r, row, 4));
}

static json_t *webhook_json(const struct db_rows *r, unsigned row)
{
  json_t *o = settings_json(r, row);
  json_object_set_new(o, "id", json_integer((json_int_t)db_int(r, row, 0)));
  json_object_set_new(o, "created_by", json_text_or_null(r, row, 5));
  json_object_set_new(o, "created_at", json_real_or_null(r, row, 6));
  json_object_set_new(o, "waiting", json_integer((json_int_t)db_int(r, row, 7)));
  json_object_set_new(o, "dead", json_integer((json_int_t)db_int(r, row, 8)));
  return o;
}

/* One webhook's row, its settings and their tag. */
static enum err find(struct request *rq, uint64_t id, struct db_rows *rows, char etag[72])
{
  TRY(db_query(rq->db, Q_WEBHOOK_ROWS, rows, DB_ARGS(DB_INT(id), DB_NULL, DB_INT(1))));
  if (rows->len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such webhook");
  AUTO(json_drop) json_t *settings = settings_json(rows, 0);
  etag_of_json(etag, settings);
  return OK;
}

static enum err webhook_reply(struct request *rq, struct reply *rp, uint64_t id)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(find(rq, id, &rows, rp->etag));
  rp->json = webhook_json(&rows, 0);
  return OK;
}

enum err webhooks_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  struct numbered p;
  TRY(request_numbered(rq, &p));
  TRY(db_query(rq->db, Q_WEBHOOK_ROWS, &rows, DB_ARGS(DB_NULL, p.behind, p.rows)));
  unsigned n = page_len(&rows, p.limit);
  for (unsigned i = 0; i < n; i++)
    json_array_append_new(list, webhook_json(&rows, i));
  rp->json = json_pack("{s:O,s:o}", "webhooks", list, "next", next_number(&rows, n));
  return OK;
}

enum err webhooks_show(struct request *rq, struct reply *rp)
{
  uint64_t id;
  TRY(request_param_number(rq, 0, &id));
  return webhook_reply(rq, rp, id);
}

/* ---- what is asked for ---- */

struct hook {
  struct request *rq;
  json_t *root; /* owns url and model */
  uint64_t id;
  const char *url, *model;
  char events[160]; /* with spaces between; empty: not named */
  bool has_url, has_model, has_active, active;
  char secret[SECRET_TEXT]; /* of a new one */
};

static void hook_done(struct hook *h)
{
  json_decref(h->root);
  sodium_memzero(h->secret, sizeof h->secret);
}

static bool known_event(const char *name)
{
  for (size_t i = 0; name && i < LENGTH(event_names); i++)
    if (strcmp(name, event_names[i]) == 0)
      return true;
  return false;
}

/* In the order of event_names, each once. */
static enum err read_events(struct hook *h, const json_t *given)
{
  const json_t *v;
  size_t i, at = 0;
  json_array_foreach ((json_t *)given, i, v)
    if (!known_event(json_string_value(v)))
      return why_set(h->rq->why, E_FIELD_VALUE, "events",
                     "must be of round.opened, phase.due, round.result, round.failed, "
                     "payout.final and payout.held");
  for (size_t k = 0; k < LENGTH(event_names); k++) {
    bool named = false;
    json_array_foreach ((json_t *)given, i, v)
      named |= strcmp(json_string_value(v), event_names[k]) == 0;
    if (named)
      at += (size_t)snprintf(h->events + at, sizeof h->events - at, "%s%s", at ? " " : "",
                             event_names[k]);
  }
  return OK;
}

static enum err read_model(struct hook *h, const json_t *given)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  h->has_model = given != NULL;
  if (!given || json_is_null(given))
    return OK;
  h->model = json_string_value(given);
  if (!h->model || !slug_valid(h->model))
    return why_set(h->rq->why, E_FIELD_VALUE, "model", "must be a model or null");
  TRY(db_query(h->rq->db, Q_MODEL_STATE, &rows, DB_ARGS(DB_TEXT(h->model))));
  return rows.len ? OK
                  : why_set(h->rq->why, E_FIELD_VALUE, "model", "there is no such model");
}

/* whole: a new one, all of whose members are needed. */
static enum err read_hook(struct hook *h, bool whole)
{
  struct request *rq = h->rq;
  json_t *events = NULL, *model = NULL;
  struct field fields[] = {
      OPTIONAL(FIELD_STRING("url", &h->url, 1, WEBHOOK_URL_MAX), &h->has_url),
      OPTIONAL(FIELD_ARRAY("events", &events, 1, 100), NULL),
      OPTIONAL(FIELD_ANY("model", &model), NULL),
      OPTIONAL(FIELD_BOOL("active", &h->active), &h->has_active),
      FIELD_END,
  };
  for (size_t i = 0; whole && i < 3; i++)
    fields[i].optional = false;
  h->has_url = whole;
  TRY(request_json(rq, &h->root, fields));
  if (h->url)
    TRY(webhook_url_check(h->url, rq->server->config.webhook_private, rq->why));
  TRY(read_events(h, events));
  return read_model(h, model);
}

/* ---- new, changed, gone ---- */

static enum err create(struct db *db, void *arg)
{
  struct hook *h = arg;
  AUTO(db_rows_done) struct db_rows next = {0};
  AUTO(db_rows_done) struct db_rows made = {0};
  AUTO(buf_done) struct buf sealed = {0};
  struct webhook_secret secret;
  TRY(db_query(db, Q_WEBHOOK_NEXT_ID, &next, DB_NONE));
  h->id = (uint64_t)db_int(&next, 0, 0);
  randombytes_buf(secret.b, sizeof secret.b);
  memcpy(h->secret, "whsec_", 6);
  sodium_bin2base64(h->secret + 6, sizeof h->secret - 6, secret.b, sizeof secret.b,
                    sodium_base64_VARIANT_ORIGINAL);
  enum err e = webhook_secret_seal(&sealed, h->rq->server, (int64_t)h->id, &secret);
  sodium_memzero(&secret, sizeof secret);
  TRY(e);
  TRY(db_query(db, Q_WEBHOOK_CREATE, &made,
               DB_ARGS(DB_INT(h->id), DB_TEXT(h->url), DB_TEXT(h->events),
                       DB_TEXT(h->model), DB_BUF(&sealed), DB_TEXT(h->rq->caller.name),
                       DB_INT(WEBHOOKS_MAX))));
  if (made.len == 0)
    return why_set(h->rq->why, E_CONFLICT, "", "there are %d webhooks already",
                   WEBHOOKS_MAX);
  return h->has_active
             ? db_run(db, Q_WEBHOOK_CHANGE,
                      DB_ARGS(DB_INT(h->id), DB_TEXT(h->url), DB_TEXT(h->events),
                              DB_TEXT(h->model), DB_BOOL(h->active)))
             : OK;
}

enum err webhooks_create(struct request *rq, struct reply *rp)
{
  AUTO(hook_done) struct hook h = {.rq = rq};
  TRY(read_hook(&h, true));
  TRY(db_transaction(rq->db, create, &h));
  rp->status = 201;
  TRY(webhook_reply(rq, rp, h.id));
  json_object_set_new(rp->json, "secret", json_string(h.secret));
  return OK;
}

static enum err lock(struct db *db, struct request *rq, uint64_t id, struct db_rows *rows)
{
  AUTO(db_rows_done) struct db_rows locked = {0};
  char etag[72];
  TRY(db_query(db, Q_WEBHOOK_LOCK, &locked, DB_ARGS(DB_INT(id))));
  TRY(find(rq, id, rows, etag));
  return request_if_match(rq, etag, false);
}

static enum err change(struct db *db, void *arg)
{
  struct hook *h = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(lock(db, h->rq, h->id, &rows));
  return db_run(db, Q_WEBHOOK_CHANGE,
                DB_ARGS(DB_INT(h->id), DB_TEXT(h->url ? h->url : db_text(&rows, 0, 1)),
                        DB_TEXT(*h->events ? h->events : db_text(&rows, 0, 2)),
                        DB_TEXT(h->has_model ? h->model : db_text(&rows, 0, 3)),
                        DB_BOOL(h->has_active ? h->active : db_bool(&rows, 0, 4))));
}

enum err webhooks_change(struct request *rq, struct reply *rp)
{
  AUTO(hook_done) struct hook h = {.rq = rq};
  TRY(request_param_number(rq, 0, &h.id));
  TRY(read_hook(&h, false));
  TRY(db_transaction(rq->db, change, &h));
  return webhook_reply(rq, rp, h.id);
}

static enum err drop(struct db *db, void *arg)
{
  struct hook *h = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(lock(db, h->rq, h->id, &rows));
  return db_run(db, Q_WEBHOOK_DELETE, DB_ARGS(DB_INT(h->id)));
}

enum err webhooks_delete(struct request *rq, struct reply *rp)
{
  struct hook h = {.rq = rq};
  TRY(request_param_number(rq, 0, &h.id));
  TRY(db_transaction(rq->db, drop, &h));
  rp->status = 204;
  return OK;
}

/* ---- deliveries ---- */

static json_t *delivery_json(const struct db_rows *r, unsigned row)
{
  bool waiting = strcmp(db_text(r, row, 4), "waiting") == 0;
  return json_pack(
      "{s:I,s:s,s:s,s:s,s:s,s:I,s:o,s:o,s:f,s:o,s:o}", "n", (json_int_t)db_int(r, row, 0),
      "message", db_text(r, row, 1), "event", db_text(r, row, 2), "body",
      db_text(r, row, 3), "state", db_text(r, row, 4), "attempts",
      (json_int_t)db_int(r, row, 5), "status",
      db_null(r, row, 6) ? json_null() : json_integer((json_int_t)db_int(r, row, 6)),
      "reason", json_text_or_null(r, row, 7), "created_at", db_real(r, row, 8), "next_at",
      waiting ? json_real(db_real(r, row, 9)) : json_null(), "ended_at",
      json_real_or_null(r, row, 10));
}

static enum err delivery_reply(struct request *rq, struct reply *rp, uint64_t webhook,
                               int64_t n)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(rq->db, Q_WEBHOOK_DELIVERY_ROWS, &rows,
               DB_ARGS(DB_INT(webhook), DB_INT(n), DB_NULL, DB_TEXT(NULL), DB_INT(1))));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such delivery");
  rp->json = delivery_json(&rows, 0);
  return OK;
}

static enum err read_state(struct request *rq, const char **out)
{
  *out = request_query(rq, "state");
  if (*out && strcmp(*out, "waiting") != 0 && strcmp(*out, "delivered") != 0 &&
      strcmp(*out, "dead") != 0)
    return why_set(rq->why, E_FIELD_VALUE, "state", "must be waiting, delivered or dead");
  return OK;
}

enum err deliveries_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows hook = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  char etag[72];
  const char *state;
  uint64_t id;
  struct numbered p;
  TRY(request_param_number(rq, 0, &id));
  TRY(request_numbered(rq, &p));
  TRY(read_state(rq, &state));
  TRY(find(rq, id, &hook, etag));
  TRY(db_query(rq->db, Q_WEBHOOK_DELIVERY_ROWS, &rows,
               DB_ARGS(DB_INT(id), DB_NULL, p.behind, DB_TEXT(state), p.rows)));
  unsigned n = page_len(&rows, p.limit);
  for (unsigned i = 0; i < n; i++)
    json_array_append_new(list, delivery_json(&rows, i));
  rp->json = json_pack("{s:O,s:o}", "deliveries", list, "next", next_number(&rows, n));
  return OK;
}

enum err deliveries_retry(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  uint64_t id, n;
  TRY(request_param_number(rq, 0, &id));
  TRY(request_param_number(rq, 1, &n));
  TRY(db_query(rq->db, Q_WEBHOOK_RETRY, &rows, DB_ARGS(DB_INT(id), DB_INT(n))));
  TRY(delivery_reply(rq, rp, id, (int64_t)n));
  if (rows.affected == 0)
    return why_set(rq->why, E_CONFLICT, "", "it was delivered already");
  return db_notify(rq->db, "webhooks");
}

enum err webhooks_test(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows hook = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  char etag[72];
  uint64_t id;
  TRY(request_param_number(rq, 0, &id));
  TRY(find(rq, id, &hook, etag));
  if (!db_bool(&hook, 0, 4))
    return why_set(rq->why, E_CONFLICT, "", "this webhook is not active");
  TRY(db_query(rq->db, Q_WEBHOOK_TEST, &rows, DB_ARGS(DB_INT(id))));
  rp->status = 201;
  TRY(delivery_reply(rq, rp, id, db_int(&rows, 0, 0)));
  return db_notify(rq->db, "webhooks");
}
