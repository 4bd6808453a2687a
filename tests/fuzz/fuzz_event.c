/* SPDX-License-Identifier: Apache-2.0
 * Canonical events: what is accepted must serialise to the same bytes. */
#include <stdlib.h>

#include "core/event.h"
#include "util/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  AUTO(json_drop) json_t *event = NULL;
  AUTO(buf_done) struct buf again = {0};
  struct digest h;
  if (event_parse(&event, BYTES(data, size), NULL) != OK)
    return 0;
  if (event_canonical(&again, event, true) != OK ||
      !bytes_equal(buf_bytes(&again), BYTES(data, size)))
    abort();
  if (event_hash(&h, event) != OK && json_is_string(json_object_get(event, "type")))
    abort();
  return 0;
}
