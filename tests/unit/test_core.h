/* SPDX-License-Identifier: Apache-2.0
 * The suites of the core, one file each. */
#ifndef TEST_CORE_H
#define TEST_CORE_H

#include <check.h>

TCase *test_event(void);
TCase *test_round(void);
TCase *test_cheat(void);
TCase *test_group(void);
TCase *test_sharing(void);
TCase *test_keys(void);
TCase *test_ring(void);
TCase *test_merkle(void);
TCase *test_graph(void);
TCase *test_quantise(void);
TCase *test_reward(void);
TCase *test_terms(void);
TCase *test_vectors(void);

#endif
