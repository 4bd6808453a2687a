/* SPDX-License-Identifier: Apache-2.0
 * chorusd admin create, revoke, invite; and the link of a first start. */
#include <stdio.h>
#include <string.h>

#include "server/sessions.h"
#include "server/settings.h"
#include "server/users.h"

struct command {
  const struct settings *settings;
  const char *name;
  struct why *why;
  struct secret secret;
};

static void command_wipe(struct command *c)
{
  secret_wipe(&c->secret);
}

static enum err create(struct db *db, struct command *c)
{
  struct digest hash;
  secret_make(&c->secret, &hash);
  TRY(db_run(db, Q_ADMIN_TOKEN_CREATE,
             DB_ARGS(DB_FIXED(&hash), DB_TEXT(c->name), DB_TEXT(c->settings->role))));
  puts(c->secret.text);
  return OK;
}

static enum err revoke(struct db *db, struct command *c)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_ADMIN_TOKEN_REVOKE, &rows, DB_ARGS(DB_TEXT(c->name))));
  if (rows.affected == 0)
    return why_set(c->why, E_NOT_FOUND, "NAME", "no token has this name");
  printf("revoked %llu\n", (unsigned long long)rows.affected);
  return OK;
}

/* Who can do this has the database: it also brings back a user who was disabled, whatever
 * was forgotten or lost. */
static enum err invite_run(struct db *db, void *arg)
{
  struct command *c = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  int64_t user = 0;
  double expires_at;
  TRY(db_query(db, Q_USER_LOCK, &rows, DB_ARGS(DB_TEXT(c->name))));
  if (rows.len == 0)
    TRY(user_create(db, c->name, c->settings->role, &user));
  else
    user = db_int(&rows, 0, 0);
  TRY(db_run(db, Q_USER_CHANGE,
             DB_ARGS(DB_INT(user), DB_TEXT(c->settings->role), DB_BOOL(false))));
  TRY(db_run(db, Q_SESSION_DELETE_OF, DB_ARGS(DB_INT(user))));
  return link_make(db, user, true, &c->secret, &expires_at);
}

static enum err invite(struct db *db, struct command *c)
{
  const struct settings *s = c->settings;
  TRY(user_name_check(c->name, c->why));
  TRY(db_transaction(db, invite_run, c));
  if (s->url)
    printf("%s/#setup=%s\n", s->url, c->secret.text);
  else
    printf("http://%s:%llu/#setup=%s\n", s->listen, (unsigned long long)s->port,
           c->secret.text);
  return OK;
}

enum err admin_command(const struct settings *s, const char **words, unsigned len,
                       struct why *why)
{
  static const struct {
    const char *name;
    enum err (*run)(struct db *db, struct command *c);
  } commands[] = {{"create", create}, {"revoke", revoke}, {"invite", invite}};
  AUTO(db_drop) struct db *db = NULL;
  enum who role;
  AUTO(command_wipe)
  struct command c = {.settings = s, .name = len > 1 ? words[1] : "", .why = why};
  unsigned i = 0;
  while (len == 2 && i < LENGTH(commands) && strcmp(commands[i].name, words[0]) != 0)
    i++;
  if (len != 2 || i == LENGTH(commands))
    return why_set(why, E_USAGE, "admin",
                   "expected: admin create NAME, revoke NAME, or invite NAME");
  if (!*c.name || strlen(c.name) > 100)
    return why_set(why, E_USAGE, "NAME", "must have 1 to 100 bytes");
  TRY(role_parse(&role, s->role, why));
  TRY(db_open(&db, s->db, true, why));
  return commands[i].run(db, &c);
}

struct first {
  struct secret code;
  bool needed;
};

static enum err first_run(struct db *db, void *arg)
{
  struct first *f = arg;
  AUTO(db_rows_done) struct db_rows rows = {0};
  double expires_at;
  TRY(db_query(db, Q_USER_ADMIN_EXISTS, &rows, DB_NONE));
  f->needed = !db_bool(&rows, 0, 0);
  return f->needed ? link_make(db, 0, false, &f->code, &expires_at) : OK;
}

enum err admin_first_link(struct db *db, const char *address)
{
  struct first f = {.needed = false};
  TRY(db_transaction(db, first_run, &f));
  if (f.needed)
    printf("no administrator yet; within 24 hours, open %s/#setup=%s\n", address,
           f.code.text);
  fflush(stdout);
  secret_wipe(&f.code);
  return OK;
}
