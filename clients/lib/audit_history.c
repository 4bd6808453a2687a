/* SPDX-License-Identifier: Apache-2.0
 * The whole log: its root from its leaves, every event in it, and the histories that run
 * through it: admissions, versions, rounds and attempts, bases. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clients/lib/audit_state.h"
#include "util/field.h"
#include "util/text.h"

/* What nobody may say twice, as a hash. */
struct claim {
  struct digest key;
  uint64_t leaf;
};

struct walk {
  struct report *report;
  struct audit_log *log;
  const struct pin *pin;
  const struct audit_options *options;
  struct history *out;
  struct merkle tree;
  struct claim *claims;
  size_t claims_len, claims_cap;
  uint64_t latest; /* time that any event has said so far */
  /* What stands so far, by name:
   *   enrolled   participant: H(enroll)
   *   admitted   participant and model: H of the last admission event
   *   payees     participant: its last `payout`: {"event": H,"payout","time","adopted"}
   *   models     model: {"version","event","result" of the newest result or null,
   *              "round","attempt" of the newest terms,"ctx","excluded": who was named}
   *   rounds     ctx: {"place" in out,"window","ended_after" a time} */
  json_t *enrolled, *admitted, *payees, *models, *rounds;
};

static void walk_done(struct walk *w)
{
  free(w->claims);
  json_decref(w->enrolled);
  json_decref(w->admitted);
  json_decref(w->payees);
  json_decref(w->models);
  json_decref(w->rounds);
}

void history_done(struct history *h)
{
  free(h->rounds);
  *h = (struct history){0};
}

static const char *text_of(const json_t *o, const char *name)
{
  const char *text = json_string_value(json_object_get(o, name));
  return text ? text : "";
}

static json_int_t number_of(const json_t *o, const char *name)
{
  return json_integer_value(json_object_get(o, name));
}

/* ---- once only ---- */

static void claim(struct walk *w, const char *key, uint64_t leaf)
{
  if (w->claims_len == w->claims_cap) {
    w->claims_cap = MAX(2 * w->claims_cap, (size_t)256);
    w->claims = must_realloc(w->claims, w->claims_cap, sizeof *w->claims);
  }
  struct claim *c = &w->claims[w->claims_len++];
  crypto_hash_sha256(c->key.b, (const uint8_t *)key, strlen(key));
  c->leaf = leaf;
}

/* What must be the only one of its kind: of a round's type and signer, a version, an
 * enrolment, what follows an identity event, terms of a model's round and attempt. */
static void claim_event(struct walk *w, const struct item *it)
{
  char key[300];
  const json_t *e = it->event;
  if (it->type == TYPE_MODEL)
    snprintf(key, sizeof key, "model %s %lld", text_of(e, "model"),
             (long long)number_of(e, "version"));
  else if (it->type == TYPE_OPEN)
    snprintf(key, sizeof key, "open %s %lld %lld", text_of(e, "model"),
             (long long)number_of(e, "round"), (long long)number_of(e, "attempt"));
  else if (it->type == TYPE_ADMIT || it->type == TYPE_SUSPEND)
    return;
  else if (it->type == TYPE_ACT)
    snprintf(key, sizeof key, "act %s", text_of(e, "id"));
  else if (it->type == TYPE_PAYOUT)
    snprintf(key, sizeof key, "payout %s", text_of(e, "previous"));
  else if (it->type == TYPE_ADOPT)
    snprintf(key, sizeof key, "adopt %s", text_of(e, "identity"));
  else
    snprintf(key, sizeof key, "%s %s %s", type_names[it->type], text_of(e, "ctx"),
             type_is_said(it->type) ? text_of(e, "participant") : "");
  claim(w, key, it->leaf);
}

static int by_key(const void *x, const void *y)
{
  const struct claim *a = x, *b = y;
  int c = memcmp(&a->key, &b->key, sizeof a->key);
  return c ? c : (a->leaf > b->leaf) - (a->leaf < b->leaf);
}

static void check_claims(struct walk *w)
{
  if (!w->claims_len)
    return;
  qsort(w->claims, w->claims_len, sizeof *w->claims, by_key);
  for (size_t i = 1; i < w->claims_len; i++) {
    char subject[48];
    if (memcmp(&w->claims[i - 1].key, &w->claims[i].key, sizeof w->claims->key) != 0)
      continue;
    snprintf(subject, sizeof subject, "leaf %llu", (unsigned long long)w->claims[i].leaf);
    report_found(w->report, CHECK_UNIQUE, subject,
                 "leaf %llu says the same kind of thing",
                 (unsigned long long)w->claims[i - 1].leaf);
  }
  report_checked(w->report, CHECK_UNIQUE, w->claims_len);
}

