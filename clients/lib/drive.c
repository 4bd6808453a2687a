/* SPDX-License-Identifier: Apache-2.0
 * One participant through one round: what is done in which phase. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clients/lib/drive_state.h"
#include "util/field.h"
#include "util/text.h"

/* ---- small things ---- */

static json_t *record_start(const struct drive *d, const char *outcome,
                            const struct state *s)
{
  json_t *r = json_pack("{s:s,s:s,s:s}", "outcome", outcome, "model", d->model, "ctx",
                        d->ctx_hex);
  if (s) {
    json_object_set_new(r, "round", json_integer((json_int_t)s->round));
    json_object_set_new(r, "attempt", json_integer((json_int_t)s->attempt));
  }
  return r;
}

static enum err ended(struct drive *d, json_t *record, struct drive_report *out,
                      struct why *why)
{
  TRY(drive_end(d, record, why));
  *out = (struct drive_report){.outcome = DRIVE_ENDED, .record = d->record};
  return OK;
}

/* Leaves the round for a reason in words. */
static enum err leave(struct drive *d, const struct state *s, enum err e,
                      const char *detail, struct drive_report *out, struct why *why)
{
  AUTO(free_drop) char *reason = must_strdup(detail); /* detail may lie in *why */
  json_t *r = record_start(d, "left", s);
  json_object_set_new(r, "error", json_string(err_info(e)->slug));
  json_object_set_new(r, "reason", json_string(*reason ? reason : err_info(e)->title));
  return ended(d, r, out, why);
}

/* The coordinator's event of this type, verified, of this round. */
static enum err fetch_event(struct drive *d, const char *type, json_t **out,
                            struct why *why)
{
  return api_event(d->api, d->ctx_hex, type, out, why);
}

enum err drive_say(struct drive *d, const char *type, const char *what,
                   const json_t *event, json_t *extra, json_t **reply, struct why *why)
{
  TRY(drive_save_party(d, why));
  TRY(drive_save_said(d, type, event, why));
  enum err e = api_send(d->api, d->ctx_hex, what, event, extra, reply, why);
  if (e == E_CHECKPOINT)
    return watch_disowned(&d->watch, why);
  TRY(e);
  return drive_save_receipt(d, type, json_object_get(*reply, "receipt"), why);
}

enum err drive_see(struct drive *d, const char *type, struct why *why)
{
  if (party_event(d->party, type))
    return OK; /* signed before: it is sent as it is */
  TRY(watch_refresh(&d->watch, 0, why));
  struct seen seen = watch_seen(&d->watch);
  party_set_seen(d->party, &seen);
  return OK;
}

static enum err did(struct drive_report *out, const char *what)
{
  *out = (struct drive_report){.outcome = DRIVE_DID, .did = what};
  return OK;
}

/* ---- the chain ---- */

/* What is not there yet is waited for, and so is a node that does not answer. */
static enum err patient(enum err e, struct why *why)
{
  struct why inner = why ? *why : (struct why){0};
  if (e != E_NETWORK && e != E_RPC && e != E_REPLY)
    return e;
  return why_set(why, E_UNANCHORED, "--rpc", "your Ethereum node does not answer: %s",
                 *inner.detail ? inner.detail : err_info(e)->title);
}

/* The block that draws this graph, found on the chain and kept. */
static enum err find_beacon(struct drive *d, struct beacon *out, bool *sparse,
                            struct why *why)
{
  const struct open_event *o = d->round->open;
  struct graph_params p;
  *sparse = false;
  if (!d->options.view ||
      graph_params_find(&p, d->round->n, o->corrupt_bp, o->dropout_bp, true) != OK ||
      p.complete)
    return OK;
  TRY(patient(chain_view_beacon(d->options.view, d->round, out, why), why));
  *sparse = true;
  return drive_save_beacon(d, out, why);
}

/* ---- JOIN ---- */

static enum err agree(struct drive *d, struct why *why)
{
  if (known_agreed(&d->known, &d->spec->hash))
    return OK;
  if (d->hooks.agree)
    TRY(d->hooks.agree(d->hooks.arg, d->spec, why));
  known_agree(&d->known, &d->spec->hash);
  return known_save(d->home, &d->known, d->pin, d->model, why);
}

