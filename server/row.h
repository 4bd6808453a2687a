/* SPDX-License-Identifier: Apache-2.0
 * A round as the database holds it, and the phases it passes. */
#ifndef SERVER_ROW_H
#define SERVER_ROW_H

#include "core/round.h"
#include "server/server.h"
#include "util/field.h"

/*     name             in the database  in `failed`, when it fails here */
#define PHASE_TABLE(X)                                                                   \
  X(PHASE_JOIN, "join", "join")                                                          \
  X(PHASE_ROSTER, "roster", "join")                                                      \
  X(PHASE_SHARE, "share", "share")                                                       \
  X(PHASE_UPLOAD, "upload", "upload")                                                    \
  X(PHASE_SURVIVORS, "survivors", "upload")                                              \
  X(PHASE_UNMASK, "unmask", "unmask")                                                    \
  X(PHASE_FINAL, "final", "final")                                                       \
  X(PHASE_DONE, "done", "final")                                                         \
  X(PHASE_FAILED, "failed", "final")

enum phase {
#define X(name, text, failed) name,
  PHASE_TABLE(X)
#undef X
      PHASES
};
extern const char *const phase_names[PHASES];
extern const char *const phase_failed_names[PHASES];
/* PHASES for a name that is none. */
enum phase phase_find(const char *name);

/* Owns open, u1 and u2: round_row_done frees. Blobs and counts that are not there yet are
 * 0. */
struct round_row {
  struct digest ctx;
  char model[SLUG_MAX + 1];
  int64_t version, round, attempt;
  enum phase phase;
  double opened_at, ended_at, now_at;
  bool has_deadline;
  double deadline_at;
  struct buf open; /* the event, canonical */
  unsigned minimum, maximum, n;
  uint64_t length, chunks;
  int64_t base, base_state;
  struct digest joins_root, roster_hash, graph_hash, beacon, sharers_hash, survivors_hash;
  bool has_graph, has_beacon;
  struct buf u1, u2; /* bitmaps, empty until they stand */
  int64_t joins_doc, shares_doc, updates_doc, unmasks_doc, sum;
  char failure[48]; /* an error slug, `cancelled`, or empty */
};
void round_row_done(struct round_row *row);

/* By Q_ROUND_ROW, Q_ROUND_SHARE, Q_ROUND_LOCK or Q_ROUND_CLAIM. E_NOT_FOUND; for
 * Q_ROUND_CLAIM also when somebody else holds it. */
enum err round_row_get(struct db *db, enum query q, const struct digest *ctx,
                       struct round_row *out) MUST_USE;
/* From one row of round_view. */
enum err round_row_read(const struct db_rows *rows, unsigned at,
                        struct round_row *out) MUST_USE;

/* Whether messages of this phase are still taken. Past the deadline they are for a moment
 * only, so that the closing transaction gets its turn; unmask answers always are. */
bool round_row_takes(const struct round_row *row, enum phase phase);

/* The round as core knows it, as far as the row has come. The caller owns it. */
enum err round_build(const struct server *s, struct db *db, const struct round_row *row,
                     struct round **out) MUST_USE;

/* The same out of the process's cache: shared, not to be changed. */
struct round_ref {
  const struct round *round;
  struct engine *engine;
  struct cached_round *cached;
};
enum err round_get(struct server *s, struct db *db, const struct round_row *row,
                   struct round_ref *out) MUST_USE;
void round_ref_done(struct round_ref *ref);

#endif
