/* SPDX-License-Identifier: Apache-2.0
 * The schema: migrations are part of the program, applied in order under a lock, each in
 * a transaction of its own with its hash recorded. */
#include <sodium.h>
#include <string.h>

#include "db/internal.h"
#include "db/tables.h"

/* "chorus" in ASCII: one process migrates at a time. */
#define MIGRATE_LOCK "109270889198963"

unsigned db_schema_newest(void)
{
  return db_migration_count;
}

static enum err run(PGconn *conn, const char *sql, struct why *why)
{
  PGresult *r = PQexec(conn, sql);
  ExecStatusType s = PQresultStatus(r);
  enum err e = s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK
                   ? OK
                   : why_set(why, E_DB, "", "%s", PQresultErrorMessage(r));
  PQclear(r);
  return e;
}

static void hash_of(char hex[65], const struct db_migration *m)
{
  uint8_t hash[32];
  crypto_hash_sha256(hash, (const uint8_t *)m->sql, strlen(m->sql));
  sodium_bin2hex(hex, 65, hash, 32);
}

static enum err apply(PGconn *conn, const struct db_migration *m, struct why *why)
{
  char hex[65], record[256];
  hash_of(hex, m);
  snprintf(record, sizeof record, "INSERT INTO schema_migrations VALUES (%u, '%s', '%s')",
           m->number, m->name, hex);
  enum err e = run(conn, "BEGIN", why);
  if (e == OK)
    e = run(conn, m->sql, why);
  if (e == OK)
    e = run(conn, record, why);
  if (e == OK)
    return run(conn, "COMMIT", why);
  (void)!run(conn, "ROLLBACK", NULL);
  return e;
}

/* How many are applied, after comparing each with the program's own. */
static enum err check_applied(PGconn *conn, unsigned *count, struct why *why)
{
  PGresult *r =
      PQexec(conn, "SELECT number, hash FROM schema_migrations ORDER BY number");
  if (PQresultStatus(r) != PGRES_TUPLES_OK) {
    enum err e = why_set(why, E_DB, "", "%s", PQresultErrorMessage(r));
    PQclear(r);
    return e;
  }
  enum err e = OK;
  unsigned n = (unsigned)PQntuples(r);
  if (n > db_migration_count)
    e = why_set(why, E_SCHEMA, "schema", "the database has schema %u, this program %u", n,
                db_migration_count);
  for (unsigned i = 0; i < n && e == OK; i++) {
    char hex[65];
    hash_of(hex, &db_migrations[i]);
    if (strcmp(PQgetvalue(r, (int)i, 1), hex) != 0)
      e = why_set(why, E_SCHEMA, "schema",
                  "migration %s was changed after it was applied", db_migrations[i].name);
  }
  PQclear(r);
  *count = n;
  return e;
}

static enum err migrate(PGconn *conn, struct why *why)
{
  unsigned applied = 0;
  TRY(run(conn, "SELECT pg_advisory_lock(" MIGRATE_LOCK ")", why));
  TRY(run(conn,
          "CREATE TABLE IF NOT EXISTS schema_migrations (number bigint PRIMARY KEY, "
          "name text NOT NULL, hash text NOT NULL, "
          "applied_at timestamptz NOT NULL DEFAULT now())",
          why));
  TRY(check_applied(conn, &applied, why));
  for (unsigned i = applied; i < db_migration_count; i++)
    TRY(apply(conn, &db_migrations[i], why));
  return OK;
}

enum err db_migrate(const char *conninfo, struct why *why)
{
  PGconn *conn = db_connection(conninfo);
  enum err e = PQstatus(conn) == CONNECTION_OK
                   ? migrate(conn, why)
                   : why_set(why, E_DB, "", "%s", PQerrorMessage(conn));
  PQfinish(conn); /* releases the lock */
  return e;
}
