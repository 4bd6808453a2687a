/* SPDX-License-Identifier: Apache-2.0
 * The suites of the audit. */
#ifndef TEST_AUDIT_H
#define TEST_AUDIT_H

#include <check.h>

TCase *test_audit_chain(void);

#endif
