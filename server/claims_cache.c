/* SPDX-License-Identifier: Apache-2.0
 * Trees of claims, kept by the process. */
#include "server/claims_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "server/ledger.h"

#define KEPT 8u

struct cached_claims {
  char model[SLUG_MAX + 1];
  uint64_t round;
  struct claims claims;
  unsigned users; /* the cache is one of them */
};

struct claims_cache {
  pthread_mutex_t lock; /* of everything below, but not of the trees */
  struct cached_claims *kept[KEPT];
  unsigned next; /* which one makes room */
};

struct claims_cache *claims_cache_new(void)
{
  struct claims_cache *cache = must_calloc(1, sizeof *cache);
  pthread_mutex_init(&cache->lock, NULL);
  return cache;
}

/* With the lock held. */
static void let_go(struct cached_claims *c)
{
  if (!c || --c->users)
    return;
  claims_done(&c->claims);
  free(c);
}

void claims_cache_free(struct claims_cache *cache)
{
  if (!cache)
    return;
  for (unsigned i = 0; i < KEPT; i++)
    let_go(cache->kept[i]);
  pthread_mutex_destroy(&cache->lock);
  free(cache);
}

static struct cached_claims *find(struct claims_cache *cache, const char *model,
                                  uint64_t round)
{
  struct cached_claims *found = NULL;
  pthread_mutex_lock(&cache->lock);
  for (unsigned i = 0; i < KEPT && !found; i++)
    if (cache->kept[i] && cache->kept[i]->round == round &&
        strcmp(cache->kept[i]->model, model) == 0)
      found = cache->kept[i];
  if (found)
    found->users++;
  pthread_mutex_unlock(&cache->lock);
  return found;
}

static void keep(struct claims_cache *cache, struct cached_claims *c)
{
  pthread_mutex_lock(&cache->lock);
  struct cached_claims **place = &cache->kept[cache->next++ % KEPT];
  let_go(*place);
  *place = c;
  pthread_mutex_unlock(&cache->lock);
}

enum err claims_get(struct claims_cache *cache, struct db *db, const char *model,
                    uint64_t round, struct claims_ref *out)
{
  AUTO(free_drop) struct claimant *all = NULL;
  unsigned len;
  struct cached_claims *c = find(cache, model, round);
  if (!c) {
    TRY(ledger_claims(db, model, round, &all, &len));
    c = must_calloc(1, sizeof *c);
    snprintf(c->model, sizeof c->model, "%s", model);
    c->round = round;
    c->users = 2;
    claims_make(&c->claims, all, len);
    keep(cache, c);
  }
  *out = (struct claims_ref){&c->claims, cache, c};
  return OK;
}

void claims_ref_done(struct claims_ref *ref)
{
  if (!ref->cached)
    return;
  pthread_mutex_lock(&ref->cache->lock);
  let_go(ref->cached);
  pthread_mutex_unlock(&ref->cache->lock);
  *ref = (struct claims_ref){0};
}
