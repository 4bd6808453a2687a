/* SPDX-License-Identifier: Apache-2.0
 * Handlers: the people who run the instance. */
#include "server/users.h"

#include <sodium.h>
#include <string.h>

#include "server/common.h"
#include "server/etag.h"
#include "server/handlers.h"
#include "server/sessions.h"

enum err user_name_check(const char *name, struct why *why)
{
  static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
  size_t len = strlen(name);
  if (len == 0 || len > USER_NAME_MAX || strspn(name, good) != len ||
      strchr("._-", name[0]))
    return why_set(why, E_FIELD_VALUE, "name",
                   "must be lowercase letters and digits, with . _ or - between them, "
                   "at most %u",
                   USER_NAME_MAX);
  return OK;
}

enum err user_create(struct db *db, const char *name, const char *role, int64_t *user)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  uint8_t actor[16];
  randombytes_buf(actor, sizeof actor);
  TRY(db_query(db, Q_USER_CREATE, &rows,
               DB_ARGS(DB_TEXT(name), DB_FIXED(&actor), DB_TEXT(role))));
  *user = db_int(&rows, 0, 0);
  return OK;
}

/* ---- reading ---- */

/* A row of user_rows. */
static json_t *user_json(const struct db_rows *r, unsigned row)
{
  return json_pack("{s:s,s:s,s:b,s:b,s:b,s:o,s:f,s:o}", "name", db_text(r, row, 0),
                   "role", db_text(r, row, 1), "disabled", (int)db_bool(r, row, 2),
                   "password", (int)db_bool(r, row, 3), "totp", (int)db_bool(r, row, 4),
                   "actor", json_hex_or_null(r, row, 7), "created_at", db_real(r, row, 5),
                   "seen_at", json_real_or_null(r, row, 6));
}

/* What an administrator changes; seen_at would make every edit a race. */
static void user_etag(char out[72], const char *name, const char *role, bool disabled)
{
  AUTO(json_drop)
  json_t *o = json_pack("[s,s,b]", name, role, (int)disabled);
  etag_of_json(out, o);
}

static enum err user_rows(struct request *rq, const char *name, json_t **out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(rq->db, Q_USER_ROWS, &rows,
               DB_ARGS(DB_TEXT(name), DB_TEXT(""), DB_INT(1))));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such user");
  *out = user_json(&rows, 0);
  return OK;
}

enum err users_show(struct request *rq, struct reply *rp)
{
  TRY(user_rows(rq, rq->param[0], &rp->json));
  user_etag(rp->etag, rq->param[0], json_string_value(json_object_get(rp->json, "role")),
            json_is_true(json_object_get(rp->json, "disabled")));
  return OK;
}

enum err users_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  const char *cursor = request_query(rq, "cursor");
  unsigned limit;
  TRY(request_limit(rq, &limit));
  if (cursor && user_name_check(cursor, NULL) != OK)
    return why_set(rq->why, E_FIELD_VALUE, "cursor", "is not one of ours");
  TRY(db_query(rq->db, Q_USER_ROWS, &rows,
               DB_ARGS(DB_NULL, DB_TEXT(cursor ? cursor : ""), DB_INT(limit + 1))));
  unsigned n = page_len(&rows, limit);
  for (unsigned i = 0; i < n; i++)
    json_array_append_new(list, user_json(&rows, i));
  json_t *next = rows.len > n ? json_string(db_text(&rows, n - 1, 0)) : json_null();
  rp->json = json_pack("{s:O,s:o}", "users", list, "next", next);
  return OK;
}

/* ---- new ones, and links for them ---- */

/* The link's code is only here, so the reply is made inside the transaction. */
static enum err link_reply(struct request *rq, struct reply *rp, const char *name,
                           int64_t user, bool drop_totp)
{
  AUTO(secret_wipe) struct secret code;
  char address[256];
  double expires_at;
  json_t *json = NULL;
  TRY(link_make(rq->db, user, drop_totp, &code, &expires_at));
  TRY(user_rows(rq, name, &json));
  request_address(rq, address, sizeof address);
  rp->json = json_pack("{s:o,s:o,s:f}", "user", json, "link",
                       json_sprintf("%s/#setup=%s", address, code.text), "expires_at",
                       expires_at);
  rp->status = 201;
  return OK;
}

