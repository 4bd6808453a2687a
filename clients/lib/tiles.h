/* SPDX-License-Identifier: Apache-2.0
 * The public log's tiles and entries over HTTP (docs/protocol.md section 11.1, C2SP
 * tlog-tiles). Nothing is handed on that does not lead to the root of a checkpoint that
 * the caller has verified; a few tiles are kept in memory.
 *
 * Errors: E_CHEAT_LOG for hashes or entries that are none of this tree, E_REPLY for what
 * is not of the format, E_NOT_FOUND for what the tree or the server does not have, and
 * those of api.h. */
#ifndef CLIENTS_TILES_H
#define CLIENTS_TILES_H

#include "clients/lib/api.h"
#include "ledger/tlog.h"

struct tiles;

/* Fetches the right edge of the tree of `size` leaves and checks that it makes `root`.
 * The api is borrowed. */
enum err tiles_new(struct tiles **out, struct api *a, uint64_t size,
                   const struct digest *root, struct why *why) MUST_USE;
void tiles_free(struct tiles *t);
static inline void tiles_drop(struct tiles **t)
{
  tiles_free(*t);
}

/* The hashes of this tree and of every smaller one (tlog_root_at, tlog_inclusion and
 * tlog_consistency of any size up to this). why (may be NULL): where the particulars of a
 * failed read go while the source is used. */
struct tlog_source tiles_source(struct tiles *t, struct why *why);

/* Replaces *out with entry bundle `index`: leaves 256*index and up, as many as the tree
 * has of them, for bundle_next. */
enum err tiles_bundle(struct tiles *t, uint64_t index, struct buf *out,
                      struct why *why) MUST_USE;
/* Replaces *out with the bytes of one entry. */
enum err tiles_entry(struct tiles *t, uint64_t leaf, struct buf *out,
                     struct why *why) MUST_USE;

#endif
