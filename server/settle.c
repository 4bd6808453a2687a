/* SPDX-License-Identifier: Apache-2.0
 * What a result does to the books and, with a chain, what it sends:
 * src/chain/settlement.h says who gets what, here is where it comes from and where it
 * goes. */
#include <string.h>

#include "chain/settlement.h"
#include "model/spec.h"
#include "server/ledger.h"
#include "server/outbox.h"
#include "util/text.h"

/* All that a settlement is made from, as the database holds it. */
struct settling_data {
  struct account *accounts;
  struct claimant *before;
  struct voter *voters;
  unsigned accounts_len, before_len, voters_len;
};

static void data_done(struct settling_data *d)
{
  free(d->accounts);
  free(d->before);
  free(d->voters);
}

/* ---- reading ---- */

static enum err load_accounts(struct settling_data *d, struct db *db,
                              const struct round_row *row)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_SETTLE_ACCOUNTS, &rows,
               DB_ARGS(DB_TEXT(row->model), DB_FIXED(&row->ctx))));
  d->accounts = must_calloc(MAX(rows.len, 1u), sizeof *d->accounts);
  d->accounts_len = rows.len;
  for (unsigned i = 0; i < rows.len; i++) {
    struct account *a = &d->accounts[i];
    if (!db_fixed(&rows, i, 0, a->id.b, sizeof a->id.b))
      return E_INTERNAL;
    if (!db_null(&rows, i, 1) && !db_fixed(&rows, i, 1, a->payout.b, sizeof a->payout.b))
      return E_INTERNAL;
    TRY(word_parse(&a->balance, db_text(&rows, i, 2), "", NULL));
    TRY(word_parse(&a->reward, db_text(&rows, i, 3), "", NULL));
  }
  return OK;
}

static enum err load_voters(struct settling_data *d, struct db *db,
                            const struct round *round, const json_t *named)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(free_drop)
  struct address *payouts = must_calloc(MAX(round->n, 1u), sizeof *payouts);
  TRY(db_query(db, Q_SETTLE_MEMBERS, &rows, DB_ARGS(DB_FIXED(&round->open->ctx))));
  for (unsigned i = 0; i < rows.len; i++) {
    int64_t member = db_int(&rows, i, 0);
    if (member >= round->n || !db_fixed(&rows, i, 1, &payouts[member], sizeof *payouts))
      return E_INTERNAL;
  }
  d->voters = must_calloc(MAX(round->n, 1u), sizeof *d->voters);
  return settlement_voters(d->voters, &d->voters_len, round, payouts, named);
}

/* ---- writing ---- */

static enum err post_accounts(struct db *db, const struct round_row *row,
                              const struct settling_data *d, bool push)
{
  AUTO(json_drop) json_t *list = json_array();
  for (unsigned i = 0; i < d->accounts_len; i++) {
    const struct account *a = &d->accounts[i];
    char amount[WORD_DIGITS + 1];
    if (!word_zero(&a->settled))
      json_array_append_new(list, json_pack("{s:s,s:i,s:o,s:o}", "amount",
                                            word_text(amount, &a->settled), "part",
                                            push ? (int)a->batch : 0, "participant",
                                            json_hex(a->id.b, sizeof a->id.b), "payee",
                                            json_hex(a->payout.b, sizeof a->payout.b)));
  }
  AUTO(free_drop) char *text = json_dumps(list, JSON_COMPACT);
  AUTO(db_rows_done) struct db_rows posted = {0};
  TRY(db_query(db, Q_LEDGER_SETTLE, &posted,
               DB_ARGS(DB_FIXED(&row->ctx), DB_TEXT(row->model),
                       DB_TEXT(push ? "paying" : "claimable"), DB_TEXT(text))));
  return posted.affected == 2 * json_array_size(list) ? OK : E_INTERNAL;
}

