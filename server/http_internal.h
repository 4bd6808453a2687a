/* SPDX-License-Identifier: Apache-2.0
 * What http.c, worker.c, wait.c, room.c, stream.c and reply.c share. An exchange is one
 * request and its reply. It belongs to one thread at a time: to an HTTP thread while its
 * connection runs, to the queue, the wait list or a worker while it is suspended; every
 * hand-over goes through a mutex of ours or of libmicrohttpd. */
#ifndef SERVER_HTTP_INTERNAL_H
#define SERVER_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/assets.h"
#include "server/http.h"
#include "server/limit.h"
#include "server/metrics.h"

#define REQUEST_ID_ROOM 65u
#define TARGET_MAX 2048u             /* bytes of a request's path and query */
#define SMALL_BODY ((size_t)1 << 16) /* up to here bodies have a lane of their own */
#define SMALL_LANE ((size_t)16 << 20)
#define LARGE_LANE ((size_t)64 * CHUNK_BYTES)
#define DRAIN_MAX ((size_t)2 << 20) /* a refused body up to here is read and dropped */
#define STREAM_CHUNKS 32u           /* chunks of stored vectors kept in memory */
#define WAIT_MAX 60.0               /* seconds */

/* ---- the queue of the request workers ---- */

struct job {
  struct job *next;
  void (*run)(struct job *job, struct db *db);
};

struct queue {
  pthread_mutex_t mutex;
  pthread_cond_t filled;
  struct job *first, **last;
  unsigned count, max;
  bool closed; /* takes nothing any more; the workers end when it is empty */
};

void queue_init(struct queue *q, unsigned max);
void queue_done(struct queue *q);
void queue_close(struct queue *q);
/* Suspends the connection (unless NULL) and appends the job. False, and nothing was done,
 * when the queue is closed, or full and not `always`. */
bool queue_push(struct queue *q, struct job *job, struct MHD_Connection *suspend,
                bool always);
/* The next job; NULL when the queue is closed and empty. */
struct job *queue_pop(struct queue *q);
unsigned queue_length(struct queue *q);

/* ---- room for bodies ---- */

struct exchange;

/* So many bytes of bodies may be in memory; who does not fit waits in line. */
struct lane {
  pthread_mutex_t mutex;
  size_t max, used;
  struct exchange *first, **last;
  bool closed;
};

void lane_init(struct lane *l, size_t max);
void lane_done(struct lane *l);
/* True: x has its room. False: x is suspended and will be resumed with its room, or, when
 * the lane was closed, without (x->room is 0 then). */
bool lane_take(struct lane *l, struct exchange *x, size_t need);
void lane_give(struct lane *l, size_t room);
void lane_close(struct lane *l);

/* ---- requests that wait for a change ---- */

#define WAIT_BUCKETS 1024u

struct waits {
  struct http *http;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  pthread_t thread;
  struct exchange *bucket[WAIT_BUCKETS];
  uint64_t last[WAIT_BUCKETS]; /* the generation of a bucket's newest notification */
  uint64_t generation;
  double earliest; /* no deadline lies before this */
  bool closed;
};

enum err waits_init(struct waits *w, struct http *h) MUST_USE;
/* Answers everybody with 503 and ends the thread. */
void waits_close(struct waits *w);
void waits_done(struct waits *w);
/* To be read before the handler looks at the state: a notification after it is not lost.
 */
uint64_t waits_generation(struct waits *w);
/* Keeps the suspended x until its topic is notified or its time has come. */
void waits_add(struct waits *w, struct exchange *x);
void waits_notify(struct waits *w, const char *topic);

/* ---- chunks of stored vectors on their way out ---- */

struct piece; /* stream.c: one chunk in memory */

struct streams {
  pthread_mutex_t mutex;
  struct piece *newest, *oldest;
  unsigned count;
};

void streams_init(struct streams *s);
void streams_done(struct streams *s);

/* ---- one request ---- */

enum stage {
  STAGE_HEADERS, /* the headers are there, the body is not */
  STAGE_ROOM,    /* waits for room for its body */
  STAGE_BODY,    /* the body arrives */
  STAGE_DRAIN,   /* the body is thrown away, then the reply goes out */
  STAGE_WORK,    /* queued, in a handler, or waiting */
  STAGE_REPLY,   /* the reply is there */
  STAGE_SENT
};

struct exchange {
  struct job job; /* must be first */
  struct http *http;
  struct MHD_Connection *connection;
  enum stage stage;
  char target[TARGET_MAX]; /* as requested, raw; the path is cut at '?' */
  char segments[TARGET_MAX];
  bool too_long;
  const struct route *route;
  enum metrics_other other; /* without a route */
  double started;
  char id[REQUEST_ID_ROOM]; /* empty: of a page */
  bool lasting;             /* a stream of events */
  struct limit_left limit;
  struct request request;
  struct why why;
  bool admitted; /* the caller may do this */

