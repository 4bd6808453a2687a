/* SPDX-License-Identifier: Apache-2.0
 * One connection: prepared statements, binary parameters, errors, transactions. */
#include "db/db.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "db/internal.h"
#include "db/tables.h"
#include "util/log.h"

#define RETRIES 12

/* So that no wait is without an end. */
static const char session[] =
    "-c client_min_messages=warning -c lock_timeout=20s -c statement_timeout=120s "
    "-c idle_in_transaction_session_timeout=300s";

PGconn *db_connection(const char *conninfo)
{
  const char *const names[] = {"connect_timeout", "tcp_user_timeout", "application_name",
                               "dbname",          "options",          NULL};
  const char *const values[] = {"5", "20000", "chorusd", conninfo, session, NULL};
  return PQconnectdbParams(names, values, 1);
}

/* All statements in one round trip. */
static enum err prepare_all(PGconn *conn, struct why *why)
{
  if (!PQenterPipelineMode(conn))
    return why_set(why, E_DB, "", "%s", PQerrorMessage(conn));
  for (int q = 0; q < QUERY_COUNT; q++)
    if (!PQsendPrepare(conn, db_queries[q].name, db_queries[q].sql, 0, NULL))
      return why_set(why, E_DB, "", "%s", PQerrorMessage(conn));
  if (!PQpipelineSync(conn))
    return why_set(why, E_DB, "", "%s", PQerrorMessage(conn));
  enum err e = OK;
  for (int q = 0; q < QUERY_COUNT; q++) {
    PGresult *r = PQgetResult(conn);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && e == OK) {
      e = why_set(why, E_DB, db_queries[q].name, "%s", PQresultErrorMessage(r));
      log_error("statement", "%s: %s", db_queries[q].name, PQresultErrorMessage(r));
    }
    PQclear(r);
    PQclear(PQgetResult(conn)); /* the NULL between two */
  }
  PQclear(PQgetResult(conn)); /* the sync point */
  if (!PQexitPipelineMode(conn) && e == OK)
    e = why_set(why, E_DB, "", "%s", PQerrorMessage(conn));
  return e;
}

enum err db_connect(struct db *db, struct why *why)
{
  PQfinish(db->conn);
  db->ready = db->in_transaction = false;
  db->conn = db_connection(db->conninfo);
  if (PQstatus(db->conn) != CONNECTION_OK)
    return why_set(why, E_DB, "", "%s", PQerrorMessage(db->conn));
  if (db->prepare)
    TRY(prepare_all(db->conn, why));
  db->ready = true;
  return OK;
}

enum err db_open(struct db **out, const char *conninfo, bool prepare, struct why *why)
{
  AUTO(db_drop) struct db *db = must_calloc(1, sizeof *db);
  db->conninfo = must_strdup(conninfo);
  db->prepare = prepare;
  TRY(db_connect(db, why));
  *out = STEAL(db);
  return OK;
}

void db_close(struct db *db)
{
  if (!db)
    return;
  PQfinish(db->conn);
  free(db->conninfo);
  free(db);
}

struct db_arg db_arg_text(const char *s)
{
  return s ? DB_BYTES(s, strlen(s)) : DB_NULL;
}

const char *db_constraint(const struct db *db)
{
  return db->constraint;
}

/* ---- errors ---- */

/* Whether the connection is gone. libpq still calls it good when the server's last words
 * were a notice; an error without a SQLSTATE is always its own. */
static bool lost(const struct db *db, const PGresult *r)
{
  return PQstatus(db->conn) != CONNECTION_OK || !PQresultErrorField(r, PG_DIAG_SQLSTATE);
}

