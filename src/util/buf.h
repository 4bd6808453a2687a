/* SPDX-License-Identifier: Apache-2.0
 * Byte views and growable buffers with a hard maximum. */
#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include "util/err.h"

/* A view of bytes that somebody else owns. */
struct bytes {
  const uint8_t *data;
  size_t len;
};

#define BYTES(p, n) ((struct bytes){(const uint8_t *)(p), (n)})
#define BYTES_OF(object) BYTES(&(object), sizeof(object))

bool bytes_equal(struct bytes a, struct bytes b);

/* A growable buffer. {0} or buf_init makes an empty one; buf_done frees it and leaves it
 * empty. Always followed by a NUL that is not counted, so text can be read as a string.
 */
struct buf {
  uint8_t *data;
  size_t len;
  size_t cap;
  size_t max; /* refuses to grow beyond; 0 means BUF_MAX */
};

#define BUF_MAX ((size_t)64 << 20)

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
/* All of these return E_TOO_LARGE beyond the maximum and then leave the buffer as it was.
 */
enum err buf_reserve(struct buf *b, size_t more) MUST_USE;
enum err buf_put(struct buf *b, const void *data, size_t len) MUST_USE;
enum err buf_puts(struct buf *b, const char *text) MUST_USE;
enum err buf_printf(struct buf *b, const char *fmt, ...) MUST_USE PRINTF(2, 3);

static inline struct bytes buf_bytes(const struct buf *b)
{
  return (struct bytes){b->data, b->len};
}

static inline const char *buf_text(const struct buf *b)
{
  return b->data ? (const char *)b->data : "";
}

#endif
