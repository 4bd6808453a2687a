/* SPDX-License-Identifier: Apache-2.0
 * The protocol's events as C structures: parsing with every shape check, and building.
 * docs/protocol.md sections 2 to 9. Parsing checks shape and encodings only; signatures
 * are event_verify's, and meaning is round.h's.
 *
 * A parsed structure owns nothing unless its comment says so. All parse functions return
 * E_FIELD_* with the member named in why, E_POINT for a point that is not valid, and
 * write their output only on success. */
#ifndef CORE_MESSAGE_H
#define CORE_MESSAGE_H

#include "core/dleq.h"
#include "core/event.h"
#include "core/quantise.h"
#include "core/reward.h"

/* The newest log checkpoint that a participant verified. */
struct seen {
  uint64_t size;
  struct digest root;
};

/* What the events of one kind have in front. */
struct header {
  struct digest instance;
  struct digest ctx;           /* round events */
  struct identity participant; /* participant events */
  struct seen seen;            /* likewise; of size 0 only with the empty tree's root */
};

/* Whether events of this type are signed by the participant they name; else by the
 * coordinator. */
bool message_by_participant(const char *type);

struct instance_event {
  const char *origin; /* borrowed from the event */
  struct identity coordinator;
  bool anchored;        /* chain is not null */
  bool simulated;       /* the chain is the tests' own */
  uint64_t chain_id;    /* EIP-155; 0 without a chain, and of a simulated one */
  const char *contract; /* the registry, 0x…; borrowed from the event; NULL without */
};
enum err instance_parse(struct instance_event *out, const json_t *event,
                        struct why *why) MUST_USE;

#define SLUG_MAX 63u
/* [a-z0-9][a-z0-9-]{0,62} */
bool slug_valid(const char *slug);

struct organisation {
  uint8_t b[16];
};

struct enroll_event {
  struct header header;
  struct organisation organisation;
  const char *payout; /* NULL or 0x and 40 hex digits; borrowed */
  struct digest invite;
  struct digest name;
};
enum err enroll_parse(struct enroll_event *out, const json_t *event,
                      struct why *why) MUST_USE;

/* Another payout address instead of the one before. */
struct payout_event {
  struct header header;
  struct digest previous; /* the participant's last `payout`, else its `enroll` */
  const char *payout;     /* NULL or 0x and 40 hex digits; borrowed */
  uint64_t time;          /* Unix seconds, by the participant's clock */
};
enum err payout_parse(struct payout_event *out, const json_t *event,
                      struct why *why) MUST_USE;

/* From here on the address of a `payout` counts. */
struct adopt_event {
  struct header header;
  struct digest identity; /* the participant's last `payout` */
  uint64_t time;          /* Unix seconds */
};
enum err adopt_parse(struct adopt_event *out, const json_t *event,
                     struct why *why) MUST_USE;

/* Seconds between `payout` and `adopt` where no registry says another delay. */
#define ADOPT_DELAY 86400u
/* By so many seconds may a participant's clock differ. */
#define CLOCK_SLACK 300u

/* admit and suspend */
struct admission_event {
  struct header header;
  const char *model; /* borrowed */
  struct digest identity;
  bool has_previous;
  struct digest previous; /* the last admit or suspend of this participant and model */
};
enum err admission_parse(struct admission_event *out, const char *type,
                         const json_t *event, struct why *why) MUST_USE;

/* One version of a model's description. */
struct model_event {
  struct header header;
  const char *model; /* borrowed */
  uint64_t version;
  struct digest spec;
  bool has_previous;
  struct digest previous; /* the version before; exactly unless version is 1 */
};
enum err model_parse(struct model_event *out, const json_t *event,
                     struct why *why) MUST_USE;

#define ACT_ID_BYTES 16u
#define ACTION_MAX 120u
/* What somebody who runs the instance did. */
struct act_event {
  struct header header;
  uint8_t id[ACT_ID_BYTES];    /* random: no two acts are the same event */
  uint8_t actor[ACT_ID_BYTES]; /* the same for all acts of one user or token */
  const char *action;          /* method and address, parameters by name; borrowed */
  const char *model;           /* that it was about; NULL; borrowed */
  uint64_t time;               /* Unix seconds */
};
enum err act_parse(struct act_event *out, const json_t *event, struct why *why) MUST_USE;

enum tail_kind {
  TAIL_WEIGHT,
  TAIL_LOSS,
  TAIL_CORRECT,
  TAIL_EVALUATED,
  TAIL_TRUE_POSITIVE,
  TAIL_FALSE_POSITIVE,
  TAIL_TRUE_NEGATIVE,
  TAIL_FALSE_NEGATIVE,
  TAIL_KINDS
};
extern const char *const tail_kind_names[TAIL_KINDS];

