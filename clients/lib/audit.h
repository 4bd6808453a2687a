/* SPDX-License-Identifier: Apache-2.0
 * The audit of docs/protocol.md section 11.3: recomputes a round from what is public, and
 * trusts nothing that the coordinator computed. All that it knows comes through a source,
 * all that it finds goes into a report (report.h).
 *
 * The functions return an error only when nothing could be learnt (E_NETWORK, E_BUSY,
 * E_IO …); whatever does not hold is a finding. */
#ifndef CLIENTS_AUDIT_H
#define CLIENTS_AUDIT_H

#include "clients/lib/chain_view.h"
#include "clients/lib/report.h"
#include "clients/lib/source.h"
#include "ledger/note.h"

/* What each model owes after the rounds that were audited so far, and which payout
 * addresses count from which leaf on. */
struct audit_books;
struct audit_books *audit_books_new(void);
void audit_books_free(struct audit_books *b);

struct audit_options {
  unsigned threads; /* 0: one for each processor */
  uint64_t light;   /* not 0: so many chunk positions and dealers drawn at random */
  uint64_t events;  /* of this round in the log, as audit_history counted; 0: unknown */
  struct chain_view *view; /* of the instance's chain; NULL: it is not looked at */
  /* All rounds are audited, in their order, after audit_history; NULL: not all. */
  struct audit_books *books;
  /* What is being done, and how much of how much (never 0); may be NULL. */
  void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total);
  void *arg;
};

/* The log as one checkpoint shows it: every hash that is taken from it leads to the
 * checkpoint's root. One thread at a time. */
struct audit_log;

/* Fetches the newest checkpoint. known (may be NULL): the newest that was verified
 * before; size 0: none. What is wrong with it is kept, and found in every report that
 * uses it. source and pin are borrowed. */
enum err audit_log_open(struct audit_log **out, struct source *source,
                        const struct pin *pin, const struct checkpoint *known,
                        struct why *why) MUST_USE;
void audit_log_free(struct audit_log *l);
static inline void audit_log_drop(struct audit_log **l)
{
  audit_log_free(*l);
}
/* Waits (where the source is live, some seconds) for a checkpoint of at least so many
 * leaves, which must extend the one before. */
enum err audit_log_reach(struct audit_log *l, uint64_t size, struct why *why) MUST_USE;

/* Reads an attempt's transcript until all of it is in the log. *size grows to a log that
 * holds it. */
enum err audit_settle(struct source *source, const struct digest *ctx, uint64_t *size,
                      struct why *why) MUST_USE;

/* Audits one attempt that has ended. report: initialised. E_NOT_FOUND when there is no
 * such round, E_PHASE when it has not ended. */
enum err audit_round(struct report *report, struct source *source, struct audit_log *log,
                     const struct pin *pin, const struct digest *ctx,
                     const struct audit_options *options, struct why *why) MUST_USE;

/* A round as the log tells it. */
struct past_round {
  struct digest ctx;
  char model[SLUG_MAX + 1];
  uint64_t round, attempt;
  uint64_t events; /* leaves with this ctx */
  bool ended;
};
struct history {
  struct past_round *rounds; /* in the order of their terms */
  size_t len;
};
void history_done(struct history *h);

/* Reads the whole log: makes its root again from the leaves, and checks every event and
 * what it follows from. *out: the rounds that are in it, to be audited one by one. */
enum err audit_history(struct report *report, struct history *out, struct audit_log *log,
                       const struct audit_options *options, struct why *why) MUST_USE;

#endif