enum err drive_load_spec(struct drive *d, struct why *why)
{
  const struct open_event *o = d->round->open;
  if (d->spec && memcmp(&d->spec->hash, &o->spec, sizeof o->spec) == 0)
    return OK;
  spec_free(d->spec);
  d->spec = NULL;
  return trust_spec(&d->spec, d->home, d->api, d->model, o->version, &o->spec, why);
}

/* Takes up a round: its terms, checked, and fresh secrets. Nothing is sent. */
static enum err begin(struct drive *d, struct why *why)
{
  AUTO(json_drop) json_t *open = NULL;
  if (!d->round) {
    TRY(fetch_event(d, "open", &open, why));
    TRY(round_open(&d->round, &d->pin->instance, &d->pin->hash, open, why));
  }
  const struct open_event *o = d->round->open;
  if (memcmp(&o->ctx, &d->ctx, sizeof d->ctx) != 0)
    return why_set(why, E_CHEAT_HISTORY, "open", "does not hash to the round's context");
  if (strcmp(o->model, d->model) != 0)
    return why_set(why, E_CHEAT_HISTORY, "open", "is of another model");
  if (o->minimum < d->options.minimum)
    return why_set(why, E_USAGE, "--minimum",
                   "this round promises %u organisations in its sum, you ask for %u",
                   o->minimum, d->options.minimum);
  TRY(drive_load_spec(d, why));
  TRY(trust_terms(d->round, d->spec, &d->known, d->pin, d->api, d->options.allow_import,
                  why));
  if (d->options.view)
    TRY(patient(chain_view_terms(d->options.view, o, why), why));
  TRY(agree(d, why));
  TRY(known_save(d->home, &d->known, d->pin, d->model, why));
  TRY(drive_save_document(d, "open", o->event, NULL, NULL, why));
  return party_new(&d->party, d->round, &d->self->id, &d->self->key);
}

static enum err step_join(struct drive *d, struct drive_report *out, struct why *why)
{
  AUTO(json_drop) json_t *reply = NULL;
  const json_t *event;
  if (drive_has_receipt(d, "join"))
    return OK;
  if (!d->party)
    TRY(begin(d, why));
  TRY(drive_see(d, "join", why));
  TRY(party_join(d->party, d->round, &event));
  TRY(drive_say(d, "join", "joins", event, NULL, &reply, why));
  return did(out, "joined");
}

/* ---- SHARE ---- */

/* Roster and graph, fetched once. */
static enum err take_roster(struct drive *d, struct why *why)
{
  AUTO(json_drop) json_t *roster = NULL, *members = NULL, *graph = NULL;
  struct beacon beacon;
  bool sparse;
  if (!d->round->n) {
    TRY(fetch_event(d, "roster", &roster, why));
    TRY(api_list(d->api, d->ctx_hex, "joins", "members", &members, why));
    TRY(round_roster(d->round, roster, members, why));
    TRY(drive_save_document(d, "roster", roster, "members.json", members, why));
  }
  if (!d->round->graph.at) {
    TRY(fetch_event(d, "graph", &graph, why));
    TRY(find_beacon(d, &beacon, &sparse, why));
    TRY(round_graph(d->round, graph, d->pin->instance.simulated, sparse ? &beacon : NULL,
                    why));
    TRY(drive_save_document(d, "graph", graph, NULL, NULL, why));
  }
  return OK;
}

static enum err enough(const struct drive *d, const uint8_t *set, struct why *why)
{
  unsigned have = round_organisations(d->round, set);
  if (have >= d->options.minimum)
    return OK;
  return why_set(why, E_THRESHOLD, "members",
                 "%u organisations take part, you ask for %u", have, d->options.minimum);
}

/* In the roster? With a receipt for the join it must be. */
static enum err check_in_roster(struct drive *d, struct why *why)
{
  if (round_index(d->round, &d->self->id) >= 0)
    return OK;
  if (drive_has_receipt(d, "join"))
    return why_set(why, E_CHEAT_ROSTER, "members",
                   "your join was accepted, but you are not in the roster");
  return why_set(why, E_NOT_IN_ROUND, "roster", "joining ended before your message came");
}

