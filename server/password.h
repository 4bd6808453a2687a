/* SPDX-License-Identifier: Apache-2.0
 * Passwords: Argon2id, of which only so many run at once. */
#ifndef SERVER_PASSWORD_H
#define SERVER_PASSWORD_H

#include <sodium.h>

#include "server/server.h"

#define PASSWORD_MIN 12u
#define PASSWORD_MAX 256u

struct password_hash {
  char text[crypto_pwhash_STRBYTES];
};

/* Each takes about a tenth of a second and 64 MiB. E_BUSY at once when all places are
 * taken: a login must not stop the other requests. */
enum err password_hash(struct server *s, struct password_hash *out,
                       const char *password) MUST_USE;
/* hash NULL: there is no such user or no password; takes the same time and is never good.
 */
enum err password_verify(struct server *s, const char *hash, const char *password,
                         bool *good) MUST_USE;

#endif
