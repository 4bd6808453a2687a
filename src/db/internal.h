/* SPDX-License-Identifier: Apache-2.0
 * What the files of src/db share. */
#ifndef DB_INTERNAL_H
#define DB_INTERNAL_H

#include <libpq-fe.h>

#include "db/db.h"

struct db {
  PGconn *conn;
  char *conninfo;
  bool prepare;
  bool ready; /* statements are prepared on this connection */
  bool in_transaction;
  char constraint[64];
  struct db *next; /* pool.c's free list */
};

/* Connects (again) and prepares. */
enum err db_connect(struct db *db, struct why *why);
/* A connection as all of Chorus makes them. */
PGconn *db_connection(const char *conninfo);

#endif
