/* SPDX-License-Identifier: Apache-2.0
 * How many requests an address may make: a bucket of tokens each, in memory, on the HTTP
 * threads. Each process counts for itself. */
#ifndef SERVER_LIMIT_H
#define SERVER_LIMIT_H

#include <stdbool.h>

#define LIMIT_WINDOW 60u /* seconds */

struct limits;

/* As draft-ietf-httpapi-ratelimit-headers tells it. */
struct limit_left {
  unsigned quota; /* requests in LIMIT_WINDOW seconds; 0: this address is not limited */
  unsigned left;
  unsigned reset; /* seconds until all of it is there again */
  unsigned retry; /* seconds until one is, when nothing is left */
};

/* per_window 0: nobody is limited. */
struct limits *limits_new(unsigned per_window);
void limits_free(struct limits *l);

/* Takes a token of this group of addresses, at this moment of a monotonic clock. False
 * when there is none. */
bool limits_take(struct limits *l, const char *group, double now, struct limit_left *out);

#endif
