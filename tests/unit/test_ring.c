/* SPDX-License-Identifier: Apache-2.0
 * Packed vectors and the keystream. */
#include <sodium.h>
#include <string.h>

#include "core/ring.h"
#include "test_core.h"
#include "util/text.h"

static const unsigned widths[] = {16, 24, 32, 40, 48, 64};
#define LEN_MAX 9000
#define BYTES_MAX (LEN_MAX * 8)

struct vector {
  uint8_t data[BYTES_MAX];
  uint8_t guard[16];
};

static struct ring ring_over(struct vector *v, unsigned bits, size_t len)
{
  memset(v->guard, 0x5a, sizeof v->guard);
  return (struct ring){v->data, len, bits};
}

static struct ring part(struct ring r, size_t from, size_t len)
{
  return (struct ring){r.data + ring_bytes(r.bits, from), len, r.bits};
}

/* A coordinate by its definition: bytes, least significant first. */
static uint64_t naive_get(const uint8_t *p, unsigned bits)
{
  uint64_t x = 0;
  for (unsigned i = bits / 8; i-- > 0;)
    x = x << 8 | p[i];
  return x;
}

/* NIST SP 800-38A F.5.5 gives AES-256 of a counter block; counter 0 under a zero key is
 * the first block of the CAVP known-answer set's all-zero case. */
START_TEST(prg_is_aes_ctr)
{
  struct secret_key key = {{0}};
  uint8_t out[32], want[32];
  ck_assert_int_eq(prg_bytes(out, 32, 0, &key), OK);
  ck_assert_int_eq(
      hex_decode(want, 32,
                 "dc95c078a2408989ad48a21492842087530f8afbc74536b9a963b4f1c4cb738b"),
      OK);
  ck_assert_mem_eq(out, want, 32);
  ck_assert_int_eq(prg_bytes(out, 0, 5, &key), OK);
}
END_TEST

START_TEST(prg_seeks)
{
  static uint8_t whole[40000], some[40000];
  struct secret_key key;
  randombytes_buf(&key, sizeof key);
  ck_assert_int_eq(prg_bytes(whole, sizeof whole, 0, &key), OK);
  for (int i = 0; i < 200; i++) {
    size_t from = randombytes_uniform(sizeof whole);
    size_t len = randombytes_uniform((uint32_t)(sizeof whole - from));
    ck_assert_int_eq(prg_bytes(some, len, from, &key), OK);
    ck_assert_mem_eq(some, whole + from, len);
  }
  /* the counter is 128 bits wide: no wrap at 2^32 blocks */
  ck_assert_int_eq(prg_bytes(whole, 48, ((uint64_t)1 << 36) - 16, &key), OK);
  ck_assert_int_eq(prg_bytes(some, 32, (uint64_t)1 << 36, &key), OK);
  ck_assert_mem_eq(some, whole + 16, 32);
  ck_assert_int_eq(prg_bytes(some, 16, 0, &key), OK);
  ck_assert_mem_ne(some, whole + 16, 16);
}
END_TEST

START_TEST(single_coordinates)
{
  static struct vector v;
  for (size_t w = 0; w < LENGTH(widths); w++) {
    struct ring r = ring_over(&v, widths[w], 3);
    int64_t most = (int64_t)(UINT64_MAX >> (65 - widths[w])); /* 2^(b-1) - 1 */
    const int64_t values[] = {0, 1, -1, 12345, -12345, most, -most - 1};
    for (size_t i = 0; i < LENGTH(values); i++) {
      memset(v.data, 0xa5, 24);
      ring_put(r, 1, values[i]);
      ck_assert_int_eq(ring_get(r, 1), values[i]);
      ck_assert_uint_eq(v.data[widths[w] / 8 - 1], 0xa5);
      ck_assert_uint_eq(v.data[2 * widths[w] / 8], 0xa5);
    }
  }
}
END_TEST

/* Every coordinate against 64-bit arithmetic, at random offsets and lengths. */
START_TEST(adding_is_exact)
{
  static struct vector a, b, was;
  for (size_t w = 0; w < LENGTH(widths); w++) {
    unsigned bits = widths[w], bytes = bits / 8;
    uint64_t mask = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    for (int i = 0; i < 30; i++) {
      size_t len = randombytes_uniform(300);
      struct ring r = ring_over(&a, bits, len);
      randombytes_buf(a.data, ring_bytes(bits, len));
      randombytes_buf(b.data, ring_bytes(bits, len));
      if (i % 3 == 0)
        memset(a.data, 0xff, ring_bytes(bits, len)); /* carries everywhere */
      was = a;
      ck_assert_int_eq(ring_add(r, BYTES(b.data, ring_bytes(bits, len))), OK);
      for (size_t l = 0; l < len; l++) {
        uint64_t want =
            naive_get(was.data + l * bytes, bits) + naive_get(b.data + l * bytes, bits);
        ck_assert_uint_eq(naive_get(a.data + l * bytes, bits), want & mask);
      }
      ck_assert_mem_eq(a.guard, was.guard, sizeof a.guard);
      ck_assert_int_eq(ring_add(r, BYTES(b.data, ring_bytes(bits, len) + 1)), E_LENGTH);
    }
  }
}
END_TEST

