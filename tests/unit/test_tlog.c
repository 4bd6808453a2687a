/* SPDX-License-Identifier: Apache-2.0
 * The tree over tiles, against the definitions of RFC 6962 computed from all leaves. */
#include <sodium.h>
#include <string.h>

#include "ledger/tlog.h"
#include "test_ledger.h"

#define LEAVES 66000u
#define LEVELS 3u /* that so many leaves have */
#define HEIGHTS 17u

/* Where the tiles go. Writing one that is not as it should be, or reading one that the
 * tree of `size` leaves does not have, fails the test. */
struct store {
  uint64_t size;
  unsigned reads, writes;
  unsigned broken; /* counts down to a failure when not 0 */
  struct digest nodes[LEVELS][LEAVES];
};

static struct store *store;
static struct digest *leaves;            /* LEAVES of them */
static struct digest *complete[HEIGHTS]; /* MTH of 2^height leaves from i*2^height */
static struct tlog *tree;

static enum err store_read(void *arg, struct tile t, struct digest *out)
{
  struct store *s = arg;
  ck_assert_uint_lt(t.level, LEVELS);
  ck_assert_uint_gt(t.width, 0);
  ck_assert_uint_eq(t.width, tile_width(s->size, t.level, t.index));
  s->reads++;
  if (s->broken && --s->broken == 0)
    return E_IO;
  memcpy(out, &s->nodes[t.level][t.index * TILE_WIDTH], t.width * sizeof *out);
  return OK;
}

static enum err store_write(void *arg, struct tile t, const struct digest *hashes)
{
  struct store *s = arg;
  ck_assert_uint_lt(t.level, LEVELS);
  ck_assert_uint_gt(t.width, 0);
  ck_assert_uint_le(t.width, TILE_WIDTH);
  s->writes++;
  if (s->broken && --s->broken == 0)
    return E_IO;
  memcpy(&s->nodes[t.level][t.index * TILE_WIDTH], hashes, t.width * sizeof *hashes);
  return OK;
}

static struct tlog_source source_of(uint64_t size)
{
  store->size = size;
  store->reads = 0;
  return (struct tlog_source){store_read, store};
}

static struct tlog_sink sink(void)
{
  return (struct tlog_sink){store_write, store};
}

static void setup(void)
{
  store = must_calloc(1, sizeof *store);
  tree = must_calloc(1, sizeof *tree);
  for (unsigned h = 0; h < HEIGHTS; h++) {
    complete[h] = must_calloc(LEAVES >> h, sizeof **complete);
    for (unsigned i = 0; i < LEAVES >> h; i++)
      if (h == 0)
        merkle_leaf(&complete[0][i], BYTES_OF(i));
      else
        merkle_node(&complete[h][i], &complete[h - 1][2 * i],
                    &complete[h - 1][2 * i + 1]);
  }
  leaves = complete[0];
}

static void teardown(void)
{
  free(store);
  free(tree);
  for (unsigned h = 0; h < HEIGHTS; h++)
    free(complete[h]);
}

static void grow(uint64_t size)
{
  ck_assert_int_eq(tlog_append(tree, leaves + tree->size, size - tree->size, sink()), OK);
  ck_assert_int_eq(tlog_flush(tree, sink()), OK);
}

/* --- the definitions --- */

static uint64_t cut(uint64_t size)
{
  uint64_t k = 1;
  while (2 * k < size)
    k *= 2;
  return k;
}

static void mth(struct digest *out, uint64_t from, uint64_t to)
{
  struct digest left, right;
  uint64_t n = to - from;
  for (unsigned h = 0; h < HEIGHTS; h++)
    if (n == (uint64_t)1 << h && from % n == 0) {
      *out = complete[h][from / n];
      return;
    }
  if (n == 0) {
    crypto_hash_sha256(out->b, NULL, 0);
    return;
  }
  mth(&left, from, from + cut(n));
  mth(&right, from + cut(n), to);
  merkle_node(out, &left, &right);
}

