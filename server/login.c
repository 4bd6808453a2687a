/* SPDX-License-Identifier: Apache-2.0
 * Handlers: what participants need to log in, and their own settings. */
#include "server/login.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "server/common.h"
#include "server/handlers.h"
#include "server/secret.h"
#include "server/siwe.h"
#include "util/text.h"

#define LINK_GOOD 300.0 /* seconds */
#define CLOCKS 300.0    /* seconds that a participant's clock may be wrong */

/* ---- a link, by the participant's key ---- */

static enum err check_signature(struct request *rq, const struct identity *who,
                                uint64_t time, const struct signature *sig)
{
  static const char label[] = "chorus/v1/login\n";
  uint8_t text[sizeof label - 1 + sizeof(struct digest) + 24];
  size_t len = sizeof label - 1;
  memcpy(text, label, len);
  memcpy(text + len, rq->server->instance.b, sizeof rq->server->instance.b);
  len += sizeof rq->server->instance.b;
  len += (size_t)snprintf((char *)text + len, sizeof text - len, "%llu",
                          (unsigned long long)time);
  return crypto_sign_verify_detached(sig->b, text, len, who->b) == 0
             ? OK
             : why_set(rq->why, E_SIGNATURE, "sig", "does not fit");
}

struct linking {
  struct request *rq;
  struct identity who;
  uint64_t time;
  struct digest hash;
  double expires_at;
};

/* Each signed request is good once: the next one needs a later time. */
static enum err make_link(struct db *db, void *arg)
{
  struct linking *l = arg;
  struct why *why = l->rq->why;
  AUTO(db_rows_done) struct db_rows there = {0};
  AUTO(db_rows_done) struct db_rows made = {0};
  TRY(db_query(db, Q_LOGIN_LOCK, &there, DB_ARGS(DB_FIXED(&l->who))));
  if (!there.len)
    return why_set(why, E_NOT_FOUND, "", "there is no such participant");
  double apart = db_real(&there, 0, 1) - (double)l->time;
  if (apart > CLOCKS || apart < -CLOCKS)
    return why_set(why, E_FIELD_VALUE, "time",
                   "is %.0f seconds from the server's clock: set yours", apart);
  if ((uint64_t)db_int(&there, 0, 0) >= l->time)
    return why_set(why, E_CONFLICT, "time", "a link was made at this time already");
  TRY(db_query(db, Q_LOGIN_LINK, &made,
               DB_ARGS(DB_FIXED(&l->who), DB_INT(l->time), DB_FIXED(&l->hash),
                       DB_REAL(LINK_GOOD))));
  l->expires_at = db_real(&made, 0, 0);
  return OK;
}

enum err participants_login(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(secret_wipe) struct secret code;
  struct linking l = {.rq = rq};
  struct signature sig;
  char address[256];
  const struct field fields[] = {FIELD_UINT("time", &l.time, 1, 9007199254740991),
                                 FIELD_HEX("sig", sig.b), FIELD_END};
  TRY(request_param_hex(rq, 0, l.who.b, sizeof l.who.b));
  TRY(request_json(rq, &root, fields));
  TRY(check_signature(rq, &l.who, l.time, &sig));
  secret_make(&code, &l.hash);
  TRY(db_transaction(rq->db, make_link, &l));
  request_address(rq, address, sizeof address);
  rp->status = 201;
  rp->json =
      json_pack("{s:o,s:f}", "link", json_sprintf("%s/#login=%s", address, code.text),
                "expires_at", l.expires_at);
  return OK;
}

enum err login_link_use(struct request *rq, const char *code, struct identity *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest hash;
  secret_hash(&hash, code);
  TRY(db_query(rq->db, Q_LOGIN_LINK_USE, &rows, DB_ARGS(DB_FIXED(&hash))));
  if (!rows.len)
    return why_set(rq->why, E_INVITE, "link",
                   "the link was used or has expired: `chorus login` makes another");
  return db_fixed(&rows, 0, 0, out->b, sizeof out->b) ? OK : E_INTERNAL;
}

/* ---- a challenge, for a wallet ---- */

static enum err time_now(struct request *rq, uint64_t *out)
{
  AUTO(db_rows_done) struct db_rows now = {0};
  TRY(db_query(rq->db, Q_NOW, &now, DB_NONE));
  *out = (uint64_t)db_real(&now, 0, 0);
  return OK;
}

enum err challenge_create(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(buf_done) struct buf text = {0};
  struct siwe challenge;
  struct address address;
  const char *given;
  uint64_t now;
  const struct field fields[] = {FIELD_STRING("address", &given, 1, 64), FIELD_END};
  TRY(request_json(rq, &root, fields));
  TRY(address_parse(&address, given, "address", rq->why));
  TRY(time_now(rq, &now));
  siwe_make(&challenge, rq->server, &address, now);
  TRY(siwe_text(rq, &challenge, &text));
  rp->json = json_pack("{s:s}", "message", buf_text(&text));
  return OK;
}

enum err login_wallet_use(struct request *rq, const char *message, const char *signature,
                          struct identity *out)
{
  AUTO(db_rows_done) struct db_rows used = {0};
  AUTO(db_rows_done) struct db_rows member = {0};
  struct siwe c;
  uint64_t now;
  TRY(time_now(rq, &now));
  TRY(siwe_read(rq, message, now, &c));
  TRY(siwe_check(rq, &c, message, signature));
  TRY(db_query(rq->db, Q_WALLET_LOGIN, &used,
               DB_ARGS(DB_TEXT(c.nonce), DB_REAL((double)c.expires))));
  if (!used.affected)
    return why_set(rq->why, E_LOGIN, "message", "was used already: ask for another");
  TRY(db_query(rq->db, Q_PARTICIPANT_OF_PAYOUT, &member, DB_ARGS(DB_FIXED(&c.address))));
  if (!member.len)
    return why_set(rq->why, E_NOT_ENROLLED, "message",
                   "no member here is paid at this address");
  return db_fixed(&member, 0, 0, out->b, sizeof out->b) ? OK : E_INTERNAL;
}

/* ---- one's own settings ---- */

enum err me_show(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows r = {0};
  TRY(db_query(rq->db, Q_ME_SHOW, &r, DB_ARGS(DB_FIXED(&rq->identity))));
  rp->json = json_pack(
      "{s:o,s:s,s:b,s:o,s:o,s:o}", "participant",
      json_hex(rq->identity.b, sizeof rq->identity.b), "name", db_text(&r, 0, 0),
      "name_shown", (int)db_bool(&r, 0, 1), "organisation", json_hex_or_null(&r, 0, 2),
      "payout", json_address_or_null(&r, 0, 3), "models", json_split(db_text(&r, 0, 4)));
  return OK;
}

enum err me_change(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  bool shown;
  const struct field fields[] = {FIELD_BOOL("name_shown", &shown), FIELD_END};
  TRY(request_json(rq, &root, fields));
  TRY(db_run(rq->db, Q_ME_CHANGE, DB_ARGS(DB_FIXED(&rq->identity), DB_BOOL(shown))));
  return me_show(rq, rp);
}
