/* SPDX-License-Identifier: Apache-2.0
 * The audit against rounds in memory: honest ones hold, and every check finds what it is
 * there for. */
#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clients/lib/audit.h"
#include "clients/lib/work.h"
#include "core/group.h"
#include "core/merkle.h"
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
  show_round(&s, 6, 5);
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
  tcase_add_loop_test(t, test_bent, 0, LENGTH(bendings));
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
