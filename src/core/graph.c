/* SPDX-License-Identifier: Apache-2.0
 * The drawn ring, its neighbours, and sets of participants. params.c finds k and t. */
#include "core/graph.h"

#include <sodium.h>
#include <string.h>

#include "core/le.h"
#include "core/ring.h"
#include "util/text.h"

#define LABEL "chorus/v1/graph\n"

/* The words of the shuffle, fetched from the PRG in blocks. */
struct draws {
  struct secret_key key;
  uint64_t offset;
  uint8_t block[4096];
  size_t used;
};

static enum err draw(uint32_t *out, struct draws *d)
{
  if (d->used == sizeof d->block) {
    TRY(prg_bytes(d->block, sizeof d->block, d->offset, &d->key));
    d->offset += sizeof d->block;
    d->used = 0;
  }
  *out = le32_get(d->block + d->used);
  d->used += 4;
  return OK;
}

static enum err shuffle(uint32_t *at, unsigned n, struct draws *d)
{
  for (uint32_t i = n; i-- > 1;) {
    uint64_t limit = ((uint64_t)1 << 32) - ((uint64_t)1 << 32) % (i + 1);
    uint32_t u, swap = at[i];
    do
      TRY(draw(&u, d));
    while (u >= limit);
    at[i] = at[u % (i + 1)];
    at[u % (i + 1)] = swap;
  }
  return OK;
}

static void graph_key(struct secret_key *key, const struct digest *ctx,
                      const struct digest *joins_root, struct bytes beacon)
{
  crypto_hash_sha256_state h;
  crypto_hash_sha256_init(&h);
  crypto_hash_sha256_update(&h, (const uint8_t *)LABEL, sizeof LABEL - 1);
  crypto_hash_sha256_update(&h, ctx->b, sizeof ctx->b);
  crypto_hash_sha256_update(&h, joins_root->b, sizeof joins_root->b);
  crypto_hash_sha256_update(&h, beacon.data, beacon.len);
  crypto_hash_sha256_final(&h, key->b);
}

enum err graph_make(struct graph *out, const struct graph_params *params,
                    const struct digest *ctx, const struct digest *joins_root,
                    struct bytes beacon)
{
  unsigned n = params->n;
  struct draws d = {.used = sizeof d.block};
  AUTO(free_drop) uint32_t *at = must_calloc(n, sizeof *at);
  for (uint32_t i = 0; i < n; i++)
    at[i] = i;
  if (!params->complete) {
    graph_key(&d.key, ctx, joins_root, beacon);
    TRY(shuffle(at, n, &d));
  }
  uint32_t *position = must_calloc(n, sizeof *position);
  for (uint32_t c = 0; c < n; c++)
    position[at[c]] = c;
  *out = (struct graph){.p = *params, .position = position, .at = STEAL(at)};
  return OK;
}

void graph_done(struct graph *g)
{
  free(g->position);
  free(g->at);
  g->position = g->at = NULL;
}

static int by_value(const void *a, const void *b)
{
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

void graph_neighbours(const struct graph *g, uint32_t i, uint32_t *out)
{
  unsigned n = g->p.n, k = 0;
  if (g->p.complete) {
    for (uint32_t j = 0; j < n; j++)
      if (j != i)
        out[k++] = j;
    return;
  }
  unsigned c = g->position[i];
  for (unsigned o = 1; o <= g->p.k / 2; o++) {
    out[k++] = g->at[(c + o) % n];
    out[k++] = g->at[(c + n - o) % n];
  }
  qsort(out, k, sizeof *out, by_value);
}

bool graph_adjacent(const struct graph *g, uint32_t i, uint32_t j)
{
  if (i == j || g->p.complete)
    return i != j;
  unsigned n = g->p.n, a = g->position[i], b = g->position[j];
  unsigned forward = (b + n - a) % n;
  return MIN(forward, n - forward) <= g->p.k / 2;
}

unsigned set_count(const uint8_t *set, unsigned n)
{
  unsigned count = 0;
  for (unsigned i = 0; i < (n + 7) / 8; i++)
    count += (unsigned)__builtin_popcount(set[i]);
  return count;
}

enum err set_parse(uint8_t *set, unsigned n, const char *hex)
{
  size_t bytes = (n + 7) / 8;
  TRY(hex_decode(set, bytes, hex));
  if (n % 8 && set[bytes - 1] >> n % 8)
    return E_FIELD_VALUE;
  return OK;
}

/* held[c]: members at ring positions c..c+half-1. */
static void runs(uint32_t *held, const struct graph *g, const uint8_t *members,
                 unsigned half)
{
  unsigned n = g->p.n;
  uint32_t sum = 0;
  for (unsigned c = 0; c < half; c++)
    sum += set_has(members, g->at[c]);
  for (unsigned c = 0; c < n; c++) {
    held[c] = sum;
    sum += set_has(members, g->at[(c + half) % n]);
    sum -= set_has(members, g->at[c]);
  }
}

/* Runs that start at a < b are disjoint when half <= b-a <= n-half. For b from half on, a
 * therefore moves in a window; `queue` holds the window's candidates, each holding less
 * than the ones after it, so that the first is the least. */
unsigned graph_least_runs(const struct graph *g, const uint8_t *members)
{
  unsigned n = g->p.n, half = g->p.k / 2, head = 0, tail = 0;
  if (g->p.complete)
    return 0;
  AUTO(free_drop) uint32_t *held = must_calloc(n, sizeof *held);
  AUTO(free_drop) uint32_t *queue = must_calloc(n, sizeof *queue);
  uint32_t least = UINT32_MAX;
  runs(held, g, members, half);
  for (unsigned b = half; b < n; b++) {
    unsigned a = b - half;
    while (tail > head && held[queue[tail - 1]] >= held[a])
      tail--;
    queue[tail++] = a;
    while (queue[head] + n < b + half) /* b - a > n - half */
      head++;
    least = MIN(least, held[queue[head]] + held[b]);
  }
  return least;
}
