/* SPDX-License-Identifier: Apache-2.0
 * Tiles, checked from the root down: the edge of the tree makes the root, and a full tile
 * makes the hash that the tile above it holds in its place. */
#include "clients/lib/tiles.h"

#include <stdio.h>
#include <string.h>

#define SLOTS 32u /* full tiles kept: 256 KiB */
#define BUNDLE_MAX ((size_t)TILE_WIDTH * (LOG_ENTRY_MAX + 2))

struct slot {
  bool used;
  struct tile tile;
  struct digest hashes[TILE_WIDTH];
};

struct tiles {
  struct api *api;
  struct tlog tree; /* its edge, checked */
  struct why *why;  /* the source's */
  struct slot slots[SLOTS];
};

/* ---- fetching ---- */

static enum err fetch(struct tiles *t, struct tile tile, size_t max, struct buf *out,
                      struct why *why)
{
  char path[96], name[80];
  snprintf(path, sizeof path, "log/%s", tile_path(name, tile));
  return api_bytes(t->api, path, max, out, NULL, why);
}

/* A server may remove a partial tile when the full one exists: then that. */
static enum err fetch_grown(struct tiles *t, struct tile *tile, size_t max,
                            struct buf *out, struct why *why)
{
  enum err e = fetch(t, *tile, max, out, why);
  if (e != E_NOT_FOUND || tile->width == TILE_WIDTH)
    return e;
  tile->width = TILE_WIDTH;
  return fetch(t, *tile, max, out, why);
}

static enum err fetch_hashes(struct tiles *t, struct tile tile, struct digest *out,
                             struct why *why)
{
  AUTO(buf_done) struct buf raw = {0};
  size_t wanted = tile.width * sizeof *out;
  TRY(fetch_grown(t, &tile, TILE_WIDTH * sizeof *out, &raw, why));
  if (raw.len != tile.width * sizeof *out)
    return why_set(why, E_REPLY, "tile", "has %zu bytes instead of %zu", raw.len,
                   tile.width * sizeof *out);
  memcpy(out, raw.data, wanted);
  return OK;
}

/* For the edge, before anything is checked. */
static enum err read_raw(void *arg, struct tile tile, struct digest *out)
{
  struct tiles *t = arg;
  return fetch_hashes(t, tile, out, t->why);
}

enum err tiles_new(struct tiles **out, struct api *a, uint64_t size,
                   const struct digest *root, struct why *why)
{
  struct digest is;
  AUTO(tiles_drop) struct tiles *t = must_calloc(1, sizeof *t);
  t->api = a;
  t->why = why;
  TRY(tlog_open(&t->tree, size, (struct tlog_source){read_raw, t}));
  t->why = NULL;
  tlog_root(&is, &t->tree);
  if (memcmp(&is, root, sizeof is) != 0)
    return why_set(why, E_CHEAT_LOG, "tile",
                   "the hashes that are served do not make the root of the %llu leaves "
                   "that was signed",
                   (unsigned long long)size);
  *out = STEAL(t);
  return OK;
}

void tiles_free(struct tiles *t)
{
  free(t);
}

/* ---- full tiles ---- */

static enum err read_full(struct tiles *t, struct tile tile, struct digest *out,
                          struct why *why);

/* The tree's hash that stands above a full tile. */
static enum err hash_above(struct tiles *t, struct tile tile, struct digest *out,
                           struct why *why)
{
  struct digest above[TILE_WIDTH];
  struct tile up = {.level = tile.level + 1, .index = tile.index / TILE_WIDTH};
  unsigned place = (unsigned)(tile.index % TILE_WIDTH);
  up.width = tile_width(t->tree.size, up.level, up.index);
  if (up.width < TILE_WIDTH) {
    *out = t->tree.edge[up.level][place];
    return OK;
  }
  TRY(read_full(t, up, above, why));
  *out = above[place];
  return OK;
}

static enum err check_full(struct tiles *t, struct tile tile, const struct digest *hashes,
                           struct why *why)
{
  struct merkle m = {0};
  struct digest is, above;
  for (unsigned i = 0; i < TILE_WIDTH; i++)
    merkle_add_hash(&m, &hashes[i]);
  merkle_root(&is, &m);
  TRY(hash_above(t, tile, &above, why));
  if (memcmp(&is, &above, sizeof is) != 0)
    return why_set(why, E_CHEAT_LOG, "tile",
                   "%llu of level %u is not the one of the tree that was signed",
                   (unsigned long long)tile.index, tile.level);
  return OK;
}

