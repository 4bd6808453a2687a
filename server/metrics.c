/* SPDX-License-Identifier: Apache-2.0
 * Counting requests: by route, method and status, and how long they took. */
#include "server/metrics.h"

#include <pthread.h>
#include <string.h>

static const double bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                0.25,  0.5,    1,     2.5,  5,     10,   30};
#define BOUNDS LENGTH(bounds)

static const char *const methods[] = {"GET",    "HEAD",    "POST",  "PUT",
                                      "DELETE", "OPTIONS", "PATCH", "other"};
static const unsigned statuses[] = {200, 201, 204, 206, 304, 400, 401, 403,
                                    404, 405, 406, 409, 410, 411, 412, 413,
                                    415, 416, 428, 429, 500, 502, 503, 0 /* any other */};

/* What one route was asked: rows are made when they are needed. */
struct row {
  uint64_t by_status[LENGTH(methods)][LENGTH(statuses)];
  uint64_t by_time[BOUNDS + 1];
  double seconds;
};

struct metrics {
  pthread_mutex_t mutex;
  unsigned routes;
  struct row **rows; /* of the routes, then of the others */
};

struct metrics *metrics_new(void)
{
  struct metrics *m = must_calloc(1, sizeof *m);
  pthread_mutex_init(&m->mutex, NULL);
  while (routes[m->routes].method)
    m->routes++;
  m->rows = must_calloc(m->routes + OTHERS, sizeof *m->rows);
  return m;
}

void metrics_free(struct metrics *m)
{
  if (!m)
    return;
  for (unsigned i = 0; i < m->routes + OTHERS; i++)
    free(m->rows[i]);
  free(m->rows);
  pthread_mutex_destroy(&m->mutex);
  free(m);
}

static unsigned method_index(const char *method)
{
  unsigned i = 0;
  while (i + 1 < LENGTH(methods) && strcmp(methods[i], method) != 0)
    i++;
  return i;
}

static unsigned status_index(unsigned status)
{
  unsigned i = 0;
  while (statuses[i] && statuses[i] != status)
    i++;
  return i;
}

void metrics_count(struct metrics *m, const struct route *route, enum metrics_other other,
                   const char *method, unsigned status, double seconds, bool lasting)
{
  unsigned at = route ? (unsigned)(route - routes) : m->routes + (unsigned)other;
  unsigned how = method_index(method), what = status_index(status), slot = 0;
  while (slot < BOUNDS && seconds > bounds[slot])
    slot++;
  pthread_mutex_lock(&m->mutex);
  if (!m->rows[at])
    m->rows[at] = must_calloc(1, sizeof *m->rows[at]);
  m->rows[at]->by_status[how][what]++;
  if (!lasting) {
    m->rows[at]->by_time[slot]++;
    m->rows[at]->seconds += seconds;
  }
  pthread_mutex_unlock(&m->mutex);
}

/* ---- the exposition ---- */

static const char *pattern_of(const struct metrics *m, unsigned at)
{
  static const char *const others[OTHERS] = {"/{page*}", "/assets/{path*}", "unmatched"};
  return at < m->routes ? routes[at].pattern : others[at - m->routes];
}

static enum err write_counts(const struct metrics *m, struct buf *out)
{
  TRY(buf_puts(out, "# HELP chorus_http_requests_total Requests that were answered.\n"
                    "# TYPE chorus_http_requests_total counter\n"));
  for (unsigned at = 0; at < m->routes + OTHERS; at++)
    for (unsigned i = 0; m->rows[at] && i < LENGTH(methods); i++)
      for (unsigned s = 0; s < LENGTH(statuses); s++) {
        uint64_t n = m->rows[at]->by_status[i][s];
        if (!n)
          continue;
        TRY(buf_printf(out, "chorus_http_requests_total{route=\"%s\",method=\"%s\",",
                       pattern_of(m, at), methods[i]));
        if (statuses[s])
          TRY(buf_printf(out, "status=\"%u\"} %llu\n", statuses[s],
                         (unsigned long long)n));
        else
          TRY(buf_printf(out, "status=\"other\"} %llu\n", (unsigned long long)n));
      }
  return OK;
}

/* The route entries of the table have one method each (HEAD counts as GET). */
static enum err write_times(const struct metrics *m, unsigned at, struct buf *out)
{
  const struct row *r = m->rows[at];
  const char *method = at < m->routes ? routes[at].method : "any";
  uint64_t sum = 0;
  char labels[256];
  snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\"", pattern_of(m, at),
           method);
  for (unsigned i = 0; i < BOUNDS; i++) {
    sum += r->by_time[i];
    TRY(buf_printf(out,
                   "chorus_http_request_duration_seconds_bucket{%s,le=\"%g\"} %llu\n",
                   labels, bounds[i], (unsigned long long)sum));
  }
  sum += r->by_time[BOUNDS];
  return buf_printf(out,
                    "chorus_http_request_duration_seconds_bucket{%s,le=\"+Inf\"} %llu\n"
                    "chorus_http_request_duration_seconds_sum{%s} %.6f\n"
                    "chorus_http_request_duration_seconds_count{%s} %llu\n",
                    labels, (unsigned long long)sum, labels, r->seconds, labels,
                    (unsigned long long)sum);
}

enum err metrics_write(struct metrics *m, struct buf *out)
{
  pthread_mutex_lock(&m->mutex);
  enum err e = write_counts(m, out);
  if (e == OK)
    e = buf_puts(out,
                 "# HELP chorus_http_request_duration_seconds From the first line of "
                 "a request to the last byte of its answer; streams are left out.\n"
                 "# TYPE chorus_http_request_duration_seconds histogram\n");
  for (unsigned at = 0; e == OK && at < m->routes + OTHERS; at++)
    if (m->rows[at])
      e = write_times(m, at, out);
  pthread_mutex_unlock(&m->mutex);
  return e;
}