  uint64_t length; /* of the body */
  bool endless;    /* its length is not known */
  bool expects;    /* waits for "100 Continue" before it sends the body */
  uint8_t *body;
  size_t received;
  bool ended;  /* all of it is there */
  size_t room; /* taken from a lane */
  double body_deadline;

  bool may_wait;
  double wait_deadline;
  uint64_t generation;
  char topic[96];
  struct exchange *next; /* in a lane or a wait bucket */

  struct MHD_Response *response;
  struct MHD_Response *kept; /* or this one, which is borrowed */
  unsigned status;
};

struct http {
  struct http_options options;
  char origin[96];
  int socket;
  struct MHD_Daemon *daemon;
  struct visitors *visitors;
  struct queue queue;
  struct lane small, large;
  struct waits waits;
  struct streams streams;
  struct assets *assets;
  struct hub *hub; /* of event streams */
  struct metrics *metrics;
  struct limits *limits;  /* NULL: nobody is limited */
  double started_at;      /* Unix seconds */
  uint64_t nonce;         /* of this process's request ids */
  atomic_ullong requests; /* that got an id */
  pthread_t *workers;
  struct db **dbs;
  unsigned worker_count;
  atomic_uint active;   /* exchanges that exist */
  atomic_bool stopping; /* new requests get 503 */
  atomic_bool aborting; /* nothing is suspended any more */
};

/* Connections that are open now. */
unsigned http_connections(struct http *h);
/* Seconds of the monotonic clock. */
double clock_now(void);
/* The condition variable's absolute time for a moment of clock_now. */
struct timespec clock_spec(double when);
/* A condition variable on the monotonic clock. */
void clock_cond_init(pthread_cond_t *cond);

/* The route that fits; x->request.param is set. E_NOT_FOUND, E_METHOD. request.c */
enum err exchange_route(struct exchange *x);
/* "GET, HEAD, POST" for the path. */
void exchange_allow(struct exchange *x, char *out, size_t room);
/* Whether the caller may call this route. Runs on a worker. auth.c */
enum err auth_check(struct exchange *x, struct db *db);

/* What libmicrohttpd calls, on its threads. http.c */
void *http_on_target(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result http_on_request(void *cls, struct MHD_Connection *connection,
                                const char *url, const char *method, const char *version,
                                const char *upload_data, size_t *upload_data_size,
                                void **con_cls);
void http_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                       enum MHD_RequestTerminationCode code);

/* Gives the body's memory back. http.c */
void exchange_release(struct exchange *x);
/* Queues the handler for the suspended exchange (again). worker.c */
void exchange_requeue(struct exchange *x);
void exchange_admit(struct job *job, struct db *db);
void exchange_handle(struct job *job, struct db *db);
/* Hands a suspended exchange with its reply back to its HTTP thread; x is no longer ours
 * afterwards. */
void exchange_resume(struct exchange *x);

/* Gives the request its id, counts it against its address (E_RATE), puts what is said of
 * it into its response, and tells log and counts that it has ended. trace.c */
void trace_begin(struct exchange *x);
enum err trace_limit(struct exchange *x) MUST_USE;
void trace_headers(struct exchange *x);
void trace_end(struct exchange *x, enum MHD_RequestTerminationCode code);

/* Whether the header (or NULL) takes this type; E_ACCEPT. Adds the Link to the next page,
 * if the reply names one. negotiate.c */
bool negotiate_fits(const char *accept, const char *type);
enum err negotiate_type(struct exchange *x, const char *type) MUST_USE;
void link_next(struct exchange *x, const json_t *reply);

/* Makes x->response: the error's problem, or what the handler replied (whose parts it
 * takes). reply.c */
void reply_error(struct exchange *x, enum err e);
void reply_finish(struct exchange *x, struct db *db, struct reply *rp);
void reply_done(struct reply *rp);
/* The headers that every answer has. */
void response_security(struct MHD_Response *r, const struct server *s,
                       const char *policy);
/* The same, of the interface: nothing that is sent is a page. */
void response_interface(struct MHD_Response *r, const struct server *s);
/* What the answers of ROUTE_CALLER vary by. */
#define VARY_CALLER "Accept, Authorization, Cookie"

/* A leaderboard that is still good, sent from memory on the HTTP thread. *out: what
 * became of it. False: nothing was done. leaderboard_cache.c */
bool leaderboard_answer(struct exchange *x, enum MHD_Result *out);

/* A response that streams `size` bytes, from `offset` on, of the reply's bytes, which it
 * takes, and the stored vector behind them. stream.c */
struct MHD_Response *stream_response(struct exchange *x, struct reply *rp,
                                     uint64_t offset, uint64_t size);

#endif
