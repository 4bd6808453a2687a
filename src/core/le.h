/* SPDX-License-Identifier: Apache-2.0
 * Little-endian integers in byte strings. */
#ifndef CORE_LE_H
#define CORE_LE_H

#include <stdint.h>

static inline void le32_put(uint8_t out[4], uint32_t x)
{
  for (unsigned i = 0; i < 4; i++)
    out[i] = (uint8_t)(x >> 8 * i);
}

static inline uint32_t le32_get(const uint8_t b[4])
{
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
         (uint32_t)b[3] << 24;
}

#endif
