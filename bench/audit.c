/* SPDX-License-Identifier: Apache-2.0
 * The heavy part of an audit beside what this machine can do: a round of 100 on a sparse
 * graph, a million coordinates of 32 bits, five who drop out after sharing; the masked
 * vectors in memory. Each figure is taken in this one run (docs/performance.md). Times
 * are those of the processors, divided by the threads: what other programs take meanwhile
 * does not count. */
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/lib/audit_sum.h"
#include "clients/lib/parallel.h"
#include "core/group.h"
#include "core/merkle.h"
#include "core/pvss.h"
#include "core/shamir.h"
#include "core/unmasking.h"
#include "model/spec.h"
#include "util/field.h"

#define N 100u
#define DROPPED 5u
#define THREADS 2u
#define LIGHT 10u
#define RUNS 7u
#define LIMIT_BYTES                                                                      \
  ((uint64_t)256 << 20) /* per thread, to measure what can be reached                    \
                         */

static const char description[] =
    "{\"name\":\"b\",\"purpose\":\"b\",\"consent\":\"b\",\"kind\":\"vector\","
    "\"dimension\":"
    "1000000,\"quantisation\":{\"bits\":16,\"range\":\"1\",\"clip\":\"1000\",\"weight_"
    "cap\":"
    "100},\"ring_bits\":32,\"cohort\":{\"minimum\":3,\"maximum\":100,\"corrupt_bp\":1000,"
    "\"dropout_bp\":1000},\"deadlines\":{\"join\":1,\"share\":1,\"upload\":1,\"unmask\":"
    "1},"
    "\"server\":{\"kind\":\"fedavg\",\"rate\":\"1\"},\"reward\":{\"scheme\":\"none\","
    "\"budget\":\"0\"}}";

struct person {
  struct secret_scalar a, s;
  struct secret_scalar *shares_a, *shares_s; /* by neighbour ascending */
  struct buf leaves;
  struct share_event share;
  uint8_t *y;
  struct digest *chunks; /* leaf hashes */
};

struct bench {
  struct spec *spec;
  struct round *round;
  struct person people[N];
  uint64_t positions, bytes;
  struct unmasking unmasking;
  uint8_t *sum;
  uint8_t *accs[THREADS];
  unsigned wrong;
};

static void must(bool ok)
{
  if (!ok)
    abort();
}

