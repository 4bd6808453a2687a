/* SPDX-License-Identifier: Apache-2.0
 * Vectors over Z_{2^b}, packed little-endian, and the one function that adds or subtracts
 * a range of keystream. docs/protocol.md sections 1 and 7. */
#ifndef CORE_RING_H
#define CORE_RING_H

#include "core/types.h"

/* b is one of 16, 24, 32, 40, 48, 64. Coordinate l is bytes [l*b/8, (l+1)*b/8). The
 * storage belongs to the caller. */
struct ring {
  uint8_t *data;
  size_t len;    /* coordinates */
  unsigned bits; /* b */
};

enum ring_sign { RING_ADD, RING_SUB };

bool ring_bits_valid(unsigned bits);
static inline size_t ring_bytes(unsigned bits, size_t len)
{
  return len * (bits / 8);
}
/* Coordinates in one full chunk of CHUNK_BYTES. */
static inline size_t ring_chunk_len(unsigned bits)
{
  return CHUNK_BYTES / (bits / 8);
}

/* acc += chunk, coordinate by coordinate, mod 2^b.
 * chunk  raw coordinates as uploaded, exactly acc.len*bits/8 bytes
 * E_LENGTH when the sizes disagree (acc is then untouched). */
enum err ring_add(struct ring acc, struct bytes chunk) MUST_USE;

/* acc[i] ±= word (first + i) of PRG(key), for all i. The PRG is AES-256 in counter mode,
 * seekable: keystream byte o is byte (o mod 16) of AES(key, BE128(o / 16)), and a word is
 * b/8 bytes, little-endian. E_LENGTH when `first` lies beyond byte 2^64, E_INTERNAL when
 * OpenSSL fails; acc is then unspecified. */
enum err ring_keystream(struct ring acc, uint64_t first, const struct secret_key *key,
                        enum ring_sign sign) MUST_USE;

/* One coordinate, written mod 2^b, read as a signed b-bit integer. */
void ring_put(struct ring r, size_t i, int64_t value);
int64_t ring_get(struct ring r, size_t i);

/* `len` raw bytes of PRG(key), from byte `offset`: for the graph's draws and
 * the deterministic initial model. */
enum err prg_bytes(uint8_t *out, size_t len, uint64_t offset,
                   const struct secret_key *key) MUST_USE;

#endif
