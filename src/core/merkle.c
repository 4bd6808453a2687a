/* SPDX-License-Identifier: Apache-2.0
 * Merkle trees as in RFC 6962. */
#include "core/merkle.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

static const uint8_t leaf_tag = 0x00, node_tag = 0x01;

/* OpenSSL hashes with the processor's SHA instructions, four times as fast as libsodium,
 * but takes a microsecond to start: worth it for chunks. */
#define BULK ((size_t)4096)

static bool leaf_bulk(struct digest *out, struct bytes leaf)
{
  EVP_MD_CTX *h = EVP_MD_CTX_new();
  bool ok = h && EVP_DigestInit_ex(h, EVP_sha256(), NULL) == 1 &&
            EVP_DigestUpdate(h, &leaf_tag, 1) == 1 &&
            EVP_DigestUpdate(h, leaf.data, leaf.len) == 1 &&
            EVP_DigestFinal_ex(h, out->b, NULL) == 1;
  EVP_MD_CTX_free(h);
  return ok;
}

void merkle_leaf(struct digest *out, struct bytes leaf)
{
  if (leaf.len >= BULK && leaf_bulk(out, leaf))
    return;
  crypto_hash_sha256_state h;
  crypto_hash_sha256_init(&h);
  crypto_hash_sha256_update(&h, &leaf_tag, 1);
  crypto_hash_sha256_update(&h, leaf.data, leaf.len);
  crypto_hash_sha256_final(&h, out->b);
}

void merkle_node(struct digest *out, const struct digest *left,
                 const struct digest *right)
{
  uint8_t all[65] = {node_tag};
  memcpy(all + 1, left->b, 32);
  memcpy(all + 33, right->b, 32);
  crypto_hash_sha256(out->b, all, sizeof all);
}

void merkle_add(struct merkle *m, struct bytes leaf)
{
  struct digest h;
  merkle_leaf(&h, leaf);
  merkle_add_hash(m, &h);
}

/* stack[i] is the root of a full subtree of 2^i leaves where bit i of the size is set. */
void merkle_add_hash(struct merkle *m, const struct digest *leaf_hash)
{
  struct digest h = *leaf_hash;
  unsigned i = 0;
  for (; m->size >> i & 1; i++)
    merkle_node(&h, &m->stack[i], &h);
  m->stack[i] = h;
  m->size++;
}

void merkle_root(struct digest *out, const struct merkle *m)
{
  if (m->size == 0) {
    crypto_hash_sha256(out->b, NULL, 0);
    return;
  }
  unsigned i = (unsigned)__builtin_ctzll(m->size);
  struct digest h = m->stack[i];
  while (++i < 64)
    if (m->size >> i & 1)
      merkle_node(&h, &m->stack[i], &h);
  *out = h;
}

static void range_root(struct digest *out, const struct digest *leaves, uint64_t size)
{
  struct merkle m = {0};
  for (uint64_t i = 0; i < size; i++)
    merkle_add_hash(&m, &leaves[i]);
  merkle_root(out, &m);
}

enum err merkle_path(struct digest path[64], unsigned *len, const struct digest *leaves,
                     uint64_t size, uint64_t index)
{
  struct digest down[64]; /* from the root's children to the leaf's sibling */
  unsigned n = 0;
  if (index >= size)
    return E_LENGTH;
  while (size > 1) {
    uint64_t left = (uint64_t)1 << (63 - __builtin_clzll(size - 1));
    if (index < left) {
      range_root(&down[n++], leaves + left, size - left);
      size = left;
    } else {
      range_root(&down[n++], leaves, left);
      leaves += left;
      index -= left;
      size -= left;
    }
  }
  for (unsigned i = 0; i < n; i++)
    path[i] = down[n - 1 - i];
  *len = n;
  return OK;
}

/* RFC 9162 section 2.1.3.2. */
enum err merkle_check_path(const struct digest *root, uint64_t size, uint64_t index,
                           const struct digest *leaf_hash, const struct digest *path,
                           unsigned len)
{
  if (index >= size)
    return E_PROOF;
  struct digest h = *leaf_hash;
  uint64_t at = index, last = size - 1;
  for (unsigned i = 0; i < len; i++) {
    if (last == 0)
      return E_PROOF;
    if (at & 1 || at == last) {
      merkle_node(&h, &path[i], &h);
      while (!(at & 1) && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      merkle_node(&h, &h, &path[i]);
    }
    at >>= 1;
    last >>= 1;
  }
  return last == 0 && memcmp(&h, root, sizeof h) == 0 ? OK : E_PROOF;
}
