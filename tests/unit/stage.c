/* SPDX-License-Identifier: Apache-2.0
 * A coordinator without HTTP, for tests of the engine. */
#include <check.h>
#include <libpq-fe.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/merkle.h"
#include "db/blob.h"
#include "db/event.h"
#include "model/net.h"
#include "server/engine.h"
#include "test_db.h"
#include "test_engine.h"
#include "util/text.h"

#define MODEL "toy"

/* ---- what http.c is elsewhere ---- */

const char *request_query(const struct request *rq, const char *name)
{
  return NULL;
}

enum err request_limit(struct request *rq, unsigned *out)
{
  *out = 50;
  return OK;
}

enum err request_param_hex(struct request *rq, unsigned index, void *out, size_t size)
{
  return hex_decode(out, size, rq->param[index]) == OK ? OK : E_NOT_FOUND;
}

enum err request_json(struct request *rq, json_t **root, const struct field *fields)
{
  AUTO(json_drop) json_t *o = NULL;
  TRY(json_parse(&o, rq->body, rq->body.len, rq->why));
  TRY(field_read(o, fields, rq->why));
  *root = STEAL(o);
  return OK;
}

bool reply_wait(struct request *rq, struct reply *rp, const char *topic)
{
  return false;
}

/* ---- requests ---- */

static json_t *reply_json(struct stage *s, struct reply *rp)
{
  AUTO(buf_done) struct buf text = {0};
  json_t *out = NULL;
  if (rp->json)
    return json_incref(rp->json);
  struct bytes bytes = buf_bytes(&rp->bytes);
  if (rp->blob) {
    ck_assert_int_eq(blob_load(s->db, rp->blob, &text), OK);
    bytes = buf_bytes(&text);
  }
  ck_assert_int_eq(json_parse(&out, bytes, bytes.len, NULL), OK);
  return out;
}

static enum err request_run(struct stage *s, handler h, struct request rq, json_t **out,
                            int *status)
{
  struct why why = {0};
  struct reply rp = {0};
  rq.server = &s->server;
  rq.db = s->db;
  rq.why = &why;
  enum err e = h(&rq, &rp);
  if (e == OK && out)
    *out = reply_json(s, &rp);
  if (status)
    *status = rp.status ? rp.status : 200;
  if (e != OK && getenv("CHORUS_TEST_TALK"))
    fprintf(stderr, "%s: %s %s\n", err_info(e)->name, why.field, why.detail);
  json_decref(rp.json);
  buf_done(&rp.bytes);
  return e;
}

enum err stage_call(struct stage *s, handler h, const char *param1, const char *param2,
                    const json_t *body, const struct identity *as, json_t **out,
                    int *status)
{
  AUTO(free_drop) char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
  struct request rq = {.param = {param1, param2},
                       .body = BYTES(text, text ? strlen(text) : 0),
                       .has_identity = as != NULL};
  if (as)
    rq.identity = *as;
  return request_run(s, h, rq, out, status);
}

enum err stage_round(struct stage *s, handler h, const char *param, const json_t *body,
                     json_t **out)
{
  char hex[65];
  return stage_call(s, h, hex_encode(hex, s->ctx.b, 32), param, body, NULL, out, NULL);
}

json_t *stage_event(struct stage *s, const char *type)
{
  json_t *event = NULL;
  ck_assert_int_eq(stage_round(s, rounds_event, type, NULL, &event), OK);
  return event;
}

json_t *post_event(const json_t *event)
{
  return json_pack("{s:O}", "event", event);
}

void stage_wait(struct stage *s, const char *phase)
{
  struct timespec pause = {0, 5000000};
  char seen[32] = "";
  time_t end = time(NULL) + 20;
  while (time(NULL) < end) {
    AUTO(json_drop) json_t *state = NULL;
    ck_assert_int_eq(stage_round(s, rounds_show, NULL, NULL, &state), OK);
    snprintf(seen, sizeof seen, "%s", json_string_value(json_object_get(state, "phase")));
    if (strcmp(seen, phase) == 0)
      return;
    ck_assert_msg(strcmp(seen, "failed") != 0, "failed: %s",
                  json_dumps(json_object_get(state, "failure"), 0));
    nanosleep(&pause, NULL);
  }
  ck_abort_msg("still in %s, not in %s", seen, phase);
}

