/* SPDX-License-Identifier: Apache-2.0
 * chorusd: the coordinator. Commands init, migrate, admin, key, chain, serve, routes. */
#include "config.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "model/net.h"
#include "server/claims_cache.h"
#include "server/engine.h"
#include "server/governance.h"
#include "server/head_file.h"
#include "server/http.h"
#include "server/identity.h"
#include "server/keyfile.h"
#include "server/leaderboard.h"
#include "server/openapi.h"
#include "server/settings.h"
#include "server/users.h"
#include "util/log.h"
#include "util/text.h"

#define STOP_SECONDS 5u
#define REPLICA_NAME_MAX 128u

static void usage(void)
{
  puts("usage: chorusd COMMAND [--config FILE] [--KEY VALUE]...\n"
       "\n"
       "  init           prepare a database: schema, key file, instance event\n"
       "                 (needs --db --key --origin)\n"
       "  migrate        bring the database's schema up to date (--db)\n"
       "  admin create NAME   make a token and print it once (--db --role)\n"
       "  admin revoke NAME   make the tokens of this name worthless (--db)\n"
       "  admin invite NAME   print a link with which this user, new or not, sets a\n"
       "                      password (--db --role --url)\n"
       "  key new FILE        make an Ethereum key in a keystore file\n"
       "  key import FILE     put the key that standard input gives into one\n"
       "  key address FILE    print its address\n"
       "  chain deploy        deploy the contracts; writes the configuration\n"
       "  chain check         say what is wrong with the chain, in plain words\n"
       "  serve          run (--db --key)\n"
       "  routes         print the addresses of the interface as JSON\n"
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

/* The chain of a new instance: the registry as events write it, in lower case. */
static enum err chain_of(const struct settings *s, char registry[ADDRESS_TEXT],
                         const char **contract, struct why *why)
{
  struct address a;
  *contract = s->simulated_chain ? "simulated" : NULL;
  if (!s->registry && !s->chain_id)
    return OK;
  if (s->simulated_chain)
    return why_set(why, E_USAGE, "simulated-chain", "and registry exclude each other");
  TRY(need(s->registry, "registry", why));
  if (!s->chain_id)
    return why_set(why, E_USAGE, "chain-id", "is needed with registry");
  TRY(address_parse(&a, s->registry, "registry", why));
  snprintf(registry, ADDRESS_TEXT, "0x");
  hex_encode(registry + 2, a.b, sizeof a.b);
  *contract = registry;
  return OK;
}

static enum err run_init(const struct settings *s, struct why *why)
{
  AUTO(db_drop) struct db *db = NULL;
  struct identity id;
  struct secret_identity key;
  struct digest hash;
  char hex[2 * sizeof hash + 1], registry[ADDRESS_TEXT];
  const char *contract;
  TRY(need(s->db, "db", why));
  TRY(need(s->key, "key", why));
  TRY(need(s->origin, "origin", why));
  TRY(chain_of(s, registry, &contract, why));
  TRY(db_migrate(s->db, why));
  TRY(db_open(&db, s->db, true, why));
  TRY(key_load(s->key, true, &id, &key, why));
  enum err e =
      instance_create(db, s->origin, contract, s->chain_id, &id, &key, &hash, why);
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

static enum err run_admin(const struct settings *s, const char **words, unsigned len,
                          struct why *why)
{
  TRY(need(s->db, "db", why));
  return admin_command(s, words, len, why);
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

static pthread_t waits; /* the thread that waits for signals */

/* Libraries start threads before main, that block nothing: theirs is ours. */
static void hand_over(int number)
{
  pthread_kill(waits, number);
}

/* The first SIGTERM or SIGINT ends it in good order, a second one at once. */
static void stop_signals(sigset_t *set)
{
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  struct sigaction ours = {.sa_handler = hand_over, .sa_flags = SA_RESTART};
  waits = pthread_self();
  sigaction(SIGHUP, &ignore, NULL);
  sigaction(SIGPIPE, &ignore, NULL);
  sigaction(SIGTERM, &ours, NULL);
  sigaction(SIGINT, &ours, NULL);
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

/* Without it the server serves all the same. */
static void first_link(struct server *server, const char *address)
{
  struct db *db = db_take(server->pool);
  if (!server->read_only && admin_first_link(db, address) != OK)
    log_warning("start", "no link for a first administrator could be made");
  db_give(server->pool, db);
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
      .per_minute = (unsigned)s->per_minute,
      .streams = (unsigned)s->streams,
      .pages = s->pages,
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
    first_link(server, s->url ? s->url : http_origin(ears.http));
    while (sigwait(signals, &number) != 0)
      ;
    log_info("stop", "signal %d", number);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
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

/* A database that was set back is served for reading only: the process says so once, and
 * every refusal again. */
static enum err check_head(struct server *server, struct db *db, struct why *why)
{
  enum err e = head_file_check(server->config.head_file, db, why);
  server->read_only = e == E_RESTORED;
  if (!server->read_only)
    return e;
  log_error("start", "%s %s: %s", err_info(e)->title, why->field, why->detail);
  return OK;
}

static enum err prepare(struct server *server, const struct settings *s, struct why *why)
{
  AUTO(db_drop) struct db *db = NULL;
  TRY(key_load(s->key, false, &server->coordinator, &server->key, why));
  TRY(db_open(&db, s->db, true, why));
  TRY(check_schema(db, why));
  TRY(instance_load(db, server, why));
  TRY(check_head(server, db, why));
  TRY(chain_setup(server, db, s, why));
  return db_pool_open(&server->pool, s->db, (unsigned)s->job_workers + 5, why);
}

/* The file beside the key, unless another is named. The caller frees it. */
static char *head_file_of(const struct settings *s)
{
  AUTO(buf_done) struct buf path = {0};
  if (s->head_file || buf_printf(&path, "%s.head", s->key) != OK)
    return must_strdup(s->head_file ? s->head_file : "");
  return must_strdup(buf_text(&path));
}

static const char *name_of(const struct settings *s, char out[REPLICA_NAME_MAX])
{
  char host[REPLICA_NAME_MAX / 2] = "";
  if (gethostname(host, sizeof host - 1) != 0 || !*host)
    snprintf(host, sizeof host, "chorusd");
  if (s->name)
    snprintf(out, REPLICA_NAME_MAX, "%s", s->name);
  else if (s->port)
    snprintf(out, REPLICA_NAME_MAX, "%s:%llu", host, (unsigned long long)s->port);
  else
    snprintf(out, REPLICA_NAME_MAX, "%s/%ld", host, (long)getpid());
  return out;
}

static enum err run_serve(const struct settings *s, struct why *why)
{
  struct server server = {
      .config = {.database = s->db,
                 .url = s->url,
                 .proxy = s->proxy,
                 .metrics_open = strcmp(s->metrics, "open") == 0,
                 .workers = (unsigned)s->request_workers,
                 .job_workers = (unsigned)s->job_workers,
                 .webhook_private = s->webhook_private,
                 .quota_bytes = s->quota_bytes,
                 .log_promise = s->log_promise,
                 .chain = {s->rpc, s->gas_cap, s->chain_tx_gas_max, s->bump_after,
                           s->chain_poll, s->crash_at}},
  };
  sigset_t signals;
  stop_signals(&signals);
  TRY(need(s->db, "db", why));
  TRY(need(s->key, "key", why));
  TRY(set_log_level(s->log_level, why));
  if (strcmp(s->metrics, "open") != 0 && strcmp(s->metrics, "viewer") != 0)
    return why_set(why, E_CONFIG, "metrics", "must be viewer or open");
  AUTO(free_drop) char *head_file = head_file_of(s);
  char name[REPLICA_NAME_MAX];
  server.config.name = name_of(s, name);
  server.config.head_file = head_file;
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
    return E_INTERNAL;
  raise_limits(s);
  model_init();
  server.claims = claims_cache_new();
  server.governance = governance_new();
  server.leaderboard = leaderboard_new();
  enum err e = prepare(&server, s, why);
  if (e == OK)
    e = listen_and_wait(&server, s, &signals, why);
  db_pool_close(server.pool);
  claims_cache_free(server.claims);
  governance_free(server.governance);
  leaderboard_free(server.leaderboard);
  sodium_memzero(&server.key, sizeof server.key);
  chain_wipe(&server);
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
  bool keys = strcmp(command, "key") == 0, chain = strcmp(command, "chain") == 0;
  if (e == OK && len && !admin && !keys && !chain)
    e = why_set(why, E_USAGE, words[0], "is not expected here");
  else if (e == OK && admin)
    e = run_admin(&s, words, len, why);
  else if (e == OK && keys)
    e = run_key(&s, words, len, why);
  else if (e == OK && chain)
    e = run_chain(&s, words, len, why);
  else if (e == OK && strcmp(command, "init") == 0)
    e = run_init(&s, why);
  else if (e == OK && strcmp(command, "migrate") == 0)
    e = run_migrate(&s, why);
  else if (e == OK && strcmp(command, "serve") == 0)
    e = run_serve(&s, why);
  else if (e == OK && strcmp(command, "routes") == 0)
    routes_print();
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
