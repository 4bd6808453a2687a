/* SPDX-License-Identifier: Apache-2.0
 * A round's audit: which checks there are, and what each needs. */
#include "clients/lib/audit.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clients/lib/audit_state.h"
#include "clients/lib/parallel.h"
#include "util/text.h"

/* ---- helpers of all checks ---- */

void audit_tell(const struct audit *a, const char *what, uint64_t done, uint64_t total)
{
  if (a->options->progress && total)
    a->options->progress(a->options->arg, what, done, total);
}

enum err audit_judge(struct audit *a, enum check c, const char *subject, enum err e,
                     const struct why *inner, struct why *why)
{
  if (e == OK)
    return OK;
  if (source_tells(e)) {
    report_why(a->report, c, subject, e, inner);
    return OK;
  }
  if (why)
    *why = *inner;
  return e;
}

struct subject audit_subject(const char *what, const void *id)
{
  struct subject s;
  char hex[65];
  snprintf(s.text, sizeof s.text, "%s %.12s", what, hex_encode(hex, id, 32));
  return s;
}

void audit_draw(struct draw *out, uint64_t light, uint64_t total)
{
  out->numbers = must_calloc((size_t)total, sizeof *out->numbers);
  for (uint64_t i = 0; i < total; i++)
    out->numbers[i] = i;
  out->count = light ? MIN(light, total) : total;
  for (uint64_t i = 0; i < out->count && light;
       i++) { /* Fisher–Yates, as far as needed */
    uint64_t other = i + randombytes_uniform((uint32_t)(total - i));
    uint64_t swap = out->numbers[i];
    out->numbers[i] = out->numbers[other];
    out->numbers[other] = swap;
  }
}

/* ---- what is checked ---- */

#define N(check) ((uint64_t)1 << (check))
_Static_assert(CHECKS <= 64, "a set of checks is a word");

/* Every event can be read, is its signer's and belongs here. */
#define EVENTS (N(CHECK_FORM) | N(CHECK_SIGNATURE) | N(CHECK_CONTEXT) | N(CHECK_UNIQUE))
#define LOGGED (N(CHECK_FORM) | N(CHECK_CHECKPOINT))

struct step {
  enum check check;
  audit_check *run;
  enum event_type about; /* without this event there is nothing to check; TYPES: always */
  uint64_t needs;
};

static const struct step of_events[] = {
    {CHECK_FORM, audit_form, TYPES, N(CHECK_TRANSCRIPT)},
    {CHECK_SIGNATURE, audit_signature, TYPES, N(CHECK_FORM)},
    {CHECK_CONTEXT, audit_context, TYPES, N(CHECK_FORM)},
    {CHECK_LINK, audit_link, TYPES, N(CHECK_FORM)},
    {CHECK_UNIQUE, audit_unique, TYPES, N(CHECK_FORM)},
    {CHECK_INCLUSION, audit_inclusion, TYPES, N(CHECK_TRANSCRIPT) | N(CHECK_CHECKPOINT)},
    {CHECK_ORDER, audit_order, TYPES, LOGGED | N(CHECK_INCLUSION)},
    {CHECK_SEEN, audit_seen, TYPES, LOGGED | N(CHECK_INCLUSION)},
};