void stage_sql(struct stage *s, const char *format, ...)
{
  char text[8192];
  va_list ap;
  va_start(ap, format);
  int len = vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  ck_assert_int_lt(len, (int)sizeof text);
  PGconn *c = PQconnectdb(s->server.config.database);
  PGresult *r = PQexec(c, text);
  ck_assert_msg(PQresultStatus(r) == PGRES_COMMAND_OK ||
                    PQresultStatus(r) == PGRES_TUPLES_OK,
                "%s", PQresultErrorMessage(r));
  PQclear(r);
  PQfinish(c);
}

double stage_real(struct stage *s, const char *sql)
{
  struct timespec pause = {0, 20000000};
  for (unsigned n = 0; n < 500; n++) {
    PGconn *c = PQconnectdb(s->server.config.database);
    PGresult *r = PQexec(c, sql);
    bool there = PQntuples(r) == 1 && !PQgetisnull(r, 0, 0);
    double value = there ? strtod(PQgetvalue(r, 0, 0), NULL) : 0;
    PQclear(r);
    PQfinish(c);
    if (there)
      return value;
    nanosleep(&pause, NULL);
  }
  ck_abort_msg("there was never a value");
}

/* ---- the stage ---- */

static void heard(void *arg, const char *topic)
{
  engine_heard(arg, topic);
}

static void make_model(struct stage *s, const struct stage_terms *t)
{
  char text[1200], hash[65];
  AUTO(spec_drop) struct spec *spec = NULL;
  struct why why = {0};
  snprintf(
      text, sizeof text,
      "{\"name\":\"Toy\",\"purpose\":\"test\",\"consent\":\"none\",\"kind\":\"vector\","
      "\"dimension\":%llu,\"quantisation\":{\"bits\":16,\"range\":\"1\",\"clip\":\"600\","
      "\"weight_cap\":10},\"ring_bits\":32,\"cohort\":{\"minimum\":%u,\"maximum\":%u,"
      "\"corrupt_bp\":1000,\"dropout_bp\":2000},\"deadlines\":{\"join\":30,\"share\":30,"
      "\"upload\":%u,\"unmask\":30},\"server\":%s,\"reward\":{\"scheme\":\"%s\","
      "\"budget\":\"%s\"%s%s}}",
      (unsigned long long)t->d, t->minimum, t->maximum, t->upload, t->optimiser,
      t->scheme ? t->scheme : "none", t->scheme ? "1000000" : "0",
      t->payout ? ",\"payout\":" : "", t->payout ? t->payout : "");
  enum err e = spec_parse(&spec, BYTES(text, strlen(text)), &why);
  ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  hex_encode(hash, spec->hash.b, 32);
  stage_sql(
      s,
      "INSERT INTO events (type, model, hash, bytes) VALUES ('model', '" MODEL
      "', '\\x%s', '');"
      "INSERT INTO models (slug, name, purpose, consent, kind, d) VALUES ('" MODEL
      "', 'Toy', 'test', 'none', 'vector', %llu);"
      "INSERT INTO model_versions (model, version, spec, spec_hash, event) SELECT '" MODEL
      "', 1, $$%s$$::bytea, '\\x%s', max(seq) FROM events",
      hash, (unsigned long long)t->d, buf_text(&spec->canonical), hash);
}

static int64_t store(struct stage *s, const json_t *event, const struct identity *who,
                     struct digest *hash)
{
  int64_t seq = 0;
  ck_assert_int_eq(event_hash(hash, event), OK);
  ck_assert_int_eq(db_event_store(s->db, event, NULL, NULL, who, hash, &seq), OK);
  return seq;
}

static void make_person(struct stage *s, struct person *p, unsigned number)
{
  struct digest enroll_hash, hash;
  char id[65], organisation[33];
  identity_make(&p->id, &p->key);
  p->organisation = (struct organisation){{(uint8_t)number, (uint8_t)(number >> 8), 7}};
  AUTO(json_drop)
  json_t *enroll = message_start("enroll", &s->server.instance, NULL, NULL, &p->id);
  json_object_set_new(enroll, "organisation", json_hex(p->organisation.b, 16));
  json_object_set_new(enroll, "payout", json_null());
  json_object_set_new(enroll, "invite", json_hex(p->id.b, 32));
  json_object_set_new(enroll, "name", json_hex(p->id.b, 32));
  ck_assert_int_eq(event_sign(enroll, &p->key), OK);
  int64_t first = store(s, enroll, &p->id, &enroll_hash);
  AUTO(json_drop)
  json_t *admit =
      admission_build("admit", &s->server.instance, MODEL, &p->id, &enroll_hash, NULL);
  ck_assert_int_eq(event_sign(admit, &s->server.key), OK);
  int64_t second = store(s, admit, &p->id, &hash);
  hex_encode(id, p->id.b, 32);
  hex_encode(organisation, p->organisation.b, 16);
  stage_sql(s,
            "INSERT INTO participants (id, organisation, name, salt, enroll) VALUES "
            "('\\x%s', '\\x%s', 'P%u', '\\x%s', %lld);"
            "INSERT INTO admissions VALUES ('" MODEL "', '\\x%s', 'admitted', %lld)",
            id, organisation, number, organisation, (long long)first, id,
            (long long)second);
}

