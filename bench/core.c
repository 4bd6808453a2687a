/* SPDX-License-Identifier: Apache-2.0
 * Rates of the protocol core beside what the machine can do: each figure is taken in this
 * one run, and the ratio is what counts (docs/performance.md). */
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/group.h"
#include "core/merkle.h"
#include "core/pvss.h"
#include "core/quantise.h"
#include "core/ring.h"
#include "core/shamir.h"

#define WORDS 245760u /* one chunk at b = 32 */
#define REPEATS 200u
#define K 99u
#define T 67u

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(bool ok)
{
  if (!ok)
    abort();
}

static double aes_limit(uint8_t *out)
{
  uint8_t key[32] = {1}, counter[16] = {0};
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  int len;
  must(c && EVP_EncryptInit_ex(c, EVP_aes_256_ctr(), NULL, key, counter) == 1);
  double start = now();
  for (unsigned r = 0; r < REPEATS; r++)
    must(EVP_EncryptUpdate(c, out, &len, out, (int)CHUNK_BYTES) == 1);
  double rate = (double)REPEATS * CHUNK_BYTES / (now() - start);
  EVP_CIPHER_CTX_free(c);
  return rate;
}

static double sha_limit(const uint8_t *in)
{
  uint8_t digest[32];
  double start = now();
  for (unsigned r = 0; r < REPEATS; r++)
    must(EVP_Digest(in, CHUNK_BYTES, digest, NULL, EVP_sha256(), NULL) == 1);
  return (double)REPEATS * CHUNK_BYTES / (now() - start);
}

static void vectors(void)
{
  uint8_t *a = must_calloc(CHUNK_BYTES, 1), *b = must_calloc(CHUNK_BYTES, 1);
  struct ring acc = {a, WORDS, 32};
  struct secret_key key = {{7}};
  struct digest leaf;
  randombytes_buf(b, CHUNK_BYTES);
  double aes = aes_limit(a), sha = sha_limit(b), start = now();
  for (unsigned r = 0; r < REPEATS; r++)
    must(ring_keystream(acc, (uint64_t)r * WORDS, &key, RING_ADD) == OK);
  double mask = (double)REPEATS * CHUNK_BYTES / (now() - start);
  start = now();
  for (unsigned r = 0; r < REPEATS; r++)
    must(ring_add(acc, BYTES(b, CHUNK_BYTES)) == OK);
  double add = (double)REPEATS * CHUNK_BYTES / (now() - start);
  start = now();
  for (unsigned r = 0; r < REPEATS; r++)
    merkle_leaf(&leaf, BYTES(b, CHUNK_BYTES));
  double hash = (double)REPEATS * CHUNK_BYTES / (now() - start);
  printf("mask addition      %7.2f GB/s   %3.0f%% of AES-256-CTR alone (%.2f GB/s)\n",
         mask / 1e9, 100 * mask / aes, aes / 1e9);
  printf("chunk hashing      %7.2f GB/s   %3.0f%% of SHA-256 alone (%.2f GB/s)\n",
         hash / 1e9, 100 * hash / sha, sha / 1e9);
  printf("vector addition    %7.2f GB/s\n", add / 1e9);
  free(a);
  free(b);
}

static double multiplications(void)
{
  struct secret_scalar s;
  struct point p, q;
  scalar_random(&s);
  must(point_mul_base(&p, &s) == OK);
  double start = now();
  for (unsigned r = 0; r < 2000; r++)
    must(point_mul(&q, &s, &p) == OK);
  return 2000 / (now() - start);
}

static void sharing(void)
{
  struct secret_scalar secret, shares[K], back;
  struct point points[K], public_key;
  uint32_t xs[K];
  for (unsigned c = 0; c < K; c++)
    xs[c] = c + 2;
  scalar_random(&secret);
  must(point_mul_base(&public_key, &secret) == OK);
  double group = multiplications(), start = now();
  for (unsigned r = 0; r < 20; r++)
    must(shamir_deal(shares, &secret, T, xs, K) == OK &&
         pvss_commit(points, shares, K) == OK);
  double deal = (now() - start) / 20;
  start = now();
  for (unsigned r = 0; r < 20; r++)
    must(pvss_check(&public_key, points, xs, K, T) == OK);
  double check = (now() - start) / 20;
  start = now();
  for (unsigned r = 0; r < 20; r++)
    must(shamir_recover(&back, shares, xs, T) == OK);
  double recover = (now() - start) / 20;
  printf("group              %7.0f multiplications/s\n", group);
  printf(
      "one secret dealt to %u, threshold %u: deal %.2f ms, check %.2f ms (%.0f%% of its "
      "%u multiplications), rebuild %.2f ms\n",
      K, T, deal * 1e3, check * 1e3, 100 * (K + 1) / group / check, K + 1, recover * 1e3);
}

int main(void)
{
  must(sodium_init() >= 0);
  vectors();
  sharing();
  return 0;
}
