/* SPDX-License-Identifier: Apache-2.0
 * Structured logs: one JSON object a line on standard error. Never a secret. Programs
 * call this; libraries below src/db return errors instead. */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include "util/util.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* Lines below this level are dropped. Set once at start, before threads exist. */
void log_threshold(enum log_level level);
/* Writes {"time":…,"level":…,"event":event,"detail":…}. `event` is a fixed short name. */
void log_line(enum log_level level, const char *event, const char *fmt, ...) PRINTF(3, 4);

#define log_debug(event, ...) log_line(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warning(event, ...) log_line(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_error(event, ...) log_line(LOG_LEVEL_ERROR, event, __VA_ARGS__)

#endif
