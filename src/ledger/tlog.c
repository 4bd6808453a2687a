/* SPDX-License-Identifier: Apache-2.0
 * Roots and proofs of the log's tree, computed from tiles.
 *
 * A range of leaves that starts where RFC 6962 cuts has one complete subtree for every
 * bit of its length; struct merkle folds these. Each lies within one tile, so a range
 * costs at most one tile a level. */
#include "ledger/tlog.h"

#include <string.h>

/* Reads nodes of the tree of `size` leaves; keeps the tile that it read last, because
 * neighbours in a proof are mostly neighbours in a tile. */
struct reader {
  struct tlog_source src;
  uint64_t size;
  struct tile tile;
  struct digest hashes[TILE_WIDTH];
};

static void fold(struct digest *out, const struct digest *hashes, unsigned len)
{
  struct merkle m = {0};
  for (unsigned i = 0; i < len; i++)
    merkle_add_hash(&m, &hashes[i]);
  merkle_root(out, &m);
}

/* The root of the complete subtree of 2^height leaves that starts at leaf `at`. */
static enum err read_node(struct digest *out, struct reader *r, uint64_t at,
                          unsigned height)
{
  unsigned level = height / TILE_HEIGHT;
  uint64_t node = at >> TILE_HEIGHT * level;
  struct tile t = {.level = level, .index = node / TILE_WIDTH};
  t.width = tile_width(r->size, level, t.index);
  if (r->tile.width == 0 || r->tile.level != t.level || r->tile.index != t.index) {
    TRY(r->src.read(r->src.arg, t, r->hashes));
    r->tile = t;
  }
  fold(out, &r->hashes[node % TILE_WIDTH], 1u << height % TILE_HEIGHT);
  return OK;
}

/* Adds the complete subtrees of the leaves [from, to) that are lower than 2^below leaves,
 * the largest first, as they lie. */
static enum err read_range(struct merkle *m, struct reader *r, uint64_t from, uint64_t to,
                           unsigned below)
{
  m->size = to - from;
  for (unsigned height = 64; height-- > 0;) {
    uint64_t step = (uint64_t)1 << height;
    if (!(m->size & step))
      continue;
    if (height < below)
      TRY(read_node(&m->stack[height], r, from, height));
    from += step;
  }
  return OK;
}

static enum err range_root(struct digest *out, struct reader *r, uint64_t from,
                           uint64_t to)
{
  struct merkle m;
  TRY(read_range(&m, r, from, to, 64));
  merkle_root(out, &m);
  return OK;
}

/* --- a tree that grows --- */

static unsigned edge_width(uint64_t size, unsigned level)
{
  return (unsigned)(size >> TILE_HEIGHT * level) % TILE_WIDTH;
}

static struct tile edge_tile(uint64_t size, unsigned level)
{
  return (struct tile){.level = level,
                       .index = size >> TILE_HEIGHT * level >> TILE_HEIGHT,
                       .width = edge_width(size, level)};
}

enum err tlog_open(struct tlog *t, uint64_t size, struct tlog_source src)
{
  if (size > LOG_SIZE_MAX)
    return E_LENGTH;
  for (unsigned level = 0; level < TILE_LEVELS; level++)
    if (edge_width(size, level))
      TRY(src.read(src.arg, edge_tile(size, level), t->edge[level]));
  t->size = size;
  return OK;
}

/* Puts a leaf at the edge. A tile that it fills is written and becomes a hash of the
 * level above. */
static enum err append(struct tlog *t, const struct digest *leaf, struct tlog_sink sink)
{
  struct digest h = *leaf;
  for (unsigned level = 0; level < TILE_LEVELS; level++) {
    struct tile tile = edge_tile(t->size, level);
    t->edge[level][tile.width++] = h;
    if (tile.width < TILE_WIDTH)
      break;
    TRY(sink.write(sink.arg, tile, t->edge[level]));
    fold(&h, t->edge[level], TILE_WIDTH);
  }
  t->size++;
  return OK;
}

enum err tlog_append(struct tlog *t, const struct digest *leaf_hashes, size_t len,
                     struct tlog_sink sink)
{
  if (len > LOG_SIZE_MAX - t->size)
    return E_LENGTH;
  for (size_t i = 0; i < len; i++)
    TRY(append(t, &leaf_hashes[i], sink));
  return OK;
}

enum err tlog_flush(const struct tlog *t, struct tlog_sink sink)
{
  for (unsigned level = 0; level < TILE_LEVELS; level++)
    if (edge_width(t->size, level))
      TRY(sink.write(sink.arg, edge_tile(t->size, level), t->edge[level]));
  return OK;
}

/* Every complete subtree of the whole tree lies in a tile of the edge. */
void tlog_root(struct digest *out, const struct tlog *t)
{
  struct merkle m = {.size = t->size};
  for (unsigned height = 0; height < 64; height++) {
    if (!(t->size >> height & 1))
      continue;
    unsigned level = height / TILE_HEIGHT, nodes = 1u << height % TILE_HEIGHT;
    unsigned at = edge_width(t->size, level) & ~(2 * nodes - 1);
    fold(&m.stack[height], &t->edge[level][at], nodes);
  }
  merkle_root(out, &m);
}

enum err tlog_root_at(struct digest *out, uint64_t size, struct tlog_source src)
{
  struct reader r = {.src = src, .size = size};
  if (size > LOG_SIZE_MAX)
    return E_LENGTH;
  return range_root(out, &r, 0, size);
}

/* --- proofs --- */

/* The number of leaves left of the cut (RFC 6962 section 2.1): the largest power of two
 * below size, which is at least 2. */
static uint64_t left_of(uint64_t size)
{
  return (uint64_t)1 << (63 - __builtin_clzll(size - 1));
}

