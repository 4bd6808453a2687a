/* SPDX-License-Identifier: Apache-2.0
 * Room for bodies: bounds what all uploads together hold in memory. Who finds no room is
 * suspended before its body is read, and served in the order of arrival. */
#include <string.h>

#include "server/http_internal.h"

void lane_init(struct lane *l, size_t max)
{
  *l = (struct lane){.max = max};
  l->last = &l->first;
  pthread_mutex_init(&l->mutex, NULL);
}

void lane_done(struct lane *l)
{
  pthread_mutex_destroy(&l->mutex);
}

bool lane_take(struct lane *l, struct exchange *x, size_t need)
{
  bool here = true;
  pthread_mutex_lock(&l->mutex);
  if (l->closed) {
    x->room = 0;
  } else if (!l->first && l->max - l->used >= need) {
    l->used += need;
    x->room = need;
  } else {
    here = false;
    x->next = NULL;
    *l->last = x;
    l->last = &x->next;
    MHD_suspend_connection(x->connection);
  }
  pthread_mutex_unlock(&l->mutex);
  return here;
}

/* Takes from the head of the line everybody who fits (or everybody). */
static struct exchange *serve(struct lane *l)
{
  struct exchange *served = NULL, **last = &served;
  while (l->first && (l->closed || l->max - l->used >= l->first->length)) {
    struct exchange *x = l->first;
    l->first = x->next;
    if (!l->first)
      l->last = &l->first;
    x->room = l->closed ? 0 : x->length;
    l->used += x->room;
    x->next = NULL;
    *last = x;
    last = &x->next;
  }
  return served;
}

static void resume_all(struct exchange *served)
{
  while (served) {
    struct exchange *x = served;
    served = x->next; /* x is gone once it runs again */
    exchange_resume(x);
  }
}

void lane_give(struct lane *l, size_t room)
{
  pthread_mutex_lock(&l->mutex);
  l->used -= room;
  struct exchange *served = serve(l);
  pthread_mutex_unlock(&l->mutex);
  resume_all(served);
}

void lane_close(struct lane *l)
{
  pthread_mutex_lock(&l->mutex);
  l->closed = true;
  struct exchange *served = serve(l);
  pthread_mutex_unlock(&l->mutex);
  resume_all(served);
}
