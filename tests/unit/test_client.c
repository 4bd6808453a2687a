/* SPDX-License-Identifier: Apache-2.0
 * Runs the suites of clients/lib. */
#include "test_client.h"

#include <fts.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "model/net.h"

void temporary_make(char path[256])
{
  const char *base = getenv("TMPDIR");
  if (!base) /* in memory where that is possible: these tests sync thousands of times */
    base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  snprintf(path, 256, "%s/chorus-test-XXXXXX", base);
  ck_assert_ptr_nonnull(mkdtemp(path));
}

void temporary_remove(const char *path)
{
  char *const roots[] = {(char *)path, NULL};
  FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOSTAT, NULL);
  ck_assert_ptr_nonnull(walk);
  for (FTSENT *at; (at = fts_read(walk));)
    if (at->fts_info != FTS_D)
      ck_assert_int_eq(remove(at->fts_accpath), 0);
  fts_close(walk);
}

int main(void)
{
  if (sodium_init() < 0)
    return 1;
  model_init();
  Suite *s = suite_create("client");
  suite_add_tcase(s, test_home());
  suite_add_tcase(s, test_parsing());
  suite_add_tcase(s, test_drive());
  suite_add_tcase(s, test_distrust());
  suite_add_tcase(s, test_watch());
  suite_add_tcase(s, test_promise());
  suite_add_tcase(s, test_reader());
  suite_add_tcase(s, test_chain_view());
  suite_add_tcase(s, test_wallet());
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
