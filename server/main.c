/* SPDX-License-Identifier: Apache-2.0
 * chorusd: the coordinator. Commands init, migrate, admin, serve. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "model/net.h"
#include "server/engine.h"
#include "server/http.h"
#include "server/identity.h"
#include "server/settings.h"
#include "util/log.h"

#define STOP_SECONDS 5u

static void usage(void)
{
  puts("usage: chorusd COMMAND [--config FILE] [--KEY VALUE]...\n"
       "\n"
       "  init           prepare a database: schema, key file, instance event\n"
       "                 (needs --db --key --origin)\n"
       "  migrate        bring the database's schema up to date (--db)\n"
       "  admin create NAME   make an administrator's token and print it once (--db)\n"
       "  admin revoke NAME   make the tokens of this name worthless (--db)\n"
       "  serve          run (--db --key)\n"
       "\n"
       "  --help, --version\n"
       "\n"
       "keys, in the file as KEY = VALUE:");
  settings_help();
}

static enum err need(const char *value, const char *name, struct why *why)
{
  if (!value)
    return why_set(why, E_USAGE, name, "is needed");
  return OK;
}

/* ---- init, migrate, admin ---- */

static enum err run_init(const struct settings *s, struct why *why)
{
  AUTO(db_drop) struct db *db = NULL;
  struct identity id;
  struct secret_identity key;
  struct digest hash;
  char hex[2 * sizeof hash + 1];
  TRY(need(s->db, "db", why));
  TRY(need(s->key, "key", why));
  TRY(need(s->origin, "origin", why));
  TRY(db_migrate(s->db, why));
  TRY(db_open(&db, s->db, true, why));
  TRY(key_load(s->key, true, &id, &key, why));
  enum err e = instance_create(db, s->origin, s->simulated_chain, &id, &key, &hash, why);
  sodium_memzero(&key, sizeof key);
  TRY(e);
  sodium_bin2hex(hex, sizeof hex, hash.b, sizeof hash.b);
  printf("instance %s\n", hex);
  return OK;
}

static enum err run_migrate(const struct settings *s, struct why *why)
{
  TRY(need(s->db, "db", why));
  TRY(db_migrate(s->db, why));
  printf("schema %u\n", db_schema_newest());
  return OK;
}

static enum err admin_create(struct db *db, const char *name)
{
  uint8_t secret[32];
  char token[sodium_base64_ENCODED_LEN(sizeof secret,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
  struct digest hash;
  randombytes_buf(secret, sizeof secret);
  sodium_bin2base64(token, sizeof token, secret, sizeof secret,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  crypto_hash_sha256(hash.b, (const uint8_t *)token, strlen(token));
  enum err e = db_run(db, Q_ADMIN_TOKEN_CREATE, DB_ARGS(DB_FIXED(&hash), DB_TEXT(name)));
  if (e == OK)
    puts(token);
  sodium_memzero(secret, sizeof secret);
  sodium_memzero(token, sizeof token);
  return e;
}

static enum err run_admin(const struct settings *s, const char **words, unsigned len,
                          struct why *why)
{
  AUTO(db_drop) struct db *db = NULL;
  TRY(need(s->db, "db", why));
  bool create = len == 2 && strcmp(words[0], "create") == 0;
  bool revoke = len == 2 && strcmp(words[0], "revoke") == 0;
  if (!create && !revoke)
    return why_set(why, E_USAGE, "admin", "expected: admin create NAME, or revoke NAME");
  if (!*words[1] || strlen(words[1]) > 100)
    return why_set(why, E_USAGE, "NAME", "must have 1 to 100 bytes");
  TRY(db_open(&db, s->db, true, why));
  if (create)
    return admin_create(db, words[1]);
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_ADMIN_TOKEN_REVOKE, &rows, DB_ARGS(DB_TEXT(words[1]))));
  if (rows.affected == 0)
    return why_set(why, E_NOT_FOUND, "NAME", "no token has this name");
  printf("revoked %llu\n", (unsigned long long)rows.affected);
  return OK;
}

/* ---- serve ---- */

static enum err set_log_level(const char *name, struct why *why)
{
  static const char *const names[] = {"debug", "info", "warning", "error"};
  for (size_t i = 0; i < LENGTH(names); i++)
    if (strcmp(name, names[i]) == 0) {
      log_threshold((enum log_level)i);
      return OK;
    }
  return why_set(why, E_CONFIG, "log-level", "must be debug, info, warning or error");
}

/* As many open files as the connections need. */
static void raise_limits(const struct settings *s)
{
  struct rlimit r;
  rlim_t wanted = s->connections + 256;
  if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < wanted) {
    r.rlim_cur = r.rlim_max == RLIM_INFINITY ? wanted : MIN(wanted, r.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur < wanted)
      log_warning("limits", "only %llu open files are allowed",
                  (unsigned long long)r.rlim_cur);
  }
}

/* The first SIGTERM or SIGINT ends it in good order, a second one at once. */
static void stop_signals(sigset_t *set)
{
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGHUP, &ignore, NULL);
  sigaction(SIGPIPE, &ignore, NULL);
  sigemptyset(set);
  sigaddset(set, SIGTERM);
  sigaddset(set, SIGINT);
  pthread_sigmask(SIG_BLOCK, set, NULL);
}

