/* SPDX-License-Identifier: Apache-2.0
 * RFC 6962 trees, against the test vectors of the Certificate Transparency project. */
#include <sodium.h>
#include <string.h>

#include "core/merkle.h"
#include "test_core.h"
#include "util/text.h"

static const struct {
  const char *leaf; /* hex */
  const char *root; /* of the tree that ends with this leaf */
} known[] = {
    {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
    {"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
    {"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
    {"5051525354555657",
     "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
    {"606162636465666768696a6b6c6d6e6f",
     "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};

START_TEST(known_roots)
{
  struct merkle m = {0};
  struct digest root, want;
  uint8_t leaf[16];
  merkle_root(&root, &m);
  ck_assert_int_eq(
      hex_decode(want.b, 32,
                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      OK);
  ck_assert_mem_eq(&root, &want, 32);
  for (size_t i = 0; i < LENGTH(known); i++) {
    size_t len = strlen(known[i].leaf) / 2;
    ck_assert_int_eq(hex_decode(leaf, len, known[i].leaf), OK);
    ck_assert_int_eq(hex_decode(want.b, 32, known[i].root), OK);
    merkle_add(&m, BYTES(leaf, len));
    merkle_root(&root, &m);
    ck_assert_msg(memcmp(&root, &want, 32) == 0, "%zu leaves", i + 1);
  }
}
END_TEST

/* The two ways of hashing a leaf agree. */
START_TEST(long_leaves)
{
  static uint8_t leaf[1 + 20000];
  struct digest got, want;
  randombytes_buf(leaf + 1, sizeof leaf - 1);
  for (size_t len = 4000; len <= 20000; len += 16) {
    merkle_leaf(&got, BYTES(leaf + 1, len));
    crypto_hash_sha256(want.b, leaf, len + 1);
    ck_assert_mem_eq(&got, &want, 32);
    if (len == 4208)
      len = 19984;
  }
}
END_TEST

START_TEST(paths)
{
  struct digest leaves[70], path[64], root;
  unsigned len;
  randombytes_buf(leaves, sizeof leaves);
  for (uint64_t size = 1; size <= LENGTH(leaves); size++) {
    struct merkle m = {0};
    for (uint64_t i = 0; i < size; i++)
      merkle_add_hash(&m, &leaves[i]);
    merkle_root(&root, &m);
    for (uint64_t i = 0; i < size; i++) {
      ck_assert_int_eq(merkle_path(path, &len, leaves, size, i), OK);
      ck_assert_int_eq(merkle_check_path(&root, size, i, &leaves[i], path, len), OK);
      const struct digest *leaf = &leaves[i];
      ck_assert_int_eq(merkle_check_path(&root, size, size, leaf, path, len), E_PROOF);
      ck_assert_int_eq(merkle_check_path(&root, size, i, leaf, path, len + 1), E_PROOF);
      ck_assert_int_eq(merkle_check_path(&root, size, i, &root, path, len),
                       size == 1 ? OK : E_PROOF);
      if (size == 1)
        continue;
      ck_assert_int_eq(merkle_check_path(&root, size, i, leaf, path, len - 1), E_PROOF);
      ck_assert_int_eq(merkle_check_path(&root, size, i ^ 1, leaf, path, len), E_PROOF);
      path[randombytes_uniform(len)].b[0] ^= 1;
      ck_assert_int_eq(merkle_check_path(&root, size, i, leaf, path, len), E_PROOF);
    }
    ck_assert_int_eq(merkle_path(path, &len, leaves, size, size), E_LENGTH);
  }
}
END_TEST

TCase *test_merkle(void)
{
  TCase *t = tcase_create("merkle");
  tcase_add_test(t, known_roots);
  tcase_add_test(t, long_leaves);
  tcase_add_test(t, paths);
  return t;
}
