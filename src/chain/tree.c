/* SPDX-License-Identifier: Apache-2.0
 * The Keccak Merkle tree of StandardMerkleTree. Node i has the children 2i+1 and 2i+2;
 * the last n nodes are the leaves, the largest hash first. */
#include "chain/tree.h"

#include <string.h>

static int descending(const void *a, const void *b)
{
  return word_compare(b, a);
}

static void node_of(struct word *out, const struct word *a, const struct word *b)
{
  bool ordered = word_compare(a, b) <= 0;
  struct word pair[2] = {ordered ? *a : *b, ordered ? *b : *a};
  keccak256(out, BYTES_OF(pair));
}

void tree_leaf(struct word *out, struct bytes encoded)
{
  struct word once;
  keccak256(&once, encoded);
  keccak256(out, BYTES_OF(once));
}

void tree_make(struct tree *out, const struct word *leaves, unsigned n)
{
  *out = (struct tree){.n = n};
  if (n == 0)
    return;
  struct word *nodes = must_calloc(2 * (size_t)n - 1, sizeof *nodes);
  memcpy(nodes + n - 1, leaves, n * sizeof *nodes);
  qsort(nodes + n - 1, n, sizeof *nodes, descending);
  for (size_t i = n - 1; i-- > 0;)
    node_of(&nodes[i], &nodes[2 * i + 1], &nodes[2 * i + 2]);
  out->nodes = nodes;
}

void tree_done(struct tree *t)
{
  free(t->nodes);
  *t = (struct tree){0};
}

void tree_root(const struct tree *t, struct word *out)
{
  *out = t->nodes ? t->nodes[0] : (struct word){{0}};
}

enum err tree_proof(const struct tree *t, const struct word *leaf, struct word proof[32],
                    unsigned *len)
{
  const struct word *at =
      t->n ? bsearch(leaf, t->nodes + t->n - 1, t->n, sizeof *leaf, descending) : NULL;
  unsigned n = 0;
  if (!at)
    return E_NOT_FOUND;
  for (size_t i = (size_t)(at - t->nodes); i > 0; i = (i - 1) / 2)
    proof[n++] = t->nodes[i % 2 ? i + 1 : i - 1];
  *len = n;
  return OK;
}

bool tree_verify(const struct word *root, const struct word *leaf,
                 const struct word *proof, unsigned len)
{
  struct word node = *leaf;
  for (unsigned i = 0; i < len; i++)
    node_of(&node, &node, &proof[i]);
  return word_compare(&node, root) == 0;
}
