/* SPDX-License-Identifier: Apache-2.0
 * The test cases of the ledger. */
#ifndef TEST_LEDGER_H
#define TEST_LEDGER_H

#include <check.h>

TCase *test_tile(void);
TCase *test_tlog(void);
TCase *test_note(void);

#endif
