/* SPDX-License-Identifier: Apache-2.0
 * .npy files of updates: all d numbers are written or none. */
#include <math.h>
#include <stdlib.h>

#include "clients/lib/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  float out[3] = {NAN, NAN, NAN};
  struct why why;
  if (npy_read(out, LENGTH(out), BYTES(data, size), &why) == OK)
    for (size_t i = 0; i < LENGTH(out); i++)
      if (!isfinite(out[i]))
        abort();
  return 0;
}