static const struct step of_round[] = {
    {CHECK_VERSION, audit_version, TYPE_MODEL, EVENTS},
    {CHECK_SPEC, audit_spec, TYPE_OPEN, EVENTS},
    {CHECK_TERMS, audit_terms, TYPE_OPEN, N(CHECK_SPEC)},
    {CHECK_BASE, audit_base, TYPE_OPEN, EVENTS},
    {CHECK_STATE, audit_state, TYPE_OPEN, EVENTS},
    {CHECK_BASE_SERVED, audit_base_served, TYPE_OPEN, EVENTS},
    {CHECK_ROSTER, audit_roster, TYPE_ROSTER, EVENTS},
    {CHECK_GRAPH, audit_graph, TYPE_GRAPH, N(CHECK_ROSTER)},
    {CHECK_DEALS, audit_deals, TYPE_GRAPH, N(CHECK_GRAPH)},
    {CHECK_SHARERS, audit_sharers, TYPE_SHARERS, N(CHECK_GRAPH)},
    {CHECK_COMPLAINTS, audit_complaints, TYPE_SHARERS, N(CHECK_SHARERS)},
    {CHECK_MANIFESTS, audit_manifests, TYPE_SHARERS, N(CHECK_SHARERS)},
    {CHECK_SURVIVORS, audit_survivors, TYPE_SURVIVORS, N(CHECK_SHARERS)},
    {CHECK_ANSWERS, audit_answers, TYPE_SURVIVORS, N(CHECK_SURVIVORS)},
    {CHECK_SECRETS, audit_secrets, TYPE_RESULT,
     N(CHECK_ANSWERS) | N(CHECK_DEALS) | N(CHECK_LINK)},
    {CHECK_SUM_SERVED, audit_sum_served, TYPE_RESULT, EVENTS},
    {CHECK_SUM, audit_sum, TYPE_RESULT, N(CHECK_SECRETS) | N(CHECK_MANIFESTS)},
    {CHECK_BOUNDS, audit_bounds, TYPE_RESULT, N(CHECK_SURVIVORS)},
    {CHECK_TOTALS, audit_totals, TYPE_RESULT, N(CHECK_SURVIVORS)},
    {CHECK_MODEL, audit_model, TYPE_RESULT,
     N(CHECK_SPEC) | N(CHECK_BASE_SERVED) | N(CHECK_BOUNDS)},
    {CHECK_MODEL_SERVED, audit_model_served, TYPE_RESULT, EVENTS},
    {CHECK_REWARDS, audit_rewards, TYPE_RESULT, N(CHECK_SURVIVORS)},
    {CHECK_REWARDS_SERVED, audit_rewards_served, TYPE_RESULT, N(CHECK_REWARDS)},
    {CHECK_NAMED, audit_named, TYPE_RESULT, EVENTS | N(CHECK_COMPLAINTS)},
    {CHECK_NAMED, audit_named, TYPE_FAILED, EVENTS | N(CHECK_COMPLAINTS)},
    {CHECK_ANCHORS, audit_anchors, TYPE_ROSTER, N(CHECK_ROSTER)},
    {CHECK_PAYOUTS, audit_payouts, TYPE_RESULT, EVENTS},
    {CHECK_RETENTION, audit_retention, TYPE_RETENTION, EVENTS},
    {CHECK_FAILURE, audit_failure, TYPE_FAILED, EVENTS},
};

/* The first check that this one needs and that does not hold; CHECKS: none. Where there
 * was nothing to check, nothing stands in the way. */
static enum check lacks(const struct audit *a, uint64_t needs)
{
  for (enum check c = 0; c < CHECKS; c++)
    if (needs & N(c)) {
      enum verdict v = report_verdict(a->report, c);
      if (v == VERDICT_BROKEN || v == VERDICT_NOT_CHECKED)
        return c;
    }
  return CHECKS;
}

static enum err run_steps(struct audit *a, const struct step *steps, size_t len,
                          struct why *why)
{
  for (size_t s = 0; s < len; s++) {
    enum check lack = lacks(a, steps[s].needs);
    if (lack != CHECKS)
      report_skip(a->report, steps[s].check, "\"%s\" does not hold, or was not checked",
                  check_name(lack));
    else if (steps[s].about == TYPES || a->one[steps[s].about])
      TRY(steps[s].run(a, why));
  }
  return OK;
}

static enum err run_all(struct audit *a, struct why *why)
{
  TRY(run_steps(a, of_events, LENGTH(of_events), why));
  if (lacks(a, EVENTS) == CHECKS) /* its terms were parsed with the form of the events */
    TRY(round_open(&a->round, &a->pin->instance, &a->pin->hash, a->one[TYPE_OPEN]->event,
                   why));
  return run_steps(a, of_round, LENGTH(of_round), why);
}

/* ---- the transcript ---- */

static bool about_round(enum event_type t)
{
  return t > TYPE_OPEN && t < TYPES;
}

/* How many items from i on are about one member; 0: none. */
static size_t member_len(const struct audit *a, size_t i)
{
  static const enum event_type plain[] = {TYPE_ENROLL, TYPE_ADMIT};
  static const enum event_type moved[] = {TYPE_ENROLL, TYPE_PAYOUT, TYPE_ADOPT,
                                          TYPE_ADMIT};
  bool more = i + 1 < a->len && a->items[i + 1].type == TYPE_PAYOUT;
  const enum event_type *types = more ? moved : plain;
  size_t len = more ? LENGTH(moved) : LENGTH(plain);
  for (size_t k = 0; k < len; k++)
    if (i + k >= a->len || a->items[i + k].type != types[k])
      return 0;
  return len;
}

/* Where the events of the round begin, when the order is that of docs/api.md: model, then
 * of each member enroll, payout and adopt if they count, and admit, then open. 0: it is
 * not. */
static size_t rounds_begin(const struct audit *a)
{
  size_t i = 1;
  if (a->len < 2 || a->items[0].type != TYPE_MODEL)
    return 0;
  for (size_t step; (step = member_len(a, i)) != 0; i += step)
    ;
  return i < a->len && a->items[i].type == TYPE_OPEN ? i : 0;
}

