/* SPDX-License-Identifier: Apache-2.0
 * The chorus program: reads the command line, runs one command, exits. */
#include <locale.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/cli.h"
#include "model/net.h"
#include "util/field.h"
#include "util/text.h"

int exit_for(enum err e)
{
  if (err_is_cheat(e) || e == E_AUDIT)
    return EXIT_REFUSED;
  switch (e) {
  case OK:
    return EXIT_DONE;
  case E_WITNESSES:
  case E_UNANCHORED:
    return EXIT_WAITING;
  case E_NO_CHAIN:
  case E_CHAIN:
  case E_RPC:
  case E_POLICY:
  case E_REVERTED:
  case E_GAS:
    return EXIT_CHAIN;
  case E_USAGE:
    return EXIT_USAGE;
  case E_CONSENT:
    return EXIT_CONSENT;
  case E_NETWORK:
  case E_BUSY:
  case E_RATE:
  case E_DB:
  case E_DB_RETRY:
    return EXIT_NETWORK;
  case E_UNAUTHENTICATED:
  case E_FORBIDDEN:
  case E_INVITE:
  case E_NOT_ENROLLED:
  case E_NOT_ADMITTED:
  case E_SUSPENDED:
  case E_ORGANISATION:
    return EXIT_DENIED;
  default:
    return EXIT_ERROR;
  }
}

void cli_done(struct cli *c)
{
  chain_view_done(&c->view);
  self_done(&c->self);
  pin_done(&c->pin);
  api_done(&c->api);
  home_close(c->home);
  if (c->bar)
    putchar('\n');
}

static const char *home_folder(const struct cli *c, struct buf *room)
{
  const char *from = c->o.home ? c->o.home : getenv("CHORUS_HOME");
  if (from && *from)
    return from;
  const char *user = getenv("HOME");
  if (!user || !*user || buf_printf(room, "%s/.chorus", user) != OK)
    return NULL;
  return buf_text(room);
}

enum err cli_home(struct cli *c, bool locked, struct why *why)
{
  AUTO(buf_done) struct buf room = {0};
  if (c->home)
    return OK;
  const char *path = home_folder(c, &room);
  if (!path)
    return why_set(why, E_USAGE, "--home", "is needed: there is no HOME");
  return home_open(&c->home, path, locked, why);
}

enum err cli_known_home(struct cli *c, struct why *why)
{
  AUTO(buf_done) struct buf room = {0};
  const char *path = home_folder(c, &room);
  if (!path || access(path, F_OK) != 0)
    return OK;
  TRY(cli_home(c, false, why));
  c->has_self = self_load(&c->self, c->home, NULL) == OK;
  return OK;
}

static void pausing(void *arg, enum err e, const struct why *why, double seconds)
{
  struct cli *c = arg;
  if (c->outage)
    return;
  c->outage = true;
  if (e == E_NETWORK)
    say(c, "The server can't be reached (%s). Nothing is lost; trying again.",
        why->detail);
  else
    say(c, "The server is busy. Trying again.");
}

enum err cli_server(struct cli *c, const char *address, struct why *why)
{
  struct http_options options = {
      .address = address,
      .patience = c->o.patience == UINT64_MAX ? 15 : (double)c->o.patience,
      .pausing = pausing,
      .arg = c};
  api_done(&c->api);
  return http_new(&c->api.http, &options, why);
}

/* Whether two addresses are the same but for slashes at the end. */
static bool same_address(const char *a, const char *b)
{
  size_t n = strlen(a), m = strlen(b);
  while (n && a[n - 1] == '/')
    n--;
  while (m && b[m - 1] == '/')
    m--;
  return n == m && strncmp(a, b, n) == 0;
}

/* Only the address of one's invite counts: a signature that another server is given could
 * be used by it at this instance for a day. */
