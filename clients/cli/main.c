/* SPDX-License-Identifier: Apache-2.0
 * The chorus program: reads the command line, runs one command, exits. */
#include <locale.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/cli.h"
#include "model/net.h"

int exit_for(enum err e)
{
  if (err_is_cheat(e))
    return EXIT_REFUSED;
  switch (e) {
  case OK:
    return EXIT_DONE;
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

enum err cli_member(struct cli *c, const char *model, bool locked, struct why *why)
{
  AUTO(membership_done) struct membership m = {0};
  TRY(cli_home(c, locked, why));
  TRY(self_load(&c->self, c->home, why));
  c->has_self = true;
  TRY(membership_find(&m, c->home, model, c->o.server, why));
  TRY(pin_load(&c->pin, c->home, m.instance, why));
  TRY(cli_server(c, json_string_value(json_object_get(m.json, "address")), why));
  return pin_confirm(&c->pin, &c->api, why);
}

enum err cli_visitor(struct cli *c, const char *model, struct why *why)
{
  struct why inner = {0};
  enum err e = cli_member(c, model, false, &inner);
  if ((e == E_NOT_ENROLLED) && c->o.server) {
    TRY(cli_server(c, c->o.server, why));
    TRY(pin_make(&c->pin, c->home, &c->api, c->o.server, NULL, why));
    return pin_confirm(&c->pin, &c->api, why);
  }
  if (e != OK)
    *why = inner;
  return e;
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
