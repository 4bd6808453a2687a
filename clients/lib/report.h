/* SPDX-License-Identifier: Apache-2.0
 * What an audit found: one verdict for each check, and every single thing that does not
 * hold. docs/audit.md holds the table of checks for people; their names are stable.
 *
 * Threads may report to one report at once. */
#ifndef CLIENTS_REPORT_H
#define CLIENTS_REPORT_H

#include <jansson.h>
#include <pthread.h>

#include "core/message.h"

/*   check, name, what holds when it holds. docs/protocol.md section 11.3. */
#define AUDIT_CHECKS(X)                                                                  \
  /* the log */                                                                          \
  X(CHECK_CHECKPOINT, "checkpoint",                                                      \
    "The newest checkpoint is signed by the log's key and extends the one known before") \
  X(CHECK_ROOT, "root",                                                                  \
    "The root of the checkpoint is that of all leaves, hashed again")                    \
  X(CHECK_TRANSCRIPT, "transcript", "The transcript is whole and in its order")          \
  X(CHECK_FORM, "form", "Every event has the members of its type, in canonical form")    \
  X(CHECK_SIGNATURE, "signature", "Every event is signed by whom it names")              \
  X(CHECK_CONTEXT, "context", "Every event belongs to this instance and this round")     \
  X(CHECK_LINK, "link",                                                                  \
    "Every hash in an event names the event before it that was shown")                   \
  X(CHECK_UNIQUE, "unique", "Nobody said two things of one kind in one place")           \
  X(CHECK_INCLUSION, "inclusion",                                                        \
    "Every event is the leaf of the log that it is said to be")                          \
  X(CHECK_ORDER, "order", "No event stands in the log before one that it follows from")  \
  X(CHECK_SEEN, "seen", "Every checkpoint that a participant saw is one of this log")    \
  /* histories, of the whole log only */                                                 \
  X(CHECK_ADMISSIONS, "admissions",                                                      \
    "Every admission and suspension names the one before it")                            \
  X(CHECK_PAYEES, "payees",                                                              \
    "Every change of a payout address follows the one before it, and counts only after " \
    "its delay")                                                                         \
  X(CHECK_VERSIONS, "versions", "Every version of a model names the one before it")      \
  X(CHECK_ATTEMPTS, "attempts",                                                          \
    "Rounds and attempts are counted without gaps, and exclude whom the ones before "    \
    "named")                                                                             \
  X(CHECK_LINEAGE, "lineage", "Every round starts from the newest result before it")     \
  /* the terms */                                                                        \
  X(CHECK_VERSION, "version", "The model's version was announced with this description") \
  X(CHECK_SPEC, "spec", "The description that is served is the one that was signed")     \
  X(CHECK_TERMS, "terms", "The terms follow from that description")                      \
  X(CHECK_BASE, "base",                                                                  \
    "The base is the initial model made again, or the model of an earlier result")       \
  X(CHECK_STATE, "state", "The optimiser goes on from the state of that result")         \
  X(CHECK_BASE_SERVED, "base-served",                                                    \
    "The base and the optimiser's state that are served are those that were signed")     \
  /* the phases */                                                                       \
  X(CHECK_ROSTER, "roster",                                                              \
    "The roster holds admitted members with keys of their own, in order")                \
  X(CHECK_GRAPH, "graph", "Who shares with whom, k and t follow from the rules")         \
  X(CHECK_DEALS, "deals", "Every dealt share lies on a polynomial with its public key")  \
  X(CHECK_SHARERS, "sharers", "The sharers are those whose shares were accepted")        \
  X(CHECK_COMPLAINTS, "complaints", "Every complaint about a box proves what it says")   \
  X(CHECK_SURVIVORS, "survivors",                                                        \
    "The survivors are those whose updates were accepted, and they are enough")          \
  X(CHECK_ANSWERS, "answers",                                                            \
    "The answers to UNMASK are complete and of the right form")                          \
  X(CHECK_SECRETS, "secrets", "The secrets that they rebuild fit their public keys")     \
  /* the sum */                                                                          \
  X(CHECK_MANIFESTS, "manifests", "The hashes of the chunks are those that were signed") \
  X(CHECK_VECTORS, "vectors", "Every masked vector is served as long as was promised")   \
  X(CHECK_CHUNKS, "chunks", "Every chunk of a vector is the one that was signed")        \
  X(CHECK_SUM, "sum",                                                                    \
    "The vectors, summed and unmasked again, are the sum of the result")                 \
  X(CHECK_SUM_SERVED, "sum-served", "The sum that is served is the one of the result")   \
  X(CHECK_BOUNDS, "bounds", "The sum is within what honest updates can sum to")          \
  X(CHECK_TOTALS, "totals", "Totals and count of the result are those of the sum")       \
  X(CHECK_MODEL, "model",                                                                \
    "The optimiser's step, made again, gives the new model and its state")               \
  X(CHECK_MODEL_SERVED, "model-served", "The new model that is served is that one")      \
  X(CHECK_REWARDS, "rewards", "The rewards are those of the scheme")                     \
  X(CHECK_REWARDS_SERVED, "rewards-served", "The rewards that are served are those")     \
  X(CHECK_NAMED, "named", "Who is named is named by evidence, and nobody is left out")   \
  X(CHECK_ANCHORS, "anchors",                                                            \
    "Roster, survivors and result stand on the chain as they are shown")                 \
  X(CHECK_PAYOUTS, "payouts", "What the result pays is what the rewards add up to")      \
  X(CHECK_RETENTION, "retention", "The vectors were not erased too early")               \
  X(CHECK_FAILURE, "failure", "The attempt failed where and as it says")

