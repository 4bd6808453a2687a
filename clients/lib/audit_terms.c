/* SPDX-License-Identifier: Apache-2.0
 * The terms of a round: the description behind them, the model it starts from. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clients/lib/audit_state.h"
#include "model/net.h"
#include "util/field.h"
#include "util/text.h"

static bool same(const struct digest *a, const struct digest *b)
{
  return memcmp(a, b, sizeof *a) == 0;
}

enum err audit_version(struct audit *a, struct why *why)
{
  const struct item *it = a->one[TYPE_MODEL];
  const struct open_event *o = a->round->open;
  struct model_event m;
  report_checked(a->report, CHECK_VERSION, 1);
  TRY(model_parse(&m, it->event, why));
  if (strcmp(m.model, o->model) != 0 || m.version != o->version)
    report_found(a->report, CHECK_VERSION, it->subject,
                 "is version %llu of %s; the round is of version %llu of %s",
                 (unsigned long long)m.version, m.model, (unsigned long long)o->version,
                 o->model);
  else if (!same(&m.spec, &o->spec))
    report_found(a->report, CHECK_VERSION, it->subject,
                 "announces another description than the terms name");
  return OK;
}

static enum err load_spec(struct audit *a, struct why *why)
{
  const struct open_event *o = a->round->open;
  char path[160];
  AUTO(buf_done) struct buf text = {0};
  struct digest is;
  snprintf(path, sizeof path, "models/%s/spec?version=%llu", o->model,
           (unsigned long long)o->version);
  TRY(source_get(a->source, path, SPEC_BYTES_MAX, &text, why));
  crypto_hash_sha256(is.b, text.data, text.len);
  if (!same(&is, &o->spec))
    return why_set(why, E_HASH, "", "another one is served");
  return spec_parse(&a->spec, buf_bytes(&text), why);
}

enum err audit_spec(struct audit *a, struct why *why)
{
  struct why inner = {0};
  report_checked(a->report, CHECK_SPEC, 1);
  enum err e = load_spec(a, &inner);
  return audit_judge(a, CHECK_SPEC, "the description", e, &inner, why);
}

enum err audit_terms(struct audit *a, struct why *why)
{
  struct why inner = {0};
  enum err e = spec_open_check(a->round->open->event, a->spec, &inner);
  report_checked(a->report, CHECK_TERMS, 1);
  return audit_judge(a, CHECK_TERMS, a->one[TYPE_OPEN]->subject, e, &inner, why);
}

/* ---- the base ---- */

static enum err base_init(struct audit *a, struct why *why)
{
  struct digest is;
  AUTO(free_drop) float *w = must_calloc(a->spec->d, sizeof *w);
  TRY(net_init(w, a->spec, &a->spec->hash));
  crypto_hash_sha256(is.b, (const uint8_t *)w, a->spec->d * sizeof *w);
  if (!same(&is, &a->round->open->base))
    return why_set(why, E_HASH, "base",
                   "is not the initial model that follows from the description");
  return OK;
}

/* The event with this hash, and its leaf, as the log knows them. */
static enum err find_event(struct audit *a, const struct digest *hash, json_t **event,
                           uint64_t *leaf, struct why *why)
{
  char path[128], hex[65];
  struct digest is;
  AUTO(json_drop) json_t *reply = NULL;
  snprintf(path, sizeof path, "log/events/%s", hex_encode(hex, hash->b, 32));
  TRY(source_json(a->source, path, &reply, why));
  json_t *found = json_object_get(reply, "event");
  const json_t *at = json_object_get(reply, "leaf");
  TRY(event_check(found, why));
  TRY(event_hash(&is, found));
  if (!same(&is, hash))
    return why_set(why, E_HASH, "", "another event is served for its hash");
  if (!json_is_integer(at) || json_integer_value(at) < 0)
    return why_set(why, E_CHEAT_LOG, "", "it is no leaf of the log");
  *leaf = (uint64_t)json_integer_value(at);
  *event = json_incref(found);
  return OK;
}

/* An earlier round: its result and its terms. */
struct before {
  json_t *event, *terms;
  struct result_event result;
  struct open_event *open;
};

static void before_done(struct before *b)
{
  open_free(b->open);
  json_decref(b->event);
  json_decref(b->terms);
}

static enum err before_open(struct audit *a, struct before *b, struct why *why)
{
  char path[128], ctx[65];
  AUTO(buf_done) struct buf text = {0};
  snprintf(path, sizeof path, "rounds/%s/events/open",
           hex_encode(ctx, b->result.header.ctx.b, 32));
  TRY(source_get(a->source, path, EVENT_BYTES_MAX, &text, why));
  TRY(event_parse(&b->terms, buf_bytes(&text), why));
  TRY(event_verify(b->terms, "open", &a->pin->instance.coordinator, why));
  TRY(open_parse(&b->open, b->terms, a->pin->instance.anchored, why));
  if (!same(&b->open->ctx, &b->result.header.ctx))
    return why_set(why, E_CONTEXT, "", "its terms are those of another round");
  return OK;
}

