/* SPDX-License-Identifier: Apache-2.0
 * Runs the suites of src/ledger. */
#include "test_ledger.h"

#include <sodium.h>

int main(void)
{
  if (sodium_init() < 0)
    return 1;
  Suite *s = suite_create("ledger");
  suite_add_tcase(s, test_tile());
  suite_add_tcase(s, test_tlog());
  suite_add_tcase(s, test_note());
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
