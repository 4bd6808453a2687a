/* SPDX-License-Identifier: Apache-2.0
 * The wait list and the lanes for bodies, without libmicrohttpd: what they would do to a
 * connection is counted here. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/http_internal.h"

/* What happened to an exchange; its connection points here. */
struct fate {
  atomic_int requeued, resumed, refused, suspended;
};

static struct fate *fate_of(struct MHD_Connection *c)
{
  return (struct fate *)c;
}

void exchange_requeue(struct exchange *x)
{
  atomic_fetch_add(&fate_of(x->connection)->requeued, 1);
}

void exchange_resume(struct exchange *x)
{
  atomic_fetch_add(&fate_of(x->connection)->resumed, 1);
}

void reply_error(struct exchange *x, enum err e)
{
  ck_assert_int_eq(e, E_BUSY);
  atomic_fetch_add(&fate_of(x->connection)->refused, 1);
}

void MHD_suspend_connection(struct MHD_Connection *c)
{
  atomic_fetch_add(&fate_of(c)->suspended, 1);
}

static void prepare(struct exchange *x, struct fate *f, const char *topic, double seconds)
{
  memset(x, 0, sizeof *x);
  memset(f, 0, sizeof *f);
  x->connection = (struct MHD_Connection *)f;
  snprintf(x->topic, sizeof x->topic, "%s", topic);
  x->wait_deadline = clock_now() + seconds;
}

START_TEST(notification_wakes_its_topic)
{
  struct waits w;
  struct exchange x[2];
  struct fate f[2];
  ck_assert_int_eq(waits_init(&w, NULL), OK);
  prepare(&x[0], &f[0], "model:iris", 60);
  prepare(&x[1], &f[1], "model:digits", 60);
  waits_add(&w, &x[0]);
  waits_add(&w, &x[1]);
  waits_notify(&w, "model:iri");
  ck_assert_int_eq(f[0].requeued + f[1].requeued, 0);
  waits_notify(&w, "model:iris");
  ck_assert_int_eq(f[0].requeued, 1);
  ck_assert_int_eq(f[1].requeued, 0);
  ck_assert(!x[0].request.waited);
  waits_notify(&w, "model:iris");
  ck_assert_int_eq(f[0].requeued, 1);
  waits_notify(&w, NULL);
  ck_assert_int_eq(f[1].requeued, 1);
  waits_close(&w);
  waits_done(&w);
}
END_TEST

/* The change comes after the handler's look and before the entry in the list. */
START_TEST(early_notification_is_not_lost)
{
  static const char *const heard[] = {"model:iris", NULL};
  for (size_t i = 0; i < LENGTH(heard); i++) {
    struct waits w;
    struct exchange x;
    struct fate f;
    ck_assert_int_eq(waits_init(&w, NULL), OK);
    prepare(&x, &f, "model:iris", 60);
    waits_notify(&w, "model:iris"); /* before the look: no reason to run again */
    x.generation = waits_generation(&w);
    waits_add(&w, &x);
    ck_assert_int_eq(f.requeued, 0);
    waits_notify(&w, "model:iris");
    ck_assert_int_eq(f.requeued, 1);
    x.generation = waits_generation(&w);
    waits_notify(&w, heard[i]);
    waits_add(&w, &x);
    ck_assert_int_eq(f.requeued, 2);
    waits_close(&w);
    ck_assert_int_eq(f.refused, 0);
    waits_done(&w);
  }
}
END_TEST

START_TEST(deadline_wakes)
{
  struct waits w;
  struct exchange x[3];
  struct fate f[3];
  ck_assert_int_eq(waits_init(&w, NULL), OK);
  for (int i = 0; i < 3; i++) /* later deadlines first: the thread must wake earlier */
    prepare(&x[i], &f[i], "t", i == 2 ? 0.1 : 60 - i);
  for (int i = 0; i < 3; i++)
    waits_add(&w, &x[i]);
  for (int i = 0; i < 300 && !atomic_load(&f[2].requeued); i++)
    usleep(10000);
  ck_assert_int_eq(f[2].requeued, 1);
  ck_assert(x[2].request.waited);
  ck_assert(clock_now() >= x[2].wait_deadline);
  ck_assert_int_eq(f[0].requeued + f[1].requeued, 0);
  waits_close(&w);
  waits_done(&w);
}
END_TEST

START_TEST(closing_answers_everybody)
{
  struct waits w;
  struct exchange x[3];
  struct fate f[3];
  ck_assert_int_eq(waits_init(&w, NULL), OK);
  for (int i = 0; i < 3; i++)
    prepare(&x[i], &f[i], i ? "a" : "b", 60);
  waits_add(&w, &x[0]);
  waits_add(&w, &x[1]);
  waits_close(&w);
  waits_add(&w, &x[2]); /* too late */
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(f[i].refused, 1);
    ck_assert_int_eq(f[i].resumed, 1);
    ck_assert_int_eq(f[i].requeued, 0);
    ck_assert_int_eq(x[i].stage, STAGE_REPLY);
  }
  waits_done(&w);
}
END_TEST

START_TEST(lanes_serve_in_order)
{
  struct lane l;
  struct exchange x[4];
  struct fate f[4];
  static const size_t need[4] = {60, 60, 10, 100};
  lane_init(&l, 100);
  for (int i = 0; i < 4; i++) {
    prepare(&x[i], &f[i], "", 0);
    x[i].length = need[i];
  }
  ck_assert(lane_take(&l, &x[0], 60));
  ck_assert(!lane_take(&l, &x[1], 60));
  ck_assert(!lane_take(&l, &x[2], 10)); /* would fit, but does not jump the line */
  ck_assert(!lane_take(&l, &x[3], 100));
  for (int i = 1; i < 4; i++)
    ck_assert_int_eq(f[i].suspended, 1);
  lane_give(&l, 60);
  ck_assert_int_eq(f[1].resumed, 1);
  ck_assert_int_eq(f[2].resumed, 1);
  ck_assert_int_eq(f[3].resumed, 0);
  ck_assert_uint_eq(l.used, 70);
  lane_give(&l, x[1].room);
  ck_assert_int_eq(f[3].resumed, 0);
  lane_give(&l, x[2].room);
  ck_assert_int_eq(f[3].resumed, 1);
  ck_assert_uint_eq(x[3].room, 100);
  lane_done(&l);
}
END_TEST

START_TEST(closed_lanes_give_nothing)
{
  struct lane l;
  struct exchange x[3];
  struct fate f[3];
  lane_init(&l, 100);
  for (int i = 0; i < 3; i++) {
    prepare(&x[i], &f[i], "", 0);
    x[i].length = 80;
  }
  ck_assert(lane_take(&l, &x[0], 80));
  ck_assert(!lane_take(&l, &x[1], 80));
  lane_close(&l);
  ck_assert_int_eq(f[1].resumed, 1);
  ck_assert_uint_eq(x[1].room, 0);
  ck_assert(lane_take(&l, &x[2], 80));
  ck_assert_uint_eq(x[2].room, 0);
  lane_give(&l, x[0].room);
  ck_assert_uint_eq(l.used, 0);
  lane_done(&l);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("wait");
  TCase *c = tcase_create("wait");
  tcase_add_test(c, notification_wakes_its_topic);
  tcase_add_test(c, early_notification_is_not_lost);
  tcase_add_test(c, deadline_wakes);
  tcase_add_test(c, closing_answers_everybody);
  tcase_add_test(c, lanes_serve_in_order);
  tcase_add_test(c, closed_lanes_give_nothing);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
