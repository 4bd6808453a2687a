/* SPDX-License-Identifier: Apache-2.0
 * Growable buffers. */
#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool bytes_equal(struct bytes a, struct bytes b)
{
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

void buf_init(struct buf *b, size_t max)
{
  *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
  free(b->data);
  *b = (struct buf){.max = b->max};
}

enum err buf_reserve(struct buf *b, size_t more)
{
  size_t max = b->max ? b->max : BUF_MAX;
  if (more > max || b->len > max - more)
    return E_TOO_LARGE;
  size_t need = b->len + more + 1;
  if (need <= b->cap)
    return OK;
  size_t cap = MAX(b->cap * 2, (size_t)64);
  cap = MIN(MAX(cap, need), max + 1);
  b->data = must_realloc(b->data, cap, 1);
  b->cap = cap;
  return OK;
}

enum err buf_put(struct buf *b, const void *data, size_t len)
{
  TRY(buf_reserve(b, len));
  if (len)
    memcpy(b->data + b->len, data, len);
  b->len += len;
  b->data[b->len] = 0;
  return OK;
}

enum err buf_puts(struct buf *b, const char *text)
{
  return buf_put(b, text, strlen(text));
}

enum err buf_printf(struct buf *b, const char *fmt, ...)
{
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  enum err e = n < 0 ? E_INTERNAL : buf_reserve(b, (size_t)n);
  if (e == OK) {
    vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
    b->len += (size_t)n;
  }
  va_end(again);
  return e;
}
