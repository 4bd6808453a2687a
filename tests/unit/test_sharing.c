/* SPDX-License-Identifier: Apache-2.0
 * Shamir's sharing, its public check, and the proof of equal logarithms. */
#include <sodium.h>
#include <string.h>

#include "core/dleq.h"
#include "core/group.h"
#include "core/pvss.h"
#include "core/scalar.h"
#include "core/shamir.h"
#include "test_core.h"

#define K_MAX 200

static void places(uint32_t *xs, unsigned k)
{
  for (unsigned c = 0; c < k; c++)
    xs[c] = 1 + 3 * c + randombytes_uniform(3);
}

/* The first t entries become a random t-subset, in random order. */
static void choose(struct secret_scalar *shares, uint32_t *xs, unsigned k, unsigned t)
{
  for (unsigned c = 0; c < t; c++) {
    unsigned d = c + randombytes_uniform(k - c);
    struct secret_scalar s = shares[c];
    uint32_t x = xs[c];
    shares[c] = shares[d];
    xs[c] = xs[d];
    shares[d] = s;
    xs[d] = x;
  }
}

START_TEST(any_t_shares_recover)
{
  static const unsigned sizes[][2] = {{1, 1},  {2, 1},   {2, 2},   {5, 3},    {9, 8},
                                      {40, 9}, {56, 31}, {64, 35}, {199, 133}};
  struct secret_scalar secret, got, shares[K_MAX];
  uint32_t xs[K_MAX];
  for (size_t i = 0; i < LENGTH(sizes); i++) {
    unsigned k = sizes[i][0], t = sizes[i][1];
    scalar_random(&secret);
    places(xs, k);
    if (i % 2)
      xs[k - 1] = UINT32_MAX; /* the largest place */
    ck_assert_int_eq(shamir_deal(shares, &secret, t, xs, k), OK);
    for (int again = 0; again < 3; again++) {
      choose(shares, xs, k, t);
      ck_assert_int_eq(shamir_recover(&got, shares, xs, t), OK);
      ck_assert_mem_eq(&got, &secret, 32);
    }
    if (t > 1) { /* one share fewer says nothing */
      ck_assert_int_eq(shamir_recover(&got, shares, xs, t - 1), OK);
      ck_assert_mem_ne(&got, &secret, 32);
    }
  }
}
END_TEST

START_TEST(sharing_refusals)
{
  struct secret_scalar secret, zero = {{0}}, big, shares[3];
  uint32_t xs[] = {1, 2, 3};
  memset(&big, 0xff, sizeof big);
  scalar_random(&secret);
  ck_assert_int_eq(shamir_deal(shares, &secret, 0, xs, 3), E_LENGTH);
  ck_assert_int_eq(shamir_deal(shares, &secret, 4, xs, 3), E_LENGTH);
  ck_assert_int_eq(shamir_deal(shares, &zero, 2, xs, 3), E_SCALAR);
  ck_assert_int_eq(shamir_deal(shares, &big, 2, xs, 3), E_SCALAR);
  xs[1] = 0;
  ck_assert_int_eq(shamir_deal(shares, &secret, 2, xs, 3), E_LENGTH);
  xs[1] = 2;
  ck_assert_int_eq(shamir_deal(shares, &secret, 2, xs, 3), OK);
  ck_assert_int_eq(shamir_recover(&secret, shares, xs, 0), E_LENGTH);
  xs[1] = 1;
  ck_assert_int_eq(shamir_recover(&secret, shares, xs, 2), E_LENGTH);
  xs[1] = 0;
  ck_assert_int_eq(shamir_recover(&secret, shares, xs, 2), E_LENGTH);
  xs[1] = 2;
  ck_assert_int_eq(shamir_recover(&secret, &big, xs, 1), E_SCALAR);
}
END_TEST

/* Lazy reduction against libsodium's own arithmetic, at the largest places. */
START_TEST(polynomials_against_libsodium)
{
  struct secret_scalar coeffs[40], got, want = {{0}};
  struct scalar x;
  for (unsigned n = 0; n <= 40; n++) {
    uint32_t at = n % 2 ? UINT32_MAX - n : randombytes_random();
    memset(&want, 0, sizeof want);
    memset(&x, 0, sizeof x);
    memcpy(x.b, &at, sizeof at);
    for (unsigned i = 0; i < n; i++) {
      memset(&coeffs[i], 0, sizeof coeffs[i]);
      coeffs[i].b[0] = 1; /* L - 1 */
      crypto_core_ristretto255_scalar_negate(coeffs[i].b, coeffs[i].b);
      if (n % 3)
        scalar_random(&coeffs[i]);
    }
    for (unsigned i = n; i-- > 0;) {
      crypto_core_ristretto255_scalar_mul(want.b, want.b, x.b);
      crypto_core_ristretto255_scalar_add(want.b, want.b, coeffs[i].b);
    }
    scalar_poly(&got, coeffs, n, at);
    ck_assert_mem_eq(&got, &want, 32);
  }
}
END_TEST

struct dealt {
  struct secret_scalar secret, shares[K_MAX];
  struct point key, points[K_MAX];
  uint32_t xs[K_MAX];
};

static void deal(struct dealt *d, unsigned t, unsigned k)
{
  scalar_random(&d->secret);
  places(d->xs, k);
  ck_assert_int_eq(shamir_deal(d->shares, &d->secret, t, d->xs, k), OK);
  ck_assert_int_eq(point_mul_base(&d->key, &d->secret), OK);
  ck_assert_int_eq(pvss_commit(d->points, d->shares, k), OK);
}