static int by_id(const void *a, const void *b)
{
  return memcmp(a, b, 32);
}

void stage_init(struct stage *s, const struct stage_terms *t)
{
  struct why why = {0};
  const char *conninfo = test_db_make();
  *s = (struct stage){.n = t->n,
                      .people = must_calloc(t->n, sizeof(struct person)),
                      .server.config = {.database = conninfo, .job_workers = 2}};
  ck_assert_msg(db_migrate(conninfo, &why) == OK, "%s", why.detail);
  ck_assert_msg(db_pool_open(&s->server.pool, conninfo, 6, &why) == OK, "%s", why.detail);
  s->db = db_take(s->server.pool);
  identity_make(&s->server.coordinator, &s->server.key);
  s->instance_doc = instance_build("test", &s->server.coordinator,
                                   t->simulated ? "simulated" : NULL, 0);
  ck_assert_int_eq(event_sign(s->instance_doc, &s->server.key), OK);
  ck_assert_int_eq(event_hash(&s->server.instance, s->instance_doc), OK);
  ck_assert_int_eq(instance_parse(&s->instance, s->instance_doc, NULL), OK);
  ck_assert_int_eq(
      note_key_make(&s->server.log, "test", NOTE_ED25519, &s->server.coordinator), OK);
  s->server.anchored = s->server.simulated = t->simulated;
  make_model(s, t);
  for (unsigned i = 0; i < t->n; i++)
    make_person(s, &s->people[i], i);
  qsort(s->people, t->n, sizeof *s->people, by_id);
  ck_assert_int_eq(engine_start(&s->server), OK);
  ck_assert_int_eq(db_listen_start(&s->listener, conninfo, heard, &s->server, &why), OK);
}

static void forget_round(struct stage *s)
{
  for (unsigned i = 0; i < s->n; i++) {
    party_free(s->people[i].party);
    free(s->people[i].x);
    free(s->people[i].y);
    s->people[i].party = NULL;
    s->people[i].x = s->people[i].y = NULL;
  }
  round_free(s->view);
  json_decref(s->shares);
  json_decref(s->updates);
  s->view = NULL;
  s->shares = s->updates = NULL;
}

void stage_done(struct stage *s)
{
  db_listen_stop(s->listener);
  engine_stop(&s->server);
  db_give(s->server.pool, s->db);
  db_pool_close(s->server.pool);
  forget_round(s);
  json_decref(s->instance_doc);
  free(s->people);
  test_db_drop();
}

void stage_open(struct stage *s)
{
  AUTO(json_drop) json_t *state = NULL;
  AUTO(json_drop) json_t *body = json_object();
  int status = 0;
  forget_round(s);
  ck_assert_int_eq(stage_call(s, rounds_open, MODEL, NULL, body, NULL, &state, &status),
                   OK);
  ck_assert_int_eq(status, 201);
  const char *ctx = json_string_value(json_object_get(state, "ctx"));
  ck_assert_int_eq(hex_decode(s->ctx.b, 32, ctx), OK);
  stage_view(s);
}

static void read_file(struct buf *out, const char *name)
{
  char path[512];
  const char *root = getenv("CHORUS_SRCDIR");
  snprintf(path, sizeof path, "%s/tests/data/%s", root ? root : "..", name);
  FILE *f = fopen(path, "rb");
  ck_assert_msg(f != NULL, "%s", path);
  char part[4096];
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
    ck_assert_int_eq(buf_put(out, part, n), OK);
  fclose(f);
}

struct iris {
  struct bytes csv;
  struct blob_info holdout;
  int64_t initial;
};

