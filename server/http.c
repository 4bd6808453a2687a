/* SPDX-License-Identifier: Apache-2.0
 * libmicrohttpd's side: the steps of an exchange on an HTTP thread. These
 * threads never compute and never touch the database: they check what the headers tell,
 * collect the body, suspend the connection and hand it to the request workers. */
#include "server/http_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/visitors.h"
#include "util/text.h"

/* A body may take twice the time without a byte, and a second for each so many bytes. */
#define BODY_RATE 16384.0

/* ---- an exchange on its HTTP thread ---- */

/* The raw target is kept: libmicrohttpd's decoded path would end at a %00. */
void *http_on_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
  struct http *h = cls;
  struct exchange *x = must_calloc(1, sizeof *x);
  x->http = h;
  x->connection = connection;
  x->status = 200;
  x->started = clock_now();
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

void http_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                       enum MHD_RequestTerminationCode code)
{
  struct http *h = cls;
  struct exchange *x = STEAL(*con_cls);
  visitor_idle(connection);
  if (!x)
    return;
  exchange_release(x);
  trace_end(x, code);
  if (x->response)
    MHD_destroy_response(x->response);
  free(x);
  atomic_fetch_sub(&h->active, 1);
}

static enum MHD_Result send_reply(struct exchange *x)
{
  x->stage = STAGE_SENT;
  trace_headers(x);
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
  unsigned lengths, encodings, mangled;
};

/* 1 when it is this header. libmicrohttpd appends a line that continues another to the
 * name of that one: "Content-Length: 0", folded, would be no length at all, and what
 * follows the request would be taken for the next one. */
static unsigned is_header(struct header_scan *s, const char *key, const char *name)
{
  size_t len = strlen(name);
  if (strncasecmp(key, name, len) != 0)
    return 0;
  s->mangled += key[len] != 0;
  return 1;
}

static enum MHD_Result scan_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
  struct header_scan *s = cls;
  s->lengths += is_header(s, key, "Content-Length");
  s->encodings += is_header(s, key, "Transfer-Encoding");
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
  x->endless = scan.encodings > 0 || scan.lengths > 1 || scan.mangled > 0;
  if (scan.encodings)
    return why_set(&x->why, E_LENGTH_REQUIRED, "",
                   "Transfer-Encoding is not taken; send a Content-Length");
  if (scan.mangled)
    return why_set(&x->why, E_LENGTH, "", "the Content-Length is not in one line");
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
  TRY(trace_limit(x));
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
  bool changes = strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0;
  if (changes && !(r->flags & ROUTE_TEXT))
    TRY(negotiate_type(x, "application/json")); /* before anything is done */
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

static bool is_read(const struct exchange *x)
{
  return strcmp(x->request.method, "GET") == 0 || strcmp(x->request.method, "HEAD") == 0;
}

/* Pages and what belongs to them: the answer is known here and now. It goes out with the
 * next call: libmicrohttpd closes a connection that is answered in the first one. *out:
 * what became of it. */
static bool answer_page(struct exchange *x, enum MHD_Result *out)
{
  struct asset_choice choice;
  if (x->too_long || !assets_path(x->target) || !is_read(x) || read_length(x) != OK ||
      x->length)
    return false;
  enum err e = assets_find(
      x->http->assets, x->target, request_header(&x->request, "Accept-Encoding"),
      request_header(&x->request, "If-None-Match"), &choice, &x->why);
  if (e != OK) {
    *out = refuse(x, e);
    return true;
  }
  x->stage = STAGE_BODY;
  x->other = strncmp(x->target, "/assets/", 8) == 0 ? OTHER_ASSET : OTHER_PAGE;
  x->status = choice.status;
  x->kept = choice.response;
  *out = MHD_YES;
  return true;
}

/* The request is there as a whole, and the answer may be in memory already. */
static bool answer_kept(struct exchange *x, enum MHD_Result *out)
{
  if (!x->kept)
    return x->route->flags & ROUTE_KEPT && leaderboard_answer(x, out);
  x->stage = STAGE_SENT;
  *out = MHD_queue_response(x->connection, x->status, x->kept);
  return true;
}

/* Called with the headers there, and again when an administrator was admitted or room
 * for the body was found. */
static enum MHD_Result on_headers(struct exchange *x)
{
  struct http *h = x->http;
  if (atomic_load(&h->stopping))
    return refuse(x, E_BUSY);
  if (!x->route) {
    enum MHD_Result answered;
    x->other = OTHER_UNMATCHED;
    if (answer_page(x, &answered))
      return answered;
    trace_begin(x);
    enum err e = check_headers(x);
    if (e != OK)
      return refuse(x, e);
  }
  if (x->length == 0) {
    x->stage = STAGE_BODY; /* the next call says that it has ended */
    return MHD_YES;
  }
  if (x->route->who >= WHO_VIEWER && !x->admitted)
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
    enum MHD_Result answered;
    x->ended = true;
    if (x->stage == STAGE_DRAIN)
      return send_reply(x);
    if (answer_kept(x, &answered))
      return answered;
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

enum MHD_Result http_on_request(void *cls, struct MHD_Connection *connection,
                                const char *url, const char *method, const char *version,
                                const char *upload_data, size_t *upload_data_size,
                                void **con_cls)
{
  struct exchange *x = *con_cls;
  x->request.method = method;
  switch (x->stage) {
  case STAGE_HEADERS:
    visitor_busy(connection);
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
