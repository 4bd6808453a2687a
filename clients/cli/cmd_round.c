/* SPDX-License-Identifier: Apache-2.0
 * Taking part: participate, step, submit. */
#include <sodium.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clients/cli/cli.h"
#include "util/field.h"
#include "util/text.h"

#define WAIT_SECONDS 25u
#define OUTSIDE_SECONDS                                                                  \
  2u /* no cosignature and no block changes a phase and wakes us                         \
      */
#define PATIENCE_PARTICIPATE 600u

/* One run of participate, step or submit. */
struct part {
  struct cli *c;
  struct drive *drive;
  struct work work;
  struct witnesses witnesses;
  unsigned told_cosigned; /* one more than was said; 0: nothing was */
  char told_chain[96];    /* what is waited for on the chain, as it was said last */
  const char *model;
  bool checked;   /* the files were read once, and fit */
  char acted[65]; /* ctx of the round in which something was done in this run */
};

/* ---- what the drive asks ---- */

static enum err agree(void *arg, const struct spec *s, struct why *why)
{
  struct part *p = arg;
  struct cli *c = p->c;
  char answer[16];
  words_terms(c, p->model, s);
  if (c->o.yes)
    return OK;
  if (c->tty && isatty(STDIN_FILENO)) {
    fputs("Do you agree? [y/N] ", stdout);
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) && (*answer == 'y' || *answer == 'Y'))
      return OK;
  }
  return why_set(why, E_CONSENT, p->model,
                 "take part only if you agree to its purpose and consent text: --yes");
}

static void training(void *arg, uint64_t done, uint64_t total)
{
  struct part *p = arg;
  if (done * 100 / total != (done - 1) * 100 / total) /* each percent once */
    say_progress(p->c, "Training on your rows", done, total);
}

static enum err check_base(const struct cli *c, const float *base, size_t d,
                           struct why *why)
{
  struct digest is;
  char hex[65];
  if (!c->o.base)
    return OK;
  crypto_hash_sha256(is.b, (const uint8_t *)base, d * sizeof *base);
  if (strcmp(hex_encode(hex, is.b, 32), c->o.base) == 0)
    return OK;
  return why_set(why, E_USAGE, "--base",
                 "the round starts from %.12s…, but the update was trained on %.12s…: "
                 "fetch the weights and train again",
                 hex, c->o.base);
}

static enum err update(void *arg, const struct spec *s, const float *base, struct ring x,
                       struct why *why)
{
  struct part *p = arg;
  TRY(check_base(p->c, base, s->d, why));
  return work_fill(&p->work, s, base, x, why);
}

static void progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
  struct part *p = arg;
  say_progress(p->c, strcmp(what, "upload") == 0 ? "Uploading" : what, done, total);
}

/* ---- one run ---- */

static void part_done(struct part *p)
{
  drive_free(p->drive);
  witnesses_done(&p->witnesses);
}

/* Reads the files before any round is joined, so that mistakes cost nobody a round. */
static enum err check_files(struct part *p, struct why *why)
{
  uint64_t rows;
  uint64_t round;
  AUTO(known_done) struct known known = {0};
  AUTO(spec_drop) struct spec *s = NULL;
  AUTO(free_drop) float *weights = NULL;
  struct cli *c = p->c;
  TRY(known_load(&known, c->home, &c->pin, p->model, why));
  TRY(trust_model(&s, &weights, &round, c->home, &known, &c->pin, p->model, &c->api,
                  why));
  TRY(known_save(c->home, &known, &c->pin, p->model, why));
  TRY(work_check(&p->work, s, &rows, why));
  if (!p->work.update_path)
    say(c, "%llu rows of %s fit the model.", (unsigned long long)rows, p->work.data_path);
  return OK;
}

