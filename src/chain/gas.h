/* SPDX-License-Identifier: Apache-2.0
 * What calls of our contracts cost, by the figures of docs/chain.md section 5, which are
 * read from that page when this is built. */
#ifndef CHAIN_GAS_H
#define CHAIN_GAS_H

#include <stdbool.h>
#include <stdint.h>

/* Of a round's anchors. roster: of a sparse graph; pays: a result that pays somebody. */
uint64_t gas_anchors(bool roster, bool pays);
/* One receiver's share of payments of ether to so many who were paid before, at least 1.
 */
uint64_t gas_push_share(unsigned receivers);
/* Of somebody who fetches ether and has done so before. */
uint64_t gas_claim(void);

#endif
