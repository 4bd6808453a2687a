/* SPDX-License-Identifier: Apache-2.0
 * What one chorusd process holds: configuration, keys, connections, caches. Made by
 * main.c before threads start and passed to everything; PostgreSQL holds the rest. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdatomic.h>

#include "chain/key.h"
#include "core/message.h"
#include "db/db.h"
#include "ledger/note.h"

struct engine; /* engine.h: driver and job threads, round cache */
struct claims_cache;
struct governance;
struct leaderboard;

struct server_config {
  const char *database;  /* libpq conninfo */
  const char *url;       /* where people reach it; NULL: where it listens */
  const char *name;      /* what this process is called among others; NULL: chorusd */
  bool metrics_open;     /* anybody may read /metrics */
  const char *proxy;     /* the address whose X-Forwarded-For is believed; NULL: none */
  unsigned workers;      /* request workers */
  unsigned job_workers;  /* threads that sum, unmask, evaluate */
  bool simulated_chain;  /* tests only */
  bool webhook_private;  /* webhooks may go to private addresses */
  uint64_t quota_bytes;  /* masked vectors of one round at most; 0: no limit */
  uint64_t log_promise;  /* seconds within which what has a receipt is in the log */
  const char *head_file; /* head_file.h; NULL: none is kept */
  struct {
    const char *rpc;      /* Ethereum nodes, separated by commas; NULL: none */
    uint64_t gas_cap;     /* gwei a unit of gas may cost at most */
    uint64_t tx_gas_max;  /* gas of one transaction */
    uint64_t bump_after;  /* seconds until fees that are too low are raised */
    uint64_t poll;        /* milliseconds between two looks at the chain */
    const char *crash_at; /* tests only: where the payer kills the process */
  } chain;
};

struct server {
  struct server_config config;
  struct db_pool *pool;
  struct identity coordinator;
  struct secret_identity key; /* wiped at the end */
  struct digest instance;     /* H of the instance event */
  struct note_key log;        /* the log's: its origin and the coordinator's key */
  bool anchored, simulated;   /* what the instance event says of the chain */
  struct {
    bool on; /* anchored on a real chain */
    uint64_t id;
    struct address registry;
    /* read from the registry, at start or, when no node answered, later: only to be
     * looked at once `known` is true */
    atomic_bool known;
    struct address vault, voice, governor;
    struct secret_key attestor_key, relayer_key; /* wiped at the end */
    struct signer attestor, relayer;
    bool relays; /* there is a relayer's key: this process signs and sends */
  } chain;
  struct engine *engine;
  atomic_uint hashing; /* passwords at this moment; password.c */
  struct claims_cache *claims;
  struct governance *governance;
  struct leaderboard *leaderboard;
  /* The database was set back: whatever is said now would contradict what was said
   * before. Everything can be read, nothing is accepted or signed, no thread of the
   * engine runs. */
  bool read_only;
  atomic_bool stopping;
};

#endif