/* Whom the home and the command line name, and how many it must be. */
static enum err load_witnesses(struct part *p, struct why *why)
{
  const struct options *o = &p->c->o;
  struct witnesses *l = &p->witnesses;
  TRY(witnesses_load(l, p->c->home, why));
  for (unsigned i = 0; i < o->vkey_count; i++)
    TRY(witnesses_add(l, o->vkeys[i], why));
  l->required = o->witnesses == UINT64_MAX ? l->len : (unsigned)o->witnesses;
  if (l->required > l->len)
    return why_set(why, E_USAGE, "--witnesses", "you name only %u: --witness VKEY",
                   l->len);
  return OK;
}

/* Whether what was said is in the log. A server that is away is asked by the next run. */
static enum err look_after_promises(struct part *p, struct why *why)
{
  struct why inner = {0};
  struct promises found;
  enum err e = drive_promises(p->drive, (int64_t)time(NULL), &found, &inner);
  if (exit_for(e) == EXIT_NETWORK)
    return OK;
  if (e != OK) {
    *why = inner;
    return e;
  }
  words_promises(p->c, &found);
  return OK;
}

static enum err start(struct part *p, struct cli *c, const struct work *work,
                      struct why *why)
{
  const struct options *o = &c->o;
  struct drive_options options = {.minimum = (unsigned)o->minimum,
                                  .consent = o->consent,
                                  .trust_simulated = o->trust_simulated,
                                  .allow_import = o->allow_import,
                                  .witnesses = &p->witnesses};
  struct drive_hooks hooks = {
      .arg = p, .agree = agree, .update = update, .progress = c->tty ? progress : NULL};
  p->c = c;
  p->work = *work;
  if (c->tty)
    p->work.watch = (struct train_watch){training, p};
  p->model = o->words[0];
  if (!slug_valid(p->model))
    return why_set(why, E_USAGE, "MODEL", "is not the name of a model");
  TRY(cli_member(c, p->model, true, why));
  TRY(load_witnesses(p, why));
  if (chain_view_needed(&c->pin) || o->rpc) {
    TRY(cli_chain(c, c->home, why));
    options.view = &c->view;
  }
  TRY(check_files(p, why));
  TRY(drive_new(&p->drive, c->home, &c->self, &c->pin, &c->api, p->model, &options,
                &hooks, why));
  TRY(drive_settle(p->drive, NULL, why));
  return look_after_promises(p, why);
}

/* Everything that is due in this state. *out: what the last step found. */
static enum err act(struct part *p, struct state *s, struct drive_report *out,
                    bool *acted, struct why *why)
{
  *acted = false;
  for (;;) {
    TRY(drive_step(p->drive, s, out, why));
    p->c->outage = false;
    if (out->outcome != DRIVE_DID)
      return OK;
    *acted = true;
    snprintf(p->acted, sizeof p->acted, "%s", s->ctx_hex);
    words_did(p->c, s, out->did);
    struct state next = {0};
    TRY(api_state(&p->c->api, s->ctx_hex, 0, PHASES, &next, why));
    state_done(s);
    *s = next;
  }
}

static int exit_of_record(const json_t *record)
{
  const char *outcome = json_string_value(json_object_get(record, "outcome"));
  if (!outcome || strcmp(outcome, "left") == 0)
    return EXIT_LEFT;
  if (strcmp(outcome, "done") == 0)
    return EXIT_DONE;
  return strcmp(outcome, "failed") == 0 ? EXIT_FAILED : EXIT_REFUSED;
}

/* Accuracy of the newest result: on the hold-out where there is one, else the
 * participants'. -1 when there is none yet. */
static enum err newest_accuracy(struct part *p, double *out, struct why *why)
{
  char path[256];
  AUTO(json_drop) json_t *list = NULL;
  snprintf(path, sizeof path, "models/%s/results", p->model);
  TRY(api_all(&p->c->api, path, "results", &list, why));
  const json_t *last = json_array_get(list, json_array_size(list) - 1);
  const json_t *held = json_object_get(json_object_get(last, "holdout"), "accuracy");
  const json_t *own = json_object_get(last, "accuracy");
  *out = json_is_number(held)  ? json_number_value(held)
         : json_is_number(own) ? json_number_value(own)
                               : -1;
  return OK;
}

