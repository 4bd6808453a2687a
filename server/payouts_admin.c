/* SPDX-License-Identifier: Apache-2.0
 * Handlers: what a person decides about transactions that are held or refused. Both ask
 * the chain first, and nothing is done on a guess. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/common.h"
#include "server/handlers.h"
#include "server/outbox.h"
#include "util/text.h"

struct decision {
  struct request *rq;
  struct rpc *rpc;
  int64_t id;
  struct rpc_block finalized;
  struct word hash; /* settle: the transaction that did it */
  struct rpc_receipt receipt;
  struct address from, to;
  bool has_to;
  struct buf input;
};

static void decision_done(struct decision *d)
{
  rpc_free(d->rpc);
  buf_done(&d->input);
}

static enum err begin(struct request *rq, struct decision *d)
{
  char *end = NULL;
  struct word genesis = {0};
  const struct server *s = rq->server;
  d->rq = rq;
  d->id = strtoll(rq->param[0], &end, 10);
  if (*end || d->id < 1 || rq->param[0][0] < '0' || rq->param[0][0] > '9')
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such payout");
  if (!s->chain.on || !s->config.chain.rpc)
    return why_set(rq->why, E_NO_CHAIN, "", "no Ethereum node is configured");
  TRY(rpc_new(&d->rpc, s->config.chain.rpc, rq->why));
  TRY(rpc_check(d->rpc, s->chain.id, &genesis, rq->why));
  return rpc_block(d->rpc, "finalized", &d->finalized, rq->why);
}

/* The row, locked; E_PHASE unless a person is asked for. */
static enum err lock(struct db *db, const struct decision *d, struct db_rows *rows)
{
  TRY(db_query(db, Q_OUTBOX_LOCK, rows, DB_ARGS(DB_INT(d->id))));
  if (!rows->len)
    return why_set(d->rq->why, E_NOT_FOUND, "", "there is no such payout");
  const char *state = db_text(rows, 0, 3);
  if (strcmp(state, "held") != 0 && strcmp(state, "refused") != 0)
    return why_set(d->rq->why, E_CONFLICT, "state",
                   "is %s: only what is held or refused is decided by a person", state);
  return OK;
}

static enum err reply(struct request *rq, struct reply *rp, int64_t id)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(rq->db, Q_OUTBOX_LOCK, &rows, DB_ARGS(DB_INT(id))));
  if (!rows.len)
    return E_NOT_FOUND;
  rp->json =
      json_pack("{s:I,s:s,s:s,s:s}", "id", (json_int_t)id, "kind", db_text(&rows, 0, 0),
                "model", db_text(&rows, 0, 1), "state", db_text(&rows, 0, 3));
  return OK;
}

/* ---- again ---- */

/* Nothing that was ever signed for it can be mined any more, as far as `finalized` goes:
 * each nonce is used up, and no form of it succeeded. */
static enum err check_dead(struct db *db, struct decision *d)
{
  AUTO(db_rows_done) struct db_rows signed_forms = {0};
  const struct server *s = d->rq->server;
  struct why *why = d->rq->why;
  uint64_t used;
  TRY(db_query(db, Q_OUTBOX_HASHES, &signed_forms, DB_ARGS(DB_INT(d->id))));
  if (!signed_forms.len)
    return OK;
  if (!s->chain.relays)
    return why_set(why, E_CONFIG, "relayer", "no key is configured here");
  TRY(rpc_nonce(d->rpc, &s->chain.relayer.address, "finalized", &used, why));
  for (unsigned i = 0; i < signed_forms.len; i++) {
    struct word hash;
    struct rpc_receipt r;
    if (!db_fixed(&signed_forms, i, 0, &hash, sizeof hash))
      return E_INTERNAL;
    TRY(rpc_receipt(d->rpc, &hash, &r, why));
    if (r.found && r.success)
      return why_set(why, E_CONFLICT, "",
                     "it was mined after all, in block %llu: settle it with its hash",
                     (unsigned long long)r.block);
    if (used <= (uint64_t)db_int(&signed_forms, i, 1))
      return why_set(
          why, E_CONFLICT, "",
          "a signed form of it may still be mined: nonce %lld is not used up in "
          "the finalized chain",
          (long long)db_int(&signed_forms, i, 1));
  }
  return OK;
}

static enum err retry_run(struct db *db, void *arg)
{
  struct decision *d = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(lock(db, d, &rows));
  if (db_bool(&rows, 0, 6))
    return why_set(d->rq->why, E_PHASE, "", "its attempt has ended");
  TRY(check_dead(db, d));
  TRY(db_run(db, Q_OUTBOX_AGAIN, DB_ARGS(DB_INT(d->id))));
  return db_notify(db, "chain");
}

