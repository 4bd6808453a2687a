/* SPDX-License-Identifier: Apache-2.0
 * Reading .npy and raw float32. The header is a Python literal; only the three members
 * that NumPy writes are taken, in any order. */
#include "clients/lib/npy.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

static const char magic[] = "\x93NUMPY";
#define MAGIC_LEN 6u
#define HEADER_MAX 4096u

struct header {
  bool has_descr, has_order, has_shape;
  bool wide; /* <f8 */
  uint64_t count;
};

static void skip_space(const char **at)
{
  while (**at == ' ' || **at == '\n')
    (*at)++;
}

static bool take(const char **at, const char *text)
{
  size_t len = strlen(text);
  skip_space(at);
  if (strncmp(*at, text, len) != 0)
    return false;
  *at += len;
  return true;
}

/* (123,) and nothing else: one dimension. */
static bool take_shape(uint64_t *count, const char **at)
{
  uint64_t n = 0;
  if (!take(at, "("))
    return false;
  skip_space(at);
  if (!isdigit((unsigned char)**at))
    return false;
  for (; isdigit((unsigned char)**at); (*at)++) {
    if (n > UINT64_MAX / 100)
      return false;
    n = 10 * n + (uint64_t)(**at - '0');
  }
  *count = n;
  return take(at, ",") && take(at, ")");
}

static enum err take_member(struct header *h, const char **at, struct why *why)
{
  if (!h->has_descr && take(at, "'descr'") && take(at, ":")) {
    h->has_descr = true;
    h->wide = take(at, "'<f8'");
    if (!h->wide && !take(at, "'<f4'"))
      return why_set(why, E_FIELD_VALUE, "descr",
                     "must be '<f4' or '<f8': use "
                     "update.astype('<f4')");
  } else if (!h->has_order && take(at, "'fortran_order'") && take(at, ":")) {
    h->has_order = true;
    if (!take(at, "False"))
      return why_set(why, E_FIELD_VALUE, "fortran_order", "must be False");
  } else if (!h->has_shape && take(at, "'shape'") && take(at, ":")) {
    h->has_shape = true;
    if (!take_shape(&h->count, at))
      return why_set(why, E_FIELD_VALUE, "shape",
                     "must have one dimension: use update.ravel()");
  } else {
    return why_set(why, E_FIELD_VALUE, "header", "is not one that NumPy writes");
  }
  return OK;
}

static enum err read_header(struct header *h, const char *at, struct why *why)
{
  bool closed = false;
  if (!take(&at, "{"))
    return why_set(why, E_FIELD_VALUE, "header", "is not one that NumPy writes");
  while (!closed) {
    TRY(take_member(h, &at, why));
    bool comma = take(&at, ",");
    closed = take(&at, "}");
    if (!comma && !closed)
      return why_set(why, E_FIELD_VALUE, "header", "is not one that NumPy writes");
  }
  skip_space(&at);
  if (*at || !h->has_descr || !h->has_order || !h->has_shape)
    return why_set(why, E_FIELD_VALUE, "header", "is not one that NumPy writes");
  return OK;
}

static float float_at(const uint8_t *p)
{
  uint32_t u =
      (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
  float f;
  memcpy(&f, &u, sizeof f);
  return f;
}

static float double_at(const uint8_t *p)
{
  uint64_t u = 0;
  double f;
  for (unsigned i = 0; i < 8; i++)
    u |= (uint64_t)p[i] << (8 * i);
  memcpy(&f, &u, sizeof f);
  return (float)f;
}

static enum err read_numbers(float *out, size_t d, struct bytes data, bool wide,
                             struct why *why)
{
  size_t size = wide ? 8 : 4;
  if (data.len % size || data.len / size != d)
    return why_set(why, E_LENGTH, "update", "holds %zu numbers, the model has %zu",
                   data.len / size, d);
  for (size_t i = 0; i < d; i++) {
    const uint8_t *p = data.data + i * size;
    float f = wide ? double_at(p) : float_at(p);
    if (!isfinite(f))
      return why_set(why, E_NUMBER, "update", "number %zu (from 0) is not finite", i);
  }
  for (size_t i = 0; i < d; i++)
    out[i] = wide ? double_at(data.data + i * size) : float_at(data.data + i * size);
  return OK;
}

enum err npy_read(float *out, size_t d, struct bytes file, struct why *why)
{
  if (file.len < MAGIC_LEN || memcmp(file.data, magic, MAGIC_LEN) != 0)
    return read_numbers(out, d, file, false, why);
  const uint8_t *p = file.data;
  bool long_form = file.len > MAGIC_LEN && p[6] >= 2;
  size_t start = long_form ? 12 : 10;
  if (file.len < start || p[6] < 1 || p[6] > 3 || p[7] != 0)
    return why_set(why, E_FIELD_VALUE, "header", "is of an unknown version");
  size_t len = (size_t)p[8] | (size_t)p[9] << 8;
  if (long_form)
    len |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
  if (len > HEADER_MAX || file.len - start < len || memchr(p + start, 0, len))
    return why_set(why, E_FIELD_VALUE, "header", "is cut off or too long");
  char text[HEADER_MAX + 1];
  struct header h = {0};
  memcpy(text, p + start, len);
  text[len] = '\0';
  TRY(read_header(&h, text, why));
  if (h.count != d)
    return why_set(why, E_LENGTH, "update", "holds %llu numbers, the model has %zu",
                   (unsigned long long)h.count, d);
  return read_numbers(out, d, BYTES(p + start + len, file.len - start - len), h.wide,
                      why);
}

enum err npy_header(struct buf *out, size_t d)
{
  AUTO(buf_done) struct buf text = {0};
  TRY(buf_printf(&text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu,), }",
                 d));
  while ((10 + text.len + 1) % 64)
    TRY(buf_puts(&text, " "));
  TRY(buf_puts(&text, "\n"));
  uint8_t front[4] = {1, 0, (uint8_t)text.len, (uint8_t)(text.len >> 8)};
  TRY(buf_put(out, magic, MAGIC_LEN));
  TRY(buf_put(out, front, sizeof front));
  return buf_put(out, text.data, text.len);
}
