/* SPDX-License-Identifier: Apache-2.0
 * ristretto255 (RFC 9496) on libsodium, with the identity refused everywhere and the zero
 * scalar handled: libsodium takes the identity as a valid point and returns -1 for it as
 * a result, so no other file multiplies or adds points with libsodium directly. */
#ifndef CORE_GROUP_H
#define CORE_GROUP_H

#include "core/types.h"

/* Canonical encoding, on the group, not the identity. */
bool point_valid(const struct point *p);
/* Below L. Zero is a valid scalar. */
bool scalar_valid(const uint8_t b[32]);

/* Uniform in 1..L-1. */
void scalar_random(struct secret_scalar *out);

/* out = s*B, out = s*P. E_SCALAR when s is zero or >= L, E_POINT when P is not valid. */
enum err point_mul_base(struct point *out, const struct secret_scalar *s) MUST_USE;
enum err point_mul(struct point *out, const struct secret_scalar *s,
                   const struct point *p) MUST_USE;

/* out = s[0]*P[0] + ... + s[n-1]*P[n-1], not in constant time. Alone in this interface
 * the result may be the identity (32 zero bytes), and a zero scalar is allowed. E_POINT
 * when a P[i] is not valid. */
enum err point_sum(struct point *out, const struct scalar *s, const struct point *p,
                   unsigned n) MUST_USE;
bool point_is_identity(const struct point *p);

#endif
