/* SPDX-License-Identifier: Apache-2.0
 * A look at all connections, once a second. */
#include "server/visitors.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "server/http_internal.h"

struct visitor {
  struct visitor *next, **link; /* in the list of all */
  int socket;
  _Atomic double since; /* when it fell idle; 0: a request is under way */
};

struct visitors {
  pthread_mutex_t mutex;
  pthread_cond_t stopped;
  pthread_t thread;
  struct visitor *first;
  double limit;
  bool stop;
};

/* libmicrohttpd tells of the end of a connection before it closes the socket, so a socket
 * in the list is the visitor's. */
static void look(struct visitors *v)
{
  double now = clock_now();
  for (struct visitor *one = v->first; one; one = one->next) {
    double since = atomic_load(&one->since);
    if (since > 0 && now - since > v->limit)
      shutdown(one->socket, SHUT_RDWR);
  }
}

static void *visitors_main(void *arg)
{
  struct visitors *v = arg;
  pthread_mutex_lock(&v->mutex);
  while (!v->stop) {
    struct timespec until = clock_spec(clock_now() + 1);
    pthread_cond_timedwait(&v->stopped, &v->mutex, &until);
    look(v);
  }
  pthread_mutex_unlock(&v->mutex);
  return NULL;
}

enum err visitors_start(struct visitors **out, double limit)
{
  struct visitors *v = must_calloc(1, sizeof *v);
  v->limit = limit;
  pthread_mutex_init(&v->mutex, NULL);
  clock_cond_init(&v->stopped);
  if (pthread_create(&v->thread, NULL, visitors_main, v) != 0) {
    visitors_free(v);
    return E_INTERNAL;
  }
  *out = v;
  return OK;
}

void visitors_stop(struct visitors *v)
{
  if (!v)
    return;
  pthread_mutex_lock(&v->mutex);
  v->stop = true;
  pthread_cond_signal(&v->stopped);
  pthread_mutex_unlock(&v->mutex);
  pthread_join(v->thread, NULL);
}

void visitors_free(struct visitors *v)
{
  if (!v)
    return;
  pthread_mutex_destroy(&v->mutex);
  pthread_cond_destroy(&v->stopped);
  free(v);
}

static void come(struct visitors *v, struct MHD_Connection *connection, void **context)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  struct visitor *one = must_calloc(1, sizeof *one);
  one->socket = info ? info->connect_fd : -1;
  atomic_store(&one->since, clock_now());
  pthread_mutex_lock(&v->mutex);
  one->next = v->first;
  one->link = &v->first;
  if (one->next)
    one->next->link = &one->next;
  v->first = one;
  pthread_mutex_unlock(&v->mutex);
  *context = one;
}

static void leave(struct visitors *v, struct visitor *one)
{
  if (!one)
    return;
  pthread_mutex_lock(&v->mutex);
  *one->link = one->next;
  if (one->next)
    one->next->link = one->link;
  pthread_mutex_unlock(&v->mutex);
  free(one);
}

void visitors_notify(void *cls, struct MHD_Connection *connection, void **context,
                     enum MHD_ConnectionNotificationCode code)
{
  if (code == MHD_CONNECTION_NOTIFY_STARTED)
    come(cls, connection, context);
  else
    leave(cls, STEAL(*context));
}

static void set_since(struct MHD_Connection *connection, double since)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  struct visitor *one = info ? info->socket_context : NULL;
  if (one)
    atomic_store(&one->since, since);
}

void visitor_busy(struct MHD_Connection *connection)
{
  set_since(connection, 0);
}

void visitor_idle(struct MHD_Connection *connection)
{
  set_since(connection, clock_now());
}
