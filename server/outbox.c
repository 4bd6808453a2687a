/* SPDX-License-Identifier: Apache-2.0
 * Putting transactions into the outbox, and what the coordinator attests in them. */
#include "server/outbox.h"

#include <stdio.h>
#include <string.h>

#include "server/anchors.h"

const char *const outbox_kind_names[OUTBOX_KINDS] = {
#define X(name, text, contract) [name] = text,
    OUTBOX_TABLE(X)
#undef X
};

static bool to_registry(enum outbox_kind kind)
{
#define registry true
#define vault false
#define voice false
  static const bool yes[OUTBOX_KINDS] = {
#define X(name, text, contract) [name] = (contract),
      OUTBOX_TABLE(X)
#undef X
  };
#undef registry
#undef vault
#undef voice
  return yes[kind];
}

enum err outbox_add(const struct server *s, struct db *db, enum outbox_kind kind,
                    const char *model, const struct digest *ctx, int64_t part,
                    bool waiting, struct bytes calldata)
{
  bool ready = !waiting && calldata.len;
  TRY(db_run(db, Q_OUTBOX_ADD,
             DB_ARGS(DB_TEXT(outbox_kind_names[kind]), DB_TEXT(model),
                     ctx ? DB_FIXED(ctx) : DB_NULL, DB_INT(part),
                     DB_TEXT(ready ? "planned" : "waiting"),
                     to_registry(kind) ? DB_FIXED(&s->chain.registry) : DB_NULL,
                     calldata.len ? DB_BYTES(calldata.data, calldata.len) : DB_NULL)));
  return db_notify(db, "chain");
}

enum err outbox_find(struct db *db, enum outbox_kind kind, const char *model,
                     const struct digest *ctx, struct outbox_state *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_OUTBOX_FIND, &rows,
               DB_ARGS(DB_TEXT(outbox_kind_names[kind]), DB_TEXT(model),
                       ctx ? DB_FIXED(ctx) : DB_NULL)));
  if (!rows.len)
    return E_NOT_FOUND;
  struct outbox_state o = {.since = db_real(&rows, 0, 2)};
  const char *reason = db_text(&rows, 0, 1);
  snprintf(o.state, sizeof o.state, "%s", db_text(&rows, 0, 0));
  snprintf(o.reason, sizeof o.reason, "%s", reason ? reason : "");
  *out = o;
  return OK;
}

json_t *outbox_json(const char *waiting_for, const struct outbox_state *at)
{
  return json_pack("{s:s,s:s,s:o,s:f}", "waiting_for", waiting_for, "state", at->state,
                   "reason", *at->reason ? json_string(at->reason) : json_null(), "since",
                   at->since);
}

/* ---- attestations ---- */

static enum err attest(const struct server *s, const struct word *digest,
                       struct eth_signature *sig)
{
  return s->chain.attestor.sign(s->chain.attestor.arg, digest, sig, NULL);
}

static struct chain_ids ids_of(const struct server *s)
{
  return (struct chain_ids){s->chain.id, s->chain.registry};
}

enum err anchor_register(const struct server *s, struct db *db,
                         const struct registration *r)
{
  AUTO(buf_done) struct buf data = {0};
  struct chain_ids ids = ids_of(s);
  struct eth_signature sig;
  struct word digest;
  registration_digest(&digest, r, &ids);
  TRY(attest(s, &digest, &sig));
  TRY(registration_call(&data, r, &sig));
  return outbox_add(s, db, OUTBOX_REGISTER, r->model, NULL, 0, false, buf_bytes(&data));
}

enum err anchor_the_roster(const struct server *s, struct db *db,
                           const struct round_row *row, uint64_t distance)
{
  AUTO(buf_done) struct buf data = {0};
  struct chain_ids ids = ids_of(s);
  struct eth_signature sig;
  struct word digest;
  struct anchor_roster a = {.round = (uint64_t)row->round,
                            .attempt = (uint64_t)row->attempt,
                            .hash = row->roster_hash,
                            .count = row->n};
  memcpy(a.model, row->model, sizeof a.model);
  anchor_roster_digest(&digest, &a, &ids);
  TRY(attest(s, &digest, &sig));
  TRY(anchor_roster_call(&data, &a, &sig));
  TRY(db_run(db, Q_CHAIN_BEACON_AWAIT, DB_ARGS(DB_FIXED(&row->ctx), DB_INT(distance))));
  return outbox_add(s, db, OUTBOX_ROSTER, row->model, &row->ctx, 0, false,
                    buf_bytes(&data));
}

enum err anchor_the_survivors(const struct server *s, struct db *db,
                              const struct round_row *row, const struct open_event *open,
                              const struct digest *hash, unsigned count)
{
  AUTO(buf_done) struct buf data = {0};
  struct chain_ids ids = ids_of(s);
  struct eth_signature sig;
  struct word digest;
  struct anchor_survivors a = {.round = (uint64_t)row->round,
                               .attempt = (uint64_t)row->attempt,
                               .hash = *hash,
                               .count = count,
                               .spec = open->spec};
  memcpy(a.model, row->model, sizeof a.model);
  if (open->reward.scheme != REWARD_NONE)
    TRY(word_parse(&a.budget, open->reward.budget, "reward.budget", NULL));
  anchor_survivors_digest(&digest, &a, &ids);
  TRY(attest(s, &digest, &sig));
  TRY(anchor_survivors_call(&data, &a, &sig));
  return outbox_add(s, db, OUTBOX_SURVIVORS, row->model, &row->ctx, 0, false,
                    buf_bytes(&data));
}

enum err anchor_result_data(const struct server *s, const struct anchor_result *a,
                            struct buf *out)
{
  struct chain_ids ids = ids_of(s);
  struct eth_signature sig;
  struct word digest;
  anchor_result_digest(&digest, a, &ids);
  TRY(attest(s, &digest, &sig));
  return anchor_result_call(out, a, &sig);
}
