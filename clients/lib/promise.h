/* SPDX-License-Identifier: Apache-2.0
 * Receipts promise by when an event is a leaf of the log (docs/protocol.md sections 2 and
 * 11.1). Whoever holds one looks whether it was kept, once. */
#ifndef CLIENTS_PROMISE_H
#define CLIENTS_PROMISE_H

#include "clients/lib/watch.h"

struct promises {
  unsigned open; /* not in the log yet, and not due */
  unsigned kept; /* found in the log this time */
  int64_t until; /* when the last of the open ones is due, Unix seconds */
};

/* Looks at every receipt in this home, of the rounds, of the enrolment and of changed
 * payout addresses at the watch's instance, whose event was not found in the log before.
 * What is found is remembered beside the receipt (rounds/CTX/leaf-TYPE.json; `leaf` of
 * the membership) if `keep`: for that the home must be locked. now: Unix seconds, by the
 * local clock.
 *
 * E_CHEAT_PROMISE when one is overdue; message, receipt and checkpoint are then in a file
 * that why names. Otherwise the errors of watch_refresh and api.h. */
enum err promises_check(struct promises *out, struct watch *w, int64_t now, bool keep,
                        struct why *why) MUST_USE;

#endif