/* Those that have grown; both lists are by address. */
static enum err store_claims(struct db *db, const struct round_row *row,
                             const struct settling_data *d, const struct claims *claims)
{
  AUTO(json_drop) json_t *list = json_array();
  unsigned old = 0;
  for (unsigned i = 0; i < claims->len; i++) {
    const struct claimant *c = &claims->all[i];
    char amount[WORD_DIGITS + 1];
    const struct claimant *was = old < d->before_len ? &d->before[old] : NULL;
    bool known = was && memcmp(&c->account, &was->account, sizeof c->account) == 0;
    old += known;
    if (known && word_compare(&c->cumulative, &was->cumulative) == 0)
      continue;
    json_array_append_new(list,
                          json_pack("{s:o,s:s}", "account",
                                    json_hex(c->account.b, sizeof c->account.b),
                                    "cumulative", word_text(amount, &c->cumulative)));
  }
  AUTO(free_drop) char *text = json_dumps(list, JSON_COMPACT);
  return db_run(db, Q_CLAIM_STORE,
                DB_ARGS(DB_TEXT(row->model), DB_INT(row->round), DB_TEXT(text)));
}

static enum err store_settlement(struct db *db, const struct round_row *row,
                                 const struct settlement *s)
{
  struct word payouts, claims;
  char reward[WORD_DIGITS + 1];
  tree_root(&s->payouts, &payouts);
  tree_root(&s->claims.tree, &claims);
  return db_run(db, Q_SETTLE_STORE,
                DB_ARGS(DB_FIXED(&row->ctx), DB_TEXT(word_text(reward, &s->reward)),
                        word_zero(&payouts) ? DB_NULL : DB_FIXED(&payouts),
                        word_zero(&claims) ? DB_NULL : DB_FIXED(&claims)));
}

/* The transactions that pay and give votes, once the result stands. */
static enum err plan(const struct server *s, struct db *db, const struct round_row *row,
                     const struct settlement *settlement)
{
  for (unsigned i = 0; i < settlement->pays; i++) {
    AUTO(buf_done) struct buf data = {0};
    TRY(settlement_pay_call(settlement, i, &data));
    TRY(outbox_add(s, db, OUTBOX_PAY, row->model, &row->ctx, i, true, buf_bytes(&data)));
  }
  for (unsigned i = 0; i < settlement->voices; i++) {
    AUTO(buf_done) struct buf data = {0};
    TRY(settlement_voice_call(settlement, i, &data));
    TRY(outbox_add(s, db, OUTBOX_VOICE, row->model, &row->ctx, i, true,
                   buf_bytes(&data)));
  }
  return OK;
}

static enum err store(const struct server *s, struct db *db, const struct round_row *row,
                      const struct settling_data *d, const struct settlement *settlement,
                      bool push)
{
  TRY(store_settlement(db, row, settlement));
  TRY(post_accounts(db, row, d, push));
  TRY(store_claims(db, row, d, &settlement->claims));
  return plan(s, db, row, settlement);
}

/* ---- the whole ---- */

static enum err load_spec(struct db *db, const struct round_row *row, struct spec **out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_MODEL_VERSION, &rows,
               DB_ARGS(DB_TEXT(row->model), DB_INT(row->version))));
  return rows.len ? spec_parse(out, db_bytes(&rows, 0, 0), NULL) : E_INTERNAL;
}

static enum err settle(const struct server *s, struct db *db, const struct round_row *row,
                       const struct round *round, const json_t *named)
{
  AUTO(spec_drop) struct spec *spec = NULL;
  AUTO(data_done) struct settling_data d = {0};
  AUTO(settlement_done) struct settlement settlement = {0};
  TRY(load_spec(db, row, &spec));
  TRY(load_accounts(&d, db, row));
  TRY(load_voters(&d, db, round, named));
  TRY(ledger_claims(db, row->model, (uint64_t)row->round, &d.before, &d.before_len));
  const struct settling in = {.model = row->model,
                              .round = (uint64_t)row->round,
                              .terms = &spec->payout,
                              .accounts = d.accounts,
                              .accounts_len = d.accounts_len,
                              .before = d.before,
                              .before_len = d.before_len,
                              .voters = d.voters,
                              .voters_len = d.voters_len};
  TRY(settlement_make(&settlement, &in));
  return store(s, db, row, &d, &settlement, spec->payout.mode == PAYOUT_PUSH);
}

enum err settle_round(const struct server *s, struct db *db, const struct round_row *row,
                      const struct round *round, const json_t *named)
{
  TRY(ledger_earn(db, &row->ctx, row->model));
  return s->chain.on ? settle(s, db, row, round, named) : OK;
}