/* What lies beside the way from the root down; filled from the end, so that the nearest
 * comes first. A tree of LOG_SIZE_MAX leaves is 63 deep. */
struct way {
  unsigned first;
  struct digest beside[TLOG_PROOF_MAX];
};

static enum err put(struct way *w, struct reader *r, uint64_t from, uint64_t to)
{
  struct digest h;
  TRY(range_root(&h, r, from, to));
  w->beside[--w->first] = h;
  return OK;
}

/* Goes down to the first subtree that ends before leaf `to` and starts at `from` or
 * behind; *start is where it starts. */
static enum err walk(struct way *w, uint64_t *start, struct reader *r, uint64_t from,
                     uint64_t to)
{
  uint64_t lo = 0, hi = r->size;
  w->first = TLOG_PROOF_MAX;
  while (hi != to || lo < from) {
    uint64_t cut = lo + left_of(hi - lo);
    if (to <= cut) {
      TRY(put(w, r, cut, hi));
      hi = cut;
    } else {
      TRY(put(w, r, lo, cut));
      lo = cut;
    }
  }
  *start = lo;
  return OK;
}

static void give(struct digest path[TLOG_PROOF_MAX], unsigned *len, const struct way *w)
{
  *len = TLOG_PROOF_MAX - w->first;
  memcpy(path, w->beside + w->first, *len * sizeof *path);
}

enum err tlog_inclusion(struct digest path[TLOG_PROOF_MAX], unsigned *len, uint64_t leaf,
                        uint64_t size, struct tlog_source src)
{
  struct reader r = {.src = src, .size = size};
  struct way w;
  uint64_t start;
  if (size > LOG_SIZE_MAX || leaf >= size)
    return E_LENGTH;
  TRY(walk(&w, &start, &r, leaf, leaf + 1));
  give(path, len, &w);
  return OK;
}

enum err tlog_consistency(struct digest path[TLOG_PROOF_MAX], unsigned *len,
                          uint64_t from, uint64_t to, struct tlog_source src)
{
  struct reader r = {.src = src, .size = to};
  struct way w = {.first = TLOG_PROOF_MAX};
  uint64_t start = 0;
  if (to > LOG_SIZE_MAX || from > to)
    return E_LENGTH;
  if (from > 0)
    TRY(walk(&w, &start, &r, 0, from));
  if (start > 0) /* the old tree is not the subtree itself: its last part is unknown */
    TRY(put(&w, &r, start, from));
  give(path, len, &w);
  return OK;
}

/* RFC 9162 section 2.1.4.2 for 0 < from < to. */
static bool extends(uint64_t from, const struct digest *from_root, uint64_t to,
                    const struct digest *to_root, const struct digest *path, unsigned len)
{
  uint64_t at = from - 1, last = to - 1;
  bool whole = (from & at) == 0; /* then the old root is where the path starts */
  if (len < !whole)
    return false;
  struct digest old = whole ? *from_root : path[0], new = old;
  unsigned down = (unsigned)__builtin_ctzll(from);
  at >>= down;
  last >>= down;
  for (unsigned i = !whole; i < len; i++) {
    if (last == 0)
      return false;
    if (at & 1 || at == last) {
      merkle_node(&old, &path[i], &old);
      merkle_node(&new, &path[i], &new);
      while (!(at & 1) && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      merkle_node(&new, &new, &path[i]);
    }
    at >>= 1;
    last >>= 1;
  }
  return last == 0 && memcmp(&old, from_root, sizeof old) == 0 &&
         memcmp(&new, to_root, sizeof new) == 0;
}

enum err tlog_check_consistency(uint64_t from, const struct digest *from_root,
                                uint64_t to, const struct digest *to_root,
                                const struct digest *path, unsigned len)
{
  struct digest empty;
  merkle_root(&empty, &(struct merkle){0});
  bool fits;
  if (from == to)
    fits = len == 0 && memcmp(from_root, to_root, sizeof *to_root) == 0;
  else if (from == 0)
    fits = len == 0;
  else
    fits = from < to && extends(from, from_root, to, to_root, path, len);
  if (from == 0 && memcmp(from_root, &empty, sizeof empty) != 0)
    fits = false;
  return fits ? OK : E_PROOF;
}

/* The tile's part of the tree ends where the tile does or, at the edge, with the tree;
 * its upper subtrees are those of the tile's hashes. It is one leaf of a smaller tree of
 * such parts, with the same root. */
enum err tlog_check_tile(const struct digest *root, uint64_t size, struct tile tile,
                         const struct digest *hashes, struct tlog_source src)
{
  struct reader r = {.src = src, .size = size};
  struct merkle part, upper = {0};
  struct way w;
  struct digest h;
  if (size > LOG_SIZE_MAX || tile.level >= TILE_LEVELS || tile.width == 0 ||
      tile.width != tile_width(size, tile.level, tile.index))
    return E_PROOF;
  unsigned height = TILE_HEIGHT * tile.level;
  uint64_t from = tile.index << height << TILE_HEIGHT, to = size;
  if (tile.width == TILE_WIDTH)
    to = from + ((uint64_t)TILE_WIDTH << height);
  TRY(read_range(&part, &r, from, to, height));
  for (unsigned i = 0; i < tile.width; i++)
    merkle_add_hash(&upper, &hashes[i]);
  for (unsigned i = 0; i <= TILE_HEIGHT && height + i < LENGTH(part.stack); i++)
    part.stack[height + i] = upper.stack[i];
  merkle_root(&h, &part);
  TRY(walk(&w, &from, &r, from, to));
  return merkle_check_path(root, ((size - 1) >> height >> TILE_HEIGHT) + 1, tile.index,
                           &h, w.beside + w.first, TLOG_PROOF_MAX - w.first);
}
