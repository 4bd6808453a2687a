/* SPDX-License-Identifier: Apache-2.0
 * JSON-RPC over HTTP to one or several Ethereum nodes. No answer is trusted further than
 * its shape; what a payment's fate is, no error text decides. Every call has a time limit
 * (10 s) and a size limit (8 MiB). One struct rpc belongs to one thread. */
#ifndef CHAIN_RPC_H
#define CHAIN_RPC_H

#include <jansson.h>

#include "chain/eth.h"

#define RPC_ENDPOINTS_MAX 8u

struct rpc; /* endpoints, their connections, what is known of each */

/* urls: separated by commas, http or https. E_CONFIG names a bad one. Nothing is sent. */
enum err rpc_new(struct rpc **out, const char *urls, struct why *why) MUST_USE;
void rpc_free(struct rpc *rpc);
static inline void rpc_drop(struct rpc **rpc)
{
  rpc_free(*rpc);
}
unsigned rpc_count(const struct rpc *rpc);
/* Scheme, host and port, as in messages: user, password, path and query may be secrets.
 */
const char *rpc_url(const struct rpc *rpc, unsigned i);

/* One call to endpoint i. params: taken over. *result: a new value, never NULL on OK
 * (json_null for null).
 * E_NETWORK: no answer, or an HTTP error. E_REPLY: not JSON-RPC. E_RPC: the node answered
 * with an error: its code and text in why, for people; *revert (may be NULL) gets the
 * error's `data` when it is hex. */
enum err rpc_call(struct rpc *rpc, unsigned i, const char *method, json_t *params,
                  json_t **result, struct buf *revert, struct why *why) MUST_USE;

/* Checks each endpoint's eth_chainId against chain_id, and block 0's hash against
 * *genesis (when it is not all zero; else fills it in). Endpoints that are away are left
 * out until they answer (looked at again by each rpc_check); E_CHAIN when one answers
 * with another chain (also when *genesis is all zero and two differ: then none passes);
 * E_NETWORK, E_REPLY or E_RPC when none passed. Afterwards the calls below use only those
 * that passed, whatever this returned. */
enum err rpc_check(struct rpc *rpc, uint64_t chain_id, struct word *genesis,
                   struct why *why) MUST_USE;

/* ---- typed calls: to the endpoint that passed and was furthest ahead at the last
 * rpc_check; to the next one when it does not answer, and then to the one that did ----
 */

struct rpc_block {
  uint64_t number, timestamp;
  struct word hash;
  struct word base_fee; /* 0 before EIP-1559 */
};
/* tag: "latest", "finalized" or 0x… . E_NOT_FOUND: no such block (yet). A node that does
 * not know `finalized` gives E_RPC. */
enum err rpc_block(struct rpc *rpc, const char *tag, struct rpc_block *out,
                   struct why *why) MUST_USE;
enum err rpc_block_number(struct rpc *rpc, uint64_t number, struct rpc_block *out,
                          struct why *why) MUST_USE;
/* eth_call with gas said explicitly (10 million). out: the returned bytes. E_REVERTED
 * with abi_revert_text in why. */
enum err rpc_eth_call(struct rpc *rpc, const struct address *to, struct bytes data,
                      const char *tag, struct buf *out, struct why *why) MUST_USE;
/* E_REVERTED as above; E_RPC otherwise. to NULL: a creation. */
enum err rpc_estimate(struct rpc *rpc, const struct address *from,
                      const struct address *to, const struct word *value,
                      struct bytes data, uint64_t *gas, struct why *why) MUST_USE;
/* Transactions of `a` in the chain at `tag`. */
enum err rpc_nonce(struct rpc *rpc, const struct address *a, const char *tag,
                   uint64_t *out, struct why *why) MUST_USE;
enum err rpc_balance(struct rpc *rpc, const struct address *a, const char *tag,
                     struct word *out, struct why *why) MUST_USE;
/* Bytes of code at an address, at `tag`. */
enum err rpc_code(struct rpc *rpc, const struct address *a, const char *tag, size_t *len,
                  struct why *why) MUST_USE;
/* A tip that gets a transaction in: what the node says, or 1 gwei when it says zero or
 * does not know eth_maxPriorityFeePerGas; and the newest block's base fee. */
enum err rpc_fees(struct rpc *rpc, struct word *tip, struct word *base,
                  struct why *why) MUST_USE;

/* Sends the bytes to every endpoint that passed. What they answer changes nothing but the
 * text for people: OK when one of them took it (or knows it already). */
enum err rpc_send_raw(struct rpc *rpc, struct bytes raw, struct why *why) MUST_USE;

struct rpc_receipt {
  bool found;
  bool success; /* status 1 */
  uint64_t block, gas_used;
  struct word block_hash, gas_price;
  struct address contract; /* of a creation */
};
enum err rpc_receipt(struct rpc *rpc, const struct word *tx_hash, struct rpc_receipt *out,
                     struct why *why) MUST_USE;

/* eth_getLogs of one contract and first topic, blocks from..to. Calls each(arg, log) with
 * topics and data checked for shape. */
struct rpc_log {
  struct word topics[4];
  unsigned topics_len;
  struct bytes data; /* borrowed */
  uint64_t block, index;
  struct word tx_hash;
};
enum err rpc_logs(struct rpc *rpc, const struct address *from, const struct word *topic,
                  uint64_t first, uint64_t last,
                  enum err (*each)(void *arg, const struct rpc_log *log), void *arg,
                  struct why *why) MUST_USE;

#endif
