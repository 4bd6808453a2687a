/* SPDX-License-Identifier: Apache-2.0
 * secp256k1 keys: the relayer's, and the attestor's that follows from the coordinator's.
 * Signing goes through struct signer, so that a remote signer can take its place. */
#ifndef CHAIN_KEY_H
#define CHAIN_KEY_H

#include <jansson.h>

#include "chain/eth.h"

/* A key is a struct secret_key (core/types.h): big-endian, above zero and below the
 * order.
 *
 * r, s, and v as 27 or 28; s is low (EIP-2). */
struct eth_signature {
  uint8_t r[32], s[32];
  uint8_t v;
};

void key_make(struct secret_key *out);
/* E_FIELD_VALUE for zero or the order and above. */
enum err key_address(struct address *out, const struct secret_key *key) MUST_USE;
/* RFC 6979 deterministic, over a 32-byte hash. */
enum err key_sign(struct eth_signature *out, const struct secret_key *key,
                  const struct word *hash) MUST_USE;
/* Whom a signature is from. E_SIGNATURE. */
enum err key_recover(struct address *out, const struct word *hash,
                     const struct eth_signature *sig) MUST_USE;
/* The attestor's key: HKDF-SHA256(salt empty, ikm = the coordinator's 32-byte Ed25519
 * seed, info = "chorus/v1/attestor" and one counter byte from 0), the first output that
 * is a key. */
void key_attestor(struct secret_key *out, const struct secret_identity *coordinator);

/* Whatever signs for an address. sign may block; E_NETWORK when a remote one is away. */
struct signer {
  struct address address;
  void *arg;
  enum err (*sign)(void *arg, const struct word *hash, struct eth_signature *out,
                   struct why *why);
};
/* One that holds the key itself (borrowed). */
enum err signer_local(struct signer *out, const struct secret_key *key) MUST_USE;

/* ---- Web3 keystore v3 (scrypt or pbkdf2, aes-128-ctr) ---- */

/* json: the file. E_SIGNATURE with why for a wrong passphrase, E_FIELD_* for a bad file.
 * scrypt with more than 1 GiB of memory is refused. */
enum err keystore_open(struct secret_key *out, struct bytes json, struct bytes passphrase,
                       struct why *why) MUST_USE;
/* scrypt n=2^17 r=8 p=1; a new value. */
enum err keystore_seal(json_t **out, const struct secret_key *key,
                       struct bytes passphrase) MUST_USE;

#endif
