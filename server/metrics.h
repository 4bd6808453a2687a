/* SPDX-License-Identifier: Apache-2.0
 * What is counted of requests, for Prometheus. A route is counted by its pattern, never
 * by the address that was asked for: the number of series is bounded. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "server/request.h"
#include "util/buf.h"

struct metrics;

/* What is no route of the table. */
enum metrics_other { OTHER_PAGE, OTHER_ASSET, OTHER_UNMATCHED, OTHERS };

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/* One answered request; route NULL: `other` says what it was. lasting: it stays open as
 * long as both like (a stream), so its duration says nothing and is not counted. */
void metrics_count(struct metrics *m, const struct route *route, enum metrics_other other,
                   const char *method, unsigned status, double seconds, bool lasting);
/* Appends all that was counted as text of the exposition format. */
enum err metrics_write(struct metrics *m, struct buf *out) MUST_USE;

#endif
