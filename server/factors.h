/* SPDX-License-Identifier: Apache-2.0
 * Second factors as the database keeps them: authenticators' secrets, sealed with a key
 * that follows from the coordinator's, and hashes of recovery codes. */
#ifndef SERVER_FACTORS_H
#define SERVER_FACTORS_H

#include "server/seal.h"
#include "server/server.h"
#include "server/totp.h"

#define SEALED_BYTES (SEAL_OVERHEAD + sizeof(struct totp_secret))

struct sealed {
  uint8_t b[SEALED_BYTES];
};

/* For this user only. */
void totp_seal(struct sealed *out, const struct server *s, int64_t user,
               const struct totp_secret *secret);
/* E_CONFIG when it was sealed by another coordinator's key, or for somebody else. */
enum err totp_open(struct totp_secret *out, const struct server *s, int64_t user,
                   struct bytes sealed) MUST_USE;

/* Whether this is a code that is good now and was not used before. It is used then. */
enum err totp_use(const struct server *s, struct db *db, int64_t user,
                  struct bytes sealed, const char *code, bool *good) MUST_USE;

#define RECOVERY_CODES 10u
struct recovery {
  char text[20]; /* xxxx-xxxx-xxxx-xxxx, 80 bits */
};
/* New ones, instead of those that are there. Inside a transaction. */
enum err recovery_make(struct db *db, int64_t user,
                       struct recovery out[RECOVERY_CODES]) MUST_USE;
/* Whether this is one of them. It is none any more then. */
enum err recovery_use(struct db *db, int64_t user, const char *code, bool *good) MUST_USE;

#endif
