/* SPDX-License-Identifier: Apache-2.0
 * Handlers: witnesses of the log and their cosignatures. */
#include <string.h>

#include "server/common.h"
#include "server/handlers.h"
#include "server/log.h"
#include "util/text.h"

#define REGISTERED_MAX 64

/* The log's note and the witness's line below it. */
static json_t *cosigned_json(const struct db_rows *r, unsigned row)
{
  struct bytes note = db_bytes(r, row, 2), line = db_bytes(r, row, 3);
  if (!note.data || !line.data)
    return json_null();
  return json_sprintf("%.*s%.*s", (int)note.len, (const char *)note.data, (int)line.len,
                      (const char *)line.data);
}

/* A row of witness_list. */
static enum err witness_json(json_t **out, const struct db_rows *r, unsigned row)
{
  struct note_key key;
  struct identity id;
  AUTO(buf_done) struct buf vkey = {0};
  const char *name = db_text(r, row, 1);
  if (!db_fixed(r, row, 0, &id, sizeof id))
    return E_INTERNAL;
  TRY(note_key_make(&key, name, NOTE_COSIGNATURE, &id));
  TRY(note_key_format(&vkey, &key));
  *out =
      json_pack("{s:s,s:s,s:o,s:o}", "name", name, "key", buf_text(&vkey), "checkpoint",
                cosigned_json(r, row), "cosigned_at", json_real_or_null(r, row, 4));
  return OK;
}

enum err witnesses_list(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(json_drop) json_t *list = json_array();
  struct identity cursor;
  unsigned limit;
  TRY(request_limit(rq, &limit));
  TRY(request_cursor(rq, cursor.b, sizeof cursor.b));
  TRY(db_query(rq->db, Q_WITNESS_LIST, &rows,
               DB_ARGS(DB_FIXED(&cursor), DB_INT(limit + 1))));
  unsigned n = page_len(&rows, limit);
  for (unsigned i = 0; i < n; i++) {
    json_t *witness = NULL;
    TRY(witness_json(&witness, &rows, i));
    json_array_append_new(list, witness);
  }
  json_t *next = rows.len > n ? json_hex_or_null(&rows, n - 1, 0) : json_null();
  rp->json = json_pack("{s:O,s:o}", "witnesses", list, "next", next);
  return OK;
}

/* ---- registering ---- */

struct registration {
  struct note_key key;
  struct why *why;
};

static enum err read_key(struct registration *r, const char *text)
{
  struct why below = {0};
  struct identity id;
  if (note_key_parse(&r->key, text, &below) != OK)
    return why_set(r->why, E_FIELD_VALUE, "key", "%s", below.detail);
  if (r->key.kind != NOTE_COSIGNATURE)
    return why_set(r->why, E_FIELD_VALUE, "key",
                   "must be a key for cosignatures, of type 4");
  if (hex_decode(id.b, sizeof id.b, r->key.name) == OK)
    return why_set(r->why, E_FIELD_VALUE, "key",
                   "such a name is a participant's, who needs no registration");
  return OK;
}

static enum err add(struct db *db, void *arg)
{
  const struct registration *r = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_run(db, Q_WITNESS_ADD, DB_ARGS(DB_FIXED(&r->key.key), DB_TEXT(r->key.name))));
  TRY(db_query(db, Q_WITNESS_REGISTERED, &rows, DB_NONE));
  if (db_int(&rows, 0, 0) > REGISTERED_MAX)
    return why_set(r->why, E_CONFLICT, "", "there are %d already", REGISTERED_MAX);
  return OK;
}

static enum err find(struct request *rq, const struct registration *r, json_t **out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(rq->db, Q_WITNESS_SHOW, &rows, DB_ARGS(DB_FIXED(&r->key.key))));
  if (!rows.len || strcmp(db_text(&rows, 0, 1), r->key.name) != 0)
    return why_set(rq->why, E_CONFLICT, "key", "another witness has this key or name");
  return witness_json(out, &rows, 0);
}

enum err witnesses_add(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  struct registration r = {.why = rq->why};
  const char *key;
  const struct field fields[] = {FIELD_STRING("key", &key, 1, 400), FIELD_END};
  TRY(request_json(rq, &root, fields));
  TRY(read_key(&r, key));
  enum err e = db_transaction(rq->db, add, &r);
  bool full = e == E_CONFLICT && *rq->why->detail;
  if (full || (e != OK && e != E_CONFLICT))
    return e;
  rq->unchanged = e != OK; /* registered before, under this name */
  rp->status = rq->unchanged ? 200 : 201;
  return find(rq, &r, &rp->json);
}

enum err witnesses_remove(struct request *rq, struct reply *rp)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct identity key;
  TRY(request_param_hex(rq, 0, key.b, sizeof key.b));
  TRY(db_query(rq->db, Q_WITNESS_REMOVE, &rows, DB_ARGS(DB_FIXED(&key))));
  if (rows.affected == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "no witness has this key");
  rp->status = 204;
  return OK;
}

enum err cosignatures_post(struct request *rq, struct reply *rp)
{
  TRY(log_cosign(rq->server, rq->db, rq->body, rq->why));
  rp->status = 204;
  return OK;
}
