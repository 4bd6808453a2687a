/* SPDX-License-Identifier: Apache-2.0
 * A model's description: what is trained, on which columns, under which limits. Parsed
 * strictly, kept with its canonical bytes and their hash. docs/spec.md says what each
 * member means; docs/spec.schema.json is the same for machines. */
#ifndef MODEL_SPEC_H
#define MODEL_SPEC_H

#include <jansson.h>

#include "core/message.h"
#include "model/optimiser.h"

#define SPEC_BYTES_MAX ((size_t)1 << 20)
#define SPEC_PARAMETERS_MAX ((size_t)1 << 26)
#define SPEC_INPUTS_MAX ((size_t)1 << 17)
#define SPEC_GROUPS_MAX 16u
#define SPEC_TAIL_GROUPS 4u
#define SPEC_GROUP_LEAST 5u   /* a client adds 0 for a group with fewer examples */
#define SPEC_LOSS_SCALE 1000u /* the loss entry is the summed loss times this */

enum spec_kind { SPEC_LINEAR, SPEC_LOGISTIC, SPEC_MLP, SPEC_VECTOR };

/* One column of the participants' CSV. Strings are borrowed from the spec's JSON. */
struct column {
  const char *name;
  bool categorical;
  /* numeric: input = (value - centre) / scale; when bounded, low <= value <= high */
  bool bounded;
  double centre, scale, low, high;
  /* categorical: one input per value, in this order */
  const char **values;
  size_t value_count;
  /* features: inputs [first, first + width) of the network */
  size_t first, width;
};

/* One dense layer: outputs = W * inputs + bias, ReLU behind all but the last. */
struct layer {
  size_t inputs, outputs;
  size_t weights; /* index of W[0][0]: outputs rows of inputs each */
  size_t biases;  /* index of bias[0] */
};

/* People whose results are counted apart: rows whose `feature` has one of some values. */
struct group {
  const char *name;
  size_t feature; /* index into features, categorical */
  bool *member;   /* one per value of that feature */
};

struct training {
  uint64_t epochs, batch;
  double rate, l2;
  bool adam;         /* else plain SGD */
  bool equal_weight; /* everybody weighs 1; else min(W, rows) */
};

struct cohort {
  uint64_t minimum, maximum; /* m and n_max */
  uint64_t corrupt_bp, dropout_bp;
};

struct deadlines {
  uint64_t join, share, upload, unmask; /* seconds */
};

struct spec {
  json_t *json;         /* the parsed description; strings below are borrowed from it */
  struct buf canonical; /* the bytes that are hashed, stored and served */
  struct digest hash;   /* SHA-256 of them */

  const char *name, *purpose, *consent;
  enum spec_kind kind;
  struct column *features;
  size_t feature_count;
  struct column target;
  const char *missing; /* a cell that reads like this holds nothing; NULL: none does */
  struct group *groups;
  size_t group_count;
  size_t positive; /* index of the positive class, when there are groups */

  size_t inputs;  /* after one-hot encoding; 0 for a vector */
  size_t outputs; /* classes, or 1 for a numeric target; 0 for a vector */
  struct layer *layers;
  size_t layer_count;
  size_t d; /* parameters, biases included */

  /* weight; loss, correct, evaluated unless a vector; then five per group: evaluated and
   * the four confusion counts, so that those of group g begin at SPEC_TAIL_GROUPS + 5*g
   */
  struct tail_entry *tail;
  size_t tail_count;

  struct training training; /* zero for a vector */
  struct quantiser quantiser;
  const char *range, *clip; /* the decimals as written, for events */
  unsigned ring_bits;
  struct cohort cohort;
  struct deadlines deadlines;
  struct optimiser optimiser;
  struct reward_terms reward;
  struct payout_terms payout;
  bool audit_members;    /* who may read masked vectors after a round; else everybody */
  uint64_t audit_window; /* seconds */
  bool holdout;
};

/* Parses and checks a description (any member order and white space).
 *
 * json  at most SPEC_BYTES_MAX bytes
 *
 * Errors, with the JSON path in why->field (such as features[3].minimum): E_JSON,
 * E_TOO_LARGE, E_FIELD_*, E_SPEC for members that contradict each other, E_OVERFLOW as
 * spec_check_overflow. The caller owns *out (spec_free). */
enum err spec_parse(struct spec **out, struct bytes json, struct why *why) MUST_USE;
void spec_free(struct spec *s);
void spec_drop(struct spec **s);

/* n_max*W*Q < 2^(b-1) and n_max*max < 2^(b-1) for every tail entry, in 128 bits.
 * E_OVERFLOW, naming ring_bits. spec_parse has already called it. */
enum err spec_check_overflow(const struct spec *s, struct why *why) MUST_USE;

/* The name as it stands in specs. */
const char *spec_kind_name(enum spec_kind kind);

/* The tail as the `open` event holds it: an array of [kind, name, max]. A new value. */
json_t *spec_tail_json(const struct spec *s);

/* Sets the members of an `open` event that follow from the spec alone: spec, d, tail,
 * ring_bits, quant_bits, range, clip, weight_cap, optimiser (its `state` null), minimum,
 * maximum, corrupt_bp, dropout_bp, deadlines, reward, audit. */
void spec_open_fill(json_t *open, const struct spec *s);
/* What a client checks before it joins: all those members (optimiser.state aside) are
 * what the spec says. E_SPEC, naming the member. */
enum err spec_open_check(const json_t *open, const struct spec *s,
                         struct why *why) MUST_USE;

/* The weight of a participant with so many rows: min(W, rows), or 1 when the spec weighs
 * everybody equally. */
uint64_t spec_weight(const struct spec *s, uint64_t rows);

#endif
