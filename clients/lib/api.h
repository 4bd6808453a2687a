/* SPDX-License-Identifier: Apache-2.0
 * The HTTP interface (docs/api.md) as typed calls. What comes back is shape-checked; what
 * is signed is the caller's to verify, receipts excepted: they are verified here.
 *
 * Every call returns the server's error, E_NETWORK, or E_REPLY for what can't be
 * understood. The caller owns what *out receives. */
#ifndef CLIENTS_API_H
#define CLIENTS_API_H

#include <jansson.h>

#include "clients/lib/reader.h"
#include "core/message.h"

struct api {
  struct http *http; /* owned */
  const char *token; /* of an administrator, or NULL; borrowed */
  /* Set by the caller once the instance is pinned; until then no receipt is taken. */
  bool pinned;
  struct digest instance;
  struct identity coordinator;
  /* Whose reads they are, once it is known that the server is of that instance. */
  struct reader reader;
};

/* Frees the connection, and forgets all that was set. */
void api_done(struct api *a);

enum phase {
  PHASE_JOIN,
  PHASE_ROSTER,
  PHASE_SHARE,
  PHASE_UPLOAD,
  PHASE_SURVIVORS,
  PHASE_UNMASK,
  PHASE_FINAL,
  PHASE_DONE,
  PHASE_FAILED,
  PHASES
};
extern const char *const phase_names[PHASES];

/* STATE of docs/api.md. state_done frees. */
struct state {
  json_t *json; /* all of it */
  struct digest ctx;
  char ctx_hex[65];
  const char *model; /* borrowed from json */
  enum phase phase;
  uint64_t round, attempt;
  bool has_deadline;
  double deadline_at, deadline_in, now_at;
  uint64_t minimum, maximum, joined, shared, uploaded, answered, awaited_count;
  const json_t *awaited; /* borrowed, ids as hex */
  const char *failure;   /* title, borrowed; NULL when it did not fail */
};
void state_done(struct state *s);
enum err state_parse(struct state *out, json_t *json, struct why *why) MUST_USE;
/* Whether this participant is among the awaited (the list holds at most 100). */
bool state_awaits(const struct state *s, const struct identity *id);

/* ---- public ---- */
enum err api_instance(struct api *a, json_t **event, struct why *why) MUST_USE;
/* One page of a list, or any other JSON document: GET /api/v1/`path`. */
enum err api_get(struct api *a, const char *path, json_t **out, struct why *why) MUST_USE;
/* Whether `next` of a list can stand in an address as it is: 1 to 100 of the characters
 * that need no escape. */
bool api_cursor_good(const char *next);
/* A whole list: the arrays under `member` of all its pages as one array. */
enum err api_all(struct api *a, const char *path, const char *member, json_t **out,
                 struct why *why) MUST_USE;
/* wait 0: answer at once. after: NULL, "none" or a ctx in hex. */
enum err api_newest(struct api *a, const char *model, unsigned wait, const char *after,
                    struct state *out, struct why *why) MUST_USE;
/* phase PHASES: answer at once; else wait until it is another. */
enum err api_state(struct api *a, const char *ctx, unsigned wait, enum phase phase,
                   struct state *out, struct why *why) MUST_USE;
/* The coordinator's event of one type, parsed from its canonical bytes. */
enum err api_event(struct api *a, const char *ctx, const char *type, json_t **out,
                   struct why *why) MUST_USE;
/* The array under `member` of GET /rounds/{ctx}/`what`: joins/members, shares/events,
 * updates/events, unmasks/events. */
enum err api_list(struct api *a, const char *ctx, const char *what, const char *member,
                  json_t **out, struct why *why) MUST_USE;
/* version 0: the newest. */
enum err api_spec(struct api *a, const char *model, uint64_t version, struct buf *out,
                  struct why *why) MUST_USE;
/* Raw bytes, at most max; *sha256 (may be NULL) is what the server says they hash to. */
enum err api_bytes(struct api *a, const char *path, size_t max, struct buf *out,
                   char sha256[72], struct why *why) MUST_USE;

