/* SPDX-License-Identifier: Apache-2.0
 * The sealed shares. */
#include "core/box.h"

#include <sodium.h>
#include <string.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
_Static_assert(BOX_BYTES == NONCE + 64 + TAG, "the parts of a box");

void box_seal(struct box *out, const struct secret_key *key, const struct digest *graph,
              const struct secret_scalar *share_a, const struct secret_scalar *share_s)
{
  uint8_t plain[64];
  memcpy(plain, share_a->b, 32);
  memcpy(plain + 32, share_s->b, 32);
  randombytes_buf(out->b, NONCE);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out->b + NONCE, NULL, plain, sizeof plain,
                                             graph->b, sizeof graph->b, NULL, out->b,
                                             key->b);
  sodium_memzero(plain, sizeof plain);
}

enum err box_open(struct secret_scalar *share_a, struct secret_scalar *share_s,
                  const struct box *box, const struct secret_key *key,
                  const struct digest *graph)
{
  uint8_t plain[64];
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, box->b + NONCE,
                                                 BOX_BYTES - NONCE, graph->b,
                                                 sizeof graph->b, box->b, key->b) != 0)
    return E_PROOF;
  memcpy(share_a->b, plain, 32);
  memcpy(share_s->b, plain + 32, 32);
  sodium_memzero(plain, sizeof plain);
  return OK;
}
