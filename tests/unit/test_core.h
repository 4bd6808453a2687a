/* SPDX-License-Identifier: Apache-2.0
 * The suites of the core, one file each. */
#ifndef TEST_CORE_H
#define TEST_CORE_H

#include <check.h>

TCase *test_event(void);

#endif