static void check_whole(struct audit *a, size_t begin, const bool has[TYPES])
{
  static const enum event_type done[] = {TYPE_ROSTER, TYPE_GRAPH, TYPE_SHARERS,
                                         TYPE_SURVIVORS};
  for (size_t i = begin + 1; i < a->len; i++)
    if (!about_round(a->items[i].type))
      report_found(a->report, CHECK_TRANSCRIPT, a->items[i].subject,
                   "has no place behind the terms");
  uint64_t events = a->len - begin;
  if (a->options->events && events < a->options->events)
    report_found(a->report, CHECK_TRANSCRIPT, "the round",
                 "%llu events of it are in the log, %llu are shown",
                 (unsigned long long)a->options->events, (unsigned long long)events);
  if (has[TYPE_RESULT] && has[TYPE_FAILED])
    report_found(a->report, CHECK_TRANSCRIPT, "the round",
                 "has both a result and failed");
  for (size_t d = 0; d < LENGTH(done) && has[TYPE_RESULT]; d++)
    if (!has[done[d]])
      report_found(a->report, CHECK_TRANSCRIPT, "the round",
                   "has a result, but no event %s", type_names[done[d]]);
}

/* Whether the audit can go on: E_PHASE when the attempt has not ended. */
static enum err check_transcript(struct audit *a, struct why *why)
{
  bool has[TYPES + 1] = {false};
  report_checked(a->report, CHECK_TRANSCRIPT, a->len);
  size_t begin = rounds_begin(a);
  if (!begin) {
    report_found(a->report, CHECK_TRANSCRIPT, "the round",
                 "does not begin with model, members and terms");
    return OK;
  }
  for (size_t i = 0; i < a->len; i++)
    has[a->items[i].type] = true;
  if (!has[TYPE_RESULT] && !has[TYPE_FAILED])
    return why_set(why, E_PHASE, "round", "it has not ended yet");
  a->failed = has[TYPE_FAILED];
  check_whole(a, begin, has);
  return OK;
}

/* What the report says of the round, as far as its terms can be read. */
static void name_round(struct audit *a)
{
  struct report *r = a->report;
  for (size_t i = 0; i < a->len; i++) {
    const json_t *e = a->items[i].event;
    const char *model = json_string_value(json_object_get(e, "model"));
    if (a->items[i].type != TYPE_OPEN)
      continue;
    snprintf(r->model, sizeof r->model, "%s", model && slug_valid(model) ? model : "?");
    r->round = (uint64_t)json_integer_value(json_object_get(e, "round"));
    r->attempt = (uint64_t)json_integer_value(json_object_get(e, "attempt"));
    break;
  }
  r->failed = a->failed;
}

/* The least log that holds all of it; a retention that was said just now is left out. */
static uint64_t size_needed(const struct audit *a)
{
  uint64_t most = 0;
  for (size_t i = 0; i < a->len; i++)
    if (a->items[i].in_log && a->items[i].type != TYPE_RETENTION)
      most = MAX(most, a->items[i].leaf + 1);
  return most;
}

static enum err begin(struct audit *a, struct why *why)
{
  struct why inner = {0};
  enum err e = audit_load(a, &inner);
  if (e == E_NOT_FOUND) {
    *why = inner;
    return e;
  }
  TRY(audit_judge(a, CHECK_TRANSCRIPT, "the round", e, &inner, why));
  if (e == OK)
    TRY(check_transcript(a, why));
  name_round(a);
  TRY(audit_log_reach(a->log, size_needed(a), why));
  audit_log_report(a->log, a->report);
  return OK;
}

/* ---- all of it ---- */

static void audit_done(struct audit *a)
{
  for (uint32_t i = 0; a->manifests && i < a->round->n; i++)
    update_done(&a->manifests[i]);
  free(a->manifests);
  free(a->shares);
  free(a->updates);
  free(a->unmasks);
  free(a->convictions);
  free(a->sorted);
  free(a->tail);
  unmasking_done(&a->unmasking);
  spool_done(&a->base);
  spool_done(&a->state);
  spool_done(&a->sum);
  spec_free(a->spec);
  round_free(a->round);
  audit_unload(a);
}

enum err audit_settle(struct source *source, const struct digest *ctx, uint64_t *size,
                      struct why *why)
{
  struct audit a = {.source = source, .ctx = *ctx};
  hex_encode(a.hex, ctx->b, sizeof ctx->b);
  enum err e = audit_load(&a, why);
  *size = MAX(*size, size_needed(&a));
  audit_unload(&a);
  return e;
}

enum err audit_round(struct report *report, struct source *source, struct audit_log *log,
                     const struct pin *pin, const struct digest *ctx,
                     const struct audit_options *options, struct why *why)
{
  AUTO(audit_done)
  struct audit a = {.source = source,
                    .log = log,
                    .pin = pin,
                    .options = options,
                    .report = report,
                    .threads = options->threads ? options->threads : parallel_threads(),
                    .ctx = *ctx};
  hex_encode(a.hex, ctx->b, sizeof ctx->b);
  snprintf(report->ctx, sizeof report->ctx, "%s", a.hex);
  snprintf(report->instance, sizeof report->instance, "%s", pin->hex);
  report->light = options->light != 0;
  TRY(begin(&a, why));
  return run_all(&a, why);
}
