/* SPDX-License-Identifier: Apache-2.0
 * What a description means for a round of so many members. */
#include "model/outlook.h"

#include <stdio.h>

#include "core/graph.h"
#include "core/ring.h"

/* Canonical JSON of a member's events, measured; what does not grow with anything. */
#define JOINED_BYTES 1800u /* enroll, admit and join, as the list of joins has them */
#define JOIN_BYTES 760u
#define SHARE_BYTES 630u
#define UPDATE_BYTES 690u
#define UNMASK_BYTES 560u
#define TERMS_BYTES 3400u /* open, roster, graph, sharers, survivors, result */
/* What grows with the neighbours. */
#define DEAL_TEXT 224u  /* 168 bytes in base64 */
#define BOX_TEXT 240u   /* the same with its dealer */
#define SHARE_TEXT 67u  /* 32 bytes in hex, quoted */
#define LEAF_TEXT 67u   /* of a chunk, in the manifest */
#define DIGEST_TEXT 43u /* of a Merkle path, in base64 */

/* For the time at least: 10 Mbit/s for each member, one check of a share on one core of
 * the server (docs/performance.md), and the moments in which everybody finds out. */
#define LINE_BYTES 1250000u
#define CHECKS_PER_SECOND 16000u
#define MOMENTS 4u

static unsigned bits_of(uint64_t v)
{
  unsigned n = 0;
  for (; v; v >>= 1)
    n++;
  return n;
}

/* The largest h with n_max*W*Q*2^h < 2^(b-1), or, for the tail, n_max*max*2^h. The
 * description was accepted, so h is at least 0. */
static unsigned headroom(const struct spec *s)
{
  unsigned __int128 half = (unsigned __int128)1 << (s->ring_bits - 1);
  unsigned __int128 most = (unsigned __int128)s->cohort.maximum * s->quantiser.cap *
                           (uint64_t)quantiser_max(&s->quantiser);
  unsigned h = 0;
  while (h + 1 < s->ring_bits && most << (h + 1) < half)
    h++;
  return h;
}

/* Section 7's fourth condition with all of n sharing: the least u with
 * n*(n-u) < t*(n-m+1). */
static unsigned least_unanchored(unsigned n, unsigned t, unsigned m)
{
  uint64_t most = ((uint64_t)t * (n - m + 1) - 1) / n; /* that may be gone */
  return most >= n ? 0 : n - (unsigned)most;
}

/* Conditions 1 to 4 of section 7, as far as they are about numbers. */
static unsigned least_survivors(const struct graph_params *p, unsigned minimum)
{
  unsigned least = MAX(minimum, p->t + 1); /* each has t others that hold its shares */
  if (!p->complete)
    least = MAX(least, p->alive);
  if (!p->anchored)
    least = MAX(least, least_unanchored(p->n, p->t, minimum));
  return MIN(least, p->n);
}

static void count_bytes(struct outlook *o, const struct spec *s)
{
  uint64_t n = o->members, k = o->neighbours;
  uint64_t vector = ring_bytes(s->ring_bits, s->d + s->tail_count);
  uint64_t chunks = (vector + CHUNK_BYTES - 1) / CHUNK_BYTES;
  o->upload_bytes = vector + chunks * LEAF_TEXT + k * (DEAL_TEXT + SHARE_TEXT) +
                    JOIN_BYTES + SHARE_BYTES + UPDATE_BYTES + UNMASK_BYTES;
  o->download_bytes = (uint64_t)s->d * sizeof(float) + s->canonical.len + TERMS_BYTES +
                      n * (JOINED_BYTES + SHARE_BYTES + UPDATE_BYTES) +
                      k * (BOX_TEXT + bits_of(k) * DIGEST_TEXT);
}

static void count_seconds(struct outlook *o, const struct spec *s)
{
  const struct deadlines *d = &s->deadlines;
  uint64_t checks = 2 * (uint64_t)o->members * (o->neighbours + 1);
  o->seconds_least = MOMENTS + (o->upload_bytes + o->download_bytes) / LINE_BYTES +
                     checks / CHECKS_PER_SECOND;
  o->seconds_most = d->join + d->share + d->upload + d->unmask;
  o->seconds_least = MIN(o->seconds_least, o->seconds_most);
}

/* Of everybody alike: with `samples`, of somebody with as many rows as the others. */
static enum err share_reward(struct outlook *o, const struct spec *s)
{
  AUTO(free_drop) struct reward *all = must_calloc(o->members, sizeof *all);
  bool paid = false;
  for (unsigned i = 0; i < o->members; i++)
    all[i].samples = 1;
  TRY(reward_amounts(all, o->members, &s->reward, o->members, &paid));
  if (paid)
    snprintf(o->reward, sizeof o->reward, "%s", all[0].amount);
  return OK;
}

enum err outlook_make(struct outlook *out, const struct spec *s, unsigned members,
                      bool anchored, struct why *why)
{
  struct graph_params p;
  uint64_t n = members ? members : s->cohort.maximum;
  n = MAX(MIN(n, s->cohort.maximum), s->cohort.minimum);
  enum err e = graph_params_find(&p, (unsigned)n, (unsigned)s->cohort.corrupt_bp,
                                 (unsigned)s->cohort.dropout_bp, anchored);
  if (e == E_THRESHOLD)
    return why_set(why, e, "spec.cohort.maximum",
                   "no graph is safe for %llu members of whom so many may be dishonest "
                   "or gone: lower corrupt_bp or dropout_bp",
                   (unsigned long long)n);
  TRY(e);
  struct outlook o = {.members = p.n,
                      .headroom_bits = headroom(s),
                      .sparse = !p.complete,
                      .threshold = p.t,
                      .neighbours = p.k,
                      .anonymity = (unsigned)s->cohort.minimum};
  o.minimum = least_survivors(&p, o.anonymity);
  count_bytes(&o, s);
  count_seconds(&o, s);
  TRY(share_reward(&o, s));
  *out = o;
  return OK;
}