static enum err step_share(struct drive *d, struct drive_report *out, struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  AUTO(json_drop) json_t *extra = NULL, *reply = NULL;
  const json_t *event;
  struct bytes deals;
  if (drive_has_receipt(d, "share"))
    return OK;
  TRY(take_roster(d, why));
  TRY(check_in_roster(d, why));
  TRY(enough(d, NULL, why));
  TRY(drive_see(d, "share", why));
  TRY(party_share(d->party, d->round, &event, &deals, why));
  TRY(base64_encode(&text, deals));
  extra = json_pack("{s:s}", "deals", buf_text(&text));
  TRY(drive_say(d, "share", "shares", event, extra, &reply, why));
  return did(out, "shared");
}

/* ---- UPLOAD ---- */

static enum err take_sharers(struct drive *d, struct why *why)
{
  AUTO(json_drop) json_t *sharers = NULL, *shares = NULL;
  TRY(take_roster(d, why));
  TRY(check_in_roster(d, why));
  if (d->round->sharers)
    return OK;
  TRY(fetch_event(d, "sharers", &sharers, why));
  TRY(api_list(d->api, d->ctx_hex, "shares", "events", &shares, why));
  TRY(round_sharers(d->round, sharers, shares, why));
  TRY(drive_save_document(d, "sharers", sharers, "shares.json", shares, why));
  d->shares = STEAL(shares);
  return OK;
}

static enum err check_in_sharers(struct drive *d, struct why *why)
{
  int64_t i = round_index(d->round, &d->self->id);
  if (i >= 0 && set_has(d->round->sharers, (uint32_t)i))
    return OK;
  if (drive_has_receipt(d, "share"))
    return why_set(why, E_CHEAT_SHARERS, "members",
                   "your shares were accepted, but you are not among the sharers");
  return why_set(why, E_NOT_IN_ROUND, "sharers",
                 "the time to share was over before your shares came");
}

static enum err take_boxes(struct drive *d, struct why *why)
{
  AUTO(json_drop) json_t *boxes = NULL;
  if (party_event(d->party, "update"))
    return OK;
  TRY(api_boxes(d->api, &d->ctx, &d->self->id, &d->self->key, &boxes, why));
  TRY(party_boxes(d->party, d->round, d->shares, boxes, why));
  return drive_save_party(d, why);
}

static enum err step_upload(struct drive *d, struct drive_report *out, struct why *why)
{
  AUTO(buf_done) struct buf y = {0};
  if (drive_has_receipt(d, "complete"))
    return OK;
  TRY(take_sharers(d, why));
  TRY(check_in_sharers(d, why));
  TRY(enough(d, d->round->sharers, why));
  TRY(take_boxes(d, why));
  TRY(drive_take_y(d, &y, why));
  TRY(drive_upload(d, &y, why));
  return did(out, "uploaded");
}

/* ---- UNMASK ---- */

/* The survivor list as first accepted. Shown again it must be the same: only one answer
 * is ever given. */
static enum err take_survivors(struct drive *d, struct why *why)
{
  AUTO(json_drop) json_t *survivors = NULL, *updates = NULL;
  struct digest hash;
  TRY(take_sharers(d, why));
  if (d->round->survivors && d->compared)
    return OK;
  TRY(fetch_event(d, "survivors", &survivors, why));
  if (d->round->survivors) {
    TRY(event_hash(&hash, survivors));
    if (memcmp(&hash, &d->round->survivors_hash, sizeof hash) != 0)
      return why_set(why, E_CHEAT_SECOND, "survivors",
                     "the server shows another survivor list than before");
  } else {
    TRY(api_list(d->api, d->ctx_hex, "updates", "events", &updates, why));
    TRY(round_survivors(d->round, survivors, updates, why));
    TRY(drive_save_document(d, "survivors", survivors, "updates.json", updates, why));
    d->updates = STEAL(updates);
  }
  d->compared = true;
  return OK;
}

static enum err check_in_survivors(struct drive *d, struct why *why)
{
  int64_t i = round_index(d->round, &d->self->id);
  if (i >= 0 && set_has(d->round->survivors, (uint32_t)i))
    return OK;
  if (drive_has_receipt(d, "complete"))
    return why_set(why, E_CHEAT_SURVIVORS, "members",
                   "your update was complete, but you are not among the survivors");
  return why_set(why, E_NOT_IN_ROUND, "survivors",
                 "the time to upload was over before your update was complete");
}

