/* SPDX-License-Identifier: Apache-2.0
 * Shamir's secret sharing over Z_L (Shamir 1979): f(0) = secret, degree below t, the
 * share for x is f(x). docs/protocol.md section 6. */
#ifndef CORE_SHAMIR_H
#define CORE_SHAMIR_H

#include "core/types.h"

/* Deals one share per x. xs holds k distinct values >= 1; 1 <= t <= k <=
 * PARTICIPANTS_MAX. The t-1 other coefficients are uniform in Z_L (zero allowed); when
 * any share comes out zero the polynomial is drawn again. E_LENGTH when t or k do not
 * fit or an x is 0, E_SCALAR when the secret is zero or >= L. */
enum err shamir_deal(struct secret_scalar *shares, const struct secret_scalar *secret,
                     unsigned t, const uint32_t *xs, unsigned k) MUST_USE;

/* Rebuilds f(0) from exactly t shares at distinct xs >= 1. E_LENGTH for t = 0, equal xs
 * or an x of 0, E_SCALAR for a share >= L. */
enum err shamir_recover(struct secret_scalar *secret, const struct secret_scalar *shares,
                        const uint32_t *xs, unsigned t) MUST_USE;

#endif
