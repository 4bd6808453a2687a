/* SPDX-License-Identifier: Apache-2.0
 * Trees of claims, kept by the process: the sums after a round never change, and making
 * the tree of ten thousand takes a third of a second. */
#ifndef SERVER_CLAIMS_CACHE_H
#define SERVER_CLAIMS_CACHE_H

#include "chain/claims.h"
#include "db/db.h"

struct claims_cache;
struct claims_cache *claims_cache_new(void);
void claims_cache_free(struct claims_cache *cache);

/* The tree after a round, made when it is not here. Shared: not to be changed, and given
 * back. */
struct claims_ref {
  const struct claims *claims;
  struct claims_cache *cache;
  struct cached_claims *cached;
};
enum err claims_get(struct claims_cache *cache, struct db *db, const char *model,
                    uint64_t round, struct claims_ref *out) MUST_USE;
void claims_ref_done(struct claims_ref *ref);

#endif
