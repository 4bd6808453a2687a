/* SPDX-License-Identifier: Apache-2.0
 * The suites of the model layer, one file each, and what they share. */
#ifndef TEST_MODEL_H
#define TEST_MODEL_H

#include <check.h>

#include "model/spec.h"

TCase *test_spec(void);
TCase *test_schema(void);
TCase *test_dataset(void);
TCase *test_net(void);
TCase *test_metrics(void);
TCase *test_optimiser(void);
TCase *test_outlook(void);

/* Reads a file below the source folder; the buffer is the caller's. */
struct buf source_file(const char *path);
json_t *source_json(const char *path);
/* Parses tests/data/NAME.spec.json. */
struct spec *example_spec(const char *name);
/* Parses a spec given as JSON value (released). */
struct spec *spec_of(json_t *root);

/* A complete spec: `kind` and other members replaced by those of `more` (JSON text with
 * single quotes), null members removed. */
json_t *spec_with(const char *more);

#endif
