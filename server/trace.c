/* SPDX-License-Identifier: Apache-2.0
 * What is told of each request: its id, how much its address has left, a line in the log,
 * and the counts. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "server/http_internal.h"
#include "server/metrics.h"
#include "server/origin.h"
#include "util/log.h"
#include "util/text.h"

/* ---- ids ---- */

/* One that a proxy or a caller gave is kept when it can be shown anywhere. */
static bool is_sane(const char *id)
{
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                              "0123456789-._";
  size_t len = id ? strlen(id) : 0;
  return len >= 1 && len < REQUEST_ID_ROOM && strspn(id, plain) == len;
}

/* Eight bytes of the process, at random, and a count. */
void trace_begin(struct exchange *x)
{
  struct http *h = x->http;
  const char *given = request_header(&x->request, "X-Request-Id");
  if (is_sane(given))
    snprintf(x->id, sizeof x->id, "%s", given);
  else
    snprintf(x->id, sizeof x->id, "%016llx%08llx", (unsigned long long)h->nonce,
             (unsigned long long)atomic_fetch_add(&h->requests, 1));
}

/* ---- rates ---- */

enum err trace_limit(struct exchange *x)
{
  struct peer peer;
  if (!x->http->limits)
    return OK;
  peer_find(&peer, &x->request);
  if (limits_take(x->http->limits, peer.group, x->started, &x->limit))
    return OK;
  x->request.retry_after = x->limit.retry;
  return why_set(&x->why, E_RATE, "",
                 "at most %u requests in %u seconds from one address", x->limit.quota,
                 LIMIT_WINDOW);
}

static void limit_headers(struct exchange *x)
{
  const struct limit_left *l = &x->limit;
  char text[64];
  if (!l->quota)
    return;
  snprintf(text, sizeof text, "\"address\";q=%u;w=%u", l->quota, LIMIT_WINDOW);
  MHD_add_response_header(x->response, "RateLimit-Policy", text);
  snprintf(text, sizeof text, "\"address\";r=%u;t=%u", l->left, l->reset);
  MHD_add_response_header(x->response, "RateLimit", text);
}

void trace_headers(struct exchange *x)
{
  if (x->id[0])
    MHD_add_response_header(x->response, "X-Request-Id", x->id);
  limit_headers(x);
}

/* ---- the end ---- */

/* What is asked for all the time, by machines, and what was answered from memory. */
static bool is_quiet(const struct exchange *x)
{
  static const char *const quiet[] = {"/api/v1/health", "/api/v1/ready", "/metrics"};
  if (!x->response)
    return true;
  for (size_t i = 0; x->route && i < LENGTH(quiet); i++)
    if (strcmp(x->route->pattern, quiet[i]) == 0)
      return true;
  return false;
}

static const char *outcome_of(enum MHD_RequestTerminationCode code)
{
  switch (code) {
  case MHD_REQUEST_TERMINATED_COMPLETED_OK:
    return "ok";
  case MHD_REQUEST_TERMINATED_TIMEOUT_REACHED:
    return "timeout";
  case MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN:
    return "stop";
  default:
    return "broken";
  }
}

void trace_end(struct exchange *x, enum MHD_RequestTerminationCode code)
{
  double seconds = clock_now() - x->started;
  if (x->stage != STAGE_SENT)
    return; /* nothing was answered */
  metrics_count(x->http->metrics, x->route, x->other, x->request.method, x->status,
                seconds, x->lasting);
  enum log_level level =
      is_quiet(x) && x->status < 500 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
  if (!log_wanted(level))
    return;
  const struct log_field fields[] = {
      LOG_TEXT("request", x->id),
      LOG_TEXT("method", x->request.method),
      LOG_TEXT("route", x->route ? x->route->pattern : NULL),
      LOG_INT("status", x->status),
      LOG_REAL("duration", seconds),
      LOG_TEXT("outcome", outcome_of(code)),
  };
  log_fields(level, "request", LENGTH(fields), fields);
}
