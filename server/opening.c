/* SPDX-License-Identifier: Apache-2.0
 * Opening the next attempt: from the model's version and its newest result to the signed
 * terms. docs/protocol.md section 3. */
#include <string.h>

#include "model/net.h"
#include "server/anchors.h"
#include "server/engine_internal.h"
#include "util/field.h"

/* Blocks between the roster's and the one whose hash draws the graph. */
#define BEACON_DISTANCE 2
#define ATTEMPTS_MAX 16

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "weights are little-endian");

struct opening {
  struct server *server;
  const char *model;
  struct why *why;
  struct digest ctx; /* out */
  /* gathered */
  struct spec *spec;
  int64_t version, round, attempt, base, base_state;
  json_t *event;
};

static void opening_clear(struct opening *o)
{
  spec_free(o->spec);
  json_decref(o->event);
  o->spec = NULL;
  o->event = NULL;
  o->base = o->base_state = 0;
}

enum err engine_initial_weights(struct db *db, const char *model, int64_t version,
                                int64_t *blob)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(spec_drop) struct spec *spec = NULL;
  struct blob_info info;
  TRY(db_query(db, Q_MODEL_VERSION, &rows, DB_ARGS(DB_TEXT(model), DB_INT(version))));
  if (!rows.len)
    return E_NOT_FOUND;
  *blob = db_int(&rows, 0, 2);
  if (*blob)
    return OK;
  TRY(spec_parse(&spec, db_bytes(&rows, 0, 0), NULL));
  AUTO(free_drop) float *w = must_calloc(spec->d, sizeof *w);
  TRY(net_init(w, spec, &spec->hash));
  TRY(blob_store(db, &info, BYTES(w, spec->d * sizeof *w)));
  *blob = info.id;
  return db_run(db, Q_MODEL_SET_INITIAL,
                DB_ARGS(DB_TEXT(model), DB_INT(version), DB_INT(info.id)));
}

/* Which round and attempt comes next; locks the model. */
static enum err find_place(struct db *db, struct opening *o)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_ROUND_BEFORE, &rows, DB_ARGS(DB_TEXT(o->model))));
  if (!rows.len)
    return E_NOT_FOUND;
  if (strcmp(db_text(&rows, 0, 0), "active") != 0)
    return E_RETIRED;
  o->version = db_int(&rows, 0, 1);
  TRY(spec_parse(&o->spec, db_bytes(&rows, 0, 2), o->why));
  o->round = o->attempt = 1;
  if (!db_bool(&rows, 0, 4))
    return OK;
  enum phase phase = phase_find(db_text(&rows, 0, 7));
  if (phase != PHASE_DONE && phase != PHASE_FAILED)
    return E_OPEN_ROUND;
  o->round = db_int(&rows, 0, 5);
  o->attempt = db_int(&rows, 0, 6) + 1;
  if (phase == PHASE_DONE || o->attempt > ATTEMPTS_MAX) {
    o->round++;
    o->attempt = 1;
  }
  return OK;
}

/* With a chain the registry names the description, and its policy binds it. */
static enum err follow_chain(struct db *db, struct opening *o)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct chain_copy copy;
  if (!o->server->chain.on)
    return OK;
  TRY(chain_copy_get(db, o->model, &copy, o->why));
  if (!copy.version)
    return why_set(o->why, E_POLICY, "spec",
                   "the registry names a description that is no version of this model: "
                   "add the version that was voted for");
  if (copy.version != o->version) {
    TRY(db_query(db, Q_MODEL_VERSION, &rows,
                 DB_ARGS(DB_TEXT(o->model), DB_INT(copy.version))));
    spec_free(STEAL(o->spec));
    TRY(spec_parse(&o->spec, db_bytes(&rows, 0, 0), o->why));
    o->version = copy.version;
  }
  return chain_policy_check(&copy, o->spec->cohort.minimum, &o->spec->reward, o->why);
}

static enum err base_init(struct db *db, struct opening *o)
{
  struct blob_info info;
  TRY(engine_initial_weights(db, o->model, o->version, &o->base));
  TRY(blob_find(db, o->base, &info));
  json_object_set_new(o->event, "base",
                      json_pack("{s:n,s:o,s:s}", "event", "sha256",
                                json_hex(info.sha256.b, 32), "source", "init"));
  return OK;
}

/* The optimiser's state goes on only when the optimiser is still the same. */
static enum err carry_state(struct opening *o, const struct db_rows *best)
{
  AUTO(json_drop) json_t *before = NULL;
  struct digest hash;
  if (!db_fixed(best, 0, 6, &hash, sizeof hash))
    return OK;
  TRY(event_parse(&before, db_bytes(best, 0, 8), NULL));
  json_t *old = json_object_get(before, "optimiser");
  json_t *new = json_object_get(o->event, "optimiser");
  json_object_set_new(old, "state", json_null());
  if (!json_equal(old, new))
    return OK;
  o->base_state = db_int(best, 0, 5);
  json_object_set_new(new, "state", json_hex(hash.b, sizeof hash.b));
  return OK;
}

