/* SPDX-License-Identifier: Apache-2.0
 * What an administrator does, so that everything works without curl. */
#include <sodium.h>
#include <string.h>

#include "clients/cli/cli.h"
#include "util/field.h"
#include "util/text.h"

#define TOKEN_MAX 4096u

/* Reads the token; *token is the caller's to wipe and free. */
static enum err read_token(struct buf *token, const struct cli *c, struct why *why)
{
  const char *from = getenv("CHORUS_TOKEN");
  if (c->o.token_file)
    TRY(work_read_file(token, c->o.token_file, TOKEN_MAX, why));
  else if (from && *from)
    TRY(buf_puts(token, from));
  else
    return why_set(why, E_UNAUTHENTICATED, "token",
                   "give an administrator's token with --token-file or CHORUS_TOKEN");
  while (token->len && strchr(" \r\n\t", token->data[token->len - 1]))
    token->data[--token->len] = '\0';
  if (!token->len || strpbrk(buf_text(token), " \r\n\t"))
    return why_set(why, E_UNAUTHENTICATED, "token", "is not one");
  return OK;
}

/* The server: named, from the environment, or the only one that is known here. */
static enum err find_server(struct cli *c, struct buf *room, struct why *why)
{
  const char *named = c->o.server ? c->o.server : getenv("CHORUS_SERVER");
  AUTO(json_drop) json_t *all = NULL;
  size_t i;
  json_t *m;
  if (named && *named)
    return buf_puts(room, named);
  TRY(cli_home(c, false, why));
  TRY(membership_list(c->home, &all, why));
  json_array_foreach (all, i, m) {
    const char *address = json_string_value(json_object_get(m, "address"));
    if (!room->len)
      TRY(buf_puts(room, address));
    else if (strcmp(buf_text(room), address) != 0)
      return why_set(why, E_USAGE, "--server", "is needed: you know several");
  }
  if (!room->len)
    return why_set(why, E_USAGE, "--server", "is needed, such as http://127.0.0.1:8080");
  return OK;
}

static void wiped(struct buf *b)
{
  if (b->data)
    sodium_memzero(b->data, b->len);
  buf_done(b);
}

/* One call as an administrator. type NULL: `body` is JSON (or NULL). */
static enum err call(struct cli *c, const char *method, const char *path,
                     const json_t *body, const char *type, struct bytes raw, bool once,
                     json_t **out, struct why *why)
{
  AUTO(wiped) struct buf token = {0};
  AUTO(buf_done) struct buf address = {0};
  TRY(read_token(&token, c, why));
  TRY(find_server(c, &address, why));
  TRY(cli_server(c, buf_text(&address), why));
  c->api.token = buf_text(&token);
  enum err e = type ? api_admin_raw(&c->api, method, path, type, raw, once, out, why)
                    : api_admin(&c->api, method, path, body, once, out, why);
  c->api.token = NULL;
  return e;
}

static enum err call_json(struct cli *c, const char *method, const char *path,
                          json_t *body, bool once, json_t **out, struct why *why)
{
  enum err e = call(c, method, path, body, NULL, BYTES(NULL, 0), once, out, why);
  json_decref(body);
  return e;
}

static enum err slug(const struct cli *c, const char **out, struct why *why)
{
  *out = c->o.words[0];
  return slug_valid(*out) ? OK
                          : why_set(why, E_USAGE, "MODEL",
                                    "must be lowercase letters, digits and dashes");
}

static void say_reply(struct cli *c, const char *event, const json_t *reply)
{
  json_t *line = json_copy((json_t *)reply);
  json_object_set_new(line, "event", json_string(event));
  say_json(c, line);
}

/* ---- models ---- */

static enum err read_spec(struct cli *c, json_t **out, struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  AUTO(spec_drop) struct spec *s = NULL;
  if (!c->o.spec)
    return why_set(why, E_USAGE, "--spec", "is needed");
  TRY(work_read_file(&text, c->o.spec, SPEC_BYTES_MAX, why));
  TRY(spec_parse(&s, buf_bytes(&text), why)); /* mistakes show before anything is sent */
  return json_parse(out, buf_bytes(&text), SPEC_BYTES_MAX, why);
}

