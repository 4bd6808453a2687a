/* SPDX-License-Identifier: Apache-2.0
 * Runs the suites of clients/lib. */
#define _XOPEN_SOURCE 700
#include "test_client.h"

#include <ftw.h>
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

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
  return remove(path);
}

void temporary_remove(const char *path)
{
  nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
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
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
