/* SPDX-License-Identifier: Apache-2.0
 * A coordinator without HTTP: the engine over a real PostgreSQL, its handlers called
 * directly, and parties from src/core that play against it. */
#ifndef TEST_ENGINE_H
#define TEST_ENGINE_H

#include "core/party.h"
#include "server/request.h"
#include "server/rounds.h"
#include "server/server.h"

struct person {
  struct identity id;
  struct secret_identity key;
  struct organisation organisation;
  struct party *party;
  uint8_t *x, *y; /* plain and masked vector */
};

struct stage {
  struct server server;
  struct db_listener *listener;
  struct db *db;
  json_t *instance_doc;
  struct instance_event instance;
  struct person *people;
  unsigned n;
  bool wild;           /* the first person breaks the bounds */
  const char *samples; /* what the next manifest says, signed; NULL: the truth */
  struct digest ctx;   /* of the attempt being played */
  struct round *view;  /* what a participant has checked */
  json_t *shares, *updates;
};

struct stage_terms {
  unsigned n, minimum, maximum, upload; /* upload: seconds */
  uint64_t d;
  bool simulated;
  const char *optimiser; /* JSON */
  const char *scheme;    /* of the reward of a million; NULL: none */
  const char *payout;    /* JSON; NULL: nothing is said of it */
};
void stage_init(struct stage *s, const struct stage_terms *terms);
void stage_done(struct stage *s);
/* Opens the next attempt; forgets what belonged to the one before. */
void stage_open(struct stage *s);

/* One request. body, identity and param may be NULL. The reply's JSON, or the bytes or
 * blob read as JSON, in *out (may be NULL). */
enum err stage_call(struct stage *s, handler h, const char *param1, const char *param2,
                    const json_t *body, const struct identity *as, json_t **out,
                    int *status);
/* The same for the round being played. */
enum err stage_round(struct stage *s, handler h, const char *param, const json_t *body,
                     json_t **out);
json_t *stage_event(struct stage *s, const char *type);
/* Waits until the round is in a phase; the test fails after some seconds. */
void stage_wait(struct stage *s, const char *phase);
/* One number, as soon as there is one; the test fails after some seconds. */
double stage_real(struct stage *s, const char *sql);
/* A second model with a hold-out, whose initial weights are then evaluated. */
void stage_add_iris(struct stage *s);
void stage_sql(struct stage *s, const char *format, ...) PRINTF(2, 3);

/* The phases, as an honest person goes through them. */
enum err person_join(struct stage *s, unsigned i);
/* Reads and checks what is public so far into s->view. */
void stage_view(struct stage *s);
enum err person_share(struct stage *s, unsigned i);
/* Fetches boxes, masks a random x, sends manifest and chunks. */
enum err person_upload(struct stage *s, unsigned i);
enum err person_unmask(struct stage *s, unsigned i);
json_t *post_event(const json_t *event); /* {"event":…}, a new reference */

#endif
