/* SPDX-License-Identifier: Apache-2.0
 * The pool: connections are opened when first needed and kept. */
#include <pthread.h>

#include "db/internal.h"

struct db_pool {
  pthread_mutex_t lock;
  pthread_cond_t freed;
  struct db *free;
  unsigned made, size, taken;
  char *conninfo;
};

enum err db_pool_open(struct db_pool **out, const char *conninfo, unsigned size,
                      struct why *why)
{
  struct db *first = NULL;
  TRY(db_open(&first, conninfo, true, why));
  struct db_pool *pool = must_calloc(1, sizeof *pool);
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->freed, NULL);
  pool->conninfo = must_strdup(conninfo);
  pool->size = MAX(size, 1u);
  pool->made = 1;
  pool->free = first;
  *out = pool;
  return OK;
}

void db_pool_close(struct db_pool *pool)
{
  if (!pool)
    return;
  while (pool->free) {
    struct db *db = pool->free;
    pool->free = db->next;
    db_close(db);
  }
  pthread_cond_destroy(&pool->freed);
  pthread_mutex_destroy(&pool->lock);
  free(pool->conninfo);
  free(pool);
}

struct db *db_take(struct db_pool *pool)
{
  struct db *db = NULL;
  pthread_mutex_lock(&pool->lock);
  while (!pool->free && pool->made == pool->size)
    pthread_cond_wait(&pool->freed, &pool->lock);
  if (pool->free) {
    db = pool->free;
    pool->free = db->next;
    db->next = NULL;
  } else {
    pool->made++;
  }
  pthread_mutex_unlock(&pool->lock);
  if (!db) { /* connects at its first use */
    db = must_calloc(1, sizeof *db);
    db->conninfo = must_strdup(pool->conninfo);
    db->prepare = true;
  }
  return db;
}

void db_give(struct db_pool *pool, struct db *db)
{
  if (!db)
    return;
  pthread_mutex_lock(&pool->lock);
  db->next = pool->free;
  pool->free = db;
  pthread_cond_signal(&pool->freed);
  pthread_mutex_unlock(&pool->lock);
}

void db_pool_look(struct db_pool *pool, struct db_pool_state *out)
{
  pthread_mutex_lock(&pool->lock);
  *out = (struct db_pool_state){.size = pool->size, .made = pool->made};
  for (const struct db *db = pool->free; db; db = db->next)
    out->free++;
  pthread_mutex_unlock(&pool->lock);
}
