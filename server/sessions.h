/* SPDX-License-Identifier: Apache-2.0
 * Sessions of people in a browser: a cookie of which the database keeps the hash, and a
 * token against forged requests that follows from it. */
#ifndef SERVER_SESSIONS_H
#define SERVER_SESSIONS_H

#include "server/request.h"
#include "server/secret.h"

#define SESSION_COOKIE "chorus_session"
#define SESSION_SECONDS 43200.0 /* at most */
#define SESSION_IDLE 3600.0     /* without a request */
#define SESSION_FRESH 600.0     /* for what needs a recent login */

/* The request's cookie, if it can be one of ours. Borrowed; else NULL. */
const char *session_cookie(const struct request *rq);
/* What a changing request must send as X-Chorus-Csrf. */
void session_csrf(struct secret *out, const char *cookie);

/* A new session of this user, or, when it is 0, of the participant rq->identity; its
 * cookie goes into the reply. */
enum err session_start(struct request *rq, struct reply *rp, int64_t user,
                       struct secret *secret) MUST_USE;
/* Ends all sessions of the caller and starts a new one, inside a transaction. */
enum err session_renew(struct request *rq, struct reply *rp,
                       struct secret *secret) MUST_USE;
/* SESSION of docs/api.md into the reply. cookie NULL: there is no session. */
enum err session_reply(struct request *rq, struct reply *rp, const char *cookie) MUST_USE;
/* E_FORBIDDEN unless the caller has logged in a short time ago. */
enum err session_fresh(struct request *rq) MUST_USE;

/* "participant", "viewer", "operator", "admin"; the first is not to be given to anybody.
 * E_FIELD_VALUE names the field. */
const char *role_name(enum who role);
enum err role_parse(enum who *out, const char *text, struct why *why) MUST_USE;

#endif
