/* SPDX-License-Identifier: Apache-2.0
 * Keccak-256 as Ethereum froze it before the standard: rate 136 bytes, capacity 512 bits,
 * and 0x01 where SHA3-256 pads with 0x06. */
#include <string.h>

#include "chain/eth.h"

#define RATE 136u

static uint64_t rotate(uint64_t v, unsigned by)
{
  return v << (by & 63) | v >> (-by & 63);
}

/* theta: each lane takes in the parity of two columns beside it. */
static void mix_columns(uint64_t a[25])
{
  uint64_t parity[5];
  for (unsigned x = 0; x < 5; x++)
    parity[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
  for (unsigned x = 0; x < 5; x++) {
    uint64_t both = parity[(x + 4) % 5] ^ rotate(parity[(x + 1) % 5], 1);
    for (unsigned y = 0; y < 25; y += 5)
      a[x + y] ^= both;
  }
}

/* rho and pi: the lanes but the first move along one cycle of 24, (x, y) to (y, 2x + 3y)
 * from (1, 0) on, the t-th step turning its lane by the t-th triangular number. */
static void move_lanes(uint64_t a[25])
{
  static const uint8_t cycle[24] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                    15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
  uint64_t moving = a[1];
  for (unsigned t = 0; t < LENGTH(cycle); t++) {
    uint64_t found = a[cycle[t]];
    a[cycle[t]] = rotate(moving, (t + 1) * (t + 2) / 2);
    moving = found;
  }
}

/* chi: the one step that is not linear. */
static void mix_rows(uint64_t a[25])
{
  for (uint64_t *row = a; row < a + 25; row += 5) {
    uint64_t first = row[0], second = row[1];
    row[0] ^= ~row[1] & row[2];
    row[1] ^= ~row[2] & row[3];
    row[2] ^= ~row[3] & row[4];
    row[3] ^= ~row[4] & first;
    row[4] ^= ~first & second;
  }
}

static void permute(uint64_t a[25])
{
  static const uint64_t constants[24] = {
      0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
      0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
      0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
      0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
      0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
      0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};
  for (unsigned round = 0; round < LENGTH(constants); round++) {
    mix_columns(a);
    move_lanes(a);
    mix_rows(a);
    a[0] ^= constants[round];
  }
}

/* Lanes are little-endian, and so are we (core/types.h). */
static void take_in(uint64_t a[25], const uint8_t block[RATE])
{
  uint64_t lanes[RATE / 8];
  memcpy(lanes, block, RATE);
  for (unsigned i = 0; i < RATE / 8; i++)
    a[i] ^= lanes[i];
  permute(a);
}

void keccak256(struct word *out, struct bytes in)
{
  uint64_t a[25] = {0};
  uint8_t last[RATE] = {0};
  for (; in.len >= RATE; in.data += RATE, in.len -= RATE)
    take_in(a, in.data);
  if (in.len)
    memcpy(last, in.data, in.len);
  last[in.len] ^= 0x01;
  last[RATE - 1] ^= 0x80;
  take_in(a, last);
  memcpy(out->b, a, sizeof out->b);
}

void keccak256_text(struct word *out, const char *text)
{
  keccak256(out, BYTES(text, strlen(text)));
}
