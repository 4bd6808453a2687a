/* SPDX-License-Identifier: Apache-2.0
 * The inside of a round's audit, shared by audit*.c: audit_transcript.c reads what was
 * said, audit_events.c checks each event and its leaf, audit_terms.c the terms and the
 * base, audit_phases.c what the coordinator said in each phase, audit_unmask.c answers
 * and secrets, audit_sum.c the vectors, audit_result.c what follows from their sum,
 * audit_chain.c what stands on the chain, audit_books.c what is owed.
 *
 * A check runs when those it needs hold (audit.c has the table); it reports to its own
 * row of the report only. */
#ifndef CLIENTS_AUDIT_STATE_H
#define CLIENTS_AUDIT_STATE_H

#include "clients/lib/audit_log.h"
#include "clients/lib/spool.h"
#include "core/unmasking.h"
#include "model/spec.h"

/* The types of events that the log holds. From TYPE_OPEN on they belong to a round, and
 * follow from those of the types before. */
enum event_type {
  TYPE_INSTANCE,
  TYPE_MODEL,
  TYPE_ENROLL,
  TYPE_ADMIT,
  TYPE_SUSPEND,
  TYPE_ACT,
  TYPE_PAYOUT,
  TYPE_ADOPT,
  TYPE_OPEN,
  TYPE_JOIN,
  TYPE_ROSTER,
  TYPE_GRAPH,
  TYPE_SHARE,
  TYPE_SHARERS,
  TYPE_UPDATE,
  TYPE_SURVIVORS,
  TYPE_UNMASK,
  TYPE_RESULT,
  TYPE_FAILED,
  TYPE_RETENTION,
  TYPES
};
extern const char *const type_names[TYPES];
/* TYPES: it is none of them. */
enum event_type type_find(const json_t *event);
/* Whether participants say it, not the coordinator. */
bool type_is_said(enum event_type t);

struct item {
  enum event_type type;
  json_t *event;
  bool in_log;
  uint64_t leaf;
  struct digest hash;   /* H(event) */
  struct header header; /* as far as the type has it */
  bool sound;           /* its form was right: the above may be used */
  struct buf data;      /* a share's leaves, an update's chunk hashes */
  json_t *boxes;        /* of an update with complaints; may be NULL */
  char subject[96];     /* for findings: "leaf 12 (join of 3fa9…)" */
};

/* A random choice of `count` of the numbers below `total`, or (light 0) all of them. */
struct draw {
  uint64_t *numbers;
  uint64_t count;
};

struct audit {
  struct source *source;
  struct audit_log *log;
  const struct pin *pin;
  const struct audit_options *options;
  struct report *report;
  unsigned threads;

  struct digest ctx;
  char hex[65];
  struct item *items;
  size_t len, cap;
  const struct item **sorted;    /* by type, then participant */
  const struct item *one[TYPES]; /* of a coordinator's type: its only event, or NULL */
  bool failed;                   /* the attempt ended with `failed` */

  struct round *round; /* from the terms on */
  struct spec *spec;
  /* By roster index; NULL where there is none. */
  const struct item **shares, **updates, **unmasks;
  struct update_event *manifests; /* those of `updates`, parsed */
  struct named *convictions;      /* those that complaints prove */
  size_t convicted;
  struct unmasking unmasking;
  bool solved; /* the masks are known */
  struct result_event result;
  struct spool base, state, sum; /* as served, or (sum) recomputed */
  bool sum_known;                /* `sum` is the one of the result */
  int64_t *tail;
  bool anchored; /* the result stands on the chain as it must: as this */
  struct result_anchor anchor;
};

/* Says what is being done. */
void audit_tell(const struct audit *a, const char *what, uint64_t done, uint64_t total);
/* A finding about what an inner check said; other errors are handed on. */
enum err audit_judge(struct audit *a, enum check c, const char *subject, enum err e,
                     const struct why *inner, struct why *why) MUST_USE;
/* "participant 3fa9c2d1…" */
struct subject {
  char text[96];
};
struct subject audit_subject(const char *what, const void *id);

void audit_draw(struct draw *out, uint64_t light, uint64_t total);
/* The events of a set of members, by index, as an array; those that are missing are left
 * out. */
json_t *audit_events_of(const struct audit *a, const struct item *const *by_index,
                        const char *set);

/* ---- audit_transcript.c ---- */
enum err audit_load(struct audit *a, struct why *why) MUST_USE;
void audit_unload(struct audit *a);

/* ---- audit_events.c ---- */
/* Reads it->event into the rest of the item; whatever is not of the form of its type is
 * an error. */
enum err audit_read(struct item *it, bool anchored, struct why *why) MUST_USE;
/* What this participant said of one type (or was admitted with); NULL: nothing. */
const struct item *audit_find(const struct audit *a, enum event_type type,
                              const struct identity *id);

/* ---- audit_books.c ---- */
/* From this leaf on the participant is paid there: in the order of the leaves. payout: as
 * in the event.
 */
enum err audit_books_adopt(struct audit_books *b, const struct identity *id,
                           const char *payout, uint64_t leaf) MUST_USE;

/* ---- audit_result.c ---- */
/* What the members of U2 earn; *paid: anything at all. The caller frees *out. */
enum err audit_earned(const struct audit *a, struct reward **out, unsigned *count,
                      bool *paid) MUST_USE;

/* ---- the checks, in the order of audit.c's table ---- */
typedef enum err audit_check(struct audit *a, struct why *why);
audit_check audit_form, audit_signature, audit_context, audit_link, audit_unique;
audit_check audit_inclusion, audit_order, audit_seen;
audit_check audit_terms, audit_version, audit_spec, audit_base, audit_state;
audit_check audit_base_served;
audit_check audit_roster, audit_graph, audit_deals, audit_sharers, audit_complaints;
audit_check audit_survivors, audit_manifests;
audit_check audit_answers, audit_secrets;
audit_check audit_sum_served, audit_sum;
audit_check audit_bounds, audit_totals, audit_model, audit_model_served;
audit_check audit_rewards, audit_rewards_served, audit_named;
audit_check audit_anchors, audit_payouts, audit_retention;
audit_check audit_failure;

#endif
