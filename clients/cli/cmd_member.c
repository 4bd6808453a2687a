/* SPDX-License-Identifier: Apache-2.0
 * Becoming a member, and seeing where things stand: keygen, enroll, login, models,
 * status. */
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "clients/cli/cli.h"
#include "util/field.h"
#include "util/text.h"

static enum err self_any(struct cli *c, bool *made, struct why *why)
{
  enum err e = self_load(&c->self, c->home, why);
  *made = e == E_NOT_ENROLLED;
  if (*made)
    e = self_make(&c->self, c->home, why);
  c->has_self = e == OK;
  return e;
}

enum err cmd_keygen(struct cli *c, struct why *why)
{
  char hex[65];
  TRY(cli_home(c, true, why));
  TRY(self_make(&c->self, c->home, why));
  hex_encode(hex, c->self.id.b, 32);
  say_json(c, json_pack("{s:s,s:s,s:s}", "event", "key", "participant", hex, "home",
                        home_path(c->home)));
  say(c, "Your key is made. You are %s.", hex);
  say(c,
      "It is kept in %s. Nobody can make it again: keep a copy of identity.json in a "
      "safe place, but never use two copies at once.",
      home_path(c->home));
  return OK;
}

static bool payout_valid(const char *s)
{
  return strlen(s) == 42 && strncmp(s, "0x", 2) == 0 &&
         strspn(s + 2, "0123456789abcdefABCDEF") == 40;
}

static void say_enrolled(struct cli *c, const struct membership *m, bool admitted)
{
  char hex[65], name[256];
  hex_encode(hex, c->self.id.b, 32);
  const char *called = json_string_value(json_object_get(m->json, "name"));
  say_json(c, json_pack("{s:s,s:s,s:s,s:s,s:b}", "event", "enrolled", "participant", hex,
                        "model", m->model, "instance", m->instance, "admitted",
                        (int)admitted));
  say(c, "You are enrolled at %s as %s.",
      json_string_value(json_object_get(m->json, "address")),
      clean(name, sizeof name, called ? called : ""));
  if (admitted)
    say(c, "You can take part: chorus participate %s --data FILE.csv", m->model);
  else
    say(c, "The administrator admits you next: chorus admin admit %s %s", m->model, hex);
}

enum err cmd_enroll(struct cli *c, struct why *why)
{
  struct invite_link link;
  bool made, before, admitted;
  AUTO(membership_done) struct membership m = {0};
  AUTO(watch_done) struct watch log = {0};
  AUTO(json_drop) json_t *receipt = NULL;
  TRY(link_parse(&link, c->o.words[0], why));
  if (!c->o.name || !*c->o.name || strlen(c->o.name) > 200)
    return why_set(why, E_USAGE, "--name",
                   "is needed: how shall the administrator call "
                   "you (at most 200 bytes)?");
  if (c->o.payout && !payout_valid(c->o.payout))
    return why_set(why, E_USAGE, "--payout", "must be 0x and 40 hex digits");
  TRY(cli_home(c, true, why));
  TRY(self_any(c, &made, why));
  TRY(cli_server(c, link.address, why));
  TRY(pin_make(&c->pin, c->home, &c->api, link.address, &link.instance, why));
  TRY(pin_confirm(&c->pin, &c->api, why));
  TRY(watch_open(&log, c->home, &c->api, &c->pin, NULL, why));
  TRY(watch_refresh(&log, 0, why));
  const struct seen seen = watch_seen(&log);
  const struct enrolment about = {c->o.name, c->o.payout, &seen};
  TRY(membership_make(&m, &before, c->home, &c->self, &link, &about, why));
  if (before) {
    say(c, "You were enrolled at this server before; the invite was not used.");
    say_enrolled(c, &m, json_is_true(json_object_get(m.json, "admitted")));
    return OK;
  }
  const char *name = json_string_value(json_object_get(m.json, "name"));
  const char *hex = json_string_value(json_object_get(m.json, "salt"));
  uint8_t salt[16];
  if (!name || !hex || hex_decode(salt, sizeof salt, hex) != OK)
    return why_set(why, E_STATE, "members", "the saved enrolment is damaged");
  enum err e = api_enroll(&c->api, json_object_get(m.json, "event"), name, salt, &receipt,
                          &admitted, why);
  if (e == E_CHECKPOINT)
    return watch_disowned(&log, why);
  TRY(e);
  json_object_set(m.json, "receipt", receipt);
  json_object_set_new(m.json, "admitted", json_boolean(admitted));
  TRY(membership_save(c->home, &m, why));
  say_enrolled(c, &m, admitted);
  return OK;
}

