/* SPDX-License-Identifier: Apache-2.0
 * What several handlers do alike. */
#ifndef SERVER_COMMON_H
#define SERVER_COMMON_H

#include "core/message.h"
#include "db/db.h"
#include "server/json.h"
#include "server/request.h"
#include "server/server.h"

/* An event out of the database, that was canonical when it went in. */
enum err event_load(json_t **out, struct bytes bytes) MUST_USE;

/* That an event whose form was checked belongs to this instance (E_CONTEXT) and is signed
 * by the participant that it names. *hash is its H. */
enum err event_said(const struct server *s, const json_t *event, const char *type,
                    const struct header *header, struct digest *hash,
                    struct why *why) MUST_USE;
/* The address in a `payout`, zero for none; the event may write it in any case, mixed
 * case is taken for a checksum (EIP-55). E_FIELD_VALUE. */
enum err event_payout(struct address *out, const char *payout, struct why *why) MUST_USE;
/* Puts "event." before the field that a check of an event in a body has named. */
enum err inside_event(struct why *why, enum err e) MUST_USE;

/* Signs a coordinator's event and stores it. Inside a transaction. *seq is its place. */
enum err event_issue(struct server *s, struct db *db, json_t *event, const char *model,
                     const struct identity *subject, int64_t *seq) MUST_USE;

/* Admits or suspends ("admit", "suspend") inside a transaction that holds the
 * participant's row: the event behind the one before, the row, and the news. */
enum err admission_write(struct server *s, struct db *db, const char *type,
                         const char *model, const struct identity *who,
                         const struct digest *enroll) MUST_USE;

/* The {model} of the path as it must be: E_NOT_FOUND. */
enum err request_model(struct request *rq, const char **out) MUST_USE;

/* A whole number in the query, below 2^53; absent: *out stays. E_FIELD_VALUE names it. */
enum err request_number(struct request *rq, const char *name, uint64_t *out) MUST_USE;
/* A cursor that is `size` bytes of hex; absent: all zero. */
enum err request_cursor(struct request *rq, void *out, size_t size) MUST_USE;

/* What is asked of a list whose entries have numbers, from ?limit= and ?cursor=. The last
 * two are what its query takes: null on the first page, and one row more than a page. */
struct numbered {
  unsigned limit;
  uint64_t cursor; /* 0: none */
  struct db_arg behind, rows;
};
enum err request_numbered(struct request *rq, struct numbered *out) MUST_USE;

/* One page of a list: `rows` was asked for limit + 1 rows. How many of them belong to the
 * page. */
unsigned page_len(const struct db_rows *rows, unsigned limit);

/* A path parameter that is a whole number, below 2^53. E_NOT_FOUND otherwise. */
enum err request_param_number(struct request *rq, unsigned index, uint64_t *out) MUST_USE;
/* Whether the caller may touch this model, which becomes what the request is about. For
 * ROUTE_SCOPED; auth_check asks for the others. E_FORBIDDEN. auth.c */
enum err request_scope(struct request *rq, const char *model) MUST_USE;

/* Whose sessions and tokens the caller may see and end: its own; null for everybody's,
 * which are an administrator's business. */
struct db_arg caller_owner(const struct request *rq);

/* Whether people reach it by https. */
bool server_secure(const struct server *s);
/* Where people reach this server, without a slash at the end. */
void request_address(const struct request *rq, char *out, size_t room);

/* The cursor behind a page of `n` rows whose first column is a number, or null. */
json_t *next_number(const struct db_rows *rows, unsigned n);
/* An error as problem+json; why: its particulars, or NULL. reply.c */
json_t *problem_json(enum err e, const struct why *why);

#endif
