/* SPDX-License-Identifier: Apache-2.0
 * A database of one's own for a test: made with a random name on the server that
 * CHORUS_TEST_DB names, dropped at the end. */
#ifndef TEST_DB_H
#define TEST_DB_H

/* Returns the conninfo of a new, empty database; the test fails when there is none. */
const char *test_db_make(void);
void test_db_drop(void);

#endif
