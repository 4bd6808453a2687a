/* SPDX-License-Identifier: Apache-2.0
 * RLP and EIP-1559 transactions. */
#include "chain/tx.h"

#include <string.h>

#define SHORT_MAX 55u /* a payload up to so long has its length in one byte of head */

/* The head of a payload of `len` bytes; base is 0x80 for bytes, 0xc0 for lists. */
static size_t make_head(uint8_t head[9], uint8_t base, size_t len)
{
  size_t n = 0;
  if (len <= SHORT_MAX) {
    head[0] = (uint8_t)(base + len);
    return 1;
  }
  for (size_t left = len; left; left >>= 8)
    n++;
  head[0] = (uint8_t)(base + SHORT_MAX + n);
  for (size_t i = 0; i < n; i++)
    head[1 + i] = (uint8_t)(len >> 8 * (n - 1 - i));
  return 1 + n;
}

enum err rlp_bytes(struct buf *out, struct bytes b)
{
  uint8_t head[9];
  size_t len = make_head(head, 0x80, b.len);
  if (b.len == 1 && b.data[0] < 0x80)
    len = 0; /* stands for itself */
  TRY(buf_reserve(out, len + b.len));
  TRY(buf_put(out, head, len));
  return buf_put(out, b.data, b.len);
}

enum err rlp_number(struct buf *out, const struct word *w)
{
  size_t skip = 0;
  while (skip < sizeof w->b && w->b[skip] == 0)
    skip++;
  return rlp_bytes(out, BYTES(w->b + skip, sizeof w->b - skip));
}

enum err rlp_list(struct buf *out, size_t start)
{
  uint8_t head[9];
  size_t payload = out->len - start, len = make_head(head, 0xc0, payload);
  TRY(buf_put(out, head, len)); /* makes room for it */
  if (payload)
    memmove(out->data + start + len, out->data + start, payload);
  memcpy(out->data + start, head, len);
  return OK;
}

static enum err put_u64(struct buf *out, uint64_t v)
{
  struct word w = word_of(v);
  return rlp_number(out, &w);
}

/* What both the signed and the unsigned form begin with. */
static enum err put_fields(struct buf *out, const struct tx *tx)
{
  TRY(put_u64(out, tx->chain_id));
  TRY(put_u64(out, tx->nonce));
  TRY(rlp_number(out, &tx->max_tip));
  TRY(rlp_number(out, &tx->max_fee));
  TRY(put_u64(out, tx->gas));
  TRY(rlp_bytes(out, tx->create ? BYTES(NULL, 0) : BYTES_OF(tx->to.b)));
  TRY(rlp_number(out, &tx->value));
  TRY(rlp_bytes(out, tx->data));
  return rlp_list(out, out->len); /* no access list */
}

static enum err put_signature(struct buf *out, const struct eth_signature *sig)
{
  const struct word r = word_of_bytes(sig->r, sizeof sig->r);
  const struct word s = word_of_bytes(sig->s, sizeof sig->s);
  TRY(put_u64(out, sig->v - 27u));
  TRY(rlp_number(out, &r));
  return rlp_number(out, &s);
}

enum err tx_sign(struct buf *out, struct word *hash, const struct tx *tx,
                 const struct signer *signer, struct why *why)
{
  static const uint8_t type = 2;
  AUTO(buf_done) struct buf raw = {0};
  struct eth_signature sig;
  struct word digest;
  TRY(buf_put(&raw, &type, 1));
  TRY(put_fields(&raw, tx));
  TRY(rlp_list(&raw, 1));
  keccak256(&digest, buf_bytes(&raw));
  TRY(signer->sign(signer->arg, &digest, &sig, why));
  raw.len = 1; /* the fields again, and now the signature behind them */
  TRY(put_fields(&raw, tx));
  TRY(put_signature(&raw, &sig));
  TRY(rlp_list(&raw, 1));
  keccak256(&digest, buf_bytes(&raw));
  TRY(buf_put(out, raw.data, raw.len));
  *hash = digest;
  return OK;
}
