/* SPDX-License-Identifier: Apache-2.0
 * The books. sql/migrations/0004-ledger.sql says what the accounts hold, and its triggers
 * refuse whatever does not balance. */
#include "server/ledger.h"

#include "server/outbox.h"

enum err ledger_earn(struct db *db, const struct digest *ctx, const char *model)
{
  TRY(db_run(db, Q_LEDGER_OPEN, DB_ARGS(DB_FIXED(ctx), DB_TEXT(model))));
  return db_run(db, Q_LEDGER_EARN, DB_ARGS(DB_FIXED(ctx), DB_TEXT(model)));
}

enum err ledger_spent(struct db *db, int64_t tx)
{
  TRY(db_run(db, Q_LEDGER_OPEN_GAS, DB_ARGS(DB_INT(tx))));
  return db_run(db, Q_LEDGER_GAS, DB_ARGS(DB_INT(tx)));
}

enum err ledger_final(struct db *db, int64_t tx)
{
  TRY(ledger_spent(db, tx));
  return db_run(db, Q_LEDGER_PAID, DB_ARGS(DB_INT(tx)));
}

enum err ledger_claimed(struct db *db, const char *model, const struct address *account,
                        const struct word *amount, const struct word *tx, uint64_t index)
{
  AUTO(db_rows_done) struct db_rows entry = {0};
  AUTO(db_rows_done) struct db_rows posted = {0};
  char text[WORD_DIGITS + 1];
  TRY(db_query(db, Q_LEDGER_CLAIM, &entry,
               DB_ARGS(DB_TEXT(model), DB_FIXED(tx), DB_INT(index))));
  if (entry.len == 0)
    return OK;
  TRY(db_query(db, Q_LEDGER_CLAIMED, &posted,
               DB_ARGS(DB_INT(db_int(&entry, 0, 0)), DB_TEXT(model), DB_FIXED(account),
                       DB_TEXT(word_text(text, amount)))));
  return posted.affected ? OK : E_CONFLICT;
}

enum err ledger_claims(struct db *db, const char *model, uint64_t round,
                       struct claimant **out, unsigned *len)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_CLAIM_LIST, &rows, DB_ARGS(DB_TEXT(model), DB_INT(round))));
  AUTO(free_drop) struct claimant *all = must_calloc(MAX(rows.len, 1u), sizeof *all);
  for (unsigned i = 0; i < rows.len; i++) {
    if (!db_fixed(&rows, i, 0, all[i].account.b, sizeof all[i].account.b))
      return E_INTERNAL;
    TRY(word_parse(&all[i].cumulative, db_text(&rows, i, 1), "", NULL));
  }
  *len = rows.len;
  *out = STEAL(all);
  return OK;
}
