/* SPDX-License-Identifier: Apache-2.0
 * LISTEN on a thread of its own: one channel, the payload is the topic. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "db/internal.h"
#include "util/log.h"

struct db_listener {
  pthread_t thread;
  int stop; /* eventfd */
  char *conninfo;
  PGconn *conn;
  db_heard heard;
  void *arg;
};

static bool connect_listener(struct db_listener *l)
{
  PQfinish(l->conn);
  l->conn = db_connection(l->conninfo);
  if (PQstatus(l->conn) != CONNECTION_OK)
    return false;
  PGresult *r = PQexec(l->conn, "LISTEN chorus");
  bool good = PQresultStatus(r) == PGRES_COMMAND_OK;
  PQclear(r);
  return good;
}

static void deliver(struct db_listener *l)
{
  PGnotify *n;
  while ((n = PQnotifies(l->conn))) {
    l->heard(l->arg, n->extra);
    PQfreemem(n);
  }
}

static void *listen_run(void *p)
{
  struct db_listener *l = p;
  bool good = true;
  for (;;) {
    struct pollfd fds[2] = {{.fd = l->stop, .events = POLLIN},
                            {.fd = good ? PQsocket(l->conn) : -1, .events = POLLIN}};
    int n = poll(fds, 2, good ? -1 : 1000);
    if (n < 0 && errno != EINTR)
      log_error("listen", "poll: %d", errno);
    if (fds[0].revents)
      return NULL;
    if (good) {
      good = PQconsumeInput(l->conn) && PQstatus(l->conn) == CONNECTION_OK;
      deliver(l);
      if (good)
        continue;
      log_warning("listen", "the connection for notifications was lost");
    }
    good = connect_listener(l);
    l->heard(l->arg, NULL);
  }
}

enum err db_listen_start(struct db_listener **out, const char *conninfo, db_heard heard,
                         void *arg, struct why *why)
{
  struct db_listener *l = must_calloc(1, sizeof *l);
  l->conninfo = must_strdup(conninfo);
  l->heard = heard;
  l->arg = arg;
  l->stop = eventfd(0, EFD_CLOEXEC);
  enum err e = OK;
  if (l->stop < 0)
    e = E_IO;
  else if (!connect_listener(l))
    e = why_set(why, E_DB, "", "%s", PQerrorMessage(l->conn));
  else if (pthread_create(&l->thread, NULL, listen_run, l) != 0)
    e = E_BUSY;
  if (e == OK) {
    *out = l;
    return OK;
  }
  if (l->stop >= 0)
    close(l->stop);
  PQfinish(l->conn);
  free(l->conninfo);
  free(l);
  return e;
}

void db_listen_stop(struct db_listener *l)
{
  if (!l)
    return;
  uint64_t one = 1;
  if (write(l->stop, &one, sizeof one) != sizeof one)
    log_error("listen", "could not stop the listener");
  pthread_join(l->thread, NULL);
  close(l->stop);
  PQfinish(l->conn);
  free(l->conninfo);
  free(l);
}
