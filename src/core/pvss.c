/* SPDX-License-Identifier: Apache-2.0
 * Commitments to shares, and the SCRAPE test of them. */
#include "core/pvss.h"

#include <sodium.h>
#include <string.h>

#include "core/group.h"
#include "core/scalar.h"

enum err pvss_commit(struct point *points, const struct secret_scalar *shares, unsigned k)
{
  for (unsigned c = 0; c < k; c++)
    TRY(point_mul_base(&points[c], &shares[c]));
  return OK;
}

/* coeffs[c] = v[c]*m(x_c) for a random m of degree k-t: a random word of the dual code.
 */
static enum err dual_word(struct scalar *coeffs, const uint32_t *xs, unsigned k,
                          unsigned t)
{
  unsigned terms = k - t + 1;
  TRY(scalar_dual(coeffs, xs, k));
  struct secret_scalar *m = must_calloc(terms, sizeof *m), at;
  for (unsigned i = 0; i < terms; i++) {
    uint8_t wide[64];
    randombytes_buf(wide, sizeof wide);
    crypto_core_ristretto255_scalar_reduce(m[i].b, wide);
  }
  for (unsigned c = 0; c <= k; c++) {
    scalar_poly(&at, m, terms, c ? xs[c - 1] : 0);
    crypto_core_ristretto255_scalar_mul(coeffs[c].b, coeffs[c].b, at.b);
  }
  free(m);
  return OK;
}

enum err pvss_check(const struct point *secret, const struct point *points,
                    const uint32_t *xs, unsigned k, unsigned t)
{
  if (t < 1 || t > k || k > PARTICIPANTS_MAX)
    return E_LENGTH;
  AUTO(free_drop) struct scalar *coeffs = must_calloc(k + 1, sizeof *coeffs);
  AUTO(free_drop) struct point *all = must_calloc(k + 1, sizeof *all);
  struct point sum;
  all[0] = *secret;
  memcpy(all + 1, points, k * sizeof *points);
  TRY(dual_word(coeffs, xs, k, t));
  TRY(point_sum(&sum, coeffs, all, k + 1));
  return point_is_identity(&sum) ? OK : E_SHARES;
}

enum err pvss_check_share(const struct secret_scalar *share,
                          const struct point *commitment)
{
  struct point p;
  if (point_mul_base(&p, share) != OK || memcmp(&p, commitment, sizeof p) != 0)
    return E_SHARES;
  return OK;
}
