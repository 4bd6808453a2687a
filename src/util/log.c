/* SPDX-License-Identifier: Apache-2.0
 * Structured logs on standard error. */
#include "util/log.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static enum log_level threshold = LOG_LEVEL_INFO;

void log_threshold(enum log_level level)
{
  threshold = level;
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
  static const char *const names[] = {"debug", "info", "warning", "error"};
  if (level < threshold)
    return;
  char detail[1024], stamp[40];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(detail, sizeof detail, fmt, ap);
  va_end(ap);
  struct timespec now;
  struct tm tm;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &tm);
  size_t n = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(stamp + n, sizeof stamp - n, ".%03ldZ", now.tv_nsec / 1000000);
  json_t *o = json_pack("{s:s,s:s,s:s,s:s}", "time", stamp, "level", names[level],
                        "event", event, "detail", detail);
  char *line = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
  json_decref(o);
  fprintf(stderr, "%s\n", line ? line : event);
  free(line);
}
