/* SPDX-License-Identifier: Apache-2.0
 * The payer: claims that people have fetched from the vault, into the books. Blocks are
 * read once, in order, and only final ones. */
#include <string.h>

#include "server/ledger.h"
#include "server/payer_internal.h"

/* Blocks asked for at a time: nodes refuse many. */
#define BLOCKS 2000u

struct claimed {
  struct word model, tx, amount;
  struct address account;
  uint64_t index;
};

struct reading {
  struct buf found; /* of struct claimed */
  uint64_t last;
};

static enum err take_log(void *arg, const struct rpc_log *log)
{
  struct reading *r = arg;
  struct claimed c = {.tx = log->tx_hash, .index = log->index};
  if (log->topics_len != 3 || log->data.len != sizeof c.amount)
    return E_REPLY;
  c.model = log->topics[1];
  memcpy(c.amount.b, log->data.data, sizeof c.amount);
  TRY(word_address(&c.account, &log->topics[2]));
  return buf_put(&r->found, &c, sizeof c);
}

static enum err write_claims(struct db *db, void *arg)
{
  const struct reading *r = arg;
  for (size_t at = 0; at < r->found.len; at += sizeof(struct claimed)) {
    AUTO(db_rows_done) struct db_rows rows = {0};
    struct claimed c;
    memcpy(&c, r->found.data + at, sizeof c);
    TRY(db_query(db, Q_PAYER_MODEL_OF, &rows, DB_ARGS(DB_FIXED(&c.model))));
    if (rows.len)
      TRY(ledger_claimed(db, db_text(&rows, 0, 0), &c.account, &c.amount, &c.tx,
                         c.index));
  }
  return db_run(db, Q_PAYER_CLAIMS_MOVE, DB_ARGS(DB_INT(r->last)));
}

enum err payer_read_claims(struct payer *p, const struct look *look, struct why *why)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct reading r = {0};
  struct word topic;
  TRY(db_query(p->db, Q_PAYER_CLAIMS_AT, &rows, DB_NONE));
  if (!rows.len)
    return OK;
  uint64_t first = (uint64_t)db_int(&rows, 0, 0) + 1;
  if (first > look->finalized.number)
    return OK;
  r.last = MIN(look->finalized.number, first + BLOCKS - 1);
  keccak256_text(&topic, "Claimed(bytes32,address,uint256)");
  enum err e =
      rpc_logs(p->rpc, &p->server->chain.vault, &topic, first, r.last, take_log, &r, why);
  if (e == OK)
    e = db_transaction(p->db, write_claims, &r);
  if (e == E_CONFLICT)
    e = why_set(why, e, "ledger", "more was fetched by claims than the books allow");
  buf_done(&r.found);
  return e;
}
