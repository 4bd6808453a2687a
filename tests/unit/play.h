/* SPDX-License-Identifier: Apache-2.0
 * A coordinator and its participants in memory, for tests of the protocol: makes every
 * document a server would serve and lets tests bend them. */
#ifndef TEST_PLAY_H
#define TEST_PLAY_H

#include "core/party.h"
#include "core/unmasking.h"

struct player {
  struct identity id;
  struct secret_identity key;
  json_t *enroll, *admit;
  struct party *party;
  struct buf deals; /* as the coordinator holds them */
  uint8_t *x, *y;   /* plain and masked vector, ring_bytes long */
};

struct play {
  unsigned n; /* players, ordered by id: a player's index is its roster index */
  struct player *players;
  struct instance_event instance;
  json_t *instance_doc;
  struct digest instance_hash;
  struct identity coordinator;
  struct secret_identity coordinator_key;
  json_t *open, *roster, *members, *graph;
  json_t *sharers, *shares, *survivors, *updates;
  struct round *round; /* the coordinator's own */
  struct seen seen;    /* what the players saw of the log; {0}: nothing yet */
  bool spoil;          /* player 0 deals player 1 a box that does not open */
};

struct play_terms {
  unsigned n, minimum, ring_bits, quant_bits, dropout_bp;
  uint64_t d, weight_cap;
  bool anchored;        /* on the tests' own chain, or */
  const char *contract; /* on this one; then players have addresses */
  uint64_t chain_id;
  const char *scheme; /* of the reward; NULL: none */
  /* Makes other terms, unsigned: those above but n and anchored are not used then. */
  json_t *(*open)(const struct play *p, void *arg);
  void *arg;
};

/* Everything up to the open event. */
void play_init(struct play *p, const struct play_terms *terms);
void play_done(struct play *p);
/* Another round of the same players: unsigned terms, taken over. */
void play_again(struct play *p, json_t *open);
void play_sign(struct play *p, json_t *event); /* as the coordinator */

/* A participant's own view of the round up to a document: each returns the first error.
 */
enum err play_view_graph(struct round **out, struct play *p, struct why *why);
enum err play_view_sharers(struct round **out, struct play *p, struct why *why);
enum err play_view_survivors(struct round **out, struct play *p, struct why *why);

/* The phases, for those players whose bit is set. Each builds the coordinator's
 * documents. */
void play_join(struct play *p);
void play_share(struct play *p, const uint8_t *who);
/* The boxes for player i as the server would deliver them. The caller owns it. */
json_t *play_boxes(struct play *p, uint32_t i);
void play_upload(struct play *p, const uint8_t *who);
void play_survivors(struct play *p, const uint8_t *who); /* the documents only */
/* The masks to remove, by the answers that `who` has given. unmasking_done frees. */
enum err play_rebuild(struct play *p, const uint8_t *who, struct unmasking *u);
/* Lets `who` answer, rebuilds and unmasks. `out` gets S packed. */
enum err play_unmask(struct play *p, const uint8_t *who, uint8_t *out);
/* The plain sum of x over a set, packed. */
void play_plain_sum(const struct play *p, const uint8_t *who, uint8_t *out);

#endif
