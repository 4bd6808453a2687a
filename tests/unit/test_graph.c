/* SPDX-License-Identifier: Apache-2.0
 * Graph parameters, the drawn ring, and sets. */
#include <sodium.h>
#include <string.h>

#include "core/graph.h"
#include "test_core.h"

START_TEST(reference_parameters)
{
  static const struct {
    unsigned n, corrupt, dropout, k, t;
  } known[] = {{100, 1000, 1000, 22, 11},   {300, 1000, 1000, 42, 24},
               {1000, 1000, 1000, 56, 31},  {3000, 1000, 1000, 64, 35},
               {100, 2000, 3000, 50, 21},   {300, 2000, 3000, 110, 51},
               {1000, 2000, 3000, 168, 79}, {3000, 2000, 3000, 208, 97}};
  struct graph_params p;
  for (size_t i = 0; i < LENGTH(known); i++) {
    ck_assert_int_eq(
        graph_params_find(&p, known[i].n, known[i].corrupt, known[i].dropout, true), OK);
    ck_assert_uint_eq(p.k, known[i].k);
    ck_assert_uint_eq(p.t, known[i].t);
    ck_assert_uint_eq(p.alive, known[i].n - known[i].n * known[i].dropout / 10000);
    ck_assert(!p.complete && p.anchored);
  }
}
END_TEST

START_TEST(complete_parameters)
{
  static const struct {
    unsigned n, corrupt, dropout;
    bool anchored;
    unsigned t;
  } known[] = {
      {3, 1000, 1000, true, 2},    {3, 1000, 1000, false, 2},
      {4, 1000, 1000, true, 2},    {4, 1000, 1000, false, 3},
      {10, 1000, 1000, true, 5},   {10, 1000, 1000, false, 7},
      {40, 1000, 1000, true, 20},  {200, 1000, 1000, false, 133},
      {2000, 1000, 4, true, 1000}, /* floor(n*delta) is 0 */
  };
  struct graph_params p = {0}, kept;
  for (size_t i = 0; i < LENGTH(known); i++) {
    ck_assert_int_eq(graph_params_find(&p, known[i].n, known[i].corrupt, known[i].dropout,
                                       known[i].anchored),
                     OK);
    ck_assert(p.complete && p.anchored == known[i].anchored);
    ck_assert_uint_eq(p.k, known[i].n - 1);
    ck_assert_uint_eq(p.t, known[i].t);
  }
  kept = p;
  ck_assert_int_eq(graph_params_find(&p, 3000, 4500, 4500, true), E_THRESHOLD);
  ck_assert_int_eq(graph_params_find(&p, 2, 1000, 1000, true), E_LENGTH);
  ck_assert_int_eq(graph_params_find(&p, PARTICIPANTS_MAX + 1, 1000, 1000, true),
                   E_LENGTH);
  ck_assert_int_eq(graph_params_find(&p, 100, 4501, 4500, true), E_FIELD_VALUE);
  ck_assert_int_eq(graph_params_find(&p, 100, 4294967295u, 2, true), E_FIELD_VALUE);
  ck_assert_mem_eq(&p, &kept, sizeof p);
}
END_TEST

START_TEST(extreme_parameters)
{
  struct graph_params p;
  static const unsigned shares[][2] = {{0, 1},       {0, 9000},   {9000, 0},
                                       {8999, 1},    {1, 8999},   {4500, 4500},
                                       {1000, 1000}, {2000, 3000}};
  static const unsigned sizes[] = {41, 42, 43, 199, 515, 516, 10001, PARTICIPANTS_MAX};
  for (size_t i = 0; i < LENGTH(shares); i++)
    for (size_t j = 0; j < LENGTH(sizes); j++) {
      unsigned n = sizes[j];
      enum err e = graph_params_find(&p, n, shares[i][0], shares[i][1], true);
      ck_assert(e == OK || (e == E_THRESHOLD && n > 200));
      if (e == OK && !p.complete)
        ck_assert(p.k < n - 1 && p.k < 514 && p.k % 2 == 0 && p.t >= 2 && p.t <= p.k);
    }
}
END_TEST

static void make(struct graph *g, unsigned n, unsigned bp)
{
  struct graph_params p;
  struct digest ctx, root, beacon;
  randombytes_buf(&ctx, sizeof ctx);
  randombytes_buf(&root, sizeof root);
  randombytes_buf(&beacon, sizeof beacon);
  ck_assert_int_eq(graph_params_find(&p, n, bp, bp, true), OK);
  ck_assert_int_eq(graph_make(g, &p, &ctx, &root, BYTES_OF(beacon)), OK);
}

