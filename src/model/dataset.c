/* SPDX-License-Identifier: Apache-2.0
 * From a CSV to the numbers that a network reads. */
#include "model/dataset.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define VALUES_MAX ((size_t)1 << 31) /* of the feature matrix: 8 GiB */
#define ABSENT SIZE_MAX

/* One parse: where each column stands in the file, and the rows read so far. */
struct reader {
  const struct spec *s;
  struct csv csv;
  size_t cells;  /* in the header */
  size_t *where; /* cell of each feature */
  size_t target; /* cell of the target, or ABSENT */
  struct dataset *d;
  size_t room;
};

static void reader_done(struct reader *r)
{
  csv_done(&r->csv);
  free(r->where);
  dataset_free(r->d);
}

static enum err bad_cell(const struct reader *r, const char *column, const char *cell,
                         struct why *why, const char *expected)
{
  char place[96], name[56], found[80];
  snprintf(place, sizeof place, "row %zu, column \"%s\"", r->csv.row,
           csv_excerpt(name, sizeof name, column));
  return why_set(why, E_CSV, place, "expected %s, found \"%s\"", expected,
                 csv_excerpt(found, sizeof found, cell));
}

/* The header */

static enum err find_column(const struct reader *r, const char *name, size_t *where,
                            struct why *why)
{
  char place[96], shown[56];
  *where = ABSENT;
  for (size_t i = 0; i < r->csv.count; i++) {
    if (strcmp(csv_cell(&r->csv, i), name) != 0)
      continue;
    if (*where != ABSENT) {
      snprintf(place, sizeof place, "row %zu, column \"%s\"", r->csv.row,
               csv_excerpt(shown, sizeof shown, name));
      return why_set(why, E_CSV, place, "stands in the header twice");
    }
    *where = i;
  }
  return OK;
}

static enum err no_column(const struct reader *r, const char *name, struct why *why)
{
  char place[96], shown[56], header[160];
  const char *first = csv_cell(&r->csv, 0), *hint = "";
  if (r->csv.count == 1 && strpbrk(first, ";\t|"))
    hint = "; cells must be separated by commas";
  snprintf(place, sizeof place, "row %zu, column \"%s\"", r->csv.row,
           csv_excerpt(shown, sizeof shown, name));
  return why_set(why, E_CSV, place,
                 "is not in the header, which has %zu columns beginning with \"%s\"%s",
                 r->csv.count, csv_excerpt(header, sizeof header, first), hint);
}

static enum err read_header(struct reader *r, enum dataset_use use, struct why *why)
{
  bool more = false;
  TRY(csv_next(&r->csv, &more, why));
  if (!more)
    return why_set(why, E_CSV, "row 1", "the file is empty; a header row is expected");
  r->cells = r->csv.count;
  r->where = must_calloc(r->s->feature_count, sizeof *r->where);
  for (size_t i = 0; i < r->s->feature_count; i++) {
    const char *name = r->s->features[i].name;
    TRY(find_column(r, name, &r->where[i], why));
    if (r->where[i] == ABSENT)
      return no_column(r, name, why);
  }
  TRY(find_column(r, r->s->target.name, &r->target, why));
  if (r->target == ABSENT && use == DATASET_TRAIN)
    return no_column(r, r->s->target.name, why);
  return OK;
}

/* Cells */

/* [+-]digits[.digits][e[+-]digits], spaces around allowed: no hexadecimal, NaN or
 * infinity, which strtod would take. */
static bool number_parse(double *out, const char *cell)
{
  const char *from = cell + strspn(cell, " \t"), *p = from;
  p += *p == '+' || *p == '-';
  size_t whole = strspn(p, "0123456789"), part = 0;
  p += whole;
  if (*p == '.') {
    part = strspn(p + 1, "0123456789");
    p += 1 + part;
  }
  if (whole + part == 0)
    return false;
  if (*p == 'e' || *p == 'E') {
    p += 1 + (p[1] == '+' || p[1] == '-');
    size_t exponent = strspn(p, "0123456789");
    if (exponent == 0)
      return false;
    p += exponent;
  }
  if (p[strspn(p, " \t")] != 0)
    return false;
  *out = strtod(from, NULL);
  return isfinite(*out);
}

static enum err read_number(const struct reader *r, const struct column *c,
                            const char *cell, float *out, struct why *why)
{
  double v;
  char expected[96];
  if (!number_parse(&v, cell))
    return bad_cell(r, c->name, cell, why, "a number");
  if (c->bounded && (v < c->low || v > c->high)) {
    snprintf(expected, sizeof expected, "a number from %.15g to %.15g", c->low, c->high);
    return bad_cell(r, c->name, cell, why, expected);
  }
  *out = (float)((v - c->centre) / c->scale);
  if (!isfinite(*out))
    return bad_cell(r, c->name, cell, why, "a number nearer to the column's mean");
  return OK;
}

static enum err read_category(const struct reader *r, const struct column *c,
                              const char *cell, size_t *out, struct why *why)
{
  for (size_t i = 0; i < c->value_count; i++)
    if (strcmp(c->values[i], cell) == 0) {
      *out = i;
      return OK;
    }
  char expected[128];
  size_t n = (size_t)snprintf(expected, sizeof expected, "one of");
  for (size_t i = 0; i < c->value_count; i++) {
    size_t need = strlen(c->values[i]) + 5;
    if (i == 8 || n + need + 8 > sizeof expected) {
      snprintf(expected + n, sizeof expected - n, " ...");
      break;
    }
    n += (size_t)snprintf(expected + n, sizeof expected - n, "%s \"%s\"", i ? "," : "",
                          c->values[i]);
  }
  return bad_cell(r, c->name, cell, why, expected);
}