static enum err read_full(struct tiles *t, struct tile tile, struct digest *out,
                          struct why *why)
{
  struct slot *s = &t->slots[(tile.index + 11 * tile.level) % SLOTS];
  if (!s->used || s->tile.level != tile.level || s->tile.index != tile.index) {
    TRY(fetch_hashes(t, tile, out, why));
    TRY(check_full(t, tile, out, why));
    /* only now: the tile above may have gone through the same slot */
    s->used = true;
    s->tile = tile;
    memcpy(s->hashes, out, sizeof s->hashes);
    return OK;
  }
  memcpy(out, s->hashes, sizeof s->hashes);
  return OK;
}

/* ---- reading ---- */

static enum err read_checked(void *arg, struct tile tile, struct digest *out)
{
  struct tiles *t = arg;
  struct digest full[TILE_WIDTH];
  unsigned width = tile_width(t->tree.size, tile.level, tile.index);
  if (tile.width == 0 || tile.width > width)
    return why_set(t->why, E_NOT_FOUND, "tile", "the tree is not so large");
  if (width < TILE_WIDTH) {
    memcpy(out, t->tree.edge[tile.level], tile.width * sizeof *out);
    return OK;
  }
  /* a smaller tree has less of a tile that is full by now */
  TRY(read_full(t, (struct tile){tile.level, tile.index, TILE_WIDTH}, full, t->why));
  memcpy(out, full, tile.width * sizeof *out);
  return OK;
}

struct tlog_source tiles_source(struct tiles *t, struct why *why)
{
  t->why = why;
  return (struct tlog_source){read_checked, t};
}

/* ---- entries ---- */

/* Takes `width` entries apart: their leaf hashes, and the bytes they take. */
static enum err hash_entries(struct bytes bundle, unsigned width, struct digest *out,
                             size_t *used, struct why *why)
{
  struct bytes rest = bundle, entry;
  for (unsigned i = 0; i < width; i++) {
    if (rest.len == 0 || bundle_next(&rest, &entry) != OK)
      return why_set(why, E_REPLY, "entries", "the bundle ends after %u entries", i);
    merkle_leaf(&out[i], entry);
  }
  *used = bundle.len - rest.len;
  return OK;
}

static enum err check_entries(struct tiles *t, struct tile tile,
                              const struct digest *hashes, struct why *why)
{
  struct why inner = {0};
  if (tile.width == TILE_WIDTH) {
    enum err e = check_full(t, tile, hashes, &inner);
    if (e != E_CHEAT_LOG) {
      if (e != OK && why)
        *why = inner;
      return e;
    }
  } else if (memcmp(hashes, t->tree.edge[0], tile.width * sizeof *hashes) == 0) {
    return OK;
  }
  return why_set(why, E_CHEAT_LOG, "entries",
                 "one of the entries from leaf %llu on is not what the signed tree says",
                 (unsigned long long)(tile.index * TILE_WIDTH));
}

enum err tiles_bundle(struct tiles *t, uint64_t index, struct buf *out, struct why *why)
{
  AUTO(buf_done) struct buf raw = {.max = BUNDLE_MAX};
  struct digest hashes[TILE_WIDTH];
  struct tile tile = {0, index, tile_width(t->tree.size, 0, index)};
  struct tile served = {TILE_ENTRIES, index, tile.width};
  size_t used = 0;
  if (tile.width == 0)
    return why_set(why, E_NOT_FOUND, "leaf", "the log has %llu leaves",
                   (unsigned long long)t->tree.size);
  TRY(fetch_grown(t, &served, BUNDLE_MAX, &raw, why));
  TRY(hash_entries(buf_bytes(&raw), tile.width, hashes, &used, why));
  if (served.width == tile.width && used != raw.len)
    return why_set(why, E_REPLY, "entries", "there is more than %u entries", tile.width);
  TRY(check_entries(t, tile, hashes, why));
  raw.len = used; /* a grown bundle holds more than this tree */
  buf_done(out);
  *out = raw;
  raw = (struct buf){0};
  return OK;
}

enum err tiles_entry(struct tiles *t, uint64_t leaf, struct buf *out, struct why *why)
{
  AUTO(buf_done) struct buf bundle = {0};
  struct bytes rest, entry = {0};
  if (leaf >= t->tree.size)
    return why_set(why, E_NOT_FOUND, "leaf", "the log has %llu leaves",
                   (unsigned long long)t->tree.size);
  TRY(tiles_bundle(t, leaf / TILE_WIDTH, &bundle, why));
  rest = buf_bytes(&bundle);
  for (uint64_t i = 0; i <= leaf % TILE_WIDTH; i++)
    TRY(bundle_next(&rest, &entry));
  buf_done(out);
  return buf_put(out, entry.data, entry.len);
}
