/* SPDX-License-Identifier: Apache-2.0
 * Specs: what is accepted is accepted again from its canonical bytes, with the same hash,
 * and its sums fit. */
#include <stdlib.h>
#include <string.h>

#include "model/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  AUTO(spec_drop) struct spec *s = NULL;
  AUTO(spec_drop) struct spec *again = NULL;
  struct why why;
  if (spec_parse(&s, BYTES(data, size), &why) != OK)
    return 0;
  if (spec_parse(&again, buf_bytes(&s->canonical), &why) != OK ||
      memcmp(s->hash.b, again->hash.b, 32) != 0 || s->d != again->d || s->d == 0)
    abort();
  if (spec_check_overflow(s, &why) != OK)
    abort();
  return 0;
}
