/* SPDX-License-Identifier: Apache-2.0
 * Tiles and entry bundles of C2SP tlog-tiles: where they are and how they read.
 * Height 8: a tile holds up to 256 hashes of one level of the tree, 8 binary levels
 * apart. */
#ifndef LEDGER_TILE_H
#define LEDGER_TILE_H

#include "core/types.h"

#define TILE_HEIGHT 8u
#define TILE_WIDTH 256u
#define TILE_LEVELS 8u                     /* enough for LOG_SIZE_MAX */
#define TILE_ENTRIES TILE_LEVELS           /* the "level" of an entry bundle */
#define LOG_SIZE_MAX ((uint64_t)INT64_MAX) /* leaves; other tools count in int64 */
#define LOG_ENTRY_MAX 65535u               /* bytes: an entry's length is a uint16 */

/* The first `width` hashes of tile `index` of a level: those of the tree's nodes of
 * binary level 8*level at positions 256*index and up. */
struct tile {
  unsigned level;
  uint64_t index;
  unsigned width; /* 1 to 256 */
};

/* What a tree of `size` leaves has of the tile or bundle at this level and index: 0 for
 * nothing. */
unsigned tile_width(uint64_t size, unsigned level, uint64_t index);

/* "tile/0/x001/x234/067.p/8" or "tile/entries/000"; room for 80 bytes. Returns out. */
char *tile_path(char out[80], struct tile t);
/* The reverse, for what stands behind "tile/". E_NOT_FOUND for every text that tile_path
 * does not write. */
enum err tile_parse(struct tile *out, const char *text) MUST_USE;

/* Appends one entry to a bundle. E_TOO_LARGE above LOG_ENTRY_MAX. */
enum err bundle_put(struct buf *out, struct bytes entry) MUST_USE;
/* Takes the first entry off *bundle; *entry borrows. E_NOTE when it is cut short. */
enum err bundle_next(struct bytes *bundle, struct bytes *entry) MUST_USE;

#endif
