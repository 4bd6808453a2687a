/* SPDX-License-Identifier: Apache-2.0
 * What calls of our contracts cost. */
#include "chain/gas.h"

#include <stddef.h>

#include "chain/contracts.h"
#include "chain/gas_table.h"

uint64_t gas_anchors(bool roster, bool pays)
{
  return (roster ? GAS_ANCHOR_ROSTER : 0u) + GAS_ANCHOR_SURVIVORS +
         (pays ? GAS_ANCHOR_RESULT_WITH_PAYOUTS_AND_CLAIMS
               : GAS_ANCHOR_RESULT_THAT_PAYS_NOTHING_YET);
}

/* Of one batch of 1 to PAY_BATCH_MAX: straight lines between what was measured. */
static uint64_t push_batch(uint64_t n)
{
  static const struct {
    uint64_t n, gas;
  } known[] = {{1, GAS_PUSH_ETHER_BATCH_OF_1_KNOWN_ACCOUNTS},
               {10, GAS_PUSH_ETHER_BATCH_OF_10_KNOWN_ACCOUNTS},
               {PAY_BATCH_MAX, GAS_PUSH_ETHER_BATCH_OF_100_KNOWN_ACCOUNTS}};
  size_t i = n <= known[1].n ? 0 : 1;
  return known[i].gas + (known[i + 1].gas - known[i].gas) * (n - known[i].n) /
                            (known[i + 1].n - known[i].n);
}

uint64_t gas_push_share(unsigned receivers)
{
  uint64_t full = receivers / PAY_BATCH_MAX, rest = receivers % PAY_BATCH_MAX;
  uint64_t all = full * push_batch(PAY_BATCH_MAX) + (rest ? push_batch(rest) : 0);
  return all / receivers;
}

uint64_t gas_claim(void)
{
  return GAS_CLAIM_ETHER_AMONG_100_LATER;
}
