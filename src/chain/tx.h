/* SPDX-License-Identifier: Apache-2.0
 * EIP-1559 transactions: RLP (Ethereum yellow paper, appendix B), signing, hash. */
#ifndef CHAIN_TX_H
#define CHAIN_TX_H

#include "chain/key.h"

struct tx {
  uint64_t chain_id, nonce, gas;
  struct word max_fee, max_tip; /* per gas, wei */
  bool create;                  /* a contract: `to` is not used */
  struct address to;
  struct word value;
  struct bytes data; /* borrowed */
};

/* Appends the raw signed transaction (0x02 ‖ RLP) to out and gives its hash. */
enum err tx_sign(struct buf *out, struct word *hash, const struct tx *tx,
                 const struct signer *signer, struct why *why) MUST_USE;

/* ---- RLP, for tests and addresses too ---- */
enum err rlp_bytes(struct buf *out, struct bytes b) MUST_USE;
/* Big-endian without leading zeros. */
enum err rlp_number(struct buf *out, const struct word *w) MUST_USE;
/* Puts the list's head before what stands in out from `start` on. */
enum err rlp_list(struct buf *out, size_t start) MUST_USE;

#endif
