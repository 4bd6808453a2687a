/* SPDX-License-Identifier: Apache-2.0
 * The parts of spec_parse; used by src/model/spec*.c only. */
#ifndef MODEL_SPEC_INTERNAL_H
#define MODEL_SPEC_INTERNAL_H

#include "model/spec.h"

/* Columns and groups, from arrays and objects of the spec's JSON (spec_columns.c). */
enum err spec_read_features(struct spec *s, const json_t *list, struct why *why) MUST_USE;
enum err spec_read_target(struct spec *s, const json_t *target, struct why *why) MUST_USE;
enum err spec_read_groups(struct spec *s, const json_t *list, const char *positive,
                          struct why *why) MUST_USE;
void spec_columns_done(struct spec *s);

/* Layers, d and the tail, from everything read before (spec_layout.c). `hidden` is NULL
 * for all but the mlp. */
enum err spec_lay_out(struct spec *s, const json_t *hidden, struct why *why) MUST_USE;

#endif