static enum err check(const struct dealt *d, unsigned t, unsigned k)
{
  return pvss_check(&d->key, d->points, d->xs, k, t);
}

START_TEST(scrape)
{
  static const unsigned sizes[][2] = {{1, 1}, {2, 2}, {3, 2}, {7, 7}, {10, 6}, {56, 31}};
  struct dealt d;
  for (size_t i = 0; i < LENGTH(sizes); i++) {
    unsigned k = sizes[i][0], t = sizes[i][1], c = randombytes_uniform(k);
    struct point kept, other;
    struct secret_scalar s;
    scalar_random(&s);
    ck_assert_int_eq(point_mul_base(&other, &s), OK);
    deal(&d, t, k);
    ck_assert_int_eq(check(&d, t, k), OK);
    kept = d.points[c]; /* one altered share */
    d.points[c] = other;
    ck_assert_int_eq(check(&d, t, k), E_SHARES);
    d.points[c] = kept;
    kept = d.key; /* another secret */
    d.key = other;
    ck_assert_int_eq(check(&d, t, k), E_SHARES);
    d.key = kept;
    if (t < k) { /* one degree too many; with t = k every degree t fits no check */
      deal(&d, t + 1, k);
      ck_assert_int_eq(check(&d, t, k), E_SHARES);
      ck_assert_int_eq(check(&d, t + 1, k), OK);
    }
    ck_assert_int_eq(pvss_check_share(&d.shares[c], &d.points[c]), OK);
    ck_assert_int_eq(pvss_check_share(&s, &d.points[c]), E_SHARES);
  }
}
END_TEST

START_TEST(scrape_refusals)
{
  struct dealt d;
  deal(&d, 2, 3);
  ck_assert_int_eq(check(&d, 0, 3), E_LENGTH);
  ck_assert_int_eq(check(&d, 4, 3), E_LENGTH);
  struct point kept = d.points[1];
  memset(&d.points[1], 0, sizeof d.points[1]); /* the identity */
  ck_assert_int_eq(check(&d, 2, 3), E_POINT);
  memset(&d.points[1], 0xff, sizeof d.points[1]);
  ck_assert_int_eq(check(&d, 2, 3), E_POINT);
  d.points[1] = kept;
  d.xs[1] = d.xs[0];
  ck_assert_int_eq(check(&d, 2, 3), E_LENGTH);
  d.xs[1] = 0;
  ck_assert_int_eq(check(&d, 2, 3), E_LENGTH);
  memset(&d.shares[2], 0, sizeof d.shares[2]);
  ck_assert_int_eq(pvss_commit(d.points, d.shares, 3), E_SCALAR);
}
END_TEST

START_TEST(equal_logarithms)
{
  struct digest ctx = {{7}};
  struct secret_scalar e, f;
  struct point ei, ej, k;
  struct dleq proof;
  scalar_random(&e);
  scalar_random(&f);
  ck_assert_int_eq(point_mul_base(&ei, &e), OK);
  ck_assert_int_eq(point_mul_base(&ej, &f), OK);
  ck_assert_int_eq(point_mul(&k, &e, &ej), OK);
  ck_assert_int_eq(dleq_prove(&proof, &ctx, 3, 9, &e, &ei, &ej, &k), OK);
  ck_assert_int_eq(dleq_check(&proof, &ctx, 3, 9, &ei, &ej, &k), OK);
  ck_assert_int_eq(dleq_check(&proof, &ctx, 9, 3, &ei, &ej, &k), E_PROOF);
  ck_assert_int_eq(dleq_check(&proof, &ctx, 3, 9, &ej, &ei, &k), E_PROOF);
  ck_assert_int_eq(dleq_check(&proof, &ctx, 3, 9, &ei, &ej, &ei), E_PROOF);
  ctx.b[31] ^= 1;
  ck_assert_int_eq(dleq_check(&proof, &ctx, 3, 9, &ei, &ej, &k), E_PROOF);
  ctx.b[31] ^= 1;
  struct dleq bad = proof;
  bad.response.b[0] ^= 1;
  ck_assert_int_eq(dleq_check(&bad, &ctx, 3, 9, &ei, &ej, &k), E_PROOF);
  bad = proof;
  memset(&bad.challenge, 0, sizeof bad.challenge); /* zero scalars are no crash */
  memset(&bad.response, 0, sizeof bad.response);
  ck_assert_int_eq(dleq_check(&bad, &ctx, 3, 9, &ei, &ej, &k), E_PROOF);
  memset(&bad.response, 0xff, sizeof bad.response);
  ck_assert_int_eq(dleq_check(&bad, &ctx, 3, 9, &ei, &ej, &k), E_SCALAR);
  memset(&k, 0, sizeof k);
  ck_assert_int_eq(dleq_check(&proof, &ctx, 3, 9, &ei, &ej, &k), E_POINT);
  /* a K of another exponent cannot be proven with e */
  ck_assert_int_eq(point_mul(&k, &f, &ej), OK);
  ck_assert_int_eq(dleq_prove(&proof, &ctx, 3, 9, &e, &ei, &ej, &k), OK);
  ck_assert_int_eq(dleq_check(&proof, &ctx, 3, 9, &ei, &ej, &k), E_PROOF);
}
END_TEST

TCase *test_sharing(void)
{
  TCase *t = tcase_create("sharing");
  tcase_set_timeout(t, 20);
  tcase_add_test(t, any_t_shares_recover);
  tcase_add_test(t, sharing_refusals);
  tcase_add_test(t, polynomials_against_libsodium);
  tcase_add_test(t, scrape);
  tcase_add_test(t, scrape_refusals);
  tcase_add_test(t, equal_logarithms);
  return t;
}
