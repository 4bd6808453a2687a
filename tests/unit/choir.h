/* SPDX-License-Identifier: Apache-2.0
 * Participants with homes of their own, each driven by the clients' own code, around a
 * server in memory. */
#ifndef TEST_CHOIR_H
#define TEST_CHOIR_H

#include "clients/lib/drive.h"
#include "host.h"
#include "node.h"

extern const char choir_small[],
    choir_large[]; /* descriptions: one chunk, three chunks */

struct human {
  char folder[256];
  struct host *host;
  const struct node *node; /* its own; NULL: none */
  struct home *home;
  struct self self;
  struct api api;
  struct pin pin;
  struct drive *drive;
  struct drive_options options;
  struct chain_view view;
  uint8_t *x; /* what was masked last */
  size_t x_bytes;
  unsigned trained, asked;
};

/* Starts the program: everything comes from the disk and the server. */
enum err human_start(struct human *u, struct why *why) MUST_USE;
void human_stop(struct human *u);
/* One look at the newest round. */
enum err human_step(struct human *u, struct drive_report *r, struct why *why) MUST_USE;
/* A look that must do this, or end the round so. */
void human_steps(struct human *u, const char *did);
void human_ends(struct human *u, const char *outcome);

struct choir {
  struct host host;
  struct human u[HOST_MAX];
  unsigned n;
};

void choir_init(struct choir *c, unsigned n, const char *spec);
/* The same at an instance that anchors on this node's chain. */
void choir_init_on(struct choir *c, unsigned n, const char *spec,
                   const struct node *node);
void choir_done(struct choir *c);
/* Everybody but the first `skip` does what is due in this phase. */
void choir_step(struct choir *c, unsigned skip, unsigned phase);
/* Plays a whole round, so that its result is known to everybody. */
void choir_round(struct choir *c);
/* The sum is that of what was masked last by all but the first. */
void choir_sum_is_exact(struct choir *c, unsigned first);

#endif
