/* SPDX-License-Identifier: Apache-2.0
 * Runs the suites of src/core. */
#include <sodium.h>

#include "test_core.h"

int main(void)
{
  if (sodium_init() < 0)
    return 1;
  Suite *s = suite_create("core");
  suite_add_tcase(s, test_event());
  suite_add_tcase(s, test_group());
  suite_add_tcase(s, test_sharing());
  suite_add_tcase(s, test_keys());
  suite_add_tcase(s, test_ring());
  suite_add_tcase(s, test_merkle());
  suite_add_tcase(s, test_graph());
  suite_add_tcase(s, test_quantise());
  suite_add_tcase(s, test_round());
  suite_add_tcase(s, test_cheat());
  suite_add_tcase(s, test_reward());
  suite_add_tcase(s, test_terms());
  suite_add_tcase(s, test_vectors());
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
