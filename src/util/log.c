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

bool log_wanted(enum log_level level)
{
  return level >= threshold;
}

static json_t *line_new(enum log_level level, const char *event)
{
  static const char *const names[] = {"debug", "info", "warning", "error"};
  char stamp[40];
  struct timespec now;
  struct tm tm;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &tm);
  size_t n = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(stamp + n, sizeof stamp - n, ".%03ldZ", now.tv_nsec / 1000000);
  return json_pack("{s:s,s:s,s:s}", "time", stamp, "level", names[level], "event", event);
}

/* Takes the object; in one write, so that lines of several threads do not mix. */
static void write_line(json_t *o, const char *event)
{
  char *line = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
  json_decref(o);
  fprintf(stderr, "%s\n", line ? line : event);
  free(line);
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
  char detail[1024];
  va_list ap;
  if (!log_wanted(level))
    return;
  va_start(ap, fmt);
  vsnprintf(detail, sizeof detail, fmt, ap);
  va_end(ap);
  json_t *o = line_new(level, event);
  json_object_set_new(o, "detail", json_string(detail));
  write_line(o, event);
}

static json_t *value_of(const struct log_field *f)
{
  if (f->kind == LOG_FIELD_INT)
    return json_integer((json_int_t)f->number);
  if (f->kind == LOG_FIELD_REAL)
    return json_real(f->real);
  return f->text ? json_string(f->text) : json_null();
}

void log_fields(enum log_level level, const char *event, unsigned n,
                const struct log_field *fields)
{
  if (!log_wanted(level))
    return;
  json_t *o = line_new(level, event);
  for (unsigned i = 0; i < n; i++)
    json_object_set_new(o, fields[i].name, value_of(&fields[i])); /* no UTF-8: left out */
  write_line(o, event);
}
