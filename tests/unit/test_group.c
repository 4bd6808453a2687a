/* SPDX-License-Identifier: Apache-2.0
 * The group: what is refused, and that the algebra holds. */
#include <sodium.h>
#include <string.h>

#include "core/group.h"
#include "test_core.h"
#include "util/text.h"

/* RFC 9496 appendix A.1: multiples 1 and 2 of the generator. */
static const char *const base_hex =
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76";
static const char *const twice_hex =
    "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919";
/* L and L - 1. */
static const char *const order_hex =
    "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
static const char *const last_hex =
    "ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

START_TEST(known_multiples)
{
  struct secret_scalar s = {{1}};
  struct point base, twice, p;
  ck_assert_int_eq(hex_decode(base.b, 32, base_hex), OK);
  ck_assert_int_eq(hex_decode(twice.b, 32, twice_hex), OK);
  ck_assert_int_eq(point_mul_base(&p, &s), OK);
  ck_assert_mem_eq(&p, &base, 32);
  s.b[0] = 2;
  ck_assert_int_eq(point_mul_base(&p, &s), OK);
  ck_assert_mem_eq(&p, &twice, 32);
  ck_assert_int_eq(point_mul(&p, &s, &base), OK);
  ck_assert_mem_eq(&p, &twice, 32);
  ck_assert(point_valid(&p));
}
END_TEST

START_TEST(refusals)
{
  struct secret_scalar zero = {{0}}, one = {{1}}, order, last;
  struct point identity = {{0}}, p, base, kept;
  ck_assert_int_eq(hex_decode(order.b, 32, order_hex), OK);
  ck_assert_int_eq(hex_decode(last.b, 32, last_hex), OK);
  ck_assert(scalar_valid(zero.b) && scalar_valid(last.b));
  ck_assert(!scalar_valid(order.b));
  memset(p.b, 0xff, 32);
  ck_assert(!scalar_valid(p.b));
  ck_assert(!point_valid(&p));
  ck_assert(!point_valid(&identity));
  kept = p;
  ck_assert_int_eq(point_mul_base(&p, &zero), E_SCALAR);
  ck_assert_int_eq(point_mul_base(&p, &order), E_SCALAR);
  ck_assert_int_eq(point_mul(&p, &one, &identity), E_POINT);
  ck_assert_int_eq(point_mul(&p, &one, &kept), E_POINT);
  ck_assert_mem_eq(&p, &kept, 32); /* written only on success */
  ck_assert_int_eq(point_mul_base(&base, &one), OK);
  ck_assert_int_eq(point_mul(&p, &zero, &base), E_SCALAR);
  ck_assert_int_eq(point_mul(&p, &order, &base), E_SCALAR);
  ck_assert_int_eq(point_mul(&p, &last, &base), OK);
  base.b[31] |= 0x80; /* no longer canonical, though libsodium 1.0.18 takes it */
  ck_assert(!point_valid(&base));
  ck_assert_int_eq(point_mul(&p, &one, &base), E_POINT);
  ck_assert_int_eq(point_sum(&p, &(struct scalar){{1}}, &base, 1), E_POINT);
}
END_TEST

START_TEST(diffie_hellman)
{
  struct secret_scalar a, b;
  struct point pa, pb, ab, ba;
  for (int i = 0; i < 20; i++) {
    scalar_random(&a);
    scalar_random(&b);
    ck_assert(scalar_valid(a.b) && !sodium_is_zero(a.b, 32));
    ck_assert_int_eq(point_mul_base(&pa, &a), OK);
    ck_assert_int_eq(point_mul_base(&pb, &b), OK);
    ck_assert_int_eq(point_mul(&ab, &a, &pb), OK);
    ck_assert_int_eq(point_mul(&ba, &b, &pa), OK);
    ck_assert_mem_eq(&ab, &ba, 32);
  }
}
END_TEST

START_TEST(sums)
{
  struct secret_scalar a;
  struct point p[3], sum;
  struct scalar s[3] = {{{1}}, {{0}}, {{0}}};
  scalar_random(&a);
  ck_assert_int_eq(point_mul_base(&p[0], &a), OK);
  p[1] = p[2] = p[0];
  ck_assert_int_eq(point_sum(&sum, s, p, 0), OK);
  ck_assert(point_is_identity(&sum));
  ck_assert_int_eq(point_sum(&sum, s, p, 3), OK);
  ck_assert_mem_eq(&sum, &p[0], 32);
  crypto_core_ristretto255_scalar_negate(s[2].b, s[0].b);
  ck_assert_int_eq(point_sum(&sum, s, p, 3), OK);
  ck_assert(point_is_identity(&sum));
  memset(&p[1], 0, sizeof p[1]); /* the identity is refused under a zero scalar too */
  ck_assert_int_eq(point_sum(&sum, s, p, 3), E_POINT);
}
END_TEST

TCase *test_group(void)
{
  TCase *t = tcase_create("group");
  tcase_add_test(t, known_multiples);
  tcase_add_test(t, refusals);
  tcase_add_test(t, diffie_hellman);
  tcase_add_test(t, sums);
  return t;
}
