/* SPDX-License-Identifier: Apache-2.0
 * libmicrohttpd's side: listening, and the steps of an exchange on an HTTP thread. These
 * threads never compute and never touch the database: they check what the headers tell,
 * collect the body, suspend the connection and hand it to the request workers. */
#include "server/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "db/db.h"
#include "util/log.h"
#include "util/text.h"

/* Of each connection; the measured optimum for uploads, and flat for a thousand of them.
 */
#define CONNECTION_MEMORY ((size_t)128 << 10)
/* A body may take twice the time without a byte, and a second for each so many bytes. */
#define BODY_RATE 16384.0

/* ---- an exchange on its HTTP thread ---- */

/* The raw target is kept: libmicrohttpd's decoded path would end at a %00. */
static void *on_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
  struct http *h = cls;
  struct exchange *x = must_calloc(1, sizeof *x);
  x->http = h;
  x->connection = connection;
  x->status = 200;
  x->too_long = strlen(uri) >= sizeof x->target;
  size_t path = strcspn(uri, "?");
  if (!x->too_long)
    memcpy(x->target, uri, path);
  x->request.server = h->options.server;
  x->request.why = &x->why;
  x->request.http = x;
  x->request.path = x->target;
  atomic_fetch_add(&h->active, 1);
  return x;
}

static double body_deadline(const struct exchange *x)
{
  return clock_now() + 2.0 * x->http->options.timeout + (double)x->length / BODY_RATE;
}

void exchange_release(struct exchange *x)
{
  free(STEAL(x->body));
  if (x->room)
    lane_give(x->length > SMALL_BODY ? &x->http->large : &x->http->small, x->room);
  x->room = 0;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
  struct http *h = cls;
  struct exchange *x = STEAL(*con_cls);
  if (!x)
    return;
  exchange_release(x);
  if (x->response)
    MHD_destroy_response(x->response);
  free(x);
  atomic_fetch_sub(&h->active, 1);
}

static enum MHD_Result send_reply(struct exchange *x)
{
  x->stage = STAGE_SENT;
  return MHD_queue_response(x->connection, x->status, x->response);
}

/* The reply is there before the body. libmicrohttpd closes a connection that is answered
 * so early, and a client that is still sending would find it reset before it has read the
 * reply; so a body of bearable length, or of none, is read and dropped first. */
static enum MHD_Result send_refusal(struct exchange *x)
{
  if (x->endless || (x->expects && x->length) || x->length > DRAIN_MAX)
    return send_reply(x);
  x->stage = STAGE_DRAIN;
  x->body_deadline = body_deadline(x);
  return MHD_YES;
}

static enum MHD_Result refuse(struct exchange *x, enum err e)
{
  reply_error(x, e);
  return send_refusal(x);
}

struct header_scan {
  unsigned lengths, encodings;
};

static enum MHD_Result scan_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
  struct header_scan *s = cls;
  s->lengths += strcasecmp(key, "Content-Length") == 0;
  s->encodings += strcasecmp(key, "Transfer-Encoding") == 0;
  return MHD_YES;
}

/* What the headers say about the body's length; x->length, endless, expects. */
static enum err read_length(struct exchange *x)
{
  struct header_scan scan = {0};
  MHD_get_connection_values(x->connection, MHD_HEADER_KIND, scan_header, &scan);
  const char *text =
      MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Content-Length");
  const char *expect =
      MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Expect");
  x->expects = expect && strcasecmp(expect, "100-continue") == 0;
  x->endless = scan.encodings > 0 || scan.lengths > 1;
  if (scan.encodings)
    return why_set(&x->why, E_LENGTH_REQUIRED, "",
                   "Transfer-Encoding is not taken; send a Content-Length");
  if (scan.lengths > 1)
    return why_set(&x->why, E_LENGTH, "", "there are several Content-Length headers");
  if (!text)
    return OK;
  char *end = NULL;
  errno = 0;
  x->length = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno) {
    x->endless = true;
    return why_set(&x->why, E_LENGTH, "", "the Content-Length is not a number");
  }
  return OK;
}

static enum err check_media(struct exchange *x)
{
  const char *type =
      MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Content-Type");
  const char *wanted = x->route->flags & ROUTE_CHUNK  ? "application/octet-stream"
                       : x->route->flags & ROUTE_CSV  ? "text/csv"
                       : x->route->flags & ROUTE_TEXT ? "text/plain"
                                                      : "application/json";
  if (!type || x->length == 0)
    return OK;
  size_t len = strcspn(type, "; \t");
  if (len != strlen(wanted) || strncasecmp(type, wanted, len) != 0)
    return why_set(&x->why, E_MEDIA_TYPE, "", "%s is expected here", wanted);
  return OK;
}

/* Everything that can be told from the headers alone. */
static enum err check_headers(struct exchange *x)
{
  enum err length = read_length(x);
  if (x->too_long)
    return why_set(&x->why, E_NOT_FOUND, "", "the address is too long");
  TRY(exchange_route(x));
  TRY(length);
  const struct route *r = x->route;
  bool has_length =
      MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Content-Length");
  if (r->body_max && !has_length && !(r->flags & ROUTE_BODY_OPTIONAL))
    return why_set(&x->why, E_LENGTH_REQUIRED, "", "a body is expected here");
  if (x->length > r->body_max)
    return why_set(&x->why, E_TOO_LARGE, "", "at most %zu bytes are taken here",
                   r->body_max);
  TRY(check_media(x));
  if (!(r->flags & ROUTE_WAIT))
    return OK;
  const char *wait = request_query(&x->request, "wait");
  double seconds = 0;
  if (!wait)
    return OK;
  if (decimal_parse(&seconds, wait) != OK || seconds < 0 || seconds > WAIT_MAX)
    return why_set(&x->why, E_FIELD_VALUE, "wait", "must be from 0 to %.0f", WAIT_MAX);
  x->may_wait = seconds > 0;
  x->wait_deadline = clock_now() + seconds;
  return OK;
}

