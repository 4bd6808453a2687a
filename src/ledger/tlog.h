/* SPDX-License-Identifier: Apache-2.0
 * The append-only Merkle tree (RFC 6962 section 2.1) over tiles: arithmetic only, the
 * hashes come and go through callbacks. Memory is logarithmic in the size of the tree. */
#ifndef LEDGER_TLOG_H
#define LEDGER_TLOG_H

#include "core/merkle.h"
#include "ledger/tile.h"

/* Reads tile.width hashes. Asked only for tiles that a tree of the stated size has, with
 * the width they have in it. Any error of its own is handed on. */
struct tlog_source {
  enum err (*read)(void *arg, struct tile tile, struct digest *out);
  void *arg;
};
/* Takes a tile that is new or has grown. */
struct tlog_sink {
  enum err (*write)(void *arg, struct tile tile, const struct digest *hashes);
  void *arg;
};

/* The right edge of a tree that grows: {0} is the empty tree. */
struct tlog {
  uint64_t size;
  struct digest edge[TILE_LEVELS][TILE_WIDTH]; /* the tiles that are not full */
};

/* Reads the edge of a tree of `size` leaves: at most one tile a level. E_LENGTH, here and
 * below, for more than LOG_SIZE_MAX. */
enum err tlog_open(struct tlog *t, uint64_t size, struct tlog_source src) MUST_USE;
/* Appends leaf hashes, writing every tile that fills. E_LENGTH beyond LOG_SIZE_MAX; after
 * an error of the sink t->size says how many are in, and the rest may be tried again. */
enum err tlog_append(struct tlog *t, const struct digest *leaf_hashes, size_t len,
                     struct tlog_sink sink) MUST_USE;
/* Writes the tiles of the edge that are not full: once before a checkpoint. */
enum err tlog_flush(const struct tlog *t, struct tlog_sink sink) MUST_USE;
void tlog_root(struct digest *out, const struct tlog *t);

/* The root of the first `size` leaves of a tree of at least so many. The tiles asked for
 * are those of a tree of exactly `size`. */
enum err tlog_root_at(struct digest *out, uint64_t size, struct tlog_source src) MUST_USE;

#define TLOG_PROOF_MAX 64u

/* Audit path of a leaf (RFC 6962 section 2.1.1), nearest first. E_LENGTH unless leaf <
 * size. merkle_check_path checks it. */
enum err tlog_inclusion(struct digest path[TLOG_PROOF_MAX], unsigned *len, uint64_t leaf,
                        uint64_t size, struct tlog_source src) MUST_USE;
/* Consistency proof (RFC 6962 section 2.1.2) from the tree of `from` leaves to that of
 * `to`; empty for from = 0 and for from = to. E_LENGTH unless from <= to. */
enum err tlog_consistency(struct digest path[TLOG_PROOF_MAX], unsigned *len,
                          uint64_t from, uint64_t to, struct tlog_source src) MUST_USE;
/* E_PROOF unless the path shows that the second tree extends the first. */
enum err tlog_check_consistency(uint64_t from, const struct digest *from_root,
                                uint64_t to, const struct digest *to_root,
                                const struct digest *path, unsigned len) MUST_USE;

/* Checks a tile against a root: that its hashes are those of the tree of `size` leaves
 * with this root, reading what is beside and above it from src. E_PROOF. */
enum err tlog_check_tile(const struct digest *root, uint64_t size, struct tile tile,
                         const struct digest *hashes, struct tlog_source src) MUST_USE;

#endif
