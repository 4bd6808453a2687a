/* SPDX-License-Identifier: Apache-2.0
 * An honest coordinator's public side, for tests of the audit: whole rounds are played in
 * memory (play.h), and everything that docs/api.md would serve of them lies in a dossier.
 * Tests bend events before they publish, or what is served afterwards. */
#ifndef TEST_SHOW_H
#define TEST_SHOW_H

#include "clients/lib/dossier.h"
#include "clients/lib/self.h"
#include "model/spec.h"
#include "play.h"

#define SHOW_ROUNDS 4u

struct show {
  struct play play;
  struct spec *spec;
  struct dossier *dossier;
  struct pin pin;
  json_t *log; /* every event, in order: a leaf each */
  json_t *model;
  struct {
    struct digest ctx;
    json_t *items; /* of the transcript; events shared with the log */
  } rounds[SHOW_ROUNDS];
  unsigned played;
  json_t *result; /* of the last round */
  json_t *bend;   /* members of the next terms; NULL: none. Owned */
  float *weights; /* the model as it stands */
  uint8_t *state;
};

/* n members, admitted to model "toy" with this description. */
void show_init(struct show *s, const char *spec, unsigned n);
/* The same at an instance that anchors with this contract. */
void show_init_on(struct show *s, const char *spec, unsigned n, const char *contract,
                  uint64_t chain_id);
void show_done(struct show *s);

/* Plays the next round: who shares, who uploads and answers (first bits set). */
void show_round(struct show *s, unsigned sharers, unsigned survivors);
/* An attempt that fails in SHARE, with so many shares. */
void show_failed(struct show *s, unsigned sharers, const char *reason);
/* Says that the vectors of the last round were erased at this time, and forgets them. */
void show_erase(struct show *s, uint64_t time);

/* Writes log and transcripts as they are now. */
void show_publish(struct show *s);
/* What is served at a path; tests change it with show_serve. */
void show_served(struct show *s, const char *path, struct buf *out);
void show_serve(struct show *s, const char *path, struct bytes data);
/* "rounds/CTX/what" of the last round. */
const char *show_path(struct show *s, const char *what);

/* An event of the last round: the so-manieth of a type, to be bent and signed again. */
json_t *show_event(struct show *s, const char *type, unsigned number);
/* Its item in the transcript. */
json_t *show_item(struct show *s, const char *type, unsigned number);
/* Signs by whoever has to. */
void show_sign(struct show *s, json_t *event);

#endif
