/* SPDX-License-Identifier: Apache-2.0
 * The generated tables: statements and migrations. For src/db and its test only. */
#ifndef DB_TABLES_H
#define DB_TABLES_H

#include "db/queries.h"

enum db_query_kind { DB_EXEC, DB_ONE, DB_MAYBE, DB_MANY };

struct db_query_info {
  const char *name;
  enum db_query_kind kind;
  const char *sql;
};
extern const struct db_query_info db_queries[QUERY_COUNT];

struct db_migration {
  unsigned number;
  const char *name;
  const char *sql;
};
extern const struct db_migration db_migrations[];
extern const unsigned db_migration_count;

#endif
