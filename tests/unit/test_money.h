/* SPDX-License-Identifier: Apache-2.0
 * Rounds that pay, made by hand on a stage: what a result leaves in the tables. */
#ifndef TESTS_TEST_MONEY_H
#define TESTS_TEST_MONEY_H

#include <check.h>

#include "db/db.h"
#include "server/row.h"
#include "test_engine.h"

/* A result of round `number` in which person i earns amounts[i] (decimal text). */
struct paid_round {
  struct round_row row;
  struct open_event open;
  struct member members[8];
  uint8_t survivors[1];
  struct round round;
};
void money_start(struct stage *s, const char *payout);
/* Only the structs; money_round also stores it. */
void money_fill(const struct stage *s, struct paid_round *r, unsigned number);
void money_round(struct stage *s, struct paid_round *r, unsigned number,
                 const char *const *amounts);
/* Sets where person i is paid; n is the last byte of the address. */
void money_address(struct stage *s, unsigned i, unsigned n);
/* settle_round in a transaction, with a chain or without. */
enum err money_settle(struct stage *s, struct paid_round *r, bool chain,
                      const json_t *named);
/* ledger_final in a transaction. */
enum err money_final(struct stage *s, int64_t tx);
/* The balance of person i's account of a kind. */
double money_of(struct stage *s, unsigned i, const char *kind);
/* All balances are the sums of their postings, and together zero. */
void money_check(struct stage *s);

TCase *test_books(void);

#endif
