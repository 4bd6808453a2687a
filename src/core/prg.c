/* SPDX-License-Identifier: Apache-2.0
 * AES-256-CTR through OpenSSL. */
#include "core/prg.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#include "core/ring.h"

#define PRG_CALL ((size_t)1 << 20) /* bytes per call into OpenSSL, which takes an int */

enum err prg_open(struct prg *p, const struct secret_key *key, uint64_t block)
{
  uint8_t counter[PRG_BLOCK] = {0};
  for (unsigned i = 0; i < 8; i++)
    counter[15 - i] = (uint8_t)(block >> 8 * i);
  p->cipher = EVP_CIPHER_CTX_new();
  if (!p->cipher ||
      EVP_EncryptInit_ex(p->cipher, EVP_aes_256_ctr(), NULL, key->b, counter) != 1)
    return E_INTERNAL;
  return OK;
}

void prg_close(struct prg *p)
{
  EVP_CIPHER_CTX_free(p->cipher);
  p->cipher = NULL;
}

enum err prg_next(struct prg *p, uint8_t *out, size_t len)
{
  memset(out, 0, len); /* encrypting zeros in place gives the keystream */
  for (size_t done = 0; done < len;) {
    int part = (int)MIN(len - done, PRG_CALL), got = 0;
    if (EVP_EncryptUpdate(p->cipher, out + done, &got, out + done, part) != 1 ||
        got != part)
      return E_INTERNAL;
    done += (size_t)part;
  }
  return OK;
}

enum err prg_bytes(uint8_t *out, size_t len, uint64_t offset,
                   const struct secret_key *key)
{
  AUTO(prg_close) struct prg p = {NULL};
  uint8_t skipped[PRG_BLOCK];
  TRY(prg_open(&p, key, offset / PRG_BLOCK));
  enum err e = prg_next(&p, skipped, offset % PRG_BLOCK);
  sodium_memzero(skipped, sizeof skipped);
  return e == OK ? prg_next(&p, out, len) : e;
}