static enum err store_iris(struct db *db, void *arg)
{
  struct iris *i = arg;
  TRY(blob_store(db, &i->holdout, i->csv));
  return engine_initial_weights(db, "iris", 1, &i->initial);
}

void stage_add_iris(struct stage *s)
{
  AUTO(buf_done) struct buf json = {0};
  AUTO(buf_done) struct buf csv = {0};
  AUTO(spec_drop) struct spec *spec = NULL;
  char hash[65];
  read_file(&json, "iris.spec.json");
  read_file(&csv, "iris.csv");
  ck_assert_int_eq(spec_parse(&spec, buf_bytes(&json), NULL), OK);
  hex_encode(hash, spec->hash.b, 32);
  stage_sql(s,
            "INSERT INTO models (slug, name, purpose, consent, kind, d) VALUES ('iris', "
            "'Iris', 'test', 'none', 'logistic', %zu);"
            "INSERT INTO model_versions (model, version, spec, spec_hash, event) SELECT "
            "'iris', 1, $$%s$$::bytea, '\\x%s', max(seq) FROM events",
            spec->d, buf_text(&spec->canonical), hash);
  struct iris i = {.csv = buf_bytes(&csv)};
  ck_assert_int_eq(db_transaction(s->db, store_iris, &i), OK);
  stage_sql(s,
            "UPDATE models SET holdout = %lld, holdout_rows = 150 WHERE slug = 'iris';"
            "INSERT INTO jobs (kind, model, part) VALUES ('evaluate', 'iris', 1)",
            (long long)i.holdout.id);
}

/* ---- people ---- */

void stage_view(struct stage *s)
{
  struct why why = {0};
  struct round *r = NULL;
  enum err e = OK;
  AUTO(json_drop) json_t *open = stage_event(s, "open");
  AUTO(json_drop)
  json_t *roster = NULL, *graph = NULL, *sharers = NULL, *survivors = NULL;
  AUTO(json_drop) json_t *joins = NULL, *shares = NULL, *updates = NULL;
  e = round_open(&r, &s->instance, &s->server.instance, open, &why);
  ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  if (stage_round(s, rounds_event, "roster", NULL, &roster) == OK) {
    graph = stage_event(s, "graph");
    ck_assert_int_eq(stage_round(s, joins_list, NULL, NULL, &joins), OK);
    e = round_roster(r, roster, json_object_get(joins, "members"), &why);
    ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
    e = round_graph(r, graph, s->instance.simulated, NULL, &why);
    ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  }
  if (stage_round(s, rounds_event, "sharers", NULL, &sharers) == OK) {
    ck_assert_int_eq(stage_round(s, shares_list, NULL, NULL, &shares), OK);
    json_decref(s->shares);
    s->shares = json_incref(json_object_get(shares, "events"));
    e = round_sharers(r, sharers, s->shares, &why);
    ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  }
  if (stage_round(s, rounds_event, "survivors", NULL, &survivors) == OK) {
    ck_assert_int_eq(stage_round(s, updates_list, NULL, NULL, &updates), OK);
    json_decref(s->updates);
    s->updates = json_incref(json_object_get(updates, "events"));
    e = round_survivors(r, survivors, s->updates, &why);
    ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  }
  round_free(s->view);
  s->view = r;
}

enum err person_join(struct stage *s, unsigned i)
{
  struct person *p = &s->people[i];
  const json_t *event = NULL;
  if (!p->party)
    ck_assert_int_eq(party_new(&p->party, s->view, &p->id, &p->key), OK);
  ck_assert_int_eq(party_join(p->party, s->view, &event), OK);
  AUTO(json_drop) json_t *body = post_event(event);
  return stage_round(s, joins_post, NULL, body, NULL);
}

enum err person_share(struct stage *s, unsigned i)
{
  const json_t *event = NULL;
  struct bytes deals;
  AUTO(buf_done) struct buf text = {0};
  ck_assert_int_eq(party_share(s->people[i].party, s->view, &event, &deals, NULL), OK);
  ck_assert_int_eq(base64_encode(&text, deals), OK);
  AUTO(json_drop)
  json_t *body = json_pack("{s:O,s:s}", "event", event, "deals", buf_text(&text));
  return stage_round(s, shares_post, NULL, body, NULL);
}

