/* SPDX-License-Identifier: Apache-2.0
 * Rounds in memory, by ctx and how far they had come: a graph is drawn once per process
 * and phase, not once per request. Least recently used goes first. */
#include <string.h>

#include "server/engine_internal.h"

struct cached_round {
  struct digest ctx;
  unsigned stage;
  unsigned users; /* references, the cache's own included */
  uint64_t used;
  struct round *round;
};

/* What of a round stands already. */
static unsigned stage_of(const struct round_row *row)
{
  return row->u2.len ? 4 : row->u1.len ? 3 : row->has_graph ? 2 : row->n ? 1 : 0;
}

/* With the lock held. */
static void release(struct cached_round *c)
{
  if (--c->users)
    return;
  round_free(c->round);
  free(c);
}

static struct cached_round *find(struct engine *engine, const struct round_row *row)
{
  for (unsigned i = 0; i < CACHED_ROUNDS; i++) {
    struct cached_round *c = engine->cached[i];
    if (c && c->stage == stage_of(row) && !memcmp(&c->ctx, &row->ctx, sizeof c->ctx)) {
      c->used = ++engine->clock;
      c->users++;
      return c;
    }
  }
  return NULL;
}

/* The slot of an older stage of the same round, or else the least recently used. */
static struct cached_round **slot_for(struct engine *engine, const struct digest *ctx)
{
  struct cached_round **oldest = &engine->cached[0];
  for (unsigned i = 0; i < CACHED_ROUNDS; i++) {
    struct cached_round **c = &engine->cached[i];
    if (*c && !memcmp(&(*c)->ctx, ctx, sizeof *ctx))
      return c;
    if (*oldest && (!*c || (*c)->used < (*oldest)->used))
      oldest = c;
  }
  return oldest;
}

enum err round_get(struct server *s, struct db *db, const struct round_row *row,
                   struct round_ref *out)
{
  struct engine *engine = s->engine;
  pthread_mutex_lock(&engine->lock);
  struct cached_round *c = find(engine, row);
  pthread_mutex_unlock(&engine->lock);
  if (!c) {
    struct round *round = NULL;
    TRY(round_build(s, db, row, &round));
    c = must_calloc(1, sizeof *c);
    *c = (struct cached_round){row->ctx, stage_of(row), 2, 0, round};
    pthread_mutex_lock(&engine->lock);
    struct cached_round **slot = slot_for(engine, &row->ctx);
    c->used = ++engine->clock;
    if (*slot)
      release(*slot);
    *slot = c;
    pthread_mutex_unlock(&engine->lock);
  }
  *out = (struct round_ref){c->round, engine, c};
  return OK;
}

void round_ref_done(struct round_ref *ref)
{
  if (!ref->cached)
    return;
  pthread_mutex_lock(&ref->engine->lock);
  release(ref->cached);
  pthread_mutex_unlock(&ref->engine->lock);
  *ref = (struct round_ref){0};
}

void round_cache_done(struct engine *engine)
{
  for (unsigned i = 0; i < CACHED_ROUNDS; i++)
    if (engine->cached[i])
      release(engine->cached[i]);
}
