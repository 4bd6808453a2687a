/* SPDX-License-Identifier: Apache-2.0
 * Reading the protocol's events: identities, terms, ends. Those of the phases in between
 * are in message_phases.c, building is in message_build.c. */
#include <stdio.h>
#include <string.h>

#include "core/message_internal.h"
#include "util/text.h"

const char *const tail_kind_names[TAIL_KINDS] = {
    [TAIL_WEIGHT] = "weight",
    [TAIL_LOSS] = "loss",
    [TAIL_CORRECT] = "correct",
    [TAIL_EVALUATED] = "evaluated",
    [TAIL_TRUE_POSITIVE] = "true_positive",
    [TAIL_FALSE_POSITIVE] = "false_positive",
    [TAIL_TRUE_NEGATIVE] = "true_negative",
    [TAIL_FALSE_NEGATIVE] = "false_negative",
};

bool slug_valid(const char *slug)
{
  size_t len = strlen(slug);
  return len >= 1 && len <= SLUG_MAX && slug[0] != '-' &&
         strspn(slug, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static enum err slug_check(const char *slug, struct why *why)
{
  if (!slug_valid(slug))
    return why_set(why, E_FIELD_VALUE, "model",
                   "must be lowercase letters, digits and hyphens");
  return OK;
}

static bool contract_valid(const char *s)
{
  return strlen(s) == 42 && strncmp(s, "0x", 2) == 0 &&
         strspn(s + 2, "0123456789abcdef") == 40;
}

enum err instance_parse(struct instance_event *out, const json_t *event, struct why *why)
{
  struct instance_event i = {0};
  json_t *chain, *sig;
  const struct field fields[] = {FIELD_CONST("type", "instance"),
                                 FIELD_STRING("origin", &i.origin, 1, 200),
                                 FIELD_HEX("coordinator", i.coordinator.b),
                                 FIELD_ANY("chain", &chain),
                                 FIELD_ANY("sig", &sig),
                                 FIELD_END};
  TRY(field_read(event, fields, why));
  if (!json_is_null(chain)) {
    const struct field on_chain[] = {FIELD_UINT("id", &i.chain_id, 0, INTEGER_MAX),
                                     FIELD_STRING("contract", &i.contract, 1, 64),
                                     FIELD_END};
    TRY(field_read_at(chain, on_chain, "chain", why));
    i.anchored = true;
    i.simulated = i.chain_id == 0 && strcmp(i.contract, "simulated") == 0;
    if (!i.simulated && (i.chain_id == 0 || !contract_valid(i.contract)))
      return why_set(why, E_FIELD_VALUE, "chain",
                     "must be an id from 1 and a contract: 0x and 40 lowercase digits");
  }
  *out = i;
  return OK;
}

static bool payout_valid(const char *s)
{
  return strlen(s) == 42 && strncmp(s, "0x", 2) == 0 &&
         strspn(s + 2, "0123456789abcdefABCDEF") == 40;
}

/* The member `payout`: null, or an address in any case. */
static enum err payout_read(const char **out, const json_t *payout, struct why *why)
{
  *out = json_string_value(payout);
  if (!json_is_null(payout) && (!*out || !payout_valid(*out)))
    return why_set(why, E_FIELD_VALUE, "payout", "must be null or 0x and 40 hex digits");
  return OK;
}

enum err enroll_parse(struct enroll_event *out, const json_t *event, struct why *why)
{
  struct enroll_event e = {0};
  json_t *payout, *seen, *sig;
  const struct field fields[] = {PARTICIPANT_FIELDS("enroll", e.header),
                                 FIELD_HEX("organisation", e.organisation.b),
                                 FIELD_ANY("payout", &payout),
                                 FIELD_HEX("invite", e.invite.b),
                                 FIELD_HEX("name", e.name.b),
                                 FIELD_END};
  TRY(field_read(event, fields, why));
  TRY(seen_read(&e.header.seen, seen, why));
  TRY(payout_read(&e.payout, payout, why));
  *out = e;
  return OK;
}

enum err payout_parse(struct payout_event *out, const json_t *event, struct why *why)
{
  struct payout_event p = {0};
  json_t *payout, *seen, *sig;
  const struct field fields[] = {PARTICIPANT_FIELDS("payout", p.header),
                                 FIELD_HEX("previous", p.previous.b),
                                 FIELD_ANY("payout", &payout),
                                 FIELD_UINT("time", &p.time, 0, INTEGER_MAX), FIELD_END};
  TRY(field_read(event, fields, why));
  TRY(seen_read(&p.header.seen, seen, why));
  TRY(payout_read(&p.payout, payout, why));
  *out = p;
  return OK;
}

enum err adopt_parse(struct adopt_event *out, const json_t *event, struct why *why)
{
  struct adopt_event a = {0};
  json_t *sig;
  const struct field fields[] = {COORDINATOR_FIELDS("adopt", a.header),
                                 FIELD_HEX("participant", a.header.participant.b),
                                 FIELD_HEX("identity", a.identity.b),
                                 FIELD_UINT("time", &a.time, 0, INTEGER_MAX), FIELD_END};
  TRY(field_read(event, fields, why));
  *out = a;
  return OK;
}

enum err admission_parse(struct admission_event *out, const char *type,
                         const json_t *event, struct why *why)
{
  struct admission_event a = {0};
  json_t *sig;
  const struct field fields[] = {
      COORDINATOR_FIELDS(type, a.header),
      FIELD_HEX("participant", a.header.participant.b),
      FIELD_STRING("model", &a.model, 1, SLUG_MAX),
      FIELD_HEX("identity", a.identity.b),
      FIELD_HEX_OR_NULL("previous", a.previous.b, &a.has_previous),
      FIELD_END};
  TRY(field_read(event, fields, why));
  TRY(slug_check(a.model, why));
  *out = a;
  return OK;
}

enum err model_parse(struct model_event *out, const json_t *event, struct why *why)
{
  struct model_event m = {0};
  json_t *sig;
  const struct field fields[] = {
      COORDINATOR_FIELDS("model", m.header),
      FIELD_STRING("model", &m.model, 1, SLUG_MAX),
      FIELD_UINT("version", &m.version, 1, INTEGER_MAX),
      FIELD_HEX("spec", m.spec.b),
      FIELD_HEX_OR_NULL("previous", m.previous.b, &m.has_previous),
      FIELD_END};
  TRY(field_read(event, fields, why));
  TRY(slug_check(m.model, why));
  if (m.has_previous != (m.version > 1))
    return why_set(why, E_FIELD_VALUE, "previous",
                   "must be null for version 1, and only then");
  *out = m;
  return OK;
}

static const char *const act_methods[] = {"POST /", "PUT /", "DELETE /"};

enum err act_parse(struct act_event *out, const json_t *event, struct why *why)
{
  struct act_event a = {0};
  json_t *model, *sig;
  bool known = false;
  const struct field fields[] = {COORDINATOR_FIELDS("act", a.header),
                                 FIELD_HEX("id", a.id),
                                 FIELD_HEX("actor", a.actor),
                                 FIELD_STRING("action", &a.action, 1, ACTION_MAX),
                                 FIELD_ANY("model", &model),
                                 FIELD_UINT("time", &a.time, 0, INTEGER_MAX),
                                 FIELD_END};
  TRY(field_read(event, fields, why));
  for (unsigned i = 0; i < LENGTH(act_methods); i++)
    known |= strncmp(a.action, act_methods[i], strlen(act_methods[i])) == 0;
  if (!known)
    return why_set(why, E_FIELD_VALUE, "action",
                   "must be POST, PUT or DELETE, and an address");
  a.model = json_string_value(model);
  if (!json_is_null(model) && !a.model)
    return why_set(why, E_FIELD_TYPE, "model", "must be a slug or null");
  if (a.model)
    TRY(slug_check(a.model, why));
  *out = a;
  return OK;
}

/* ---- open ---- */

static enum err tail_read(struct open_event *o, const json_t *tail, struct why *why)
{
  o->tail_len = (unsigned)json_array_size(tail);
  o->tail = must_calloc(o->tail_len, sizeof *o->tail);
  for (unsigned i = 0; i < o->tail_len; i++) {
    const json_t *row = json_array_get(tail, i);
    const char *kind = json_string_value(json_array_get(row, 0));
    const char *name = json_string_value(json_array_get(row, 1));
    const json_t *max = json_array_get(row, 2);
    char field[32];
    snprintf(field, sizeof field, "tail[%u]", i);
    if (json_array_size(row) != 3 || !kind || !name || !json_is_integer(max) ||
        json_integer_value(max) < 1)
      return why_set(why, E_FIELD_TYPE, field, "must be [kind, name, max]");
    unsigned k = 0;
    while (k < TAIL_KINDS && strcmp(kind, tail_kind_names[k]) != 0)
      k++;
    if (k == TAIL_KINDS || (k == TAIL_WEIGHT) != (i == 0))
      return why_set(why, E_FIELD_VALUE, field,
                     "kinds are a closed list and weight comes first, once");
    o->tail[i] =
        (struct tail_entry){(enum tail_kind)k, name, (uint64_t)json_integer_value(max)};
  }
  if (o->tail[0].max != o->quantiser.cap || *o->tail[0].name)
    return why_set(why, E_FIELD_VALUE, "tail[0]", "must be the weight with its cap");
  return OK;
}

static enum err base_read(struct open_event *o, const json_t *base, struct why *why)
{
  static const char *const sources[] = {
      [BASE_INIT] = "init", [BASE_RESULT] = "result", [BASE_IMPORT] = "import"};
  const char *source;
  bool has_event;
  const struct field fields[] = {
      FIELD_STRING("source", &source, 1, 16), FIELD_HEX("sha256", o->base.b),
      FIELD_HEX_OR_NULL("event", o->base_event.b, &has_event), FIELD_END};
  TRY(field_read_at(base, fields, "base", why));
  for (unsigned s = 0; s < LENGTH(sources); s++)
    if (strcmp(source, sources[s]) == 0 && has_event == (s != BASE_INIT)) {
      o->source = (enum base_source)s;
      return OK;
    }
  return why_set(why, E_FIELD_VALUE, "base.source",
                 "must be init without an event, or result or import with one");
}

static enum err optimiser_read(struct open_event *o, struct why *why)
{
  const json_t *state = json_object_get(o->optimiser, "state");
  if (!json_is_string(json_object_get(o->optimiser, "kind")) || !state)
    return why_set(why, E_FIELD_MISSING, "optimiser", "must have kind and state");
  o->has_state = json_is_string(state);
  if (!json_is_null(state) &&
      (!o->has_state || hex_decode(o->state.b, 32, json_string_value(state)) != OK))
    return why_set(why, E_FIELD_VALUE, "optimiser.state", "must be null or a digest");
  return OK;
}

static enum err excluded_read(struct open_event *o, const json_t *list, struct why *why)
{
  o->excluded_len = (unsigned)json_array_size(list);
  o->excluded = must_calloc(o->excluded_len, sizeof *o->excluded);
  for (unsigned i = 0; i < o->excluded_len; i++) {
    const char *hex = json_string_value(json_array_get(list, i));
    if (!hex || hex_decode(o->excluded[i].b, 32, hex) != OK)
      return why_set(why, E_FIELD_VALUE, "excluded", "must hold participant keys");
  }
  return OK;
}

enum err audit_terms_read(bool *members, uint64_t *window, const json_t *audit,
                          struct why *why)
{
  const char *audience;
  uint64_t seconds;
  const struct field fields[] = {FIELD_STRING("audience", &audience, 1, 16),
                                 FIELD_UINT("window", &seconds, 0, AUDIT_WINDOW_MAX),
                                 FIELD_END};
  TRY(field_read_at(audit, fields, "audit", why));
  bool closed = strcmp(audience, "members") == 0;
  if (!closed && strcmp(audience, "public") != 0)
    return why_set(why, E_FIELD_VALUE, "audit.audience",
                   "must be \"public\" or \"members\"");
  *members = closed;
  *window = seconds;
  return OK;
}

/* Section 3: whatever could overflow or weaken the round is refused. */
static enum err open_check(const struct open_event *o, bool anchored, struct why *why)
{
  const struct quantiser *q = &o->quantiser;
  unsigned __int128 half = (unsigned __int128)1 << (o->ring_bits - 1);
  unsigned __int128 most = (unsigned __int128)o->maximum * q->cap;
  if (most * (uint64_t)quantiser_max(q) >= half)
    return why_set(why, E_OVERFLOW, "ring_bits",
                   "maximum x weight_cap x (2^%u - 1) reaches 2^%u", q->bits - 1,
                   o->ring_bits - 1);
  for (unsigned i = 0; i < o->tail_len; i++)
    if ((unsigned __int128)o->maximum * o->tail[i].max >= half)
      return why_set(why, E_OVERFLOW, "tail", "maximum x %s reaches 2^%u",
                     tail_kind_names[o->tail[i].kind], o->ring_bits - 1);
  if (o->minimum > o->maximum)
    return why_set(why, E_FIELD_VALUE, "maximum", "must not be below the minimum");
  if (o->corrupt_bp + o->dropout_bp > 9000)
    return why_set(why, E_FIELD_VALUE, "dropout_bp",
                   "corrupt_bp + dropout_bp must not exceed 9000");
  if (!anchored && o->maximum > UNANCHORED_MAX)
    return why_set(why, E_FIELD_VALUE, "maximum", "at most %u without a chain",
                   UNANCHORED_MAX);
  return OK;
}

static enum err open_read(struct open_event *o, bool anchored, struct why *why)
{
  json_t *base, *tail, *optimiser, *deadlines, *reward, *audit, *excluded, *sig;
  uint64_t bits, q, minimum, maximum, corrupt, dropout, unused;
  struct quantiser *z = &o->quantiser;
  int64_t mantissa;
  unsigned exponent;
  const struct field fields[] = {
      COORDINATOR_FIELDS("open", o->header),
      FIELD_STRING("model", &o->model, 1, SLUG_MAX),
      FIELD_UINT("version", &o->version, 1, INTEGER_MAX),
      FIELD_HEX("spec", o->spec.b),
      FIELD_UINT("round", &o->round, 1, INTEGER_MAX),
      FIELD_UINT("attempt", &o->attempt, 1, 16),
      FIELD_OBJECT("base", &base),
      FIELD_UINT("d", &o->d, 1, (double)(1LL << 40)),
      FIELD_ARRAY("tail", &tail, 1, TAIL_MAX),
      FIELD_UINT("ring_bits", &bits, 16, 64),
      FIELD_UINT("quant_bits", &q, 2, 31),
      FIELD_STRING("range", &o->range, 1, 24),
      FIELD_STRING("clip", &o->clip, 1, 24),
      FIELD_UINT("weight_cap", &z->cap, 1, INTEGER_MAX),
      FIELD_OBJECT("optimiser", &optimiser),
      FIELD_UINT("minimum", &minimum, 3, PARTICIPANTS_MAX),
      FIELD_UINT("maximum", &maximum, 3, PARTICIPANTS_MAX),
      FIELD_UINT("corrupt_bp", &corrupt, 0, 9000),
      FIELD_UINT("dropout_bp", &dropout, 0, 9000),
      FIELD_OBJECT("deadlines", &deadlines),
      FIELD_UINT("beacon_distance", &o->beacon_distance, 0, 100000),
      FIELD_OBJECT("reward", &reward),
      FIELD_OBJECT("audit", &audit),
      FIELD_ARRAY("excluded", &excluded, 0, EXCLUDED_MAX),
      FIELD_UINT("time", &unused, 0, INTEGER_MAX),
      FIELD_END,
  };
  TRY(field_read(o->event, fields, why));
  TRY(slug_check(o->model, why));
  const struct field lengths[] = {
      FIELD_UINT("join", &o->deadline[DEADLINE_JOIN], 1, 31536000),
      FIELD_UINT("share", &o->deadline[DEADLINE_SHARE], 1, 31536000),
      FIELD_UINT("upload", &o->deadline[DEADLINE_UPLOAD], 1, 31536000),
      FIELD_UINT("unmask", &o->deadline[DEADLINE_UNMASK], 1, 31536000), FIELD_END};
  TRY(field_read_at(deadlines, lengths, "deadlines", why));
  o->ring_bits = (unsigned)bits;
  if (!ring_bits_valid(o->ring_bits))
    return why_set(why, E_FIELD_VALUE, "ring_bits", "must be 16, 24, 32, 40, 48 or 64");
  z->bits = (unsigned)q;
  if (decimal_parse(&z->range, o->range) != OK || z->range <= 0 ||
      decimal_exact(&mantissa, &exponent, o->range) != OK)
    return why_set(why, E_FIELD_VALUE, "range", "must be a positive decimal");
  if (decimal_parse(&z->clip, o->clip) != OK || z->clip <= 0 ||
      decimal_exact(&mantissa, &exponent, o->clip) != OK)
    return why_set(why, E_FIELD_VALUE, "clip", "must be a positive decimal");
  o->minimum = (unsigned)minimum;
  o->maximum = (unsigned)maximum;
  o->corrupt_bp = (unsigned)corrupt;
  o->dropout_bp = (unsigned)dropout;
  o->optimiser = optimiser;
  TRY(base_read(o, base, why));
  TRY(tail_read(o, tail, why));
  TRY(optimiser_read(o, why));
  TRY(reward_terms_read(&o->reward, reward, why));
  TRY(audit_terms_read(&o->audit_members, &o->audit_window, audit, why));
  TRY(excluded_read(o, excluded, why));
  TRY(open_check(o, anchored, why));
  return event_hash_as(&o->ctx, "chorus/v1/ctx\n", o->event);
}

enum err open_parse(struct open_event **out, const json_t *event, bool anchored,
                    struct why *why)
{
  struct open_event *o = must_calloc(1, sizeof *o);
  o->event = json_incref((json_t *)event);
  enum err e = open_read(o, anchored, why);
  if (e != OK) {
    open_free(o);
    return e;
  }
  o->header.ctx = o->ctx;
  *out = o;
  return OK;
}

void open_free(struct open_event *o)
{
  if (!o)
    return;
  json_decref(o->event);
  free(o->tail);
  free(o->excluded);
  free(o);
}

/* ---- ends and receipts ---- */

enum err named_parse(struct named *out, const json_t *entry, const char *field,
                     struct why *why)
{
  static const char *const reasons[] = {[NAMED_BAD_BOX] = "bad-box",
                                        [NAMED_FALSE_COMPLAINT] = "false-complaint",
                                        [NAMED_BAD_SHARE] = "bad-share"};
  struct named n;
  const char *reason;
  const struct field fields[] = {FIELD_HEX("event", n.event.b),
                                 FIELD_HEX("participant", n.participant.b),
                                 FIELD_STRING("reason", &reason, 1, 32), FIELD_END};
  TRY(field_read_at(entry, fields, field, why));
  for (unsigned r = 0; r < LENGTH(reasons); r++)
    if (strcmp(reason, reasons[r]) == 0) {
      n.reason = (enum named_reason)r;
      *out = n;
      return OK;
    }
  return why_set(why, E_FIELD_VALUE, field, "has an unknown reason");
}

static enum err named_check(const json_t *list, struct why *why)
{
  struct named n, before;
  for (size_t i = 0; i < json_array_size(list); i++) {
    char at[32];
    snprintf(at, sizeof at, "named[%zu]", i);
    TRY(named_parse(&n, json_array_get(list, i), at, why));
    if (i && memcmp(&n.participant, &before.participant, 32) <= 0)
      return why_set(why, E_FIELD_VALUE, at, "participants must be ascending");
    before = n;
  }
  return OK;
}

enum err result_parse(struct result_event *out, const json_t *event, struct why *why)
{
  struct result_event r = {0};
  json_t *unmasks, *totals, *named, *sig;
  const struct field fields[] = {
      ROUND_FIELDS("result", r.header),
      FIELD_HEX("survivors", r.survivors.b),
      FIELD_OBJECT("unmasks", &unmasks),
      FIELD_UINT("count", &r.count, 3, PARTICIPANTS_MAX),
      FIELD_HEX("sum", r.sum.b),
      FIELD_ARRAY("totals", &totals, 1, TAIL_MAX),
      FIELD_HEX("model", r.model.b),
      FIELD_HEX_OR_NULL("optimiser_state", r.state.b, &r.has_state),
      FIELD_HEX_OR_NULL("rewards", r.rewards.b, &r.has_rewards),
      FIELD_ARRAY("named", &named, 0, NAMED_MAX),
      FIELD_END,
  };
  TRY(field_read(event, fields, why));
  const struct field answers[] = {
      FIELD_STRING("members", &r.answered, 2, PARTICIPANTS_MAX / 4),
      FIELD_HEX("root", r.unmasks.b), FIELD_END};
  TRY(field_read_at(unmasks, answers, "unmasks", why));
  TRY(named_check(named, why));
  r.totals = totals;
  r.named = named;
  *out = r;
  return OK;
}

enum err failed_parse(struct failed_event *out, const json_t *event, struct why *why)
{
  static const char *const phases[] = {"join", "share", "upload", "unmask", "final"};
  struct failed_event f = {0};
  json_t *named, *sig;
  const struct field fields[] = {ROUND_FIELDS("failed", f.header),
                                 FIELD_STRING("phase", &f.phase, 1, 16),
                                 FIELD_STRING("reason", &f.reason, 1, 64),
                                 FIELD_ARRAY("named", &named, 0, NAMED_MAX), FIELD_END};
  TRY(field_read(event, fields, why));
  TRY(named_check(named, why));
  unsigned p = 0;
  while (p < LENGTH(phases) && strcmp(f.phase, phases[p]) != 0)
    p++;
  if (p == LENGTH(phases))
    return why_set(why, E_FIELD_VALUE, "phase", "is none of a round");
  f.named = named;
  *out = f;
  return OK;
}

enum err retention_parse(struct retention_event *out, const json_t *event,
                         struct why *why)
{
  struct retention_event r = {0};
  json_t *sig;
  const struct field fields[] = {ROUND_FIELDS("retention", r.header),
                                 FIELD_UINT("vectors", &r.vectors, 0, INTEGER_MAX),
                                 FIELD_UINT("bytes", &r.bytes, 0, INTEGER_MAX),
                                 FIELD_UINT("time", &r.time, 0, INTEGER_MAX), FIELD_END};
  TRY(field_read(event, fields, why));
  *out = r;
  return OK;
}

enum err receipt_parse(struct receipt_event *out, const json_t *event, struct why *why)
{
  struct receipt_event r = {0};
  const char *status;
  json_t *sig;
  const struct field fields[] = {COORDINATOR_FIELDS("receipt", r.header),
                                 FIELD_HEX("of", r.of.b),
                                 FIELD_STRING("status", &status, 1, 16),
                                 FIELD_UINT("seq", &r.seq, 1, INTEGER_MAX),
                                 FIELD_UINT("time", &r.time, 0, INTEGER_MAX),
                                 FIELD_UINT("by", &r.by, 0, INTEGER_MAX),
                                 FIELD_END};
  TRY(field_read(event, fields, why));
  r.complete = strcmp(status, "complete") == 0;
  if (!r.complete && strcmp(status, "accepted") != 0)
    return why_set(why, E_FIELD_VALUE, "status", "must be accepted or complete");
  if (r.by < r.time)
    return why_set(why, E_FIELD_VALUE, "by", "must not lie before the time");
  *out = r;
  return OK;
}