/* Section 10: which sums over this base were seen before. Stored before any answer. */
static enum err check_history(struct drive *d, struct why *why)
{
  char path[256], base[65];
  AUTO(json_drop) json_t *history = NULL;
  const struct open_event *o = d->round->open;
  snprintf(path, sizeof path, "bases/%s.%s.%s.json", d->pin->hex, d->model,
           hex_encode(base, o->base.b, 32));
  enum err e = home_read_json(d->home, path, &history, why);
  if (e == E_NOT_FOUND)
    history = json_array();
  else
    TRY(e);
  e = party_check_history(history, d->round, o->minimum, d->options.consent, why);
  if (e == OK || e == E_CHEAT_BASE)
    TRY(home_write_json(d->home, path, history, false, why));
  return e;
}

/* Section 11.1: nothing is answered before enough of the user's witnesses have seen the
 * survivor list. UNMASK stays open; it is tried again on the next look. */
static enum err check_witnesses(struct drive *d, struct drive_report *out,
                                struct why *why)
{
  const struct witnesses *l = d->options.witnesses;
  AUTO(json_drop) json_t *survivors = NULL;
  if (!l || !l->required)
    return OK;
  TRY(home_read_json(d->home, round_file(d, "survivors.json").text, &survivors, why));
  TRY(witnesses_count(l, &d->watch, survivors, &out->cosigned, why));
  out->unwitnessed = out->cosigned < l->required;
  return OK;
}

static enum err step_unmask(struct drive *d, struct drive_report *out, struct why *why)
{
  AUTO(json_drop) json_t *reply = NULL;
  const json_t *event;
  if (drive_has_receipt(d, "unmask") && d->compared)
    return OK;
  TRY(take_survivors(d, why));
  if (drive_has_receipt(d, "unmask"))
    return OK;
  TRY(check_in_survivors(d, why));
  if (!party_event(d->party, "unmask")) {
    TRY(check_history(d, why));
    TRY(check_witnesses(d, out, why));
    if (out->unwitnessed)
      return OK;
    if (d->options.view)
      TRY(patient(chain_view_survivors(d->options.view, d->round, why), why));
  }
  TRY(drive_see(d, "unmask", why));
  TRY(party_unmask(d->party, d->round, d->updates, d->options.minimum, &event, why));
  TRY(drive_say(d, "unmask", "unmasks", event, NULL, &reply, why));
  return did(out, "answered");
}

/* ---- the end ---- */

static enum err step_done(struct drive *d, const struct state *s,
                          struct drive_report *out, struct why *why)
{
  AUTO(json_drop) json_t *event = NULL;
  AUTO(open_drop) struct open_event *open = NULL;
  struct result_event result;
  struct digest hash;
  TRY(fetch_event(d, "result", &event, why));
  TRY(trust_result(&result, &open, event, d->pin, d->model, d->api, why));
  if (memcmp(&result.header.ctx, &d->ctx, sizeof d->ctx) != 0)
    return why_set(why, E_CHEAT_HISTORY, "result", "is of another round");
  if (d->round->survivors &&
      memcmp(&result.survivors, &d->round->survivors_hash, sizeof hash) != 0)
    return why_set(why, E_CHEAT_SECOND, "result",
                   "it was made over another survivor list than the one you answered");
  if (d->round->survivors && result.count != set_count(d->round->survivors, d->round->n))
    return why_set(why, E_CHEAT_SURVIVORS, "result", "does not count its survivors");
  TRY(event_hash(&hash, event));
  known_result(&d->known, open->round, &open->ctx, &hash, &result.model, &open->spec);
  TRY(known_save(d->home, &d->known, d->pin, d->model, why));
  TRY(drive_save_document(d, "result", event, NULL, NULL, why));
  json_t *r = record_start(d, "done", s);
  json_object_set(r, "result", event);
  return ended(d, r, out, why);
}

