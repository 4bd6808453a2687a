/* SPDX-License-Identifier: Apache-2.0
 * A number of threads that take one index after the other. */
#include "clients/lib/parallel.h"

#include <pthread.h>
#include <unistd.h>

#define THREADS_MAX 64u

struct crew {
  const struct parallel *p;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint64_t next, done, total;
  unsigned running;
  enum err e;
  struct why why;
};

struct worker {
  struct crew *crew;
  unsigned number;
};

unsigned parallel_threads(void)
{
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1 ? 1 : (unsigned)MIN(n, (long)THREADS_MAX);
}

static void *work(void *arg)
{
  struct worker *w = arg;
  struct crew *c = w->crew;
  pthread_mutex_lock(&c->lock);
  while (c->e == OK && c->next < c->total) {
    struct why why = {0};
    uint64_t index = c->next++;
    pthread_mutex_unlock(&c->lock);
    enum err e = c->p->one(c->p->arg, w->number, index, &why);
    pthread_mutex_lock(&c->lock);
    c->done++;
    if (e != OK && c->e == OK) {
      c->e = e;
      c->why = why;
    }
    pthread_cond_signal(&c->changed);
  }
  c->running--;
  pthread_cond_signal(&c->changed);
  pthread_mutex_unlock(&c->lock);
  return NULL;
}

/* The calling thread tells how far it is until the others have ended. */
static void wait_for(struct crew *c)
{
  const struct parallel *p = c->p;
  uint64_t told = 0;
  pthread_mutex_lock(&c->lock);
  while (c->running) {
    pthread_cond_wait(&c->changed, &c->lock);
    uint64_t done = c->done;
    if (p->progress && done != told) {
      pthread_mutex_unlock(&c->lock);
      p->progress(p->progress_arg, told = done, c->total);
      pthread_mutex_lock(&c->lock);
    }
  }
  pthread_mutex_unlock(&c->lock);
}

enum err parallel_run(const struct parallel *p, unsigned threads, uint64_t total,
                      struct why *why)
{
  struct crew c = {.p = p, .total = total};
  struct worker workers[THREADS_MAX];
  pthread_t ids[THREADS_MAX];
  unsigned wanted = (unsigned)MIN(MIN(threads, THREADS_MAX), total), started = 0;
  pthread_mutex_init(&c.lock, NULL);
  pthread_cond_init(&c.changed, NULL);
  c.running = wanted;
  for (; started < wanted; started++) {
    workers[started] = (struct worker){&c, started};
    if (pthread_create(&ids[started], NULL, work, &workers[started]) != 0)
      break;
  }
  pthread_mutex_lock(&c.lock);
  c.running -= wanted - started;
  if (started == 0 && total)
    c.e = why_set(&c.why, E_INTERNAL, "", "no thread can be started");
  pthread_mutex_unlock(&c.lock);
  wait_for(&c);
  for (unsigned i = 0; i < started; i++)
    pthread_join(ids[i], NULL);
  pthread_cond_destroy(&c.changed);
  pthread_mutex_destroy(&c.lock);
  if (c.e != OK && why)
    *why = c.why;
  return c.e;
}
