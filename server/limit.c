/* SPDX-License-Identifier: Apache-2.0
 * Buckets in a table of fixed size. Who is not in it has a full bucket; where there is no
 * room the fullest neighbour is forgotten, which costs it nothing it had not almost. */
#include "server/limit.h"

#include <math.h>
#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "util/util.h"

#define SLOTS 16384u /* a power of two */
#define NEAR 8u      /* neighbours that are looked at */

struct bucket {
  uint64_t who; /* a keyed hash: nobody can choose its neighbours; 0: nobody */
  double tokens, at;
};

struct limits {
  unsigned quota;
  pthread_mutex_t mutex;
  uint8_t key[crypto_shorthash_KEYBYTES];
  struct bucket slots[SLOTS];
};

struct limits *limits_new(unsigned per_window)
{
  if (!per_window)
    return NULL;
  struct limits *l = must_calloc(1, sizeof *l);
  l->quota = per_window;
  pthread_mutex_init(&l->mutex, NULL);
  randombytes_buf(l->key, sizeof l->key);
  return l;
}

void limits_free(struct limits *l)
{
  if (!l)
    return;
  pthread_mutex_destroy(&l->mutex);
  free(l);
}

static double tokens_now(const struct limits *l, const struct bucket *b, double now)
{
  double more = (now - b->at) * l->quota / LIMIT_WINDOW;
  return b->who ? MIN(l->quota, b->tokens + more) : l->quota;
}

static struct bucket *find(struct limits *l, uint64_t who, double now)
{
  struct bucket *fullest = NULL;
  double most = -1;
  for (unsigned i = 0; i < NEAR; i++) {
    struct bucket *b = &l->slots[(who + i) & (SLOTS - 1)];
    if (b->who == who)
      return b;
    double tokens = b->who ? tokens_now(l, b, now) : INFINITY;
    if (tokens > most) {
      most = tokens;
      fullest = b;
    }
  }
  *fullest = (struct bucket){.who = who, .tokens = l->quota, .at = now};
  return fullest;
}

/* This machine itself, and what is no address. */
static bool is_exempt(const char *group)
{
  return strncmp(group, "127.", 4) == 0 || strcmp(group, "::") == 0 ||
         strcmp(group, "unknown") == 0;
}

bool limits_take(struct limits *l, const char *group, double now, struct limit_left *out)
{
  uint64_t who = 0;
  *out = (struct limit_left){0};
  if (!l || is_exempt(group))
    return true;
  double rate = (double)l->quota / LIMIT_WINDOW;
  crypto_shorthash((uint8_t *)&who, (const uint8_t *)group, strlen(group), l->key);
  pthread_mutex_lock(&l->mutex);
  struct bucket *b = find(l, who ? who : 1, now);
  b->tokens = tokens_now(l, b, now);
  b->at = now;
  bool taken = b->tokens >= 1;
  if (taken)
    b->tokens -= 1;
  double tokens = b->tokens;
  pthread_mutex_unlock(&l->mutex);
  *out = (struct limit_left){.quota = l->quota,
                             .left = (unsigned)tokens,
                             .reset = (unsigned)ceil((l->quota - tokens) / rate),
                             .retry = taken ? 0 : (unsigned)ceil((1 - tokens) / rate)};
  return taken;
}
