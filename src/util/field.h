/* SPDX-License-Identifier: Apache-2.0
 * Field tables: the shape of a JSON object, said once and checked in one place.
 *
 *   const struct field fields[] = {
 *     FIELD_HEX("ctx", ctx.b),
 *     FIELD_UINT("round", &round, 1, 1000000),
 *     FIELD_END,
 *   };
 *   TRY(field_read(root, fields, why));
 *
 * Every field is required unless it is wrapped in OPTIONAL(); a member of the object that
 * no row names is refused. Outputs are written as rows are read, so read into locals. */
#ifndef UTIL_FIELD_H
#define UTIL_FIELD_H

#include <jansson.h>

#include "util/buf.h"

enum field_kind {
  FK_END,
  FK_HEX,     /* lowercase hex of exactly `size` bytes */
  FK_STRING,  /* const char **, borrowed from the object; min..max bytes */
  FK_DECIMAL, /* double *, written as a decimal string; min..max */
  FK_UINT,    /* uint64_t *, min..max */
  FK_INT,     /* int64_t *, min..max */
  FK_BOOL,    /* bool * */
  FK_ARRAY,   /* json_t **, borrowed; min..max entries */
  FK_OBJECT,  /* json_t **, borrowed */
  FK_ANY,     /* json_t **, borrowed; for unions and null */
  FK_CONST,   /* the string that the member must be */
};

struct field {
  const char *name;
  enum field_kind kind;
  void *out;
  size_t size;
  double min, max;
  const char *text;
  bool optional; /* absent: output untouched */
  bool nullable; /* null: *present = false */
  bool *present;
};

#define FIELD_HEX(n, array)                                                              \
  {                                                                                      \
    .name = (n), .kind = FK_HEX, .out = (array), .size = sizeof(array)                   \
  }
#define FIELD_STRING(n, p, lo, hi)                                                       \
  {                                                                                      \
    .name = (n), .kind = FK_STRING, .out = (p), .min = (lo), .max = (hi)                 \
  }
#define FIELD_DECIMAL(n, p, lo, hi)                                                      \
  {                                                                                      \
    .name = (n), .kind = FK_DECIMAL, .out = (p), .min = (lo), .max = (hi)                \
  }
#define FIELD_UINT(n, p, lo, hi)                                                         \
  {                                                                                      \
    .name = (n), .kind = FK_UINT, .out = (p), .min = (double)(lo), .max = (double)(hi)   \
  }
#define FIELD_INT(n, p, lo, hi)                                                          \
  {                                                                                      \
    .name = (n), .kind = FK_INT, .out = (p), .min = (double)(lo), .max = (double)(hi)    \
  }
#define FIELD_BOOL(n, p)                                                                 \
  {                                                                                      \
    .name = (n), .kind = FK_BOOL, .out = (p)                                             \
  }
#define FIELD_ARRAY(n, p, lo, hi)                                                        \
  {                                                                                      \
    .name = (n), .kind = FK_ARRAY, .out = (p), .min = (lo), .max = (hi)                  \
  }
#define FIELD_OBJECT(n, p)                                                               \
  {                                                                                      \
    .name = (n), .kind = FK_OBJECT, .out = (p)                                           \
  }
#define FIELD_ANY(n, p)                                                                  \
  {                                                                                      \
    .name = (n), .kind = FK_ANY, .out = (p)                                              \
  }
#define FIELD_CONST(n, s)                                                                \
  {                                                                                      \
    .name = (n), .kind = FK_CONST, .text = (s)                                           \
  }
#define FIELD_HEX_OR_NULL(n, array, here)                                                \
  {                                                                                      \
    .name = (n), .kind = FK_HEX, .out = (array), .size = sizeof(array),                  \
    .nullable = true, .present = (here)                                                  \
  }
#define FIELD_END                                                                        \
  {                                                                                      \
    .name = NULL, .kind = FK_END                                                         \
  }
/* The same row, not required. `here` (may be NULL) says whether it was there. */
#define OPTIONAL(row, here) field_optional((struct field)row, here)

static inline struct field field_optional(struct field f, bool *here)
{
  f.optional = true;
  f.present = here;
  return f;
}

/* Checks root against the table and writes the outputs.
 * Errors, with the field named in why: E_FIELD_TYPE, E_FIELD_MISSING, E_FIELD_UNKNOWN,
 * E_FIELD_VALUE. */
enum err field_read(const json_t *root, const struct field *table,
                    struct why *why) MUST_USE;
/* The same, naming fields below a path: "features[3]" makes "features[3].min". */
enum err field_read_at(const json_t *root, const struct field *table, const char *path,
                       struct why *why) MUST_USE;

/* Parses untrusted text: one JSON object, no duplicate keys, nothing after it, NUL
 * refused, nesting at most 32, at most max bytes. E_JSON or E_TOO_LARGE. The caller owns
 * *out. */
enum err json_parse(json_t **out, struct bytes text, size_t max,
                    struct why *why) MUST_USE;

static inline void json_drop(json_t **p)
{
  json_decref(*p);
}

static inline json_t *json_hex(const void *data, size_t len)
{
  char text[2 * 64 + 1];
  if (len > 64)
    return NULL;
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < len; i++) {
    text[2 * i] = digits[((const uint8_t *)data)[i] >> 4];
    text[2 * i + 1] = digits[((const uint8_t *)data)[i] & 15];
  }
  return json_stringn_nocheck(text, 2 * len);
}

#endif