struct tail_entry {
  enum tail_kind kind;
  const char *name; /* borrowed from the event */
  uint64_t max;
};

#define TAIL_MAX 256u
#define UNANCHORED_MAX 200u /* participants of a round without a chain */
#define EXCLUDED_MAX 900u
#define NAMED_MAX 256u              /* in result and failed */
#define COMPLAINTS_MAX 200u         /* bad boxes in one update */
#define AUDIT_WINDOW_MAX 315360000u /* seconds */
enum base_source { BASE_INIT, BASE_RESULT, BASE_IMPORT };
enum phase_length {
  DEADLINE_JOIN,
  DEADLINE_SHARE,
  DEADLINE_UPLOAD,
  DEADLINE_UNMASK,
  DEADLINES
};

/* `open`: the terms of one attempt. Owns event, tail and excluded; free with open_free.
 */
struct open_event {
  json_t *event; /* a reference of its own; the borrowed strings live in it */
  struct header header;
  struct digest ctx; /* computed */
  const char *model;
  uint64_t version, round, attempt;
  struct digest spec;
  struct digest base, base_event; /* base_event only unless source is BASE_INIT */
  enum base_source source;
  uint64_t d;
  struct tail_entry *tail;
  unsigned tail_len;
  unsigned ring_bits;
  struct quantiser quantiser;
  const char *range, *clip; /* the decimals as written */
  const json_t *optimiser;
  bool has_state;
  struct digest state; /* the optimiser's state before this round */
  unsigned minimum, maximum, corrupt_bp, dropout_bp;
  uint64_t deadline[DEADLINES]; /* seconds */
  uint64_t beacon_distance;
  struct reward_terms reward;
  bool audit_members;    /* who may read the masked vectors; else everybody */
  uint64_t audit_window; /* for so many seconds after the round */
  struct identity *excluded;
  unsigned excluded_len;
};
/* Also makes the checks of section 3 (E_OVERFLOW, E_FIELD_VALUE) for an instance that is
 * anchored or not. */
enum err open_parse(struct open_event **out, const json_t *event, bool anchored,
                    struct why *why) MUST_USE;
void open_free(struct open_event *open);
/* Reads {"audience","window"} of an `open` or a spec; fields in why below "audit". */
enum err audit_terms_read(bool *members, uint64_t *window, const json_t *audit,
                          struct why *why) MUST_USE;
static inline void open_drop(struct open_event **p)
{
  open_free(*p);
}
/* Length of the masked vector in coordinates, d + tail, and in bytes. */
static inline uint64_t open_len(const struct open_event *o)
{
  return o->d + o->tail_len;
}
static inline uint64_t open_bytes(const struct open_event *o)
{
  return open_len(o) * (o->ring_bits / 8);
}

struct join_event {
  struct header header;
  struct point mask_key, share_key, self_key; /* A, E, S */
};
enum err join_parse(struct join_event *out, const json_t *event,
                    struct why *why) MUST_USE;

struct roster_event {
  struct header header;
  unsigned n;
  struct digest joins;
};
enum err roster_parse(struct roster_event *out, const json_t *event,
                      struct why *why) MUST_USE;

struct graph_event {
  struct header header;
  struct digest roster;
  unsigned k, t;
  bool has_block;
  uint64_t block;
  struct digest beacon; /* only with a block */
};
enum err graph_parse(struct graph_event *out, const json_t *event,
                     struct why *why) MUST_USE;

struct share_event {
  struct header header;
  struct digest graph;
  struct digest deals;
};
enum err share_parse(struct share_event *out, const json_t *event,
                     struct why *why) MUST_USE;

/* sharers and survivors: a set and the root of its events. */
struct set_event {
  struct header header;
  struct digest previous; /* H(graph) or H(sharers) */
  const char *members;    /* hex of the bitmap; borrowed */
  struct digest root;
};
enum err sharers_parse(struct set_event *out, const json_t *event,
                       struct why *why) MUST_USE;
enum err survivors_parse(struct set_event *out, const json_t *event,
                         struct why *why) MUST_USE;

struct complaint {
  uint32_t dealer;
  struct point key; /* K = e_i*E_j */
  struct dleq proof;
};

/* Owns missing and bad; update_done frees them. */
struct update_event {
  struct header header;
  struct digest sharers;
  uint64_t length;
  struct digest chunks;
  uint64_t samples; /* the weight, where the reward needs it in public; 0 for null */
  uint32_t *missing;
  unsigned missing_len;
  struct complaint *bad;
  unsigned bad_len;
};
enum err update_parse(struct update_event *out, const json_t *event,
                      struct why *why) MUST_USE;
