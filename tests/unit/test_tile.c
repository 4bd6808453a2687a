/* SPDX-License-Identifier: Apache-2.0
 * Tiles: widths, names, entry bundles. */
#include <sodium.h>
#include <string.h>

#include "ledger/tile.h"
#include "test_ledger.h"

/* The example of tlog-tiles: a tree of 70,000. */
START_TEST(widths)
{
  ck_assert_uint_eq(tile_width(70000, 0, 0), 256);
  ck_assert_uint_eq(tile_width(70000, 0, 272), 256);
  ck_assert_uint_eq(tile_width(70000, 0, 273), 112);
  ck_assert_uint_eq(tile_width(70000, 0, 274), 0);
  ck_assert_uint_eq(tile_width(70000, 1, 0), 256);
  ck_assert_uint_eq(tile_width(70000, 1, 1), 17);
  ck_assert_uint_eq(tile_width(70000, 1, 2), 0);
  ck_assert_uint_eq(tile_width(70000, 2, 0), 1);
  ck_assert_uint_eq(tile_width(70000, 3, 0), 0);
  ck_assert_uint_eq(tile_width(70000, TILE_ENTRIES, 273), 112);
  ck_assert_uint_eq(tile_width(70000, TILE_ENTRIES + 1, 0), 0);
  ck_assert_uint_eq(tile_width(256, 0, 0), 256);
  ck_assert_uint_eq(tile_width(256, 0, 1), 0);
  ck_assert_uint_eq(tile_width(256, 1, 0), 1);
  ck_assert_uint_eq(tile_width(0, 0, 0), 0);
  ck_assert_uint_eq(tile_width(LOG_SIZE_MAX, 7, 0), 127);
  ck_assert_uint_eq(tile_width(LOG_SIZE_MAX, 0, LOG_SIZE_MAX / 256), 255);
  ck_assert_uint_eq(tile_width(LOG_SIZE_MAX, 0, UINT64_MAX), 0);
}
END_TEST

START_TEST(paths)
{
  static const struct {
    struct tile t;
    const char *path;
  } good[] = {
      {{0, 0, 256}, "tile/0/000"},
      {{0, 0, 1}, "tile/0/000.p/1"},
      {{0, 1234067, 8}, "tile/0/x001/x234/067.p/8"},
      {{3, 999, 255}, "tile/3/999.p/255"},
      {{7, 1000, 256}, "tile/7/x001/000"},
      {{TILE_ENTRIES, 0, 256}, "tile/entries/000"},
      {{TILE_ENTRIES, 1000000, 10}, "tile/entries/x001/x000/000.p/10"},
      {{0, LOG_SIZE_MAX / 256, 255}, "tile/0/x036/x028/x797/x018/x963/967.p/255"},
  };
  char path[80];
  struct tile t;
  for (size_t i = 0; i < LENGTH(good); i++) {
    ck_assert_str_eq(tile_path(path, good[i].t), good[i].path);
    ck_assert_int_eq(tile_parse(&t, path + 5), OK);
    ck_assert_uint_eq(t.level, good[i].t.level);
    ck_assert_uint_eq(t.index, good[i].t.index);
    ck_assert_uint_eq(t.width, good[i].t.width);
  }
  for (unsigned i = 0; i < 20000; i++) {
    uint64_t random;
    randombytes_buf(&random, sizeof random);
    struct tile any = {i % (TILE_LEVELS + 1), random >> (9 + random % 54), 1 + i % 256};
    ck_assert_int_eq(tile_parse(&t, tile_path(path, any) + 5), OK);
    ck_assert(t.level == any.level && t.index == any.index && t.width == any.width);
  }
}
END_TEST

START_TEST(strict)
{
  static const char *const bad[] = {
      "",
      "0",
      "0/",
      "/000",
      "0/0",
      "0/00",
      "0/0000",
      "0/x000",
      "0/x000/",
      "0/000/",
      "0/000/001",
      "0/x000/001",
      "0/x001/x234",
      "0/001/234",
      "0/x001/x234/67",
      "0/X001/234",
      "0/x0010/234",
      "00/000",
      "01/000",
      "8/000",
      "9/000",
      "63/000",
      "-1/000",
      "+1/000",
      " 0/000",
      "0/000 ",
      "0/000\n",
      "0//000",
      "0/-01",
      "0/+01",
      "0/ 01",
      "0/00a",
      "entries",
      "entries/",
      "entries/0",
      "entries/x000/000",
      "entrie/000",
      "entriess/000",
      "Entries/000",
      "0/000.p",
      "0/000.p/",
      "0/000.p/0",
      "0/000.p/00",
      "0/000.p/01",
      "0/000.p/256",
      "0/000.p/257",
      "0/000.p/1000",
      "0/000.p/4294967297",
      "0/000.p/8/",
      "0/000.p/8.p/8",
      "0/000.p/-8",
      "0/000.p/ 8",
      "0/000.q/8",
      "0/000/.p/8",
      "0/000p/8",
      "0/x036/x028/x797/x018/x963/968",
      "0/x999/x999/x999/x999/x999/999",
      "0/x001/x000/x000/x000/x000/x000/000",
      "0/x018/x446/x744/x073/x709/x551/616",
      "tile/0/000",
  };
  struct tile t = {5, 6, 7};
  for (size_t i = 0; i < LENGTH(bad); i++)
    ck_assert_msg(tile_parse(&t, bad[i]) == E_NOT_FOUND, "%s", bad[i]);
  ck_assert(t.level == 5 && t.index == 6 && t.width == 7);
}
END_TEST

START_TEST(bundles)
{
  static const size_t sizes[] = {0, 1, 255, 256, LOG_ENTRY_MAX};
  static uint8_t entry[LOG_ENTRY_MAX + 1];
  AUTO(buf_done) struct buf b = {0};
  randombytes_buf(entry, sizeof entry);
  for (size_t i = 0; i < LENGTH(sizes); i++)
    ck_assert_int_eq(bundle_put(&b, BYTES(entry, sizes[i])), OK);
  ck_assert_mem_eq(b.data, ((uint8_t[]){0, 0, 0, 1, entry[0], 0, 255}), 7);
  size_t len = b.len;
  ck_assert_int_eq(bundle_put(&b, BYTES(entry, LOG_ENTRY_MAX + 1)), E_TOO_LARGE);
  b.max = len + 3;
  ck_assert_int_eq(bundle_put(&b, BYTES(entry, 2)), E_TOO_LARGE);
  ck_assert_uint_eq(b.len, len);

  struct bytes rest = buf_bytes(&b), got;
  for (size_t i = 0; i < LENGTH(sizes); i++) {
    ck_assert_int_eq(bundle_next(&rest, &got), OK);
    ck_assert(bytes_equal(got, BYTES(entry, sizes[i])));
  }
  ck_assert_uint_eq(rest.len, 0);
  ck_assert_int_eq(bundle_next(&rest, &got), E_NOTE);
  rest = BYTES("\0", 1);
  ck_assert_int_eq(bundle_next(&rest, &got), E_NOTE);
  rest = BYTES("\0\3ab", 4);
  ck_assert_int_eq(bundle_next(&rest, &got), E_NOTE);
  ck_assert_uint_eq(rest.len, 4);
}
END_TEST

TCase *test_tile(void)
{
  TCase *t = tcase_create("tile");
  tcase_add_test(t, widths);
  tcase_add_test(t, paths);
  tcase_add_test(t, strict);
  tcase_add_test(t, bundles);
  return t;
}
