/* SPDX-License-Identifier: Apache-2.0
 * Sending from a key of one's own. */
#include "clients/lib/wallet.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chain/tx.h"
#include "util/text.h"

#define FILE_MAX 65536u
#define NEWEST "latest"

/* ---- the key ---- */

static enum err read_file(struct buf *out, const char *path, struct why *why)
{
  uint8_t block[4096];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return why_set(why, E_IO, path, "%s", strerror(errno));
  ssize_t got;
  enum err e = OK;
  out->max = FILE_MAX;
  while (e == OK && (got = read(fd, block, sizeof block)) != 0)
    e = got < 0 ? why_set(why, E_IO, path, "%s", strerror(errno))
                : buf_put(out, block, (size_t)got);
  sodium_memzero(block, sizeof block);
  close(fd);
  return e == E_TOO_LARGE ? why_set(why, E_IO, path, "is larger than it can be") : e;
}

static void wipe(struct buf *b)
{
  if (b->data)
    sodium_memzero(b->data, b->len);
  buf_done(b);
}

void wallet_done(struct wallet *w)
{
  sodium_memzero(&w->key, sizeof w->key);
}

enum err wallet_open(struct wallet *out, const char *keystore,
                     const char *passphrase_file, struct why *why)
{
  AUTO(wipe) struct buf json = {0}, passphrase = {0};
  TRY(read_file(&json, keystore, why));
  if (passphrase_file)
    TRY(read_file(&passphrase, passphrase_file, why));
  size_t line = strcspn(buf_text(&passphrase), "\r\n");
  enum err e =
      keystore_open(&out->key, buf_bytes(&json), BYTES(buf_text(&passphrase), line), why);
  if (e == OK)
    e = signer_local(&out->signer, &out->key);
  if (e != OK)
    wallet_done(out);
  return e;
}

/* ---- amounts ---- */

enum err word_times(struct word *out, const struct word *a, uint64_t n)
{
  struct word sum = {0};
  for (unsigned bit = 64; bit-- > 0;) {
    struct word twice = sum;
    TRY(word_add(&sum, &twice));
    if (n >> bit & 1)
      TRY(word_add(&sum, a));
  }
  *out = sum;
  return OK;
}

enum err word_minus(struct word *out, const struct word *a, const struct word *b)
{
  struct word w;
  int borrow = 0;
  for (unsigned i = sizeof w.b; i-- > 0;) {
    int v = a->b[i] - b->b[i] - borrow;
    borrow = v < 0;
    w.b[i] = (uint8_t)(v + 256 * borrow);
  }
  if (borrow)
    return E_OVERFLOW;
  *out = w;
  return OK;
}

char *amount_text(char out[160], const struct word *amount,
                  const struct address *currency)
{
  enum { DECIMALS = 18 };
  char digits[WORD_DIGITS + 1], padded[DECIMALS + WORD_DIGITS + 2], token[ADDRESS_TEXT];
  word_text(digits, amount);
  if (!address_zero(currency)) {
    snprintf(out, 160, "%s of the token %s", digits, address_text(token, currency));
    return out;
  }
  size_t len = strlen(digits), zeros = len > DECIMALS ? 0 : DECIMALS + 1 - len;
  memset(padded, '0', zeros);
  snprintf(padded + zeros, sizeof padded - zeros, "%s", digits);
  size_t whole = zeros + len - DECIMALS, last = zeros + len;
  while (last > whole && padded[last - 1] == '0')
    last--;
  snprintf(out, 160, "%.*s%s%.*s ETH", (int)whole, padded, last > whole ? "." : "",
           (int)(last - whole), padded + whole);
  return out;
}

/* ---- asking ---- */

enum err wallet_ask(struct chain_view *v, const struct address *to, const char *signature,
                    unsigned args_len, const struct abi_arg *args, struct word *out,
                    struct why *why)
{
  AUTO(buf_done) struct buf call = {0}, reply = {0};
  TRY(abi_call(&call, signature, args_len, args));
  TRY(rpc_eth_call(v->rpc, to, buf_bytes(&call), NEWEST, &reply, why));
  enum err e = abi_word(out, buf_bytes(&reply), 1, 0);
  return e == E_REPLY ? why_set(why, e, signature, "is not answered as it should be") : e;
}

