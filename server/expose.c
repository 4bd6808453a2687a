/* SPDX-License-Identifier: Apache-2.0
 * Handler: GET /metrics, in the text format of Prometheus. What concerns the instance is
 * read from the database, and the same from every replica; what has `process` or `http`
 * in its name is this process's own. */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "server/common.h"
#include "server/handlers.h"
#include "server/http_internal.h"
#include "server/hub.h"
#include "server/metrics.h"

static enum err head(struct buf *out, const char *name, const char *type,
                     const char *help)
{
  return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static enum err gauge(struct buf *out, const char *name, double value, const char *help)
{
  TRY(head(out, name, "gauge", help));
  return buf_printf(out, "%s %.17g\n", name, value);
}

/* ---- the instance ---- */

static enum err write_rounds(struct db *db, struct buf *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_SYSTEM_ROUNDS, &rows, DB_NONE));
  TRY(head(out, "chorus_rounds", "gauge", "Rounds by phase."));
  for (unsigned i = 0; i < rows.len; i++)
    TRY(buf_printf(out, "chorus_rounds{phase=\"%s\"} %lld\n", db_text(&rows, i, 0),
                   (long long)db_int(&rows, i, 1)));
  return OK;
}

static enum err write_jobs(struct db *db, struct buf *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_SYSTEM_JOBS, &rows, DB_NONE));
  TRY(head(out, "chorus_jobs", "gauge", "Jobs by kind, waiting or running."));
  for (unsigned i = 0; i < rows.len; i++) {
    const char *kind = db_text(&rows, i, 0);
    TRY(buf_printf(out,
                   "chorus_jobs{kind=\"%s\",state=\"waiting\"} %lld\n"
                   "chorus_jobs{kind=\"%s\",state=\"running\"} %lld\n",
                   kind, (long long)db_int(&rows, i, 1), kind,
                   (long long)db_int(&rows, i, 2)));
  }
  return OK;
}

static enum err write_outbox(struct db *db, struct buf *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_SYSTEM_OUTBOX, &rows, DB_NONE));
  TRY(head(out, "chorus_chain_transactions", "gauge",
           "Transactions of the outbox by kind and state."));
  for (unsigned i = 0; i < rows.len; i++)
    TRY(buf_printf(out, "chorus_chain_transactions{kind=\"%s\",state=\"%s\"} %lld\n",
                   db_text(&rows, i, 0), db_text(&rows, i, 1),
                   (long long)db_int(&rows, i, 2)));
  return OK;
}

static enum err write_chain(const struct server *s, struct db *db, struct buf *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  if (!s->chain.on)
    return OK;
  TRY(write_outbox(db, out));
  TRY(db_query(db, Q_SYSTEM_CHAIN, &rows, DB_NONE));
  if (db_null(&rows, 0, 2))
    return OK;
  TRY(gauge(out, "chorus_chain_head_block", (double)db_int(&rows, 0, 0),
            "The newest block that was seen."));
  TRY(gauge(out, "chorus_chain_final_block", (double)db_int(&rows, 0, 1),
            "The newest final block that was seen."));
  TRY(gauge(out, "chorus_chain_seen_timestamp_seconds", db_real(&rows, 0, 2),
            "When a node was heard last."));
  const char *wei = db_text(&rows, 0, 3);
  return wei ? gauge(out, "chorus_chain_relayer_balance_ether", strtod(wei, NULL) * 1e-18,
                     "What the relayer has to pay gas with.")
             : OK;
}

static enum err write_storage(struct db *db, struct buf *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(db_rows_done) struct db_rows people = {0};
  TRY(db_query(db, Q_SYSTEM_STORAGE, &rows, DB_NONE));
  TRY(db_query(db, Q_SYSTEM_PEOPLE, &people, DB_NONE));
  TRY(gauge(out, "chorus_database_size_bytes", (double)db_int(&rows, 0, 0),
            "The database."));
  TRY(gauge(out, "chorus_vectors_size_bytes", (double)db_int(&rows, 0, 1),
            "Of it, stored vectors and documents."));
  TRY(gauge(out, "chorus_log_entries", (double)db_int(&rows, 0, 2),
            "Leaves of the public log."));
  TRY(gauge(out, "chorus_log_pending", (double)db_int(&rows, 0, 4),
            "Events that are no leaves yet."));
  TRY(gauge(out, "chorus_participants", (double)db_int(&people, 0, 0),
            "Enrolled participants."));
  TRY(gauge(out, "chorus_models", (double)db_int(&people, 0, 1), "Models."));
  return gauge(out, "chorus_replicas", (double)db_int(&people, 0, 2),
               "Processes that were heard within 30 seconds.");
}

