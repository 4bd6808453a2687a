/* SPDX-License-Identifier: Apache-2.0
 * Keystore files and passphrases; `chorusd key`. */
#include "server/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "server/file.h"
#include "util/field.h"
#include "util/text.h"

#define PASSPHRASE_MAX 1024u
#define KEYSTORE_MAX 65536u

/* ---- passphrases ---- */

static void wipe(struct buf *b)
{
  if (b->data)
    sodium_memzero(b->data, b->cap);
  buf_done(b);
}

/* A line from the terminal, without echo. */
static enum err ask(struct buf *out, const char *question, struct why *why)
{
  struct termios before, silent;
  char line[PASSPHRASE_MAX + 2];
  if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
    return why_set(why, E_CONFIG, "relayer-passphrase",
                   "is not set, there is no systemd credential of this name, and no "
                   "terminal to ask on");
  fputs(question, stderr);
  silent = before;
  silent.c_lflag &= (tcflag_t)~ECHO;
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  char *got = fgets(line, sizeof line, stdin);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  fputs("\n", stderr);
  enum err e = got ? buf_put(out, line, strcspn(line, "\r\n")) : E_CONFIG;
  sodium_memzero(line, sizeof line);
  return e;
}

static enum err ask_twice(struct buf *out, struct why *why)
{
  struct buf second = {0};
  TRY(ask(out, "Passphrase for the key: ", why));
  enum err e = ask(&second, "The same again: ", why);
  if (e == OK && !bytes_equal(buf_bytes(out), buf_bytes(&second)))
    e = why_set(why, E_USAGE, "passphrase", "was not the same twice");
  wipe(&second);
  return e;
}

enum err passphrase_get(struct buf *out, const char *file, bool again, struct why *why)
{
  AUTO(buf_done) struct buf path = {0};
  const char *folder = getenv("CREDENTIALS_DIRECTORY");
  if (!file && folder) {
    TRY(buf_printf(&path, "%s/relayer-passphrase", folder));
    if (access(buf_text(&path), R_OK) == 0)
      file = buf_text(&path);
  }
  if (!file)
    return again ? ask_twice(out, why) : ask(out, "Passphrase of the key: ", why);
  TRY(file_read(out, file, PASSPHRASE_MAX, why));
  while (out->len && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
    out->data[--out->len] = 0;
  return OK;
}

enum err keyfile_open(struct secret_key *key, const char *path, const char *passphrase,
                      struct why *why)
{
  AUTO(buf_done) struct buf json = {0};
  struct buf secret = {0};
  TRY(file_read(&json, path, KEYSTORE_MAX, why));
  enum err e = passphrase_get(&secret, passphrase, false, why);
  if (e == OK)
    e = keystore_open(key, buf_bytes(&json), buf_bytes(&secret), why);
  wipe(&secret);
  return e;
}

/* ---- chorusd key ---- */

/* 64 hex digits, with or without 0x, from standard input. */
static enum err read_hex(struct secret_key *key, struct why *why)
{
  char line[80] = "";
  if (isatty(STDIN_FILENO))
    fputs("The key, 64 hex digits (better piped in than typed): ", stderr);
  bool got = fgets(line, sizeof line, stdin) != NULL;
  char *text = line + (strncmp(line, "0x", 2) == 0 ? 2 : 0);
  text[strcspn(text, "\r\n")] = 0;
  for (char *c = text; *c; c++)
    *c = *c >= 'A' && *c <= 'F' ? (char)(*c + 32) : *c;
  enum err e = got && hex_decode(key->b, sizeof key->b, text) == OK
                   ? OK
                   : why_set(why, E_FIELD_VALUE, "standard input",
                             "expected: one line of 64 hex digits");
  sodium_memzero(line, sizeof line);
  return e;
}

static enum err save(const struct secret_key *key, const char *path,
                     const char *passphrase, struct why *why)
{
  AUTO(json_drop) json_t *json = NULL;
  struct buf secret = {0};
  enum err e = passphrase_get(&secret, passphrase, true, why);
  if (e == OK && !secret.len)
    e = why_set(why, E_USAGE, "passphrase", "must not be empty");
  if (e == OK)
    e = keystore_seal(&json, key, buf_bytes(&secret));
  wipe(&secret);
  TRY(e);
  AUTO(free_drop) char *text = json_dumps(json, JSON_INDENT(2));
  return file_create(path, BYTES(text, strlen(text)), why);
}

enum err run_key(const struct settings *s, const char **words, unsigned len,
                 struct why *why)
{
  struct secret_key key = {0};
  struct address address;
  char text[ADDRESS_TEXT];
  bool make = len == 2 && strcmp(words[0], "new") == 0;
  bool import = len == 2 && strcmp(words[0], "import") == 0;
  bool show = len == 2 && strcmp(words[0], "address") == 0;
  enum err e = OK;
  if (!make && !import && !show)
    return why_set(why, E_USAGE, "key",
                   "expected: key new FILE, key import FILE, or key address FILE");
  if (!show && access(words[1], F_OK) == 0)
    return why_set(why, E_CONFLICT, words[1], "is there already; it is not overwritten");
  if (make)
    key_make(&key);
  else
    e = import ? read_hex(&key, why)
               : keyfile_open(&key, words[1], s->relayer_passphrase, why);
  if (e == OK && key_address(&address, &key) != OK)
    e = why_set(why, E_FIELD_VALUE, "key", "is zero or too large to be a key");
  if (e == OK && !show)
    e = save(&key, words[1], s->relayer_passphrase, why);
  if (e == OK)
    printf("address %s\n", address_text(text, &address));
  sodium_memzero(&key, sizeof key);
  return e;
}
