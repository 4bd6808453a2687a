/* SPDX-License-Identifier: Apache-2.0
 * Handlers: invites. A code is shown once, inside its link, and erased when it is used.
 */
#include <sodium.h>
#include <string.h>

#include "server/common.h"
#include "server/handlers.h"
#include "util/text.h"

#define CODE_BYTES 16u
#define INVITES_MAX 500u
#define YEAR 31536000u

struct batch {
  struct request *rq;
  const char *model;
  bool admit;
  uint64_t count, expires_in;
  uint8_t codes[INVITES_MAX * CODE_BYTES];
  uint8_t organisations[INVITES_MAX * CODE_BYTES];
  double expires_at;
};

static void batch_drop(struct batch **b)
{
  sodium_memzero((*b)->codes, sizeof(*b)->codes);
  free(*b);
}

static enum err store(struct db *db, void *arg)
{
  struct batch *b = arg;
  AUTO(db_rows_done) struct db_rows model = {0};
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_MODEL_STATE, &model, DB_ARGS(DB_TEXT(b->model))));
  if (model.len == 0)
    return why_set(b->rq->why, E_FIELD_VALUE, "model", "there is no such model");
  if (db_bool(&model, 0, 1))
    return E_RETIRED;
  size_t len = b->count * CODE_BYTES;
  TRY(db_query(db, Q_INVITE_CREATE, &rows,
               DB_ARGS(DB_TEXT(b->model), DB_BOOL(b->admit),
                       DB_REAL((double)b->expires_in), DB_INT(b->count),
                       DB_BYTES(b->codes, len), DB_BYTES(b->organisations, len))));
  if (rows.len != b->count)
    return E_INTERNAL;
  b->expires_at = db_real(&rows, 0, 0);
  return OK;
}

static json_t *invite_json(const struct batch *b, uint64_t i)
{
  char code[2 * CODE_BYTES + 1], organisation[2 * CODE_BYTES + 1];
  char instance[2 * sizeof(struct digest) + 1], address[256];
  request_address(b->rq, address, sizeof address);
  hex_encode(code, b->codes + i * CODE_BYTES, CODE_BYTES);
  hex_encode(organisation, b->organisations + i * CODE_BYTES, CODE_BYTES);
  hex_encode(instance, b->rq->server->instance.b, sizeof(struct digest));
  json_t *link = json_sprintf("%s/#invite=%s.%s.%s.%s", address, code, organisation,
                              instance, b->model);
  sodium_memzero(code, sizeof code);
  return json_pack("{s:o,s:s,s:f}", "link", link, "organisation", organisation,
                   "expires_at", b->expires_at);
}

enum err invites_create(struct request *rq, struct reply *rp)
{
  AUTO(batch_drop) struct batch *b = must_calloc(1, sizeof *b);
  AUTO(json_drop) json_t *root = NULL;
  struct organisation organisation;
  bool named = false;
  const struct field fields[] = {
      FIELD_STRING("model", &b->model, 1, SLUG_MAX),
      FIELD_HEX_OR_NULL("organisation", organisation.b, &named),
      FIELD_UINT("count", &b->count, 1, INVITES_MAX),
      FIELD_UINT("expires_in", &b->expires_in, 1, YEAR),
      FIELD_BOOL("admit", &b->admit),
      FIELD_END,
  };
  b->rq = rq;
  TRY(request_json(rq, &root, fields));
  if (!slug_valid(b->model))
    return why_set(rq->why, E_FIELD_VALUE, "model", "there is no such model");
  TRY(request_scope(rq, b->model));
  randombytes_buf(b->codes, b->count * CODE_BYTES);
  randombytes_buf(b->organisations, b->count * CODE_BYTES);
  for (uint64_t i = 0; named && i < b->count; i++)
    memcpy(b->organisations + i * CODE_BYTES, organisation.b, CODE_BYTES);
  TRY(db_transaction(rq->db, store, b));
  json_t *list = json_array();
  for (uint64_t i = 0; i < b->count; i++)
    json_array_append_new(list, invite_json(b, i));
  rp->status = 201;
  rp->json = json_pack("{s:o}", "invites", list);
  return OK;
}

enum err invites_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  struct numbered p;
  TRY(request_numbered(rq, &p));
  TRY(db_query(rq->db, Q_INVITE_LIST, &rows, DB_ARGS(p.behind, p.rows)));
  unsigned n = page_len(&rows, p.limit);
  for (unsigned i = 0; i < n; i++)
    json_array_append_new(list,
                          json_pack("{s:o,s:s,s:s,s:f}", "organisation",
                                    json_hex_or_null(&rows, i, 1), "model",
                                    db_text(&rows, i, 2), "status", db_text(&rows, i, 3),
                                    "expires_at", db_real(&rows, i, 4)));
  rp->json = json_pack("{s:O,s:o}", "invites", list, "next", next_number(&rows, n));
  return OK;
}
