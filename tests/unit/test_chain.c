/* SPDX-License-Identifier: Apache-2.0
 * Runs the suites of src/chain. */
#include "test_chain.h"

#include <sodium.h>

int main(void)
{
  if (sodium_init() < 0)
    return 1;
  Suite *s = suite_create("chain");
  suite_add_tcase(s, test_eth());
  suite_add_tcase(s, test_key());
  suite_add_tcase(s, test_contracts());
  suite_add_tcase(s, test_settlement());
  suite_add_tcase(s, test_governor());
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
