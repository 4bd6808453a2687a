/* SPDX-License-Identifier: Apache-2.0
 * Entity tags (RFC 9110): what is changed was read in the state that it is in now. */
#ifndef SERVER_ETAG_H
#define SERVER_ETAG_H

#include "server/request.h"

/* Whether the list of entity tags, or *, holds this one (without quotes). weak: weak tags
 * count. */
bool etag_listed(const char *list, const char *etag, bool weak);

/* The tag of a small JSON value: a hash of what it says. */
void etag_of_json(char out[72], const json_t *value);

/* Whether the request's If-Match allows to change what has this tag now; NULL: there is
 * nothing. E_PRECONDITION; E_PRECONDITION_NEEDED when it is needed and not there. */
enum err request_if_match(struct request *rq, const char *etag, bool needed) MUST_USE;

#endif
