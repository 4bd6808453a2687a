/* SPDX-License-Identifier: Apache-2.0
 * What users.c, setup.c, account.c and the command line share. */
#ifndef SERVER_USERS_H
#define SERVER_USERS_H

#include "db/db.h"
#include "server/secret.h"

#define LINK_SECONDS 86400.0

/* [a-z0-9][a-z0-9._-]{0,63}, so that it stands in an address as it is. */
enum err user_name_check(const char *name, struct why *why) MUST_USE;
/* At least so long, and not the name. */
enum err password_check(const char *password, const char *name, const char *field,
                        struct why *why) MUST_USE;

/* A user without a password, with an actor id of its own. E_CONFLICT. */
enum err user_create(struct db *db, const char *name, const char *role,
                     int64_t *user) MUST_USE;

/* A link that sets this user's password; user 0: that makes the first administrator. It
 * ends an older one. drop_totp: it also removes the authenticator. Inside a transaction.
 */
enum err link_make(struct db *db, int64_t user, bool drop_totp, struct secret *code,
                   double *expires_at) MUST_USE;

/* The words `chorusd admin …` (admin.c). */
struct settings;
enum err admin_command(const struct settings *s, const char **words, unsigned len,
                       struct why *why) MUST_USE;
/* While there is no administrator: prints a link that makes one. */
enum err admin_first_link(struct db *db, const char *address) MUST_USE;

#endif
