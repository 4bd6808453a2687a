/* SPDX-License-Identifier: Apache-2.0
 * Names of tiles and entry bundles: what is taken is written again to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "ledger/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is)
{
  if (!is)
    abort();
}

static void try_path(const uint8_t *data, size_t size)
{
  AUTO(buf_done) struct buf text = {0};
  struct tile t;
  char again[80];
  if (buf_put(&text, data, size) != OK || tile_parse(&t, buf_text(&text)) != OK)
    return;
  must(t.level <= TILE_ENTRIES && t.width >= 1 && t.width <= TILE_WIDTH);
  must(strcmp(tile_path(again, t) + strlen("tile/"), buf_text(&text)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  AUTO(buf_done) struct buf again = {0};
  struct bytes rest = BYTES(data, size), entry;
  try_path(data, size);
  while (bundle_next(&rest, &entry) == OK)
    must(bundle_put(&again, entry) == OK);
  must(buf_put(&again, rest.data, rest.len) == OK);
  must(bytes_equal(buf_bytes(&again), BYTES(data, size)));
  return 0;
}