enum err cmd_admin_create(struct cli *c, struct why *why)
{
  const char *model;
  json_t *spec;
  AUTO(json_drop) json_t *reply = NULL;
  TRY(slug(c, &model, why));
  TRY(read_spec(c, &spec, why));
  TRY(call_json(c, "POST", "models", json_pack("{s:s,s:o}", "model", model, "spec", spec),
                true, &reply, why));
  say_reply(c, "model", reply);
  say(c,
      "%s is described, with %lld parameters. Invite its members: chorus admin invite "
      "%s --count N",
      model, (long long)json_integer_value(json_object_get(reply, "d")), model);
  return OK;
}

enum err cmd_admin_version(struct cli *c, struct why *why)
{
  const char *model;
  char path[128];
  json_t *spec;
  AUTO(json_drop) json_t *reply = NULL;
  TRY(slug(c, &model, why));
  TRY(read_spec(c, &spec, why));
  snprintf(path, sizeof path, "models/%s/versions", model);
  TRY(call_json(c, "POST", path, json_pack("{s:o}", "spec", spec), true, &reply, why));
  say_reply(c, "model", reply);
  say(c, "%s has version %lld. Members are asked to agree to it before their next round.",
      model, (long long)json_integer_value(json_object_get(reply, "version")));
  return OK;
}

enum err cmd_admin_retire(struct cli *c, struct why *why)
{
  const char *model;
  char path[128];
  AUTO(json_drop) json_t *reply = NULL;
  TRY(slug(c, &model, why));
  if (!c->o.yes)
    return why_set(why, E_CONSENT, model,
                   "a retired model can't be brought back: repeat with --yes");
  snprintf(path, sizeof path, "models/%s/retire", model);
  TRY(call_json(c, "POST", path, json_object(), false, &reply, why));
  say_reply(c, "model", reply);
  say(c, "%s is retired. Its results stay.", model);
  return OK;
}

/* ---- invites and members ---- */

enum err cmd_admin_invite(struct cli *c, struct why *why)
{
  const char *model;
  uint8_t organisation[16];
  AUTO(json_drop) json_t *reply = NULL;
  size_t i;
  json_t *invite;
  TRY(slug(c, &model, why));
  if (c->o.organisation &&
      hex_decode(organisation, sizeof organisation, c->o.organisation) != OK)
    return why_set(why, E_USAGE, "--organisation", "must be 32 lowercase hex digits");
  json_t *body = json_pack(
      "{s:s,s:I,s:I,s:b}", "model", model, "count", (json_int_t)c->o.count, "expires_in",
      (json_int_t)(c->o.expires ? c->o.expires : 604800), "admit", (int)!c->o.no_admit);
  json_object_set_new(body, "organisation",
                      c->o.organisation ? json_string(c->o.organisation) : json_null());
  TRY(call_json(c, "POST", "invites", body, true, &reply, why));
  json_array_foreach (json_object_get(reply, "invites"), i, invite) {
    const char *link = json_string_value(json_object_get(invite, "link"));
    say_reply(c, "invite", invite);
    say(c, "%s", link ? link : "?");
  }
  return OK;
}

enum err cmd_admin_members(struct cli *c, struct why *why)
{
  const char *model;
  char path[256], name[256];
  AUTO(json_drop) json_t *reply = NULL;
  size_t i;
  json_t *m;
  TRY(slug(c, &model, why));
  snprintf(path, sizeof path, "models/%s/members?limit=200", model);
  for (;;) {
    TRY(call_json(c, "GET", path, NULL, false, &reply, why));
    json_array_foreach (json_object_get(reply, "members"), i, m) {
      const char *id = json_string_value(json_object_get(m, "participant"));
      const char *called = json_string_value(json_object_get(m, "name"));
      const char *status = json_string_value(json_object_get(m, "status"));
      say_reply(c, "member", m);
      say(c, "%s  %-9s  %s", id ? id : "?", status ? status : "?",
          clean(name, sizeof name, called ? called : ""));
    }
    const char *next = json_string_value(json_object_get(reply, "next"));
    if (!next)
      return OK;
    snprintf(path, sizeof path, "models/%s/members?limit=200&cursor=%.100s", model, next);
    json_decref(reply);
    reply = NULL;
  }
}

static enum err participant(const struct cli *c, const char **out, struct why *why)
{
  struct identity id;
  *out = c->o.words[1];
  if (hex_decode(id.b, sizeof id.b, *out) != OK)
    return why_set(why, E_USAGE, "ID", "must be a participant's 64 hex digits");
  return OK;
}