/* ---- this process ---- */

static double memory_resident(void)
{
  char line[128] = "", *end = line;
  FILE *f = fopen("/proc/self/statm", "re"); /* pages: all, resident, … */
  if (f && !fgets(line, sizeof line, f))
    line[0] = 0;
  if (f)
    fclose(f);
  strtoull(line, &end, 10);
  return (double)strtoull(end, NULL, 10) * (double)sysconf(_SC_PAGESIZE);
}

static double open_files(void)
{
  double n = 0;
  DIR *dir = opendir("/proc/self/fd");
  if (!dir)
    return 0;
  while (readdir(dir))
    n++;
  closedir(dir);
  return n - 3; /* ".", ".." and the folder itself */
}

static enum err write_process(const struct http *h, struct buf *out)
{
  struct timespec cpu;
  struct rlimit files = {0};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  getrlimit(RLIMIT_NOFILE, &files);
  TRY(head(out, "process_cpu_seconds_total", "counter",
           "Processor time, of the user and the system."));
  TRY(buf_printf(out, "process_cpu_seconds_total %.3f\n",
                 (double)cpu.tv_sec + (double)cpu.tv_nsec * 1e-9));
  TRY(gauge(out, "process_resident_memory_bytes", memory_resident(), "Resident memory."));
  TRY(gauge(out, "process_open_fds", open_files(), "Open files."));
  TRY(gauge(out, "process_max_fds", (double)files.rlim_cur, "Open files at most."));
  return gauge(out, "process_start_time_seconds", h->started_at,
               "When the process started, in Unix seconds.");
}

static enum err write_http(struct http *h, struct buf *out)
{
  TRY(gauge(out, "chorus_http_connections", http_connections(h), "Open connections."));
  TRY(gauge(out, "chorus_http_connections_max", h->options.connections,
            "Open connections at most."));
  TRY(gauge(out, "chorus_http_requests_active", atomic_load(&h->active),
            "Requests that are under way or waiting."));
  TRY(gauge(out, "chorus_event_streams", hub_streams(h->hub), "Open streams of events."));
  TRY(gauge(out, "chorus_http_queue_length", queue_length(&h->queue),
            "Requests that wait for a worker."));
  TRY(gauge(out, "chorus_http_workers", h->worker_count, "Request workers."));
  return metrics_write(h->metrics, out);
}

static enum err write_pool(const struct server *s, struct buf *out)
{
  struct db_pool_state pool;
  db_pool_look(s->pool, &pool);
  TRY(head(out, "chorus_database_pool_connections", "gauge",
           "Connections of the pool of jobs and the engine, by state."));
  return buf_printf(out,
                    "chorus_database_pool_connections{state=\"busy\"} %u\n"
                    "chorus_database_pool_connections{state=\"idle\"} %u\n"
                    "# HELP chorus_database_pool_connections_max Of them at most.\n"
                    "# TYPE chorus_database_pool_connections_max gauge\n"
                    "chorus_database_pool_connections_max %u\n",
                    pool.made - pool.free, pool.free, pool.size);
}

enum err metrics_show(struct request *rq, struct reply *rp)
{
  struct exchange *x = rq->http;
  struct http *h = x->http;
  struct buf *out = &rp->bytes;
  TRY(head(out, "chorus_build_info", "gauge", "The program's version."));
  TRY(buf_printf(out, "chorus_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION));
  TRY(gauge(out, "chorus_read_only", rq->server->read_only,
            "1 when the database was set back and nothing is accepted."));
  TRY(write_rounds(rq->db, out));
  TRY(write_jobs(rq->db, out));
  TRY(write_storage(rq->db, out));
  TRY(write_chain(rq->server, rq->db, out));
  TRY(write_pool(rq->server, out));
  TRY(write_http(h, out));
  TRY(write_process(h, out));
  rp->content_type = "text/plain; version=0.0.4; charset=utf-8";
  return OK;
}
