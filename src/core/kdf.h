/* SPDX-License-Identifier: Apache-2.0
 * Every key derivation of the protocol: HKDF-SHA256 (RFC 5869), salt = ctx, 32 bytes out.
 * docs/protocol.md sections 6 and 7. */
#ifndef CORE_KDF_H
#define CORE_KDF_H

#include "core/types.h"

/* HKDF-SHA256 with a 32-byte salt and a 32-byte ikm. */
void kdf_hkdf(struct secret_key *out, const struct digest *salt, const uint8_t ikm[32],
              struct bytes info);

/* ikm = e_i*E_j, info = "chorus/v1/box" le32(i) le32(j); i sends, j receives. */
void kdf_box(struct secret_key *out, const struct digest *ctx, const struct point *shared,
             uint32_t i, uint32_t j);
/* ikm = s_i, info = "chorus/v1/self" u1. */
void kdf_self(struct secret_key *out, const struct digest *ctx,
              const struct secret_scalar *s, const struct digest *u1);
/* ikm = a_i*A_j, info = "chorus/v1/pair" le32(min) le32(max) u1. */
void kdf_pair(struct secret_key *out, const struct digest *ctx,
              const struct point *shared, uint32_t i, uint32_t j,
              const struct digest *u1);

#endif
