/* SPDX-License-Identifier: Apache-2.0
 * The payer: from signed to final. What a node answers to a transaction that is sent
 * decides nothing; only receipts in canonical blocks do, and only below `finalized` for
 * good. */
#include <stdio.h>
#include <string.h>

#include "server/payer_internal.h"
#include "util/text.h"

/* ---- the moves ---- */

struct finishing {
  const struct sent *tx;
  const struct word *hash;
  const struct rpc_receipt *receipt;
};

static enum err write_mined(struct db *db, const struct finishing *f, const char *state,
                            const char *reason, bool *moved)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  uint64_t price;
  TRY(word_u64(&price, &f->receipt->gas_price));
  TRY(db_query(db, Q_PAYER_MINED, &rows,
               DB_ARGS(DB_INT(f->tx->id), DB_TEXT(state), DB_FIXED(f->hash),
                       DB_INT(f->receipt->block), DB_FIXED(&f->receipt->block_hash),
                       DB_INT(f->receipt->gas_used), DB_INT(price), DB_TEXT(reason))));
  *moved = rows.affected == 1;
  return OK;
}

/* The books follow in the same commit. */
static enum err finish_run(struct db *db, void *arg)
{
  const struct finishing *f = arg;
  bool moved;
  TRY(write_mined(db, f, "final", NULL, &moved));
  if (!moved)
    return OK;
  TRY(ledger_final(db, f->tx->id));
  return payer_tell(db, f->tx);
}

static enum err hold(struct payer *p, const struct sent *t, const char *reason)
{
  return db_run(p->db, Q_PAYER_STOP,
                DB_ARGS(DB_INT(t->id), DB_TEXT("held"), DB_TEXT(reason)));
}

struct failing {
  const struct finishing *mined;
  char reason[512];
};

static enum err fail_run(struct db *db, void *arg)
{
  const struct failing *f = arg;
  bool moved;
  TRY(write_mined(db, f->mined, "held", f->reason, &moved));
  if (!moved)
    return OK;
  TRY(ledger_spent(db, f->mined->tx->id));
  return payer_tell(db, f->mined->tx);
}

/* It was mined, and failed, for good: its nonce and its gas are spent. */
static enum err failed(struct payer *p, const struct finishing *f)
{
  const struct sent *t = f->tx;
  struct failing failing = {.mined = f};
  struct why below = {0};
  uint64_t gas;
  enum err e = rpc_estimate(p->rpc, &p->server->chain.relayer.address, &t->target,
                            &t->value, t->data, &gas, &below);
  if (e != OK && e != E_REVERTED)
    snprintf(below.detail, sizeof below.detail, "no reason could be found out");
  snprintf(failing.reason, sizeof failing.reason,
           "it failed in block %llu, and that is final: %s; it can be tried again",
           (unsigned long long)f->receipt->block,
           e == OK ? "it would succeed now" : below.detail);
  return db_transaction(p->db, fail_run, &failing);
}

/* A receipt in a canonical block. */
static enum err mined(struct payer *p, const struct look *look, const struct finishing *f)
{
  const struct sent *t = f->tx;
  bool moved;
  if (f->receipt->block <= look->finalized.number) {
    if (!f->receipt->success)
      return failed(p, f);
    payer_point(p, "finishing");
    TRY(db_transaction(p->db, finish_run, (void *)f));
    payer_point(p, "final");
    return OK;
  }
  if (t->mined && t->block == f->receipt->block &&
      memcmp(&t->block_hash, &f->receipt->block_hash, sizeof t->block_hash) == 0)
    return OK;
  payer_point(p, "receipt");
  TRY(write_mined(p->db, f, "mined", NULL, &moved));
  payer_point(p, "mined");
  return OK;
}

/* ---- no receipt ---- */

/* Whether any node knows a receipt of one of the forms: asked before anything is held, as
 * a node that lags behind shows none. OK and false only when at least one node answered
 * for each. */
static enum err any_receipt(struct payer *p, const struct db_rows *attempts, bool *found,
                            struct why *why)
{
  *found = false;
  for (unsigned a = 0; a < attempts->len; a++) {
    bool answered = false;
    char hash[67] = "0x";
    struct bytes b = db_bytes(attempts, a, 0);
    hex_encode(hash + 2, b.data, 32);
    for (unsigned i = 0; i < rpc_count(p->rpc); i++) {
      AUTO(json_drop) json_t *result = NULL;
      if (rpc_call(p->rpc, i, "eth_getTransactionReceipt", json_pack("[s]", hash),
                   &result, NULL, why) != OK)
        continue;
      answered = true;
      *found |= !json_is_null(result);
    }
    if (!answered)
      return E_NETWORK;
  }
  return OK;
}

static enum err nonce_gone(struct payer *p, const struct sent *t,
                           const struct db_rows *attempts, struct why *why)
{
  bool found;
  char reason[256];
  TRY(any_receipt(p, attempts, &found, why));
  if (found)
    return OK;
  snprintf(
      reason, sizeof reason,
      "nonce %llu of the relayer was used, for good, by a transaction that is not in "
      "the database: somebody else has the key",
      (unsigned long long)t->nonce);
  TRY(hold(p, t, reason));
  return payer_tell(p->db, t);
}

struct bumping {
  struct payer *payer;
  const struct sent *tx;
  struct fees fees;
  struct buf raw;
  struct why *why;
};

