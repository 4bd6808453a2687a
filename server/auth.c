/* SPDX-License-Identifier: Apache-2.0
 * Who calls: the people who run the instance by a token or a session's cookie, of which
 * the database keeps the SHA-256; participants by a signature over the round they read
 * from (docs/api.md). */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "server/common.h"
#include "server/http_internal.h"
#include "server/origin.h"
#include "server/sessions.h"
#include "server/visibility.h"
#include "util/text.h"

#define TOKEN_MAX 128u

static bool is_read(const struct exchange *x)
{
  return strcmp(x->route->method, "GET") == 0;
}

/* ---- tokens ---- */

static enum err check_token(struct exchange *x, struct db *db, const char *token)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct caller *c = &x->request.caller;
  struct digest hash;
  enum who owner = WHO_ADMIN;
  size_t len = strlen(token);
  if (len == 0 || len > TOKEN_MAX)
    return why_set(&x->why, E_UNAUTHENTICATED, "", "this is not a token");
  secret_hash(&hash, token);
  TRY(db_query(db, Q_ADMIN_TOKEN_FIND, &rows, DB_ARGS(DB_FIXED(&hash))));
  if (rows.len == 0)
    return why_set(&x->why, E_UNAUTHENTICATED, "", "the token is not known");
  TRY(role_parse(&c->role, db_text(&rows, 0, 3), &x->why));
  if (!db_null(&rows, 0, 5))
    TRY(role_parse(&owner, db_text(&rows, 0, 5), &x->why));
  c->role = MIN(c->role, owner);
  c->token = db_int(&rows, 0, 0);
  c->user = db_int(&rows, 0, 4);
  snprintf(c->name, sizeof c->name, "%s", db_text(&rows, 0, 1));
  snprintf(c->model, sizeof c->model, "%s", db_text(&rows, 0, 6));
  if (!db_fixed(&rows, 0, 2, c->actor, sizeof c->actor))
    return E_INTERNAL;
  if (db_bool(&rows, 0, 7) && !x->request.server->read_only)
    return db_run(db, Q_ADMIN_TOKEN_USED, DB_ARGS(DB_INT(db_int(&rows, 0, 0))));
  return OK;
}

/* ---- sessions ---- */

/* A page of another site can make a browser send the cookie, but knows no token. */
static enum err check_forgery(struct exchange *x, const char *cookie)
{
  AUTO(secret_wipe) struct secret csrf;
  const char *given = request_header(&x->request, "X-Chorus-Csrf");
  if (is_read(x))
    return OK;
  session_csrf(&csrf, cookie);
  if (!given || strlen(given) != sizeof csrf.text - 1 ||
      sodium_memcmp(given, csrf.text, sizeof csrf.text - 1) != 0)
    return why_set(&x->why, E_CSRF, "", "X-Chorus-Csrf: is not this session's");
  return origin_check(&x->request);
}

/* Whose session it is: one of a user, or of a participant. */
static enum err take_owner(struct exchange *x, const struct db_rows *rows)
{
  struct request *rq = &x->request;
  struct caller *c = &rq->caller;
  rq->has_identity = db_fixed(rows, 0, 7, rq->identity.b, sizeof rq->identity.b);
  if (rq->has_identity) {
    c->role = WHO_PARTICIPANT;
    return OK;
  }
  if (!db_fixed(rows, 0, 3, c->actor, sizeof c->actor))
    return E_INTERNAL;
  return role_parse(&c->role, db_text(rows, 0, 4), &x->why);
}

static enum err check_session(struct exchange *x, struct db *db)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct caller *c = &x->request.caller;
  struct digest hash;
  const char *cookie = session_cookie(&x->request);
  if (!cookie)
    return why_set(&x->why, E_UNAUTHENTICATED, "", "expected: Bearer TOKEN, or a login");
  secret_hash(&hash, cookie);
  TRY(db_query(db, Q_SESSION_FIND, &rows,
               DB_ARGS(DB_FIXED(&hash), DB_REAL(SESSION_IDLE))));
  if (rows.len == 0)
    return why_set(&x->why, E_UNAUTHENTICATED, "", "the session has ended: log in again");
  TRY(check_forgery(x, cookie));
  TRY(take_owner(x, &rows));
  c->session = db_int(&rows, 0, 0);
  c->user = db_int(&rows, 0, 1);
  c->age = db_real(&rows, 0, 5);
  snprintf(c->name, sizeof c->name, "%s", db_text(&rows, 0, 2));
  if (db_bool(&rows, 0, 6) && !x->request.server->read_only)
    return db_run(db, Q_SESSION_SEEN, DB_ARGS(DB_INT(c->session)));
  return OK;
}

