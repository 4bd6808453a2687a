/* SPDX-License-Identifier: Apache-2.0
 * What one chorusd process holds: configuration, keys, connections, caches. Made by
 * main.c before threads start and passed to everything; PostgreSQL holds the rest. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdatomic.h>

#include "core/message.h"
#include "db/db.h"
#include "ledger/note.h"

struct engine; /* engine.h: driver and job threads, round cache */

struct server_config {
  const char *database; /* libpq conninfo */
  const char *url;      /* where people reach it; NULL: where it listens */
  unsigned workers;     /* request workers */
  unsigned job_workers; /* threads that sum, unmask, evaluate */
  bool simulated_chain; /* tests only */
  uint64_t quota_bytes; /* masked vectors of one round at most; 0: no limit */
  uint64_t log_promise; /* seconds within which what has a receipt is in the log */
};

struct server {
  struct server_config config;
  struct db_pool *pool;
  struct identity coordinator;
  struct secret_identity key; /* wiped at the end */
  struct digest instance;     /* H of the instance event */
  struct note_key log;        /* the log's: its origin and the coordinator's key */
  bool anchored, simulated;   /* what the instance event says of the chain */
  struct engine *engine;
  atomic_bool stopping;
};

#endif
