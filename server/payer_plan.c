/* SPDX-License-Identifier: Apache-2.0
 * The payer: making transactions ready once what they wait for has come, and reading from
 * the chain what openings and graphs need. */
#include <stdio.h>
#include <string.h>

#include "chain/abi.h"
#include "server/anchors.h"
#include "server/log.h"
#include "server/payer_internal.h"
#include "util/text.h"

/* Seconds after which a model is read again; openings ask for a copy of at most
 * CHAIN_COPY_AGE. */
#define MODEL_AGE 5.0

/* ---- results: their anchor names a checkpoint that holds them ---- */

static enum err result_calldata(const struct server *s, const struct db_rows *r,
                                unsigned i, const struct log_head *head, struct buf *out)
{
  struct anchor_result a = {.round = (uint64_t)db_int(r, i, 2),
                            .attempt = (uint64_t)db_int(r, i, 3),
                            .log_size = head->size,
                            .log_root = head->root};
  snprintf(a.model, sizeof a.model, "%s", db_text(r, i, 1));
  if (!db_fixed(r, i, 4, &a.hash, sizeof a.hash))
    return E_INTERNAL;
  TRY(word_parse(&a.reward, db_text(r, i, 5), "reward", NULL));
  db_fixed(r, i, 6, &a.payouts, sizeof a.payouts);
  db_fixed(r, i, 7, &a.claims, sizeof a.claims);
  return anchor_result_data(s, &a, out);
}

/* The head is read after the list: it holds every leaf of it. It only grows, so do the
 * sizes that the anchors of a model name. */
static enum err plan_results(struct db *db, void *arg)
{
  const struct payer *p = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct log_head head;
  TRY(db_query(db, Q_PAYER_RESULTS, &rows, DB_NONE));
  if (rows.len)
    TRY(log_head(db, &head));
  for (unsigned i = 0; i < rows.len; i++) {
    AUTO(buf_done) struct buf data = {0};
    TRY(result_calldata(p->server, &rows, i, &head, &data));
    TRY(db_run(db, Q_PAYER_RESULT_PLAN,
               DB_ARGS(DB_INT(db_int(&rows, i, 0)), DB_BUF(&data))));
    payer_point(p, "planning-result");
  }
  return OK;
}

enum err payer_plan_results(struct payer *p, const struct look *look, struct why *why)
{
  return db_transaction(p->db, plan_results, p);
}

/* ---- pay and voice: once the result has settled ---- */

static enum err is_settled(struct payer *p, const char *model, uint64_t round, bool *yes,
                           struct why *why)
{
  AUTO(buf_done) struct buf call = {0}, data = {0};
  struct word id, word;
  chain_model(&id, model);
  TRY(abi_call(&call, "settled(bytes32,uint64)",
               ABI_ARGS(ABI_WORD(id), ABI_UINT(round))));
  TRY(rpc_eth_call(p->rpc, &p->server->chain.registry, buf_bytes(&call), "finalized",
                   &data, why));
  TRY(abi_word(&word, buf_bytes(&data), 1, 0));
  *yes = !word_zero(&word);
  return OK;
}

/* Why a result has not settled. */
static enum err unsettled(struct payer *p, const char *model, uint64_t round,
                          const struct look *look, char *out, size_t room,
                          struct why *why)
{
  struct result_anchor result;
  struct chain_roles roles;
  const struct address *registry = &p->server->chain.registry;
  TRY(registry_result(p->rpc, registry, "finalized", model, round, &result, why));
  TRY(registry_roles(p->rpc, registry, "finalized", &roles, why));
  uint64_t due = result.time + roles.delay;
  if (result.revoked)
    snprintf(out, room, "a vote has revoked the result: it pays nothing");
  else if (roles.paused)
    snprintf(out, room, "the guardian has paused all payouts; a vote can end that");
  else if (look->finalized.timestamp < due)
    snprintf(out, room, "the delay after the result ends at %llu, Unix time of the chain",
             (unsigned long long)due);
  else
    snprintf(out, room, "the registry does not call the result settled yet");
  return OK;
}

enum err payer_plan_payouts(struct payer *p, const struct look *look, struct why *why)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(p->db, Q_PAYER_SETTLING, &rows, DB_NONE));
  for (unsigned i = 0; i < rows.len; i++) {
    const char *model = db_text(&rows, i, 1);
    struct bytes ctx = db_bytes(&rows, i, 0);
    uint64_t round = (uint64_t)db_int(&rows, i, 2);
    char reason[160];
    bool settled = false;
    payer_point(p, "settling");
    TRY(is_settled(p, model, round, &settled, why));
    if (settled) {
      TRY(db_run(p->db, Q_PAYER_SETTLE, DB_ARGS(DB_BYTES(ctx.data, ctx.len))));
      payer_point(p, "settled");
      continue;
    }
    TRY(unsettled(p, model, round, look, reason, sizeof reason, why));
    TRY(db_run(p->db, Q_PAYER_SETTLE_LATER,
               DB_ARGS(DB_BYTES(ctx.data, ctx.len), DB_TEXT(reason))));
  }
  return OK;
}

/* ---- models and beacons ---- */

enum err payer_read_models(struct payer *p, const struct look *look, struct why *why)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(p->db, Q_PAYER_MODELS, &rows, DB_ARGS(DB_REAL(MODEL_AGE))));
  for (unsigned i = 0; i < rows.len; i++) {
    const char *model = db_text(&rows, i, 0);
    struct chain_model m;
    struct word id;
    char cap[WORD_DIGITS + 1], budget[24], spent[24];
    TRY(registry_model(p->rpc, &p->server->chain.registry, "finalized", model, &m, why));
    chain_model(&id, model);
    snprintf(budget, sizeof budget, "%llu", (unsigned long long)m.policy.privacy_budget);
    snprintf(spent, sizeof spent, "%llu", (unsigned long long)m.privacy_spent);
    TRY(db_run(p->db, Q_PAYER_MODEL_SET,
               DB_ARGS(DB_TEXT(model), DB_FIXED(&m.spec), DB_FIXED(&m.currency),
                       DB_INT(m.policy.minimum), DB_INT(m.policy.maximum_rounds),
                       DB_TEXT(budget), DB_TEXT(word_text(cap, &m.policy.reward_cap)),
                       DB_INT(m.results), DB_TEXT(spent), DB_FIXED(&id))));
  }
  return OK;
}

enum err payer_read_beacons(struct payer *p, const struct look *look, struct why *why)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(p->db, Q_PAYER_BEACONS, &rows, DB_NONE));
  for (unsigned i = 0; i < rows.len; i++) {
    struct sent tx = {.has_ctx = true};
    struct anchor roster;
    struct rpc_block block;
    if (!db_fixed(&rows, i, 0, &tx.ctx, sizeof tx.ctx))
      return E_INTERNAL;
    TRY(registry_roster(p->rpc, &p->server->chain.registry, "finalized",
                        db_text(&rows, i, 2), (uint64_t)db_int(&rows, i, 3),
                        (uint64_t)db_int(&rows, i, 4), &roster, why));
    uint64_t at = roster.block + (uint64_t)db_int(&rows, i, 1);
    if (at > look->finalized.number)
      continue;
    TRY(rpc_block_number(p->rpc, at, &block, why));
    TRY(db_run(p->db, Q_PAYER_BEACON_SET,
               DB_ARGS(DB_FIXED(&tx.ctx), DB_INT(at), DB_FIXED(&block.hash))));
    TRY(payer_tell(p->db, &tx));
  }
  return OK;
}
