/* SPDX-License-Identifier: Apache-2.0
 * The outbox: everything that the relayer sends. A transaction is put there by whoever
 * needs it, in the database transaction that makes it necessary; the payer thread of one
 * process (advisory lock) signs, sends, bumps and watches it until it is final.
 * docs/chain.md, sql/migrations/0003-chain.sql. */
#ifndef SERVER_OUTBOX_H
#define SERVER_OUTBOX_H

#include "chain/contracts.h"
#include "server/row.h"

/*     name          in the database   to which contract */
#define OUTBOX_TABLE(X)                                                                  \
  X(OUTBOX_REGISTER, "register", registry)                                               \
  X(OUTBOX_ROSTER, "roster", registry)                                                   \
  X(OUTBOX_SURVIVORS, "survivors", registry)                                             \
  X(OUTBOX_RESULT, "result", registry)                                                   \
  X(OUTBOX_PAY, "pay", vault)                                                            \
  X(OUTBOX_VOICE, "voice", voice)

enum outbox_kind {
#define X(name, text, contract) name,
  OUTBOX_TABLE(X)
#undef X
      OUTBOX_KINDS
};
extern const char *const outbox_kind_names[OUTBOX_KINDS];

/* Puts one there, once: the same (kind, model, ctx, part) again changes nothing.
 * ctx NULL: of no round. calldata of length 0: waits until the payer can make it
 * (results, which need a checkpoint of the log). `waiting`: not to be sent before the
 * round's result is final on the chain and its delay has passed (pay, voice). Inside a
 * transaction. */
enum err outbox_add(const struct server *s, struct db *db, enum outbox_kind kind,
                    const char *model, const struct digest *ctx, int64_t part,
                    bool waiting, struct bytes calldata) MUST_USE;

/* ---- what others do for the payer ---- */

/* settle.c, inside the transaction that says `result`: adds the round's rewards to the
 * accounts and, with a chain, makes its settlement (docs/chain.md section 4): the row of
 * `settlements`, and pay and voice transactions, waiting. */
enum err settle_round(const struct server *s, struct db *db, const struct round_row *row,
                      const struct round *round, const json_t *named) MUST_USE;
/* ledger.c, inside the transaction that makes one of any kind final, as chain_txs has it:
 * its gas, and for a `pay` what it paid, into the books. tx: chain_txs.id. */
enum err ledger_final(struct db *db, int64_t tx) MUST_USE;
/* The same for one that was mined, failed, and is held: only its gas. */
enum err ledger_spent(struct db *db, int64_t tx) MUST_USE;

#endif