/* A random update within the rules, weight i + 1. */
static void make_x(struct stage *s, unsigned i)
{
  const struct open_event *o = s->view->open;
  struct person *p = &s->people[i];
  size_t bytes = open_bytes(o);
  AUTO(free_drop) float *delta = must_calloc(o->d, sizeof *delta);
  for (uint64_t l = 0; l < o->d; l++)
    delta[l] = (float)((int)randombytes_uniform(20001) - 10000) / 10000.0f;
  free(p->x);
  free(p->y);
  p->x = must_calloc(bytes, 1);
  p->y = must_calloc(bytes, 1);
  struct ring x = {p->x, o->d, o->ring_bits};
  ck_assert_int_eq(quantise(x, delta, &o->quantiser, i % 10 + 1), OK);
  ring_put((struct ring){p->x, open_len(o), o->ring_bits}, o->d, i % 10 + 1);
  if (s->wild && i == 0)
    ring_put(x, 0, 100 * quantiser_max(&o->quantiser));
  memcpy(p->y, p->x, bytes);
}

static enum err send_chunk(struct stage *s, unsigned i, unsigned c, json_t **out)
{
  char ctx[65], id[65], index[16];
  uint64_t length = open_bytes(s->view->open), at = (uint64_t)c * CHUNK_BYTES;
  snprintf(index, sizeof index, "%u", c);
  struct request rq = {.param = {hex_encode(ctx, s->ctx.b, 32),
                                 hex_encode(id, s->people[i].id.b, 32), index},
                       .body = BYTES(s->people[i].y + at, MIN(CHUNK_BYTES, length - at))};
  return request_run(s, chunks_put, rq, out, NULL);
}

static json_t *manifest(struct stage *s, unsigned i, unsigned *chunks)
{
  struct person *p = &s->people[i];
  uint64_t length = open_bytes(s->view->open);
  struct merkle tree = {0};
  struct digest root, leaf;
  const json_t *event = NULL;
  json_t *list = json_array();
  for (uint64_t at = 0; at < length; at += CHUNK_BYTES) {
    merkle_leaf(&leaf, BYTES(p->y + at, MIN(CHUNK_BYTES, length - at)));
    merkle_add_hash(&tree, &leaf);
    json_array_append_new(list, json_hex(leaf.b, 32));
  }
  merkle_root(&root, &tree);
  *chunks = (unsigned)json_array_size(list);
  ck_assert_int_eq(party_update(p->party, s->view, length, &root, &event), OK);
  AUTO(json_drop) json_t *said = json_copy((json_t *)event);
  if (s->samples) {
    json_object_set_new(said, "samples", json_loads(s->samples, JSON_DECODE_ANY, NULL));
    ck_assert_int_eq(event_sign(said, &p->key), OK);
    s->samples = NULL;
  }
  return json_pack("{s:O,s:o}", "event", said, "chunks", list);
}

enum err person_upload(struct stage *s, unsigned i)
{
  struct person *p = &s->people[i];
  const struct open_event *o = s->view->open;
  char ctx[65];
  struct why why = {0};
  unsigned chunks = 0;
  AUTO(json_drop) json_t *boxes = NULL;
  TRY(stage_call(s, boxes_list, hex_encode(ctx, s->ctx.b, 32), NULL, NULL, &p->id, &boxes,
                 NULL));
  enum err e =
      party_boxes(p->party, s->view, s->shares, json_object_get(boxes, "boxes"), &why);
  ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  make_x(s, i);
  ck_assert_int_eq(
      party_mask(p->party, s->view, (struct ring){p->y, open_len(o), o->ring_bits}), OK);
  AUTO(json_drop) json_t *body = manifest(s, i, &chunks);
  AUTO(json_drop) json_t *reply = NULL;
  TRY(stage_round(s, updates_post, NULL, body, &reply));
  ck_assert_uint_eq(json_array_size(json_object_get(reply, "missing")), chunks);
  for (unsigned c = chunks; c-- > 0;) {
    AUTO(json_drop) json_t *done = NULL;
    TRY(send_chunk(s, i, c, &done));
    ck_assert_int_eq(json_is_true(json_object_get(done, "complete")), c == 0);
  }
  return OK;
}

enum err person_unmask(struct stage *s, unsigned i)
{
  struct why why = {0};
  const json_t *event = NULL;
  enum err e = party_unmask(s->people[i].party, s->view, s->updates, 3, &event, &why);
  ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  AUTO(json_drop) json_t *body = post_event(event);
  return stage_round(s, unmasks_post, NULL, body, NULL);
}