/* Whether the model's schedule has ended: nothing more will come by itself. */
static enum err schedule_over(struct part *p, bool *over, struct why *why)
{
  char path[128];
  AUTO(json_drop) json_t *m = NULL;
  double target, accuracy;
  snprintf(path, sizeof path, "models/%s", p->model);
  TRY(api_get(&p->c->api, path, &m, why));
  const char *status = json_string_value(json_object_get(m, "status"));
  const json_t *schedule = json_object_get(m, "schedule");
  const char *aim = json_string_value(json_object_get(schedule, "target"));
  *over = !json_is_object(schedule) || (status && strcmp(status, "retired") == 0) ||
          json_integer_value(json_object_get(m, "rounds")) >=
              json_integer_value(json_object_get(schedule, "rounds"));
  if (*over || !aim || decimal_parse(&target, aim) != OK)
    return OK;
  TRY(newest_accuracy(p, &accuracy, why));
  *over = accuracy >= target;
  return OK;
}

/* A round ended. *stop: so does the run. */
static enum err after_end(struct part *p, const json_t *record, uint64_t *done,
                          bool *stop, struct why *why)
{
  struct cli *c = p->c;
  c->exit = exit_of_record(record);
  *done += c->exit == EXIT_DONE;
  *stop = true;
  if (c->o.until_done)
    return schedule_over(p, stop, why);
  *stop = c->o.rounds == 1 || *done >= c->o.rounds || c->exit == EXIT_REFUSED;
  return OK;
}

/* Waits for a round newer than this one (NULL: for the first). */
static enum err wait_for_round(struct part *p, const char *after, struct why *why)
{
  struct state s = {0};
  enum err e =
      api_newest(&p->c->api, p->model, WAIT_SECONDS, after ? after : "none", &s, why);
  if (e == E_NOT_FOUND && !after)
    return OK;
  TRY(e);
  state_done(&s);
  return OK;
}

static enum err idle(struct part *p, const struct state *s,
                     const struct drive_report *report, struct why *why)
{
  struct state next = {0};
  unsigned wait = p->c->tty ? 5 : WAIT_SECONDS;
  const struct why *chain = report->unanchored;
  if (!report->unwitnessed && !chain) {
    words_waiting(p->c, p->drive, s);
  } else if (chain) {
    wait = OUTSIDE_SECONDS;
    if (strcmp(p->told_chain, chain->field) != 0) /* not every two seconds */
      words_unanchored(p->c, s, chain);
    snprintf(p->told_chain, sizeof p->told_chain, "%s", chain->field);
  } else {
    wait = OUTSIDE_SECONDS;
    if (p->told_cosigned != report->cosigned + 1) /* not every two seconds */
      words_unwitnessed(p->c, s, report->cosigned, p->witnesses.required);
    p->told_cosigned = report->cosigned + 1;
  }
  TRY(api_state(&p->c->api, s->ctx_hex, wait, s->phase, &next, why));
  state_done(&next);
  return OK;
}

static void say_absent(struct part *p, const struct state *s)
{
  struct cli *c = p->c;
  if (s->phase >= PHASE_DONE)
    say_new(c, "No round is open. Waiting for the administrator to open one.");
  else
    say_new(c, "Round %llu began without you. Waiting for the next.",
            (unsigned long long)s->round);
}

/* The round that this run took part in and whose end it has not told yet, though the next
 * one may be open already; else the newest. */
static enum err round_at_hand(struct part *p, struct state *out, struct why *why)
{
  if (*p->acted) {
    enum err e = api_state(&p->c->api, p->acted, 0, PHASES, out, why);
    if (e != E_NOT_FOUND)
      return e;
  }
  return api_newest(&p->c->api, p->model, 0, NULL, out, why);
}

