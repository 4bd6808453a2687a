/* SPDX-License-Identifier: Apache-2.0
 * The payer: from planned to signed. In one commit the transaction gets its nonce and its
 * signed bytes; only then are they sent. */
#include <stdio.h>
#include <string.h>

#include "chain/tx.h"
#include "server/payer_internal.h"

#define GWEI 1000000000u
/* Gas beyond the estimate: what a contract does may depend on what was mined before it.
 */
#define GAS_MORE(estimate) ((estimate) / 4 + 30000)
#define LATER 10.0 /* seconds until a transaction in trouble is tried again */

/* ---- fees ---- */

static uint64_t cap_of(const struct payer *p)
{
  return p->server->config.chain.gas_cap * GWEI;
}

/* The base fee can double within six blocks. */
static uint64_t wanted_fee(const struct look *look, uint64_t tip, uint64_t cap)
{
  uint64_t fee;
  return __builtin_mul_overflow(look->base, 2u, &fee) ||
                 __builtin_add_overflow(fee, tip, &fee)
             ? cap
             : MIN(fee, cap);
}

bool fees_now(const struct payer *p, const struct look *look, struct fees *out)
{
  uint64_t cap = cap_of(p);
  if (look->base >= cap)
    return false;
  out->max_fee = wanted_fee(look, look->tip, cap);
  out->max_tip = MIN(look->tip, out->max_fee);
  return true;
}

bool fees_raised(const struct payer *p, const struct look *look, const struct fees *last,
                 struct fees *out)
{
  uint64_t cap = cap_of(p);
  uint64_t fee = last->max_fee + last->max_fee / 8 + 1;
  uint64_t tip = last->max_tip + last->max_tip / 8 + 1;
  if (fee > cap || tip > cap)
    return false;
  out->max_tip = MAX(tip, MIN(look->tip, cap));
  out->max_fee = MAX(MAX(fee, out->max_tip), wanted_fee(look, out->max_tip, cap));
  return true;
}

/* ---- signing ---- */

enum err payer_attempt(struct payer *p, struct db *db, const struct sent *t,
                       const struct fees *fees, struct buf *raw, struct why *why)
{
  struct tx tx = {.chain_id = p->server->chain.id,
                  .nonce = t->nonce,
                  .gas = t->gas,
                  .max_fee = word_of(fees->max_fee),
                  .max_tip = word_of(fees->max_tip),
                  .to = t->target,
                  .value = t->value,
                  .data = t->data};
  struct word hash;
  buf_done(raw);
  TRY(tx_sign(raw, &hash, &tx, &p->server->chain.relayer, why));
  return db_run(db, Q_PAYER_ATTEMPT_ADD,
                DB_ARGS(DB_INT(t->id), DB_INT(t->nonce), DB_FIXED(&hash), DB_BUF(raw),
                        DB_INT(fees->max_fee), DB_INT(fees->max_tip)));
}

struct signing {
  struct payer *payer;
  struct sent *tx;
  struct fees fees;
  struct buf raw;
  bool done;
  struct why *why;
};

static enum err sign_run(struct db *db, void *arg)
{
  struct signing *s = arg;
  struct payer *p = s->payer;
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(db_rows_done) struct db_rows nonce = {0};
  s->done = false;
  TRY(db_query(db, Q_PAYER_PLANNED_LOCK, &rows, DB_ARGS(DB_INT(s->tx->id))));
  if (!rows.len) /* somebody else was faster */
    return OK;
  TRY(db_query(db, Q_PAYER_NONCE_TAKE, &nonce,
               DB_ARGS(DB_FIXED(&p->server->chain.relayer.address))));
  s->tx->nonce = (uint64_t)db_int(&nonce, 0, 0);
  TRY(db_run(db, Q_PAYER_SIGNED,
             DB_ARGS(DB_INT(s->tx->id), DB_INT(s->tx->nonce), DB_INT(s->tx->gas))));
  TRY(payer_attempt(p, db, s->tx, &s->fees, &s->raw, s->why));
  s->done = true;
  payer_point(p, "signing");
  return OK;
}

/* ---- whether it may be signed ---- */

/* What the contract would refuse is never sent: an anchor ends there, since what it says
 * breaks the policy; for a payment somebody can do something, such as a deposit. */
static enum err refuse(struct payer *p, const struct sent *t, const struct why *below)
{
  bool anchor = strcmp(t->kind, "pay") != 0 && strcmp(t->kind, "voice") != 0;
  char reason[sizeof below->detail + 64];
  snprintf(reason, sizeof reason, "the contract refuses it: %s", below->detail);
  TRY(db_run(
      p->db, Q_PAYER_STOP,
      DB_ARGS(DB_INT(t->id), DB_TEXT(anchor ? "refused" : "held"), DB_TEXT(reason))));
  return payer_tell(p->db, t);
}

