/* SPDX-License-Identifier: Apache-2.0
 * The fixed-size values of the protocol, wrapped so that kinds cannot be swapped.
 * Secrets (secret_*) are wiped by their owners with sodium_memzero. */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include "util/buf.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "vectors and scalars are used in place, as little-endian words");

struct digest {
  uint8_t b[32];
}; /* SHA-256 */
struct point {
  uint8_t b[32];
}; /* ristretto255, canonical, never the identity */
struct scalar {
  uint8_t b[32];
}; /* little-endian, below the group order L */
struct secret_scalar {
  uint8_t b[32];
}; /* the same, secret: a, e, s, shares */
struct secret_key {
  uint8_t b[32];
}; /* 32 bytes out of HKDF: PRG or box key; in src/chain a secp256k1 key */
struct identity {
  uint8_t b[32];
}; /* Ed25519 public key, a participant's id */
struct secret_identity {
  uint8_t b[64];
}; /* Ed25519 secret key as libsodium keeps it */
struct signature {
  uint8_t b[64];
}; /* Ed25519 */

/* The unit of upload, resume, storage, hashing, summing and audit. Divisible by 2..6 and
 * 8 bytes, so that no coordinate of any ring width straddles two chunks. */
#define CHUNK_BYTES 983040u

#define PARTICIPANTS_MAX 16384u /* of one round; docs/protocol.md section 3 */

#endif
