/* SPDX-License-Identifier: Apache-2.0
 * What a handler sees of HTTP: a parsed request and a reply to fill. Handlers run on the
 * request workers (never on an HTTP thread), one database connection each, and return an
 * error; http.c alone turns errors into problem+json. */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include <jansson.h>

#include "core/message.h"
#include "util/field.h"

struct server; /* server.h */
struct db;     /* db/db.h: one connection with its prepared statements */

/* Who may call a route. From WHO_VIEWER on these are the roles of the people who run the
 * instance, each of which may do what those before it may. */
enum who { WHO_PUBLIC, WHO_PARTICIPANT, WHO_VIEWER, WHO_OPERATOR, WHO_ADMIN };

#define USER_NAME_MAX 64u

/* Who calls, as far as it is one of these people or a token of theirs. auth.c */
struct caller {
  enum who role;            /* WHO_PARTICIPANT: in a session; below: none of them */
  int64_t user;             /* 0: a token without an owner */
  int64_t session;          /* 0: a token */
  int64_t token;            /* 0: a session */
  double age;               /* of the session, in seconds */
  uint8_t actor[16];        /* what the public log calls it */
  char name[204];           /* of the user, of the participant, or of the token */
  char model[SLUG_MAX + 1]; /* a token's only model; empty: all */
};

struct request {
  struct server *server;
  struct db *db;
  struct why *why; /* particulars of an error, for the reply */
  const char *method;
  const char *path;
  const char *param[4]; /* the pattern's {…} parts in order, NULL-ended */
  struct bytes body;    /* whole, at most the route's cap */
  bool has_identity;    /* a participant, by a signature for reading or a session */
  struct identity identity;
  struct caller caller;
  char subject[SLUG_MAX + 1]; /* the model that this is about; empty: none */
  bool unchanged;             /* a handler's word: all was already as it was asked for */
  unsigned retry_after;       /* of an E_RATE, in seconds */
  bool waited;                /* a wait has run out: answer with what there is */
  void *http;                 /* http.c's own */
};

/* Whether the request said, truly, who sends it. */
static inline bool caller_known(const struct request *rq)
{
  return rq->has_identity || rq->caller.role > WHO_PUBLIC;
}

/* A query parameter's value or NULL. Borrowed. */
const char *request_query(const struct request *rq, const char *name);
/* A header's value or NULL. Borrowed. */
const char *request_header(const struct request *rq, const char *name);
/* A cookie's value or NULL. Borrowed. */
const char *request_cookie(const struct request *rq, const char *name);
/* ?limit=, 1..200, default 50. E_FIELD_VALUE names it. */
enum err request_limit(struct request *rq, unsigned *out) MUST_USE;
/* A path parameter that is `size` bytes of hex. E_NOT_FOUND otherwise. */
enum err request_param_hex(struct request *rq, unsigned index, void *out,
                           size_t size) MUST_USE;
/* The body as a JSON object read through the field table; the values borrow from *root,
 * which the caller drops. */
enum err request_json(struct request *rq, json_t **root,
                      const struct field *fields) MUST_USE;

struct subscription; /* hub.h */

struct reply {
  int status;                  /* 0: 200 */
  json_t *json;                /* owned by the reply */
  struct buf bytes;            /* or these bytes, owned by the reply */
  const char *content_type;    /* of bytes; static text; NULL: application/octet-stream */
  int64_t blob;                /* or a stored vector, streamed by chunk, with Range; bytes
                                  then stand in front of it */
  uint64_t from, size;         /* or this part of it; size 0: all */
  struct subscription *stream; /* or this stream of events, owned by the reply */
  char etag[72];               /* without quotes; empty: none */
  bool immutable;              /* may be cached for ever */
  char filename[96];           /* to save it under; empty: none */
  bool replayed;               /* given before, to the same request; replay.h */
  char cookie[192];            /* Set-Cookie; empty: none */
  char wait_topic[96];         /* set by reply_wait */
  double wait_until;
};

/* Tells http.c to hold this request until `topic` is notified (the handler then runs
 * again) or ?wait= has run out (it runs a last time with rq->waited). Returns true when
 * the handler should return OK now; false when the request did not ask to wait or has
 * waited enough. */
bool reply_wait(struct request *rq, struct reply *rp, const char *topic);

typedef enum err (*handler)(struct request *rq, struct reply *rp);

#define ROUTE_WAIT 1u  /* takes ?wait= */
#define ROUTE_CHUNK 2u /* a large raw body; the number in flight is limited */
#define ROUTE_CSV 4u   /* the body is text/csv */
#define ROUTE_BODY_OPTIONAL 8u
#define ROUTE_TEXT 16u      /* the body is text/plain */
#define ROUTE_MEMBER 32u    /* a participant's session may call it as well */
#define ROUTE_OWN 64u       /* one's own account: by a session, and no act in the log */
#define ROUTE_QUIET 256u    /* changes nothing for anybody else: no act in the log */
#define ROUTE_CALLER 512u   /* public, and the answer depends on who asks */
#define ROUTE_KEPT 1024u    /* may be answered from memory, on the HTTP thread */
#define ROUTE_METRICS 2048u /* public when the setting metrics says so */
#define ROUTE_SCOPED                                                                     \
  128u /* names its model in the body: the handler checks the scope                      \
        */

struct route {
  const char *method;
  const char *pattern; /* "/api/v1/rounds/{ctx}/joins"; a last {name*} takes the rest */
  enum who who;        /* the least role */
  size_t body_max;
  unsigned flags;
  handler handle;
};

/* The one route table, ended by a NULL method. server/routes.c */
extern const struct route routes[];

#endif