START_TEST(adding_is_associative)
{
  static struct vector a, b, x, y;
  for (size_t w = 0; w < LENGTH(widths); w++) {
    size_t len = 1001, bytes = ring_bytes(widths[w], len);
    randombytes_buf(a.data, bytes);
    randombytes_buf(b.data, bytes);
    randombytes_buf(x.data, bytes);
    y = b; /* (a + b) + x and (x + b) + a, which commutes too */
    struct ring left = ring_over(&b, widths[w], len),
                right = ring_over(&y, widths[w], len);
    ck_assert_int_eq(ring_add(left, BYTES(a.data, bytes)), OK);
    ck_assert_int_eq(ring_add(left, BYTES(x.data, bytes)), OK);
    ck_assert_int_eq(ring_add(right, BYTES(x.data, bytes)), OK);
    ck_assert_int_eq(ring_add(right, BYTES(a.data, bytes)), OK);
    ck_assert_mem_eq(b.data, y.data, bytes);
  }
}
END_TEST

/* Word l is keystream bytes [l*b/8, (l+1)*b/8), wherever one starts. */
START_TEST(keystream_by_definition)
{
  static struct vector v;
  static uint8_t stream[BYTES_MAX];
  struct secret_key key;
  randombytes_buf(&key, sizeof key);
  for (size_t w = 0; w < LENGTH(widths); w++) {
    unsigned bits = widths[w], bytes = bits / 8;
    for (int i = 0; i < 20; i++) {
      uint64_t first = randombytes_uniform(20000);
      size_t len = randombytes_uniform(LEN_MAX);
      struct ring r = ring_over(&v, bits, len);
      memset(v.data, 0, sizeof v.data);
      ck_assert_int_eq(prg_bytes(stream, len * bytes, first * bytes, &key), OK);
      ck_assert_int_eq(ring_keystream(r, first, &key, RING_ADD), OK);
      ck_assert_mem_eq(v.data, stream, len * bytes);
      ck_assert_uint_eq(v.guard[0], 0x5a);
      ck_assert_int_eq(ring_keystream(r, first, &key, RING_SUB), OK);
      ck_assert(sodium_is_zero(v.data, sizeof v.data));
    }
    struct ring r = ring_over(&v, bits, 10);
    ck_assert_int_eq(ring_keystream(r, UINT64_MAX, &key, RING_ADD), E_LENGTH);
  }
}
END_TEST

START_TEST(pieces_equal_the_whole)
{
  static struct vector v, pieces;
  struct secret_key key;
  randombytes_buf(&key, sizeof key);
  for (size_t w = 0; w < LENGTH(widths); w++)
    for (int i = 0; i < 10; i++) {
      size_t len = 1 + randombytes_uniform(LEN_MAX), done = 0;
      uint64_t first = (uint64_t)1 << (20 + i);
      enum ring_sign sign = i % 2 ? RING_ADD : RING_SUB;
      randombytes_buf(v.data, sizeof v.data);
      pieces = v;
      struct ring r = ring_over(&v, widths[w], len);
      struct ring p = ring_over(&pieces, widths[w], len);
      ck_assert_int_eq(ring_keystream(r, first, &key, sign), OK);
      while (done < len) {
        size_t some = 1 + randombytes_uniform(3000);
        some = MIN(some, len - done);
        ck_assert_int_eq(ring_keystream(part(p, done, some), first + done, &key, sign),
                         OK);
        done += some;
      }
      ck_assert_msg(memcmp(v.data, pieces.data, sizeof v.data) == 0,
                    "width %u, length %zu", widths[w], len);
    }
}
END_TEST

TCase *test_ring(void)
{
  TCase *t = tcase_create("ring");
  tcase_set_timeout(t, 20);
  tcase_add_test(t, prg_is_aes_ctr);
  tcase_add_test(t, prg_seeks);
  tcase_add_test(t, single_coordinates);
  tcase_add_test(t, adding_is_exact);
  tcase_add_test(t, adding_is_associative);
  tcase_add_test(t, keystream_by_definition);
  tcase_add_test(t, pieces_equal_the_whole);
  return t;
}
