/* SPDX-License-Identifier: Apache-2.0
 * Sending something to a contract from a key of one's own: a Web3 keystore v3 whose
 * address pays the gas. */
#ifndef CLIENTS_WALLET_H
#define CLIENTS_WALLET_H

#include "chain/abi.h"
#include "clients/lib/chain_view.h"

struct wallet {
  struct secret_key key;
  struct signer signer; /* points at key: the wallet must stay where it is */
};
/* passphrase_file: its first line; NULL: the empty passphrase. E_USAGE and E_IO for
 * files, E_SIGNATURE for a wrong passphrase. Wiped by wallet_done. */
enum err wallet_open(struct wallet *out, const char *keystore,
                     const char *passphrase_file, struct why *why) MUST_USE;
void wallet_done(struct wallet *w);

/* A call that is about to be sent: what it costs at most is known. */
struct wallet_call {
  struct address to;
  struct word value; /* wei to send along */
  struct bytes data; /* borrowed */
  uint64_t gas;
  struct word max_fee, max_tip; /* per gas */
  struct word cost;             /* of the gas at most, in wei */
};
/* Estimates it in the newest block. E_REVERTED with the contract's reason; E_GAS when the
 * key's address cannot pay that much. */
enum err wallet_prepare(struct wallet_call *call, struct chain_view *v,
                        const struct wallet *w, struct why *why) MUST_USE;

struct wallet_sent {
  struct word hash, fee; /* wei that were paid */
  uint64_t block;
};
/* Signs, sends, and waits up to `seconds` until it is in a block. E_REVERTED when it
 * failed there, E_UNANCHORED (with its hash) when it is in none yet: it may still come.
 */
enum err wallet_send(struct wallet_sent *out, struct chain_view *v,
                     const struct wallet *w, const struct wallet_call *call,
                     unsigned seconds, struct why *why) MUST_USE;

/* ---- amounts ---- */

/* n·a; E_OVERFLOW leaves *out as it was. */
enum err word_times(struct word *out, const struct word *a, uint64_t n) MUST_USE;
/* a − b; E_OVERFLOW when b is more. */
enum err word_minus(struct word *out, const struct word *a,
                    const struct word *b) MUST_USE;
/* "0.0123 ETH" for ether (currency zero), else "12300 of the token 0x…". Returns out. */
char *amount_text(char out[160], const struct word *amount,
                  const struct address *currency);

/* One word of a view of a contract, in the newest block. */
enum err wallet_ask(struct chain_view *v, const struct address *to, const char *signature,
                    unsigned args_len, const struct abi_arg *args, struct word *out,
                    struct why *why) MUST_USE;
/* What an address holds of a currency there. */
enum err wallet_balance(struct chain_view *v, const struct address *currency,
                        const struct address *of, struct word *out,
                        struct why *why) MUST_USE;

#endif
