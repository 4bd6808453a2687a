/* SPDX-License-Identifier: Apache-2.0
 * Handlers: proofs that a leaf is in the log's tree, and that one tree extends another.
 */
#include <string.h>

#include "server/common.h"
#include "server/handlers.h"
#include "server/log.h"

/* ---- the tiles of one request ---- */

#define KEPT_TILES 16u

/* A proof, the leaf's hash and the root are made of the same few tiles. */
struct tiles {
  struct tlog_source stored;
  unsigned len;
  struct kept_tile {
    struct tile tile;
    struct digest hashes[TILE_WIDTH];
  } kept[KEPT_TILES];
};

static bool same_tile(struct tile a, struct tile b)
{
  return a.level == b.level && a.index == b.index && a.width == b.width;
}

static enum err read_tile(void *arg, struct tile tile, struct digest *out)
{
  struct tiles *t = arg;
  for (unsigned i = 0; i < t->len; i++)
    if (same_tile(t->kept[i].tile, tile)) {
      memcpy(out, t->kept[i].hashes, tile.width * sizeof *out);
      return OK;
    }
  TRY(t->stored.read(t->stored.arg, tile, out));
  if (t->len < KEPT_TILES) {
    struct kept_tile *kept = &t->kept[t->len++];
    kept->tile = tile;
    memcpy(kept->hashes, out, tile.width * sizeof *out);
  }
  return OK;
}

static struct tlog_source tiles_of(struct tiles **out, struct db *db)
{
  struct tiles *t = must_calloc(1, sizeof *t);
  t->stored = log_source(db);
  *out = t;
  return (struct tlog_source){read_tile, t};
}

/* ---- proofs ---- */

static enum err needed_number(struct request *rq, const char *name, uint64_t *out)
{
  if (!request_query(rq, name))
    return why_set(rq->why, E_FIELD_MISSING, name, "is needed in the address");
  return request_number(rq, name, out);
}

static json_t *path_json(const struct digest *path, unsigned len)
{
  json_t *list = json_array();
  for (unsigned i = 0; i < len; i++)
    json_array_append_new(list, json_hex(path[i].b, sizeof path[i].b));
  return list;
}

static enum err no_such_tree(struct why *why, const struct log_head *head)
{
  return why_set(why, E_NOT_FOUND, "", "the log has %llu leaves",
                 (unsigned long long)head->size);
}

/* What a leaf hashes to, out of its tile. */
static enum err leaf_hash(struct digest *out, uint64_t leaf, uint64_t size,
                          struct tlog_source src)
{
  struct digest hashes[TILE_WIDTH];
  struct tile tile = {.index = leaf / TILE_WIDTH};
  tile.width = tile_width(size, tile.level, tile.index);
  TRY(src.read(src.arg, tile, hashes));
  *out = hashes[leaf % TILE_WIDTH];
  return OK;
}

enum err proof_inclusion(struct request *rq, struct reply *rp)
{
  AUTO(free_drop) struct tiles *tiles = NULL;
  struct tlog_source src = tiles_of(&tiles, rq->db);
  struct log_head head;
  struct digest path[TLOG_PROOF_MAX], hash, root;
  uint64_t leaf = 0, size;
  unsigned len;
  TRY(log_head(rq->db, &head));
  size = head.size;
  TRY(needed_number(rq, "leaf", &leaf));
  TRY(request_number(rq, "size", &size));
  if (size > head.size || leaf >= size)
    return no_such_tree(rq->why, &head);
  TRY(leaf_hash(&hash, leaf, size, src));
  TRY(tlog_inclusion(path, &len, leaf, size, src));
  TRY(tlog_root_at(&root, size, src));
  rp->json = json_pack("{s:I,s:I,s:o,s:o,s:o}", "leaf", (json_int_t)leaf, "size",
                       (json_int_t)size, "hash", json_hex(hash.b, sizeof hash.b), "path",
                       path_json(path, len), "root", json_hex(root.b, sizeof root.b));
  return OK;
}

enum err proof_consistency(struct request *rq, struct reply *rp)
{
  AUTO(free_drop) struct tiles *tiles = NULL;
  struct tlog_source src = tiles_of(&tiles, rq->db);
  struct log_head head;
  struct digest path[TLOG_PROOF_MAX];
  uint64_t from = 0, to = 0;
  unsigned len;
  TRY(needed_number(rq, "from", &from));
  TRY(needed_number(rq, "to", &to));
  TRY(log_head(rq->db, &head));
  if (from > to)
    return why_set(rq->why, E_FIELD_VALUE, "from", "must not be above to");
  if (to > head.size)
    return no_such_tree(rq->why, &head);
  TRY(tlog_consistency(path, &len, from, to, src));
  rp->json = json_pack("{s:I,s:I,s:o}", "from", (json_int_t)from, "to", (json_int_t)to,
                       "path", path_json(path, len));
  return OK;
}
