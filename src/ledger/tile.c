/* SPDX-License-Identifier: Apache-2.0
 * Names and widths of tiles, entry bundles. */
#include "ledger/tile.h"

#include <stdio.h>
#include <string.h>

unsigned tile_width(uint64_t size, unsigned level, uint64_t index)
{
  if (level > TILE_ENTRIES)
    return 0;
  uint64_t nodes = size >> (level == TILE_ENTRIES ? 0 : TILE_HEIGHT * level);
  uint64_t full = nodes / TILE_WIDTH;
  return index < full ? TILE_WIDTH : index == full ? (unsigned)(nodes % TILE_WIDTH) : 0;
}

char *tile_path(char out[80], struct tile t)
{
  char level[12], parts[40], *p = parts + sizeof parts - 1;
  uint64_t left = t.index;
  *p = 0;
  do {
    char part[8];
    int n = snprintf(part, sizeof part, *p ? "x%03u/" : "%03u", (unsigned)(left % 1000));
    p -= n;
    memcpy(p, part, (size_t)n);
    left /= 1000;
  } while (left);
  snprintf(level, sizeof level, "%u", t.level);
  int n = snprintf(out, 80, "tile/%s/%s", t.level == TILE_ENTRIES ? "entries" : level, p);
  if (t.width < TILE_WIDTH)
    snprintf(out + n, 80 - (size_t)n, ".p/%u", t.width);
  return out;
}

/* Reads the level and the index loosely, numbers that are too large without their upper
 * part; what else the text must be is seen when the path is written again. */
static const char *read_place(struct tile *t, const char *text)
{
  const char *p = strchr(text, '/');
  if (!p)
    return NULL;
  t->level = *text >= '0' && *text < '0' + (int)TILE_LEVELS ? (unsigned)(*text - '0')
                                                            : TILE_ENTRIES;
  while (*p == '/') {
    p += 1 + (p[1] == 'x');
    unsigned part = 0;
    for (unsigned i = 0; i < 3; i++, p++) {
      if (*p < '0' || *p > '9')
        return NULL;
      part = part * 10 + (unsigned)(*p - '0');
    }
    t->index = t->index * 1000 + part;
  }
  return p;
}

enum err tile_parse(struct tile *out, const char *text)
{
  struct tile t = {.width = TILE_WIDTH};
  char again[80];
  const char *p = read_place(&t, text);
  if (p && strncmp(p, ".p/", 3) == 0) {
    t.width = 0;
    for (p += 3; *p >= '0' && *p <= '9'; p++)
      t.width = t.width * 10 + (unsigned)(*p - '0');
  }
  if (!p || t.width == 0 || t.index > LOG_SIZE_MAX / TILE_WIDTH ||
      strcmp(tile_path(again, t) + strlen("tile/"), text) != 0)
    return E_NOT_FOUND;
  *out = t;
  return OK;
}

enum err bundle_put(struct buf *out, struct bytes entry)
{
  if (entry.len > LOG_ENTRY_MAX)
    return E_TOO_LARGE;
  const uint8_t len[2] = {(uint8_t)(entry.len >> 8), (uint8_t)entry.len};
  TRY(buf_reserve(out, sizeof len + entry.len));
  TRY(buf_put(out, len, sizeof len));
  return buf_put(out, entry.data, entry.len);
}

enum err bundle_next(struct bytes *bundle, struct bytes *entry)
{
  if (bundle->len < 2)
    return E_NOTE;
  size_t len = (size_t)bundle->data[0] << 8 | bundle->data[1];
  if (len > bundle->len - 2)
    return E_NOTE;
  *entry = BYTES(bundle->data + 2, len);
  *bundle = BYTES(bundle->data + 2 + len, bundle->len - 2 - len);
  return OK;
}
