/* SPDX-License-Identifier: Apache-2.0
 * Checkpoints, and proofs in trees of every size: the right proof is taken and one that
 * differs from it is not. The leaves are all alike, so that each height has one hash. */
#include <stdlib.h>
#include <string.h>

#include "ledger/note.h"
#include "ledger/tlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is)
{
  if (!is)
    abort();
}

static struct digest heights[64];

static enum err read_alike(void *arg, struct tile t, struct digest *out)
{
  must(t.width > 0 && t.width == tile_width(*(uint64_t *)arg, t.level, t.index));
  for (unsigned i = 0; i < t.width; i++)
    out[i] = heights[TILE_HEIGHT * t.level];
  return OK;
}

static struct tlog_source alike(uint64_t *size)
{
  return (struct tlog_source){read_alike, size};
}

static void try_checkpoint(struct bytes text)
{
  AUTO(buf_done) struct buf again = {0};
  struct checkpoint c;
  struct why why;
  if (checkpoint_parse(&c, text, &why) != OK)
    return;
  must(checkpoint_text(&again, &c) == OK && again.len <= text.len);
  must(memcmp(again.data, text.data, again.len) == 0);
}

/* Applies the edits, three bytes each: place, place, what to exclusive-or. More of them
 * than 8 also change the length. Returns whether the bytes differ from what they were. */
static bool edit(struct digest *hashes, unsigned *len, unsigned max, struct bytes edits)
{
  struct digest before[TILE_WIDTH + 1];
  unsigned len_before = *len;
  memcpy(before, hashes, max * sizeof *hashes);
  for (; edits.len >= 3; edits = BYTES(edits.data + 3, edits.len - 3)) {
    unsigned at = (unsigned)edits.data[0] << 8 | edits.data[1];
    if (edits.len > 24)
      *len = edits.data[2] % (max + 1);
    else if (*len)
      hashes[at / 32 % *len].b[at % 32] ^= edits.data[2];
  }
  return *len != len_before || memcmp(before, hashes, *len * sizeof *hashes) != 0;
}

static void try_inclusion(uint64_t leaf, uint64_t size, const struct digest *root,
                          struct bytes edits)
{
  struct digest path[TLOG_PROOF_MAX] = {0};
  unsigned len;
  must(tlog_inclusion(path, &len, leaf, size, alike(&size)) == OK);
  bool same = !edit(path, &len, TLOG_PROOF_MAX, edits);
  enum err e = merkle_check_path(root, size, leaf, &heights[0], path, len);
  must(e == (same ? OK : E_PROOF));
}

static void try_consistency(uint64_t from, uint64_t to, const struct digest *root,
                            struct bytes edits)
{
  struct digest path[TLOG_PROOF_MAX] = {0}, old;
  unsigned len;
  must(tlog_root_at(&old, from, alike(&from)) == OK);
  must(tlog_consistency(path, &len, from, to, alike(&to)) == OK);
  bool same = !edit(path, &len, TLOG_PROOF_MAX, edits);
  must(tlog_check_consistency(from, &old, to, root, path, len) == (same ? OK : E_PROOF));
}

static void try_tile(uint64_t leaf, uint64_t size, const struct digest *root,
                     struct bytes edits)
{
  struct tile t = {.level = edits.len % TILE_LEVELS};
  struct digest hashes[TILE_WIDTH] = {0};
  t.index = leaf >> TILE_HEIGHT * t.level >> TILE_HEIGHT;
  t.width = tile_width(size, t.level, t.index);
  if (t.width == 0)
    return;
  must(read_alike(&size, t, hashes) == OK);
  bool same = !edit(hashes, &t.width, TILE_WIDTH, edits);
  must(tlog_check_tile(root, size, t, hashes, alike(&size)) == (same ? OK : E_PROOF));
}

/* Two sizes of eight bytes, how far to shift them down, then the edits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  uint64_t from, to;
  struct digest root;
  try_checkpoint(BYTES(data, size));
  if (size < 17 || size > 200)
    return 0;
  for (unsigned i = 1; i < LENGTH(heights); i++)
    merkle_node(&heights[i], &heights[i - 1], &heights[i - 1]);
  memcpy(&from, data, 8);
  memcpy(&to, data + 8, 8);
  from >>= data[16] % 64;
  to >>= data[16] % 64;
  struct bytes edits = BYTES(data + 17, size - 17);
  if (to > LOG_SIZE_MAX || from > to) {
    unsigned len;
    struct digest path[TLOG_PROOF_MAX];
    must(tlog_consistency(path, &len, from, to, alike(&to)) == E_LENGTH);
    return 0;
  }
  must(tlog_root_at(&root, to, alike(&to)) == OK);
  try_consistency(from, to, &root, edits);
  if (from < to) {
    try_inclusion(from, to, &root, edits);
    try_tile(from, to, &root, edits);
  }
  return 0;
}
