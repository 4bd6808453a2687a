/* SPDX-License-Identifier: Apache-2.0
 * What the files of the payer share: payer.c is the thread and what it reads of the
 * chain, payer_plan.c makes transactions ready, payer_sign.c signs and sends them,
 * payer_watch.c follows them until they are final. Each look at the chain is a struct
 * payer_look; all that lasts is in the database. */
#ifndef SERVER_PAYER_INTERNAL_H
#define SERVER_PAYER_INTERNAL_H

#include "server/engine_internal.h"
#include "server/outbox.h"

/* So many transactions may be signed and not final. */
#define PAYER_IN_FLIGHT 32

struct payer {
  struct engine *engine;
  struct server *server;
  struct rpc *rpc;
  struct db *db;
  struct word genesis; /* zero until a node said it */
  struct why said;     /* the trouble that was logged last */
};

/* What a round of work goes by. */
struct look {
  struct rpc_block latest, finalized;
  uint64_t used;      /* transactions of the relayer at `finalized` */
  uint64_t tip, base; /* wei for a unit of gas */
  struct word money;  /* the relayer's */
};

/* ---- payer_plan.c: waiting to planned, and what others need to know ---- */
enum err payer_plan_results(struct payer *p, const struct look *look,
                            struct why *why) MUST_USE;
enum err payer_plan_payouts(struct payer *p, const struct look *look,
                            struct why *why) MUST_USE;
enum err payer_read_models(struct payer *p, const struct look *look,
                           struct why *why) MUST_USE;
enum err payer_read_beacons(struct payer *p, const struct look *look,
                            struct why *why) MUST_USE;

/* payer_claims.c */
enum err payer_read_claims(struct payer *p, const struct look *look,
                           struct why *why) MUST_USE;

/* ---- payer_sign.c: planned to signed ---- */
struct fees {
  uint64_t max_fee, max_tip; /* wei */
};
/* What gets a transaction in at the present prices; false when gas-cap forbids it. */
bool fees_now(const struct payer *p, const struct look *look, struct fees *out);
/* The fees of one more attempt: both at least 1/8 above the last ones, and what is needed
 * now. false when gas-cap forbids it. */
bool fees_raised(const struct payer *p, const struct look *look, const struct fees *last,
                 struct fees *out);
enum err payer_sign(struct payer *p, const struct look *look, struct why *why) MUST_USE;

/* ---- payer_watch.c: signed to final ---- */
struct sent { /* a transaction on its way */
  int64_t id;
  char kind[16]; /* before it is signed */
  struct digest ctx;
  bool has_ctx, mined;
  struct address target;
  struct bytes data; /* borrowed from the rows */
  struct word value;
  uint64_t gas, nonce, block;
  struct word block_hash;
};
enum err payer_watch(struct payer *p, const struct look *look, struct why *why) MUST_USE;
/* Signs once more, with other fees. Inside a transaction. */
enum err payer_attempt(struct payer *p, struct db *db, const struct sent *tx,
                       const struct fees *fees, struct buf *raw,
                       struct why *why) MUST_USE;
/* Everybody who waits for this transaction looks again. */
enum err payer_tell(struct db *db, const struct sent *tx) MUST_USE;

/* The places where the tests kill the process: kill -9 by its own hand. */
void payer_point(const struct payer *p, const char *name);

#endif
