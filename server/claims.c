/* SPDX-License-Identifier: Apache-2.0
 * Handlers: cumulative claims, each with its proof, and the whole tree. */
#include "server/claims_cache.h"
#include "server/common.h"
#include "server/handlers.h"
#include "util/text.h"

#define AGE_MAX 315360000u /* ten years; what PostgreSQL can subtract ends somewhere */

/* The tree of the round that was asked for, else of the newest that is final. */
static enum err load(struct request *rq, struct claims_ref *out, const char **model,
                     uint64_t *round)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  bool given = request_query(rq, "round") != NULL;
  uint64_t age = 0;
  TRY(request_model(rq, model));
  TRY(request_number(rq, "round", round));
  TRY(request_number(rq, "age", &age));
  if (age > AGE_MAX)
    return why_set(rq->why, E_FIELD_VALUE, "age", "must be at most %u seconds", AGE_MAX);
  TRY(db_query(
      rq->db, Q_CLAIM_ROUND, &rows,
      DB_ARGS(DB_TEXT(*model), given ? DB_INT(*round) : DB_NULL, DB_REAL((double)age))));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, given ? "round" : "",
                   "there are no claims of this model%s",
                   given ? " and round" : " that are final on the chain");
  *round = (uint64_t)db_int(&rows, 0, 0);
  return claims_get(rq->server->claims, rq->db, *model, *round, out);
}

enum err claims_list(struct request *rq, struct reply *rp)
{
  AUTO(claims_ref_done) struct claims_ref ref = {0};
  const char *model;
  uint64_t round = 0;
  TRY(load(rq, &ref, &model, &round));
  rp->json = claims_dump(ref.claims);
  rp->immutable = request_query(rq, "round") != NULL;
  return OK;
}

static json_t *proof_json(const struct word *proof, unsigned len)
{
  json_t *list = json_array();
  for (unsigned i = 0; i < len; i++) {
    char text[2 + 64 + 1] = "0x";
    hex_encode(text + 2, proof[i].b, sizeof proof[i].b);
    json_array_append_new(list, json_string(text));
  }
  return list;
}

enum err claims_show(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows fetched = {0};
  AUTO(claims_ref_done) struct claims_ref ref = {0};
  const char *model;
  uint64_t round = 0;
  struct address account;
  struct claimant found;
  struct word proof[32];
  unsigned len;
  char address[ADDRESS_TEXT], amount[WORD_DIGITS + 1];
  TRY(address_parse(&account, rq->param[1], "address", rq->why));
  TRY(load(rq, &ref, &model, &round));
  if (claims_find(ref.claims, &account, &found, proof, &len) != OK)
    return why_set(rq->why, E_NOT_FOUND, "", "there is nothing for this address");
  TRY(db_query(rq->db, Q_CLAIM_FETCHED, &fetched,
               DB_ARGS(DB_TEXT(model), DB_FIXED(&account))));
  rp->json = json_pack("{s:s,s:I,s:s,s:s,s:s,s:o}", "model", model, "round",
                       (json_int_t)round, "account", address_text(address, &account),
                       "cumulative", word_text(amount, &found.cumulative), "claimed",
                       db_text(&fetched, 0, 0), "proof", proof_json(proof, len));
  return OK;
}
