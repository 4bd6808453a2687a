/* SPDX-License-Identifier: Apache-2.0
 * Structured logs: one JSON object a line on standard error. Never a secret. Programs
 * call this; libraries below src/db return errors instead. */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include "util/util.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* A member of a line's object, besides those that every line has. */
struct log_field {
  const char *name;
  enum { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_REAL } kind;
  const char *text; /* NULL: null */
  int64_t number;
  double real;
};
#define LOG_TEXT(n, v)                                                                   \
  ((struct log_field){.name = (n), .kind = LOG_FIELD_TEXT, .text = (v)})
#define LOG_INT(n, v)                                                                    \
  ((struct log_field){.name = (n), .kind = LOG_FIELD_INT, .number = (int64_t)(v)})
#define LOG_REAL(n, v)                                                                   \
  ((struct log_field){.name = (n), .kind = LOG_FIELD_REAL, .real = (v)})

/* Lines below this level are dropped. Set once at start, before threads exist. */
void log_threshold(enum log_level level);
/* Whether a line of this level is written. */
bool log_wanted(enum log_level level);
/* Writes {"time":…,"level":…,"event":event,"detail":…}. `event` is a fixed short name. */
void log_line(enum log_level level, const char *event, const char *fmt, ...) PRINTF(3, 4);
/* Writes {"time":…,"level":…,"event":event,FIELD…}. */
void log_fields(enum log_level level, const char *event, unsigned n,
                const struct log_field *fields);

#define log_debug(event, ...) log_line(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warning(event, ...) log_line(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_error(event, ...) log_line(LOG_LEVEL_ERROR, event, __VA_ARGS__)

#endif
