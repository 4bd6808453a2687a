/* SPDX-License-Identifier: Apache-2.0
 * Weights in the formats that other programs read. The numbers themselves are always the
 * d float32, little-endian, of docs/spec.md; what is made here stands in front of them,
 * or, for JSON, spells them out. */
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H

#include "model/spec.h"

#define WEIGHTS_JSON_MAX 1000000u /* parameters */

struct weights_about {
  const char *model;
  uint64_t round;
  struct digest sha256; /* of the raw numbers */
};

/* Appends the head of a .npy file: one array of shape (d,). */
enum err weights_npy_head(struct buf *out, const struct spec *s) MUST_USE;
/* Appends the head of a .safetensors file: layers.I.weight of shape [outputs, inputs] and
 * layers.I.bias, or for a vector `vector`. */
enum err weights_safetensors_head(struct buf *out, const struct spec *s,
                                  const struct weights_about *about) MUST_USE;
/* Appends a JSON object with the same names. d is at most WEIGHTS_JSON_MAX; w holds d
 * finite numbers. */
enum err weights_json(struct buf *out, const struct spec *s,
                      const struct weights_about *about, const float *w) MUST_USE;

#endif