void update_done(struct update_event *u);
/* Whether the manifest lists dealer j as missing or bad. */
bool update_lists(const struct update_event *u, uint32_t j);

/* Owns shares; unmask_done wipes and frees. */
struct unmask_event {
  struct header header;
  struct digest survivors;
  struct secret_scalar *shares; /* by neighbour in U1 ascending */
  bool *given;                  /* false where null */
  unsigned len;
};
enum err unmask_parse(struct unmask_event *out, const json_t *event,
                      struct why *why) MUST_USE;
void unmask_done(struct unmask_event *u);

/* An entry of `named` in result and failed. */
enum named_reason { NAMED_BAD_BOX, NAMED_FALSE_COMPLAINT, NAMED_BAD_SHARE };
struct named {
  struct digest event; /* the evidence */
  struct identity participant;
  enum named_reason reason;
};
enum err named_parse(struct named *out, const json_t *entry, const char *field,
                     struct why *why) MUST_USE;

struct result_event {
  struct header header;
  struct digest survivors;
  const char *answered; /* hex of the bitmap */
  struct digest unmasks;
  uint64_t count;
  struct digest sum;
  const json_t *totals;
  struct digest model;
  bool has_state;
  struct digest state;
  bool has_rewards;
  struct digest rewards; /* section 9.1 */
  const json_t *named;   /* borrowed; each entry parses, participants ascend */
};
enum err result_parse(struct result_event *out, const json_t *event,
                      struct why *why) MUST_USE;

struct failed_event {
  struct header header;
  const char *phase, *reason; /* borrowed */
  const json_t *named;        /* as in a result */
};
enum err failed_parse(struct failed_event *out, const json_t *event,
                      struct why *why) MUST_USE;

/* The masked vectors of a round were erased. */
struct retention_event {
  struct header header;
  uint64_t vectors, bytes;
  uint64_t time; /* Unix seconds */
};
enum err retention_parse(struct retention_event *out, const json_t *event,
                         struct why *why) MUST_USE;

/* What the coordinator answers to an event. */
struct receipt_event {
  struct header header;
  struct digest of;
  bool complete; /* else accepted */
  uint64_t seq;
  uint64_t time, by; /* Unix seconds; by >= time */
};
enum err receipt_parse(struct receipt_event *out, const json_t *event,
                       struct why *why) MUST_USE;

/* One deal as it travels: a-point, s-point, box. */
#define DEAL_BYTES 168u
#define LEAF_BYTES 96u
/* The Merkle leaf of a deal: a-point, s-point, SHA-256(box). */
void deal_leaf(uint8_t leaf[LEAF_BYTES], const uint8_t deal[DEAL_BYTES]);

/* Starts a participant's event: type, instance, ctx (or NULL), seen (NULL: the empty
 * tree), participant. The caller adds the rest and signs. */
json_t *message_start(const char *type, const struct digest *instance,
                      const struct digest *ctx, const struct seen *seen,
                      const struct identity *participant) MUST_USE;

/* The coordinator's events, unsigned. The caller owns them.
 * contract: NULL without a chain, "simulated" with id 0, else the registry's address. */
json_t *instance_build(const char *origin, const struct identity *coordinator,
                       const char *contract, uint64_t chain_id) MUST_USE;
/* previous: H of the last admission event of this participant and model, or NULL. */
json_t *admission_build(const char *type, const struct digest *instance,
                        const char *model, const struct identity *who,
                        const struct digest *identity,
                        const struct digest *previous) MUST_USE;
/* payout: NULL for none. The caller signs. */
json_t *payout_build(const struct digest *instance, const struct seen *seen,
                     const struct identity *who, const struct digest *previous,
                     const char *payout, int64_t time) MUST_USE;
json_t *adopt_build(const struct digest *instance, const struct identity *who,
                    const struct digest *identity, int64_t time) MUST_USE;
json_t *roster_build(const struct open_event *open, unsigned n,
                     const struct digest *joins) MUST_USE;
/* block < 0: complete graph, no beacon. */
json_t *graph_build(const struct open_event *open, const struct digest *roster,
                    unsigned k, unsigned t, int64_t block,
                    const struct digest *beacon) MUST_USE;
/* type "sharers" (previous = H(graph)) or "survivors" (previous = H(sharers)). */
json_t *set_build(const char *type, const struct open_event *open,
                  const struct digest *previous, const uint8_t *set, unsigned n,
                  const struct digest *root) MUST_USE;
/* time, by: Unix seconds; `by` is when the event will be a leaf of the log. */
json_t *receipt_build(const struct digest *instance, const struct digest *of,
                      const char *status, int64_t seq, int64_t time, int64_t by) MUST_USE;

#endif
