/* SPDX-License-Identifier: Apache-2.0
 * Chaum–Pedersen proof of equal discrete logarithms. */
#include "core/dleq.h"

#include <sodium.h>
#include <string.h>

#include "core/group.h"
#include "core/le.h"

#define LABEL "chorus/v1/dleq\n"

struct statement {
  const struct digest *ctx;
  uint32_t i, j;
  const struct point *ei, *ej, *k;
};

/* c = SHA-512(label ctx le32(i) le32(j) Ei Ej K R1 R2) mod L. */
static void challenge(struct scalar *c, const struct statement *s, const struct point *r1,
                      const struct point *r2)
{
  crypto_hash_sha512_state h;
  uint8_t indices[8], wide[64];
  le32_put(indices, s->i);
  le32_put(indices + 4, s->j);
  crypto_hash_sha512_init(&h);
  crypto_hash_sha512_update(&h, (const uint8_t *)LABEL, sizeof LABEL - 1);
  crypto_hash_sha512_update(&h, s->ctx->b, sizeof s->ctx->b);
  crypto_hash_sha512_update(&h, indices, sizeof indices);
  const struct point *const points[] = {s->ei, s->ej, s->k, r1, r2};
  for (size_t p = 0; p < LENGTH(points); p++)
    crypto_hash_sha512_update(&h, points[p]->b, sizeof points[p]->b);
  crypto_hash_sha512_final(&h, wide);
  crypto_core_ristretto255_scalar_reduce(c->b, wide);
}

enum err dleq_prove(struct dleq *out, const struct digest *ctx, uint32_t i, uint32_t j,
                    const struct secret_scalar *e, const struct point *ei,
                    const struct point *ej, const struct point *k)
{
  const struct statement s = {ctx, i, j, ei, ej, k};
  struct secret_scalar r, ce;
  struct point r1, r2;
  struct dleq proof;
  if (!scalar_valid(e->b))
    return E_SCALAR;
  if (!point_valid(ei) || !point_valid(ej) || !point_valid(k))
    return E_POINT;
  scalar_random(&r);
  enum err err = point_mul_base(&r1, &r);
  if (err == OK)
    err = point_mul(&r2, &r, ej);
  if (err == OK) {
    challenge(&proof.challenge, &s, &r1, &r2);
    crypto_core_ristretto255_scalar_mul(ce.b, proof.challenge.b, e->b);
    crypto_core_ristretto255_scalar_add(proof.response.b, r.b, ce.b);
    *out = proof;
    sodium_memzero(&ce, sizeof ce);
  }
  sodium_memzero(&r, sizeof r);
  return err;
}

enum err dleq_check(const struct dleq *proof, const struct digest *ctx, uint32_t i,
                    uint32_t j, const struct point *ei, const struct point *ej,
                    const struct point *k)
{
  const struct statement s = {ctx, i, j, ei, ej, k};
  static const struct secret_scalar one = {{1}};
  struct point base, r1, r2;
  struct scalar c, terms[2];
  if (!scalar_valid(proof->challenge.b) || !scalar_valid(proof->response.b))
    return E_SCALAR;
  if (!point_valid(ei) || !point_valid(ej) || !point_valid(k))
    return E_POINT;
  TRY(point_mul_base(&base, &one));
  terms[0] = proof->response;
  crypto_core_ristretto255_scalar_negate(terms[1].b, proof->challenge.b);
  TRY(point_sum(&r1, terms, (const struct point[]){base, *ei}, 2)); /* z*B - c*Ei */
  TRY(point_sum(&r2, terms, (const struct point[]){*ej, *k}, 2));   /* z*Ej - c*K */
  challenge(&c, &s, &r1, &r2);
  return memcmp(&c, &proof->challenge, sizeof c) == 0 ? OK : E_PROOF;
}
