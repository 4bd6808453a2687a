/* SPDX-License-Identifier: Apache-2.0
 * HTTP as the clients need it: one blocking call with a cap on the reply, time-outs,
 * retries with growing pauses, and problem+json (RFC 9457) turned into an enum err with
 * its particulars. On libcurl; tests put a coordinator of their own behind `call`. */
#ifndef CLIENTS_HTTP_H
#define CLIENTS_HTTP_H

#include "util/buf.h"

/* Some bytes of what a path names; len 0: all of it. */
struct http_range {
  uint64_t from;
  size_t len;
};

struct http_request {
  const char *method;
  const char *path; /* from the root of the server, query included */
  const char *type; /* media type of the body; NULL: there is none */
  struct bytes body;
  const char *authorization; /* value of the header, or NULL */
  struct http_range range;   /* of the reply to a GET */
  size_t max;                /* the reply may have so many bytes */
  unsigned wait;             /* seconds the server may think before it answers */
  bool once;                 /* may have an effect each time: never repeated on doubt */
};

struct http_reply {
  long status; /* 200..299 */
  struct buf body;
  char sha256[72]; /* X-Chorus-Sha256, or empty */
};
void http_reply_done(struct http_reply *rp);

/* A way to one server. One thread at a time may use it. */
struct http {
  /* Answers one request. On OK the caller owns *rp (http_reply_done). An error reply of
   * the server comes back as the error it names; E_NETWORK when there was none in time;
   * E_REPLY when it cannot be understood or is larger than rq->max. */
  enum err (*call)(struct http *h, const struct http_request *rq, struct http_reply *rp,
                   struct why *why);
  void (*free)(struct http *h);
};

struct http_options {
  const char *address; /* http:// or https://, without a slash at the end */
  double patience;     /* seconds in all that failed calls are repeated; 0: never */
  void (*pausing)(void *arg, enum err e, const struct why *why, double seconds);
  void *arg; /* for pausing, which may be NULL: told before each pause */
};

/* Once per process, before threads exist. */
enum err http_init(void) MUST_USE;

/* E_USAGE when the address is not one. */
enum err http_new(struct http **out, const struct http_options *options,
                  struct why *why) MUST_USE;
static inline enum err MUST_USE http_call(struct http *h, const struct http_request *rq,
                                          struct http_reply *rp, struct why *why)
{
  return h->call(h, rq, rp, why);
}
static inline void http_drop(struct http **h)
{
  if (*h)
    (*h)->free(*h);
}

/* The error that a reply with this status and body means. */
enum err http_problem(long status, struct bytes body, struct why *why) MUST_USE;
/* The error with this slug; ERR_COUNT when there is none. */
enum err err_by_slug(const char *slug);

#endif