/* PATH of RFC 6962 section 2.1.1. */
static void audit_path(struct digest *path, unsigned *len, uint64_t leaf, uint64_t from,
                       uint64_t to)
{
  uint64_t n = to - from, k = n > 1 ? cut(n) : 1;
  if (n == 1)
    return;
  if (leaf < k) {
    audit_path(path, len, leaf, from, from + k);
    mth(&path[(*len)++], from + k, to);
  } else {
    audit_path(path, len, leaf - k, from + k, to);
    mth(&path[(*len)++], from, from + k);
  }
}

/* SUBPROOF of RFC 6962 section 2.1.2. */
static void subproof(struct digest *path, unsigned *len, uint64_t m, uint64_t from,
                     uint64_t to, bool whole)
{
  uint64_t n = to - from, k = n > 1 ? cut(n) : 1;
  if (m == n) {
    if (!whole)
      mth(&path[(*len)++], from, to);
  } else if (m <= k) {
    subproof(path, len, m, from, from + k, whole);
    mth(&path[(*len)++], from + k, to);
  } else {
    subproof(path, len, m - k, from + k, to, false);
    mth(&path[(*len)++], from, from + k);
  }
}

static void check_inclusion(uint64_t leaf, uint64_t size)
{
  struct digest want[64], got[TLOG_PROOF_MAX], root;
  unsigned want_len = 0, len = 99;
  audit_path(want, &want_len, leaf, 0, size);
  ck_assert_int_eq(tlog_inclusion(got, &len, leaf, size, source_of(size)), OK);
  ck_assert_msg(len == want_len && memcmp(want, got, len * sizeof *got) == 0,
                "leaf %lu of %lu", (unsigned long)leaf, (unsigned long)size);
  mth(&root, 0, size);
  ck_assert_int_eq(merkle_check_path(&root, size, leaf, &leaves[leaf], got, len), OK);
}

static void check_consistency(uint64_t from, uint64_t to)
{
  struct digest want[64], got[TLOG_PROOF_MAX], old, new;
  unsigned want_len = 0, len = 99;
  if (from > 0)
    subproof(want, &want_len, from, 0, to, true);
  ck_assert_int_eq(tlog_consistency(got, &len, from, to, source_of(to)), OK);
  ck_assert_msg(len == want_len && memcmp(want, got, len * sizeof *got) == 0,
                "%lu to %lu", (unsigned long)from, (unsigned long)to);
  mth(&old, 0, from);
  mth(&new, 0, to);
  ck_assert_int_eq(tlog_check_consistency(from, &old, to, &new, got, len), OK);
}

static void check_root(uint64_t size)
{
  struct digest want, got;
  mth(&want, 0, size);
  ck_assert_int_eq(tlog_root_at(&got, size, source_of(size)), OK);
  ck_assert_mem_eq(&got, &want, sizeof got);
}

/* --- tests --- */

/* The definitions above say the same as the core's tree. */
START_TEST(definitions)
{
  struct digest path[64], want[64], root;
  unsigned len, want_len;
  struct merkle m = {0};
  for (uint64_t size = 0; size <= 600; size++) {
    merkle_root(&want[0], &m);
    mth(&root, 0, size);
    ck_assert_mem_eq(&root, &want[0], sizeof root);
    merkle_add_hash(&m, &leaves[size]);
    for (uint64_t i = size % 7; i < size; i += 41) {
      want_len = 0;
      audit_path(want, &want_len, i, 0, size);
      ck_assert_int_eq(merkle_path(path, &len, leaves, size, i), OK);
      ck_assert_uint_eq(len, want_len);
      ck_assert_mem_eq(path, want, len * sizeof *path);
    }
  }
}
END_TEST