/* ---- what they may ---- */

static bool begins(const char *text, const char *with)
{
  return strncmp(text, with, strlen(with)) == 0;
}

/* The model that the address names, by itself or by a round. */
static enum err find_subject(struct exchange *x, struct db *db)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct request *rq = &x->request;
  struct digest ctx;
  const char *model = NULL;
  if (begins(x->route->pattern, "/api/v1/models/{model}") && slug_valid(rq->param[0]))
    model = rq->param[0];
  if (begins(x->route->pattern, "/api/v1/rounds/{ctx}")) {
    TRY(request_param_hex(rq, 0, ctx.b, sizeof ctx.b));
    TRY(db_query(db, Q_ROUND_MODEL, &rows, DB_ARGS(DB_FIXED(&ctx))));
    model = rows.len ? db_text(&rows, 0, 0) : NULL;
  }
  snprintf(rq->subject, sizeof rq->subject, "%s", model ? model : "");
  return OK;
}

static enum err check_scope(struct request *rq, const char *model)
{
  const char *only = rq->caller.model;
  if (*only && strcmp(only, model) != 0)
    return why_set(rq->why, E_FORBIDDEN, "", "this token is good for %s only", only);
  return OK;
}

enum err request_scope(struct request *rq, const char *model)
{
  TRY(check_scope(rq, model));
  snprintf(rq->subject, sizeof rq->subject, "%s", model);
  return OK;
}

/* A participant's session is good for its own things and for what everybody may. */
static enum err check_role(struct exchange *x)
{
  const struct route *r = x->route;
  enum who role = x->request.caller.role;
  if (r->who == WHO_PARTICIPANT && role != WHO_PARTICIPANT)
    return why_set(&x->why, E_FORBIDDEN, "", "this needs the session of a participant");
  if (role < r->who && !(role == WHO_PARTICIPANT && r->flags & ROUTE_MEMBER))
    return why_set(&x->why, E_FORBIDDEN, "", "this needs the role %s", role_name(r->who));
  return OK;
}

static enum err check_person(struct exchange *x, struct db *db, const char *text)
{
  struct request *rq = &x->request;
  const struct caller *c = &rq->caller;
  if (text && strncasecmp(text, "Bearer ", 7) != 0)
    return why_set(&x->why, E_UNAUTHENTICATED, "", "expected: Bearer TOKEN");
  TRY(text ? check_token(x, db, text + 7) : check_session(x, db));
  TRY(check_role(x));
  if ((x->route->flags & ROUTE_OWN) && !c->session)
    return why_set(&x->why, E_FORBIDDEN, "", "this needs a session: log in");
  TRY(find_subject(x, db));
  return x->route->flags & ROUTE_SCOPED ? OK : check_scope(rq, rq->subject);
}

/* ---- participants ---- */

#define READ_FOR 86400.0 /* seconds that a signature for reading is good for */

struct credentials {
  struct identity id;
  struct signature sig;
  uint64_t time; /* 0: it is about a round */
};

/* "ID.SIG", over the round of the address, or "ID.TIME.SIG", over this instance. */
static enum err read_credentials(struct exchange *x, const char *text,
                                 struct credentials *out)
{
  char id[2 * sizeof out->id + 1] = {0}, *end = NULL;
  const char *dot = strchr(text, '.'), *last = strrchr(text, '.');
  *out = (struct credentials){0};
  if (dot && (size_t)(dot - text) == sizeof id - 1 && last - dot <= 16) {
    memcpy(id, text, sizeof id - 1);
    if (last != dot && dot[1] >= '1' && dot[1] <= '9')
      out->time = strtoull(dot + 1, &end, 10);
    if ((last == dot || end == last) &&
        hex_decode(out->id.b, sizeof out->id.b, id) == OK &&
        hex_decode(out->sig.b, sizeof out->sig.b, last + 1) == OK)
      return OK;
  }
  return why_set(&x->why, E_UNAUTHENTICATED, "",
                 "expected: Chorus ID.SIG or Chorus ID.TIME.SIG, in hex");
}

