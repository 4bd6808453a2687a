/* SPDX-License-Identifier: Apache-2.0
 * The suites of src/chain. */
#ifndef TESTS_TEST_CHAIN_H
#define TESTS_TEST_CHAIN_H

#include <check.h>

TCase *test_contracts(void);
TCase *test_eth(void);
TCase *test_governor(void);
TCase *test_key(void);
TCase *test_settlement(void);

#endif