static double clock_of(clockid_t which)
{
  struct timespec t;
  clock_gettime(which, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Processor time of all threads. */
static double spent(void)
{
  return clock_of(CLOCK_PROCESS_CPUTIME_ID);
}

static void run(enum err (*one)(void *, unsigned, uint64_t, struct why *), void *arg,
                uint64_t total)
{
  const struct parallel p = {.one = one, .arg = arg};
  must(parallel_run(&p, THREADS, total, NULL) == OK);
}

/* ---- the round ---- */

static void open_round(struct bench *b)
{
  struct why why = {0};
  struct digest instance = {{1}};
  struct identity coordinator = {{2}};
  must(spec_parse(&b->spec, BYTES(description, sizeof description - 1), &why) == OK);
  json_t *open = json_pack("{s:s,s:o,s:s,s:i,s:i,s:i,s:{s:s,s:n,s:o},s:i,s:[],s:i,s:s}",
                           "type", "open", "instance", json_hex(instance.b, 32), "model",
                           "bench", "version", 1, "round", 1, "attempt", 1, "base",
                           "source", "init", "event", "sha256", json_hex(instance.b, 32),
                           "beacon_distance", 2, "excluded", "time", 1, "sig", "");
  spec_open_fill(open, b->spec);
  must(round_new(&b->round, &instance, &coordinator, true, open, &why) == OK);
  json_decref(open);
}

static void fill_members(struct bench *b)
{
  struct member members[N] = {0};
  struct digest root = {{3}};
  uint8_t all[(N + 7) / 8] = {0}, stayed[(N + 7) / 8] = {0};
  for (unsigned i = 0; i < N; i++) {
    members[i].id.b[0] = (uint8_t)i;
    scalar_random(&b->people[i].a);
    scalar_random(&b->people[i].s);
    must(point_mul_base(&members[i].mask_key, &b->people[i].a) == OK &&
         point_mul_base(&members[i].self_key, &b->people[i].s) == OK);
    set_add(all, i);
    if (i >= DROPPED)
      set_add(stayed, i);
  }
  round_set_members(b->round, members, N, &root, &root);
  must(round_make_graph(b->round, BYTES_OF(root)) == OK);
  must(!b->round->graph.p.complete);
  round_set_sharers(b->round, all, &root);
  round_set_survivors(b->round, stayed, &root);
}

/* What i deals: shares, commitments, the Merkle root of its leaves. */
static void deal(struct bench *b, uint32_t i)
{
  struct person *p = &b->people[i];
  const struct graph_params *g = &b->round->graph.p;
  struct merkle tree = {0};
  uint32_t *xs = must_calloc(g->k, sizeof *xs);
  struct point *a = must_calloc(g->k, sizeof *a), *s = must_calloc(g->k, sizeof *s);
  p->shares_a = must_calloc(g->k, sizeof *p->shares_a);
  p->shares_s = must_calloc(g->k, sizeof *p->shares_s);
  graph_neighbours(&b->round->graph, i, xs);
  for (unsigned c = 0; c < g->k; c++)
    xs[c]++;
  must(shamir_deal(p->shares_a, &p->a, g->t, xs, g->k) == OK &&
       shamir_deal(p->shares_s, &p->s, g->t, xs, g->k) == OK &&
       pvss_commit(a, p->shares_a, g->k) == OK &&
       pvss_commit(s, p->shares_s, g->k) == OK);
  for (unsigned c = 0; c < g->k; c++) {
    uint8_t leaf[LEAF_BYTES] = {0};
    memcpy(leaf, a[c].b, 32);
    memcpy(leaf + 32, s[c].b, 32);
    must(buf_put(&p->leaves, leaf, sizeof leaf) == OK);
    merkle_add(&tree, BYTES_OF(leaf));
  }
  merkle_root(&p->share.deals, &tree);
  free(xs);
  free(a);
  free(s);
}

/* A vector of ones under its masks, and the hashes of its chunks. */
static enum err mask_one(void *arg, unsigned thread, uint64_t i, struct why *why)
{
  struct bench *b = arg;
  struct person *p = &b->people[i];
  AUTO(mask_list_done) struct mask_list masks = {0};
  struct ring y = {NULL, open_len(b->round->open), 32};
  deal(b, (uint32_t)i);
  if (i < DROPPED)
    return OK;
  y.data = p->y = must_calloc(b->bytes, 1);
  p->chunks = must_calloc(b->positions, sizeof *p->chunks);
  for (size_t l = 0; l < y.len; l++)
    ring_put(y, l, 1);
  TRY(mask_own(&masks, b->round, (uint32_t)i, &p->a, &p->s));
  TRY(mask_apply(y, 0, &masks));
  for (uint64_t c = 0; c < b->positions; c++)
    merkle_leaf(&p->chunks[c], BYTES(p->y + c * CHUNK_BYTES,
                                     MIN(b->bytes - c * CHUNK_BYTES, CHUNK_BYTES)));
  return OK;
}

/* ---- the answers ---- */

static unsigned place_of(const struct round *r, uint32_t j, uint32_t i)
{
  uint32_t near[N];
  unsigned c = 0;
  graph_neighbours(&r->graph, j, near);
  while (near[c] != i)
    c++;
  return c;
}

static void answer(struct bench *b, uint32_t i)
{
  const struct round *r = b->round;
  uint32_t near[N];
  struct unmask_event u = {0};
  u.len = round_neighbours_in(r, i, r->sharers, near);
  u.shares = must_calloc(u.len, sizeof *u.shares);
  u.given = must_calloc(u.len, sizeof *u.given);
  for (unsigned c = 0; c < u.len; c++) {
    const struct person *dealer = &b->people[near[c]];
    unsigned place = place_of(r, near[c], i);
    u.given[c] = true;
    u.shares[c] = set_has(r->survivors, near[c]) ? dealer->shares_s[place]
                                                 : dealer->shares_a[place];
  }
  must(unmasking_add(&b->unmasking, i, &u) == OK);
}

static enum err no_commitments(void *arg, uint32_t dealer, bool self, struct point *out)
{
  return E_INTERNAL; /* all shares are right */
}

static double rebuild(struct bench *b)
{
  unmasking_init(&b->unmasking, b->round);
  for (uint32_t i = DROPPED; i < N; i++)
    answer(b, i);
  double start = spent();
  must(unmasking_solve(&b->unmasking, (struct commitments){no_commitments, NULL}) == OK);
  return spent() - start;
}

static enum err check_dealer(void *arg, unsigned thread, uint64_t i, struct why *why)
{
  const struct bench *b = arg;
  const struct person *p = &b->people[i];
  return round_check_leaves(b->round, (uint32_t)i, &p->share, buf_bytes(&p->leaves), why);
}

/* ---- the sum ---- */

static enum err read_chunk(void *arg, unsigned m, uint64_t position, struct bytes *chunk,
                           struct digest *expected, struct why *why)
{
  const struct bench *b = arg;
  const struct person *p = &b->people[m + DROPPED];
  uint64_t from = position * CHUNK_BYTES;
  *chunk = BYTES(p->y + from, MIN(b->bytes - from, CHUNK_BYTES));
  *expected = p->chunks[position];
  return OK;
}

static void wrong_chunk(void *arg, unsigned m, uint64_t position)
{
  ((struct bench *)arg)->wrong++;
}

static enum err sum_position(void *arg, unsigned thread, uint64_t position,
                             struct why *why)
{
  struct bench *b = arg;
  const struct open_event *o = b->round->open;
  const struct chunk_reader from = {read_chunk, wrong_chunk, b};
  size_t full = ring_chunk_len(32);
  struct ring acc = {b->accs[thread], MIN(open_len(o) - position * full, full), 32};
  unsigned bad;
  TRY(chunk_sum(acc, position, &from, N - DROPPED, &b->unmasking.masks, &bad, why));
  memcpy(b->sum + position * CHUNK_BYTES, acc.data, ring_bytes(32, acc.len));
  return bad ? E_HASH : OK;
}

static enum err hash_only(void *arg, unsigned thread, uint64_t position, struct why *why)
{
  struct bench *b = arg;
  for (unsigned m = 0; m < N - DROPPED; m++) {
    struct bytes chunk;
    struct digest expected, is;
    TRY(read_chunk(b, m, position, &chunk, &expected, why));
    merkle_leaf(&is, chunk);
  }
  return OK;
}

static enum err masks_only(void *arg, unsigned thread, uint64_t position, struct why *why)
{
  struct bench *b = arg;
  size_t full = ring_chunk_len(32);
  struct ring acc = {b->accs[thread],
                     MIN(open_len(b->round->open) - position * full, full), 32};
  return mask_apply(acc, position * full, &b->unmasking.masks);
}

/* Seconds that `total` indices take: the best of some runs. wall (may be NULL): the best
 * by the clock. */
static double timed(enum err (*one)(void *, unsigned, uint64_t, struct why *),
                    struct bench *b, uint64_t total, double *wall)
{
  double best = 1e9, best_wall = 1e9;
  for (unsigned r = 0; r < RUNS; r++) {
    double start = spent(), clock = clock_of(CLOCK_MONOTONIC);
    run(one, b, total);
    best = MIN(best, (spent() - start) / THREADS);
    best_wall = MIN(best_wall, clock_of(CLOCK_MONOTONIC) - clock);
  }
  if (wall)
    *wall = best_wall;
  return best;
}

/* ---- what can be reached ---- */

static enum err aes_limit(void *arg, unsigned thread, uint64_t index, struct why *why)
{
  struct bench *b = arg;
  uint8_t key[32] = {1}, counter[16] = {0};
  int len;
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  must(c && EVP_EncryptInit_ex(c, EVP_aes_256_ctr(), NULL, key, counter) == 1);
  for (uint64_t at = 0; at < LIMIT_BYTES; at += CHUNK_BYTES)
    must(EVP_EncryptUpdate(c, b->accs[thread], &len, b->accs[thread], CHUNK_BYTES) == 1);
  EVP_CIPHER_CTX_free(c);
  return OK;
}

static enum err sha_limit(void *arg, unsigned thread, uint64_t index, struct why *why)
{
  struct bench *b = arg;
  uint8_t digest[32];
  for (uint64_t at = 0; at < LIMIT_BYTES; at += CHUNK_BYTES)
    must(EVP_Digest(b->accs[thread], CHUNK_BYTES, digest, NULL, EVP_sha256(), NULL) == 1);
  return OK;
}

/* Bytes a second on all threads. */
static double limit(enum err (*one)(void *, unsigned, uint64_t, struct why *),
                    struct bench *b)
{
  return THREADS * (double)LIMIT_BYTES / timed(one, b, THREADS, NULL);
}

/* ---- the figures ---- */

/* What a light audit does once it has everything: the drawn positions and dealers, the
 * secrets, the hash of the sum, its bounds, the step to the new model and its hash. */
static double light(struct bench *b)
{
  const struct open_event *o = b->round->open;
  struct sum_check check = {0};
  uint8_t digest[32];
  float *w = must_calloc(o->d, sizeof *w);
  int64_t *sums = must_calloc(open_len(o), sizeof *sums);
  struct ring sum = {b->sum, open_len(o), 32};
  double start = spent();
  unmasking_done(&b->unmasking);
  rebuild(b);
  run(sum_position, b, MIN(b->positions, LIGHT));
  run(check_dealer, b, LIGHT);
  must(EVP_Digest(b->sum, b->bytes, digest, NULL, EVP_sha256(), NULL) == 1);
  for (size_t i = 0; i < sum.len; i++)
    sums[i] = ring_get(sum, i);
  sum_check_add(&check, sums, o->d);
  must(optimiser_step(&b->spec->optimiser, w, NULL, sums, o->d, (uint64_t)sums[o->d]) ==
       OK);
  must(EVP_Digest(w, o->d * sizeof *w, digest, NULL, EVP_sha256(), NULL) == 1);
  double took = spent() - start;
  free(w);
  free(sums);
  return took;
}

static void heavy(struct bench *b)
{
  double sha = limit(sha_limit, b), aes = limit(aes_limit, b);
  double hashed = (double)(N - DROPPED) * (double)b->bytes;
  double masked = (double)b->unmasking.masks.len * (double)b->bytes;
  double ideal = hashed / sha + masked / aes;
  double hash = timed(hash_only, b, b->positions, NULL);
  double mask = timed(masks_only, b, b->positions, NULL), wall;
  double whole = timed(sum_position, b, b->positions, &wall);
  must(b->wrong == 0);
  struct ring sum = {b->sum, open_len(b->round->open), 32};
  for (size_t i = 0; i < sum.len; i++)
    must(ring_get(sum, i) == (int64_t)(N - DROPPED));
  printf(
      "hashing   %6.2f GB at %5.2f GB/s  %3.0f%% of SHA-256 on %u threads (%.2f GB/s)\n",
      hashed / 1e9, hashed / hash / 1e9, 100 * hashed / hash / sha, THREADS, sha / 1e9);
  printf("masks     %6.2f GB at %5.2f GB/s  %3.0f%% of AES-256-CTR on %u threads (%.2f "
         "GB/s)\n",
         masked / 1e9, masked / mask / 1e9, 100 * masked / mask / aes, THREADS,
         aes / 1e9);
  printf("hash, sum, unmask        %6.3f s  %3.0f%% of the ideal %.3f s; %.3f s by the "
         "clock\n",
         whole, 100 * ideal / whole, ideal, wall);
}

static void groups(struct bench *b)
{
  const struct graph_params *g = &b->round->graph.p;
  double rebuilt = rebuild(b);
  printf("deals of %u, k=%u, t=%u    %6.3f s on %u threads\n", N, g->k, g->t,
         timed(check_dealer, b, N, NULL), THREADS);
  printf("%u secrets rebuilt       %6.3f s on one thread, with the keys of %zu masks\n",
         N, rebuilt, b->unmasking.masks.len);
}

static void prepare(struct bench *b)
{
  open_round(b);
  fill_members(b);
  b->bytes = open_bytes(b->round->open);
  b->positions = (b->bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;
  b->sum = must_calloc(b->bytes, 1);
  for (unsigned t = 0; t < THREADS; t++)
    b->accs[t] = must_calloc(CHUNK_BYTES, 1);
  run(mask_one, b, N);
}

static void clear(struct bench *b)
{
  for (unsigned i = 0; i < N; i++) {
    struct person *p = &b->people[i];
    free(p->shares_a);
    free(p->shares_s);
    free(p->y);
    free(p->chunks);
    buf_done(&p->leaves);
  }
  for (unsigned t = 0; t < THREADS; t++)
    free(b->accs[t]);
  free(b->sum);
  unmasking_done(&b->unmasking);
  round_free(b->round);
  spec_free(b->spec);
}

int main(void)
{
  static struct bench b;
  must(sodium_init() >= 0);
  prepare(&b);
  groups(&b);
  heavy(&b);
  printf("light audit (--light %u)  %6.3f s of processor time\n", LIGHT, light(&b));
  clear(&b);
  return 0;
}