/* ---- members and versions ---- */

static void note_hash(json_t *map, const char *key, const struct item *it)
{
  json_object_set_new(map, key, json_hex(it->hash.b, sizeof it->hash.b));
}

/* Whether `previous` is what stands: null when nothing does. */
static bool follows(const json_t *event, const json_t *last)
{
  const json_t *previous = json_object_get(event, "previous");
  return last ? json_equal(previous, last) : json_is_null(previous);
}

static void walk_admission(struct walk *w, const struct item *it)
{
  char key[160];
  const char *who = text_of(it->event, "participant");
  snprintf(key, sizeof key, "%s %s", who, text_of(it->event, "model"));
  report_checked(w->report, CHECK_ADMISSIONS, 1);
  if (!follows(it->event, json_object_get(w->admitted, key)))
    report_found(w->report, CHECK_ADMISSIONS, it->subject,
                 "previous: is not the admission event before it");
  if (!json_equal(json_object_get(it->event, "identity"),
                  json_object_get(w->enrolled, who)))
    report_found(w->report, CHECK_LINK, it->subject,
                 "identity: is not the hash of an enrolment before it");
  report_checked(w->report, CHECK_LINK, 1);
  note_hash(w->admitted, key, it);
}

/* It follows the last one, and is no older than what stands before it: its own clock and
 * the coordinator's may both be off. */
static void walk_payout(struct walk *w, const struct item *it)
{
  const char *who = text_of(it->event, "participant");
  const json_t *last = json_object_get(w->payees, who);
  json_int_t time = number_of(it->event, "time");
  report_checked(w->report, CHECK_PAYEES, 1);
  if (!follows(it->event,
               last ? json_object_get(last, "event") : json_object_get(w->enrolled, who)))
    report_found(w->report, CHECK_PAYEES, it->subject,
                 "previous: is not the enrolment or change before it");
  if (time + 2 * (json_int_t)CLOCK_SLACK < (json_int_t)w->latest)
    report_found(w->report, CHECK_PAYEES, it->subject,
                 "time: is long before what stands before it");
  json_t *one = json_pack("{s:I,s:O}", "time", time, "payout",
                          json_object_get(it->event, "payout"));
  note_hash(one, "event", it);
  json_object_set_new(w->payees, who, one);
}

/* Seconds that must have passed; *known is false without a node to ask. */
static enum err adopt_delay(struct walk *w, uint64_t *out, bool *known, struct why *why)
{
  struct chain_view *v = w->options->view;
  *known = true;
  *out = ADOPT_DELAY;
  if (!chain_view_needed(w->pin))
    return OK;
  *known = v != NULL;
  if (!v)
    return OK;
  TRY(chain_view_check(v, why));
  *out = v->roles.delay;
  return OK;
}

static enum err walk_adopt(struct walk *w, const struct item *it, struct why *why)
{
  const char *who = text_of(it->event, "participant");
  const json_t *last = json_object_get(w->payees, who);
  uint64_t delay;
  bool known;
  report_checked(w->report, CHECK_PAYEES, 1);
  if (!json_equal(json_object_get(it->event, "identity"),
                  json_object_get(last, "event"))) {
    report_found(w->report, CHECK_PAYEES, it->subject,
                 "identity: is not the last change of this participant");
    return OK;
  }
  TRY(adopt_delay(w, &delay, &known, why));
  if (!known)
    report_skip(
        w->report, CHECK_PAYEES,
        "the delay stands in the registry: it needs an Ethereum node of your own: "
        "--rpc");
  else if (number_of(it->event, "time") < number_of(last, "time") + (json_int_t)delay)
    report_found(w->report, CHECK_PAYEES, it->subject,
                 "counts before the delay of %llu seconds has passed",
                 (unsigned long long)delay);
  return w->options->books
             ? audit_books_adopt(w->options->books, &it->header.participant,
                                 json_string_value(json_object_get(last, "payout")),
                                 it->leaf)
             : OK;
}

