/* SPDX-License-Identifier: Apache-2.0
 * What the files of the engine share. */
#ifndef SERVER_ENGINE_INTERNAL_H
#define SERVER_ENGINE_INTERNAL_H

#include <pthread.h>

#include "db/blob.h"
#include "db/event.h"
#include "server/engine.h"
#include "server/row.h"
#include "util/field.h"

/* ---- threads ---- */

#define CACHED_ROUNDS 16u

struct engine {
  struct server *server;
  pthread_mutex_t lock; /* of everything below */
  pthread_cond_t driver_wake, jobs_wake, log_wake, payer_wake, webhooks_wake;
  bool stop, driver_wanted, payer_wanted, webhooks_wanted;
  uint64_t jobs_wanted; /* counts up */
  pthread_t driver, sequencer, payer, webhooks;
  struct worker {
    struct engine *engine;
    pthread_t thread;
    int64_t job; /* in work, or 0 */
  } * workers;
  unsigned workers_len;
  bool driver_runs, sequencer_runs, payer_runs, webhooks_runs;
  struct {
    uint8_t b[16];
  } replica; /* this process, as claimed_by */
  struct cached_round *cached[CACHED_ROUNDS];
  uint64_t clock; /* of the cache */
};

void round_cache_done(struct engine *engine);
void *driver_run(void *arg);    /* struct engine */
void *sequencer_run(void *arg); /* struct engine */
void *payer_run(void *arg);     /* struct engine */
void *webhooks_run(void *arg);  /* struct engine */
void *jobs_run(void *arg);      /* struct worker */
/* Sleeps until woken or a second has passed; false when the engine stops. */
bool engine_wait_driver(struct engine *engine);
bool engine_wait_jobs(struct engine *engine, uint64_t *seen);
/* Sleeps so many milliseconds; false when the engine stops. */
bool engine_wait_log(struct engine *engine, unsigned ms);
/* Sleeps until woken or so many milliseconds have passed; false when it stops. */
bool engine_wait_payer(struct engine *engine, unsigned ms);
bool engine_wait_webhooks(struct engine *engine, unsigned ms);
/* Says in the database that this process lives, and that it does not any more. */
void replica_beat(struct engine *engine, struct db *db);
void replica_gone(struct engine *engine);
/* Keeps the leases of the jobs that this process is working on. */
void jobs_renew(struct engine *engine, struct db *db);

/* ---- saying things; inside a transaction ---- */

/* Signs the coordinator's event of a round and stores it. */
enum err tell(const struct server *s, struct db *db, const struct round_row *row,
              json_t *event, struct digest *hash) MUST_USE;
/* The round's phase has changed: wakes everybody who waits for it. */
enum err tell_changed(struct db *db, const struct round_row *row) MUST_USE;
/* Ends the attempt. reason: an error slug or "cancelled". */
enum err tell_failed(const struct server *s, struct db *db, const struct round_row *row,
                     const char *reason) MUST_USE;
/* The array `named` of result and failed. */
enum err tell_named(struct db *db, const struct digest *ctx, json_t **out) MUST_USE;
/* What the members of U2 earn, stored; *root is the Merkle root for the result, or null.
 * total: the sum's weight; named: as the result will name them. */
enum err tell_rewards(struct db *db, const struct round *r, uint64_t total,
                      const json_t *named, json_t **root) MUST_USE;
/* Signs a receipt; *bytes gets its canonical form. */
enum err tell_receipt(const struct server *s, const struct digest *of, const char *status,
                      int64_t seq, double now, json_t **receipt,
                      struct buf *bytes) MUST_USE;

/* Adopts the payout addresses whose delay has passed. adopt.c */
void adopt_due(const struct server *s, struct db *db);

/* ---- manifests ---- */

/* The updates that are complete, by roster index; manifests_done frees. */
struct manifests {
  struct update_event *all;
  const struct update_event **lists; /* NULL where there is none */
  unsigned n;
};
enum err manifests_load(struct manifests *out, struct db *db, const struct digest *ctx,
                        unsigned n) MUST_USE;
void manifests_done(struct manifests *m);

/* ---- documents: what many clients fetch, made once ---- */

enum document { DOCUMENT_JOINS, DOCUMENT_SHARES, DOCUMENT_UPDATES, DOCUMENT_UNMASKS };
/* Writes the list of a phase's events as a blob; its Merkle root; how many there are;
 * and, unless set is NULL, the members as a bitmap. */
enum err document_make(struct db *db, const struct digest *ctx, enum document which,
                       int64_t *blob, struct digest *root, unsigned *count,
                       uint8_t *set) MUST_USE;

/* Sets whom the phase waits for: `awaited`, at most 100 of them, and `awaited_count`.
 * rounds.c */
enum err round_awaited(struct db *db, const struct round_row *row,
                       json_t *state) MUST_USE;

/* ---- closings ---- */

/* Ends the phase of this round if it may end now. OK also when there is nothing to do. */
enum err phase_close(struct server *s, struct db *db, const struct digest *ctx) MUST_USE;
/* Whether the answers so far rebuild every secret that is needed. */
enum err unmask_solvable(struct db *db, const struct round *r, bool *yes) MUST_USE;

/* ---- jobs ---- */

struct job {
  int64_t id;
  char kind[16];
  char model[SLUG_MAX + 1];
  struct digest ctx;
  int64_t part, attempts;
};
/* A job's work ends with one transaction that stores its result and says job_done. */
typedef enum err (*job_work)(struct server *s, struct db *db, const struct job *job);
enum err job_done(struct db *db, const struct job *job) MUST_USE;
/* One more job, unless the same is open already. ctx or model may be NULL. */
enum err job_add(struct db *db, const char *kind, const char *model,
                 const struct digest *ctx, int64_t part) MUST_USE;
enum err job_unmask(struct server *s, struct db *db, const struct job *job) MUST_USE;
enum err job_sum(struct server *s, struct db *db, const struct job *job) MUST_USE;
enum err job_final(struct server *s, struct db *db, const struct job *job) MUST_USE;
enum err job_evaluate(struct server *s, struct db *db, const struct job *job) MUST_USE;
enum err job_clean(struct server *s, struct db *db, const struct job *job) MUST_USE;

/* One mask in the table round_masks: its key, its sign. */
#define MASK_BYTES 33u

#endif
