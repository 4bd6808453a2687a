/* SPDX-License-Identifier: Apache-2.0
 * How participants log in to the browser: by a link that their key asked for, or by the
 * wallet of their payout address. */
#ifndef SERVER_LOGIN_H
#define SERVER_LOGIN_H

#include "server/request.h"

/* Both inside the transaction that makes the session: what lets in is used up with it.
 * E_INVITE. */
enum err login_link_use(struct request *rq, const char *code,
                        struct identity *out) MUST_USE;
/* E_LOGIN, E_NOT_ENROLLED, E_FIELD_VALUE. */
enum err login_wallet_use(struct request *rq, const char *message, const char *signature,
                          struct identity *out) MUST_USE;

#endif