enum err cmd_admin_admit(struct cli *c, struct why *why)
{
  const char *model, *id;
  char path[256];
  AUTO(json_drop) json_t *reply = NULL;
  TRY(slug(c, &model, why));
  TRY(participant(c, &id, why));
  snprintf(path, sizeof path, "models/%s/members", model);
  TRY(call_json(c, "POST", path, json_pack("{s:s}", "participant", id), false, &reply,
                why));
  say_reply(c, "admitted", reply);
  say(c, "%.12s… is a member of %s from its next round on.", id, model);
  return OK;
}

enum err cmd_admin_suspend(struct cli *c, struct why *why)
{
  const char *model, *id;
  char path[256];
  AUTO(json_drop) json_t *reply = NULL;
  TRY(slug(c, &model, why));
  TRY(participant(c, &id, why));
  snprintf(path, sizeof path, "models/%s/members/%s/suspend", model, id);
  TRY(call_json(c, "POST", path, json_object(), false, &reply, why));
  say_reply(c, "suspended", reply);
  say(c, "%.12s… is suspended from %s.", id, model);
  return OK;
}

/* ---- rounds ---- */

enum err cmd_admin_open(struct cli *c, struct why *why)
{
  const char *model;
  char path[128], clock[32];
  AUTO(json_drop) json_t *reply = NULL;
  struct state s;
  TRY(slug(c, &model, why));
  snprintf(path, sizeof path, "models/%s/rounds", model);
  TRY(call_json(c, "POST", path, json_object(), true, &reply, why));
  TRY(state_parse(&s, reply, why));
  say_reply(c, "opened", reply);
  say(c, "Round %llu%s is open. Members can join until %s; it needs %llu of them.",
      (unsigned long long)s.round, s.attempt > 1 ? ", tried again," : "",
      clock_text(clock, s.deadline_in), (unsigned long long)s.minimum);
  return OK;
}

enum err cmd_admin_cancel(struct cli *c, struct why *why)
{
  const char *model;
  char path[128];
  AUTO(json_drop) json_t *reply = NULL;
  AUTO(state_done) struct state s = {0};
  AUTO(buf_done) struct buf address = {0};
  TRY(slug(c, &model, why));
  TRY(find_server(c, &address, why));
  TRY(cli_server(c, buf_text(&address), why));
  TRY(api_newest(&c->api, model, 0, NULL, &s, why));
  snprintf(path, sizeof path, "rounds/%s/cancel", s.ctx_hex);
  TRY(call_json(c, "POST", path, json_object(), false, &reply, why));
  say_reply(c, "cancelled", reply);
  say(c, "Round %llu is cancelled. The model is unchanged.", (unsigned long long)s.round);
  return OK;
}

enum err cmd_admin_schedule(struct cli *c, struct why *why)
{
  const char *model;
  char path[128];
  double target;
  AUTO(json_drop) json_t *reply = NULL;
  TRY(slug(c, &model, why));
  snprintf(path, sizeof path, "models/%s/schedule", model);
  if (!c->o.every) {
    TRY(call_json(c, "DELETE", path, NULL, false, &reply, why));
    say_json(c, json_pack("{s:s,s:s}", "event", "unscheduled", "model", model));
    say(c, "%s opens no rounds by itself any more.", model);
    return OK;
  }
  if (!c->o.has_rounds)
    return why_set(why, E_USAGE, "--rounds", "is needed: up to how many results?");
  if (c->o.target && decimal_parse(&target, c->o.target) != OK)
    return why_set(why, E_USAGE, "--target", "must be a decimal such as 0.95");
  json_t *body = json_pack("{s:I,s:I}", "every", (json_int_t)c->o.every, "rounds",
                           (json_int_t)c->o.rounds);
  json_object_set_new(body, "target",
                      c->o.target ? json_string(c->o.target) : json_null());
  TRY(call_json(c, "PUT", path, body, false, &reply, why));
  say_reply(c, "scheduled", reply);
  say(c, "%s opens a round %llu s after the last ended, until there are %llu results.",
      model, (unsigned long long)c->o.every, (unsigned long long)c->o.rounds);
  return OK;
}

