/* SPDX-License-Identifier: Apache-2.0
 * The audit against rounds in memory: honest ones hold, and every check finds what it is
 * there for. */
#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clients/lib/audit.h"
#include "model/net.h"
#include "show.h"
#include "util/field.h"
#include "util/text.h"

#define MUST(call) ck_assert_int_eq(call, OK)

#define QUANTISATION                                                                     \
  "\"quantisation\":{\"bits\":16,\"range\":\"1\",\"clip\":\"1000\",\"weight_cap\":100},"
#define TERMS                                                                            \
  "\"cohort\":{\"minimum\":3,\"maximum\":50,\"corrupt_bp\":1000,\"dropout_bp\":1000},"   \
  "\"deadlines\":{\"join\":60,\"share\":60,\"upload\":60,\"unmask\":60},"
#define TEXTS "{\"name\":\"toy\",\"purpose\":\"p\",\"consent\":\"c\","
#define VECTOR(d, bits, server, reward)                                                  \
  TEXTS "\"kind\":\"vector\",\"dimension\":" #d "," QUANTISATION TERMS                   \
        "\"ring_bits\":" #bits "," server "," reward "}"
#define FEDAVG "\"server\":{\"kind\":\"fedavg\",\"rate\":\"1\"}"
#define FEDADAM                                                                          \
  "\"server\":{\"kind\":\"fedadam\",\"rate\":\"0.1\",\"beta1\":\"0.9\",\"beta2\":"       \
  "\"0.99\",\"epsilon\":\"0.001\"}"
#define NO_REWARD "\"reward\":{\"scheme\":\"none\",\"budget\":\"0\"}"
#define SAMPLES "\"reward\":{\"scheme\":\"samples\",\"budget\":\"1000\"}"

/* Three chunks. */
#define LARGE VECTOR(300000, 64, FEDAVG, NO_REWARD)
#define SMALL VECTOR(20, 32, FEDADAM, SAMPLES)

static void look(struct report *r, struct show *s, struct source *source,
                 const struct audit_options *options)
{
  struct why why = {0};
  AUTO(audit_log_drop) struct audit_log *log = NULL;
  MUST(audit_log_open(&log, source, &s->pin, NULL, &why));
  report_init(r);
  enum err e =
      audit_round(r, source, log, &s->pin, &s->rounds[s->played - 1].ctx, options, &why);
  ck_assert_msg(e == OK, "%s %s %s", err_info(e)->name, why.field, why.detail);
}

static void text_of(const struct report *r, struct buf *out)
{
  MUST(report_text(out, r));
}

static void must_hold(struct show *s, const struct audit_options *options)
{
  AUTO(buf_done) struct buf text = {0};
  AUTO(report_done) struct report r;
  AUTO(source_drop) struct source *source = source_dossier(s->dossier, true);
  look(&r, s, source, options);
  text_of(&r, &text);
  if (getenv("SHOW")) puts(buf_text(&text));
  ck_assert_msg(!report_broken(&r), "%s", buf_text(&text));
  for (enum check c = 0; c < CHECKS; c++)
    ck_assert_msg(report_verdict(&r, c) != VERDICT_NOT_CHECKED, "%s", buf_text(&text));
}

START_TEST(test_honest)
{
  static const struct {
    const char *spec;
    unsigned n, sharers, survivors;
  } cases[] = {{SMALL, 5, 5, 5}, {SMALL, 6, 6, 5}, {LARGE, 5, 5, 4}};
  const struct audit_options full = {0}, light = {.light = 2};
  struct show s;
  show_init(&s, cases[_i].spec, cases[_i].n);
  for (unsigned r = 0; r < 2; r++) {
    show_round(&s, cases[_i].sharers, cases[_i].survivors);
    show_publish(&s);
    must_hold(&s, &full);
    must_hold(&s, &light);
  }
  show_done(&s);
}
END_TEST

int main(void)
{
  if (sodium_init() < 0)
    return 1;
  model_init();
  Suite *s = suite_create("audit");
  TCase *t = tcase_create("audit");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, test_honest, 0, 3);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