/* One look at the round that is at hand. */
static enum err look(struct part *p, uint64_t *done, bool *stop, struct why *why)
{
  AUTO(state_done) struct state s = {0};
  struct drive_report report;
  bool acted;
  enum err e = round_at_hand(p, &s, why);
  if (e == E_NOT_FOUND) {
    say_new(p->c, "No round is open yet. Waiting for the administrator to open one.");
    return wait_for_round(p, NULL, why);
  }
  TRY(e);
  p->c->outage = false;
  TRY(act(p, &s, &report, &acted, why));
  if (report.outcome == DRIVE_IDLE) {
    /* from now on its end is this run's to report */
    snprintf(p->acted, sizeof p->acted, "%s", s.ctx_hex);
    return idle(p, &s, &report, why);
  }
  if (report.outcome == DRIVE_ENDED && strcmp(p->acted, s.ctx_hex) == 0) {
    words_record(p->c, report.record);
    TRY(look_after_promises(p, why));
    p->told_cosigned = 0;
    p->told_chain[0] = '\0';
    TRY(after_end(p, report.record, done, stop, why));
    if (*stop)
      return OK;
  } else if (p->c->o.until_done && s.phase >= PHASE_DONE) {
    TRY(schedule_over(p, stop, why));
    if (*stop)
      return OK;
  }
  p->acted[0] = '\0';
  say_absent(p, &s);
  return wait_for_round(p, s.ctx_hex, why);
}

static enum err participate(struct cli *c, const struct work *work, struct why *why)
{
  AUTO(part_done) struct part p = {0};
  uint64_t done = 0;
  bool stop = false;
  if (c->o.patience == UINT64_MAX)
    c->o.patience = PATIENCE_PARTICIPATE;
  TRY(start(&p, c, work, why));
  while (!stop)
    TRY(look(&p, &done, &stop, why));
  return OK;
}

static enum err need(const char *value, const char *option, struct why *why)
{
  return value ? OK : why_set(why, E_USAGE, option, "is needed");
}

enum err cmd_participate(struct cli *c, struct why *why)
{
  struct work work = {.data_path = c->o.data};
  TRY(need(c->o.data, "--data", why));
  return participate(c, &work, why);
}

enum err cmd_submit(struct cli *c, struct why *why)
{
  struct work work = {
      .update_path = c->o.update, .data_path = c->o.data, .weight = c->o.weight};
  TRY(need(c->o.update, "--update", why));
  if (!c->o.weight)
    return why_set(why, E_USAGE, "--weight", "is needed: how many rows stand behind it?");
  return participate(c, &work, why);
}

enum err cmd_step(struct cli *c, struct why *why)
{
  AUTO(part_done) struct part p = {0};
  AUTO(state_done) struct state s = {0};
  struct work work = {.data_path = c->o.data};
  struct drive_report report;
  bool acted;
  TRY(need(c->o.data, "--data", why));
  TRY(start(&p, c, &work, why));
  enum err e = api_newest(&c->api, p.model, 0, NULL, &s, why);
  if (e == E_NOT_FOUND) {
    say(c, "No round is open yet.");
    c->exit = EXIT_WAITING;
    return OK;
  }
  TRY(e);
  TRY(act(&p, &s, &report, &acted, why));
  if (report.unwitnessed)
    return why_set(why, E_WITNESSES, "witnesses",
                   "%u of the %u you ask for have cosigned the list of those who are "
                   "summed; nothing is answered before",
                   report.cosigned, p.witnesses.required);
  if (report.unanchored) {
    *why = *report.unanchored;
    return E_UNANCHORED;
  }
  if (report.outcome == DRIVE_ENDED) {
    words_record(c, report.record);
    c->exit = exit_of_record(report.record);
    return look_after_promises(&p, why);
  }
  if (report.outcome == DRIVE_ABSENT) {
    say(c, "Nothing is due: no round is open that you could join.");
    c->exit = EXIT_WAITING;
  } else {
    words_waiting(c, p.drive, &s);
    c->exit = acted ? EXIT_DONE : EXIT_WAITING;
  }
  return OK;
}
