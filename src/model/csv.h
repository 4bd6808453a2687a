/* SPDX-License-Identifier: Apache-2.0
 * A reader of CSV (RFC 4180): quoted cells with commas, quotes and line breaks in them,
 * CRLF or LF, an optional UTF-8 byte order mark; blank lines are skipped. */
#ifndef MODEL_CSV_H
#define MODEL_CSV_H

#include "util/buf.h"

struct csv_limits {
  size_t bytes;   /* of the whole text */
  size_t columns; /* cells in one record */
  size_t rows;    /* records, the header not counted */
};

#define CSV_LIMITS_DEFAULT                                                               \
  ((struct csv_limits){.bytes = (size_t)1 << 30, .columns = 65536, .rows = 10000000})

struct csv {
  struct bytes text; /* borrowed */
  struct csv_limits limits;
  size_t at;        /* next byte */
  size_t line;      /* of that byte, from 1 */
  size_t row;       /* line on which the current record starts: what errors call row */
  struct buf cells; /* the record's cells, each with a NUL behind it */
  size_t *starts;   /* where each begins */
  size_t count, room;
};

/* Starts reading. E_CSV for what is not UTF-8 or holds NUL, E_TOO_LARGE. csv_done frees,
 * also after an error. */
enum err csv_init(struct csv *c, struct bytes text, const struct csv_limits *limits,
                  struct why *why) MUST_USE;
void csv_done(struct csv *c);

/* Reads one record; *more is false at the end of the text. Cells stay valid until the
 * next call. E_CSV for a quote out of place or never closed, E_TOO_LARGE. */
enum err csv_next(struct csv *c, bool *more, struct why *why) MUST_USE;

static inline const char *csv_cell(const struct csv *c, size_t i)
{
  return (const char *)c->cells.data + c->starts[i];
}

/* At most `room`-1 bytes of a cell for a message, cut between characters. */
const char *csv_excerpt(char *out, size_t room, const char *cell);

#endif
