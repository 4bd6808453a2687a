/* SPDX-License-Identifier: Apache-2.0
 * The home folder: a write is whole or not at all, wherever it is stopped. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/lib/home.h"
#include "test_client.h"

static char folder[256];
static struct home *home;

static void setup(void)
{
  struct why why;
  char path[300];
  temporary_make(folder);
  snprintf(path, sizeof path, "%s/a/home", folder);
  ck_assert_int_eq(home_open(&home, path, true, &why), OK);
}

static void teardown(void)
{
  home_close(home);
  temporary_remove(folder);
}

static void reads(const char *path, const char *expected)
{
  AUTO(buf_done) struct buf b = {0};
  enum err e = home_read(home, path, &b, NULL);
  if (!expected) {
    ck_assert_int_eq(e, E_NOT_FOUND);
    return;
  }
  ck_assert_int_eq(e, OK);
  ck_assert_str_eq(buf_text(&b), expected);
}

static enum err write_text(const char *path, const char *text, bool once)
{
  struct bytes b = BYTES(text, strlen(text));
  return once ? home_write_once(home, path, b, NULL) : home_write(home, path, b, NULL);
}

START_TEST(nobody_else_can_look)
{
  struct stat st;
  char path[400];
  ck_assert_int_eq(write_text("rounds/x/secret", "s", false), OK);
  snprintf(path, sizeof path, "%s/rounds/x/secret", home_path(home));
  ck_assert_int_eq(stat(path, &st), 0);
  ck_assert_uint_eq(st.st_mode & 0777, 0600);
  snprintf(path, sizeof path, "%s/rounds/x", home_path(home));
  ck_assert_int_eq(stat(path, &st), 0);
  ck_assert_uint_eq(st.st_mode & 0777, 0700);
  ck_assert_int_eq(stat(home_path(home), &st), 0);
  ck_assert_uint_eq(st.st_mode & 0777, 0700);
}
END_TEST

START_TEST(one_process_at_a_time)
{
  struct home *second = NULL;
  struct why why;
  ck_assert_int_eq(home_open(&second, home_path(home), true, &why), E_CONFLICT);
  ck_assert_int_eq(home_open(&second, home_path(home), false, &why), OK);
  home_close(second);
  char path[300];
  snprintf(path, sizeof path, "%s", home_path(home));
  home_close(home);
  ck_assert_int_eq(home_open(&home, path, true, &why), OK);
}
END_TEST

START_TEST(written_once_stays)
{
  ck_assert_int_eq(write_text("said", "first", true), OK);
  ck_assert_int_eq(write_text("said", "first", true), OK);
  ck_assert_int_eq(write_text("said", "second", true), E_CONFLICT);
  ck_assert_int_eq(write_text("said", "", true), E_CONFLICT);
  reads("said", "first");
}
END_TEST

START_TEST(lists_and_removes)
{
  AUTO(buf_done) struct buf small = {.max = 3};
  json_t *names;
  ck_assert_int_eq(home_list(home, "none", &names, NULL), OK);
  ck_assert_uint_eq(json_array_size(names), 0);
  json_decref(names);
  ck_assert_int_eq(write_text("f/b", "1234", false), OK);
  ck_assert_int_eq(write_text("f/a", "2", false), OK);
  ck_assert_int_eq(write_text("f/c.new", "2", false), OK);
  ck_assert_int_eq(home_list(home, "f", &names, NULL), OK);
  ck_assert_uint_eq(json_array_size(names), 2);
  ck_assert_str_eq(json_string_value(json_array_get(names, 0)), "a");
  json_decref(names);
  ck_assert_int_eq(home_read(home, "f/b", &small, NULL), E_STATE);
  ck_assert_int_eq(home_remove(home, "f/b", NULL), OK);
  ck_assert_int_eq(home_remove(home, "f/b", NULL), OK);
  reads("f/b", NULL);
}
END_TEST

/* ---- crashes ---- */

struct crash {
  unsigned left; /* steps that still succeed */
  bool fired;
};

static bool crash(void *arg, const char *step)
{
  struct crash *c = arg;
  if (c->left) {
    c->left--;
    return false;
  }
  c->fired = true;
  return true; /* and so does everything after it: the process is gone */
}

/* Runs an operation that is stopped after so many steps, then looks again. */
static bool stopped_after(unsigned steps, enum err (*operation)(void))
{
  struct crash c = {.left = steps};
  struct why why;
  char path[300];
  home_set_fault(home, crash, &c);
  enum err e = operation();
  ck_assert_int_eq(e == OK, !c.fired);
  snprintf(path, sizeof path, "%s", home_path(home));
  home_close(home);
  ck_assert_int_eq(home_open(&home, path, true, &why), OK);
  return c.fired;
}

static enum err replace(void)
{
  return write_text("deep/er/file", "new and longer", false);
}

START_TEST(replacing_is_whole_or_not_at_all)
{
  bool before = false, after = false;
  for (unsigned steps = 0;; steps++) {
    AUTO(buf_done) struct buf b = {0};
    ck_assert_int_eq(write_text("deep/er/file", "old", false), OK);
    bool fired = stopped_after(steps, replace);
    ck_assert_int_eq(home_read(home, "deep/er/file", &b, NULL), OK);
    bool old = strcmp(buf_text(&b), "old") == 0;
    ck_assert(old || strcmp(buf_text(&b), "new and longer") == 0);
    before = before || old;
    after = after || !old;
    if (fired)
      continue;
    ck_assert(!old);
    break;
  }
  ck_assert(before && after);
}
END_TEST

static enum err first(void)
{
  return write_text("x/once", "the only one", true);
}

START_TEST(writing_once_is_whole_or_not_at_all)
{
  for (unsigned steps = 0;; steps++) {
    bool fired = stopped_after(steps, first);
    AUTO(buf_done) struct buf b = {0};
    enum err e = home_read(home, "x/once", &b, NULL);
    ck_assert(e == E_NOT_FOUND || e == OK);
    ck_assert(e != OK || strcmp(buf_text(&b), "the only one") == 0);
    /* what it was to be can always still be written, what it is not never */
    if (e == OK)
      ck_assert_int_eq(write_text("x/once", "another", true), E_CONFLICT);
    ck_assert_int_eq(first(), OK);
    reads("x/once", "the only one");
    ck_assert_int_eq(home_remove(home, "x/once", NULL), OK);
    if (!fired)
      break;
  }
}
END_TEST

TCase *test_home(void)
{
  TCase *t = tcase_create("home");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, nobody_else_can_look);
  tcase_add_test(t, one_process_at_a_time);
  tcase_add_test(t, written_once_stays);
  tcase_add_test(t, lists_and_removes);
  tcase_add_test(t, replacing_is_whole_or_not_at_all);
  tcase_add_test(t, writing_once_is_whole_or_not_at_all);
  return t;
}
