/* SPDX-License-Identifier: Apache-2.0
 * Publicly verifiable shares: commitments share*B and the SCRAPE test with a random dual
 * codeword (Cascudo, David: SCRAPE, ACNS 2017). docs/protocol.md section 6. */
#ifndef CORE_PVSS_H
#define CORE_PVSS_H

#include "core/types.h"

/* points[c] = shares[c]*B for k shares. E_SCALAR for a zero share. */
enum err pvss_commit(struct point *points, const struct secret_scalar *shares,
                     unsigned k) MUST_USE;

/* Accepts iff `secret` (at x = 0) and points[c] (at xs[c]) lie on one polynomial of
 * degree below t, except with probability 1/L. The test polynomial's coefficients are
 * drawn from the CSPRNG inside. E_SHARES when they do not, E_POINT when one of them is
 * not valid (point_valid), E_LENGTH when t > k, t < 1, xs are equal or one of them is 0.
 */
enum err pvss_check(const struct point *secret, const struct point *points,
                    const uint32_t *xs, unsigned k, unsigned t) MUST_USE;

/* Whether share*B is the commitment. E_SHARES otherwise. */
enum err pvss_check_share(const struct secret_scalar *share,
                          const struct point *commitment) MUST_USE;

#endif