/* Suspends and queues; 503 when the queue is full. */
static enum MHD_Result hand_over(struct exchange *x,
                                 void (*run)(struct job *job, struct db *db))
{
  x->job.run = run;
  enum stage before = x->stage;
  x->stage = STAGE_WORK;
  if (queue_push(&x->http->queue, &x->job, x->connection, false))
    return MHD_YES;
  x->stage = before;
  reply_error(x, E_BUSY);
  return before == STAGE_HEADERS ? send_refusal(x) : send_reply(x);
}

static enum MHD_Result start_body(struct exchange *x)
{
  if (x->length && !x->room) /* the lane was closed */
    return refuse(x, E_BUSY);
  x->body = must_realloc(NULL, x->length + 1, 1);
  x->body_deadline = body_deadline(x);
  x->stage = STAGE_BODY;
  return MHD_YES;
}

/* Called with the headers there, and again when an administrator was admitted or room
 * for the body was found. */
static enum MHD_Result on_headers(struct exchange *x)
{
  struct http *h = x->http;
  if (atomic_load(&h->stopping))
    return refuse(x, E_BUSY);
  if (!x->route) {
    enum err e = check_headers(x);
    if (e != OK)
      return refuse(x, e);
  }
  if (x->length == 0) {
    x->stage = STAGE_BODY; /* the next call says that it has ended */
    return MHD_YES;
  }
  if (x->route->who == WHO_ADMIN && !x->admitted)
    return hand_over(x, exchange_admit);
  struct lane *lane = x->length > SMALL_BODY ? &h->large : &h->small;
  x->stage = STAGE_ROOM;
  if (!lane_take(lane, x, x->length))
    return MHD_YES;
  return start_body(x);
}

static enum MHD_Result on_body(struct exchange *x, const char *data, size_t *len)
{
  if (*len == 0) {
    x->ended = true;
    if (x->stage == STAGE_DRAIN)
      return send_reply(x);
    x->request.body = BYTES(x->body, x->received);
    return hand_over(x, exchange_handle);
  }
  if (clock_now() > x->body_deadline)
    return MHD_NO; /* a trickle: the connection is closed */
  if (x->stage == STAGE_BODY) {
    if (*len > x->length - x->received)
      return MHD_NO;
    memcpy(x->body + x->received, data, *len);
    x->received += *len;
  }
  *len = 0;
  return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls)
{
  struct exchange *x = *con_cls;
  x->request.method = method;
  switch (x->stage) {
  case STAGE_HEADERS:
    return on_headers(x);
  case STAGE_ROOM:
    return start_body(x);
  case STAGE_BODY:
  case STAGE_DRAIN:
    return on_body(x, upload_data, upload_data_size);
  case STAGE_REPLY:
    return x->ended ? send_reply(x) : send_refusal(x);
  case STAGE_WORK:
  case STAGE_SENT:
    break;
  }
  return MHD_NO;
}

static void on_log(void *cls, const char *fmt, va_list ap)
{
  char text[400];
  vsnprintf(text, sizeof text, fmt, ap);
  text[strcspn(text, "\r\n")] = 0;
  log_debug("microhttpd", "%s", text);
}

/* ---- start and stop ---- */

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

static enum err start_daemon(struct http *h, struct why *why)
{
  const struct http_options *o = &h->options;
  h->daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
          MHD_USE_ERROR_LOG,
      0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, h,
      MHD_OPTION_LISTEN_SOCKET, h->socket, MHD_OPTION_THREAD_POOL_SIZE,
      o->threads > 1 ? o->threads : 0, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT, o->connections,
      MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->per_address, MHD_OPTION_CONNECTION_TIMEOUT,
      o->timeout, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, on_target,
      h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_END);
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
  enum err e = waits_init(&h->waits, h);
  if (e == OK)
    e = open_socket(h, why);
  if (e == OK)
    e = start_workers(h, why);
  if (e == OK)
    e = start_daemon(h, why);
  if (e != OK) {
    http_stop(h);
    return e;
  }
  *out = h;
  return OK;
}

const char *http_origin(const struct http *h)
{
  return h->origin;
}

void http_notify(struct http *h, const char *topic)
{
  waits_notify(&h->waits, topic);
}

/* What is under way gets its time. Requests that wait or queue for room are answered at
 * once; those that stream go on. */
static void let_finish(struct http *h)
{
  double until = clock_now() + h->options.stop_within;
  MHD_quiesce_daemon(h->daemon);
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
  lane_close(&h->small);
  lane_close(&h->large);
  if (h->daemon)
    let_finish(h);
  atomic_store(&h->aborting, true);
  queue_close(&h->queue); /* from here on nothing is suspended */
  for (unsigned i = 0; i < h->worker_count; i++)
    pthread_join(h->workers[i], NULL);
  if (h->daemon)
    MHD_stop_daemon(h->daemon);
  if (h->socket >= 0)
    close(h->socket);
  for (unsigned i = 0; h->dbs && i < h->options.workers; i++)
    db_close(h->dbs[i]);
  free(h->workers);
  free(h->dbs);
  streams_done(&h->streams);
  waits_done(&h->waits);
  lane_done(&h->small);
  lane_done(&h->large);
  queue_done(&h->queue);
  free(h);
}