static bool is_missing(const struct spec *s, const char *cell)
{
  return s->missing && strcmp(cell, s->missing) == 0;
}

/* A missing cell leaves zeros: the middle of a scaled number, no category at all. */
static enum err read_feature(struct reader *r, size_t index, float *x, uint32_t *groups,
                             struct why *why)
{
  const struct column *c = &r->s->features[index];
  const char *cell = csv_cell(&r->csv, r->where[index]);
  if (is_missing(r->s, cell))
    return OK;
  if (!c->categorical)
    return read_number(r, c, cell, x + c->first, why);
  size_t value = 0;
  TRY(read_category(r, c, cell, &value, why));
  x[c->first + value] = 1;
  for (size_t g = 0; g < r->s->group_count; g++)
    if (r->s->groups[g].feature == index && r->s->groups[g].member[value])
      *groups |= (uint32_t)1 << g;
  return OK;
}

static enum err read_target(struct reader *r, size_t row, struct why *why)
{
  const struct column *c = &r->s->target;
  if (r->target == ABSENT)
    return OK;
  const char *cell = csv_cell(&r->csv, r->target);
  if (!c->categorical)
    return read_number(r, c, cell, &r->d->value[row], why);
  size_t value = 0;
  TRY(read_category(r, c, cell, &value, why));
  r->d->label[row] = (uint32_t)value;
  return OK;
}

/* Rows */

static enum err grow(struct reader *r, struct why *why)
{
  struct dataset *d = r->d;
  if (d->rows < r->room)
    return OK;
  size_t room = r->room ? 2 * r->room : 256;
  if (room > VALUES_MAX / d->inputs)
    return why_set(why, E_TOO_LARGE, "", "rows times inputs go beyond %zu", VALUES_MAX);
  d->x = must_realloc(d->x, room, d->inputs * sizeof *d->x);
  d->groups = must_realloc(d->groups, room, sizeof *d->groups);
  if (d->has_target && r->s->target.categorical)
    d->label = must_realloc(d->label, room, sizeof *d->label);
  else if (d->has_target)
    d->value = must_realloc(d->value, room, sizeof *d->value);
  r->room = room;
  return OK;
}

static enum err read_row(struct reader *r, struct why *why)
{
  struct dataset *d = r->d;
  char place[32];
  snprintf(place, sizeof place, "row %zu", r->csv.row);
  if (r->csv.count != r->cells)
    return why_set(why, E_CSV, place, "expected %zu cells as in the header, found %zu",
                   r->cells, r->csv.count);
  if (d->rows == r->csv.limits.rows)
    return why_set(why, E_TOO_LARGE, place, "at most %zu rows are taken",
                   r->csv.limits.rows);
  TRY(grow(r, why));
  float *x = d->x + d->rows * d->inputs;
  memset(x, 0, d->inputs * sizeof *x);
  d->groups[d->rows] = 0;
  for (size_t i = 0; i < r->s->feature_count; i++)
    TRY(read_feature(r, i, x, &d->groups[d->rows], why));
  TRY(read_target(r, d->rows, why));
  d->rows++;
  return OK;
}

enum err dataset_parse(struct dataset **out, const struct spec *s, struct bytes csv,
                       enum dataset_use use, const struct csv_limits *limits,
                       struct why *why)
{
  AUTO(reader_done) struct reader r = {.s = s};
  if (s->kind == SPEC_VECTOR)
    return why_set(why, E_SPEC, "kind", "a vector model reads no CSV");
  TRY(csv_init(&r.csv, csv, limits, why));
  TRY(read_header(&r, use, why));
  r.d = must_calloc(1, sizeof *r.d);
  r.d->inputs = s->inputs;
  r.d->has_target = r.target != ABSENT;
  for (bool more = true;;) {
    TRY(csv_next(&r.csv, &more, why));
    if (!more)
      break;
    TRY(read_row(&r, why));
  }
  if (r.d->rows == 0)
    return why_set(why, E_CSV, "row 2", "there is no data below the header");
  *out = STEAL(r.d);
  return OK;
}

void dataset_free(struct dataset *d)
{
  if (!d)
    return;
  free(d->x);
  free(d->label);
  free(d->value);
  free(d->groups);
  free(d);
}

void dataset_drop(struct dataset **d)
{
  dataset_free(*d);
}

struct dataset *dataset_take(const struct dataset *d, const size_t *rows, size_t count)
{
  struct dataset *t = must_calloc(1, sizeof *t);
  t->rows = count;
  t->inputs = d->inputs;
  t->has_target = d->has_target;
  t->x = must_calloc(count, d->inputs * sizeof *t->x);
  t->groups = must_calloc(count, sizeof *t->groups);
  if (d->label)
    t->label = must_calloc(count, sizeof *t->label);
  if (d->value)
    t->value = must_calloc(count, sizeof *t->value);
  for (size_t i = 0; i < count; i++) {
    memcpy(t->x + i * d->inputs, d->x + rows[i] * d->inputs, d->inputs * sizeof *t->x);
    t->groups[i] = d->groups[rows[i]];
    if (d->label)
      t->label[i] = d->label[rows[i]];
    if (d->value)
      t->value[i] = d->value[rows[i]];
  }
  return t;
}
