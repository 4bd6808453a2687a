/* SPDX-License-Identifier: Apache-2.0
 * From a CSV to the numbers that a network reads, as the spec says. */
#ifndef MODEL_DATASET_H
#define MODEL_DATASET_H

#include "model/csv.h"
#include "model/spec.h"

/* rows examples. Which of label and value is there follows from the target's type. */
struct dataset {
  size_t rows, inputs;
  bool has_target;
  float *x;         /* rows * inputs, row by row */
  uint32_t *label;  /* categorical target: index of the class */
  float *value;     /* numeric target, scaled like a feature */
  uint32_t *groups; /* bit g: the example belongs to group g */
};

enum dataset_use {
  DATASET_TRAIN,   /* the target column is required */
  DATASET_PREDICT, /* it is used when there is one */
};

/* Reads a CSV: a header row, columns found by name in any order, others ignored.
 * Errors, with `row 7, column "age"` in why->field (rows are lines of the file, the
 * header is 1): E_CSV, E_TOO_LARGE; E_SPEC for a vector spec, which has no columns. The
 * caller owns *out (dataset_free). */
enum err dataset_parse(struct dataset **out, const struct spec *s, struct bytes csv,
                       enum dataset_use use, const struct csv_limits *limits,
                       struct why *why) MUST_USE;
void dataset_free(struct dataset *d);
void dataset_drop(struct dataset **d);

/* A copy of some rows, in the order given. Each index must be below d->rows. */
struct dataset *dataset_take(const struct dataset *d, const size_t *rows,
                             size_t count) MUST_USE;

#endif
