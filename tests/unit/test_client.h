/* SPDX-License-Identifier: Apache-2.0
 * The suites of the clients' library. */
#ifndef TEST_CLIENT_H
#define TEST_CLIENT_H

#include <check.h>

/* A fresh folder below the build's temporary one; removed by temporary_remove. */
void temporary_make(char path[256]);
void temporary_remove(const char *path);

TCase *test_home(void);
TCase *test_parsing(void);
TCase *test_drive(void);
TCase *test_distrust(void);
TCase *test_watch(void);
TCase *test_promise(void);
TCase *test_reader(void);
TCase *test_chain_view(void);
TCase *test_wallet(void);

#endif