static enum err step_failed(struct drive *d, const struct state *s,
                            struct drive_report *out, struct why *why)
{
  AUTO(json_drop) json_t *event = NULL;
  TRY(fetch_event(d, "failed", &event, why));
  struct failed_event f;
  if (event_verify(event, "failed", &d->pin->instance.coordinator, why) != OK)
    return E_CHEAT_KEY;
  if (failed_parse(&f, event, why) != OK)
    return E_CHEAT_HISTORY;
  if (memcmp(&f.header.ctx, &d->ctx, sizeof d->ctx) != 0)
    return why_set(why, E_CHEAT_HISTORY, "failed", "is of another round");
  TRY(drive_save_document(d, "failed", event, NULL, NULL, why));
  enum err e = err_by_slug(f.reason);
  json_t *r = record_start(d, "failed", s);
  json_object_set_new(r, "reason",
                      json_string(e < ERR_COUNT ? err_info(e)->title : f.reason));
  json_object_set(r, "event", event);
  return ended(d, r, out, why);
}

/* ---- one step ---- */

bool err_is_cheat(enum err e)
{
  return e >= E_CHEAT_MODEL && e <= E_CHEAT_PROMISE;
}

/* What can only end this participant's part, not the program. */
static bool leaves(enum err e)
{
  return e == E_STATE || e == E_THRESHOLD || e == E_NOT_IN_ROUND || e == E_CONFLICT ||
         e == E_CONTEXT || e == E_SHARES;
}

static enum err act(struct drive *d, const struct state *s, struct drive_report *out,
                    struct why *why)
{
  switch (s->phase) {
  case PHASE_JOIN:
    return step_join(d, out, why);
  case PHASE_SHARE:
    return step_share(d, out, why);
  case PHASE_UPLOAD:
    return step_upload(d, out, why);
  case PHASE_UNMASK:
    return step_unmask(d, out, why);
  case PHASE_DONE:
    return step_done(d, s, out, why);
  case PHASE_FAILED:
    return step_failed(d, s, out, why);
  case PHASE_ROSTER:
  case PHASE_SURVIVORS:
  case PHASE_FINAL:
  case PHASES:
    break;
  }
  return OK;
}

enum err drive_step(struct drive *d, const struct state *s, struct drive_report *out,
                    struct why *why)
{
  struct why inner = {0};
  *out = (struct drive_report){.outcome = DRIVE_IDLE};
  enum err e = OK;
  if (!d->loaded || memcmp(&d->ctx, &s->ctx, sizeof d->ctx) != 0)
    e = drive_load(d, &s->ctx, &inner);
  if (e == OK && d->record) {
    *out = (struct drive_report){.outcome = DRIVE_ENDED, .record = d->record};
    return OK;
  }
  if (e == OK && !d->party && s->phase != PHASE_JOIN) {
    out->outcome = DRIVE_ABSENT;
    return OK;
  }
  if (e == OK)
    e = act(d, s, out, &inner);
  if (e == E_UNANCHORED) {
    d->unanchored = inner;
    out->unanchored = &d->unanchored;
    return OK;
  }
  if (leaves(e)) {
    if (why)
      *why = inner;
    return leave(d, s, e, inner.detail, out, why);
  }
  bool over = s->phase == PHASE_DONE || s->phase == PHASE_FAILED;
  if (over && err_is_cheat(e)) {
    /* refused, and nothing more will come: no reason to keep secrets */
    json_t *r = record_start(d, "refused", s);
    json_object_set_new(r, "error", json_string(err_info(e)->slug));
    json_object_set_new(r, "reason", json_string(inner.detail));
    TRY(drive_end(d, r, why));
  }
  if (e != OK) {
    /* what is in memory may be ahead of the disk: the next step starts from the disk */
    drive_unload(d);
    if (why)
      *why = inner;
  }
  /* the phase closed meanwhile: the next state of the round says what follows */
  if (e == E_PHASE)
    return OK;
  return e;
}

/* ---- around it ---- */