/* Roots of every size; proofs at every size for the places where something changes. */
START_TEST(all_sizes)
{
  static const uint64_t places[] = {0, 1, 127, 128, 255, 256, 257, 511, 512};
  struct digest want, got;
  for (uint64_t size = 0; size <= 600; size++) {
    grow(size);
    tlog_root(&got, tree);
    mth(&want, 0, size);
    ck_assert_mem_eq(&got, &want, sizeof got);
    check_root(size);
    ck_assert_uint_le(store->reads, 2);
    for (size_t i = 0; i < 2 * LENGTH(places); i++) {
      uint64_t at = i % 2 ? size - places[i / 2] - 1 : places[i / 2];
      if (at < size)
        check_inclusion(at, size);
      if (at <= size)
        check_consistency(at, size);
    }
    check_consistency(size, size);
  }
}
END_TEST

/* Every proof of some sizes. */
START_TEST(all_proofs)
{
  static const uint64_t sizes[] = {255, 256, 257, 300, 513};
  grow(600);
  for (uint64_t size = 1; size <= 40 + LENGTH(sizes); size++) {
    uint64_t n = size <= 40 ? size : sizes[size - 41];
    for (uint64_t i = 0; i <= n; i++) {
      check_consistency(i, n);
      if (i < n)
        check_inclusion(i, n);
    }
  }
}
END_TEST

/* Where a third level begins, in pieces, closed and opened again. */
START_TEST(three_levels)
{
  static const uint64_t sizes[] = {1,     255,   256,   257,   511,   512,   65279,
                                   65280, 65281, 65535, 65536, 65537, 65792, 66000};
  struct digest want, got;
  for (size_t i = 0; i < LENGTH(sizes); i++) {
    uint64_t size = sizes[i];
    grow(size);
    memset(tree, 0xff, sizeof *tree);
    ck_assert_int_eq(tlog_open(tree, size, source_of(size)), OK);
    tlog_root(&got, tree);
    mth(&want, 0, size);
    ck_assert_mem_eq(&got, &want, sizeof got);
    check_root(size);
    for (size_t j = 0; j <= i; j++) {
      check_inclusion(sizes[j] - 1, size);
      check_inclusion(sizes[j] / 2, size);
      check_consistency(sizes[j], size);
      check_consistency(sizes[j] - 1, size);
    }
    for (unsigned j = 0; j < 50; j++) {
      check_inclusion(randombytes_uniform((uint32_t)size), size);
      check_consistency(randombytes_uniform((uint32_t)size), size);
    }
  }
}
END_TEST

/* Whether the damaged proof is still taken: of one leaf, or (leaf == to) of another size.
 */
struct proof {
  uint64_t leaf, from, to;
  struct digest old, new, path[TLOG_PROOF_MAX + 1];
  unsigned len;
};

static bool taken(const struct proof *p)
{
  enum err e =
      p->from ? tlog_check_consistency(p->from, &p->old, p->to, &p->new, p->path, p->len)
              : merkle_check_path(&p->new, p->to, p->leaf, &p->old, p->path, p->len);
  ck_assert(e == OK || e == E_PROOF);
  return e == OK;
}

