/* SPDX-License-Identifier: Apache-2.0
 * The database layer against a real PostgreSQL. */
#include "db/db.h"

#include <check.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db/blob.h"
#include "db/tables.h"
#include "test_db.h"

static const char *conninfo;
static struct db_pool *pool;
static struct db *db;

static void setup(void)
{
  struct why why = {0};
  conninfo = test_db_make();
  ck_assert_msg(db_migrate(conninfo, &why) == OK, "%s", why.detail);
  ck_assert_msg(db_pool_open(&pool, conninfo, 4, &why) == OK, "%s: %s", why.field,
                why.detail);
  db = db_take(pool);
}

static void teardown(void)
{
  db_give(pool, db);
  db_pool_close(pool);
  test_db_drop();
}

static PGconn *raw(void)
{
  PGconn *c = PQconnectdb(conninfo);
  ck_assert_int_eq(PQstatus(c), CONNECTION_OK);
  return c;
}

static void sql(const char *text)
{
  PGconn *c = raw();
  PGresult *r = PQexec(c, text);
  ExecStatusType s = PQresultStatus(r);
  ck_assert_msg(s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK, "%s",
                PQresultErrorMessage(r));
  PQclear(r);
  PQfinish(c);
}

/* The type behind a domain. */
static Oid base_type(PGconn *c, Oid type)
{
  char text[128];
  snprintf(text, sizeof text,
           "SELECT CASE typbasetype WHEN 0 THEN oid ELSE typbasetype END "
           "FROM pg_type WHERE oid = %u",
           type);
  PGresult *r = PQexec(c, text);
  Oid base = (Oid)strtoul(PQgetvalue(r, 0, 0), NULL, 10);
  PQclear(r);
  return base;
}

static unsigned parameters(const char *text)
{
  unsigned most = 0;
  for (const char *p = text; (p = strchr(p, '$')); p++)
    most = MAX(most, (unsigned)strtoul(p + 1, NULL, 10));
  return most;
}

START_TEST(statements_fit_the_server)
{
  PGconn *c = raw();
  for (int q = 0; q < QUERY_COUNT; q++) {
    const struct db_query_info *info = &db_queries[q];
    PGresult *p = PQprepare(c, info->name, info->sql, 0, NULL);
    ck_assert_msg(PQresultStatus(p) == PGRES_COMMAND_OK, "%s: %s", info->name,
                  PQresultErrorMessage(p));
    PQclear(p);
    PGresult *r = PQdescribePrepared(c, info->name);
    ck_assert_int_eq(PQresultStatus(r), PGRES_COMMAND_OK);
    ck_assert_msg((unsigned)PQnparams(r) == parameters(info->sql), "%s", info->name);
    ck_assert_int_le(PQnparams(r), DB_ARGS_MAX);
    for (int i = 0; i < PQnparams(r); i++) { /* bool, bytea, int8, text, float8 */
      Oid t = base_type(c, PQparamtype(r, i));
      ck_assert_msg(t == 16 || t == 17 || t == 20 || t == 25 || t == 701,
                    "%s: parameter %d has type %u", info->name, i + 1, t);
    }
    for (int i = 0; i < PQnfields(r); i++) { /* those, and void */
      Oid t = base_type(c, PQftype(r, i));
      ck_assert_msg(t == 16 || t == 17 || t == 20 || t == 25 || t == 701 || t == 2278,
                    "%s: column %d has type %u", info->name, i + 1, t);
    }
    PQclear(r);
  }
  PQfinish(c);
}
END_TEST

START_TEST(migrations)
{
  struct why why = {0};
  ck_assert_int_eq(db_migrate(conninfo, &why), OK); /* again: nothing to do */
  sql("INSERT INTO schema_migrations VALUES (1000, 'future', '')");
  ck_assert_int_eq(db_migrate(conninfo, &why), E_SCHEMA);
  sql("DELETE FROM schema_migrations WHERE number = 1000;"
      "UPDATE schema_migrations SET hash = 'x' WHERE number = 1");
  ck_assert_int_eq(db_migrate(conninfo, &why), E_SCHEMA);
}
END_TEST

/* ---- transactions ---- */

struct work {
  int64_t id;
  unsigned runs;
  enum err end;
};

static enum err make_blob(struct db *on, void *arg)
{
  struct work *w = arg;
  w->runs++;
  TRY(blob_create(on, &w->id, 7));
  return w->runs < 3 ? E_DB_RETRY : w->end;
}

START_TEST(transactions)
{
  struct blob_info info;
  struct work w = {.end = OK};
  ck_assert_int_eq(db_transaction(db, make_blob, &w), OK);
  ck_assert_uint_eq(w.runs, 3);
  ck_assert_int_eq(blob_find(db, w.id, &info), OK);
  ck_assert_uint_eq(info.length, 7);
  w = (struct work){.end = E_PHASE};
  ck_assert_int_eq(db_transaction(db, make_blob, &w), E_PHASE);
  ck_assert_int_eq(blob_find(db, w.id, &info), E_NOT_FOUND);
}
END_TEST

