/* SPDX-License-Identifier: Apache-2.0
 * A whole server in memory behind the clients' struct http: instance, one vector model,
 * rounds that go through every phase, as docs/api.md says. It aborts the test when a
 * participant ever sends two different messages of one type in one round, and it can be
 * told to lose messages or to cheat. */
#ifndef TEST_HOST_H
#define TEST_HOST_H

#include "clients/lib/api.h"
#include "core/party.h"
#include "host_log.h"
#include "model/spec.h"

#define HOST_MAX 48u

enum host_cheat {
  HONEST,
  CHEAT_RECEIPT_KEY,   /* receipts signed by another key */
  CHEAT_RECEIPT_OF,    /* receipts for something else */
  CHEAT_RECEIPT_BY,    /* receipts that promise nothing */
  CHEAT_SPEC,          /* serves another description */
  CHEAT_TERMS,         /* open says another clip than the description */
  CHEAT_BASE,          /* the initial model is not what open names */
  CHEAT_ROSTER_OMITS,  /* leaves a member out whose join it accepted */
  CHEAT_SHARERS_OMITS, /* leaves a sharer out */
  CHEAT_SURVIVORS_OMITS,
  CHEAT_SURVIVORS_SECOND, /* another list after the first was answered */
  CHEAT_RESULT_LIST,      /* a result over another survivor list */
  CHEAT_RESULT_KEY,
};

struct host_member {
  struct identity id;
  json_t *enroll, *admit;
  json_t *events[4]; /* join, share, update, unmask as accepted */
  struct buf deals;
  struct buf y;
  uint8_t have[8]; /* chunks stored */
  unsigned chunks; /* how many there are */
};

struct host {
  struct http http; /* give &host.http to an api; its free does nothing */
  struct identity coordinator;
  struct secret_identity key;
  json_t *instance;
  bool anchored;
  struct beacon beacon; /* where it draws sparse graphs from */
  struct digest instance_hash;
  struct spec *spec;
  unsigned n; /* members so far */
  struct host_member members[HOST_MAX];

  enum phase phase;
  unsigned round_number, attempt;
  json_t *open, *roster, *joins, *graph, *sharers, *shares, *survivors, *updates, *result;
  json_t *failed;
  struct round *round; /* the coordinator's own */
  struct buf sum;      /* S of the last result */
  float *weights;      /* the model of the last result */
  struct {             /* finished rounds, newest last */
    json_t *open, *result;
    char ctx[65];
  } past[HOST_MAX];
  unsigned past_len;

  enum host_cheat cheat;
  int64_t lose_request, lose_reply; /* the so-manieth from now is lost; -1: none */
  unsigned calls, puts;
  struct host_log log;
};

/* contract: of the registry that it anchors at; NULL: it has no chain. */
void host_init(struct host *h, const char *spec_json, const char *contract,
               uint64_t chain_id);
void host_done(struct host *h);
/* Opens the next round, or the next attempt of one that failed. base: NULL for the one
 * that is right. */
void host_open(struct host *h, const json_t *bend);
/* Ends the present phase with those who are there. */
void host_close(struct host *h);
void host_fail(struct host *h, const char *reason);
/* A member's state in the eyes of the server. */
bool host_has(const struct host *h, const struct identity *id, const char *type);

#endif
