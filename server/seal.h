/* SPDX-License-Identifier: Apache-2.0
 * Sealed bytes in the database: a random nonce, then XChaCha20-Poly1305. Whoever has the
 * database alone reads nothing of them. */
#ifndef SERVER_SEAL_H
#define SERVER_SEAL_H

#include "core/types.h"

#define SEAL_OVERHEAD 40u /* nonce and tag */

/* Appends the sealed text. owner: what it is for; it opens for nothing else. */
enum err seal_put(struct buf *out, const struct secret_key *key, struct bytes owner,
                  struct bytes text) MUST_USE;
/* Appends the text, which its owner wipes. E_CONFIG when it was sealed with another key
 * or for something else. */
enum err seal_open(struct buf *out, const struct secret_key *key, struct bytes owner,
                   struct bytes sealed) MUST_USE;

#endif