enum err cli_reads(struct cli *c, const char *address, const struct digest *instance,
                   struct why *why)
{
  AUTO(json_drop) json_t *all = NULL;
  size_t i;
  json_t *m;
  char hex[65];
  hex_encode(hex, instance->b, sizeof instance->b);
  if (!c->has_self)
    return OK;
  TRY(membership_list(c->home, &all, why));
  json_array_foreach (all, i, m)
    if (strcmp(json_string_value(json_object_get(m, "instance")), hex) == 0 &&
        same_address(json_string_value(json_object_get(m, "address")), address))
      c->api.reader =
          (struct reader){.id = &c->self.id, .key = &c->self.key, .instance = *instance};
  return OK;
}

/* A way to the server of the pinned instance: it must still show it. */
static enum err reach(struct cli *c, const char *address, struct why *why)
{
  TRY(cli_server(c, address, why));
  TRY(pin_confirm(&c->pin, &c->api, why));
  return cli_reads(c, address, &c->pin.hash, why);
}

enum err cli_member(struct cli *c, const char *model, bool locked, struct why *why)
{
  AUTO(membership_done) struct membership m = {0};
  TRY(cli_home(c, locked, why));
  TRY(self_load(&c->self, c->home, why));
  c->has_self = true;
  TRY(membership_find(&m, c->home, model, c->o.server, why));
  TRY(pin_load(&c->pin, c->home, m.instance, why));
  return reach(c, json_string_value(json_object_get(m.json, "address")), why);
}

enum err cli_visitor(struct cli *c, const char *model, struct why *why)
{
  struct why inner = {0};
  enum err e = cli_member(c, model, false, &inner);
  if ((e == E_NOT_ENROLLED) && c->o.server) {
    TRY(cli_server(c, c->o.server, why));
    TRY(pin_make(&c->pin, c->home, &c->api, c->o.server, NULL, why));
    return reach(c, c->o.server, why);
  }
  if (e != OK)
    *why = inner;
  return e;
}

/* The pin with this address; NULL: the only one there is. E_NOT_FOUND, E_USAGE. */
static enum err find_pin(struct cli *c, const char *server, struct why *why)
{
  AUTO(json_drop) json_t *names = NULL;
  size_t i;
  json_t *name;
  bool found = false;
  TRY(home_list(c->home, "instances", &names, why));
  json_array_foreach (names, i, name) {
    char hex[65];
    AUTO(pin_done) struct pin p = {0};
    snprintf(hex, sizeof hex, "%.64s", json_string_value(name));
    TRY(pin_load(&p, c->home, hex, why));
    if (server && !same_address(p.address, server))
      continue;
    if (found)
      return why_set(why, E_USAGE, server ? "--instance" : "--server",
                     "is needed: you know several");
    found = true;
    c->pin = p;
    p.event = NULL;
  }
  return found ? OK : E_NOT_FOUND;
}

/* A server that is not known yet: its instance is pinned. */
static enum err first_contact(struct cli *c, const struct digest *hash, struct why *why)
{
  if (!c->o.server)
    return why_set(why, E_USAGE, "--server", "is needed, such as http://127.0.0.1:8080");
  TRY(cli_server(c, c->o.server, why));
  TRY(pin_make(&c->pin, c->home, &c->api, c->o.server, hash, why));
  say_json(c, json_pack("{s:s,s:s,s:s,s:O}", "event", "pinned", "server", c->o.server,
                        "instance", c->pin.hex, "entry", c->pin.event));
  if (!hash)
    say(c,
        "Instance %s of %s is pinned: from now on it must be this one. Compare the hash "
        "with others.",
        c->pin.hex, c->o.server);
  return OK;
}

enum err cli_instance(struct cli *c, struct why *why)
{
  struct digest hash;
  TRY(cli_home(c, false, why));
  c->has_self = self_load(&c->self, c->home, NULL) == OK;
  if (c->o.instance && hex_decode(hash.b, sizeof hash.b, c->o.instance) != OK)
    return why_set(why, E_USAGE, "--instance", "must be 64 hex digits");
  enum err e = c->o.instance ? pin_load(&c->pin, c->home, c->o.instance, why)
                             : find_pin(c, c->o.server, why);
  if (e == E_NOT_FOUND)
    e = first_contact(c, c->o.instance ? &hash : NULL, why);
  TRY(e);
  return reach(c, c->o.server ? c->o.server : c->pin.address, why);
}

