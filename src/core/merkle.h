/* SPDX-License-Identifier: Apache-2.0
 * Merkle trees as in RFC 6962 section 2.1: 0x00 before a leaf, 0x01 before a node; the
 * empty tree is SHA-256 of nothing. Memory is logarithmic in the number of leaves. */
#ifndef CORE_MERKLE_H
#define CORE_MERKLE_H

#include "core/types.h"

void merkle_leaf(struct digest *out, struct bytes leaf);
void merkle_node(struct digest *out, const struct digest *left,
                 const struct digest *right);

/* Builds a root leaf by leaf: {0}, then add, then root (which may be asked at any time).
 */
struct merkle {
  uint64_t size;
  struct digest stack[64];
};
void merkle_add(struct merkle *m, struct bytes leaf);
void merkle_add_hash(struct merkle *m, const struct digest *leaf_hash);
void merkle_root(struct digest *out, const struct merkle *m);

/* Audit path of leaf `index` (RFC 6962 section 2.1.1) over `size` leaf hashes: at most 64
 * digests, nearest first. E_LENGTH unless index < size. */
enum err merkle_path(struct digest path[64], unsigned *len, const struct digest *leaves,
                     uint64_t size, uint64_t index) MUST_USE;
/* E_PROOF unless the path leads from the leaf hash to the root. */
enum err merkle_check_path(const struct digest *root, uint64_t size, uint64_t index,
                           const struct digest *leaf_hash, const struct digest *path,
                           unsigned len) MUST_USE;

#endif
