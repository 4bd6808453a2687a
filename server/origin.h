/* SPDX-License-Identifier: Apache-2.0
 * Where a request comes from: the address, and the page. */
#ifndef SERVER_ORIGIN_H
#define SERVER_ORIGIN_H

#include "server/request.h"

struct peer {
  char text[64];  /* numeric */
  char group[64]; /* what one person commands: the address, or an IPv6 network of /64 */
};

/* The connection's address, or what the configured proxy says of it. */
void peer_find(struct peer *out, const struct request *rq);

/* A browser that names a page of another origin: E_CSRF. Without an Origin header there
 * is nothing to check. */
enum err origin_check(struct request *rq) MUST_USE;

#endif
