/* SPDX-License-Identifier: Apache-2.0
 * Invite links, as people paste them. */
#include <stdlib.h>
#include <string.h>

#include "clients/lib/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct invite_link link;
  struct why why;
  char *text = must_calloc(size + 1, 1);
  if (size)
    memcpy(text, data, size);
  if (link_parse(&link, text, &why) == OK &&
      (!slug_valid(link.model) || strlen(link.address) > ADDRESS_MAX))
    abort();
  free(text);
  return 0;
}
