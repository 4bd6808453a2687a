/* SPDX-License-Identifier: Apache-2.0
 * Rounds in plain words: what was done, what is waited for, how it ended. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/cli/cli.h"
#include "util/field.h"

static json_t *about(const char *event, const struct state *s)
{
  return json_pack("{s:s,s:s,s:s,s:I,s:I,s:s}", "event", event, "ctx", s->ctx_hex,
                   "model", s->model, "round", (json_int_t)s->round, "attempt",
                   (json_int_t)s->attempt, "phase", phase_names[s->phase]);
}

void words_terms(struct cli *c, const char *model, const struct spec *s)
{
  bool weight = s->reward.scheme == REWARD_SAMPLES;
  say_json(c, json_pack("{s:s,s:s,s:s,s:s,s:s,s:b}", "event", "terms", "model", model,
                        "name", s->name, "purpose", s->purpose, "consent", s->consent,
                        "weight_public", (int)weight));
  say(c, "%s\n\nWhat it is for: %s\n\nWhat you agree to: %s\n", s->name, s->purpose,
      s->consent);
  if (weight)
    say(c,
        "What becomes public: your weight, that is how many rows you bring, up to %llu. "
        "The reward is shared out by it, and it stays in the public log for ever.\n",
        (unsigned long long)s->quantiser.cap);
}

void words_did(struct cli *c, const struct state *s, const char *did)
{
  unsigned long long r = s->round;
  say_json(c, about(did, s));
  if (strcmp(did, "joined") == 0)
    say(c, "You joined round %llu of %s%s.", r, s->model,
        s->attempt > 1 ? ", tried again" : "");
  else if (strcmp(did, "shared") == 0)
    say(c,
        "You gave the other members the pieces with which they can finish the round if "
        "you vanish.");
  else if (strcmp(did, "uploaded") == 0)
    say(c, "Your masked update is uploaded. The server can read nothing but the sum of "
           "all.");
  else
    say(c, "You helped to take the masks off the sum.");
}

static const char *plural(uint64_t n, const char *one, const char *many)
{
  return n == 1 ? one : many;
}

/* "until 14:05" */
static const char *until(char out[48], const struct state *s)
{
  char clock[32];
  if (!s->has_deadline)
    return "as long as it takes";
  snprintf(out, 48, "until %s", clock_text(clock, s->deadline_in));
  return out;
}

static void waiting_for_people(struct cli *c, const struct drive *d,
                               const struct state *s, uint64_t all, const char *verb)
{
  char when[48];
  uint64_t missing = s->awaited_count;
  int64_t slack = drive_slack(d, s);
  const char *what_if = "";
  if (!missing) {
    say_new(c, "Everybody is there; the server checks and goes on.");
    return;
  }
  if (slack >= 0)
    what_if = (uint64_t)slack >= missing
                  ? plural(missing, " If it does not come, the round goes on without it.",
                           " If they do not come, the round goes on without them.")
                  : " If too few come, this attempt ends and a new one can be opened; "
                    "nobody's data was seen.";
  say_new(c, "Waiting for %llu of %llu %s to %s, %s.%s", (unsigned long long)missing,
          (unsigned long long)all, plural(all, "member", "members"), verb, until(when, s),
          what_if);
}

void words_waiting(struct cli *c, const struct drive *d, const struct state *s)
{
  char when[48];
  json_t *line = about("waiting", s);
  json_object_set(line, "state", s->json);
  say_json(c, line);
  switch (s->phase) {
  case PHASE_JOIN:
    if (s->joined < s->minimum)
      say_new(c, "%llu joined so far, at least %llu are needed. Waiting for more, %s.",
              (unsigned long long)s->joined, (unsigned long long)s->minimum,
              until(when, s));
    else
      say_new(c,
              "%llu joined, which is enough. Joining stays open %s, or until everybody "
              "is there.",
              (unsigned long long)s->joined, until(when, s));
    break;
  case PHASE_SHARE:
    waiting_for_people(c, d, s, s->joined, "share");
    break;
  case PHASE_UPLOAD:
    waiting_for_people(c, d, s, s->shared, "upload");
    break;
  case PHASE_UNMASK:
    say_new(c, "%llu of %llu members answered. The round ends as soon as enough have.",
            (unsigned long long)s->answered, (unsigned long long)s->uploaded);
    break;
  case PHASE_ROSTER:
  case PHASE_SURVIVORS:
    say_new(c, "Waiting for the chain to confirm who takes part.");
    break;
  case PHASE_FINAL:
    say_new(c, "The server adds up and makes the new model.");
    break;
  case PHASE_DONE:
  case PHASE_FAILED:
  case PHASES:
    break;
  }
}

