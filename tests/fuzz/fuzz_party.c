/* SPDX-License-Identifier: Apache-2.0
 * A saved party: damaged state is refused, and what loads can be saved again. */
#include <stdlib.h>

#include "core/party.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  AUTO(party_drop) struct party *p = NULL;
  AUTO(buf_done) struct buf again = {0};
  struct secret_identity key = {{0}};
  struct why why;
  if (party_load(&p, BYTES(data, size), &key, &why) == OK && party_save(&again, p) != OK)
    abort();
  return 0;
}
