/* SPDX-License-Identifier: Apache-2.0
 * Handlers: logging in and out, and the list of sessions. */
#include "server/sessions.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "server/attempts.h"
#include "server/common.h"
#include "server/factors.h"
#include "server/handlers.h"
#include "server/login.h"
#include "server/origin.h"
#include "server/password.h"
#include "server/siwe.h"
#include "util/text.h"

static const char *const role_names[] = {[WHO_PARTICIPANT] = "participant",
                                         [WHO_VIEWER] = "viewer",
                                         [WHO_OPERATOR] = "operator",
                                         [WHO_ADMIN] = "admin"};

const char *role_name(enum who role)
{
  return role >= WHO_PARTICIPANT && role <= WHO_ADMIN ? role_names[role] : "";
}

enum err role_parse(enum who *out, const char *text, struct why *why)
{
  for (enum who r = WHO_VIEWER; r <= WHO_ADMIN; r++)
    if (strcmp(text, role_names[r]) == 0) {
      *out = r;
      return OK;
    }
  return why_set(why, E_FIELD_VALUE, "role", "must be viewer, operator or admin");
}

/* ---- the cookie and what follows from it ---- */

const char *session_cookie(const struct request *rq)
{
  const char *value = request_cookie(rq, SESSION_COOKIE);
  return value && strlen(value) == sizeof((struct secret *)0)->text - 1 ? value : NULL;
}

void session_csrf(struct secret *out, const char *cookie)
{
  secret_derive(out, cookie, "chorus/v1/csrf");
}

/* cookie "": the browser forgets it. */
static void set_cookie(const struct request *rq, struct reply *rp, const char *cookie)
{
  snprintf(rp->cookie, sizeof rp->cookie,
           SESSION_COOKIE "=%s; Path=/; Max-Age=%.0f; HttpOnly; SameSite=Strict%s",
           cookie, *cookie ? SESSION_SECONDS : 0.0,
           server_secure(rq->server) ? "; Secure" : "");
}

static void read_agent(const struct request *rq, char *out, size_t room)
{
  const char *agent = request_header(rq, "User-Agent");
  text_clean(out, room, BYTES(agent ? agent : "", agent ? strlen(agent) : 0));
}

enum err session_start(struct request *rq, struct reply *rp, int64_t user,
                       struct secret *secret)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest hash;
  struct peer peer;
  char agent[200];
  secret_make(secret, &hash);
  peer_find(&peer, rq);
  read_agent(rq, agent, sizeof agent);
  TRY(db_run(rq->db, Q_SESSION_FORGET, DB_NONE));
  TRY(db_query(rq->db, Q_SESSION_CREATE, &rows,
               DB_ARGS(DB_FIXED(&hash), user ? DB_INT(user) : DB_NULL,
                       user ? DB_NULL : DB_FIXED(&rq->identity), DB_REAL(SESSION_SECONDS),
                       DB_TEXT(peer.text), DB_TEXT(agent))));
  set_cookie(rq, rp, secret->text);
  return OK;
}

enum err session_renew(struct request *rq, struct reply *rp, struct secret *secret)
{
  int64_t user = rq->caller.user;
  TRY(db_run(rq->db, Q_SESSION_DELETE_OF, DB_ARGS(DB_INT(user))));
  return session_start(rq, rp, user, secret);
}

enum err session_fresh(struct request *rq)
{
  if (rq->caller.age > SESSION_FRESH)
    return why_set(rq->why, E_FORBIDDEN, "",
                   "log in again first: this needs a login of the last %.0f minutes",
                   SESSION_FRESH / 60);
  return OK;
}

enum err session_reply(struct request *rq, struct reply *rp, const char *cookie)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(secret_wipe) struct secret csrf = {0};
  const struct caller *c = &rq->caller;
  if (cookie)
    session_csrf(&csrf, cookie);
  TRY(db_query(rq->db, Q_USER_FACTORS, &rows, DB_ARGS(DB_INT(c->user))));
  rp->json = json_pack(
      "{s:s,s:s,s:o,s:o,s:b,s:I}", "name", c->name, "role", role_name(c->role), "model",
      *c->model ? json_string(c->model) : json_null(), "csrf",
      cookie ? json_string(csrf.text) : json_null(), "totp", (int)db_bool(&rows, 0, 0),
      "recovery_codes", (json_int_t)db_int(&rows, 0, 1));
  if (c->role == WHO_PARTICIPANT)
    json_object_set_new(rp->json, "participant",
                        json_hex(rq->identity.b, sizeof rq->identity.b));
  return OK;
}

