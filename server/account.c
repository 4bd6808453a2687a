/* SPDX-License-Identifier: Apache-2.0
 * Handlers: one's own password and authenticator. Each change ends all sessions of the
 * user and gives this one a new secret. */
#include <string.h>

#include "server/attempts.h"
#include "server/common.h"
#include "server/factors.h"
#include "server/handlers.h"
#include "server/password.h"
#include "server/sessions.h"
#include "server/users.h"

struct change {
  struct request *rq;
  struct reply *rp;
  enum query query;          /* of the user's id and */
  struct bytes value;        /* this, */
  int64_t step;              /* and this, where it takes them */
  struct recovery *recovery; /* new codes are due */
  struct secret secret;      /* of the new session */
};

static void change_wipe(struct change *c)
{
  secret_wipe(&c->secret);
}

static enum err change_run(struct db *db, void *arg)
{
  struct change *c = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  const struct db_arg args[] = {DB_INT(c->rq->caller.user),
                                DB_BYTES(c->value.data, c->value.len), DB_INT(c->step)};
  unsigned n = c->step ? 3 : c->value.data ? 2 : 1;
  TRY(db_query(db, c->query, &rows, n, args));
  if (rows.affected == 0)
    return E_CONFLICT;
  if (c->recovery)
    TRY(recovery_make(db, c->rq->caller.user, c->recovery));
  if (c->query == Q_USER_TOTP_DROP)
    TRY(db_run(db, Q_RECOVERY_DROP, DB_ARGS(DB_INT(c->rq->caller.user))));
  return session_renew(c->rq, c->rp, &c->secret);
}

static enum err change(struct change *c)
{
  TRY(db_transaction(c->rq->db, change_run, c));
  return session_reply(c->rq, c->rp, c->secret.text);
}

/* ---- the password ---- */

static enum err check_old(struct request *rq, const char *old)
{
  AUTO(db_rows_done) struct db_rows row = {0};
  bool good;
  TRY(attempt_begin(rq, rq->caller.name));
  TRY(db_query(rq->db, Q_USER_LOGIN, &row, DB_ARGS(DB_TEXT(rq->caller.name))));
  enum err e =
      password_verify(rq->server, row.len ? db_text(&row, 0, 1) : NULL, old, &good);
  if (e != OK)
    TRY(attempt_undo(rq, rq->caller.name));
  TRY(e);
  if (!good)
    return why_set(rq->why, E_LOGIN, "old", "this is not your password");
  return attempt_success(rq, rq->caller.name);
}

enum err account_password(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(change_wipe)
  struct change c = {.rq = rq, .rp = rp, .query = Q_USER_PASSWORD};
  struct password_hash hash;
  const char *old, *new;
  const struct field fields[] = {FIELD_STRING("old", &old, 1, PASSWORD_MAX),
                                 FIELD_STRING("new", &new, 1, PASSWORD_MAX), FIELD_END};
  TRY(request_json(rq, &root, fields));
  TRY(password_check(new, rq->caller.name, "new", rq->why));
  TRY(check_old(rq, old));
  TRY(password_hash(rq->server, &hash, new));
  c.value = BYTES(hash.text, strlen(hash.text));
  return change(&c);
}

/* ---- the authenticator ---- */

enum err account_totp_begin(struct request *rq, struct reply *rp)
{
  AUTO(buf_done) struct buf uri = {0};
  struct totp_secret secret;
  struct sealed sealed;
  TRY(session_fresh(rq));
  randombytes_buf(secret.b, sizeof secret.b);
  totp_seal(&sealed, rq->server, rq->caller.user, &secret);
  enum err e = totp_uri(&uri, &secret, rq->server->log.name, rq->caller.name);
  sodium_memzero(&secret, sizeof secret);
  TRY(e);
  TRY(db_run(rq->db, Q_USER_TOTP_BEGIN,
             DB_ARGS(DB_INT(rq->caller.user), DB_FIXED(&sealed))));
  rp->json = json_pack("{s:s}", "uri", buf_text(&uri));
  sodium_memzero(uri.data, uri.len);
  rp->status = 201;
  return OK;
}

/* The code proves that the authenticator has the secret; it counts as used. */
static enum err check_begun(struct request *rq, struct bytes sealed, const char *code,
                            int64_t *step)
{
  AUTO(db_rows_done) struct db_rows now = {0};
  struct totp_secret secret;
  uint64_t at;
  TRY(db_query(rq->db, Q_NOW, &now, DB_NONE));
  TRY(totp_open(&secret, rq->server, rq->caller.user, sealed));
  bool good = totp_match(&secret, (uint64_t)db_real(&now, 0, 0), 0, code, &at);
  sodium_memzero(&secret, sizeof secret);
  if (!good)
    return why_set(rq->why, E_LOGIN, "code", "the authenticator shows another one now");
  *step = (int64_t)at;
  return OK;
}

enum err account_totp_confirm(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct recovery codes[RECOVERY_CODES];
  AUTO(change_wipe)
  struct change c = {.rq = rq, .rp = rp, .query = Q_USER_TOTP_CONFIRM, .recovery = codes};
  const char *code;
  const struct field fields[] = {FIELD_STRING("code", &code, 1, 16), FIELD_END};
  TRY(request_json(rq, &root, fields));
  TRY(db_query(rq->db, Q_USER_TOTP_BEGUN, &rows, DB_ARGS(DB_INT(rq->caller.user))));
  c.value = db_bytes(&rows, 0, 0);
  if (!c.value.data)
    return why_set(rq->why, E_CONFLICT, "", "begin with POST /session/totp");
  TRY(check_begun(rq, c.value, code, &c.step));
  TRY(change(&c));
  json_t *list = json_array();
  for (unsigned i = 0; i < RECOVERY_CODES; i++)
    json_array_append_new(list, json_string(codes[i].text));
  json_object_set_new(rp->json, "recovery", list);
  sodium_memzero(codes, sizeof codes);
  return OK;
}

enum err account_totp_drop(struct request *rq, struct reply *rp)
{
  AUTO(change_wipe)
  struct change c = {.rq = rq, .rp = rp, .query = Q_USER_TOTP_DROP};
  TRY(session_fresh(rq));
  return change(&c);
}
