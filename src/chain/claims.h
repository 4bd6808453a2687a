/* SPDX-License-Identifier: Apache-2.0
 * Cumulative claims: what each address may have fetched from the vault in all, and the
 * tree whose root a result anchors. docs/chain.md section 4. */
#ifndef CHAIN_CLAIMS_H
#define CHAIN_CLAIMS_H

#include <jansson.h>

#include "chain/contracts.h"
#include "chain/tree.h"

struct claimant {
  struct address account;
  struct word cumulative; /* all that it ever could claim; only grows */
};

struct claims {
  struct claimant *all; /* by address */
  unsigned len;
  struct tree tree; /* of claim_leaf */
};

/* Takes claimants in any order (copied) with distinct addresses and sums above zero. */
void claims_make(struct claims *out, const struct claimant *claimants, unsigned len);
void claims_done(struct claims *c);

/* The one of an address, and its proof upwards. E_NOT_FOUND. */
enum err claims_find(const struct claims *c, const struct address *account,
                     struct claimant *out, struct word proof[32],
                     unsigned *proof_len) MUST_USE;

/* The whole tree as OpenZeppelin's StandardMerkleTree.dump() writes it ("standard-v1"),
 * which its load() and other tools read. A new value. */
json_t *claims_dump(const struct claims *c);

#endif