static enum err failed(struct db *db, const char *name, const PGresult *r)
{
  const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
  db->constraint[0] = 0;
  if (!state) {
    db->ready = false;
    log_warning("database", "%s: %s", name, PQerrorMessage(db->conn));
    return E_DB;
  }
  if (!strcmp(state, "40001") || !strcmp(state, "40P01") || !strcmp(state, "55P03"))
    return E_DB_RETRY;
  if (!strcmp(state, "23505") || !strcmp(state, "23P01")) {
    const char *constraint = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
    snprintf(db->constraint, sizeof db->constraint, "%s", constraint ? constraint : "");
    return E_CONFLICT;
  }
  log_error("database", "%s: %s", name, PQresultErrorMessage(r));
  return E_DB;
}

/* ---- statements ---- */

struct wire {
  const char *values[DB_ARGS_MAX];
  int lengths[DB_ARGS_MAX];
  int formats[DB_ARGS_MAX];
  uint64_t words[DB_ARGS_MAX];
};

static void wire_put(struct wire *w, unsigned at, const struct db_arg *a)
{
  w->formats[at] = 1;
  w->values[at] = (const char *)&w->words[at];
  w->lengths[at] = 8;
  switch (a->kind) {
  case DB_KIND_NULL:
    w->values[at] = NULL;
    break;
  case DB_KIND_INT:
    w->words[at] = htobe64((uint64_t)a->i);
    break;
  case DB_KIND_REAL:
    memcpy(&w->words[at], &a->d, 8);
    w->words[at] = htobe64(w->words[at]);
    break;
  case DB_KIND_BOOL:
    *(uint8_t *)&w->words[at] = a->i != 0;
    w->lengths[at] = 1;
    break;
  case DB_KIND_BYTES:
    w->values[at] = a->bytes.data ? (const char *)a->bytes.data : "";
    w->lengths[at] = (int)a->bytes.len;
    break;
  }
}