enum err cli_enrolled(struct cli *c, struct why *why)
{
  AUTO(json_drop) json_t *all = NULL;
  size_t i;
  json_t *m;
  const char *address = NULL, *instance = NULL;
  TRY(cli_home(c, false, why));
  TRY(self_load(&c->self, c->home, why));
  c->has_self = true;
  TRY(membership_list(c->home, &all, why));
  json_array_foreach (all, i, m) {
    const char *at = json_string_value(json_object_get(m, "address"));
    const char *of = json_string_value(json_object_get(m, "instance"));
    if (c->o.server && !same_address(c->o.server, at))
      continue;
    if (instance && strcmp(instance, of) != 0)
      return why_set(why, E_USAGE, "--server", "is needed: you know several");
    address = at;
    instance = of;
  }
  if (!instance)
    return why_set(why, E_NOT_ENROLLED, c->o.server ? c->o.server : "",
                   "you are no member there yet: chorus enroll LINK --name NAME");
  TRY(pin_load(&c->pin, c->home, instance, why));
  return reach(c, address, why);
}

/* The pin that is meant, out of the home. E_NOT_FOUND. */
static enum err known_pin(struct cli *c, const char *model, struct why *why)
{
  AUTO(membership_done) struct membership m = {0};
  if (c->o.instance)
    return pin_load(&c->pin, c->home, c->o.instance, why);
  if (!model || c->o.server)
    return find_pin(c, c->o.server, why);
  enum err e = membership_find(&m, c->home, model, NULL, why);
  if (e == E_NOT_ENROLLED)
    return find_pin(c, NULL, why);
  TRY(e);
  return pin_load(&c->pin, c->home, m.instance, why);
}

/* The instance that a server shows, without keeping it. */
static enum err shown_pin(struct cli *c, struct why *why)
{
  struct digest hash;
  AUTO(json_drop) json_t *event = NULL;
  if (!c->o.server)
    return why_set(why, E_USAGE, "--server", "is needed, such as http://127.0.0.1:8080");
  if (c->o.instance && hex_decode(hash.b, sizeof hash.b, c->o.instance) != OK)
    return why_set(why, E_USAGE, "--instance", "must be 64 hex digits");
  TRY(cli_server(c, c->o.server, why));
  TRY(api_instance(&c->api, &event, why));
  return pin_of(&c->pin, event, c->o.server, c->o.instance ? &hash : NULL, why);
}

enum err cli_stranger(struct cli *c, const char *model, bool *known, struct why *why)
{
  *known = false;
  TRY(cli_known_home(c, why));
  enum err e = c->home ? known_pin(c, model, why) : E_NOT_FOUND;
  if (e == E_NOT_FOUND)
    return shown_pin(c, why);
  TRY(e);
  *known = true;
  return reach(c, c->o.server ? c->o.server : c->pin.address, why);
}

enum err cli_chain(struct cli *c, struct home *home, struct why *why)
{
  const char *urls = c->o.rpc ? c->o.rpc : getenv("CHORUS_RPC");
  if (!c->view.rpc)
    TRY(chain_view_open(&c->view, home, &c->pin, urls && *urls ? urls : NULL, why));
  return chain_view_check(&c->view, why);
}

int main(int argc, char **argv)
{
  struct cli c = {0};
  struct why why = {0};
  const struct command *command = NULL;
  setlocale(LC_TIME, "");
  if (sodium_init() < 0 || http_init() != OK)
    return EXIT_ERROR;
  model_init();
  enum err e = options_read(&c.o, &command, argc, argv, &why);
  c.tty = isatty(STDOUT_FILENO) && !c.o.json;
  if (e == OK && c.o.help) {
    options_help(stdout, command);
    return EXIT_DONE;
  }
  if (e == OK)
    e = command->run(&c, &why);
  if (e != OK)
    say_error(&c, e, &why);
  int code = e == OK ? c.exit : exit_for(e);
  cli_done(&c);
  if (fflush(stdout) != 0 && code == EXIT_DONE)
    code = EXIT_ERROR;
  return code;
}
