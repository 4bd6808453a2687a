/* SPDX-License-Identifier: Apache-2.0
 * The audit against rounds in memory: honest ones hold, and every check finds what it is
 * there for. */
#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/lib/audit.h"
#include "clients/lib/work.h"
#include "core/group.h"
#include "core/merkle.h"
#include "model/net.h"
#include "show.h"
#include "test_audit.h"
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

/* What was found and what was not checked, short enough for a message. */
static void text_of(const struct report *r, struct buf *out)
{
  for (enum check c = 0; c < CHECKS; c++)
    if (*r->checks[c].reason)
      MUST(buf_printf(out, "%s was not checked: %s\n", check_name(c),
                      r->checks[c].reason));
  for (size_t i = 0; i < r->len && out->len < 3000; i++)
    MUST(buf_printf(out, "%s, %s: %s\n", check_name(r->findings[i].check),
                    r->findings[i].subject, r->findings[i].detail));
  MUST(buf_puts(out, ""));
}

static void must_hold(struct show *s, const struct audit_options *options)
{
  AUTO(buf_done) struct buf text = {0};
  AUTO(report_done) struct report r;
  AUTO(source_drop) struct source *source = source_dossier(s->dossier, true);
  look(&r, s, source, options);
  text_of(&r, &text);
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

START_TEST(test_complaint)
{
  const struct audit_options full = {0};
  AUTO(report_done) struct report r;
  struct show s;
  show_init(&s, SMALL, 6);
  s.play.spoil = true;
  show_round(&s, 6, 6);
  show_publish(&s);
  must_hold(&s, &full);
  AUTO(source_drop) struct source *source = source_dossier(s.dossier, true);
  look(&r, &s, source, &full);
  ck_assert_uint_eq(r.checks[CHECK_COMPLAINTS].checked, 1);
  ck_assert_uint_eq(r.checks[CHECK_NAMED].checked, 1);
  show_done(&s);
}
END_TEST

/* ---- attempts that failed ---- */

START_TEST(test_failed)
{
  static const struct {
    const char *reason, *phase;
    bool holds;
  } cases[] = {{"below-threshold", "share", true},
               {"cancelled", "share", true},
               {"no-such-reason", "share", false},
               {"below-threshold", "join", false},
               {"below-threshold", "unmask", false}};
  const struct audit_options full = {0};
  AUTO(report_done) struct report r;
  struct show s;
  show_init(&s, SMALL, 5);
  show_failed(&s, 2, cases[_i].reason);
  json_t *failed = show_event(&s, "failed", 0);
  json_object_set_new(failed, "phase", json_string(cases[_i].phase));
  show_sign(&s, failed);
  show_publish(&s);
  AUTO(source_drop) struct source *source = source_dossier(s.dossier, true);
  look(&r, &s, source, &full);
  ck_assert(r.failed);
  ck_assert_int_eq(report_verdict(&r, CHECK_FAILURE),
                   cases[_i].holds ? VERDICT_HOLDS : VERDICT_BROKEN);
  ck_assert_int_eq(report_broken(&r), !cases[_i].holds);
  ck_assert_uint_eq(r.checks[CHECK_DEALS].checked, 2);
  ck_assert_int_eq(report_verdict(&r, CHECK_SUM), VERDICT_ABSENT);
  show_done(&s);
}
END_TEST

/* ---- vectors that can't be had ---- */

/* A source whose masked vectors are refused with this error. */
struct refusing {
  struct source source;
  struct source *inner;
  enum err e;
};

static enum err refusing_get(struct source *base, const char *path,
                             struct http_range range, size_t max, struct buf *out,
                             struct why *why)
{
  const struct refusing *r = (const struct refusing *)base;
  if (strstr(path, "/chunks/"))
    return why_set(why, r->e, "", "refused");
  return r->inner->get(r->inner, path, range, max, out, why);
}

static void refusing_free(struct source *base)
{
  struct refusing *r = (struct refusing *)base;
  source_drop(&r->inner);
  free(r);
}

static struct source *refuse(struct source *inner, enum err e);

static enum err refusing_again(struct source *base, struct source **out, struct why *why)
{
  const struct refusing *r = (const struct refusing *)base;
  struct source *inner = NULL;
  TRY(r->inner->again(r->inner, &inner, why));
  *out = refuse(inner, r->e);
  return OK;
}

static struct source *refuse(struct source *inner, enum err e)
{
  struct refusing *r = must_calloc(1, sizeof *r);
  *r = (struct refusing){{.get = refusing_get,
                          .again = refusing_again,
                          .free = refusing_free,
                          .vectors = true},
                         inner,
                         e};
  return &r->source;
}

#define FOR_MEMBERS                                                                      \
  TEXTS "\"kind\":\"vector\",\"dimension\":20," QUANTISATION TERMS                       \
        "\"audit\":{\"audience\":\"members\",\"window\":60},\"ring_bits\":32," FEDAVG    \
        "," NO_REWARD "}"

START_TEST(test_refused)
{
  static const struct {
    const char *spec;
    enum err e;
    bool erased;
    enum verdict vectors, sum;
  } cases[] = {
      {SMALL, E_ERASED, true, VERDICT_NOT_CHECKED, VERDICT_NOT_CHECKED},
      {SMALL, E_ERASED, false, VERDICT_BROKEN, VERDICT_NOT_CHECKED},
      {SMALL, E_NOT_FOUND, false, VERDICT_BROKEN, VERDICT_NOT_CHECKED},
      {SMALL, E_REPLY, true, VERDICT_BROKEN, VERDICT_NOT_CHECKED},
      {SMALL, E_FORBIDDEN, false, VERDICT_BROKEN, VERDICT_NOT_CHECKED},
      {FOR_MEMBERS, E_FORBIDDEN, false, VERDICT_NOT_CHECKED, VERDICT_NOT_CHECKED},
      {FOR_MEMBERS, E_UNAUTHENTICATED, false, VERDICT_NOT_CHECKED, VERDICT_NOT_CHECKED}};
  const struct audit_options full = {0};
  AUTO(report_done) struct report r;
  struct show s;
  show_init(&s, cases[_i].spec, 5);
  show_round(&s, 5, 5);
  if (cases[_i].erased)
    show_erase(&s, 1800000000);
  show_publish(&s);
  AUTO(source_drop)
  struct source *source = refuse(source_dossier(s.dossier, true), cases[_i].e);
  look(&r, &s, source, &full);
  ck_assert_int_eq(report_verdict(&r, CHECK_VECTORS), cases[_i].vectors);
  ck_assert_int_eq(report_verdict(&r, CHECK_SUM), cases[_i].sum);
  ck_assert_int_eq(report_verdict(&r, CHECK_MODEL), VERDICT_HOLDS);
  ck_assert_int_eq(report_verdict(&r, CHECK_RETENTION),
                   cases[_i].erased ? VERDICT_HOLDS : VERDICT_ABSENT);
  show_done(&s);
}
END_TEST

/* What only says that nothing could be learnt ends the audit. */
START_TEST(test_unreachable)
{
  const struct audit_options full = {0};
  struct why why = {0};
  struct show s;
  AUTO(report_done) struct report r;
  AUTO(audit_log_drop) struct audit_log *log = NULL;
  show_init(&s, SMALL, 5);
  show_round(&s, 5, 5);
  show_publish(&s);
  AUTO(source_drop)
  struct source *source = refuse(source_dossier(s.dossier, true), E_NETWORK);
  MUST(audit_log_open(&log, source, &s.pin, NULL, &why));
  report_init(&r);
  ck_assert_int_eq(audit_round(&r, source, log, &s.pin, &s.rounds[0].ctx, &full, &why),
                   E_NETWORK);
  show_done(&s);
}
END_TEST

/* ---- a checkpoint that is known ---- */

START_TEST(test_known)
{
  struct why why = {0};
  struct show s;
  struct checkpoint known = {0};
  static const struct {
    int64_t more; /* leaves beyond the log's */
    bool bent, holds;
  } cases[] = {{0, false, true},
               {0, true, false},
               {-5, false, true},
               {-5, true, false},
               {7, false, false}};
  show_init(&s, SMALL, 5);
  show_round(&s, 5, 5);
  show_publish(&s);
  AUTO(source_drop) struct source *source = source_dossier(s.dossier, true);
  size_t all = json_array_size(s.log);
  for (size_t c = 0; c < LENGTH(cases); c++) {
    AUTO(report_done) struct report r;
    AUTO(audit_log_drop) struct audit_log *log = NULL;
    struct merkle tree = {0};
    known.size = (uint64_t)((int64_t)all + cases[c].more);
    for (size_t i = 0; i < MIN(known.size, all); i++) {
      AUTO(buf_done) struct buf leaf = {0};
      MUST(event_canonical(&leaf, json_array_get(s.log, i), true));
      merkle_add(&tree, buf_bytes(&leaf));
    }
    merkle_root(&known.root, &tree);
    known.root.b[0] ^= cases[c].bent;
    MUST(audit_log_open(&log, source, &s.pin, &known, &why));
    report_init(&r);
    const struct audit_options full = {0};
    MUST(audit_round(&r, source, log, &s.pin, &s.rounds[0].ctx, &full, &why));
    ck_assert_int_eq(report_verdict(&r, CHECK_CHECKPOINT),
                     cases[c].holds ? VERDICT_HOLDS : VERDICT_BROKEN);
    ck_assert_int_eq(report_verdict(&r, CHECK_INCLUSION),
                     cases[c].holds ? VERDICT_HOLDS : VERDICT_NOT_CHECKED);
    ck_assert_int_eq(report_verdict(&r, CHECK_SUM), VERDICT_HOLDS);
  }
  show_done(&s);
}
END_TEST

/* ---- transcripts that are none ---- */

#define PAGE(items) "{\"items\":" items ",\"next\":null}"
#define ITEM(leaf, event) "{\"leaf\":" leaf ",\"event\":{" event "}}"
#define TYPE(type) "\"type\":\"" type "\""

START_TEST(test_odd)
{
  static const char *const texts[] = {
      "",
      "[]",
      "{}",
      PAGE("{}"),
      PAGE("[]"),
      PAGE("[1]"),
      PAGE("[{}]"),
      PAGE("[" ITEM("-1", "") "]"),
      PAGE("[" ITEM("0", "") "]"),
      PAGE("[" ITEM("0", TYPE("open")) "]"),
      PAGE("[{\"leaf\":0,\"event\":{" TYPE("share") "},\"deals\":\"!\"}]"),
      PAGE("[" ITEM("0", TYPE("model")) "," ITEM("null", TYPE("open")) "," ITEM(
          "1", TYPE("result")) "]"),
      "{\"items\":[],\"next\":\"../../x\"}"};
  const struct audit_options full = {0};
  AUTO(report_done) struct report r;
  struct show s;
  show_init(&s, SMALL, 5);
  show_round(&s, 5, 5);
  show_publish(&s);
  show_serve(&s, show_path(&s, "transcript"), BYTES(texts[_i], strlen(texts[_i])));
  AUTO(source_drop) struct source *source = source_dossier(s.dossier, true);
  look(&r, &s, source, &full);
  ck_assert(report_broken(&r));
  for (enum check c = CHECK_VERSION; c < CHECKS; c++)
    ck_assert_int_ne(report_verdict(&r, c), VERDICT_HOLDS);
  show_done(&s);
}
END_TEST

/* ---- the whole log ---- */

static void walk(struct report *r, struct history *h, struct show *s)
{
  struct why why = {0};
  const struct audit_options full = {0};
  AUTO(audit_log_drop) struct audit_log *log = NULL;
  AUTO(source_drop) struct source *source = source_dossier(s->dossier, true);
  MUST(audit_log_open(&log, source, &s->pin, NULL, &why));
  report_init(r);
  enum err e = audit_history(r, h, log, &full, &why);
  ck_assert_msg(e == OK, "%s %s %s", err_info(e)->name, why.field, why.detail);
}

/* Signs an event of the coordinator and puts it into the log, there or (-1) at its end.
 */
static void slip_in(struct show *s, json_t *event, int place)
{
  show_sign(s, event);
  json_array_insert_new(s->log, place < 0 ? json_array_size(s->log) : (size_t)place,
                        event);
}

/* Somebody did something; id: that of one act is never that of another. */
static void act(struct show *s, const char *id, const char *action, const char *model,
                int time)
{
  slip_in(s,
          json_pack("{s:s,s:o,s:s,s:s,s:s,s:s?,s:i}", "type", "act", "instance",
                    json_hex(s->pin.hash.b, 32), "id", id, "actor",
                    "000102030405060708090a0b0c0d0e0f", "action", action, "model", model,
                    "time", time),
          -1);
}

#define ACT_1 "10101010101010101010101010101010"
#define ACT_2 "20202020202020202020202020202020"

START_TEST(test_history)
{
  AUTO(report_done) struct report r;
  AUTO(history_done) struct history h = {0};
  AUTO(buf_done) struct buf text = {0};
  struct show s;
  show_init(&s, SMALL, 5);
  act(&s, ACT_1, "POST /api/v1/models/{model}/rounds", "toy", 2000000000);
  act(&s, ACT_2, "POST /api/v1/models/{model}/rounds", "toy", 2000000000);
  show_failed(&s, 2, "below-threshold");
  show_round(&s, 5, 5);
  act(&s, "00000000000000000000000000000000", "DELETE /x", NULL, 0);
  show_publish(&s);
  walk(&r, &h, &s);
  text_of(&r, &text);
  ck_assert_msg(!report_broken(&r), "%s", buf_text(&text));
  ck_assert_uint_eq(r.checks[CHECK_ROOT].checked, json_array_size(s.log));
  ck_assert_uint_eq(h.len, 2);
  for (unsigned i = 0; i < 2; i++) {
    ck_assert(h.rounds[i].ended);
    ck_assert_uint_eq(h.rounds[i].attempt, i + 1);
    ck_assert_uint_eq(h.rounds[i].events, json_array_size(s.rounds[i].items) - 11);
  }
  show_done(&s);
}
END_TEST

/* ---- what each check is there for ---- */

/* Bends an event and signs it again. */
static void change(struct show *s, const char *type, const char *member, json_t *value)
{
  json_t *event = show_event(s, type, 0);
  json_object_set_new(event, member, value);
  show_sign(s, event);
}

static json_t *other_hash(void)
{
  struct digest d;
  randombytes_buf(d.b, sizeof d.b);
  return json_hex(d.b, sizeof d.b);
}

static void flip_served(struct show *s, const char *path)
{
  AUTO(buf_done) struct buf data = {0};
  show_served(s, path, &data);
  data.data[data.len / 2] ^= 1;
  show_serve(s, path, buf_bytes(&data));
}

static void flip_base64(struct show *s, const char *type, const char *name)
{
  AUTO(buf_done) struct buf data = {0}, text = {0};
  json_t *item = show_item(s, type, 0);
  MUST(base64_decode(&data, json_string_value(json_object_get(item, name))));
  data.data[0] ^= 1;
  MUST(base64_encode(&text, buf_bytes(&data)));
  json_object_set_new(item, name, json_string(buf_text(&text)));
}

static const char *chunk_path(struct show *s)
{
  char what[120], id[65];
  snprintf(what, sizeof what, "updates/%s/chunks/0",
           hex_encode(id, s->play.players[0].id.b, 32));
  return show_path(s, what);
}

/* before the round: its terms */

static void terms_clip(struct show *s)
{
  s->bend = json_pack("{s:s}", "clip", "999");
}

static void terms_base(struct show *s)
{
  struct digest is;
  s->weights[0] += 1;
  crypto_hash_sha256(is.b, (const uint8_t *)s->weights, s->spec->d * sizeof *s->weights);
  s->bend = json_pack("{s:{s:s,s:n,s:o}}", "base", "source", "init", "event", "sha256",
                      json_hex(is.b, 32));
}

static void terms_state(struct show *s)
{
  json_t *optimiser = json_deep_copy(json_object_get(s->spec->json, "server"));
  json_object_set_new(optimiser, "state", other_hash());
  s->bend = json_pack("{s:o}", "optimiser", optimiser);
}

/* after the round, before it is published: events */

static void signature(struct show *s)
{
  json_t *event = show_event(s, "join", 1);
  char *sig = must_strdup(json_string_value(json_object_get(event, "sig")));
  sig[5] = sig[5] == '0' ? '1' : '0';
  json_object_set_new(event, "sig", json_string(sig));
  free(sig);
}

static void form(struct show *s)
{
  change(s, "join", "more", json_integer(1));
}

static void context(struct show *s)
{
  change(s, "result", "ctx", other_hash());
}

static void link_(struct show *s)
{
  change(s, "unmask", "survivors", other_hash());
}

static void unique(struct show *s)
{
  json_t *again = json_deep_copy(show_item(s, "share", 0));
  json_t *event = json_object_get(again, "event");
  size_t place = 0;
  while (json_array_get(s->rounds[0].items, place) != show_item(s, "share", 0))
    place++;
  json_object_set_new(event, "deals", other_hash());
  show_sign(s, event);
  json_array_insert(s->log, json_array_size(s->log) - 20, event);
  json_array_insert_new(s->rounds[0].items, place + 1, again);
}

static void order(struct show *s)
{
  json_t *graph = show_event(s, "graph", 0);
  for (size_t i = 0; i < json_array_size(s->log); i++)
    if (json_array_get(s->log, i) == graph) {
      json_incref(graph);
      json_array_remove(s->log, i);
      json_array_insert_new(s->log, i - 2, graph);
      return;
    }
}

static void seen_root(struct show *s)
{
  change(s, "join", "seen", json_pack("{s:o,s:i}", "root", other_hash(), "size", 3));
}

static void seen_size(struct show *s)
{
  change(s, "join", "seen", json_pack("{s:o,s:i}", "root", other_hash(), "size", 900));
}

static void version(struct show *s)
{
  change(s, "model", "spec", other_hash());
}

static void roster(struct show *s)
{
  change(s, "roster", "joins", other_hash());
}

static void graph(struct show *s)
{
  change(s, "graph", "t", json_integer(2));
}

static void deals(struct show *s)
{
  flip_base64(s, "share", "deals");
}

static void sharers(struct show *s)
{
  change(s, "sharers", "members", json_string("1f")); /* without the sixth */
}

static void survivors(struct show *s)
{
  change(s, "survivors", "members", json_string("0f"));
}

static void manifests(struct show *s)
{
  flip_base64(s, "update", "chunks");
}

static void answers(struct show *s)
{
  json_t *item = show_item(s, "unmask", 0);
  for (size_t i = 0; i < json_array_size(s->rounds[0].items); i++)
    if (json_array_get(s->rounds[0].items, i) == item) {
      json_array_remove(s->rounds[0].items, i);
      return;
    }
}

/* Lets the result count the answers as they are now. */
static void count_answers(struct show *s)
{
  struct merkle tree = {0};
  struct digest root;
  json_t *unmasks = json_object_get(s->result, "unmasks");
  for (unsigned i = 0; i < 5; i++) {
    AUTO(buf_done) struct buf leaf = {0};
    MUST(event_canonical(&leaf, show_event(s, "unmask", i), true));
    merkle_add(&tree, buf_bytes(&leaf));
  }
  merkle_root(&root, &tree);
  json_object_set_new(unmasks, "root", json_hex(root.b, 32));
  show_sign(s, s->result);
}

static void secrets(struct show *s)
{
  struct secret_scalar wrong;
  json_t *shares = json_deep_copy(json_object_get(show_event(s, "unmask", 0), "shares"));
  scalar_random(&wrong);
  json_array_set_new(shares, 0, json_hex(wrong.b, 32));
  change(s, "unmask", "shares", shares);
  count_answers(s);
}

static void sum(struct show *s)
{
  AUTO(buf_done) struct buf data = {0};
  struct digest is;
  flip_served(s, show_path(s, "sum"));
  show_served(s, show_path(s, "sum"), &data);
  crypto_hash_sha256(is.b, data.data, data.len);
  change(s, "result", "sum", json_hex(is.b, 32));
}

static void sum_signed(struct show *s)
{
  change(s, "result", "sum", other_hash());
}

static void totals(struct show *s)
{
  change(s, "result", "totals", json_pack("[s]", "12345"));
}

static void count(struct show *s)
{
  change(s, "result", "count", json_integer(4));
}

static void model(struct show *s)
{
  change(s, "result", "model", other_hash());
}

static void new_state(struct show *s)
{
  change(s, "result", "optimiser_state", json_null());
}

static void rewards(struct show *s)
{
  change(s, "result", "rewards", other_hash());
}

static void named(struct show *s)
{
  json_t *one = json_pack("{s:o,s:o,s:s}", "event", other_hash(), "participant",
                          json_hex(s->play.players[0].id.b, 32), "reason", "bad-share");
  change(s, "result", "named", json_pack("[o]", one));
}

static void retention(struct show *s)
{
  show_erase(s, 1700000000 + 604800 - 1);
}

static void transcript(struct show *s)
{
  json_t *item = show_item(s, "graph", 0);
  for (size_t i = 0; i < json_array_size(s->rounds[0].items); i++)
    if (json_array_get(s->rounds[0].items, i) == item) {
      json_array_remove(s->rounds[0].items, i);
      return;
    }
}

/* a spoilt box, and what becomes of it */

static void spoil(struct show *s)
{
  s->play.spoil = true;
}

static void spared(struct show *s)
{
  change(s, "result", "named", json_array());
}

static void other_box(struct show *s)
{
  AUTO(buf_done) struct buf data = {0}, text = {0};
  json_t *box = json_array_get(json_object_get(show_item(s, "update", 1), "boxes"), 0);
  MUST(base64_decode(&data, json_string_value(json_object_get(box, "box"))));
  data.data[0] ^= 1;
  MUST(base64_encode(&text, buf_bytes(&data)));
  json_object_set_new(box, "box", json_string(buf_text(&text)));
}

static void false_proof(struct show *s)
{
  json_t *event = show_event(s, "update", 1);
  json_t *bad = json_array_get(json_object_get(event, "bad"), 0);
  struct secret_scalar other;
  scalar_random(&other);
  json_object_set_new(bad, "response", json_hex(other.b, 32));
  show_sign(s, event);
}

/* after it is published: what is served */

static void checkpoint(struct show *s)
{
  AUTO(buf_done) struct buf note = {0};
  show_served(s, "log/checkpoint", &note);
  note.data[note.len - 20] = note.data[note.len - 20] == 'A' ? 'B' : 'A';
  show_serve(s, "log/checkpoint", buf_bytes(&note));
}

static void tiles(struct show *s)
{
  char path[64];
  snprintf(path, sizeof path, "log/tile/0/000.p/%zu", json_array_size(s->log));
  flip_served(s, path);
}

static void inclusion(struct show *s)
{
  AUTO(buf_done) struct buf text = {0};
  AUTO(json_drop) json_t *page = NULL;
  size_t i;
  json_t *item;
  show_served(s, show_path(s, "transcript"), &text);
  MUST(json_parse(&page, buf_bytes(&text), text.len, NULL));
  json_array_foreach (json_object_get(page, "items"), i, item) {
    json_t *event = json_object_get(item, "event");
    if (strcmp(json_string_value(json_object_get(event, "type")), "admit") == 0) {
      json_object_set_new(event, "previous", other_hash());
      show_sign(s, event);
      break;
    }
  }
  char *bent = json_dumps(page, 0);
  show_serve(s, show_path(s, "transcript"), BYTES(bent, strlen(bent)));
  free(bent);
}

static void spec(struct show *s)
{
  flip_served(s, "models/toy/spec?version=1");
}

static void base_served(struct show *s)
{
  flip_served(s, show_path(s, "base"));
}

static void chunks(struct show *s)
{
  flip_served(s, chunk_path(s));
}

static void short_chunk(struct show *s)
{
  show_serve(s, chunk_path(s), BYTES("short", 5));
}

static void sum_served(struct show *s)
{
  flip_served(s, show_path(s, "sum"));
}

static void model_served(struct show *s)
{
  flip_served(s, "models/toy/weights?round=1");
}

static void rewards_served(struct show *s)
{
  static const char none[] = "{\"rewards\":[]}";
  show_serve(s, show_path(s, "rewards"), BYTES(none, sizeof none - 1));
}

/* the whole log: bent before it is published, or what is served of it */

static void all_admission(struct show *s)
{
  change(s, "admit", "previous", other_hash());
}

static void all_suspension(struct show *s)
{
  json_t *event = json_deep_copy(show_event(s, "admit", 0));
  json_object_set_new(event, "type", json_string("suspend"));
  slip_in(s, event, -1);
}

static void all_version(struct show *s)
{
  json_t *event = json_deep_copy(s->model);
  json_object_set_new(event, "version", json_integer(3));
  json_object_set_new(event, "previous", other_hash());
  slip_in(s, event, -1);
}

static void all_opened_twice(struct show *s)
{
  json_t *event = json_deep_copy(s->play.open);
  json_object_set_new(event, "time", json_integer(5));
  slip_in(s, event, -1);
}

static void all_skipped(struct show *s)
{
  json_t *event = json_deep_copy(s->play.open);
  json_object_set_new(event, "round", json_integer(7));
  slip_in(s, event, -1);
}

static void all_excluded(struct show *s)
{
  json_t *event = json_deep_copy(s->play.open);
  json_object_set_new(event, "round", json_integer(2));
  json_object_set_new(event, "excluded", json_pack("[o]", other_hash()));
  slip_in(s, event, -1);
}

static void all_result(struct show *s)
{
  json_t *event = json_deep_copy(s->result);
  json_object_set_new(event, "sum", other_hash());
  slip_in(s, event, -1);
}

static void all_nowhere(struct show *s)
{
  json_t *event = json_deep_copy(s->play.roster);
  json_object_set_new(event, "ctx", other_hash());
  slip_in(s, event, -1);
}

static void all_late(struct show *s)
{
  slip_in(s, json_deep_copy(s->play.graph), -1);
}

static void all_unsigned(struct show *s)
{
  json_t *event = json_deep_copy(s->play.roster);
  json_object_set_new(event, "n", json_integer(9));
  json_array_append_new(s->log, event);
}

static void all_formless(struct show *s)
{
  json_t *event = json_deep_copy(s->play.roster);
  json_object_set_new(event, "more", json_integer(9));
  slip_in(s, event, -1);
}

static void all_headless(struct show *s)
{
  json_array_remove(s->log, 0);
}

static void all_entries(struct show *s)
{
  char path[64];
  snprintf(path, sizeof path, "log/tile/entries/000.p/%zu", json_array_size(s->log));
  flip_served(s, path);
}

static void all_erased(struct show *s)
{
  show_erase(s, 1700000000);
}

static void all_act_twice(struct show *s)
{
  act(s, ACT_1, "PUT /x", "toy", 1);
  act(s, ACT_1, "PUT /y", "toy", 2);
}

static void all_act_of_reading(struct show *s)
{
  act(s, ACT_1, "GET /x", NULL, 1);
}

static void all_act_of_no_model(struct show *s)
{
  act(s, ACT_1, "PUT /x", "No Model", 1);
}

static void all_act_by_name(struct show *s)
{
  act(s, "ada", "PUT /x", NULL, 1);
}

static const struct {
  const char *name;
  void (*event)(struct show *s), (*served)(struct show *s);
  enum check check;
} histories[] = {
    {"an admission from nowhere", all_admission, NULL, CHECK_ADMISSIONS},
    {"a suspension beside the chain", all_suspension, NULL, CHECK_ADMISSIONS},
    {"a version left out", all_version, NULL, CHECK_VERSIONS},
    {"a round opened twice", all_opened_twice, NULL, CHECK_UNIQUE},
    {"rounds left out", all_skipped, NULL, CHECK_ATTEMPTS},
    {"somebody excluded for nothing", all_excluded, NULL, CHECK_ATTEMPTS},
    {"an older base", all_skipped, NULL, CHECK_LINEAGE},
    {"two results", all_result, NULL, CHECK_UNIQUE},
    {"an event of no round", all_nowhere, NULL, CHECK_CONTEXT},
    {"an event behind the end", all_late, NULL, CHECK_ORDER},
    {"an entry that nobody signed", all_unsigned, NULL, CHECK_SIGNATURE},
    {"an entry of no form", all_formless, NULL, CHECK_FORM},
    {"no instance", all_headless, NULL, CHECK_ORDER},
    {"more seen than there was", seen_size, NULL, CHECK_SEEN},
    {"other entries than the tree's", NULL, all_entries, CHECK_ROOT},
    {"hashes of another tree", NULL, tiles, CHECK_ROOT},
    {"vectors erased too early", all_erased, NULL, CHECK_RETENTION},
    {"an act told twice", all_act_twice, NULL, CHECK_UNIQUE},
    {"an act that is none", all_act_of_reading, NULL, CHECK_FORM},
    {"an act about no model", all_act_of_no_model, NULL, CHECK_FORM},
    {"an act with a name", all_act_by_name, NULL, CHECK_FORM},
};

START_TEST(test_bent_history)
{
  AUTO(report_done) struct report r;
  AUTO(history_done) struct history h = {0};
  AUTO(buf_done) struct buf text = {0};
  struct show s;
  show_init(&s, SMALL, 5);
  show_round(&s, 5, 5);
  if (histories[_i].event)
    histories[_i].event(&s);
  show_publish(&s);
  if (histories[_i].served)
    histories[_i].served(&s);
  walk(&r, &h, &s);
  text_of(&r, &text);
  ck_assert_msg(r.checks[histories[_i].check].found > 0, "%s\n%s", histories[_i].name,
                buf_text(&text));
  show_done(&s);
}
END_TEST

#define CLIPPED                                                                          \
  TEXTS "\"kind\":\"vector\",\"dimension\":20,\"quantisation\":{\"bits\":16,\"range\":"  \
        "\"1\",\"clip\":\"0.001\",\"weight_cap\":100}," TERMS "\"ring_bits\":32," FEDAVG \
        "," NO_REWARD "}"

static const struct bending {
  const char *name;
  void (*before)(struct show *s), (*event)(struct show *s), (*served)(struct show *s);
  enum check check;
  bool alone; /* nothing else is found */
  const char *spec;
} bendings[] = {
    {"a checkpoint of another key", NULL, NULL, checkpoint, CHECK_CHECKPOINT, true, NULL},
    {"hashes of another tree", NULL, NULL, tiles, CHECK_INCLUSION, true, NULL},
    {"another event than the leaf", NULL, NULL, inclusion, CHECK_INCLUSION, true, NULL},
    {"a missing event", NULL, transcript, NULL, CHECK_TRANSCRIPT, true, NULL},
    {"a member too many", NULL, form, NULL, CHECK_FORM, true, NULL},
    {"a signature that does not fit", NULL, signature, NULL, CHECK_SIGNATURE, true, NULL},
    {"another ctx", NULL, context, NULL, CHECK_CONTEXT, true, NULL},
    {"an answer to other survivors", NULL, link_, NULL, CHECK_LINK, false, NULL},
    {"two shares of one member", NULL, unique, NULL, CHECK_UNIQUE, false, NULL},
    {"a graph before its roster", NULL, order, NULL, CHECK_ORDER, true, NULL},
    {"a root of another log", NULL, seen_root, NULL, CHECK_SEEN, false, NULL},
    {"more seen than there was", NULL, seen_size, NULL, CHECK_SEEN, false, NULL},
    {"a version of something else", NULL, version, NULL, CHECK_VERSION, false, NULL},
    {"another description", NULL, NULL, spec, CHECK_SPEC, true, NULL},
    {"terms of their own", terms_clip, NULL, NULL, CHECK_TERMS, true, NULL},
    {"a base from nowhere", terms_base, NULL, NULL, CHECK_BASE, true, NULL},
    {"a state from nowhere", terms_state, NULL, NULL, CHECK_STATE, false, NULL},
    {"another base", NULL, NULL, base_served, CHECK_BASE_SERVED, true, NULL},
    {"joins of others", NULL, roster, NULL, CHECK_ROSTER, false, NULL},
    {"another threshold", NULL, graph, NULL, CHECK_GRAPH, false, NULL},
    {"another deal", NULL, deals, NULL, CHECK_DEALS, true, NULL},
    {"a sharer left out", NULL, sharers, NULL, CHECK_SHARERS, false, NULL},
    {"a survivor left out", NULL, survivors, NULL, CHECK_SURVIVORS, false, NULL},
    {"hashes of other chunks", NULL, manifests, NULL, CHECK_MANIFESTS, true, NULL},
    {"an answer kept back", NULL, answers, NULL, CHECK_ANSWERS, true, NULL},
    {"a wrong share too many", NULL, secrets, NULL, CHECK_SECRETS, true, NULL},
    {"another chunk", NULL, NULL, chunks, CHECK_CHUNKS, true, NULL},
    {"half a chunk", NULL, NULL, short_chunk, CHECK_CHUNKS, true, NULL},
    {"another sum, signed and served", NULL, sum, NULL, CHECK_SUM, true, NULL},
    {"another sum, signed", NULL, sum_signed, NULL, CHECK_SUM, false, NULL},
    {"another sum, served", NULL, NULL, sum_served, CHECK_SUM_SERVED, true, NULL},
    {"a sum without bounds", NULL, NULL, NULL, CHECK_BOUNDS, true, CLIPPED},
    {"other totals", NULL, totals, NULL, CHECK_TOTALS, true, NULL},
    {"another count", NULL, count, NULL, CHECK_TOTALS, true, NULL},
    {"another model", NULL, model, NULL, CHECK_MODEL, false, NULL},
    {"no state", NULL, new_state, NULL, CHECK_MODEL, true, NULL},
    {"another model, served", NULL, NULL, model_served, CHECK_MODEL_SERVED, true, NULL},
    {"other rewards", NULL, rewards, NULL, CHECK_REWARDS, true, NULL},
    {"other rewards, served", NULL, NULL, rewards_served, CHECK_REWARDS_SERVED, true,
     NULL},
    {"somebody named for nothing", NULL, named, NULL, CHECK_NAMED, false, NULL},
    {"a cheat spared", spoil, spared, NULL, CHECK_NAMED, false, NULL},
    {"another box than the one dealt", spoil, other_box, NULL, CHECK_COMPLAINTS, true,
     NULL},
    {"a complaint without proof", spoil, false_proof, NULL, CHECK_COMPLAINTS, false,
     NULL},
    {"vectors erased too early", NULL, retention, NULL, CHECK_RETENTION, true, NULL},
};

START_TEST(test_bent)
{
  const struct bending *b = &bendings[_i];
  const struct audit_options full = {0};
  AUTO(buf_done) struct buf text = {0};
  AUTO(report_done) struct report r;
  struct show s;
  show_init(&s, b->spec ? b->spec : SMALL, 6);
  if (b->before)
    b->before(&s);
  show_round(&s, 6, s.play.spoil ? 6 : 5); /* a box is missing: somebody else must not */
  if (b->event)
    b->event(&s);
  show_publish(&s);
  if (b->served)
    b->served(&s);
  AUTO(source_drop) struct source *source = source_dossier(s.dossier, true);
  look(&r, &s, source, &full);
  text_of(&r, &text);
  ck_assert_msg(r.checks[b->check].found > 0, "%s\n%s", b->name, buf_text(&text));
  for (enum check c = 0; c < CHECKS && b->alone; c++)
    ck_assert_msg(c == b->check || !r.checks[c].found, "%s\n%s", b->name,
                  buf_text(&text));
  show_done(&s);
}
END_TEST

/* ---- archives ---- */

static void must_read(struct dossier *d, const char *name, const char *text)
{
  AUTO(buf_done) struct buf out = {0};
  const struct http_range all = {0, 0};
  MUST(dossier_get(d, name, all, 100, &out, NULL));
  ck_assert_str_eq(buf_text(&out), text);
}

static void read_file(const char *path, struct buf *out)
{
  MUST(work_read_file(out, path, 1 << 20, NULL));
}

START_TEST(test_dossier)
{
  char path[] = "/tmp/chorus-test-XXXXXX", again[64];
  AUTO(dossier_drop) struct dossier *d = NULL, *other = NULL;
  AUTO(buf_done) struct buf part = {0}, one = {0}, two = {0};
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  close(fd);
  snprintf(again, sizeof again, "%s.2", path);
  MUST(dossier_new(&d, NULL));
  MUST(dossier_put(d, "a/b/c?x=1", 4, BYTES("4567", 4), NULL));
  MUST(dossier_put(d, "a/b/c?x=1", 0, BYTES("0123", 4), NULL));
  MUST(dossier_replace(d, "a/d", BYTES("long before", 11), NULL));
  MUST(dossier_replace(d, "a/d", BYTES("short", 5), NULL));
  MUST(dossier_get(d, "a/b/c?x=1", (struct http_range){2, 3}, 3, &part, NULL));
  ck_assert_str_eq(buf_text(&part), "234");
  MUST(dossier_write(d, path, NULL));
  MUST(dossier_open(&other, path, NULL));
  must_read(other, "a/b/c?x=1", "01234567");
  must_read(other, "a/d", "short");
  MUST(dossier_write(other, again, NULL));
  read_file(path, &one);
  read_file(again, &two);
  ck_assert(bytes_equal(buf_bytes(&one), buf_bytes(&two)));
  unlink(path);
  unlink(again);
}
END_TEST

START_TEST(test_dossier_refuses)
{
  static const char *const names[] = {"",   "/a",   "../a", "a/../b", "a//b", "a/",
                                      ".a", "a/.b", "a b",  "a\nb",   "-a",   "a/-b"};
  AUTO(dossier_drop) struct dossier *d = NULL, *other = NULL;
  AUTO(buf_done) struct buf out = {0};
  const struct http_range all = {0, 0};
  MUST(dossier_new(&d, NULL));
  for (size_t i = 0; i < LENGTH(names); i++)
    ck_assert_int_eq(dossier_replace(d, names[i], BYTES("x", 1), NULL), E_FIELD_VALUE);
  MUST(dossier_replace(d, "a/b", BYTES("0123", 4), NULL));
  ck_assert_int_eq(dossier_get(d, "b", all, 9, &out, NULL), E_NOT_FOUND);
  ck_assert_int_eq(dossier_get(d, "a", all, 9, &out, NULL), E_NOT_FOUND);
  ck_assert_int_eq(dossier_get(d, "a/b/c", all, 9, &out, NULL), E_NOT_FOUND);
  ck_assert_int_eq(dossier_get(d, "a/b", all, 3, &out, NULL), E_REPLY);
  ck_assert_int_eq(dossier_get(d, "a/b", (struct http_range){2, 3}, 3, &out, NULL),
                   E_RANGE);
  ck_assert_int_eq(dossier_get(d, "a/b", (struct http_range){5, 1}, 1, &out, NULL),
                   E_RANGE);
  ck_assert_int_eq(dossier_open(&other, "/nowhere/at-all", NULL), E_IO);
  ck_assert_int_eq(dossier_write(d, "/nowhere/at-all", NULL), E_IO);
}
END_TEST

/* docs/audit.md explains exactly these checks, in these words. */
START_TEST(test_documented)
{
  AUTO(buf_done) struct buf doc = {0}, path = {0};
  const char *root = getenv("CHORUS_SRCDIR");
  size_t rows = 0;
  MUST(buf_printf(&path, "%s/docs/audit.md", root ? root : ".."));
  MUST(work_read_file(&doc, buf_text(&path), 1 << 20, NULL));
  for (enum check c = 0; c < CHECKS; c++) {
    AUTO(buf_done) struct buf row = {0};
    MUST(buf_printf(&row, "\n| `%s` | %s. | ", check_name(c), check_words(c)));
    ck_assert_msg(strstr(buf_text(&doc), buf_text(&row)), "%s", buf_text(&row));
  }
  const char *at = strstr(buf_text(&doc), "| check | what holds |");
  ck_assert_ptr_nonnull(at);
  while ((at = strstr(at, "\n| `"))) {
    rows++;
    at += 4;
  }
  ck_assert_uint_eq(rows, CHECKS);
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
  tcase_add_test(t, test_documented);
  tcase_add_test(t, test_dossier);
  tcase_add_test(t, test_dossier_refuses);
  tcase_add_loop_test(t, test_bent, 0, LENGTH(bendings));
  tcase_add_test(t, test_complaint);
  tcase_add_loop_test(t, test_failed, 0, 5);
  tcase_add_loop_test(t, test_refused, 0, 7);
  tcase_add_test(t, test_unreachable);
  tcase_add_test(t, test_known);
  tcase_add_loop_test(t, test_odd, 0, 13);
  tcase_add_test(t, test_history);
  tcase_add_loop_test(t, test_bent_history, 0, LENGTH(histories));
  suite_add_tcase(s, t);
  suite_add_tcase(s, test_audit_chain());
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