/* ---- logging in ---- */

struct login {
  struct request *rq;
  struct reply *rp;
  const char *name, *password, *totp, *recovery; /* of a user */
  const char *link;                              /* or of a participant */
  const char *message, *signature;               /* or of its wallet */
  int64_t user;
  struct db_rows row; /* what the user's password was compared with */
  struct secret secret;
};

/* E_CODE is no failure: the password was right, and a code is still to come. */
static enum err second_factor(struct login *l, const struct db_rows *row)
{
  struct why *why = l->rq->why;
  bool good = false;
  if (db_null(row, 0, 2))
    return OK;
  if (!l->totp && !l->recovery)
    return why_set(why, E_CODE, "totp", "or \"recovery\"");
  if (l->recovery)
    TRY(recovery_use(l->rq->db, l->user, l->recovery, &good));
  else
    TRY(totp_use(l->rq->server, l->rq->db, l->user, db_bytes(row, 0, 2), l->totp, &good));
  if (!good)
    return why_set(why, E_LOGIN, l->recovery ? "recovery" : "totp",
                   "is wrong, or was used before");
  return OK;
}

static enum err judge(struct login *l)
{
  struct request *rq = l->rq;
  bool good;
  TRY(db_query(rq->db, Q_USER_LOGIN, &l->row, DB_ARGS(DB_TEXT(l->name))));
  TRY(password_verify(rq->server, l->row.len ? db_text(&l->row, 0, 1) : NULL, l->password,
                      &good));
  if (!good || db_bool(&l->row, 0, 4))
    return E_LOGIN;
  l->user = db_int(&l->row, 0, 0);
  TRY(second_factor(l, &l->row));
  struct caller *c = &rq->caller;
  c->user = l->user;
  snprintf(c->name, sizeof c->name, "%s", l->name);
  return role_parse(&c->role, db_text(&l->row, 0, 3), rq->why);
}

/* While the password was compared it may have been changed, and all sessions ended: what
 * let in must still stand, and stay so until the session is there. */
static enum err still_good(struct login *l, struct db *db)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct bytes totp = db_bytes(&l->row, 0, 2);
  TRY(db_query(db, Q_USER_STILL, &rows,
               DB_ARGS(DB_INT(l->user), DB_TEXT(db_text(&l->row, 0, 1)),
                       totp.data ? DB_BYTES(totp.data, totp.len) : DB_NULL)));
  return rows.len ? OK
                  : why_set(l->rq->why, E_LOGIN, "", "it was changed at this moment");
}

static enum err find_participant(struct login *l)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct request *rq = l->rq;
  TRY(l->link ? login_link_use(rq, l->link, &rq->identity)
              : login_wallet_use(rq, l->message, l->signature, &rq->identity));
  TRY(db_query(rq->db, Q_ME_SHOW, &rows, DB_ARGS(DB_FIXED(&rq->identity))));
  rq->has_identity = true;
  rq->caller.role = WHO_PARTICIPANT;
  snprintf(rq->caller.name, sizeof rq->caller.name, "%s", db_text(&rows, 0, 0));
  return OK;
}

/* The session that the browser had ends: nobody can have planted its secret. */
static enum err start(struct db *db, void *arg)
{
  struct login *l = arg;
  struct digest hash;
  const char *before = session_cookie(l->rq);
  TRY(l->user ? still_good(l, db) : find_participant(l));
  if (before) {
    secret_hash(&hash, before);
    TRY(db_run(db, Q_SESSION_DELETE_HASH, DB_ARGS(DB_FIXED(&hash))));
  }
  return session_start(l->rq, l->rp, l->user, &l->secret);
}

static enum err by_password(struct login *l)
{
  struct request *rq = l->rq;
  TRY(attempt_begin(rq, l->name));
  enum err e = judge(l);
  if (e != OK && e != E_LOGIN)
    TRY(attempt_undo(rq, l->name));
  TRY(e);
  TRY(attempt_success(rq, l->name));
  return db_transaction(rq->db, start, l);
}

/* Nothing of it can be guessed; what fails is counted all the same. */
static enum err by_participant(struct login *l)
{
  struct request *rq = l->rq;
  TRY(attempt_begin(rq, NULL));
  enum err e = db_transaction(rq->db, start, l);
  if (e != E_INVITE && e != E_LOGIN)
    TRY(attempt_undo(rq, NULL));
  return e;
}

