/* SPDX-License-Identifier: Apache-2.0
 * The Keccak Merkle tree of OpenZeppelin's StandardMerkleTree (merkle-tree 1.0): leaves
 * Keccak(Keccak(abi.encode(…))), sorted by hash, in an array of 2n-1 nodes with the root
 * first; a node is Keccak of its children, the smaller one first. Verified on chain by
 * MerkleProof. */
#ifndef CHAIN_TREE_H
#define CHAIN_TREE_H

#include "chain/eth.h"

struct tree {
  struct word *nodes; /* 2n-1, root first; NULL: no leaves, the root is zero */
  unsigned n;
};

/* encoded: abi.encode of a leaf's values. */
void tree_leaf(struct word *out, struct bytes encoded);
/* Takes n leaf hashes in any order (copied). */
void tree_make(struct tree *out, const struct word *leaves, unsigned n);
void tree_done(struct tree *t);
void tree_root(const struct tree *t, struct word *out);
/* The siblings of a leaf, upwards; at most 32. E_NOT_FOUND. */
enum err tree_proof(const struct tree *t, const struct word *leaf, struct word proof[32],
                    unsigned *len) MUST_USE;
bool tree_verify(const struct word *root, const struct word *leaf,
                 const struct word *proof, unsigned len);

#endif