static void walk_model(struct walk *w, const struct item *it)
{
  const char *name = text_of(it->event, "model");
  json_t *model = json_object_get(w->models, name);
  json_int_t version = number_of(it->event, "version");
  report_checked(w->report, CHECK_VERSIONS, 1);
  if (!follows(it->event, model ? json_object_get(model, "event") : NULL) ||
      version != (model ? number_of(model, "version") + 1 : 1))
    report_found(w->report, CHECK_VERSIONS, it->subject,
                 "is not the version after the one before it");
  if (!model) {
    model = json_pack("{s:[]}", "excluded");
    json_object_set_new(w->models, name, model);
  }
  json_object_set_new(model, "version", json_integer(version));
  note_hash(model, "event", it);
}

/* ---- rounds ---- */

static struct past_round *add_round(struct walk *w, const struct item *it)
{
  struct history *h = w->out;
  char hex[65];
  h->rounds = must_realloc(h->rounds, h->len + 1, sizeof *h->rounds);
  struct past_round *r = &h->rounds[h->len];
  *r = (struct past_round){.ctx = it->header.ctx,
                           .round = (uint64_t)number_of(it->event, "round"),
                           .attempt = (uint64_t)number_of(it->event, "attempt")};
  snprintf(r->model, sizeof r->model, "%s", text_of(it->event, "model"));
  json_int_t window = number_of(json_object_get(it->event, "audit"), "window");
  json_object_set_new(
      w->rounds, hex_encode(hex, r->ctx.b, 32),
      json_pack("{s:I,s:I}", "place", (json_int_t)h->len, "window", window));
  h->len++;
  return r;
}

/* Which round and attempt has to come now, and whom it excludes. */
static void check_attempt(struct walk *w, const struct item *it, json_t *model)
{
  json_int_t round = number_of(model, "round"), attempt = number_of(model, "attempt");
  bool failed = strcmp(text_of(model, "ended"), "failed") == 0;
  bool again = failed && attempt < 16;
  report_checked(w->report, CHECK_ATTEMPTS, 1);
  if (round && !*text_of(model, "ended"))
    report_found(w->report, CHECK_ATTEMPTS, it->subject,
                 "the attempt before it had not ended");
  if (number_of(it->event, "round") != (again ? round : round + 1) ||
      number_of(it->event, "attempt") != (again ? attempt + 1 : 1))
    report_found(w->report, CHECK_ATTEMPTS, it->subject,
                 "is not the round or attempt that comes after round %lld, attempt %lld",
                 (long long)round, (long long)attempt);
  if (!again)
    json_array_clear(json_object_get(model, "excluded"));
}

/* Two lists of strings with the same members. */
static bool same_members(const json_t *a, const json_t *b)
{
  AUTO(json_drop) json_t *x = json_object(), *y = json_object();
  size_t i;
  json_t *one;
  json_array_foreach ((json_t *)a, i, one)
    json_object_set_new(x, json_string_value(one), json_true());
  json_array_foreach ((json_t *)b, i, one)
    json_object_set_new(y, json_string_value(one), json_true());
  return json_equal(x, y);
}

/* As long as none of the lists had to be cut short. */
static void check_excluded(struct walk *w, const struct item *it, const json_t *model)
{
  if (json_array_size(json_object_get(model, "excluded")) < NAMED_MAX &&
      !same_members(json_object_get(it->event, "excluded"),
                    json_object_get(model, "excluded")))
    report_found(w->report, CHECK_ATTEMPTS, it->subject,
                 "excluded: are not those whom the failed attempts before it named");
}

static void check_lineage(struct walk *w, const struct item *it, const json_t *model)
{
  const json_t *base = json_object_get(it->event, "base");
  const json_t *newest = json_object_get(model, "result");
  if (strcmp(text_of(base, "source"), "import") == 0)
    return;
  report_checked(w->report, CHECK_LINEAGE, 1);
  if (newest ? !json_equal(json_object_get(base, "event"), newest)
             : !json_is_null(json_object_get(base, "event")))
    report_found(w->report, CHECK_LINEAGE, it->subject,
                 "base: is not the newest result before it");
}

static void walk_open(struct walk *w, const struct item *it)
{
  const char *name = text_of(it->event, "model");
  json_t *model = json_object_get(w->models, name);
  struct past_round *r = add_round(w, it);
  r->events = 1;
  if (!model) {
    report_found(w->report, CHECK_LINK, it->subject, "model: there is none of that name");
    return;
  }
  if (number_of(it->event, "version") != number_of(model, "version"))
    report_found(w->report, CHECK_ATTEMPTS, it->subject,
                 "version: is not the newest one");
  check_attempt(w, it, model);
  check_excluded(w, it, model);
  check_lineage(w, it, model);
  json_object_set(model, "round", json_object_get(it->event, "round"));
  json_object_set(model, "attempt", json_object_get(it->event, "attempt"));
  json_object_set_new(model, "ended", json_string(""));
}

