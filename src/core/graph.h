/* SPDX-License-Identifier: Apache-2.0
 * Who shares with whom: the sparse graph of Bell et al. 2020 (SecAgg+) with an exact
 * finder of its parameters, or the complete graph. docs/protocol.md section 5. */
#ifndef CORE_GRAPH_H
#define CORE_GRAPH_H

#include "core/types.h"

struct graph_params {
  unsigned n;
  unsigned k;     /* neighbours of each participant */
  unsigned t;     /* shares that rebuild a secret */
  unsigned alive; /* n - floor(n*delta): least number of sharers and of survivors */
  bool complete;
  bool anchored; /* a chain carries the roster and the survivors */
};

/* The exact rule of section 5, in big integers; everybody must agree on the result.
 * corrupt_bp and dropout_bp are gamma and delta in basis points.
 * E_LENGTH when n < 3 or n > PARTICIPANTS_MAX, E_FIELD_VALUE when gamma+delta > 9,000 bp,
 * E_THRESHOLD when no k fits and n > 200. */
enum err graph_params_find(struct graph_params *out, unsigned n, unsigned corrupt_bp,
                           unsigned dropout_bp, bool anchored) MUST_USE;

struct graph {
  struct graph_params p;
  uint32_t *position; /* position[i]: where participant i stands on the ring */
  uint32_t *at;       /* at[c]: who stands at ring position c */
};

/* Draws the ring by Fisher–Yates from SHA-256("chorus/v1/graph\n" ctx joins-root
 * beacon), the beacon being the raw bytes of a block hash; on a complete graph the order
 * is 0..n-1 and the beacon is not used. graph_done frees. */
enum err graph_make(struct graph *out, const struct graph_params *params,
                    const struct digest *ctx, const struct digest *joins_root,
                    struct bytes beacon) MUST_USE;
void graph_done(struct graph *g);

/* The k neighbours of i, ascending. `out` has room for k. */
void graph_neighbours(const struct graph *g, uint32_t i, uint32_t *out);
bool graph_adjacent(const struct graph *g, uint32_t i, uint32_t j);

/* Sets of participants: bit i is bit (i mod 8) of byte i/8 (section 1). */
static inline bool set_has(const uint8_t *set, uint32_t i)
{
  return set[i / 8] >> (i % 8) & 1;
}
static inline void set_add(uint8_t *set, uint32_t i)
{
  set[i / 8] = (uint8_t)(set[i / 8] | 1u << (i % 8));
}
unsigned set_count(const uint8_t *set, unsigned n);
/* From the hex text of an event: exactly ceil(n/8) bytes, unused bits zero. E_FIELD_VALUE
 * otherwise; `set` is then unspecified. */
enum err set_parse(uint8_t *set, unsigned n, const char *hex) MUST_USE;

/* The least number of members that two disjoint runs of k/2 ring positions hold together
 * (section 7's condition on sparse graphs). 0 on a complete graph. */
unsigned graph_least_runs(const struct graph *g, const uint8_t *members);

#endif
