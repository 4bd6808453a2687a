/* SPDX-License-Identifier: Apache-2.0
 * The queue of the request workers, and what a worker does with an exchange: admit the
 * caller, run the handler, keep it waiting or hand back its reply. */
#include <string.h>

#include "server/http_internal.h"
#include "util/log.h"

void queue_init(struct queue *q, unsigned max)
{
  *q = (struct queue){.max = max};
  q->last = &q->first;
  pthread_mutex_init(&q->mutex, NULL);
  pthread_cond_init(&q->filled, NULL);
}

void queue_done(struct queue *q)
{
  pthread_mutex_destroy(&q->mutex);
  pthread_cond_destroy(&q->filled);
}

void queue_close(struct queue *q)
{
  pthread_mutex_lock(&q->mutex);
  q->closed = true;
  pthread_cond_broadcast(&q->filled);
  pthread_mutex_unlock(&q->mutex);
}

bool queue_push(struct queue *q, struct job *job, struct MHD_Connection *suspend,
                bool always)
{
  pthread_mutex_lock(&q->mutex);
  bool taken = !q->closed && (always || q->count < q->max);
  if (taken) {
    if (suspend) /* before a worker can resume it */
      MHD_suspend_connection(suspend);
    job->next = NULL;
    *q->last = job;
    q->last = &job->next;
    q->count++;
    pthread_cond_signal(&q->filled);
  }
  pthread_mutex_unlock(&q->mutex);
  return taken;
}

struct job *queue_pop(struct queue *q)
{
  pthread_mutex_lock(&q->mutex);
  while (!q->first && !q->closed)
    pthread_cond_wait(&q->filled, &q->mutex);
  struct job *job = q->first;
  if (job) {
    q->first = job->next;
    if (!q->first)
      q->last = &q->first;
    q->count--;
  }
  pthread_mutex_unlock(&q->mutex);
  return job;
}

void exchange_resume(struct exchange *x)
{
  MHD_resume_connection(x->connection);
}

void exchange_requeue(struct exchange *x)
{
  x->job.run = exchange_handle;
  if (queue_push(&x->http->queue, &x->job, NULL, true))
    return;
  reply_error(x, E_BUSY);
  x->stage = STAGE_REPLY;
  exchange_resume(x);
}

void exchange_admit(struct job *job, struct db *db)
{
  struct exchange *x = (struct exchange *)job;
  enum err e = auth_check(x, db);
  x->admitted = e == OK;
  x->stage = STAGE_HEADERS;
  if (e != OK) {
    reply_error(x, e);
    x->stage = STAGE_REPLY;
  }
  exchange_resume(x);
}

/* Nothing of a waiting request is kept but its address: the handler starts again. */
static bool keep_waiting(struct exchange *x, struct reply *rp)
{
  if (!rp->wait_topic[0])
    return false;
  memcpy(x->topic, rp->wait_topic, sizeof x->topic);
  reply_done(rp);
  waits_add(&x->http->waits, x);
  return true;
}

void exchange_handle(struct job *job, struct db *db)
{
  struct exchange *x = (struct exchange *)job;
  struct reply rp = {0};
  enum err e = OK;
  memset(&x->why, 0, sizeof x->why);
  x->generation = waits_generation(&x->http->waits);
  x->request.db = db;
  if (!x->admitted)
    e = auth_check(x, db);
  x->admitted = e == OK;
  if (e == OK)
    e = x->route->handle(&x->request, &rp);
  x->request.db = NULL;
  if (e == OK && keep_waiting(x, &rp))
    return; /* x belongs to the wait list, or is back on the queue */
  if (e == OK)
    reply_finish(x, db, &rp);
  else
    reply_error(x, e);
  reply_done(&rp);
  exchange_release(x);
  log_debug("request", "%s %s: %u %s", x->request.method, x->request.path, x->status,
            err_info(e)->slug);
  x->stage = STAGE_REPLY;
  exchange_resume(x);
}
