/* SPDX-License-Identifier: Apache-2.0
 * Logging in with a wallet: the text of EIP-4361 (Sign-In with Ethereum), and who signed
 * it by personal_sign (EIP-191). Nothing is kept of a challenge: its nonce carries a MAC
 * over what it is about. */
#ifndef SERVER_SIWE_H
#define SERVER_SIWE_H

#include "chain/eth.h"
#include "server/request.h"

#define SIWE_SECONDS 300u   /* that a challenge is good for */
#define SIWE_TEXT_MAX 1024u /* bytes of it */
#define SIWE_NONCE 64u      /* hex digits */

struct siwe {
  struct address address;
  char nonce[SIWE_NONCE + 1];
  uint64_t issued, expires; /* Unix seconds */
};

/* A new challenge for this address. */
void siwe_make(struct siwe *out, const struct server *s, const struct address *address,
               uint64_t now);
/* The text, as it is for the address and the chain of this server. */
enum err siwe_text(const struct request *rq, const struct siwe *c,
                   struct buf *out) MUST_USE;
/* A text that this server made, for itself, in the last minutes. E_LOGIN says what is
 * wrong. */
enum err siwe_read(struct request *rq, const char *text, uint64_t now,
                   struct siwe *out) MUST_USE;
/* Whether its address signed the text; signature: 0x and 65 bytes of hex. E_FIELD_VALUE,
 * E_LOGIN. */
enum err siwe_check(struct request *rq, const struct siwe *c, const char *text,
                    const char *signature) MUST_USE;

#endif
