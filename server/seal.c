/* SPDX-License-Identifier: Apache-2.0
 * Sealed bytes in the database. */
#include "server/seal.h"

#include <sodium.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(NONCE + TAG == SEAL_OVERHEAD, "the header says how much longer it gets");

enum err seal_put(struct buf *out, const struct secret_key *key, struct bytes owner,
                  struct bytes text)
{
  TRY(buf_reserve(out, text.len + SEAL_OVERHEAD));
  uint8_t *nonce = out->data + out->len;
  randombytes_buf(nonce, NONCE);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE, NULL, text.data, text.len,
                                             owner.data, owner.len, NULL, nonce, key->b);
  out->len += text.len + SEAL_OVERHEAD;
  out->data[out->len] = 0;
  return OK;
}

enum err seal_open(struct buf *out, const struct secret_key *key, struct bytes owner,
                   struct bytes sealed)
{
  if (sealed.len < SEAL_OVERHEAD)
    return E_CONFIG;
  TRY(buf_reserve(out, sealed.len - SEAL_OVERHEAD));
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          out->data + out->len, NULL, NULL, sealed.data + NONCE, sealed.len - NONCE,
          owner.data, owner.len, sealed.data, key->b) != 0)
    return E_CONFIG;
  out->len += sealed.len - SEAL_OVERHEAD;
  out->data[out->len] = 0;
  return OK;
}