START_TEST(regular_and_symmetric)
{
  static const unsigned sizes[] = {3, 5, 40, 41, 100, 301};
  for (size_t s = 0; s < LENGTH(sizes); s++) {
    struct graph g;
    unsigned n = sizes[s];
    make(&g, n, 1000);
    for (uint32_t i = 0; i < n; i++)
      ck_assert_uint_eq(g.at[g.position[i]], i);
    for (uint32_t i = 0; i < n; i++) {
      uint32_t near[512];
      unsigned degree = 0;
      graph_neighbours(&g, i, near);
      for (uint32_t j = 0; j < n; j++) {
        bool listed = degree < g.p.k && near[degree] == j; /* ascending */
        degree += listed;
        ck_assert(graph_adjacent(&g, i, j) == listed);
        ck_assert(graph_adjacent(&g, j, i) == listed);
      }
      ck_assert_uint_eq(degree, g.p.k);
      ck_assert(!graph_adjacent(&g, i, i));
    }
    graph_done(&g);
    graph_done(&g);
  }
}
END_TEST

/* The draw depends on all three inputs. */
START_TEST(draw_is_bound)
{
  struct graph_params p;
  struct digest in[3] = {{{1}}, {{2}}, {{3}}};
  struct graph g, h;
  ck_assert_int_eq(graph_params_find(&p, 100, 1000, 1000, true), OK);
  ck_assert_int_eq(graph_make(&g, &p, &in[0], &in[1], BYTES_OF(in[2])), OK);
  ck_assert_int_eq(graph_make(&h, &p, &in[0], &in[1], BYTES_OF(in[2])), OK);
  ck_assert_mem_eq(g.at, h.at, 100 * sizeof *g.at);
  graph_done(&h);
  for (int i = 0; i < 3; i++) {
    in[i].b[31] ^= 1;
    ck_assert_int_eq(graph_make(&h, &p, &in[0], &in[1], BYTES_OF(in[2])), OK);
    ck_assert_mem_ne(g.at, h.at, 100 * sizeof *g.at);
    graph_done(&h);
  }
  graph_done(&g);
}
END_TEST

static unsigned held(const struct graph *g, const uint8_t *set, unsigned c)
{
  unsigned sum = 0;
  for (unsigned o = 0; o < g->p.k / 2; o++)
    sum += set_has(set, g->at[(c + o) % g->p.n]);
  return sum;
}

static unsigned least_by_force(const struct graph *g, const uint8_t *set)
{
  unsigned n = g->p.n, half = g->p.k / 2, least = UINT32_MAX;
  for (unsigned a = 0; a < n; a++)
    for (unsigned b = 0; b < n; b++) {
      unsigned gap = (b + n - a) % n;
      if (gap >= half && gap <= n - half)
        least = MIN(least, held(g, set, a) + held(g, set, b));
    }
  return least;
}

START_TEST(least_runs)
{
  static const unsigned sizes[] = {41, 60, 100};
  uint8_t set[16];
  for (size_t s = 0; s < LENGTH(sizes); s++)
    for (int i = 0; i < 60; i++) {
      struct graph g;
      make(&g, sizes[s], 1000);
      /* from sparse rings to those where two runs leave hardly a gap */
      g.p.k = 2 + 2 * randombytes_uniform(g.p.n / 2 - 1);
      memset(set, 0, sizeof set);
      for (uint32_t j = 0; j < g.p.n; j++)
        if (randombytes_uniform(12) < 1u + (unsigned)i % 12)
          set_add(set, j);
      ck_assert_uint_eq(graph_least_runs(&g, set), least_by_force(&g, set));
      graph_done(&g);
    }
  struct graph g;
  make(&g, 9, 1000);
  ck_assert_uint_eq(graph_least_runs(&g, set), 0);
  graph_done(&g);
}
END_TEST

START_TEST(sets)
{
  uint8_t set[2] = {0};
  set_add(set, 0);
  set_add(set, 9);
  ck_assert(set_has(set, 0) && set_has(set, 9) && !set_has(set, 8));
  ck_assert_uint_eq(set_count(set, 10), 2);
  ck_assert_uint_eq(set[0], 1);
  ck_assert_uint_eq(set[1], 2);
  ck_assert_int_eq(set_parse(set, 10, "ff03"), OK);
  ck_assert_uint_eq(set_count(set, 10), 10);
  ck_assert_int_eq(set_parse(set, 16, "ffff"), OK);
  ck_assert_int_eq(set_parse(set, 10, "ff04"), E_FIELD_VALUE);
  ck_assert_int_eq(set_parse(set, 10, "ff"), E_FIELD_VALUE);
  ck_assert_int_eq(set_parse(set, 10, "ff0300"), E_FIELD_VALUE);
  ck_assert_int_eq(set_parse(set, 10, "FF03"), E_FIELD_VALUE);
}
END_TEST

TCase *test_graph(void)
{
  TCase *t = tcase_create("graph");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, reference_parameters);
  tcase_add_test(t, complete_parameters);
  tcase_add_test(t, extreme_parameters);
  tcase_add_test(t, regular_and_symmetric);
  tcase_add_test(t, draw_is_bound);
  tcase_add_test(t, least_runs);
  tcase_add_test(t, sets);
  return t;
}
