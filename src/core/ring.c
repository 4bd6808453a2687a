/* SPDX-License-Identifier: Apache-2.0
 * Vectors over Z_{2^b}: addition, keystream, single coordinates. */
#include "core/ring.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "core/prg.h"

__extension__ typedef unsigned __int128 uint128;

bool ring_bits_valid(unsigned bits)
{
  return bits == 16 || bits == 24 || bits == 32 || bits == 40 || bits == 48 || bits == 64;
}

/* One coordinate of `w` bytes at p. */
static uint64_t word_get(const uint8_t *p, unsigned w)
{
  uint64_t x = 0;
  memcpy(&x, p, w);
  return x;
}

static void word_add(uint8_t *acc, const uint8_t *in, unsigned w, enum ring_sign sign)
{
  uint64_t x = word_get(acc, w), y = word_get(in, w);
  x = sign == RING_ADD ? x + y : x - y;
  memcpy(acc, &x, w);
}

/* Widths that are a machine type: 32 bytes at a time, unaligned, in vector registers at
 * any optimisation level. Each returns how many bytes it has done. */
#define ADD_NATIVE(name, type)                                                           \
  typedef type name##_lanes __attribute__((vector_size(32), aligned(1), may_alias));     \
  static size_t name(uint8_t *acc, const uint8_t *in, size_t bytes, enum ring_sign sign) \
  {                                                                                      \
    size_t i = 0;                                                                        \
    if (sign == RING_ADD)                                                                \
      for (; i + 32 <= bytes; i += 32)                                                   \
        *(name##_lanes *)(acc + i) += *(const name##_lanes *)(in + i);                   \
    else                                                                                 \
      for (; i + 32 <= bytes; i += 32)                                                   \
        *(name##_lanes *)(acc + i) -= *(const name##_lanes *)(in + i);                   \
    return i;                                                                            \
  }
ADD_NATIVE(add_16, uint16_t)
ADD_NATIVE(add_32, uint32_t)
ADD_NATIVE(add_64, uint64_t)

/* The other widths: several coordinates side by side in 3 or 5 words, as one long number
 * whose carries are kept from crossing a coordinate's top bit (`top` has those bits). */
static inline __attribute__((always_inline)) size_t add_packed(
    uint8_t *acc, const uint8_t *in, size_t bytes, enum ring_sign sign, unsigned width,
    unsigned words)
{
  uint8_t tops[40] = {0};
  uint64_t top[5], x, y, carry;
  size_t i = 0;
  for (unsigned b = width; b <= 8 * words; b += width)
    tops[b - 1] = 0x80;
  memcpy(top, tops, sizeof top);
  for (; i + 8 * words <= bytes; i += 8 * words) {
    carry = 0;
    for (unsigned l = 0; l < words; l++) {
      memcpy(&x, acc + i + 8 * l, 8);
      memcpy(&y, in + i + 8 * l, 8);
      uint128 t;
      if (sign == RING_ADD) {
        t = (uint128)(x & ~top[l]) + (y & ~top[l]) + carry;
        x = (uint64_t)t ^ ((x ^ y) & top[l]);
      } else {
        t = (uint128)(x | top[l]) - (y & ~top[l]) - carry;
        x = (uint64_t)t ^ ((x ^ ~y) & top[l]);
      }
      carry = (uint64_t)(t >> 64) & 1;
      memcpy(acc + i + 8 * l, &x, 8);
    }
  }
  return i;
}

static size_t add_24(uint8_t *acc, const uint8_t *in, size_t bytes, enum ring_sign sign)
{
  return sign == RING_ADD ? add_packed(acc, in, bytes, RING_ADD, 3, 3)
                          : add_packed(acc, in, bytes, RING_SUB, 3, 3);
}

static size_t add_40(uint8_t *acc, const uint8_t *in, size_t bytes, enum ring_sign sign)
{
  return sign == RING_ADD ? add_packed(acc, in, bytes, RING_ADD, 5, 5)
                          : add_packed(acc, in, bytes, RING_SUB, 5, 5);
}

static size_t add_48(uint8_t *acc, const uint8_t *in, size_t bytes, enum ring_sign sign)
{
  return sign == RING_ADD ? add_packed(acc, in, bytes, RING_ADD, 6, 3)
                          : add_packed(acc, in, bytes, RING_SUB, 6, 3);
}

/* acc ±= in, `bytes` of both, whole coordinates. */
static void add_bytes(uint8_t *acc, const uint8_t *in, size_t bytes, unsigned bits,
                      enum ring_sign sign)
{
  size_t done = 0;
  unsigned w = bits / 8;
  switch (bits) {
  case 16:
    done = add_16(acc, in, bytes, sign);
    break;
  case 24:
    done = add_24(acc, in, bytes, sign);
    break;
  case 32:
    done = add_32(acc, in, bytes, sign);
    break;
  case 40:
    done = add_40(acc, in, bytes, sign);
    break;
  case 48:
    done = add_48(acc, in, bytes, sign);
    break;
  default:
    assert(bits == 64);
    done = add_64(acc, in, bytes, sign);
  }
  for (; done < bytes; done += w)
    word_add(acc + done, in + done, w, sign);
}

enum err ring_add(struct ring acc, struct bytes chunk)
{
  if (chunk.len != ring_bytes(acc.bits, acc.len))
    return E_LENGTH;
  add_bytes(acc.data, chunk.data, chunk.len, acc.bits, RING_ADD);
  return OK;
}

/* Keystream is made in pieces that end at multiples of 15,360 bytes: a multiple of the
 * block and of every coordinate (so each piece starts at both), a 64th of a chunk, and
 * small enough to stay in the first-level cache together with its part of the vector. */
#define PIECE 15360u
_Static_assert(PIECE % 240 == 0 && PIECE % 16 == 0 && CHUNK_BYTES % PIECE == 0, "PIECE");

enum err ring_keystream(struct ring acc, uint64_t first, const struct secret_key *key,
                        enum ring_sign sign)
{
  uint8_t piece[PIECE];
  unsigned w = acc.bits / 8;
  assert(ring_bits_valid(acc.bits));
  uint64_t offset;
  if (__builtin_mul_overflow(first, (uint64_t)w, &offset))
    return E_LENGTH;
  size_t bytes = ring_bytes(acc.bits, acc.len), skip = offset % PRG_BLOCK;
  AUTO(prg_close) struct prg p = {NULL};
  TRY(prg_open(&p, key, offset / PRG_BLOCK));
  enum err e = OK;
  for (size_t done = 0; done < bytes && e == OK;) {
    size_t part = MIN(bytes - done, PIECE - (size_t)((offset + done) % PIECE));
    e = prg_next(&p, piece, skip + part);
    if (e == OK)
      add_bytes(acc.data + done, piece + skip, part, acc.bits, sign);
    done += part;
    skip = 0; /* from here on every piece starts at a block */
  }
  sodium_memzero(piece, sizeof piece);
  return e;
}

void ring_put(struct ring r, size_t i, int64_t value)
{
  memcpy(r.data + i * (r.bits / 8), &value, r.bits / 8);
}

int64_t ring_get(struct ring r, size_t i)
{
  unsigned spare = 64 - r.bits;
  return (int64_t)(word_get(r.data + i * (r.bits / 8), r.bits / 8) << spare) >> spare;
}
