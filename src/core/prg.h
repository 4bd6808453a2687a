/* SPDX-License-Identifier: Apache-2.0
 * The pseudorandom generator of docs/protocol.md section 1.2: AES-256 in counter mode,
 * keystream byte o is byte (o mod 16) of AES(key, BE128(o / 16)). ring.h has the calls
 * that everybody needs; this is the stream below them. */
#ifndef CORE_PRG_H
#define CORE_PRG_H

#include "core/types.h"

#define PRG_BLOCK 16u

/* evp_cipher_ctx_st: OpenSSL's EVP_CIPHER_CTX, which wipes itself when freed. */
struct prg {
  struct evp_cipher_ctx_st *cipher;
};

/* Starts the stream at keystream byte 16*block. prg_close on every path. */
enum err prg_open(struct prg *p, const struct secret_key *key, uint64_t block) MUST_USE;
void prg_close(struct prg *p);
/* The next `len` bytes. */
enum err prg_next(struct prg *p, uint8_t *out, size_t len) MUST_USE;

#endif