struct ears {
  struct server *server;
  struct http *http;
};

static void heard(void *arg, const char *topic)
{
  const struct ears *ears = arg;
  engine_heard(ears->server, topic);
  http_notify(ears->http, topic);
}

static enum err listen_and_wait(struct server *server, const struct settings *s,
                                const sigset_t *signals, struct why *why)
{
  struct ears ears = {.server = server};
  struct db_listener *listener = NULL;
  const struct http_options options = {
      .server = server,
      .conninfo = s->db,
      .address = s->listen,
      .port = (uint16_t)s->port,
      .threads = (unsigned)s->http_threads,
      .workers = (unsigned)s->request_workers,
      .queue = (unsigned)s->queue,
      .connections = (unsigned)s->connections,
      .per_address = (unsigned)s->connections_per_address,
      .timeout = (unsigned)s->timeout,
      .stop_within = STOP_SECONDS,
  };
  int number = 0;
  enum err e = engine_start(server); /* before a handler may need it */
  if (e == OK)
    e = http_start(&ears.http, &options, why);
  if (e == OK)
    e = db_listen_start(&listener, s->db, heard, &ears, why);
  if (e == OK) {
    printf("listening on %s\n", http_origin(ears.http));
    fflush(stdout);
    log_info("start", "listening on %s", http_origin(ears.http));
    while (sigwait(signals, &number) != 0)
      ;
    log_info("stop", "signal %d", number);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
    atomic_store(&server->stopping, true);
  }
  db_listen_stop(listener);
  http_stop(ears.http);
  engine_stop(server);
  return e;
}

static enum err check_schema(struct db *db, struct why *why)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_SCHEMA_VERSION, &rows, DB_NONE));
  int64_t there = db_int(&rows, 0, 0);
  if (there > (int64_t)db_schema_newest())
    return why_set(why, E_SCHEMA, "db", "has schema %lld, this program knows %u",
                   (long long)there, db_schema_newest());
  if (there < (int64_t)db_schema_newest())
    return why_set(why, E_CONFIG, "db", "has an older schema: run chorusd migrate first");
  return OK;
}

static enum err prepare(struct server *server, const struct settings *s, struct why *why)
{
  AUTO(db_drop) struct db *db = NULL;
  TRY(key_load(s->key, false, &server->coordinator, &server->key, why));
  TRY(db_open(&db, s->db, true, why));
  TRY(check_schema(db, why));
  TRY(instance_load(db, server, why));
  return db_pool_open(&server->pool, s->db, (unsigned)s->job_workers + 3, why);
}

static enum err run_serve(const struct settings *s, struct why *why)
{
  struct server server = {
      .config = {.database = s->db,
                 .url = s->url,
                 .workers = (unsigned)s->request_workers,
                 .job_workers = (unsigned)s->job_workers,
                 .quota_bytes = s->quota_bytes,
                 .log_promise = s->log_promise},
  };
  sigset_t signals;
  TRY(need(s->db, "db", why));
  TRY(need(s->key, "key", why));
  TRY(set_log_level(s->log_level, why));
  raise_limits(s);
  stop_signals(&signals);
  model_init();
  enum err e = prepare(&server, s, why);
  if (e == OK)
    e = listen_and_wait(&server, s, &signals, why);
  db_pool_close(server.pool);
  sodium_memzero(&server.key, sizeof server.key);
  return e;
}

/* ---- the command line ---- */

static enum err run(int argc, char **argv, struct why *why)
{
  struct settings s;
  const char *words[2];
  unsigned len = 0;
  const char *command = argv[1];
  settings_init(&s);
  enum err e = settings_words(&s, argc - 2, argv + 2, words, LENGTH(words), &len, why);
  bool admin = strcmp(command, "admin") == 0;
  if (e == OK && len && !admin)
    e = why_set(why, E_USAGE, words[0], "is not expected here");
  else if (e == OK && admin)
    e = run_admin(&s, words, len, why);
  else if (e == OK && strcmp(command, "init") == 0)
    e = run_init(&s, why);
  else if (e == OK && strcmp(command, "migrate") == 0)
    e = run_migrate(&s, why);
  else if (e == OK && strcmp(command, "serve") == 0)
    e = run_serve(&s, why);
  else if (e == OK)
    e = why_set(why, E_USAGE, command, "is not a command; see --help");
  settings_done(&s);
  return e;
}

int main(int argc, char **argv)
{
  struct why why = {0};
  if (argc < 2) {
    fputs("chorusd: a command is needed; see chorusd --help\n", stderr);
    return 2;
  }
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0) {
      argv[i][2] == 'h' ? usage() : (void)puts("chorusd " PACKAGE_VERSION);
      return 0;
    }
  }
  if (sodium_init() < 0)
    return 1;
  enum err e = run(argc, argv, &why);
  if (e == OK)
    return 0;
  fprintf(stderr, "chorusd: %s %s%s%s\n  %s\n", err_info(e)->title, why.field,
          *why.field ? ": " : "", why.detail, err_info(e)->help);
  return e == E_USAGE ? 2 : 1;
}