static enum err conflict(struct db *on, void *arg)
{
  uint8_t ctx[32] = {1}, point[32] = {2};
  return db_run(
      on, Q_JOIN_POINTS,
      DB_ARGS(DB_FIXED(&ctx), DB_FIXED(&point), DB_FIXED(&ctx), DB_FIXED(&point)));
}

START_TEST(conflicts_name_their_constraint)
{
  ck_assert_int_eq(db_transaction(db, conflict, NULL), E_CONFLICT);
  ck_assert_str_eq(db_constraint(db), "join_points_distinct");
}
END_TEST

/* One inside the other: the inner one fails alone, the outer one takes both along. */
struct nesting {
  enum err inner, outer;
};

static int64_t answer(struct db *on, enum query q)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  ck_assert_int_eq(db_query(on, q, &rows, DB_NONE), OK);
  return db_int(&rows, 0, 0);
}

static enum err remember(struct db *on, const char *name)
{
  uint8_t hash[32] = {(uint8_t)name[0]};
  return db_run(on, Q_ADMIN_TOKEN_CREATE,
                DB_ARGS(DB_FIXED(&hash), DB_TEXT(name), DB_TEXT("viewer")));
}

static enum err inner_work(struct db *on, void *arg)
{
  const struct nesting *n = arg;
  TRY(remember(on, "inner"));
  return n->inner == E_CONFLICT ? remember(on, "inner") : n->inner;
}

static enum err outer_work(struct db *on, void *arg)
{
  const struct nesting *n = arg;
  TRY(remember(on, "outer"));
  ck_assert_int_eq(db_transaction(on, inner_work, arg), n->inner);
  if (n->inner == E_CONFLICT)
    ck_assert_str_eq(db_constraint(on), "admin_tokens_pkey");
  ck_assert_int_gt(answer(on, Q_SCHEMA_VERSION), 0); /* it can go on */
  return n->outer;
}

static void count_tokens(const char *name, const char *expected)
{
  char text[100];
  PGconn *c = raw();
  snprintf(text, sizeof text, "SELECT count(*) FROM admin_tokens WHERE name = '%s'",
           name);
  PGresult *r = PQexec(c, text);
  ck_assert_str_eq(PQgetvalue(r, 0, 0), expected);
  PQclear(r);
  PQfinish(c);
}

START_TEST(transactions_nest)
{
  static const struct {
    struct nesting n;
    const char *inner, *outer;
  } cases[] = {{{OK, OK}, "1", "1"},
               {{E_CONFLICT, OK}, "0", "1"},
               {{E_PHASE, OK}, "0", "1"},
               {{OK, E_PHASE}, "0", "0"}};
  for (size_t i = 0; i < LENGTH(cases); i++) {
    struct nesting n = cases[i].n;
    sql("DELETE FROM admin_tokens");
    ck_assert_int_eq(db_transaction(db, outer_work, &n), n.outer);
    count_tokens("inner", cases[i].inner);
    count_tokens("outer", cases[i].outer);
  }
}
END_TEST

/* Two transactions lock two rows in opposite order: one is repeated, both succeed. */
struct crossing {
  struct db *db;
  int64_t first, second;
  pthread_barrier_t *meet;
  unsigned runs;
  enum err result;
};

static enum err cross(struct db *on, void *arg)
{
  struct crossing *c = arg;
  struct digest zero = {{0}};
  TRY(db_run(on, Q_BLOB_FINISH, DB_ARGS(DB_INT(c->first), DB_INT(1), DB_FIXED(&zero))));
  if (c->runs++ == 0)
    pthread_barrier_wait(c->meet);
  return db_run(on, Q_BLOB_FINISH,
                DB_ARGS(DB_INT(c->second), DB_INT(1), DB_FIXED(&zero)));
}

static void *cross_run(void *arg)
{
  struct crossing *c = arg;
  c->result = db_transaction(c->db, cross, c);
  return NULL;
}

START_TEST(deadlocks_are_repeated)
{
  int64_t a, b;
  pthread_barrier_t meet;
  pthread_t thread;
  pthread_barrier_init(&meet, NULL, 2);
  ck_assert_int_eq(blob_create(db, &a, 0), OK);
  ck_assert_int_eq(blob_create(db, &b, 0), OK);
  struct crossing one = {db, a, b, &meet, 0, E_INTERNAL};
  struct crossing two = {db_take(pool), b, a, &meet, 0, E_INTERNAL};
  ck_assert_int_eq(pthread_create(&thread, NULL, cross_run, &two), 0);
  cross_run(&one);
  pthread_join(thread, NULL);
  ck_assert_int_eq(one.result, OK);
  ck_assert_int_eq(two.result, OK);
  ck_assert_uint_ge(one.runs + two.runs, 3);
  db_give(pool, two.db);
  pthread_barrier_destroy(&meet);
}
END_TEST

static enum err cut_off(struct db *on, void *arg)
{
  int64_t id;
  TRY(blob_create(on, &id, 0));
  sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
      "pg_backend_pid() "
      "AND datname = current_database()");
  return blob_create(on, &id, 0);
}