static enum err later(struct payer *p, const struct sent *t, const char *reason)
{
  return db_run(p->db, Q_PAYER_LATER,
                DB_ARGS(DB_INT(t->id), DB_TEXT(reason), DB_REAL(LATER)));
}

/* *ready: it has its gas limit and the contract would take it. */
static enum err preflight(struct payer *p, struct sent *t, bool *ready, struct why *why)
{
  uint64_t most = p->server->config.chain.tx_gas_max, gas;
  struct why below = {0};
  *ready = false;
  enum err e = rpc_estimate(p->rpc, &p->server->chain.relayer.address, &t->target,
                            &t->value, t->data, &gas, &below);
  if (e == E_REVERTED)
    return refuse(p, t, &below);
  if (e == E_RPC)
    return later(p, t, below.detail);
  if (e != OK)
    return why_set(why, e, below.field, "%s", below.detail);
  if (gas > most) {
    snprintf(below.detail, sizeof below.detail,
             "it needs %llu gas, more than chain-tx-gas-max", (unsigned long long)gas);
    return refuse(p, t, &below);
  }
  t->gas = MIN(gas + GAS_MORE(gas), most);
  *ready = true;
  return OK;
}

/* Takes the most that it can cost out of *money; false, with the reason, when it does not
 * suffice. */
static bool afford(const struct sent *t, const struct fees *fees, struct word *money,
                   char *reason, size_t room)
{
  uint64_t have = UINT64_MAX, cost;
  bool much = word_u64(&have, money) != OK; /* more than 18 ether */
  if (__builtin_mul_overflow(t->gas, fees->max_fee, &cost))
    cost = UINT64_MAX;
  if (much || have >= cost) {
    if (!much)
      *money = word_of(have - cost);
    return true;
  }
  char text[WORD_DIGITS + 1];
  snprintf(reason, room,
           "the relayer has too little money for gas: it may take %llu wei, and %s are "
           "left; send it ether",
           (unsigned long long)cost, word_text(text, money));
  return false;
}

static enum err sign_one(struct payer *p, const struct look *look, struct sent *t,
                         struct word *money, struct why *why)
{
  struct signing s = {.payer = p, .tx = t, .why = why};
  char reason[256];
  bool ready;
  TRY(preflight(p, t, &ready, why));
  if (!ready)
    return OK;
  if (!fees_now(p, look, &s.fees)) {
    snprintf(reason, sizeof reason,
             "gas costs %llu gwei now, not less than gas-cap: it is sent when that falls",
             (unsigned long long)(look->base / GWEI));
    return later(p, t, reason);
  }
  if (!afford(t, &s.fees, money, reason, sizeof reason))
    return later(p, t, reason);
  payer_point(p, "preflight");
  enum err e = db_transaction(p->db, sign_run, &s);
  if (e == OK && s.done) {
    payer_point(p, "signed");
    (void)!rpc_send_raw(p->rpc, buf_bytes(&s.raw), NULL); /* sent until it is mined */
    payer_point(p, "sent");
  }
  buf_done(&s.raw);
  return e;
}

enum err payer_sign(struct payer *p, const struct look *look, struct why *why)
{
  AUTO(db_rows_done) struct db_rows count = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct word money;
  TRY(db_query(p->db, Q_PAYER_IN_FLIGHT, &count, DB_NONE));
  int64_t room = PAYER_IN_FLIGHT - db_int(&count, 0, 0);
  if (room <= 0)
    return OK;
  TRY(db_query(p->db, Q_PAYER_PLANNED, &rows, DB_ARGS(DB_INT(room))));
  if (rows.len)
    TRY(rpc_balance(p->rpc, &p->server->chain.relayer.address, "latest", &money, why));
  for (unsigned i = 0; i < rows.len && !p->server->stopping; i++) {
    struct sent t = {.id = db_int(&rows, i, 0), .data = db_bytes(&rows, i, 4)};
    snprintf(t.kind, sizeof t.kind, "%s", db_text(&rows, i, 1));
    t.has_ctx = db_fixed(&rows, i, 2, &t.ctx, sizeof t.ctx);
    if (!db_fixed(&rows, i, 3, &t.target, sizeof t.target))
      return E_INTERNAL;
    TRY(word_parse(&t.value, db_text(&rows, i, 5), "value", why));
    TRY(sign_one(p, look, &t, &money, why));
  }
  return OK;
}
