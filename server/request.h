/* SPDX-License-Identifier: Apache-2.0
 * What a handler sees of HTTP: a parsed request and a reply to fill. Handlers run on the
 * request workers (never on an HTTP thread), one database connection each, and return an
 * error; http.c alone turns errors into problem+json. */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include <jansson.h>

#include "core/types.h"
#include "util/field.h"

struct server; /* server.h */
struct db;     /* db/db.h: one connection with its prepared statements */

enum who { WHO_PUBLIC, WHO_PARTICIPANT, WHO_ADMIN };

struct request {
  struct server *server;
  struct db *db;
  struct why *why; /* particulars of an error, for the reply */
  const char *method;
  const char *path;
  const char *param[4]; /* the pattern's {…} parts in order, NULL-ended */
  struct bytes body;    /* whole, at most the route's cap */
  bool has_identity;    /* a verified "Authorization: Chorus": participant reads */
  struct identity identity;
  bool waited; /* a wait has run out: answer with what there is */
  void *http;  /* http.c's own */
};

/* A query parameter's value or NULL. Borrowed. */
const char *request_query(const struct request *rq, const char *name);
/* ?limit=, 1..200, default 50. E_FIELD_VALUE names it. */
enum err request_limit(struct request *rq, unsigned *out) MUST_USE;
/* A path parameter that is `size` bytes of hex. E_NOT_FOUND otherwise. */
enum err request_param_hex(struct request *rq, unsigned index, void *out,
                           size_t size) MUST_USE;
/* The body as a JSON object read through the field table; the values borrow from *root,
 * which the caller drops. */
enum err request_json(struct request *rq, json_t **root,
                      const struct field *fields) MUST_USE;

struct reply {
  int status;               /* 0: 200 */
  json_t *json;             /* owned by the reply */
  struct buf bytes;         /* or these bytes, owned by the reply */
  const char *content_type; /* of bytes; static text; NULL: application/octet-stream */
  int64_t blob;             /* or a stored vector, streamed by chunk, with Range */
  char etag[72];            /* without quotes; empty: none */
  bool immutable;           /* may be cached for ever */
  char wait_topic[96];      /* set by reply_wait */
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
#define ROUTE_TEXT 16u /* the body is text/plain */

struct route {
  const char *method;
  const char *pattern; /* "/api/v1/rounds/{ctx}/joins"; a last {name*} takes the rest */
  enum who who;
  size_t body_max;
  unsigned flags;
  handler handle;
};

/* The one route table, ended by a NULL method. server/routes.c */
extern const struct route routes[];

#endif