enum err wallet_balance(struct chain_view *v, const struct address *currency,
                        const struct address *of, struct word *out, struct why *why)
{
  if (address_zero(currency))
    return rpc_balance(v->rpc, of, NEWEST, out, why);
  return wallet_ask(v, currency, "balanceOf(address)", ABI_ARGS(ABI_ADDRESS(of)), out,
                    why);
}

/* ---- sending ---- */

enum err wallet_prepare(struct wallet_call *call, struct chain_view *v,
                        const struct wallet *w, struct why *why)
{
  static const struct address ether;
  struct word base, has, needed;
  char needs[160], holds[160], who[ADDRESS_TEXT];
  TRY(chain_view_check(v, why));
  TRY(rpc_estimate(v->rpc, &w->signer.address, &call->to, &call->value, call->data,
                   &call->gas, why));
  call->gas += call->gas / 5; /* what it writes may cost more in a later block */
  TRY(rpc_fees(v->rpc, &call->max_tip, &base, why));
  call->max_fee = call->max_tip; /* twice the base fee: it can double before it is in */
  TRY(word_add(&call->max_fee, &base));
  TRY(word_add(&call->max_fee, &base));
  TRY(word_times(&call->cost, &call->max_fee, call->gas));
  TRY(rpc_balance(v->rpc, &w->signer.address, NEWEST, &has, why));
  needed = call->cost;
  if (word_add(&needed, &call->value) != OK || word_compare(&has, &needed) < 0)
    return why_set(
        why, E_GAS, "--key", "%s has %s, and up to %s must be there for the gas%s",
        address_text(who, &w->signer.address), amount_text(holds, &has, &ether),
        amount_text(needs, &call->cost, &ether),
        word_zero(&call->value) ? "" : ", beside what is sent");
  return OK;
}

static enum err wait_for(struct wallet_sent *out, struct chain_view *v, unsigned seconds,
                         struct rpc_receipt *receipt, struct why *why)
{
  time_t until = time(NULL) + (time_t)seconds;
  char hex[65];
  for (;;) {
    struct why inner = {0};
    enum err e = rpc_receipt(v->rpc, &out->hash, receipt, &inner);
    if (e == OK && receipt->found)
      return OK;
    if (time(NULL) >= until)
      return why_set(why, E_UNANCHORED, "the transaction",
                     "0x%s is in no block yet%s%s; it may still come into one",
                     hex_encode(hex, out->hash.b, 32),
                     e == OK ? "" : ", and the node does not answer: ", inner.detail);
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
  }
}

enum err wallet_send(struct wallet_sent *out, struct chain_view *v,
                     const struct wallet *w, const struct wallet_call *call,
                     unsigned seconds, struct why *why)
{
  AUTO(buf_done) struct buf raw = {0};
  struct wallet_sent sent = {0};
  struct rpc_receipt receipt;
  struct tx tx = {.chain_id = v->chain_id,
                  .gas = call->gas,
                  .max_fee = call->max_fee,
                  .max_tip = call->max_tip,
                  .to = call->to,
                  .value = call->value,
                  .data = call->data};
  TRY(rpc_nonce(v->rpc, &w->signer.address, "pending", &tx.nonce, why));
  TRY(tx_sign(&raw, &sent.hash, &tx, &w->signer, why));
  TRY(rpc_send_raw(v->rpc, buf_bytes(&raw), why));
  TRY(wait_for(&sent, v, seconds, &receipt, why));
  sent.block = receipt.block;
  TRY(word_times(&sent.fee, &receipt.gas_price, receipt.gas_used));
  *out = sent;
  if (!receipt.success)
    return why_set(why, E_REVERTED, "the transaction",
                   "is in block %llu, but failed there: its gas is spent, nothing else "
                   "happened",
                   (unsigned long long)sent.block);
  return OK;
}