enum err cmd_admin_holdout(struct cli *c, struct why *why)
{
  const char *model;
  char path[128];
  AUTO(json_drop) json_t *reply = NULL;
  AUTO(buf_done) struct buf csv = {0};
  TRY(slug(c, &model, why));
  if (!c->o.data)
    return why_set(why, E_USAGE, "--data", "is needed");
  TRY(work_read_file(&csv, c->o.data, (size_t)16 << 20, why));
  snprintf(path, sizeof path, "models/%s/holdout", model);
  TRY(call(c, "PUT", path, NULL, "text/csv", buf_bytes(&csv), false, &reply, why));
  say_reply(c, "holdout", reply);
  say(c, "%lld rows are held out: each result of %s is measured on them.",
      (long long)json_integer_value(json_object_get(reply, "rows")), model);
  return OK;
}

/* ---- money ---- */

static void say_payout(struct cli *c, const json_t *p)
{
  char kind[32], model[80], state[32], reason[256], where[64] = "";
  const char *said = json_string_value(json_object_get(p, "reason"));
  const char *texts[] = {json_string_value(json_object_get(p, "kind")),
                         json_string_value(json_object_get(p, "model")),
                         json_string_value(json_object_get(p, "state"))};
  long long round = json_integer_value(json_object_get(p, "round"));
  if (round)
    snprintf(where, sizeof where, " round %lld part %lld", round,
             (long long)json_integer_value(json_object_get(p, "part")));
  say(c, "%lld  %s %s%s: %s%s%s", (long long)json_integer_value(json_object_get(p, "id")),
      clean(kind, sizeof kind, texts[0] ? texts[0] : "?"),
      clean(model, sizeof model, texts[1] ? texts[1] : "?"), where,
      clean(state, sizeof state, texts[2] ? texts[2] : "?"), said ? ", " : "",
      clean(reason, sizeof reason, said ? said : ""));
}

enum err cmd_admin_payouts(struct cli *c, struct why *why)
{
  char path[256];
  const char *state = c->o.word_count ? c->o.words[0] : NULL;
  AUTO(json_drop) json_t *reply = NULL;
  size_t i;
  json_t *p;
  if (state && strspn(state, "abcdefghijklmnopqrstuvwxyz") != strlen(state))
    return why_set(why, E_USAGE, "STATE", "is none");
  snprintf(path, sizeof path, "payouts?limit=200%s%.32s", state ? "&state=" : "",
           state ? state : "");
  size_t end = strlen(path);
  for (;;) {
    TRY(call_json(c, "GET", path, NULL, false, &reply, why));
    json_array_foreach (json_object_get(reply, "payouts"), i, p) {
      say_reply(c, "payout", p);
      say_payout(c, p);
    }
    const char *next = json_string_value(json_object_get(reply, "next"));
    if (!next)
      return OK;
    if (!api_cursor_good(next))
      return why_set(why, E_REPLY, "next", "is no cursor");
    snprintf(path + end, sizeof path - end, "&cursor=%.100s", next);
    json_decref(reply);
    reply = NULL;
  }
}

/* ---- witnesses ---- */

static enum err read_witness(struct note_key *key, const struct cli *c, struct why *why)
{
  struct why inner = {0};
  if (note_key_parse(key, c->o.words[0], &inner) == OK && key->kind == NOTE_COSIGNATURE)
    return OK;
  return why_set(why, E_USAGE, "VKEY", "is no verifier key of a witness: %s",
                 *inner.detail ? inner.detail : "it is of another kind");
}

enum err cmd_admin_witness_add(struct cli *c, struct why *why)
{
  struct note_key key;
  AUTO(json_drop) json_t *reply = NULL;
  TRY(read_witness(&key, c, why));
  TRY(call_json(c, "POST", "log/witnesses", json_pack("{s:s}", "key", c->o.words[0]),
                false, &reply, why));
  say_reply(c, "witness", reply);
  say(c, "Cosignatures of %s are taken from now on.", key.name);
  return OK;
}

enum err cmd_admin_witness_remove(struct cli *c, struct why *why)
{
  struct note_key key;
  char path[96], hex[65];
  AUTO(json_drop) json_t *reply = NULL;
  TRY(read_witness(&key, c, why));
  snprintf(path, sizeof path, "log/witnesses/%s", hex_encode(hex, key.key.b, 32));
  TRY(call_json(c, "DELETE", path, NULL, false, &reply, why));
  say_reply(c, "witness", reply);
  say(c, "Cosignatures of %s are taken no more.", key.name);
  return OK;
}
