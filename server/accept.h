/* SPDX-License-Identifier: Apache-2.0
 * What accepting a participant's event has in common, whatever its phase: shape, header,
 * signature, "said already?", the one transaction, the receipt. */
#ifndef SERVER_ACCEPT_H
#define SERVER_ACCEPT_H

#include "server/engine_internal.h"
#include "server/request.h"

struct accept {
  const char *type;
  enum phase phase;
  json_t *root;         /* the body */
  json_t *event;        /* borrowed from it */
  struct header header; /* as parsed from the event */
  struct digest hash;   /* H(event) */
  struct round_row row; /* before the transaction; inside it, as locked */
  struct round_ref ref; /* after accept_member */
  uint32_t member;      /* likewise */
  bool known;           /* accepted earlier: only the receipt is wanted */
  json_t *receipt;
  int64_t seq; /* the event's place, inside the transaction */
};
void accept_done(struct accept *a);

/* After the event was parsed and a->header filled: checks canonical form, instance and
 * ctx (E_CONTEXT), the signature, and whether it was said already: a->known and the
 * receipt, or E_CONFLICT for something else. Then the phase (E_PHASE) and the checkpoint
 * it names (E_CHECKPOINT). */
enum err accept_check(struct request *rq, struct accept *a) MUST_USE;
/* The round in memory and the sender's index in it. set: which of its sets the sender
 * must be in (offsets are core's): E_NOT_IN_ROUND. */
enum accept_set { ACCEPT_ROSTER, ACCEPT_SHARERS, ACCEPT_SURVIVORS };
enum err accept_member(struct request *rq, struct accept *a,
                       enum accept_set set) MUST_USE;
/* One transaction: takes the round's row with `lock` (Q_ROUND_SHARE or Q_ROUND_LOCK),
 * checks the phase again, stores the event, calls insert, writes the receipt. When the
 * same event was accepted meanwhile that is fine; E_CONFLICT otherwise, with
 * db_constraint. */
typedef enum err (*accept_insert)(struct db *db, struct accept *a, void *arg);
enum err accept_commit(struct request *rq, struct accept *a, enum query lock,
                       accept_insert insert, void *arg) MUST_USE;
/* 201 or, when it was known, 200, with {"receipt":…}. */
void accept_reply(struct reply *rp, struct accept *a);

/* Shared by the handlers of rounds: the row that the address names. */
enum err accept_row(struct request *rq, struct round_row *row) MUST_USE;

#endif
