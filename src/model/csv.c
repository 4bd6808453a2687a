/* SPDX-License-Identifier: Apache-2.0
 * A reader of CSV (RFC 4180). */
#include "model/csv.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"

static enum err bad(struct why *why, size_t row, const char *text)
{
  char place[32];
  snprintf(place, sizeof place, "row %zu", row);
  return why_set(why, E_CSV, place, "%s", text);
}

static enum err check_text(struct bytes text, struct why *why)
{
  size_t line = 1;
  for (size_t i = 0; i < text.len;) {
    size_t n = utf8_sequence(text.data + i, text.len - i);
    if (n == 0)
      return bad(why, line, "is not UTF-8; save the file in that encoding");
    if (text.data[i] == 0)
      return bad(why, line, "holds a NUL byte");
    line += text.data[i] == '\n';
    i += n;
  }
  return OK;
}

enum err csv_init(struct csv *c, struct bytes text, const struct csv_limits *limits,
                  struct why *why)
{
  *c = (struct csv){.text = text, .limits = *limits, .line = 1, .row = 1};
  if (text.len > limits->bytes)
    return why_set(why, E_TOO_LARGE, "", "the CSV has %zu bytes, at most %zu are taken",
                   text.len, limits->bytes);
  if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
    c->text = BYTES(text.data + 3, text.len - 3);
  c->cells.max = limits->bytes + limits->columns;
  return check_text(c->text, why);
}

void csv_done(struct csv *c)
{
  buf_done(&c->cells);
  free(c->starts);
  c->starts = NULL;
  c->count = c->room = 0;
}

static enum err begin_cell(struct csv *c, struct why *why)
{
  if (c->count == c->limits.columns)
    return bad(why, c->row, "has too many cells");
  if (c->count == c->room) {
    c->room = c->room ? 2 * c->room : 64;
    c->starts = must_realloc(c->starts, c->room, sizeof *c->starts);
  }
  c->starts[c->count++] = c->cells.len;
  return OK;
}

/* Reads behind an opening quote up to and over the closing one. */
static enum err read_quoted(struct csv *c, struct why *why)
{
  const uint8_t *text = c->text.data;
  size_t opened = c->line;
  for (;;) {
    size_t from = c->at;
    while (c->at < c->text.len && text[c->at] != '"')
      c->line += text[c->at++] == '\n';
    TRY(buf_put(&c->cells, text + from, c->at - from));
    if (c->at == c->text.len)
      return bad(why, opened, "opens a quote that is never closed");
    if (++c->at == c->text.len || text[c->at] != '"')
      return OK;
    TRY(buf_put(&c->cells, "\"", 1));
    c->at++;
  }
}

static enum err read_cell(struct csv *c, struct why *why)
{
  const uint8_t *text = c->text.data;
  TRY(begin_cell(c, why));
  if (c->at < c->text.len && text[c->at] == '"') {
    c->at++;
    TRY(read_quoted(c, why));
    uint8_t next = c->at < c->text.len ? text[c->at] : '\n';
    if (next != ',' && next != '\n' && next != '\r')
      return bad(why, c->line, "has text behind a closing quote");
  } else {
    size_t from = c->at;
    while (c->at < c->text.len && !memchr(",\r\n\"", text[c->at], 4))
      c->at++;
    if (c->at < c->text.len && text[c->at] == '"')
      return bad(why, c->line, "has a quote inside a cell that is not quoted");
    TRY(buf_put(&c->cells, text + from, c->at - from));
  }
  return buf_put(&c->cells, "", 1);
}

/* Over the line's end, if it is here. A carriage return counts only before a newline. */
static enum err end_line(struct csv *c, bool *ended, struct why *why)
{
  *ended = c->at == c->text.len;
  if (*ended || c->text.data[c->at] == ',')
    return OK;
  if (c->text.data[c->at] == '\r') {
    if (c->at + 1 == c->text.len || c->text.data[c->at + 1] != '\n')
      return bad(why, c->line,
                 "has a carriage return without a newline; save the file "
                 "with CRLF or LF line ends");
    c->at++;
  }
  c->at++;
  c->line++;
  *ended = true;
  return OK;
}

static enum err skip_blank_lines(struct csv *c, struct why *why)
{
  bool ended = true;
  while (ended && c->at < c->text.len && memchr("\r\n", c->text.data[c->at], 2))
    TRY(end_line(c, &ended, why));
  return OK;
}

enum err csv_next(struct csv *c, bool *more, struct why *why)
{
  bool ended = false;
  c->cells.len = 0;
  c->count = 0;
  TRY(skip_blank_lines(c, why));
  c->row = c->line;
  *more = c->at < c->text.len;
  while (*more && !ended) {
    TRY(read_cell(c, why));
    TRY(end_line(c, &ended, why));
    if (!ended)
      c->at++; /* the comma */
  }
  return OK;
}

const char *csv_excerpt(char *out, size_t room, const char *cell)
{
  size_t len = strlen(cell);
  if (len >= room) {
    len = room - 4;
    while (len && ((uint8_t)cell[len] & 0xc0) == 0x80)
      len--;
    memcpy(out, cell, len);
    memcpy(out + len, "...", 4);
  } else {
    memcpy(out, cell, len + 1);
  }
  for (char *p = out; *p; p++)
    if ((uint8_t)*p < 0x20 || *p == 0x7f)
      *p = ' ';
  return out;
}