/* ---- the log ---- */

#define LEAF_NONE UINT64_MAX

/* Replaces *note with the newest checkpoint as the server shows it; nothing in it is
 * checked. wait 0: answer at once, else wait for one of more than `after` leaves.
 * E_NOT_FOUND when none was ever signed. */
enum err api_checkpoint(struct api *a, unsigned wait, uint64_t after, struct buf *note,
                        struct why *why) MUST_USE;
/* The leaf that the server names for the event with this hash: LEAF_NONE when it is none
 * yet. *event (may be NULL) receives the event. E_NOT_FOUND when it is not known. */
enum err api_leaf(struct api *a, const struct digest *hash, uint64_t *leaf,
                  json_t **event, struct why *why) MUST_USE;
/* Proofs as they are served, to be checked; at most 64 digests. */
enum err api_inclusion(struct api *a, uint64_t leaf, uint64_t size,
                       struct digest path[64], unsigned *len, struct why *why) MUST_USE;
enum err api_consistency(struct api *a, uint64_t from, uint64_t to,
                         struct digest path[64], unsigned *len, struct why *why) MUST_USE;
/* Posts a note with a witness's signature line. */
enum err api_cosign(struct api *a, struct bytes note, struct why *why) MUST_USE;

/* ---- participant ---- */

/* Enrols. *admitted: at once. */
enum err api_enroll(struct api *a, const json_t *event, const char *name,
                    const uint8_t salt[16], json_t **receipt, bool *admitted,
                    struct why *why) MUST_USE;
/* Names another payout address: the signed event `payout`. */
enum err api_payout(struct api *a, const struct identity *id, const json_t *event,
                    json_t **receipt, struct why *why) MUST_USE;
/* Sends a signed event of this round: what = joins, shares, updates or unmasks. extra
 * (may be NULL) holds further members of the body. *reply: the whole body of the answer,
 * whose receipt was verified. */
enum err api_send(struct api *a, const char *ctx, const char *what, const json_t *event,
                  json_t *extra, json_t **reply, struct why *why) MUST_USE;
/* A link that logs the participant in to the pages, once, made at `time` (seconds since
 * 1970). E_NOT_FOUND: not enrolled there; E_FIELD_VALUE: the clocks are too far apart;
 * E_CONFLICT: one was made at this second, or a later one. */
struct login_link {
  char link[512]; /* secret until it is used; printable ASCII */
  double expires_at;
};
enum err api_login(struct api *a, const struct identity *id,
                   const struct secret_identity *key, uint64_t time,
                   struct login_link *out, struct why *why) MUST_USE;
/* The value of Authorization that reads what belongs to this participant in a round. */
void api_authorization(char out[256], const struct digest *ctx, const struct identity *id,
                       const struct secret_identity *key);
/* The boxes addressed to this participant. */
enum err api_boxes(struct api *a, const struct digest *ctx, const struct identity *id,
                   const struct secret_identity *key, json_t **out,
                   struct why *why) MUST_USE;
/* One chunk of a vector. *receipt: of the whole update, when this chunk completed it,
 * verified; else NULL. */
enum err api_chunk(struct api *a, const char *ctx, const struct identity *id,
                   uint64_t index, struct bytes chunk, const struct digest *update,
                   json_t **receipt, struct why *why) MUST_USE;
/* Which chunks are missing (an array of indices), and the receipt if it is complete. */
enum err api_progress(struct api *a, const char *ctx, const struct identity *id,
                      const struct digest *update, json_t **missing, json_t **receipt,
                      struct why *why) MUST_USE;

/* ---- administrator ---- */

/* method /api/v1/`path` with a JSON body (NULL: none). once: not to be repeated when it
 * is not known whether the first one arrived. */
enum err api_admin(struct api *a, const char *method, const char *path,
                   const json_t *body, bool once, json_t **out, struct why *why) MUST_USE;
/* The same with a body of this media type. */
enum err api_admin_raw(struct api *a, const char *method, const char *path,
                       const char *type, struct bytes body, bool once, json_t **out,
                       struct why *why) MUST_USE;

#endif
