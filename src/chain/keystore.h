/* SPDX-License-Identifier: Apache-2.0
 * A Web3 keystore v3 as it was read, before its key is derived: what keystore_open and
 * the tests of its parser share. */
#ifndef CHAIN_KEYSTORE_H
#define CHAIN_KEYSTORE_H

#include "chain/key.h"

#define KEYSTORE_BYTES_MAX 65536u
#define KEYSTORE_SALT_MAX 64u

struct keystore {
  bool scrypt; /* else PBKDF2 with HMAC-SHA256 */
  uint64_t n, r, p, rounds;
  uint8_t salt[KEYSTORE_SALT_MAX];
  size_t salt_len;
  uint8_t iv[16], ciphertext[32], mac[32];
  bool addressed;
  struct address address; /* that the file says it is for */
};

/* E_JSON, E_TOO_LARGE, E_FIELD_*. */
enum err keystore_parse(struct keystore *out, struct bytes json,
                        struct why *why) MUST_USE;

#endif