/* The result that the terms name: a leaf before them, signed, of this model. */
static enum err before_load(struct audit *a, struct before *b, struct why *why)
{
  const struct open_event *o = a->round->open;
  const struct item *terms = a->one[TYPE_OPEN];
  uint64_t leaf = 0;
  TRY(find_event(a, &o->base_event, &b->event, &leaf, why));
  TRY(event_verify(b->event, "result", &a->pin->instance.coordinator, why));
  TRY(result_parse(&b->result, b->event, why));
  TRY(before_open(a, b, why));
  if (!same(&b->result.header.instance, &a->pin->hash) ||
      strcmp(b->open->model, o->model) != 0)
    return why_set(why, E_CONTEXT, "base", "is the result of another model");
  if (b->open->round >= o->round)
    return why_set(why, E_CONTEXT, "base", "is the result of a later round");
  if (terms->in_log && leaf >= terms->leaf)
    return why_set(why, E_CHEAT_LOG, "base", "stands behind the terms in the log");
  if (report_verdict(a->report, CHECK_CHECKPOINT) == VERDICT_HOLDS)
    TRY(audit_log_leaf(a->log, leaf, b->event, why));
  return OK;
}

static enum err base_result(struct audit *a, struct why *why)
{
  AUTO(before_done) struct before b = {0};
  TRY(before_load(a, &b, why));
  if (!same(&b.result.model, &a->round->open->base))
    return why_set(why, E_HASH, "base",
                   "is not the model that the result of round %llu "
                   "names",
                   (unsigned long long)b.open->round);
  return OK;
}

enum err audit_base(struct audit *a, struct why *why)
{
  struct why inner = {0};
  enum err e = OK;
  if (a->round->open->source == BASE_IMPORT) {
    report_skip(a->report, CHECK_BASE, "it was imported: it follows from nothing here");
    return OK;
  }
  report_checked(a->report, CHECK_BASE, 1);
  if (a->round->open->source == BASE_INIT && !a->spec)
    report_skip(a->report, CHECK_BASE, "there is no description to make it from");
  else if (a->round->open->source == BASE_INIT)
    e = base_init(a, &inner);
  else
    e = base_result(a, &inner);
  return audit_judge(a, CHECK_BASE, a->one[TYPE_OPEN]->subject, e, &inner, why);
}

/* Whether two rounds use one optimiser, its state aside. */
static bool same_optimiser(const struct open_event *x, const struct open_event *y)
{
  AUTO(json_drop) json_t *a = json_copy((json_t *)x->optimiser);
  AUTO(json_drop) json_t *b = json_copy((json_t *)y->optimiser);
  json_object_del(a, "state");
  json_object_del(b, "state");
  return json_equal(a, b);
}

static enum err check_state(struct audit *a, struct why *why)
{
  const struct open_event *o = a->round->open;
  AUTO(before_done) struct before b = {0};
  TRY(before_load(a, &b, why));
  bool goes_on = b.result.has_state && same_optimiser(o, b.open);
  if (goes_on != o->has_state)
    return why_set(why, E_CONTEXT, "optimiser", "its state %s",
                   goes_on ? "was left out" : "comes from nowhere");
  if (goes_on && !same(&o->state, &b.result.state))
    return why_set(why, E_HASH, "optimiser", "its state is not the one of that result");
  return OK;
}

enum err audit_state(struct audit *a, struct why *why)
{
  struct why inner = {0};
  enum err e = OK;
  report_checked(a->report, CHECK_STATE, 1);
  if (a->round->open->source == BASE_RESULT)
    e = check_state(a, &inner);
  else if (a->round->open->has_state)
    e = why_set(&inner, E_CONTEXT, "optimiser", "has a state before the first round");
  return audit_judge(a, CHECK_STATE, a->one[TYPE_OPEN]->subject, e, &inner, why);
}

/* ---- as they are served ---- */

static enum err fetch_served(struct audit *a, struct spool *out, const char *what,
                             uint64_t size, const struct digest *hash, struct why *why)
{
  char path[128];
  struct digest is;
  snprintf(path, sizeof path, "rounds/%s/%s", a->hex, what);
  TRY(spool_fetch(out, a->source, path, size, why));
  TRY(spool_hash(out, &is, why));
  return same(&is, hash) ? OK : why_set(why, E_HASH, "", "has another hash");
}

enum err audit_base_served(struct audit *a, struct why *why)
{
  const struct open_event *o = a->round->open;
  struct why inner = {0};
  report_checked(a->report, CHECK_BASE_SERVED, 1);
  enum err e = fetch_served(a, &a->base, "base", o->d * sizeof(float), &o->base, &inner);
  TRY(audit_judge(a, CHECK_BASE_SERVED, "the base", e, &inner, why));
  if (!o->has_state || !a->spec)
    return OK;
  report_checked(a->report, CHECK_BASE_SERVED, 1);
  uint64_t size = o->d * optimiser_state_bytes(a->spec->optimiser.kind);
  e = fetch_served(a, &a->state, "state", size, &o->state, &inner);
  return audit_judge(a, CHECK_BASE_SERVED, "the optimiser's state", e, &inner, why);
}