enum err payouts_retry(struct request *rq, struct reply *rp)
{
  AUTO(decision_done) struct decision d = {0};
  AUTO(json_drop) json_t *root = NULL;
  const struct field fields[] = {FIELD_END};
  if (rq->body.len)
    TRY(request_json(rq, &root, fields));
  TRY(begin(rq, &d));
  TRY(db_transaction(rq->db, retry_run, &d));
  return reply(rq, rp, d.id);
}

/* ---- settled by a transaction that a person names ---- */

/* What the transaction was: from whom, to whom, with which bytes. */
static enum err read_transaction(struct decision *d, const char *hash)
{
  for (unsigned i = 0; i < rpc_count(d->rpc); i++) {
    AUTO(json_drop) json_t *tx = NULL;
    if (rpc_call(d->rpc, i, "eth_getTransactionByHash", json_pack("[s]", hash), &tx, NULL,
                 d->rq->why) != OK ||
        json_is_null(tx))
      continue;
    const char *from = json_string_value(json_object_get(tx, "from"));
    const char *to = json_string_value(json_object_get(tx, "to"));
    const char *input = json_string_value(json_object_get(tx, "input"));
    size_t len = input ? strlen(input) : 0;
    if (!from || len < 2 || len % 2 || strncmp(input, "0x", 2) != 0)
      return E_REPLY;
    TRY(address_parse(&d->from, from, "from", d->rq->why));
    d->has_to = to != NULL;
    if (to)
      TRY(address_parse(&d->to, to, "to", d->rq->why));
    TRY(buf_reserve(&d->input, len / 2));
    TRY(hex_decode(d->input.data, len / 2 - 1, input + 2));
    d->input.len = len / 2 - 1;
    return OK;
  }
  return why_set(d->rq->why, E_NOT_FOUND, "hash", "no node knows this transaction");
}

static enum err check_receipt(struct decision *d)
{
  struct rpc_block block;
  struct why *why = d->rq->why;
  TRY(rpc_receipt(d->rpc, &d->hash, &d->receipt, why));
  if (!d->receipt.found)
    return why_set(why, E_NOT_FOUND, "hash", "it has not been mined");
  if (!d->receipt.success)
    return why_set(why, E_CONFLICT, "hash", "it was mined, but failed");
  if (d->receipt.block > d->finalized.number)
    return why_set(why, E_UNANCHORED, "hash", "its block %llu is not final yet (%llu is)",
                   (unsigned long long)d->receipt.block,
                   (unsigned long long)d->finalized.number);
  TRY(rpc_block_number(d->rpc, d->receipt.block, &block, why));
  return memcmp(&block.hash, &d->receipt.block_hash, sizeof block.hash) == 0
             ? OK
             : why_set(why, E_UNANCHORED, "hash",
                       "its block is not in the present chain");
}

static enum err settle_run(struct db *db, void *arg)
{
  struct decision *d = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  const struct server *s = d->rq->server;
  struct address target;
  uint64_t price;
  TRY(lock(db, d, &rows));
  if (!db_fixed(&rows, 0, 4, &target, sizeof target))
    return E_INTERNAL;
  if (!d->has_to || memcmp(&target, &d->to, sizeof target) != 0 ||
      !bytes_equal(db_bytes(&rows, 0, 5), buf_bytes(&d->input)))
    return why_set(d->rq->why, E_CONFLICT, "hash",
                   "it is another call: contract and data must be exactly those of the "
                   "payout");
  TRY(word_u64(&price, &d->receipt.gas_price));
  bool ours =
      s->chain.relays && memcmp(&d->from, &s->chain.relayer.address, sizeof d->from) == 0;
  TRY(db_run(db, Q_PAYER_FOUND,
             DB_ARGS(DB_INT(d->id), DB_FIXED(&d->hash), DB_INT(d->receipt.block),
                     DB_FIXED(&d->receipt.block_hash),
                     DB_INT(ours ? d->receipt.gas_used : 0), DB_INT(price))));
  return ledger_final(db, d->id);
}

enum err payouts_settle(struct request *rq, struct reply *rp)
{
  AUTO(decision_done) struct decision d = {0};
  AUTO(json_drop) json_t *root = NULL;
  const char *hash = NULL;
  const struct field fields[] = {FIELD_STRING("hash", &hash, 66, 66), FIELD_END};
  TRY(request_json(rq, &root, fields));
  if (strncmp(hash, "0x", 2) != 0 || hex_decode(d.hash.b, 32, hash + 2) != OK)
    return why_set(rq->why, E_FIELD_VALUE, "hash",
                   "must be 0x and 64 lowercase hex digits");
  TRY(begin(rq, &d));
  TRY(read_transaction(&d, hash));
  TRY(check_receipt(&d));
  TRY(db_transaction(rq->db, settle_run, &d));
  return reply(rq, rp, d.id);
}