struct adding {
  struct request *rq;
  struct reply *rp;
  const char *name, *role;
};

static enum err add(struct db *db, void *arg)
{
  struct adding *a = arg;
  int64_t user;
  enum err e = user_create(db, a->name, a->role, &user);
  if (e == E_CONFLICT)
    return why_set(a->rq->why, e, "name", "there is already a user of this name");
  TRY(e);
  return link_reply(a->rq, a->rp, a->name, user, false);
}

enum err users_create(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  struct adding a = {.rq = rq, .rp = rp};
  enum who role;
  const struct field fields[] = {FIELD_STRING("name", &a.name, 1, USER_NAME_MAX),
                                 FIELD_STRING("role", &a.role, 1, 16), FIELD_END};
  TRY(request_json(rq, &root, fields));
  TRY(user_name_check(a.name, rq->why));
  TRY(role_parse(&role, a.role, rq->why));
  return db_transaction(rq->db, add, &a);
}

struct resetting {
  struct request *rq;
  struct reply *rp;
  bool drop_totp;
};

static enum err reset(struct db *db, void *arg)
{
  struct resetting *r = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  const char *name = r->rq->param[0];
  TRY(db_query(db, Q_USER_LOCK, &rows, DB_ARGS(DB_TEXT(name))));
  if (rows.len == 0)
    return why_set(r->rq->why, E_NOT_FOUND, "", "there is no such user");
  return link_reply(r->rq, r->rp, name, db_int(&rows, 0, 0), r->drop_totp);
}

enum err users_reset(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  struct resetting r = {.rq = rq, .rp = rp};
  const struct field fields[] = {FIELD_BOOL("totp", &r.drop_totp), FIELD_END};
  TRY(request_json(rq, &root, fields));
  return db_transaction(rq->db, reset, &r);
}

/* ---- changes ---- */

struct user_change {
  struct request *rq;
  const char *role;
  bool disabled, has_disabled;
};

/* The rows of all administrators are locked: two who remove each other take turns. */
static enum err check_last(struct user_change *c, const struct db_rows *admins,
                           int64_t user)
{
  if (admins->len == 1 && db_int(admins, 0, 0) == user)
    return why_set(c->rq->why, E_CONFLICT, "", "the only administrator has to stay one");
  return OK;
}

static enum err change_run(struct db *db, void *arg)
{
  struct user_change *c = arg;
  AUTO(db_rows_done) struct db_rows admins = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_USER_ADMINS_LOCK, &admins, DB_NONE));
  TRY(db_query(db, Q_USER_LOCK, &rows, DB_ARGS(DB_TEXT(c->rq->param[0]))));
  if (rows.len == 0)
    return why_set(c->rq->why, E_NOT_FOUND, "", "there is no such user");
  int64_t user = db_int(&rows, 0, 0);
  const char *before = db_text(&rows, 0, 1), *role = c->role ? c->role : before;
  bool was = db_bool(&rows, 0, 2), disabled = c->has_disabled ? c->disabled : was;
  char etag[72];
  user_etag(etag, c->rq->param[0], before, was);
  TRY(request_if_match(c->rq, etag, false));
  c->rq->unchanged = strcmp(role, before) == 0 && disabled == was;
  if (c->rq->unchanged)
    return OK;
  if (disabled || strcmp(role, "admin") != 0)
    TRY(check_last(c, &admins, user));
  TRY(db_run(db, Q_USER_CHANGE, DB_ARGS(DB_INT(user), DB_TEXT(role), DB_BOOL(disabled))));
  return db_run(db, Q_SESSION_DELETE_OF, DB_ARGS(DB_INT(user)));
}

enum err users_change(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  struct user_change c = {.rq = rq};
  enum who role;
  const struct field fields[] = {
      OPTIONAL(FIELD_STRING("role", &c.role, 1, 16), NULL),
      OPTIONAL(FIELD_BOOL("disabled", &c.disabled), &c.has_disabled), FIELD_END};
  TRY(request_json(rq, &root, fields));
  if (c.role)
    TRY(role_parse(&role, c.role, rq->why));
  TRY(db_transaction(rq->db, change_run, &c));
  return users_show(rq, rp);
}