/* ---- login ---- */

/* Each second is good for one link: when this one was used, the next. */
static enum err make_link(struct cli *c, struct login_link *out, struct why *why)
{
  uint64_t now = (uint64_t)time(NULL);
  enum err e = api_login(&c->api, &c->self.id, &c->self.key, now, out, why);
  if (e != E_CONFLICT)
    return e;
  nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 100000000}, NULL);
  return api_login(&c->api, &c->self.id, &c->self.key, (uint64_t)time(NULL), out, why);
}

enum err cmd_login(struct cli *c, struct why *why)
{
  struct login_link made;
  char clock[32];
  TRY(cli_enrolled(c, why));
  enum err e = make_link(c, &made, why);
  if (e == E_NOT_FOUND)
    return why_set(why, E_NOT_ENROLLED, c->pin.address, "the server does not know you");
  TRY(e);
  clock_text(clock, made.expires_at - (double)time(NULL));
  say_json(c, json_pack("{s:s,s:s,s:s,s:f}", "event", "login", "instance", c->pin.hex,
                        "link", made.link, "expires_at", made.expires_at));
  say(c, "%s", made.link);
  say(c,
      "Open it in your browser: it logs you in once, until %s. Whoever has it can do so "
      "too: do not pass it on.",
      clock);
  sodium_memzero(&made, sizeof made);
  return OK;
}

/* ---- models ---- */

/* Signed where one is a member at the instance that the server shows. */
static enum err sign_reads(struct cli *c, const char *address, struct why *why)
{
  struct digest hash;
  AUTO(json_drop) json_t *event = NULL;
  if (!c->has_self)
    return OK;
  TRY(api_instance(&c->api, &event, why));
  if (event_check(event, NULL) != OK || event_hash(&hash, event) != OK)
    return OK; /* of no instance */
  return cli_reads(c, address, &hash, why);
}

static void say_model(struct cli *c, const char *address, const json_t *m)
{
  char name[128], purpose[512];
  const char *slug = json_string_value(json_object_get(m, "model"));
  const char *called = json_string_value(json_object_get(m, "name"));
  const char *why = json_string_value(json_object_get(m, "purpose"));
  json_t *line = json_copy((json_t *)m);
  json_object_set_new(line, "event", json_string("model"));
  json_object_set_new(line, "server", json_string(address));
  say_json(c, line);
  say(c, "%s  %s: %lld members, %lld results, %s\n    %s", slug ? slug : "?",
      clean(name, sizeof name, called ? called : ""),
      (long long)json_integer_value(json_object_get(m, "members")),
      (long long)json_integer_value(json_object_get(m, "rounds")),
      json_is_null(json_object_get(m, "current")) ? "no round yet" : "rounds under way",
      clean(purpose, sizeof purpose, why ? why : ""));
}

static enum err list_models(struct cli *c, const char *address, struct why *why)
{
  AUTO(json_drop) json_t *reply = NULL;
  size_t i;
  json_t *m;
  TRY(cli_server(c, address, why));
  TRY(sign_reads(c, address, why));
  TRY(api_get(&c->api, "models?limit=200", &reply, why));
  say(c, "%s", address);
  json_array_foreach (json_object_get(reply, "models"), i, m)
    say_model(c, address, m);
  if (i == 0)
    say(c, "    has no models yet.");
  return OK;
}

enum err cmd_models(struct cli *c, struct why *why)
{
  AUTO(json_drop) json_t *all = NULL;
  AUTO(json_drop) json_t *seen = json_object();
  size_t i;
  json_t *m;
  TRY(cli_known_home(c, why));
  if (c->o.server)
    return list_models(c, c->o.server, why);
  TRY(cli_home(c, false, why));
  TRY(membership_list(c->home, &all, why));
  if (json_array_size(all) == 0)
    return why_set(why, E_NOT_ENROLLED, "",
                   "you know no server yet: chorus enroll LINK --name NAME, or name one "
                   "with --server");
  json_array_foreach (all, i, m) {
    const char *address = json_string_value(json_object_get(m, "address"));
    if (!address || json_object_get(seen, address))
      continue;
    json_object_set_new(seen, address, json_true());
    TRY(list_models(c, address, why));
  }
  return OK;
}

