/* SPDX-License-Identifier: Apache-2.0
 * The sealed shares from i to j: XChaCha20-Poly1305 over share of a ‖ share of s,
 * nonce in front, AAD = H(graph). docs/protocol.md section 6. */
#ifndef CORE_BOX_H
#define CORE_BOX_H

#include "core/types.h"

#define BOX_BYTES 104u /* nonce 24, shares 64, tag 16 */

struct box {
  uint8_t b[BOX_BYTES];
};

void box_seal(struct box *out, const struct secret_key *key, const struct digest *graph,
              const struct secret_scalar *share_a, const struct secret_scalar *share_s);
/* E_PROOF when the tag does not fit. The shares are not yet checked against anything. */
enum err box_open(struct secret_scalar *share_a, struct secret_scalar *share_s,
                  const struct box *box, const struct secret_key *key,
                  const struct digest *graph) MUST_USE;

#endif