static enum err bump_run(struct db *db, void *arg)
{
  struct bumping *b = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_PAYER_SIGNED_LOCK, &rows,
               DB_ARGS(DB_INT(b->tx->id), DB_INT(b->tx->nonce))));
  return rows.len ? payer_attempt(b->payer, db, b->tx, &b->fees, &b->raw, b->why) : OK;
}

/* Whether the fees are why it is not mined. When nobody else pays more it may be the node
 * that forgot it, which sending it again mends; in the end it is raised all the same. */
static bool bump_due(const struct payer *p, const struct look *look,
                     const struct fees *last, double age)
{
  double after = (double)p->server->config.chain.bump_after;
  bool low =
      last->max_fee < look->base + last->max_tip || last->max_tip < look->tip / 4 * 3;
  return age >= after && (low || age >= 10 * after);
}

/* Sends the newest form again, or one with higher fees. */
static enum err send_again(struct payer *p, const struct look *look, const struct sent *t,
                           const struct db_rows *attempts, struct why *why)
{
  struct why said = {0};
  const char *reason = NULL;
  struct bytes raw = db_bytes(attempts, 0, 1);
  struct fees last = {(uint64_t)db_int(attempts, 0, 2), (uint64_t)db_int(attempts, 0, 3)};
  struct bumping b = {.payer = p, .tx = t, .why = why};
  enum err e = OK;
  if (bump_due(p, look, &last, db_real(attempts, 0, 4))) {
    if (fees_raised(p, look, &last, &b.fees)) {
      e = db_transaction(p->db, bump_run, &b);
      raw = e == OK && b.raw.len ? buf_bytes(&b.raw) : raw;
      payer_point(p, "bumped");
    } else if (last.max_fee < look->base) {
      reason =
          "the fees are too low, and gas-cap forbids to raise them: it is mined when "
          "gas becomes cheaper";
    }
  }
  if (e == OK) {
    if (rpc_send_raw(p->rpc, raw, &said) == E_RPC && !reason)
      reason = said.detail;
    payer_point(p, "sent-again");
    e = db_run(p->db, Q_PAYER_REASON, DB_ARGS(DB_INT(t->id), DB_TEXT(reason)));
  }
  buf_done(&b.raw);
  return e;
}

/* ---- one transaction ---- */

/* The receipt of one of its forms, in a block of the canonical chain. */
static enum err find_receipt(struct payer *p, const struct db_rows *attempts,
                             struct word *hash, struct rpc_receipt *out, struct why *why)
{
  for (unsigned i = 0; i < attempts->len; i++) {
    struct rpc_block block;
    if (!db_fixed(attempts, i, 0, hash, sizeof *hash))
      return E_INTERNAL;
    TRY(rpc_receipt(p->rpc, hash, out, why));
    if (!out->found)
      continue;
    enum err e = rpc_block_number(p->rpc, out->block, &block, why);
    if (e == OK && memcmp(&block.hash, &out->block_hash, sizeof block.hash) == 0)
      return OK;
    if (e != OK && e != E_NOT_FOUND)
      return e;
  }
  return E_NOT_FOUND;
}

static enum err follow(struct payer *p, const struct look *look, const struct sent *t,
                       struct why *why)
{
  AUTO(db_rows_done) struct db_rows attempts = {0};
  struct word hash;
  struct rpc_receipt receipt;
  TRY(db_query(p->db, Q_PAYER_ATTEMPTS, &attempts, DB_ARGS(DB_INT(t->id))));
  if (!attempts.len)
    return E_INTERNAL;
  enum err e = find_receipt(p, &attempts, &hash, &receipt, why);
  if (e == OK) {
    struct finishing f = {t, &hash, &receipt};
    return mined(p, look, &f);
  }
  if (e != E_NOT_FOUND)
    return e;
  if (t->mined) {
    payer_point(p, "unmined");
    return db_run(p->db, Q_PAYER_UNMINED, DB_ARGS(DB_INT(t->id)));
  }
  return look->used > t->nonce ? nonce_gone(p, t, &attempts, why)
                               : send_again(p, look, t, &attempts, why);
}

static enum err read_sent(const struct db_rows *r, unsigned i, struct sent *out)
{
  struct sent t = {.id = db_int(r, i, 0),
                   .mined = strcmp(db_text(r, i, 2), "mined") == 0,
                   .data = db_bytes(r, i, 4),
                   .gas = (uint64_t)db_int(r, i, 6),
                   .nonce = (uint64_t)db_int(r, i, 7),
                   .block = (uint64_t)db_int(r, i, 8)};
  t.has_ctx = db_fixed(r, i, 1, &t.ctx, sizeof t.ctx);
  db_fixed(r, i, 9, &t.block_hash, sizeof t.block_hash);
  if (!db_fixed(r, i, 3, &t.target, sizeof t.target))
    return E_INTERNAL;
  TRY(word_parse(&t.value, db_text(r, i, 5), "value", NULL));
  *out = t;
  return OK;
}

enum err payer_watch(struct payer *p, const struct look *look, struct why *why)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(p->db, Q_PAYER_OPEN, &rows, DB_NONE));
  for (unsigned i = 0; i < rows.len && !p->server->stopping; i++) {
    struct sent t;
    TRY(read_sent(&rows, i, &t));
    TRY(follow(p, look, &t, why));
  }
  return OK;
}
