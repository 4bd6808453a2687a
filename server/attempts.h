/* SPDX-License-Identifier: Apache-2.0
 * Delays that grow with failed logins, for a name and for an address, shared by all
 * replicas. Nobody is locked out for ever. */
#ifndef SERVER_ATTEMPTS_H
#define SERVER_ATTEMPTS_H

#include "server/request.h"

/* Counts an attempt as failed, before anything is looked at. name NULL: for the address
 * only. E_RATE, with rq->retry_after, when it comes too early; it then counts nothing. */
enum err attempt_begin(struct request *rq, const char *name) MUST_USE;
/* It was neither right nor wrong: the server was busy, a code is still to come. */
enum err attempt_undo(struct request *rq, const char *name) MUST_USE;
/* It was right: the name starts anew, the address has one failure less. */
enum err attempt_success(struct request *rq, const char *name) MUST_USE;

#endif