static void note_named(json_t *model, const struct item *it)
{
  size_t i;
  json_t *one;
  json_array_foreach (json_object_get(it->event, "named"), i, one)
    json_array_append(json_object_get(model, "excluded"),
                      json_object_get(one, "participant"));
}

static void walk_end(struct walk *w, const struct item *it, struct past_round *r,
                     json_t *round)
{
  json_t *model = json_object_get(w->models, r->model);
  r->ended = true;
  json_object_set_new(round, "ended_after", json_integer((json_int_t)w->latest));
  if (!model)
    return;
  json_object_set_new(model, "ended", json_string(type_names[it->type]));
  if (it->type == TYPE_RESULT)
    note_hash(model, "result", it);
  else
    note_named(model, it);
}

/* The result came after every time that was said before it. */
static void walk_retention(struct walk *w, const struct item *it,
                           const struct past_round *r, const json_t *round)
{
  json_int_t after = number_of(round, "ended_after"), window = number_of(round, "window");
  const json_t *model = json_object_get(w->models, r->model);
  report_checked(w->report, CHECK_RETENTION, 1);
  if (!r->ended)
    report_found(w->report, CHECK_RETENTION, it->subject, "the round had not ended");
  else if (model && number_of(it->event, "time") < after + window &&
           json_is_true(json_object_get(round, "result")))
    report_found(w->report, CHECK_RETENTION, it->subject,
                 "they were erased before the audit window had passed");
}

/* What belongs to a round but its terms. */
static void walk_in_round(struct walk *w, const struct item *it)
{
  char hex[65];
  json_t *round = json_object_get(w->rounds, hex_encode(hex, it->header.ctx.b, 32));
  report_checked(w->report, CHECK_CONTEXT, 1);
  if (!round) {
    report_found(w->report, CHECK_CONTEXT, it->subject,
                 "belongs to no round that was opened before it");
    return;
  }
  struct past_round *r = &w->out->rounds[number_of(round, "place")];
  r->events++;
  if (r->ended && it->type != TYPE_RETENTION)
    report_found(w->report, CHECK_ORDER, it->subject,
                 "stands behind the end of its round");
  if (it->type == TYPE_RESULT)
    json_object_set_new(round, "result", json_true());
  if (it->type == TYPE_RESULT || it->type == TYPE_FAILED)
    walk_end(w, it, r, round);
  if (it->type == TYPE_RETENTION)
    walk_retention(w, it, r, round);
}

/* ---- one entry ---- */

static enum err judge(struct walk *w, enum check c, const char *subject, enum err e,
                      const struct why *inner, struct why *why)
{
  struct audit a = {.report = w->report};
  return audit_judge(&a, c, subject, e, inner, why);
}

static void check_signer(struct walk *w, const struct item *it)
{
  struct why inner = {0};
  const struct identity *key =
      type_is_said(it->type) ? &it->header.participant : &w->pin->instance.coordinator;
  report_checked(w->report, CHECK_SIGNATURE, 1);
  if (event_verify(it->event, type_names[it->type], key, &inner) != OK)
    report_why(w->report, CHECK_SIGNATURE, it->subject, E_SIGNATURE, &inner);
  bool first = it->leaf == 0, instance = it->type == TYPE_INSTANCE;
  const struct digest *of = instance ? &it->hash : &it->header.instance;
  report_checked(w->report, CHECK_ORDER, 1);
  if (instance != first)
    report_found(w->report, CHECK_ORDER, it->subject,
                 first ? "the log does not begin with the instance"
                       : "only the first leaf is an instance");
  if (memcmp(of, &w->pin->hash, sizeof *of) != 0)
    report_found(w->report, CHECK_CONTEXT, it->subject, "belongs to another instance");
}

static enum err check_seen(struct walk *w, const struct item *it, struct why *why)
{
  const struct seen *s = &it->header.seen;
  struct why inner = {0};
  if (!type_is_said(it->type))
    return OK;
  report_checked(w->report, CHECK_SEEN, 1);
  enum err e = OK;
  if (s->size > it->leaf)
    e = why_set(&inner, E_CHEAT_LOG, "",
                "says it saw %llu leaves, more than stand before "
                "it",
                (unsigned long long)s->size);
  else if (s->size)
    e = audit_log_root(w->log, s, &inner);
  return judge(w, CHECK_SEEN, it->subject, e, &inner, why);
}

