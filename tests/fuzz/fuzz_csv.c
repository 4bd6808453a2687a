/* SPDX-License-Identifier: Apache-2.0
 * Tables: whatever arrives becomes finite inputs or an error. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char description[] =
    "{\"name\":\"n\",\"purpose\":\"p\",\"consent\":\"c\",\"kind\":\"logistic\","
    "\"features\":[{\"name\":\"a\",\"type\":\"numeric\",\"minimum\":\"0\","
    "\"maximum\":\"9\"},{\"name\":\"b\",\"type\":\"numeric\",\"mean\":\"0\","
    "\"deviation\":\"0.001\"},{\"name\":\"c\",\"type\":\"categorical\","
    "\"values\":[\"u\",\"v\"]}],\"missing\":\"?\","
    "\"target\":{\"name\":\"t\",\"type\":\"categorical\",\"values\":[\"n\",\"y\"]},"
    "\"training\":{\"epochs\":1,\"batch\":1,\"rate\":\"1\",\"l2\":\"0\","
    "\"optimiser\":\"sgd\"},\"quantisation\":{\"bits\":16,\"range\":\"1\",\"clip\":\"1\","
    "\"weight_cap\":9},\"ring_bits\":32,\"cohort\":{\"minimum\":3,\"maximum\":9,"
    "\"corrupt_bp\":0,\"dropout_bp\":0},\"deadlines\":{\"join\":1,\"share\":1,"
    "\"upload\":1,\"unmask\":1},\"server\":{\"kind\":\"fedavg\",\"rate\":\"1\"},"
    "\"reward\":{\"scheme\":\"none\",\"budget\":\"0\"}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const struct csv_limits limits = {.bytes = 65536, .columns = 64, .rows = 4096};
  AUTO(spec_drop) struct spec *s = NULL;
  AUTO(dataset_drop) struct dataset *d = NULL;
  struct why why;
  if (spec_parse(&s, BYTES(description, strlen(description)), &why) != OK)
    abort();
  if (dataset_parse(&d, s, BYTES(data, size), DATASET_PREDICT, &limits, &why) != OK)
    return 0;
  if (d->rows == 0 || d->inputs != 4)
    abort();
  for (size_t i = 0; i < d->rows * d->inputs; i++)
    if (!isfinite(d->x[i]))
      abort();
  for (size_t i = 0; d->label && i < d->rows; i++)
    if (d->label[i] > 1)
      abort();
  return 0;
}
