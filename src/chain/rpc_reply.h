/* SPDX-License-Identifier: Apache-2.0
 * What nodes answer: JSON-RPC 2.0 and the shapes inside it. Pure: no network. */
#ifndef CHAIN_RPC_REPLY_H
#define CHAIN_RPC_REPLY_H

#include "chain/rpc.h"

/* The node's own error. */
struct rpc_error {
  json_int_t code;
  char message[160]; /* cleaned */
  bool has_data;     /* `data` is hex */
  struct buf data;
};
void rpc_error_done(struct rpc_error *e);

/* Reads the answer to request `id`. OK: *result, a new value. E_RPC: *error is filled.
 * E_REPLY: not an answer to it. */
enum err reply_read(json_t **result, struct rpc_error *error, struct bytes body,
                    uint64_t id, struct why *why) MUST_USE;

/* Quantities: "0x0", or no leading zero; at most 64 digits. E_REPLY. */
enum err quantity_read(struct word *out, const json_t *v) MUST_USE;
enum err quantity_u64(uint64_t *out, const json_t *v) MUST_USE;
/* Data: 0x and two digits a byte. E_REPLY. data_read appends. */
enum err data_read(struct buf *out, const json_t *v) MUST_USE;
enum err data_fixed(void *out, size_t len, const json_t *v) MUST_USE;

/* E_REPLY names the member. */
enum err block_read(struct rpc_block *out, const json_t *v, struct why *why) MUST_USE;
/* null: not found. E_REPLY when it is of another transaction. */
enum err receipt_read(struct rpc_receipt *out, const json_t *v,
                      const struct word *tx_hash, struct why *why) MUST_USE;
/* One log of eth_getLogs, its data into `data`, which out->data borrows. */
enum err log_read(struct rpc_log *out, struct buf *data, struct address *from,
                  const json_t *v, struct why *why) MUST_USE;

json_t *json_quantity(const struct word *w);
json_t *json_quantity_u64(uint64_t v);
json_t *json_data(struct bytes data);

#endif