void words_unwitnessed(struct cli *c, const struct state *s, unsigned have,
                       unsigned required)
{
  json_t *line = about("waiting", s);
  json_object_set(line, "state", s->json);
  json_object_set_new(line, "cosigned", json_integer(have));
  json_object_set_new(line, "witnesses", json_integer(required));
  say_json(c, line);
  say_new(
      c,
      "Waiting for witnesses: %u of the %u you ask for have cosigned the list of those "
      "who are summed. Nothing is answered before; the round stays open.",
      have, required);
}

void words_unanchored(struct cli *c, const struct state *s, const struct why *what)
{
  json_t *line = about("waiting", s);
  json_object_set(line, "state", s->json);
  json_object_set_new(line, "unanchored", json_string(what->field));
  say_json(c, line);
  if (*what->field == '-')
    say_new(c, "Waiting for the chain: %s. Nothing is lost; trying again.", what->detail);
  else
    say_new(c, "Waiting for the chain: the %s %s. Until then nothing is given away.",
            what->field, what->detail);
}

void words_promises(struct cli *c, const struct promises *found)
{
  char clock[32];
  if (!found->open)
    return;
  say(c,
      "%u of your messages %s not in the public log yet; the server promised %s by %s. "
      "The next run looks again.",
      found->open, plural(found->open, "is", "are"), plural(found->open, "it", "them"),
      clock_text(clock, (double)(found->until - (int64_t)time(NULL))));
}

/* A total of the sum as a double: everybody's entry of this kind. -1: there is none. */
static double total_of(const json_t *tail, const json_t *totals, const char *kind)
{
  size_t i;
  json_t *entry;
  json_array_foreach ((json_t *)tail, i, entry) {
    const char *is = json_string_value(json_array_get(entry, 0));
    const char *name = json_string_value(json_array_get(entry, 1));
    const char *value = json_string_value(json_array_get(totals, i));
    bool loss = strcmp(kind, "loss") == 0;
    if (!is || !name || !value || strcmp(is, kind) != 0 || (*name && !loss))
      continue;
    double scale = loss ? strtod(name, NULL) : 1;
    return scale > 0 ? strtod(value, NULL) / scale : -1;
  }
  return -1;
}

static void words_sums(struct cli *c, const json_t *record, const json_t *result)
{
  char path[128];
  AUTO(json_drop) json_t *open = NULL;
  const char *ctx = json_string_value(json_object_get(record, "ctx"));
  snprintf(path, sizeof path, "rounds/%.64s/open.json", ctx ? ctx : "");
  if (home_read_json(c->home, path, &open, NULL) != OK)
    return;
  const json_t *tail = json_object_get(open, "tail");
  const json_t *totals = json_object_get(result, "totals");
  double correct = total_of(tail, totals, "correct");
  double evaluated = total_of(tail, totals, "evaluated");
  double loss = total_of(tail, totals, "loss");
  if (evaluated > 0 && correct >= 0)
    say(c,
        "On everybody's own rows, %.0f in all, the model before this round was right in "
        "%.1f %%.",
        evaluated, 100 * correct / evaluated);
  else if (evaluated > 0 && loss >= 0)
    say(c, "On everybody's own rows, %.0f in all, its mean loss before was %.4g.",
        evaluated, loss / evaluated);
}

static void words_done(struct cli *c, const json_t *record)
{
  const json_t *result = json_object_get(record, "result");
  const char *model = json_string_value(json_object_get(result, "model"));
  long long count = json_integer_value(json_object_get(result, "count"));
  long long round = json_integer_value(json_object_get(record, "round"));
  say(c, "Round %lld is done: the sum of %lld updates made a new model (%.12s…).", round,
      count, model ? model : "");
  words_sums(c, record, result);
  say(c,
      "%lld took part; a sum over %lld says %s about each, not nothing. Your secrets of "
      "this round are erased.",
      count, count, count < 10 ? "something" : "little");
}

void words_record(struct cli *c, const json_t *record)
{
  const char *outcome = json_string_value(json_object_get(record, "outcome"));
  const char *reason = json_string_value(json_object_get(record, "reason"));
  long long round = json_integer_value(json_object_get(record, "round"));
  json_t *line = json_copy((json_t *)record);
  json_object_set_new(line, "event", json_string("ended"));
  say_json(c, line);
  if (!outcome)
    return;
  if (strcmp(outcome, "done") == 0)
    words_done(c, record);
  else if (strcmp(outcome, "failed") == 0)
    say(c,
        "This attempt of round %lld failed: %s The model is unchanged; your secrets of "
        "it are erased. The administrator can open a new attempt.",
        round, reason ? reason : "");
  else if (strcmp(outcome, "refused") == 0)
    say(c, "Round %lld was refused: %s", round, reason ? reason : "");
  else
    say(c,
        "Round %lld goes on without you: %s. Your secrets of it are erased; the next "
        "round starts afresh.",
        round, reason ? reason : "");
}
