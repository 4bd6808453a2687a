/* SPDX-License-Identifier: Apache-2.0
 * The books: what each model owes and how it reaches people. Everything here runs inside
 * a transaction. What a final transaction does to them is in outbox.h. */
#ifndef SERVER_LEDGER_H
#define SERVER_LEDGER_H

#include "chain/claims.h"
#include "db/db.h"

/* The rewards that were stored for a round are now due. */
enum err ledger_earn(struct db *db, const struct digest *ctx, const char *model) MUST_USE;

/* The vault has paid a claim: its event is log `index` of transaction tx. Once: the same
 * again changes nothing. E_CONFLICT when more was fetched than the books allow. */
enum err ledger_claimed(struct db *db, const char *model, const struct address *account,
                        const struct word *amount, const struct word *tx,
                        uint64_t index) MUST_USE;

/* The cumulative sums after a round, by address; the caller frees *out. */
enum err ledger_claims(struct db *db, const char *model, uint64_t round,
                       struct claimant **out, unsigned *len) MUST_USE;

#endif
