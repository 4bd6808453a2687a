/* SPDX-License-Identifier: Apache-2.0
 * What the people who run the instance do, told to everybody: the event `act`. */
#ifndef SERVER_ACTS_H
#define SERVER_ACTS_H

#include "server/request.h"

/* Whether what this route does is to be told: it may change something, not only the
 * caller's own account. */
bool act_due(const struct route *route);
/* Writes the act of rq->caller about rq->subject, inside the transaction of what it did.
 */
enum err act_write(struct request *rq, const struct route *route) MUST_USE;

#endif
