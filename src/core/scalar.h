/* SPDX-License-Identifier: Apache-2.0
 * Polynomials over Z_L at small places: what Shamir's sharing and the SCRAPE test have in
 * common. Constant time in the coefficients, not in the places, which are public. */
#ifndef CORE_SCALAR_H
#define CORE_SCALAR_H

#include "core/types.h"

/* out = coeffs[0] + coeffs[1]*x + ... + coeffs[n-1]*x^(n-1) mod L, by Horner.
 * Coefficients are below L. */
void scalar_poly(struct secret_scalar *out, const struct secret_scalar *coeffs,
                 unsigned n, uint32_t x);

/* The weights of the dual code for the places x_0 = 0, x_c = xs[c-1]:
 *   v[c] = product over d != c of 1/(x_c - x_d), c = 0..k,
 * so that v[0]*f(x_0) + ... + v[k]*f(x_k) = 0 for every f of degree below k.
 *
 * v  room for k + 1
 * E_LENGTH when two places are equal; v is then unspecified. */
enum err scalar_dual(struct scalar *v, const uint32_t *xs, unsigned k) MUST_USE;

#endif
