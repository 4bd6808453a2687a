/* SPDX-License-Identifier: Apache-2.0
 * Idempotency-Key: a POST that comes twice is done once, and answered twice alike. */
#ifndef SERVER_REPLAY_H
#define SERVER_REPLAY_H

#include "server/common.h"

/* A request with its key. */
struct replay {
  bool asked; /* there is a key */
  char caller[48];
  struct digest key_hash, request;
  const char *key; /* the header's */
};

/* Reads the header where `route` takes it: a POST by one of the people who run the
 * instance. E_FIELD_VALUE. */
enum err replay_read(struct replay *out, struct request *rq,
                     const struct route *route) MUST_USE;

/* Inside the handler's transaction, before it: *given is true when this was answered
 * before; rp is then that answer. E_KEY_REUSED when the key was used for another request,
 * E_UNDER_WAY while the same is being done. */
enum err replay_begin(const struct replay *r, struct request *rq, struct reply *rp,
                      bool *given) MUST_USE;
/* After it: keeps the answer. */
enum err replay_keep(const struct replay *r, struct request *rq,
                     const struct reply *rp) MUST_USE;

#endif