static bool result_good(const PGresult *r)
{
  ExecStatusType s = PQresultStatus(r);
  return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

enum err db_query(struct db *db, enum query q, struct db_rows *rows, unsigned n,
                  const struct db_arg *args)
{
  const struct db_query_info *info = &db_queries[q];
  struct wire w;
  if (n > DB_ARGS_MAX)
    return E_INTERNAL;
  for (unsigned i = 0; i < n; i++)
    wire_put(&w, i, &args[i]);
  PGresult *r = NULL;
  for (int attempt = 0;; attempt++) {
    if (!db->ready || PQstatus(db->conn) != CONNECTION_OK) {
      if (db->in_transaction)
        return E_DB;
      TRY(db_connect(db, NULL));
    }
    r = PQexecPrepared(db->conn, info->name, (int)n, w.values, w.lengths, w.formats, 1);
    if (result_good(r))
      break;
    bool again = attempt == 0 && !db->in_transaction && lost(db, r);
    enum err e = again ? OK : failed(db, info->name, r);
    PQclear(r);
    if (!again)
      return e;
    db->ready = false;
  }
  unsigned len = (unsigned)PQntuples(r);
  bool missing = info->kind == DB_ONE && len == 0;
  bool many = (info->kind == DB_ONE || info->kind == DB_MAYBE) && len > 1;
  if (rows && !missing && !many) {
    db_rows_done(rows);
    rows->result = r;
    rows->len = len;
    rows->affected = strtoull(PQcmdTuples(r), NULL, 10);
  } else {
    PQclear(r);
  }
  return missing ? E_NOT_FOUND : many ? E_INTERNAL : OK;
}

/* ---- results ---- */

void db_rows_done(struct db_rows *rows)
{
  PQclear(rows->result);
  *rows = (struct db_rows){0};
}

bool db_null(const struct db_rows *r, unsigned row, unsigned column)
{
  return PQgetisnull(r->result, (int)row, (int)column);
}

/* The low `size` bytes of a number sent in network order. */
static uint64_t word(const struct db_rows *r, unsigned row, unsigned column)
{
  uint64_t v = 0;
  const uint8_t *p = (const uint8_t *)PQgetvalue(r->result, (int)row, (int)column);
  int len = PQgetlength(r->result, (int)row, (int)column);
  for (int i = 0; i < len && i < 8; i++)
    v = v << 8 | p[i];
  return v;
}

int64_t db_int(const struct db_rows *r, unsigned row, unsigned column)
{
  if (db_null(r, row, column))
    return 0;
  uint64_t v = word(r, row, column);
  int len = PQgetlength(r->result, (int)row, (int)column);
  return len == 4 ? (int32_t)v : len == 2 ? (int16_t)v : (int64_t)v;
}

double db_real(const struct db_rows *r, unsigned row, unsigned column)
{
  double d = 0;
  if (db_null(r, row, column) || PQgetlength(r->result, (int)row, (int)column) != 8)
    return 0;
  uint64_t v = word(r, row, column);
  memcpy(&d, &v, 8);
  return d;
}

bool db_bool(const struct db_rows *r, unsigned row, unsigned column)
{
  return !db_null(r, row, column) && word(r, row, column) != 0;
}

const char *db_text(const struct db_rows *r, unsigned row, unsigned column)
{
  return db_null(r, row, column) ? NULL : PQgetvalue(r->result, (int)row, (int)column);
}

struct bytes db_bytes(const struct db_rows *r, unsigned row, unsigned column)
{
  if (db_null(r, row, column))
    return BYTES(NULL, 0);
  return BYTES(PQgetvalue(r->result, (int)row, (int)column),
               (size_t)PQgetlength(r->result, (int)row, (int)column));
}

bool db_fixed(const struct db_rows *r, unsigned row, unsigned column, void *out,
              size_t size)
{
  struct bytes b = db_bytes(r, row, column);
  if (!b.data || b.len != size)
    return false;
  memcpy(out, b.data, size);
  return true;
}

/* ---- transactions ---- */

static enum err command(struct db *db, const char *text)
{
  PGresult *r = PQexec(db->conn, text);
  enum err e = result_good(r) ? OK : failed(db, text, r);
  /* a COMMIT that became a rollback must not pass for success */
  if (e == OK && !strcmp(text, "COMMIT") && strcmp(PQcmdStatus(r), "COMMIT") != 0)
    e = E_DB;
  PQclear(r);
  return e;
}

static enum err begin(struct db *db, const char *text)
{
  if (db->ready && PQstatus(db->conn) == CONNECTION_OK && command(db, text) == OK)
    return OK;
  TRY(db_connect(db, NULL));
  return command(db, text);
}

static enum err attempt(struct db *db, const char *how, db_work run, void *arg)
{
  TRY(begin(db, how));
  db->in_transaction = true;
  enum err e = run(db, arg);
  if (e == OK)
    e = command(db, "COMMIT");
  else if (PQstatus(db->conn) == CONNECTION_OK && command(db, "ROLLBACK") != OK)
    db->ready = false;
  db->in_transaction = false;
  return e;
}

/* Inside another one: what fails here leaves the outer one as it was. */
static enum err nested(struct db *db, db_work run, void *arg)
{
  TRY(command(db, "SAVEPOINT inner_work"));
  enum err e = run(db, arg);
  if (e == OK)
    return command(db, "RELEASE inner_work");
  if (PQstatus(db->conn) != CONNECTION_OK || command(db, "ROLLBACK TO inner_work") != OK)
    return E_DB;
  return e;
}

static enum err transaction(struct db *db, const char *how, db_work run, void *arg)
{
  if (db->in_transaction)
    return nested(db, run, arg);
  for (unsigned n = 1;; n++) {
    enum err e = attempt(db, how, run, arg);
    if (e != E_DB_RETRY || n == RETRIES)
      return e;
    struct timespec pause = {0, (long)n * n * 1000000L};
    nanosleep(&pause, NULL);
  }
}

enum err db_transaction(struct db *db, db_work run, void *arg)
{
  return transaction(db, "BEGIN ISOLATION LEVEL READ COMMITTED", run, arg);
}

enum err db_snapshot(struct db *db, db_work run, void *arg)
{
  return transaction(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", run, arg);
}

enum err db_notify(struct db *db, const char *topic)
{
  return db_run(db, Q_NOTIFY, DB_ARGS(DB_TEXT(topic)));
}
