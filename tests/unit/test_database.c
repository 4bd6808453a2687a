/* SPDX-License-Identifier: Apache-2.0
 * A database of one's own for a test. */
#include <check.h>
#include <libpq-fe.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_db.h"

static char name[40];
static char conninfo[1024];

/* The server's conninfo (a URL or keywords) with another database in it. */
static void compose(const char *server)
{
  char *error = NULL;
  PQconninfoOption *options = PQconninfoParse(server, &error);
  ck_assert_msg(options != NULL, "CHORUS_TEST_DB: %s", error);
  size_t at = (size_t)snprintf(conninfo, sizeof conninfo, "dbname=%s", name);
  for (PQconninfoOption *o = options; o->keyword; o++)
    if (o->val && strcmp(o->keyword, "dbname") != 0 && at < sizeof conninfo)
      at += (size_t)snprintf(conninfo + at, sizeof conninfo - at, " %s='%s'", o->keyword,
                             o->val);
  ck_assert_uint_lt(at, sizeof conninfo);
  PQconninfoFree(options);
}

static void command(const char *sql)
{
  PGconn *c = PQconnectdb(getenv("CHORUS_TEST_DB"));
  ck_assert_msg(PQstatus(c) == CONNECTION_OK, "%s", PQerrorMessage(c));
  PGresult *r = PQexec(c, sql);
  ck_assert_msg(PQresultStatus(r) == PGRES_COMMAND_OK, "%s", PQresultErrorMessage(r));
  PQclear(r);
  PQfinish(c);
}

const char *test_db_make(void)
{
  const char *server = getenv("CHORUS_TEST_DB");
  ck_assert_msg(server != NULL,
                "CHORUS_TEST_DB is not set: it names a PostgreSQL server where databases "
                "may be made (./dev test sets it)");
  char sql[128];
  ck_assert_int_ge(sodium_init(), 0);
  snprintf(name, sizeof name, "chorus_test_%08x%08x", randombytes_random(),
           randombytes_random());
  snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
  command(sql);
  compose(server);
  return conninfo;
}

void test_db_drop(void)
{
  char sql[128];
  snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", name);
  command(sql);
}
