/* SPDX-License-Identifier: Apache-2.0
 * Many participants from one process against a real server, for tests and measurements:
 * no disk state, documents checked once for all, dropouts where they are asked for, and
 * the plain sum kept beside, so that the server's can be compared bit by bit. */
#ifndef TEST_SWARM_H
#define TEST_SWARM_H

#include "clients/lib/drive.h"
#include "clients/lib/self.h"
#include "core/party.h"
#include "model/dataset.h"

#define THREADS_MAX 16u

struct swarm_options {
  const char *server, *model, *token_file, *spec, *data, *invites, *rpc;
  unsigned n, threads, rounds;
  unsigned drop_join, drop_share, drop_upload, drop_unmask;
  bool trust_simulated, no_open;
};

/* One participant. Which phases it is silent in follows from its place in the list. */
struct singer {
  struct self self;
  json_t *enroll;
  struct party *party;
  struct dataset *rows; /* its shard, or NULL */
  bool uploaded;
};

enum swarm_phase { SWARM_JOIN, SWARM_SHARE, SWARM_UPLOAD, SWARM_UNMASK, SWARM_PHASES };

struct timing {
  double send; /* until the last message was acknowledged */
  double wait; /* until the server had turned the phase */
};

struct swarm {
  struct swarm_options o;
  struct buf token;
  struct pin pin;
  struct chain_view view;      /* where the instance has a chain */
  struct api api[THREADS_MAX]; /* one for each thread; the first is the main thread's */
  struct spec *spec;
  struct singer *singers;
  char **links;

  /* the round at hand */
  char ctx[65];
  struct round *round; /* checked once, read by all */
  float *base;
  json_t *shares, *updates;
  int64_t *plain[THREADS_MAX]; /* sum of what was uploaded, per thread */
  struct timing timing[SWARM_PHASES];
  double final_wait;
  struct state state;
};

double seconds_now(void);

/* Runs job(s, thread, i, why) for i = 0..count-1 on the threads; the first error ends it.
 */
typedef enum err (*swarm_job)(struct swarm *s, unsigned thread, unsigned i,
                              struct why *why);
enum err swarm_run(struct swarm *s, unsigned count, swarm_job job,
                   struct why *why) MUST_USE;

/* One whole round (swarm_round.c). *report: timings and what was compared. */
enum err swarm_round(struct swarm *s, json_t **report, struct why *why) MUST_USE;

#endif
