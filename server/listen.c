/* SPDX-License-Identifier: Apache-2.0
 * Starting and stopping the HTTP side: the socket, libmicrohttpd's threads, the request
 * workers. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "db/db.h"
#include "server/http_internal.h"
#include "server/hub.h"
#include "server/visitors.h"
#include "util/log.h"

/* Of each connection. libmicrohttpd reads into half of it and touches that half when it
 * answers, so a connection that is kept open, a stream, holds as much: a thousand 32 MiB.
 * Uploads are no quicker with twice as much, and slower with half. */
#define CONNECTION_MEMORY ((size_t)64 << 10)

static void on_log(void *cls, const char *fmt, va_list ap)
{
  char text[400];
  vsnprintf(text, sizeof text, fmt, ap);
  text[strcspn(text, "\r\n")] = 0;
  log_debug("microhttpd", "%s", text);
}

static enum err open_socket(struct http *h, struct why *why)
{
  char port[16];
  const struct http_options *o = &h->options;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                           .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
  struct addrinfo *found = NULL;
  snprintf(port, sizeof port, "%u", o->port);
  if (getaddrinfo(o->address, port, &hints, &found) != 0)
    return why_set(why, E_CONFIG, "listen", "%s is not a numeric address", o->address);
  int one = 1;
  h->socket = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (h->socket >= 0)
    setsockopt(h->socket, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  bool good = h->socket >= 0 && bind(h->socket, found->ai_addr, found->ai_addrlen) == 0 &&
              listen(h->socket, 1024) == 0;
  int error = errno;
  freeaddrinfo(found);
  if (!good)
    return why_set(why, E_CONFIG, "port", "cannot listen on %s port %s: %s", o->address,
                   port, strerror(error));
  struct sockaddr_storage at;
  socklen_t len = sizeof at;
  getsockname(h->socket, (struct sockaddr *)&at, &len);
  unsigned got = at.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&at)->sin6_port)
                                          : ntohs(((struct sockaddr_in *)&at)->sin_port);
  snprintf(h->origin, sizeof h->origin,
           strchr(o->address, ':') ? "http://[%s]:%u" : "http://%s:%u", o->address, got);
  return OK;
}

/* Who comes while it stops is sent away. MHD_quiesce_daemon would do that, but in 0.9.75
 * it races with libmicrohttpd's own threads and aborts the process. */
static enum MHD_Result may_come(void *cls, const struct sockaddr *from, socklen_t len)
{
  struct http *h = cls;
  (void)from;
  (void)len;
  return atomic_load(&h->stopping) ? MHD_NO : MHD_YES;
}

static enum err start_daemon(struct http *h, struct why *why)
{
  const struct http_options *o = &h->options;
  h->daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
          MHD_USE_ERROR_LOG,
      0, may_come, h, http_on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, h,
      MHD_OPTION_LISTEN_SOCKET, h->socket, MHD_OPTION_THREAD_POOL_SIZE,
      o->threads > 1 ? o->threads : 0, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT, o->connections,
      MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->per_address, MHD_OPTION_CONNECTION_TIMEOUT,
      o->timeout, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK,
      http_on_target, h, MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, h,
      MHD_OPTION_NOTIFY_CONNECTION, visitors_notify, h->visitors, MHD_OPTION_END);
  if (!h->daemon)
    return why_set(why, E_CONFIG, "", "libmicrohttpd cannot start");
  return OK;
}

static void *worker_main(void *arg)
{
  struct http *h = ((void **)arg)[0];
  struct db *db = ((void **)arg)[1];
  free(arg);
  struct job *job;
  while ((job = queue_pop(&h->queue)))
    job->run(job, db);
  return NULL;
}

static enum err start_workers(struct http *h, struct why *why)
{
  unsigned n = h->options.workers;
  h->workers = must_calloc(n, sizeof *h->workers);
  h->dbs = must_calloc(n, sizeof *h->dbs);
  for (unsigned i = 0; i < n; i++) {
    TRY(db_open(&h->dbs[i], h->options.conninfo, true, why));
    void **arg = must_calloc(2, sizeof *arg);
    arg[0] = h;
    arg[1] = h->dbs[i];
    if (pthread_create(&h->workers[i], NULL, worker_main, arg) != 0) {
      free(arg);
      return why_set(why, E_CONFIG, "request-workers", "cannot start a thread");
    }
    h->worker_count++;
  }
  return OK;
}

/* Without pages the interface is served all the same. */
static void load_pages(struct http *h)
{
  struct why why = {0};
  h->assets = assets_load(h->options.pages, h->options.server, &why);
  if (why.detail[0])
    log_warning("pages", "%s", why.detail);
}

enum err http_start(struct http **out, const struct http_options *options,
                    struct why *why)
{
  struct http *h = must_calloc(1, sizeof *h);
  h->options = *options;
  h->socket = -1;
  queue_init(&h->queue, options->queue);
  lane_init(&h->small, SMALL_LANE);
  lane_init(&h->large, LARGE_LANE);
  streams_init(&h->streams);
  load_pages(h);
  h->metrics = metrics_new();
  h->limits = limits_new(options->per_minute);
  h->started_at = (double)time(NULL);
  randombytes_buf(&h->nonce, sizeof h->nonce);
  enum err e = waits_init(&h->waits, h);
  if (e == OK)
    e = open_socket(h, why);
  if (e == OK)
    e = hub_start(&h->hub, options->server, options->conninfo, options->streams,
                  options->timeout, why);
  if (e == OK)
    e = start_workers(h, why);
  if (e == OK)
    e = visitors_start(&h->visitors, 2.0 * options->timeout + 1);
  if (e == OK)
    e = start_daemon(h, why);
  if (e != OK) {
    http_stop(h);
    return e;
  }
  *out = h;
  return OK;
}

unsigned http_connections(struct http *h)
{
  const union MHD_DaemonInfo *info =
      MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
  return info ? info->num_connections : 0;
}

const char *http_origin(const struct http *h)
{
  return h->origin;
}

void http_notify(struct http *h, const char *topic)
{
  waits_notify(&h->waits, topic);
  hub_heard(h->hub, topic);
}

/* What is under way gets its time. Requests that wait or queue for room are answered at
 * once, streams of events ended; those that send a vector go on. */
static void let_finish(struct http *h)
{
  double until = clock_now() + h->options.stop_within;
  while (atomic_load(&h->active) && clock_now() < until) {
    struct timespec nap = {.tv_nsec = 10000000};
    nanosleep(&nap, NULL);
  }
}

void http_stop(struct http *h)
{
  if (!h)
    return;
  atomic_store(&h->stopping, true);
  waits_close(&h->waits);
  hub_close(h->hub);
  lane_close(&h->small);
  lane_close(&h->large);
  if (h->daemon)
    let_finish(h);
  atomic_store(&h->aborting, true);
  queue_close(&h->queue); /* from here on nothing is suspended */
  for (unsigned i = 0; i < h->worker_count; i++)
    pthread_join(h->workers[i], NULL);
  visitors_stop(h->visitors);
  if (h->daemon)
    MHD_stop_daemon(h->daemon);
  visitors_free(h->visitors);
  if (h->socket >= 0)
    close(h->socket);
  for (unsigned i = 0; h->dbs && i < h->options.workers; i++)
    db_close(h->dbs[i]);
  free(h->workers);
  free(h->dbs);
  hub_free(h->hub);
  metrics_free(h->metrics);
  limits_free(h->limits);
  assets_free(h->assets);
  streams_done(&h->streams);
  waits_done(&h->waits);
  lane_done(&h->small);
  lane_done(&h->large);
  queue_done(&h->queue);
  free(h);
}