/* Exactly one way in, with all that belongs to it. */
static enum err check_way(const struct login *l)
{
  bool user = l->name || l->password || l->totp || l->recovery;
  bool wallet = l->message || l->signature;
  struct why *why = l->rq->why;
  if (user + wallet + !!l->link > 1)
    return why_set(why, E_FIELD_VALUE, l->link ? "link" : "message",
                   "comes alone, without a name and a password");
  if (wallet && !(l->message && l->signature))
    return why_set(why, E_FIELD_MISSING, l->message ? "signature" : "message", "add it");
  if (!wallet && !l->link && !(l->name && l->password))
    return why_set(why, E_FIELD_MISSING, l->name ? "password" : "name", "add it");
  return OK;
}

static enum err log_in(struct login *l)
{
  struct request *rq = l->rq;
  TRY(check_way(l));
  TRY(l->name ? by_password(l) : by_participant(l));
  l->rp->status = 201;
  return session_reply(rq, l->rp, l->secret.text);
}

enum err session_create(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  struct login l = {.rq = rq, .rp = rp};
  const struct field fields[] = {
      OPTIONAL(FIELD_STRING("name", &l.name, 1, USER_NAME_MAX), NULL),
      OPTIONAL(FIELD_STRING("password", &l.password, 1, PASSWORD_MAX), NULL),
      OPTIONAL(FIELD_STRING("totp", &l.totp, 1, 16), NULL),
      OPTIONAL(FIELD_STRING("recovery", &l.recovery, 1, 64), NULL),
      OPTIONAL(FIELD_STRING("link", &l.link, 1, 64), NULL),
      OPTIONAL(FIELD_STRING("message", &l.message, 1, SIWE_TEXT_MAX), NULL),
      OPTIONAL(FIELD_STRING("signature", &l.signature, 1, 160), NULL),
      FIELD_END,
  };
  TRY(origin_check(rq));
  TRY(request_json(rq, &root, fields));
  enum err e = log_in(&l);
  secret_wipe(&l.secret);
  db_rows_done(&l.row);
  return e;
}

enum err session_show(struct request *rq, struct reply *rp)
{
  return session_reply(rq, rp, rq->caller.session ? session_cookie(rq) : NULL);
}

/* Whose sessions the caller may see and end, as the queries are told. Two arguments. */
#define OWNER_ARGS(rq)                                                                   \
  caller_owner(rq), (rq)->has_identity ? DB_FIXED(&(rq)->identity) : DB_NULL

enum err session_end(struct request *rq, struct reply *rp)
{
  TRY(db_run(rq->db, Q_SESSION_DELETE,
             DB_ARGS(DB_INT(rq->caller.session), OWNER_ARGS(rq))));
  set_cookie(rq, rp, "");
  rp->status = 204;
  return OK;
}

/* ---- the list ---- */

enum err sessions_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  struct numbered p;
  TRY(request_numbered(rq, &p));
  TRY(db_query(rq->db, Q_SESSION_LIST, &rows,
               DB_ARGS(OWNER_ARGS(rq), p.behind, p.rows, DB_REAL(SESSION_IDLE))));
  unsigned n = page_len(&rows, p.limit);
  for (unsigned i = 0; i < n; i++) {
    int64_t id = db_int(&rows, i, 0);
    json_array_append_new(
        list,
        json_pack("{s:I,s:s,s:f,s:f,s:f,s:s,s:s,s:b}", "id", (json_int_t)id, "user",
                  db_text(&rows, i, 1), "created_at", db_real(&rows, i, 2), "seen_at",
                  db_real(&rows, i, 3), "expires_at", db_real(&rows, i, 4), "address",
                  db_text(&rows, i, 5), "agent", db_text(&rows, i, 6), "current",
                  (int)(id == rq->caller.session)));
  }
  rp->json = json_pack("{s:O,s:o}", "sessions", list, "next", next_number(&rows, n));
  return OK;
}

enum err sessions_delete(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  uint64_t id;
  TRY(request_param_number(rq, 0, &id));
  TRY(db_query(rq->db, Q_SESSION_DELETE, &rows, DB_ARGS(DB_INT(id), OWNER_ARGS(rq))));
  if (rows.affected == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such session");
  rp->status = 204;
  return OK;
}