static enum err walk_event(struct walk *w, const struct item *it, struct why *why)
{
  if (it->type == TYPE_ENROLL)
    note_hash(w->enrolled, text_of(it->event, "participant"), it);
  else if (it->type == TYPE_ADMIT || it->type == TYPE_SUSPEND)
    walk_admission(w, it);
  else if (it->type == TYPE_PAYOUT)
    walk_payout(w, it);
  else if (it->type == TYPE_ADOPT)
    TRY(walk_adopt(w, it, why));
  else if (it->type == TYPE_MODEL)
    walk_model(w, it);
  else if (it->type == TYPE_OPEN)
    walk_open(w, it);
  else if (it->type > TYPE_OPEN)
    walk_in_round(w, it);
  if (it->type == TYPE_ACT || it->type == TYPE_PAYOUT)
    return OK; /* it may stand before what was said a moment earlier, or by another clock
                */
  json_int_t time = number_of(it->event, "time");
  w->latest = MAX(w->latest, time > 0 ? (uint64_t)time : 0);
  return OK;
}

static enum err walk_entry(struct walk *w, struct bytes entry, struct why *why)
{
  struct why inner = {0};
  AUTO(json_drop) json_t *event = NULL;
  struct item it = {.in_log = true, .leaf = w->tree.size};
  merkle_add(&w->tree, entry);
  snprintf(it.subject, sizeof it.subject, "leaf %llu", (unsigned long long)it.leaf);
  enum err e = event_parse(&event, entry, &inner);
  it.event = event;
  if (e == OK)
    e = audit_read(&it, w->pin->instance.anchored, &inner);
  report_checked(w->report, CHECK_FORM, 1);
  TRY(judge(w, CHECK_FORM, it.subject, e, &inner, why));
  if (e != OK)
    return OK;
  snprintf(it.subject, sizeof it.subject, "leaf %llu (%s)", (unsigned long long)it.leaf,
           type_names[it.type]);
  check_signer(w, &it);
  claim_event(w, &it);
  TRY(check_seen(w, &it, why));
  return walk_event(w, &it, why);
}

/* ---- all entries ---- */

static enum err walk_bundle(struct walk *w, struct why *why)
{
  AUTO(buf_done) struct buf raw = {0};
  struct bytes rest, entry;
  TRY(tiles_bundle(w->log->tiles, w->tree.size / TILE_WIDTH, &raw, why));
  for (rest = buf_bytes(&raw); rest.len;) {
    TRY(bundle_next(&rest, &entry));
    TRY(walk_entry(w, entry, why));
  }
  return OK;
}

static enum err walk_all(struct walk *w, struct why *why)
{
  uint64_t size = w->log->head.size;
  struct digest root;
  while (w->tree.size < size) {
    struct why inner = {0};
    char subject[48];
    uint64_t leaf = w->tree.size;
    enum err e = walk_bundle(w, &inner);
    if (e != OK) { /* what is behind it is not read: nothing would follow */
      snprintf(subject, sizeof subject, "leaves from %llu on", (unsigned long long)leaf);
      return judge(w, CHECK_ROOT, subject, e, &inner, why);
    }
    if (w->options->progress)
      w->options->progress(w->options->arg, "reading the log", w->tree.size, size);
  }
  report_checked(w->report, CHECK_ROOT, size);
  merkle_root(&root, &w->tree);
  if (memcmp(&root, &w->log->head.root, sizeof root) != 0)
    report_found(w->report, CHECK_ROOT, "the root", "the leaves make another one");
  check_claims(w);
  return OK;
}

enum err audit_history(struct report *report, struct history *out, struct audit_log *log,
                       const struct audit_options *options, struct why *why)
{
  AUTO(walk_done)
  struct walk w = {.report = report,
                   .log = log,
                   .pin = log->pin,
                   .options = options,
                   .out = out,
                   .enrolled = json_object(),
                   .admitted = json_object(),
                   .payees = json_object(),
                   .models = json_object(),
                   .rounds = json_object()};
  *out = (struct history){0};
  snprintf(report->instance, sizeof report->instance, "%s", log->pin->hex);
  audit_log_report(log, report);
  if (report_verdict(report, CHECK_CHECKPOINT) != VERDICT_HOLDS) {
    report_skip(report, CHECK_ROOT, "\"%s\" does not hold", check_name(CHECK_CHECKPOINT));
    return OK;
  }
  if (!log->tiles) {
    report_found(report, CHECK_ROOT, "the log", "%s", log->astray);
    return OK;
  }
  return walk_all(&w, why);
}