START_TEST(broken_connections_are_mended)
{
  int64_t id;
  ck_assert_int_eq(db_transaction(db, cut_off, NULL), E_DB);
  ck_assert_int_eq(blob_create(db, &id, 0), OK);
  sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
      "pg_backend_pid() "
      "AND datname = current_database()");
  struct work w = {.runs = 3, .end = OK};
  ck_assert_int_eq(db_transaction(db, make_blob, &w), OK);
}
END_TEST

/* ---- blobs ---- */

#define BLOB_LEN (2 * CHUNK_BYTES + 12345u)
struct blob_case {
  uint8_t *data;
  struct blob_info info;
};

static enum err write_blob(struct db *on, void *arg)
{
  struct blob_case *c = arg;
  AUTO(blob_writer_done) struct blob_writer w = {0};
  TRY(blob_start(on, &w));
  for (size_t at = 0, step = 1; at < BLOB_LEN; step = step * 3 + 1) {
    size_t len = MIN(step, BLOB_LEN - at);
    TRY(blob_put(on, &w, BYTES(c->data + at, len)));
    at += len;
  }
  TRY(blob_finish(on, &w));
  c->info = w.info;
  return OK;
}

START_TEST(blobs)
{
  struct blob_case c = {.data = must_calloc(BLOB_LEN, 1)};
  uint8_t *back = must_calloc(BLOB_LEN, 1);
  struct digest hash;
  struct blob_info info;
  randombytes_buf(c.data, BLOB_LEN);
  crypto_hash_sha256(hash.b, c.data, BLOB_LEN);
  ck_assert_int_eq(db_transaction(db, write_blob, &c), OK);
  ck_assert_int_eq(blob_find(db, c.info.id, &info), OK);
  ck_assert_uint_eq(info.length, BLOB_LEN);
  ck_assert_mem_eq(info.sha256.b, hash.b, 32);
  ck_assert_int_eq(blob_read(db, info.id, 0, back, BLOB_LEN), OK);
  ck_assert_mem_eq(back, c.data, BLOB_LEN);
  ck_assert_int_eq(blob_read(db, info.id, CHUNK_BYTES - 5, back, 10), OK);
  ck_assert_mem_eq(back, c.data + CHUNK_BYTES - 5, 10);
  ck_assert_int_eq(blob_read(db, info.id, BLOB_LEN - 5, back, 6), E_RANGE);
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct bytes part;
  ck_assert_int_eq(blob_part(db, info.id, 2, &rows, &part), OK);
  ck_assert_uint_eq(part.len, 12345);
  ck_assert_mem_eq(part.data, c.data + 2 * CHUNK_BYTES, 12345);
  ck_assert_int_eq(blob_part(db, info.id, 3, &rows, &part), E_NOT_FOUND);
  ck_assert_int_eq(blob_delete(db, info.id), OK);
  ck_assert_int_eq(blob_part(db, info.id, 0, &rows, &part), E_NOT_FOUND);
  free(c.data);
  free(back);
}
END_TEST

/* ---- notifications ---- */

struct heard {
  pthread_mutex_t lock;
  pthread_cond_t some;
  char topic[64];
  unsigned nulls;
};

static void on_heard(void *arg, const char *topic)
{
  struct heard *h = arg;
  pthread_mutex_lock(&h->lock);
  if (topic)
    snprintf(h->topic, sizeof h->topic, "%s", topic);
  else
    h->nulls++;
  pthread_cond_signal(&h->some);
  pthread_mutex_unlock(&h->lock);
}

static enum err say(struct db *on, void *arg)
{
  return db_notify(on, arg);
}

static bool wait_heard(struct heard *h, const char *topic)
{
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 10;
  int e = 0;
  pthread_mutex_lock(&h->lock);
  while (e == 0 && (topic ? strcmp(h->topic, topic) != 0 : h->nulls == 0))
    e = pthread_cond_timedwait(&h->some, &h->lock, &until);
  pthread_mutex_unlock(&h->lock);
  return e == 0;
}

START_TEST(notifications)
{
  struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER, .some = PTHREAD_COND_INITIALIZER};
  struct db_listener *l = NULL;
  ck_assert_int_eq(db_listen_start(&l, conninfo, on_heard, &h, NULL), OK);
  ck_assert_int_eq(db_transaction(db, say, (char[]){"round:1"}), OK);
  ck_assert(wait_heard(&h, "round:1"));
  sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
      "pg_backend_pid() "
      "AND datname = current_database()");
  ck_assert(wait_heard(&h, NULL)); /* something may have been missed */
  ck_assert_int_eq(db_transaction(db, say, (char[]){"round:2"}), OK);
  ck_assert(wait_heard(&h, "round:2"));
  db_listen_stop(l);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("db");
  TCase *t = tcase_create("db");
  tcase_set_timeout(t, 60);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, statements_fit_the_server);
  tcase_add_test(t, migrations);
  tcase_add_test(t, transactions);
  tcase_add_test(t, conflicts_name_their_constraint);
  tcase_add_test(t, transactions_nest);
  tcase_add_test(t, deadlocks_are_repeated);
  tcase_add_test(t, broken_connections_are_mended);
  tcase_add_test(t, blobs);
  tcase_add_test(t, notifications);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
