/* SPDX-License-Identifier: Apache-2.0
 * Who may see what. Two rules, each in one place: a model that is for its members only
 * (the function may_see of the database), and a name that a member hides (member_name).
 */
#ifndef SERVER_VISIBILITY_H
#define SERVER_VISIBILITY_H

#include <string.h>

#include "server/request.h"

struct exchange;

/* What may_see is told of the caller: whether it is one of those who run the instance,
 * the only model of its token, and which participant it is. Three arguments. */
#define CALLER_ARGS(rq)                                                                  \
  DB_BOOL((rq)->caller.role >= WHO_VIEWER),                                              \
      DB_TEXT(*(rq)->caller.model ? (rq)->caller.model : NULL),                          \
      (rq)->has_identity ? DB_FIXED(&(rq)->identity) : DB_NULL

/* The same for those who have the program itself. */
#define NO_CALLER DB_BOOL(true), DB_NULL, DB_NULL

/* Whether the caller reads the names that are hidden: those who run the instance do. */
static inline bool reads_names(const struct request *rq)
{
  return rq->caller.role >= WHO_VIEWER;
}

static inline bool is_caller(const struct request *rq, const struct identity *who)
{
  return rq->has_identity && memcmp(rq->identity.b, who->b, sizeof who->b) == 0;
}

/* E_NOT_FOUND when the address, or ?model= and ?ctx=, name a model that the caller must
 * not see, or a round of one; and in the same words when there is none of that name, so
 * that they tell nothing. Of routes that read; what the protocol sends stays open. */
enum err visibility_check(struct exchange *x, struct db *db) MUST_USE;

#endif
