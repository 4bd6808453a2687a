/* SPDX-License-Identifier: Apache-2.0
 * Delays that grow with failed logins. */
#include "server/attempts.h"

#include <sodium.h>
#include <string.h>

#include "server/common.h"
#include "server/origin.h"
#include "server/secret.h"

#define FREE_OF_NAME 5
#define FREE_OF_ADDRESS 30 /* many people may share one */
#define LONGEST 900.0      /* seconds */

struct attempt {
  struct request *rq;
  struct digest address, name;
  bool has_name;
};

static void key_of(struct digest *out, const struct server *s, const char *kind,
                   const char *text)
{
  struct secret_key key;
  crypto_auth_hmacsha256_state h;
  secret_key_for(&key, s, "chorus/v1/attempts");
  crypto_auth_hmacsha256_init(&h, key.b, sizeof key.b);
  crypto_auth_hmacsha256_update(&h, (const uint8_t *)kind, strlen(kind) + 1);
  crypto_auth_hmacsha256_update(&h, (const uint8_t *)text, strlen(text));
  crypto_auth_hmacsha256_final(&h, out->b);
  sodium_memzero(&key, sizeof key);
}

static struct attempt attempt_of(struct request *rq, const char *name)
{
  struct attempt a = {.rq = rq, .has_name = name != NULL};
  struct peer peer;
  peer_find(&peer, rq);
  key_of(&a.address, rq->server, "address", peer.group);
  if (name)
    key_of(&a.name, rq->server, "name", name);
  return a;
}

static enum err count(struct attempt *a, struct db *db, const struct digest *key,
                      int free)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(db_rows_done) struct db_rows wait = {0};
  TRY(db_query(db, Q_ATTEMPT_COUNT, &rows,
               DB_ARGS(DB_FIXED(key), DB_INT(free), DB_REAL(LONGEST))));
  if (rows.len)
    return OK;
  TRY(db_query(db, Q_ATTEMPT_WAIT, &wait, DB_ARGS(DB_FIXED(key))));
  a->rq->retry_after = (unsigned)db_real(&wait, 0, 0);
  return why_set(a->rq->why, E_RATE, "", "too many logins failed: wait %u seconds",
                 a->rq->retry_after);
}

static enum err begin_run(struct db *db, void *arg)
{
  struct attempt *a = arg;
  TRY(db_run(db, Q_ATTEMPT_FORGET, DB_NONE));
  TRY(count(a, db, &a->address, FREE_OF_ADDRESS));
  return a->has_name ? count(a, db, &a->name, FREE_OF_NAME) : OK;
}

enum err attempt_begin(struct request *rq, const char *name)
{
  struct attempt a = attempt_of(rq, name);
  return db_transaction(rq->db, begin_run, &a);
}

static enum err undo_run(struct db *db, void *arg)
{
  const struct attempt *a = arg;
  TRY(db_run(db, Q_ATTEMPT_UNDO, DB_ARGS(DB_FIXED(&a->address))));
  return a->has_name ? db_run(db, Q_ATTEMPT_UNDO, DB_ARGS(DB_FIXED(&a->name))) : OK;
}

enum err attempt_undo(struct request *rq, const char *name)
{
  struct attempt a = attempt_of(rq, name);
  return db_transaction(rq->db, undo_run, &a);
}

static enum err success_run(struct db *db, void *arg)
{
  const struct attempt *a = arg;
  TRY(db_run(db, Q_ATTEMPT_UNDO, DB_ARGS(DB_FIXED(&a->address))));
  return a->has_name ? db_run(db, Q_ATTEMPT_CLEAR, DB_ARGS(DB_FIXED(&a->name))) : OK;
}

enum err attempt_success(struct request *rq, const char *name)
{
  struct attempt a = attempt_of(rq, name);
  return db_transaction(rq->db, success_run, &a);
}
