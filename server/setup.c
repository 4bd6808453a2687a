/* SPDX-License-Identifier: Apache-2.0
 * Links that set a password once, and what they open: the first administrator, or a user
 * who is new or forgot. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "server/attempts.h"
#include "server/common.h"
#include "server/handlers.h"
#include "server/origin.h"
#include "server/password.h"
#include "server/users.h"

enum err password_check(const char *password, const char *name, const char *field,
                        struct why *why)
{
  if (strlen(password) < PASSWORD_MIN)
    return why_set(why, E_FIELD_VALUE, field, "must have at least %u bytes",
                   PASSWORD_MIN);
  if (strcasecmp(password, name) == 0)
    return why_set(why, E_FIELD_VALUE, field, "must not be your name");
  return OK;
}

enum err link_make(struct db *db, int64_t user, bool drop_totp, struct secret *code,
                   double *expires_at)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest hash;
  const struct db_arg owner = user ? DB_INT(user) : DB_NULL;
  secret_make(code, &hash);
  TRY(db_run(db, Q_LINK_DROP, DB_ARGS(owner)));
  TRY(db_query(
      db, Q_LINK_CREATE, &rows,
      DB_ARGS(DB_FIXED(&hash), owner, DB_BOOL(drop_totp), DB_REAL(LINK_SECONDS))));
  *expires_at = db_real(&rows, 0, 0);
  return OK;
}

struct setup {
  struct request *rq;
  struct digest code;
  char name[USER_NAME_MAX + 1], role[16];
  struct password_hash hash;
};

static enum err bad_link(struct setup *s)
{
  return why_set(s->rq->why, E_INVITE, "code", "the link is unknown, used or expired");
}

/* Whom the link is for; the first administrator chooses a name. */
static enum err find(struct setup *s, const char *name)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct why *why = s->rq->why;
  TRY(db_query(s->rq->db, Q_LINK_FIND, &rows, DB_ARGS(DB_FIXED(&s->code))));
  if (rows.len == 0)
    return bad_link(s);
  const char *owner = db_text(&rows, 0, 0);
  if (owner && name && strcmp(owner, name) != 0)
    return why_set(why, E_FIELD_VALUE, "name", "the link is for somebody else");
  if (!owner && !name)
    return why_set(why, E_FIELD_MISSING, "name", "choose one for the administrator");
  TRY(user_name_check(owner ? owner : name, why));
  snprintf(s->name, sizeof s->name, "%s", owner ? owner : name);
  snprintf(s->role, sizeof s->role, "%s", owner ? db_text(&rows, 0, 1) : "admin");
  return OK;
}

static enum err make_first(struct setup *s, struct db *db, int64_t *user)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_USER_ADMIN_EXISTS, &rows, DB_NONE));
  if (db_bool(&rows, 0, 0))
    return bad_link(s);
  enum err e = user_create(db, s->name, s->role, user);
  if (e == E_CONFLICT)
    return why_set(s->rq->why, e, "name", "there is already a user of this name");
  return e;
}

static enum err use(struct db *db, void *arg)
{
  struct setup *s = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_LINK_USE, &rows, DB_ARGS(DB_FIXED(&s->code))));
  if (rows.len == 0)
    return bad_link(s);
  int64_t user = db_int(&rows, 0, 0);
  if (!user)
    TRY(make_first(s, db, &user));
  TRY(db_run(db, Q_USER_PASSWORD, DB_ARGS(DB_INT(user), DB_TEXT(s->hash.text))));
  TRY(db_run(db, Q_SESSION_DELETE_OF, DB_ARGS(DB_INT(user))));
  if (!db_bool(&rows, 0, 1))
    return OK;
  TRY(db_run(db, Q_USER_TOTP_DROP, DB_ARGS(DB_INT(user))));
  return db_run(db, Q_RECOVERY_DROP, DB_ARGS(DB_INT(user)));
}

static enum err set_password(struct setup *s, const char *name, const char *password)
{
  TRY(find(s, name));
  TRY(password_check(password, s->name, "password", s->rq->why));
  TRY(password_hash(s->rq->server, &s->hash, password));
  return db_transaction(s->rq->db, use, s);
}

enum err setup_post(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  struct setup s = {.rq = rq};
  const char *code, *password, *name = NULL;
  const struct field fields[] = {
      FIELD_STRING("code", &code, 1, 64),
      OPTIONAL(FIELD_STRING("name", &name, 1, USER_NAME_MAX), NULL),
      FIELD_STRING("password", &password, 1, PASSWORD_MAX),
      FIELD_END,
  };
  TRY(origin_check(rq));
  TRY(request_json(rq, &root, fields));
  secret_hash(&s.code, code);
  TRY(attempt_begin(rq, NULL));
  enum err e = set_password(&s, name, password);
  if (e != OK && e != E_INVITE)
    TRY(attempt_undo(rq, NULL));
  TRY(e);
  TRY(attempt_success(rq, s.name));
  rp->status = 201;
  rp->json = json_pack("{s:s,s:s}", "name", s.name, "role", s.role);
  return OK;
}
