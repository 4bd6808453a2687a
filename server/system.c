/* SPDX-License-Identifier: Apache-2.0
 * Handler: how the instance is, at a glance. */
#include "config.h"

#include "chain/eth.h"
#include "server/common.h"
#include "server/handlers.h"
#include "server/http_internal.h"
#include "server/hub.h"

static json_t *whole(const struct db_rows *r, unsigned row, unsigned column)
{
  return json_integer((json_int_t)db_int(r, row, column));
}

static enum err replicas_json(struct db *db, json_t *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_REPLICA_LIST, &rows, DB_NONE));
  json_t *list = json_array();
  for (unsigned i = 0; i < rows.len; i++)
    json_array_append_new(
        list, json_pack("{s:s,s:s,s:f,s:f}", "name", db_text(&rows, i, 0), "version",
                        db_text(&rows, i, 1), "started_at", db_real(&rows, i, 2),
                        "seen_at", db_real(&rows, i, 3)));
  json_object_set_new(out, "replicas", list);
  return OK;
}

static enum err jobs_json(struct db *db, json_t *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_SYSTEM_JOBS, &rows, DB_NONE));
  json_t *list = json_array();
  for (unsigned i = 0; i < rows.len; i++)
    json_array_append_new(
        list, json_pack("{s:s,s:o,s:o,s:o}", "kind", db_text(&rows, i, 0), "waiting",
                        whole(&rows, i, 1), "running", whole(&rows, i, 2), "oldest_at",
                        json_real_or_null(&rows, i, 3)));
  json_object_set_new(out, "jobs", list);
  return OK;
}

static enum err storage_json(struct db *db, json_t *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_SYSTEM_STORAGE, &rows, DB_NONE));
  json_object_set_new(out, "schema", whole(&rows, 0, 5));
  json_object_set_new(out, "now_at", json_real(db_real(&rows, 0, 6)));
  json_object_set_new(out, "storage",
                      json_pack("{s:o,s:o,s:o,s:o}", "database", whole(&rows, 0, 0),
                                "vectors", whole(&rows, 0, 1), "log_entries",
                                whole(&rows, 0, 2), "log_tiles", whole(&rows, 0, 3)));
  return OK;
}

static enum err retention_json(struct db *db, json_t *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_SYSTEM_RETENTION, &rows, DB_NONE));
  json_t *list = json_array();
  for (unsigned i = 0; i < rows.len; i++)
    json_array_append_new(
        list, json_pack("{s:o,s:s,s:o,s:f}", "ctx", json_hex_or_null(&rows, i, 0),
                        "model", db_text(&rows, i, 1), "round", whole(&rows, i, 2),
                        "vectors_until", db_real(&rows, i, 3)));
  json_object_set_new(out, "retention", list);
  return OK;
}

static enum err chain_json(const struct server *s, struct db *db, json_t *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  char relayer[ADDRESS_TEXT];
  json_object_set_new(out, "chain", json_null());
  if (!s->chain.on)
    return OK;
  TRY(db_query(db, Q_SYSTEM_CHAIN, &rows, DB_NONE));
  bool seen = !db_null(&rows, 0, 2), relays = s->chain.relays;
  json_object_set_new(
      out, "chain",
      json_pack("{s:I,s:o,s:o,s:o,s:o,s:o}", "id", (json_int_t)s->chain.id, "head",
                seen ? whole(&rows, 0, 0) : json_null(), "final",
                seen ? whole(&rows, 0, 1) : json_null(), "seen_at",
                json_real_or_null(&rows, 0, 2), "relayer",
                relays ? json_string(address_text(relayer, &s->chain.relayer.address))
                       : json_null(),
                "balance", json_text_or_null(&rows, 0, 3)));
  return OK;
}

enum err system_show(struct request *rq, struct reply *rp)
{
  struct exchange *x = rq->http;
  struct http *h = x->http;
  AUTO(json_drop)
  json_t *out = json_pack("{s:s,s:b,s:{s:I,s:I},s:I}", "version", PACKAGE_VERSION,
                          "read_only", (int)rq->server->read_only, "connections", "open",
                          (json_int_t)http_connections(h), "max",
                          (json_int_t)h->options.connections, "streams",
                          (json_int_t)hub_streams(h->hub));
  TRY(storage_json(rq->db, out));
  TRY(replicas_json(rq->db, out));
  TRY(jobs_json(rq->db, out));
  TRY(retention_json(rq->db, out));
  TRY(chain_json(rq->server, rq->db, out));
  rp->json = STEAL(out);
  return OK;
}
