/* SPDX-License-Identifier: Apache-2.0
 * The queue of the request workers, and what a worker does with an exchange: admit the
 * caller, run the handler, keep it waiting or hand back its reply. */
#include <string.h>

#include "server/acts.h"
#include "server/http_internal.h"
#include "server/replay.h"
#include "server/server.h"

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

unsigned queue_length(struct queue *q)
{
  pthread_mutex_lock(&q->mutex);
  unsigned count = q->count;
  pthread_mutex_unlock(&q->mutex);
  return count;
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

struct acting {
  struct exchange *x;
  struct reply *rp;
  struct replay replay;
};

static enum err act_run(struct db *db, void *arg)
{
  struct acting *a = arg;
  struct exchange *x = a->x;
  bool given = false;
  reply_done(a->rp);
  x->request.unchanged = false;
  if (a->replay.asked)
    TRY(replay_begin(&a->replay, &x->request, a->rp, &given));
  if (given)
    return OK;
  TRY(x->route->handle(&x->request, a->rp));
  if (act_due(x->route) && !x->request.unchanged)
    TRY(act_write(&x->request, x->route));
  return a->replay.asked ? replay_keep(&a->replay, &x->request, a->rp) : OK;
}

/* What is to be told in the log, or not to be done twice, is done in one transaction with
 * the telling, and with the answer that is kept. */
static enum err run_handler(struct exchange *x, struct db *db, struct reply *rp)
{
  struct acting a = {.x = x, .rp = rp};
  TRY(replay_read(&a.replay, &x->request, x->route));
  if (act_due(x->route) || a.replay.asked)
    return db_transaction(db, act_run, &a);
  return x->route->handle(&x->request, rp);
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
  if (e == OK && x->request.server->read_only && strcmp(x->request.method, "GET") != 0)
    e = E_RESTORED;
  if (e == OK)
    e = run_handler(x, db, &rp);
  x->request.db = NULL;
  if (e == OK && keep_waiting(x, &rp))
    return; /* x belongs to the wait list, or is back on the queue */
  if (e == OK)
    reply_finish(x, db, &rp);
  else
    reply_error(x, e);
  reply_done(&rp);
  exchange_release(x);
  x->stage = STAGE_REPLY;
  exchange_resume(x);
}
