/* SPDX-License-Identifier: Apache-2.0
 * PostgreSQL: a pool of connections, each with every statement of sql/queries prepared,
 * binary parameters and results, and the one transaction runner.
 *
 * Errors of all functions here: E_DB_RETRY (a deadlock or serialisation failure: the
 * transaction runner repeats), E_CONFLICT (a unique or exclusion constraint;
 * db_constraint names it), E_DB (anything else). Nothing was changed when a statement
 * fails. */
#ifndef DB_DB_H
#define DB_DB_H

#include "core/types.h"
#include "db/queries.h" /* generated: enum query { Q_ROUND_LOCK, … } */

struct db_pool;
struct db; /* one connection */

/* Opens a pool of at most `size` connections; one is tried at once. The schema must be
 * there (db_migrate). E_DB with PostgreSQL's message in why. */
enum err db_pool_open(struct db_pool **out, const char *conninfo, unsigned size,
                      struct why *why) MUST_USE;
void db_pool_close(struct db_pool *pool);
/* A connection, when one is free: waits. Never NULL; it may be broken, and is then opened
 * again by its next use. */
struct db *db_take(struct db_pool *pool);
void db_give(struct db_pool *pool, struct db *db);

/* How much of it is in use. */
struct db_pool_state {
  unsigned size, made, free;
};
void db_pool_look(struct db_pool *pool, struct db_pool_state *out);

/* A connection outside a pool. prepare: false before there is a schema. */
enum err db_open(struct db **out, const char *conninfo, bool prepare,
                 struct why *why) MUST_USE;
void db_close(struct db *db);
static inline void db_drop(struct db **p)
{
  db_close(*p);
}

/* ---- parameters ---- */

enum db_kind { DB_KIND_NULL, DB_KIND_INT, DB_KIND_REAL, DB_KIND_BOOL, DB_KIND_BYTES };
struct db_arg {
  enum db_kind kind;
  int64_t i;          /* bigint, boolean */
  double d;           /* double precision */
  struct bytes bytes; /* bytea and text */
};
struct db_arg db_arg_text(const char *s); /* NULL: null */
#define DB_INT(v) ((struct db_arg){.kind = DB_KIND_INT, .i = (int64_t)(v)})
#define DB_REAL(v) ((struct db_arg){.kind = DB_KIND_REAL, .d = (v)})
#define DB_BOOL(v) ((struct db_arg){.kind = DB_KIND_BOOL, .i = (v)})
#define DB_BYTES(p, n) ((struct db_arg){.kind = DB_KIND_BYTES, .bytes = BYTES(p, n)})
#define DB_BUF(buf) DB_BYTES((buf)->data ? (buf)->data : (const uint8_t *)"", (buf)->len)
/* A fixed-size value such as a struct digest, by pointer. */
#define DB_FIXED(p) DB_BYTES(p, sizeof *(p))
#define DB_TEXT(s) db_arg_text(s)
#define DB_NULL ((struct db_arg){.kind = DB_KIND_NULL})
#define DB_ARGS_MAX 24u
#define DB_ARGS(...)                                                                     \
  (unsigned)LENGTH(((struct db_arg[]){__VA_ARGS__})), (const struct db_arg[])            \
  {                                                                                      \
    __VA_ARGS__                                                                          \
  }
#define DB_NONE 0, NULL

/* ---- results ---- */

struct db_rows {
  void *result; /* PGresult */
  unsigned len;
  uint64_t affected; /* rows inserted, updated or deleted */
};
void db_rows_done(struct db_rows *rows);

bool db_null(const struct db_rows *r, unsigned row, unsigned column);
int64_t db_int(const struct db_rows *r, unsigned row, unsigned column); /* null: 0 */
double db_real(const struct db_rows *r, unsigned row, unsigned column); /* null: 0 */
bool db_bool(const struct db_rows *r, unsigned row, unsigned column);   /* null: false */
/* NUL-terminated, borrowed from the rows; NULL when null. */
const char *db_text(const struct db_rows *r, unsigned row, unsigned column);
/* Borrowed; .data NULL when null. */
struct bytes db_bytes(const struct db_rows *r, unsigned row, unsigned column);
/* Copies a value of exactly `size` bytes; false (and out untouched) when it is null or
 * has another size. */
bool db_fixed(const struct db_rows *r, unsigned row, unsigned column, void *out,
              size_t size);

/* Runs one prepared statement. rows may be NULL. Outside a transaction a broken
 * connection is opened again and the statement repeated once, so it must then be one that
 * may run twice. A ":one" statement that yields no row gives E_NOT_FOUND. */
enum err db_query(struct db *db, enum query q, struct db_rows *rows, unsigned n,
                  const struct db_arg *args) MUST_USE;
/* The same for statements of which only success matters. */
static inline enum err db_run(struct db *db, enum query q, unsigned n,
                              const struct db_arg *args)
{
  return db_query(db, q, NULL, n, args);
}
/* The constraint that the last E_CONFLICT of this connection broke, or "". */
const char *db_constraint(const struct db *db);

/* ---- transactions ---- */

/* Runs run(db, arg) inside a transaction (READ COMMITTED), commits when it returns OK and
 * rolls back otherwise; on E_DB_RETRY it starts again, a few times. run may therefore be
 * called several times and leaves no other traces than in the database and in *arg, which
 * it sets afresh. Inside another transaction it is a part of that one, which commits it
 * and repeats it. */
typedef enum err (*db_work)(struct db *db, void *arg);
enum err db_transaction(struct db *db, db_work run, void *arg) MUST_USE;
/* The same, seeing one snapshot and changing nothing. */
enum err db_snapshot(struct db *db, db_work run, void *arg) MUST_USE;

/* Inside a transaction: tells every listener `topic` once it has committed. */
enum err db_notify(struct db *db, const char *topic) MUST_USE;

/* ---- schema (migrate.c) ---- */

/* Brings the schema to this program's version, one process at a time. E_SCHEMA when the
 * database is newer than the program or an applied migration differs from it. */
enum err db_migrate(const char *conninfo, struct why *why) MUST_USE;
/* Number of the newest migration the program has. */
unsigned db_schema_newest(void);

/* ---- notifications (listen.c) ---- */

struct db_listener;
/* Called on the listener's own thread with each topic, and with NULL whenever something
 * may have been missed (after a lost connection, and each second while there is none). */
typedef void (*db_heard)(void *arg, const char *topic);
enum err db_listen_start(struct db_listener **out, const char *conninfo, db_heard heard,
                         void *arg, struct why *why) MUST_USE;
void db_listen_stop(struct db_listener *l);

#endif
