/* SPDX-License-Identifier: Apache-2.0
 * Second factors as the database keeps them. */
#include "server/factors.h"

#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "server/seal.h"
#include "server/secret.h"

#define TOTP_LABEL "chorus/v1/totp"

void totp_seal(struct sealed *out, const struct server *s, int64_t user,
               const struct totp_secret *secret)
{
  struct secret_key key;
  struct buf sealed = {0};
  secret_key_for(&key, s, TOTP_LABEL);
  if (seal_put(&sealed, &key, BYTES_OF(user), BYTES_OF(*secret)) != OK)
    abort(); /* a few bytes always fit */
  memcpy(out->b, sealed.data, sizeof out->b);
  buf_done(&sealed);
  sodium_memzero(&key, sizeof key);
}

enum err totp_open(struct totp_secret *out, const struct server *s, int64_t user,
                   struct bytes sealed)
{
  struct secret_key key;
  struct buf text = {0};
  if (sealed.len != SEALED_BYTES)
    return E_CONFIG;
  secret_key_for(&key, s, TOTP_LABEL);
  enum err e = seal_open(&text, &key, BYTES_OF(user), sealed);
  sodium_memzero(&key, sizeof key);
  if (e == OK) {
    memcpy(out->b, text.data, sizeof out->b);
    sodium_memzero(text.data, text.len);
  }
  buf_done(&text);
  return e;
}

enum err totp_use(const struct server *s, struct db *db, int64_t user,
                  struct bytes sealed, const char *code, bool *good)
{
  AUTO(db_rows_done) struct db_rows now = {0};
  AUTO(db_rows_done) struct db_rows used = {0};
  struct totp_secret secret;
  uint64_t step;
  *good = false;
  TRY(db_query(db, Q_NOW, &now, DB_NONE));
  TRY(totp_open(&secret, s, user, sealed));
  bool fits = totp_match(&secret, (uint64_t)db_real(&now, 0, 0), 0, code, &step);
  sodium_memzero(&secret, sizeof secret);
  if (!fits)
    return OK;
  TRY(db_query(db, Q_USER_TOTP_USE, &used, DB_ARGS(DB_INT(user), DB_INT(step))));
  *good = used.affected == 1;
  return OK;
}

/* ---- recovery codes ---- */

/* Without its hyphens, in capitals. */
static void code_hash(struct digest *out, const char *text)
{
  char plain[65];
  size_t len = 0;
  for (; *text && len < sizeof plain - 1; text++)
    if (*text != '-' && *text != ' ')
      plain[len++] = (char)toupper((unsigned char)*text);
  plain[len] = 0;
  secret_hash(out, plain);
  sodium_memzero(plain, sizeof plain);
}

static void code_make(struct recovery *out)
{
  uint8_t raw[10];
  char text[17];
  randombytes_buf(raw, sizeof raw);
  base32_encode(text, raw, sizeof raw);
  for (unsigned i = 0, at = 0; i < 16; i++) {
    out->text[at++] = (char)tolower((unsigned char)text[i]);
    if (i % 4 == 3)
      out->text[at++] = i == 15 ? 0 : '-';
  }
  sodium_memzero(raw, sizeof raw);
  sodium_memzero(text, sizeof text);
}

enum err recovery_make(struct db *db, int64_t user, struct recovery out[RECOVERY_CODES])
{
  struct digest hashes[RECOVERY_CODES];
  for (unsigned i = 0; i < RECOVERY_CODES; i++) {
    code_make(&out[i]);
    code_hash(&hashes[i], out[i].text);
  }
  TRY(db_run(db, Q_RECOVERY_DROP, DB_ARGS(DB_INT(user))));
  return db_run(db, Q_RECOVERY_SET,
                DB_ARGS(DB_INT(user), DB_BYTES(hashes, sizeof hashes)));
}

enum err recovery_use(struct db *db, int64_t user, const char *code, bool *good)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest hash;
  code_hash(&hash, code);
  TRY(db_query(db, Q_RECOVERY_USE, &rows, DB_ARGS(DB_INT(user), DB_FIXED(&hash))));
  *good = rows.affected == 1;
  return OK;
}
