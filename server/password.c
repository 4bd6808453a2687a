/* SPDX-License-Identifier: Apache-2.0
 * Passwords: Argon2id, of which only so many run at once. */
#include "server/password.h"

#include <string.h>

#include "util/log.h"

#define OPS crypto_pwhash_OPSLIMIT_INTERACTIVE
#define MEMORY crypto_pwhash_MEMLIMIT_INTERACTIVE
#define AT_ONCE 2u

/* Never all workers, and never more memory than two of them take. */
static enum err enter(struct server *s)
{
  unsigned places = s->config.workers > AT_ONCE ? AT_ONCE : 1;
  if (atomic_fetch_add(&s->hashing, 1) < places)
    return OK;
  atomic_fetch_sub(&s->hashing, 1);
  return E_BUSY;
}

static void leave(struct server *s, const char *what)
{
  atomic_fetch_sub(&s->hashing, 1);
  log_debug("argon2", "%s", what);
}

enum err password_hash(struct server *s, struct password_hash *out, const char *password)
{
  TRY(enter(s));
  int bad = crypto_pwhash_str(out->text, password, strlen(password), OPS, MEMORY);
  leave(s, "hashed");
  return bad ? E_BUSY : OK; /* there was no memory */
}

enum err password_verify(struct server *s, const char *hash, const char *password,
                         bool *good)
{
  struct password_hash unused;
  *good = false;
  if (!hash)
    return password_hash(s, &unused, password);
  TRY(enter(s));
  *good = crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
  leave(s, "verified");
  return OK;
}
