/* SPDX-License-Identifier: Apache-2.0
 * Between the connections to nodes (rpc.c) and the typed calls (rpc_calls.c). */
#ifndef CHAIN_RPC_INTERNAL_H
#define CHAIN_RPC_INTERNAL_H

#include <curl/curl.h>

#include "chain/rpc_reply.h"

struct endpoint {
  CURL *curl; /* keeps its connection */
  struct curl_slist *headers;
  char shown[160]; /* scheme, host and port: the rest may be a secret */
  bool passed;     /* the last rpc_check */
  bool away;       /* did not answer when it was asked last */
  uint64_t height; /* its newest block at the last rpc_check */
};
struct rpc {
  struct endpoint endpoints[RPC_ENDPOINTS_MAX];
  unsigned n;
  uint64_t last_id;
};

/* One call to one endpoint; params are borrowed. On E_RPC *error is filled, why is not.
 */
enum err rpc_call_one(struct rpc *rpc, unsigned i, const char *method, json_t *params,
                      json_t **result, struct rpc_error *error, struct why *why) MUST_USE;
/* To the endpoint that passed and is furthest ahead, then to the next one, until one
 * answers. params are taken over; error as above. */
enum err rpc_ask(struct rpc *rpc, const char *method, json_t *params, json_t **result,
                 struct rpc_error *error, struct why *why) MUST_USE;
/* E_RPC with the node's error in words. */
enum err rpc_said(const char *method, const struct rpc_error *error, struct why *why);

#endif