enum err drive_new(struct drive **out, struct home *h, const struct self *self,
                   const struct pin *pin, struct api *a, const char *model,
                   const struct drive_options *options, const struct drive_hooks *hooks,
                   struct why *why)
{
  if (pin->instance.simulated && !options->trust_simulated)
    return why_set(why, E_CONSENT, "instance",
                   "this instance runs on a simulated chain, which protects nobody and "
                   "is for tests only: --trust-simulated-chain");
  if (chain_view_needed(pin) && !options->view)
    return why_set(why, E_NO_CHAIN, "--rpc",
                   "is needed: this instance anchors its rounds on a chain");
  AUTO(drive_drop) struct drive *d = must_calloc(1, sizeof *d);
  d->home = h;
  d->self = self;
  d->pin = pin;
  d->api = a;
  snprintf(d->model, sizeof d->model, "%s", model);
  d->options = *options;
  d->hooks = *hooks;
  TRY(known_load(&d->known, h, pin, model, why));
  TRY(watch_open(&d->watch, h, a, pin, NULL, why));
  *out = STEAL(d);
  return OK;
}

void drive_free(struct drive *d)
{
  if (!d)
    return;
  drive_unload(d);
  known_done(&d->known);
  watch_done(&d->watch);
  spec_free(d->spec);
  free(d);
}

/* Whether the folder of a round belongs to this instance and model. */
static bool ours(struct drive *d, const char *ctx)
{
  char path[160];
  AUTO(json_drop) json_t *open = NULL;
  snprintf(path, sizeof path, "rounds/%.64s/open.json", ctx);
  if (home_read_json(d->home, path, &open, NULL) != OK)
    return false;
  const char *instance = json_string_value(json_object_get(open, "instance"));
  const char *model = json_string_value(json_object_get(open, "model"));
  return instance && model && strcmp(instance, d->pin->hex) == 0 &&
         strcmp(model, d->model) == 0;
}

/* Ends one earlier round, if the server says that it is over. */
static enum err settle_one(struct drive *d, const char *ctx, struct why *why)
{
  AUTO(state_done) struct state s = {0};
  struct drive_report report;
  enum err e = api_state(d->api, ctx, 0, PHASES, &s, why);
  if (e == E_NOT_FOUND) {
    drive_unload(d);
    snprintf(d->ctx_hex, sizeof d->ctx_hex, "%s", ctx);
    return leave(d, NULL, e, "the server does not know this round any more", &report,
                 why);
  }
  TRY(e);
  if (strcmp(s.ctx_hex, ctx) != 0)
    return why_set(why, E_REPLY, "ctx", "is another round's");
  if (s.phase != PHASE_DONE && s.phase != PHASE_FAILED)
    return OK;
  return drive_step(d, &s, &report, why);
}

enum err drive_settle(struct drive *d, const struct digest *current, struct why *why)
{
  AUTO(json_drop) json_t *names = NULL;
  size_t i;
  json_t *name;
  TRY(home_list(d->home, "rounds", &names, why));
  json_array_foreach (names, i, name) {
    struct digest ctx;
    char record[160];
    const char *hex = json_string_value(name);
    snprintf(record, sizeof record, "rounds/%.64s/record.json", hex);
    if (hex_decode(ctx.b, 32, hex) != OK || home_has(d->home, record) ||
        (current && memcmp(current, &ctx, sizeof ctx) == 0) || !ours(d, hex))
      continue;
    enum err e = settle_one(d, hex, why);
    drive_unload(d);
    TRY(e);
  }
  return OK;
}

enum err drive_promises(struct drive *d, int64_t now, struct promises *out,
                        struct why *why)
{
  return promises_check(out, &d->watch, now, true, why);
}

int64_t drive_slack(const struct drive *d, const struct state *s)
{
  const struct round *r = d->round;
  if (!r || !r->graph.at || !r->n)
    return -1;
  const struct graph_params *p = &r->graph.p;
  int64_t least = p->complete ? r->open->minimum : MAX(r->open->minimum, p->alive);
  if (s->phase == PHASE_SHARE)
    return MAX(0, (int64_t)r->n - least);
  if (s->phase != PHASE_UPLOAD || !r->sharers)
    return -1;
  int64_t u1 = set_count(r->sharers, r->n), lost = 0;
  /* the next one lost must break no condition of section 7 that can be counted */
  while (u1 - (lost + 1) >= least && u1 - (lost + 1) > (int64_t)p->t &&
         (r->anchored ||
          (int64_t)r->n * (lost + 1) < (int64_t)p->t * (u1 - r->open->minimum + 1)))
    lost++;
  return lost;
}