static enum err find_base(struct db *db, struct opening *o)
{
  AUTO(db_rows_done) struct db_rows best = {0};
  TRY(db_query(db, Q_ROUND_BEST, &best, DB_ARGS(DB_TEXT(o->model))));
  if (!best.len)
    return base_init(db, o);
  o->base = db_int(&best, 0, 3);
  json_object_set_new(
      o->event, "base",
      json_pack("{s:o,s:o,s:s}", "event", json_hex(db_bytes(&best, 0, 7).data, 32),
                "sha256", json_hex(db_bytes(&best, 0, 4).data, 32), "source", "result"));
  return carry_state(o, &best);
}

/* How many keys fit into the event beside what it holds already. */
static unsigned room_for_excluded(const struct opening *o)
{
  size_t rest = json_dumpb(o->event, NULL, 0, JSON_COMPACT) +
                strlen(",\"excluded\":[],\"sig\":\"\"") + 2 * sizeof(struct signature);
  size_t each = strlen("\"\",") + 2 * sizeof(struct identity);
  size_t room = rest < EVENT_BYTES_MAX ? (EVENT_BYTES_MAX - rest) / each : 0;
  return (unsigned)MIN(room, EXCLUDED_MAX);
}

/* Who was convicted in earlier attempts of this round: the lowest keys, as many as fit.
 */
static enum err find_excluded(struct db *db, struct opening *o)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(
      db, Q_ROUND_EXCLUDED, &rows,
      DB_ARGS(DB_TEXT(o->model), DB_INT(o->round), DB_INT(room_for_excluded(o)))));
  json_t *excluded = json_array();
  for (unsigned i = 0; i < rows.len; i++)
    json_array_append_new(excluded, json_hex(db_bytes(&rows, i, 0).data, 32));
  json_object_set_new(o->event, "excluded", excluded);
  return OK;
}

static enum err make_event(struct db *db, struct opening *o)
{
  AUTO(db_rows_done) struct db_rows now = {0};
  TRY(db_query(db, Q_NOW, &now, DB_NONE));
  o->event = json_pack("{s:s,s:o,s:s,s:I,s:I,s:I,s:i,s:I}", "type", "open", "instance",
                       json_hex(o->server->instance.b, 32), "model", o->model, "version",
                       (json_int_t)o->version, "round", (json_int_t)o->round, "attempt",
                       (json_int_t)o->attempt, "beacon_distance", BEACON_DISTANCE, "time",
                       (json_int_t)db_real(&now, 0, 0));
  spec_open_fill(o->event, o->spec);
  TRY(find_base(db, o));
  return find_excluded(db, o);
}

static enum err insert(struct db *db, const struct opening *o,
                       const struct open_event *open)
{
  AUTO(buf_done) struct buf bytes = {0};
  uint64_t length = open_bytes(open);
  TRY(event_canonical(&bytes, o->event, true));
  TRY(db_run(db, Q_ROUND_OPEN,
             DB_ARGS(DB_FIXED(&open->ctx), DB_TEXT(o->model), DB_INT(o->version),
                     DB_INT(o->round), DB_INT(o->attempt),
                     DB_REAL((double)open->deadline[DEADLINE_JOIN]), DB_BUF(&bytes),
                     DB_INT(open->minimum), DB_INT(open->maximum), DB_INT(length),
                     DB_INT((length + CHUNK_BYTES - 1) / CHUNK_BYTES), DB_INT(o->base),
                     o->base_state ? DB_INT(o->base_state) : DB_NULL)));
  return db_run(db, Q_ROUND_CURRENT, DB_ARGS(DB_TEXT(o->model), DB_FIXED(&open->ctx)));
}

static enum err open_run(struct db *db, void *arg)
{
  struct opening *o = arg;
  AUTO(open_drop) struct open_event *open = NULL;
  AUTO(round_row_done) struct round_row row = {0};
  struct digest hash;
  opening_clear(o);
  TRY(find_place(db, o));
  TRY(follow_chain(db, o));
  TRY(make_event(db, o));
  TRY(event_sign(o->event, &o->server->key));
  TRY(open_parse(&open, o->event, o->server->anchored, o->why));
  TRY(insert(db, o, open));
  TRY(round_row_get(db, Q_ROUND_ROW, &open->ctx, &row));
  TRY(tell(o->server, db, &row, o->event, &hash));
  o->ctx = open->ctx;
  return tell_changed(db, &row);
}

enum err engine_open_round(struct server *server, struct db *db, const char *model,
                           struct digest *ctx, struct why *why)
{
  struct opening o = {.server = server, .model = model, .why = why};
  enum err e = db_transaction(db, open_run, &o);
  opening_clear(&o);
  if (e == E_CONFLICT) /* another process was faster */
    e = E_OPEN_ROUND;
  if (e == OK)
    *ctx = o.ctx;
  return e;
}