enum check {
#define X(check, name, words) check,
  AUDIT_CHECKS(X)
#undef X
      CHECKS
};

const char *check_name(enum check c);
const char *check_words(enum check c);

enum verdict {
  VERDICT_ABSENT,      /* there was nothing of the kind */
  VERDICT_HOLDS,       /* checked, and nothing was found */
  VERDICT_BROKEN,      /* something was found */
  VERDICT_NOT_CHECKED, /* the reason says why */
  VERDICTS
};
extern const char *const verdict_names[VERDICTS];

struct finding {
  enum check check;
  char subject[128]; /* which leaf, participant, chunk … */
  char detail[416];
};

/* Beyond this many only their number is kept. */
#define FINDINGS_MAX 1000u

struct report {
  /* what was audited: a round, or the whole log (ctx empty) */
  char instance[65], ctx[65], model[SLUG_MAX + 1];
  uint64_t round, attempt;
  bool failed; /* the attempt failed: its failure is what was audited */
  bool light;
  uint64_t log_size;
  char log_root[65];
  struct {
    uint64_t checked, found;
    char reason[160]; /* why it was not checked */
  } checks[CHECKS];
  struct finding *findings;
  size_t len, cap;
  pthread_mutex_t lock;
};

void report_init(struct report *r);
void report_done(struct report *r);

/* `n` more things of this kind were looked at. */
void report_checked(struct report *r, enum check c, uint64_t n);
void report_found(struct report *r, enum check c, const char *subject, const char *fmt,
                  ...) PRINTF(4, 5);
/* An inner check's particulars as the finding. */
void report_why(struct report *r, enum check c, const char *subject, enum err e,
                const struct why *why);
/* Only the first reason is kept. */
void report_skip(struct report *r, enum check c, const char *fmt, ...) PRINTF(3, 4);

enum verdict report_verdict(const struct report *r, enum check c);
/* Whether something was found at all. */
bool report_broken(const struct report *r);

/* {"ctx","model","round","attempt","outcome","mode","log":{"size","root"},"instance",
 *  "checks":[{"check","outcome","checked","reason"}],"findings":[{"check","subject",
 *  "detail"}]}. The caller owns it. */
json_t *report_json(const struct report *r);
/* The same in words, several lines. brief: without the checks that hold. */
enum err report_text(struct buf *out, const struct report *r, bool brief) MUST_USE;

#endif
