/* SPDX-License-Identifier: Apache-2.0
 * Key derivation and sealed shares. */
#include <sodium.h>
#include <string.h>

#include "core/box.h"
#include "core/group.h"
#include "core/kdf.h"
#include "test_core.h"

START_TEST(derivations_differ)
{
  struct digest ctx = {{1}}, other = {{2}}, u1 = {{3}};
  struct point p = {{4}};
  struct secret_scalar s = {{4}};
  struct secret_key a, b;
  kdf_box(&a, &ctx, &p, 1, 2);
  kdf_box(&b, &ctx, &p, 2, 1);
  ck_assert_mem_ne(&a, &b, 32); /* a box has a direction */
  kdf_box(&b, &other, &p, 1, 2);
  ck_assert_mem_ne(&a, &b, 32);
  kdf_pair(&a, &ctx, &p, 1, 2, &u1);
  kdf_pair(&b, &ctx, &p, 2, 1, &u1);
  ck_assert_mem_eq(&a, &b, 32); /* a pair has not */
  kdf_pair(&b, &ctx, &p, 2, 1, &other);
  ck_assert_mem_ne(&a, &b, 32);
  kdf_self(&a, &ctx, &s, &u1);
  kdf_self(&b, &ctx, &s, &other);
  ck_assert_mem_ne(&a, &b, 32);
}
END_TEST

START_TEST(boxes)
{
  struct secret_key key, wrong;
  struct digest graph = {{5}}, other = {{6}};
  struct secret_scalar a, s, got_a, got_s;
  struct box box, again;
  randombytes_buf(&key, sizeof key);
  randombytes_buf(&wrong, sizeof wrong);
  scalar_random(&a);
  scalar_random(&s);
  box_seal(&box, &key, &graph, &a, &s);
  box_seal(&again, &key, &graph, &a, &s);
  ck_assert_mem_ne(&box, &again, sizeof box); /* a fresh nonce each time */
  ck_assert_int_eq(box_open(&got_a, &got_s, &box, &key, &graph), OK);
  ck_assert_mem_eq(&got_a, &a, 32);
  ck_assert_mem_eq(&got_s, &s, 32);
  ck_assert_int_eq(box_open(&got_a, &got_s, &box, &wrong, &graph), E_PROOF);
  ck_assert_int_eq(box_open(&got_a, &got_s, &box, &key, &other), E_PROOF);
  for (unsigned i = 0; i < sizeof box; i++) {
    struct box bad = box;
    bad.b[i] ^= 1;
    ck_assert_int_eq(box_open(&got_a, &got_s, &bad, &key, &graph), E_PROOF);
  }
}
END_TEST

TCase *test_keys(void)
{
  TCase *t = tcase_create("keys");
  tcase_add_test(t, derivations_differ);
  tcase_add_test(t, boxes);
  return t;
}
