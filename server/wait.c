/* SPDX-License-Identifier: Apache-2.0
 * Requests that wait for a change: suspended connections by topic, woken by a
 * notification or by their deadline. (While the database's listener has no connection it
 * notifies everything each second.)
 *
 * A change between the handler's look and the entry in the list is not lost: each
 * notification advances a generation and marks its topic's bucket with it; a request that
 * finds its bucket marked after the generation it read before its look runs again. */
#include <string.h>

#include "server/http_internal.h"

#define NEVER 1e18

static unsigned bucket_of(const char *topic)
{
  uint32_t h = 2166136261u;
  for (; *topic; topic++)
    h = (h ^ (uint8_t)*topic) * 16777619u;
  return (h ^ h >> 16) % WAIT_BUCKETS;
}

static void requeue_all(struct exchange *ready)
{
  while (ready) {
    struct exchange *x = ready;
    ready = x->next;
    exchange_requeue(x);
  }
}

/* Moves from one bucket to `ready` those whose deadline is at or before `now`, or of
 * `topic`, or all of them when `every`. */
static void take(struct waits *w, unsigned b, double now, const char *topic, bool every,
                 struct exchange **ready)
{
  struct exchange **at = &w->bucket[b];
  while (*at) {
    struct exchange *x = *at;
    bool late = x->wait_deadline <= now;
    if (!late && !every && !(topic && strcmp(topic, x->topic) == 0)) {
      w->earliest = MIN(w->earliest, x->wait_deadline);
      at = &x->next;
      continue;
    }
    *at = x->next;
    x->request.waited = late;
    x->next = *ready;
    *ready = x;
  }
}

static void *waits_main(void *arg)
{
  struct waits *w = arg;
  pthread_mutex_lock(&w->mutex);
  while (!w->closed) {
    double now = clock_now();
    if (now < w->earliest && w->earliest < NEVER) {
      struct timespec t = clock_spec(w->earliest);
      pthread_cond_timedwait(&w->changed, &w->mutex, &t);
      continue;
    }
    if (now < w->earliest) {
      pthread_cond_wait(&w->changed, &w->mutex);
      continue;
    }
    struct exchange *ready = NULL;
    w->earliest = NEVER;
    for (unsigned b = 0; b < WAIT_BUCKETS; b++)
      take(w, b, now, NULL, false, &ready);
    pthread_mutex_unlock(&w->mutex);
    requeue_all(ready);
    pthread_mutex_lock(&w->mutex);
  }
  pthread_mutex_unlock(&w->mutex);
  return NULL;
}

enum err waits_init(struct waits *w, struct http *h)
{
  *w = (struct waits){.http = h, .earliest = NEVER};
  pthread_mutex_init(&w->mutex, NULL);
  clock_cond_init(&w->changed);
  if (pthread_create(&w->thread, NULL, waits_main, w) == 0)
    return OK;
  w->closed = true; /* no thread reads it */
  return E_BUSY;
}

static void answer_busy(struct exchange *x)
{
  reply_error(x, E_BUSY);
  x->stage = STAGE_REPLY;
  exchange_resume(x);
}

void waits_close(struct waits *w)
{
  struct exchange *ready = NULL;
  pthread_mutex_lock(&w->mutex);
  bool was = w->closed;
  w->closed = true;
  for (unsigned b = 0; b < WAIT_BUCKETS; b++)
    take(w, b, 0, NULL, true, &ready);
  pthread_cond_broadcast(&w->changed);
  pthread_mutex_unlock(&w->mutex);
  while (ready) {
    struct exchange *x = ready;
    ready = x->next;
    answer_busy(x);
  }
  if (!was)
    pthread_join(w->thread, NULL);
}

void waits_done(struct waits *w)
{
  pthread_mutex_destroy(&w->mutex);
  pthread_cond_destroy(&w->changed);
}

uint64_t waits_generation(struct waits *w)
{
  pthread_mutex_lock(&w->mutex);
  uint64_t generation = w->generation;
  pthread_mutex_unlock(&w->mutex);
  return generation;
}

void waits_add(struct waits *w, struct exchange *x)
{
  unsigned b = bucket_of(x->topic);
  pthread_mutex_lock(&w->mutex);
  bool closed = w->closed, missed = w->last[b] > x->generation;
  if (!closed && !missed) {
    x->next = w->bucket[b];
    w->bucket[b] = x;
    if (x->wait_deadline < w->earliest) {
      w->earliest = x->wait_deadline;
      pthread_cond_signal(&w->changed);
    }
  }
  pthread_mutex_unlock(&w->mutex);
  if (closed)
    answer_busy(x);
  else if (missed)
    exchange_requeue(x);
}

void waits_notify(struct waits *w, const char *topic)
{
  struct exchange *ready = NULL;
  unsigned b = topic ? bucket_of(topic) : 0;
  pthread_mutex_lock(&w->mutex);
  w->generation++;
  if (topic) {
    w->last[b] = w->generation;
    take(w, b, 0, topic, false, &ready);
  }
  for (; !topic && b < WAIT_BUCKETS; b++) {
    w->last[b] = w->generation;
    take(w, b, 0, NULL, true, &ready);
  }
  pthread_mutex_unlock(&w->mutex);
  requeue_all(ready);
}

bool reply_wait(struct request *rq, struct reply *rp, const char *topic)
{
  struct exchange *x = rq->http;
  size_t size = strlen(topic) + 1;
  if (!x->may_wait || rq->waited || clock_now() >= x->wait_deadline ||
      size > sizeof rp->wait_topic)
    return false;
  memcpy(rp->wait_topic, topic, size);
  rp->wait_until = x->wait_deadline;
  return true;
}