/* What was signed. */
static enum err signed_text(struct exchange *x, const struct credentials *c,
                            uint8_t out[80], size_t *len)
{
  static const char fetch[] = "chorus/v1/fetch\n", read[] = "chorus/v1/read\n";
  const struct digest *instance = &x->request.server->instance;
  struct digest ctx;
  if (c->time) {
    memcpy(out, read, sizeof read - 1);
    memcpy(out + sizeof read - 1, instance->b, sizeof instance->b);
    *len = sizeof read - 1 + sizeof instance->b;
    *len += (size_t)snprintf((char *)out + *len, 80 - *len, "%llu",
                             (unsigned long long)c->time);
    return OK;
  }
  if (!strstr(x->route->pattern, "/{ctx}"))
    return why_set(&x->why, E_UNAUTHENTICATED, "", "expected here: Chorus ID.TIME.SIG");
  TRY(request_param_hex(&x->request, 0, ctx.b, sizeof ctx.b));
  memcpy(out, fetch, sizeof fetch - 1);
  memcpy(out + sizeof fetch - 1, ctx.b, sizeof ctx.b);
  *len = sizeof fetch - 1 + sizeof ctx.b;
  return OK;
}

static enum err check_time(struct exchange *x, struct db *db, uint64_t time)
{
  AUTO(db_rows_done) struct db_rows now = {0};
  if (!time)
    return OK;
  TRY(db_query(db, Q_NOW, &now, DB_NONE));
  double age = db_real(&now, 0, 0) - (double)time;
  if (age < -READ_FOR || age > READ_FOR)
    return why_set(&x->why, E_UNAUTHENTICATED, "",
                   "the time that was signed is more than a day away from now");
  return OK;
}

static enum err check_participant(struct exchange *x, struct db *db, const char *text)
{
  struct credentials c;
  uint8_t message[80];
  size_t len = 0;
  TRY(read_credentials(x, text, &c));
  TRY(signed_text(x, &c, message, &len));
  if (crypto_sign_verify_detached(c.sig.b, message, len, c.id.b) != 0)
    return why_set(&x->why, E_SIGNATURE, "", "the signature for reading does not fit");
  TRY(check_time(x, db, c.time));
  x->request.identity = c.id;
  x->request.has_identity = true;
  return OK;
}

/* ---- all together ---- */

static bool is_scheme(const char *text, const char *scheme)
{
  return text && strncasecmp(text, scheme, strlen(scheme)) == 0;
}

/* Who asks, where nobody has to say it: what is said must be true, but a session that has
 * ended is as good as none. */
static enum err find_caller(struct exchange *x, struct db *db, const char *text)
{
  if (is_scheme(text, "Chorus "))
    return check_participant(x, db, text + 7);
  if (is_scheme(text, "Bearer "))
    return check_token(x, db, text + 7);
  enum err e = text || !session_cookie(&x->request) ? OK : check_session(x, db);
  if (e != E_UNAUTHENTICATED)
    return e;
  x->why = (struct why){0};
  return OK;
}

/* Participants by a signature, or a session where that is what is asked for. */
static enum err check_member(struct exchange *x, struct db *db, const char *text)
{
  if (x->route->flags & ROUTE_MEMBER)
    return check_person(x, db, text);
  if (!is_read(x))
    return OK; /* the body is an event that the participant signed */
  if (!is_scheme(text, "Chorus "))
    return why_set(&x->why, E_UNAUTHENTICATED, "", "expected: Chorus ID.SIG, in hex");
  return check_participant(x, db, text + 7);
}

static enum err check_who(struct exchange *x, struct db *db)
{
  const char *text = request_header(&x->request, "Authorization");
  switch (x->route->who) {
  case WHO_PUBLIC:
    return x->route->flags & ROUTE_CALLER ? find_caller(x, db, text) : OK;
  case WHO_PARTICIPANT:
    return check_member(x, db, text);
  case WHO_VIEWER:
    if ((x->route->flags & ROUTE_METRICS) && x->request.server->config.metrics_open)
      return OK;
    return check_person(x, db, text);
  case WHO_OPERATOR:
  case WHO_ADMIN:
    return check_person(x, db, text);
  }
  return E_INTERNAL;
}

enum err auth_check(struct exchange *x, struct db *db)
{
  TRY(check_who(x, db));
  return visibility_check(x, db);
}
