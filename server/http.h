/* SPDX-License-Identifier: Apache-2.0
 * The HTTP side of chorusd as main.c sees it: start it, wake those who wait, stop it. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include "server/request.h"

struct http;

struct http_options {
  struct server *server; /* handed on to the handlers */
  const char *conninfo;  /* each request worker opens its own connection */
  const char *address;   /* to listen on, numeric */
  uint16_t port;         /* 0: any free one */
  unsigned threads;      /* HTTP threads */
  unsigned workers;      /* request workers */
  unsigned queue;        /* requests that may wait for a worker before 503 busy */
  unsigned connections;  /* open connections at most */
  unsigned per_address;  /* of them from one address; 0: no limit */
  unsigned per_minute;   /* requests from one address; 0: no limit */
  unsigned timeout;      /* seconds without a byte until a connection is closed */
  unsigned streams;      /* of events, open at most */
  const char *pages;     /* folder of what browsers are given; assets.h */
  unsigned stop_within;  /* seconds that http_stop gives to what is under way */
};

/* Starts listening. E_CONFIG when the address cannot be listened on (why says which),
 * E_DB when the database cannot be reached. The options are copied, their strings are
 * borrowed until http_stop. */
enum err http_start(struct http **out, const struct http_options *options,
                    struct why *why) MUST_USE;
/* Where it listens, as http://ADDRESS:PORT. */
const char *http_origin(const struct http *h);

/* Something named by `topic` has changed: the requests that wait for it run again. NULL:
 * everything may have, which the database's listener also says every second while
 * notifications do not arrive. Any thread. */
void http_notify(struct http *h, const char *topic);

/* Takes no more connections, lets what is under way finish, answers those who wait and
 * those who come with 503, and frees everything. NULL is fine. */
void http_stop(struct http *h);

#endif