/* ---- status ---- */

static const char *mine(const struct cli *c, const struct state *s)
{
  char path[160];
  static const struct {
    const char *file, *words;
  } steps[] = {{"record", "for you it is over"},
               {"receipt-unmask", "you have done everything"},
               {"receipt-complete",
                "your update is in; you are needed once more when the "
                "others have uploaded"},
               {"receipt-share", "you shared; training and uploading come next"},
               {"receipt-join", "you joined"}};
  for (size_t i = 0; i < LENGTH(steps); i++) {
    snprintf(path, sizeof path, "rounds/%s/%s.json", s->ctx_hex, steps[i].file);
    if (home_has(c->home, path))
      return steps[i].words;
  }
  return s->phase == PHASE_JOIN ? "you can join it" : "it goes on without you";
}

static void say_state(struct cli *c, const struct state *s, bool awaited)
{
  unsigned long long round = s->round;
  char clock[32], when[64] = "";
  if (s->has_deadline && s->phase < PHASE_FINAL)
    snprintf(when, sizeof when, " until %s", clock_text(clock, s->deadline_in));
  if (s->phase == PHASE_DONE)
    say(c, "    Round %llu is done. No other is open.", round);
  else if (s->phase == PHASE_FAILED)
    say(c, "    Round %llu failed: %s", round, s->failure ? s->failure : "");
  else
    say(c, "    Round %llu: %s%s; %s.%s", round, phase_names[s->phase], when, mine(c, s),
        awaited ? " You are waited for." : "");
}

static enum err status_of(struct cli *c, const char *model, struct why *why)
{
  AUTO(state_done) struct state s = {0};
  enum err e = api_newest(&c->api, model, 0, NULL, &s, why);
  if (e == E_NOT_FOUND) {
    say_json(c, json_pack("{s:s,s:s,s:n}", "event", "status", "model", model, "state"));
    say(c, "    No round yet.");
    return OK;
  }
  TRY(e);
  bool awaited = state_awaits(&s, &c->self.id);
  say_json(c, json_pack("{s:s,s:s,s:O,s:b,s:s}", "event", "status", "model", model,
                        "state", s.json, "awaited", (int)awaited, "mine", mine(c, &s)));
  say_state(c, &s, awaited);
  return OK;
}

/* How far the log is, and whether it holds what was said. Nothing is marked: another
 * process may be at work in this home. */
static enum err status_of_log(struct cli *c, const char *model, struct why *why)
{
  AUTO(watch_done) struct watch log = {0};
  struct promises found;
  TRY(watch_open(&log, c->home, &c->api, &c->pin, NULL, why));
  TRY(watch_refresh(&log, 0, why));
  TRY(promises_check(&found, &log, (int64_t)time(NULL), false, why));
  say_json(c, json_pack("{s:s,s:s,s:s,s:I,s:i}", "event", "log", "model", model,
                        "instance", c->pin.hex, "size", (json_int_t)log.head.size, "open",
                        (int)found.open));
  say(c, "    The public log has %llu entries.", (unsigned long long)log.head.size);
  words_promises(c, &found);
  return OK;
}

enum err cmd_status(struct cli *c, struct why *why)
{
  AUTO(json_drop) json_t *all = NULL;
  size_t i;
  json_t *m;
  char hex[65];
  TRY(cli_home(c, false, why));
  TRY(self_load(&c->self, c->home, why));
  c->has_self = true;
  TRY(membership_list(c->home, &all, why));
  say(c, "You are %s.", hex_encode(hex, c->self.id.b, 32));
  json_array_foreach (all, i, m) {
    const char *model = json_string_value(json_object_get(m, "model"));
    const char *address = json_string_value(json_object_get(m, "address"));
    const char *instance = json_string_value(json_object_get(m, "instance"));
    if (c->o.server && strcmp(c->o.server, address) != 0)
      continue;
    pin_done(&c->pin);
    TRY(pin_load(&c->pin, c->home, instance, why));
    TRY(cli_server(c, address, why));
    TRY(pin_confirm(&c->pin, &c->api, why));
    TRY(cli_reads(c, address, &c->pin.hash, why));
    say(c, "%s at %s", model, address);
    TRY(status_of(c, model, why));
    TRY(status_of_log(c, model, why));
  }
  if (json_array_size(all) == 0)
    say(c, "You are no member of any model yet: chorus enroll LINK --name NAME");
  return OK;
}
