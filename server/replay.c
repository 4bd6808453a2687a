/* SPDX-License-Identifier: Apache-2.0
 * Idempotency-Key. An answer may hold what is shown only once (a token, a link), so it is
 * sealed with a key that follows from the coordinator's and from the caller's own, of
 * which the database has a hash: neither the database nor the server's key file alone
 * opens it. */
#include "server/replay.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "server/seal.h"
#include "server/secret.h"

#define KEY_MAX 255u
#define FIELD "Idempotency-Key"

/* SHA-256 of some texts, each ended by a line feed, and of what follows. */
static void hash_parts(struct digest *out, const char *const *texts, unsigned n,
                       struct bytes rest)
{
  crypto_hash_sha256_state h;
  crypto_hash_sha256_init(&h);
  for (unsigned i = 0; i < n; i++) {
    crypto_hash_sha256_update(&h, (const uint8_t *)texts[i], strlen(texts[i]));
    crypto_hash_sha256_update(&h, (const uint8_t *)"\n", 1);
  }
  crypto_hash_sha256_update(&h, rest.data, rest.len);
  crypto_hash_sha256_final(&h, out->b);
}

static enum err check_key(const char *key, struct why *why)
{
  size_t len = strlen(key);
  bool good = len >= 1 && len <= KEY_MAX;
  for (const char *p = key; good && *p; p++)
    good = *p > ' ' && *p <= '~';
  return good ? OK
              : why_set(why, E_FIELD_VALUE, FIELD,
                        "must be 1 to %u printable ASCII characters without spaces",
                        KEY_MAX);
}

enum err replay_read(struct replay *out, struct request *rq, const struct route *route)
{
  struct replay r = {.key = request_header(rq, FIELD)};
  const struct caller *c = &rq->caller;
  *out = (struct replay){0};
  if (!r.key || route->who < WHO_VIEWER || strcmp(route->method, "POST") != 0)
    return OK;
  TRY(check_key(r.key, rq->why));
  r.asked = true;
  if (c->token)
    snprintf(r.caller, sizeof r.caller, "token %lld", (long long)c->token);
  else
    snprintf(r.caller, sizeof r.caller, "user %lld", (long long)c->user);
  hash_parts(&r.key_hash, NULL, 0, BYTES(r.key, strlen(r.key)));
  const char *const what[] = {rq->method, rq->path};
  hash_parts(&r.request, what, LENGTH(what), rq->body);
  *out = r;
  return OK;
}

/* The key that seals this answer: of the coordinator's and the caller's. */
static void seal_key(struct secret_key *out, const struct replay *r,
                     const struct server *s)
{
  static const char *const label[] = {"chorus/v1/replay"};
  char info[96];
  struct digest hash;
  hash_parts(&hash, label, LENGTH(label), BYTES(r->key, strlen(r->key)));
  int len = snprintf(info, sizeof info, "%s ", label[0]);
  sodium_bin2hex(info + len, sizeof info - (size_t)len, hash.b, sizeof hash.b);
  secret_key_for(out, s, info);
  sodium_memzero(info, sizeof info);
  sodium_memzero(&hash, sizeof hash);
}

/* What it is sealed for. */
static struct bytes owner_of(const struct replay *r)
{
  return BYTES(r->caller, strlen(r->caller));
}

static enum err open_answer(const struct replay *r, const struct server *s,
                            struct bytes sealed, json_t **out)
{
  struct secret_key key;
  struct buf text = {0};
  seal_key(&key, r, s);
  enum err e = seal_open(&text, &key, owner_of(r), sealed);
  sodium_memzero(&key, sizeof key);
  if (e == OK && text.len) {
    *out = json_loadb((const char *)text.data, text.len, 0, NULL);
    e = *out ? OK : E_CONFIG;
  }
  if (text.data)
    sodium_memzero(text.data, text.len);
  buf_done(&text);
  return e;
}

enum err replay_begin(const struct replay *r, struct request *rq, struct reply *rp,
                      bool *given)
{
  AUTO(db_rows_done) struct db_rows taken = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest request;
  *given = false;
  TRY(db_query(rq->db, Q_REPLAY_TAKE, &taken,
               DB_ARGS(DB_TEXT(r->caller), DB_FIXED(&r->key_hash))));
  if (!db_bool(&taken, 0, 0))
    return E_UNDER_WAY;
  TRY(db_query(rq->db, Q_REPLAY_FIND, &rows,
               DB_ARGS(DB_TEXT(r->caller), DB_FIXED(&r->key_hash))));
  if (rows.len == 0)
    return OK;
  if (!db_fixed(&rows, 0, 0, request.b, sizeof request.b) ||
      memcmp(request.b, r->request.b, sizeof request.b) != 0)
    return why_set(rq->why, E_KEY_REUSED, FIELD,
                   "was used for another address or body within 24 hours");
  if (open_answer(r, rq->server, db_bytes(&rows, 0, 3), &rp->json) != OK)
    return why_set(rq->why, E_KEY_REUSED, FIELD,
                   "was used; the answer was sealed with another coordinator's key");
  rp->status = (int)db_int(&rows, 0, 1);
  snprintf(rp->etag, sizeof rp->etag, "%s", db_text(&rows, 0, 2));
  rp->replayed = true;
  *given = true;
  return OK;
}

enum err replay_keep(const struct replay *r, struct request *rq, const struct reply *rp)
{
  AUTO(buf_done) struct buf sealed = {0};
  struct secret_key key;
  char *text = rp->json ? json_dumps(rp->json, JSON_COMPACT) : must_strdup("");
  if (!text)
    return E_INTERNAL;
  seal_key(&key, r, rq->server);
  enum err e = seal_put(&sealed, &key, owner_of(r), BYTES(text, strlen(text)));
  sodium_memzero(&key, sizeof key);
  sodium_memzero(text, strlen(text));
  free(text);
  TRY(e);
  return db_run(rq->db, Q_REPLAY_KEEP,
                DB_ARGS(DB_TEXT(r->caller), DB_FIXED(&r->key_hash), DB_FIXED(&r->request),
                        DB_INT(rp->status ? rp->status : 200), DB_TEXT(rp->etag),
                        DB_BUF(&sealed)));
}
