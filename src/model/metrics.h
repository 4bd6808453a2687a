/* SPDX-License-Identifier: Apache-2.0
 * How well a model does on some rows, and the tail entries that follow. */
#ifndef MODEL_METRICS_H
#define MODEL_METRICS_H

#include "model/net.h"

struct confusion {
  uint64_t evaluated; /* = the sum of the four below */
  uint64_t true_positive, false_positive, true_negative, false_negative;
};

struct metrics {
  double loss;                             /* summed over the examples */
  uint64_t correct, evaluated;             /* correct: 0 for a numeric target */
  struct confusion group[SPEC_GROUPS_MAX]; /* per group of the spec, also small ones */
};

/* Evaluates w on the first max_rows rows of d (0: all), which must have their target.
 * E_SPEC without targets or for a vector, E_NUMBER when the loss is not finite. */
enum err metrics_evaluate(struct metrics *out, const float *w, const struct spec *s,
                          const struct dataset *d, size_t max_rows) MUST_USE;

/* What a participant adds behind its update: evaluates the base model on its own rows (as
 * many as the tail can hold) and writes spec->tail_count integers, each within its
 * entry's maximum. Entries of a group with fewer than SPEC_GROUP_LEAST examples are 0.
 *
 * weight  the participant's weight (spec_weight)
 * d       NULL for a vector
 *
 * E_FIELD_VALUE when the weight is not in 1..W; otherwise as metrics_evaluate. */
enum err metrics_tail(uint64_t *tail, const float *base, const struct spec *s,
                      const struct dataset *d, uint64_t weight) MUST_USE;

#endif
