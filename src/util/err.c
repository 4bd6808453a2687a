/* SPDX-License-Identifier: Apache-2.0
 * The error table and the particulars of a failure. */
#include "util/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct err_info table[ERR_COUNT] = {
#define X(name, slug, status, title, help) {#name, slug, status, title, help},
    ERR_TABLE(X)
#undef X
};

const struct err_info *err_info(enum err e)
{
  return &table[(unsigned)e < ERR_COUNT ? e : E_INTERNAL];
}

enum err why_set(struct why *why, enum err e, const char *field, const char *fmt, ...)
{
  if (!why)
    return e;
  snprintf(why->field, sizeof why->field, "%s", field ? field : "");
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(why->detail, sizeof why->detail, fmt, ap);
  va_end(ap);
  return e;
}

static void *or_die(void *p)
{
  if (!p) {
    fputs("out of memory\n", stderr);
    abort();
  }
  return p;
}

void *must_calloc(size_t n, size_t size)
{
  return or_die(calloc(n ? n : 1, size ? size : 1));
}

void *must_realloc(void *p, size_t n, size_t size)
{
  return or_die(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *must_strdup(const char *s)
{
  return or_die(strdup(s));
}