static void damage(const struct proof *good)
{
  struct proof p = *good;
  ck_assert(taken(&p));
  for (unsigned bit = 0; bit < 256 * (p.len + 2); bit++) {
    struct digest *at = bit / 256 == p.len       ? &p.old
                        : bit / 256 == p.len + 1 ? &p.new
                                                 : &p.path[bit / 256];
    at->b[bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
    ck_assert_msg(!taken(&p), "bit %u of %lu, %lu to %lu", bit, (unsigned long)p.leaf,
                  (unsigned long)p.from, (unsigned long)p.to);
    at->b[bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
  }
  for (unsigned i = 0; i <= good->len; i++) { /* one dropped, one more, two exchanged */
    p = *good;
    memmove(&p.path[i], &p.path[i + 1], (p.len - i) * sizeof *p.path);
    p.len--;
    ck_assert(i == good->len || !taken(&p));
    p = *good;
    memmove(&p.path[i + 1], &p.path[i], (p.len - i) * sizeof *p.path);
    p.path[i] = i ? p.path[i - 1] : p.old;
    p.len++;
    ck_assert(!taken(&p));
    p = *good;
    if (i + 1 >= good->len)
      continue;
    p.path[i] = good->path[i + 1];
    p.path[i + 1] = good->path[i];
    ck_assert(!taken(&p));
  }
}

START_TEST(damaged)
{
  static const uint64_t pairs[][2] = {{1, 2},     {1, 7},     {2, 3},     {3, 7},
                                      {4, 8},     {6, 7},     {128, 300}, {256, 512},
                                      {255, 257}, {256, 600}, {300, 600}, {599, 600}};
  grow(600);
  for (size_t i = 0; i < LENGTH(pairs); i++) {
    struct proof p = {.from = pairs[i][0], .to = pairs[i][1]};
    mth(&p.old, 0, p.from);
    mth(&p.new, 0, p.to);
    ck_assert_int_eq(tlog_consistency(p.path, &p.len, p.from, p.to, source_of(p.to)), OK);
    damage(&p);
    p.leaf = p.from - 1;
    p.from = 0;
    p.old = leaves[p.leaf];
    ck_assert_int_eq(tlog_inclusion(p.path, &p.len, p.leaf, p.to, source_of(p.to)), OK);
    damage(&p);
  }
}
END_TEST

/* What is true without a path, and only without. */
START_TEST(empty_proofs)
{
  struct digest none, one, two;
  mth(&none, 0, 0);
  mth(&one, 0, 1);
  mth(&two, 0, 2);
  ck_assert_int_eq(tlog_check_consistency(0, &none, 0, &none, NULL, 0), OK);
  ck_assert_int_eq(tlog_check_consistency(0, &none, 2, &two, NULL, 0), OK);
  ck_assert_int_eq(tlog_check_consistency(2, &two, 2, &two, NULL, 0), OK);
  ck_assert_int_eq(tlog_check_consistency(0, &none, 2, &two, &one, 1), E_PROOF);
  ck_assert_int_eq(tlog_check_consistency(0, &one, 0, &one, NULL, 0), E_PROOF);
  ck_assert_int_eq(tlog_check_consistency(0, &one, 2, &two, NULL, 0), E_PROOF);
  ck_assert_int_eq(tlog_check_consistency(2, &two, 2, &one, NULL, 0), E_PROOF);
  ck_assert_int_eq(tlog_check_consistency(2, &two, 2, &two, &one, 1), E_PROOF);
  ck_assert_int_eq(tlog_check_consistency(2, &two, 1, &one, NULL, 0), E_PROOF);
  ck_assert_int_eq(tlog_check_consistency(1, &one, 2, &two, NULL, 0), E_PROOF);
  ck_assert_int_eq(tlog_check_consistency(3, &one, 4, &two, NULL, 0), E_PROOF);
  /* right, but of two leaves and not of more */
  ck_assert_int_eq(tlog_check_consistency(1, &one, 2, &two, &leaves[1], 1), OK);
  ck_assert_int_eq(tlog_check_consistency(1, &one, 3, &two, &leaves[1], 1), E_PROOF);
  ck_assert_int_eq(tlog_check_consistency(1, &one, 4, &two, &leaves[1], 1), E_PROOF);
}
END_TEST

/* Every tile of a tree is right under its root, and any other tile is not. */
START_TEST(tiles_checked)
{
  static const uint64_t sizes[] = {1,   2,   100,   255,   256,  257,
                                   512, 600, 65536, 65537, 66000};
  grow(LEAVES);
  for (size_t i = 0; i < LENGTH(sizes); i++) {
    struct digest root;
    uint64_t size = sizes[i];
    mth(&root, 0, size);
    for (struct tile t = {0}; t.level < LEVELS; t.level++) {
      unsigned step = size > 1000 && t.level == 0 ? 51 : 1;
      for (t.index = 0; (t.width = tile_width(size, t.level, t.index)); t.index += step) {
        struct digest *h = &store->nodes[t.level][t.index * TILE_WIDTH];
        struct digest copy[TILE_WIDTH];
        memcpy(copy, h, t.width * sizeof *h);
        ck_assert_int_eq(tlog_check_tile(&root, size, t, copy, source_of(size)), OK);
        copy[randombytes_uniform(t.width)].b[31] ^= 0x80;
        ck_assert_int_eq(tlog_check_tile(&root, size, t, copy, source_of(size)), E_PROOF);
        struct tile other = t;
        other.width--;
        ck_assert_int_eq(tlog_check_tile(&root, size, other, h, source_of(size)),
                         E_PROOF);
        other = t;
        other.index++;
        ck_assert_int_eq(tlog_check_tile(&root, size, other, h, source_of(size)),
                         E_PROOF);
      }
    }
  }
  struct digest root;
  mth(&root, 0, 600);
  struct tile t = {.level = 0, .index = 1, .width = TILE_WIDTH};
  store->nodes[1][0].b[0] ^= 1; /* a wrong neighbour proves nothing */
  ck_assert_int_eq(
      tlog_check_tile(&root, 600, t, &store->nodes[0][TILE_WIDTH], source_of(600)),
      E_PROOF);
  t.level = TILE_ENTRIES;
  ck_assert_int_eq(
      tlog_check_tile(&root, 600, t, &store->nodes[0][TILE_WIDTH], source_of(600)),
      E_PROOF);
}
END_TEST

/* A failure of the store is handed on and leaves nothing half done. */
START_TEST(faults)
{
  struct digest path[TLOG_PROOF_MAX], want, got;
  unsigned len = 77;
  for (unsigned after = 1; tree->size < 65800; after = 1 + after % 3) {
    store->broken = after;
    (void)!tlog_append(tree, leaves + tree->size, 65800 - tree->size, sink());
  }
  store->broken = 0;
  ck_assert_int_eq(tlog_flush(tree, sink()), OK);
  mth(&want, 0, 65800);
  tlog_root(&got, tree);
  ck_assert_mem_eq(&got, &want, sizeof got);
  check_root(65800);

  struct tlog_source src = source_of(65800);
  store->broken = 1;
  ck_assert_int_eq(tlog_inclusion(path, &len, 5, 65800, src), E_IO);
  store->broken = 2;
  ck_assert_int_eq(tlog_consistency(path, &len, 300, 65800, src), E_IO);
  ck_assert_uint_eq(len, 77);
  store->broken = 2;
  ck_assert_int_eq(tlog_open(tree, 65800, src), E_IO);
  store->broken = 1;
  ck_assert_int_eq(tlog_flush(tree, sink()), E_IO);
  store->broken = 2;
  ck_assert_int_eq(tlog_root_at(&got, 65800, src), E_IO);
}
END_TEST

/* --- trees that fit nowhere: all leaves alike, so that every height has one hash --- */

struct alike {
  uint64_t size;
  unsigned reads;
  struct digest at[64]; /* by height */
};

static enum err alike_read(void *arg, struct tile t, struct digest *out)
{
  struct alike *a = arg;
  ck_assert_uint_gt(t.width, 0);
  ck_assert_uint_eq(t.width, tile_width(a->size, t.level, t.index));
  a->reads++;
  for (unsigned i = 0; i < t.width; i++)
    out[i] = a->at[TILE_HEIGHT * t.level];
  return OK;
}

START_TEST(huge)
{
  static const uint64_t sizes[] = {1ull << 40, (1ull << 40) + 12345, (1ull << 56) - 1,
                                   (1ull << 62) + 1, LOG_SIZE_MAX};
  struct digest path[TLOG_PROOF_MAX], root, old;
  unsigned len;
  struct alike a = {0};
  const struct tlog_source src = {alike_read, &a};
  for (unsigned i = 1; i < 64; i++)
    merkle_node(&a.at[i], &a.at[i - 1], &a.at[i - 1]);
  for (size_t i = 0; i < LENGTH(sizes); i++) {
    uint64_t size = a.size = sizes[i], at = size;
    a.reads = 0;
    ck_assert_int_eq(tlog_root_at(&root, size, src), OK);
    ck_assert_uint_le(a.reads, TILE_LEVELS);
    for (unsigned j = 0; j < 60; j++) {
      at = j < 3 ? size - 1 - j : j < 6 ? j : at / 5 * 3 + j;
      at = MIN(at, size - 1);
      a.reads = 0;
      ck_assert_int_eq(tlog_inclusion(path, &len, at, size, src), OK);
      ck_assert_uint_le(a.reads, 3 * TILE_LEVELS);
      ck_assert_int_eq(merkle_check_path(&root, size, at, &a.at[0], path, len), OK);
      a.reads = 0;
      ck_assert_int_eq(tlog_consistency(path, &len, at + 1, size, src), OK);
      ck_assert_uint_le(a.reads, 3 * TILE_LEVELS);
      a.size = at + 1;
      ck_assert_int_eq(tlog_root_at(&old, at + 1, src), OK);
      a.size = size;
      ck_assert_int_eq(tlog_check_consistency(at + 1, &old, size, &root, path, len), OK);
      struct tile t = {.level = j % 6,
                       .index = at >> TILE_HEIGHT >> TILE_HEIGHT * (j % 6)};
      struct digest hashes[TILE_WIDTH];
      t.width = tile_width(size, t.level, t.index);
      if (t.width == 0)
        continue;
      ck_assert_int_eq(alike_read(&a, t, hashes), OK);
      ck_assert_int_eq(tlog_check_tile(&root, size, t, hashes, src), OK);
      hashes[0].b[0] ^= 1;
      ck_assert_int_eq(tlog_check_tile(&root, size, t, hashes, src), E_PROOF);
    }
  }
}
END_TEST

START_TEST(lengths)
{
  struct digest path[TLOG_PROOF_MAX], root = {0};
  unsigned len;
  const uint64_t more = LOG_SIZE_MAX + 1;
  struct tlog_source src = source_of(10);
  grow(10);
  ck_assert_int_eq(tlog_inclusion(path, &len, 10, 10, src), E_LENGTH);
  ck_assert_int_eq(tlog_inclusion(path, &len, 0, 0, src), E_LENGTH);
  ck_assert_int_eq(tlog_inclusion(path, &len, 0, more, src), E_LENGTH);
  ck_assert_int_eq(tlog_consistency(path, &len, 11, 10, src), E_LENGTH);
  ck_assert_int_eq(tlog_consistency(path, &len, 10, more, src), E_LENGTH);
  ck_assert_int_eq(tlog_root_at(&root, UINT64_MAX, src), E_LENGTH);
  ck_assert_int_eq(tlog_open(tree, more, src), E_LENGTH);
  struct tile t = {.width = TILE_WIDTH};
  ck_assert_int_eq(tlog_check_tile(&root, more, t, leaves, src), E_PROOF);
  tree->size = LOG_SIZE_MAX;
  ck_assert_int_eq(tlog_append(tree, leaves, 1, sink()), E_LENGTH);
  ck_assert_uint_eq(store->reads, 0);
}
END_TEST

TCase *test_tlog(void)
{
  TCase *t = tcase_create("tlog");
  tcase_set_timeout(t, 60);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, definitions);
  tcase_add_test(t, all_sizes);
  tcase_add_test(t, all_proofs);
  tcase_add_test(t, three_levels);
  tcase_add_test(t, damaged);
  tcase_add_test(t, empty_proofs);
  tcase_add_test(t, tiles_checked);
  tcase_add_test(t, faults);
  tcase_add_test(t, huge);
  tcase_add_test(t, lengths);
  return t;
}
