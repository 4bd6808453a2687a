/* SPDX-License-Identifier: Apache-2.0
 * Whether what has a receipt is in the log. */
#include "clients/lib/promise.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/field.h"
#include "util/text.h"

/* Due is what is due by the local clock: the server's would stand still for whoever does
 * not want to be caught. The grace is for clocks that differ a little. */
#define GRACE_SECONDS 10

#define PATH_ROOM 256

struct check {
  struct watch *watch;
  int64_t now;
  bool keep;
  bool fresh; /* the checkpoint was fetched */
  struct promises found;
};

static const char *const types[] = {"join", "share", "update", "unmask"};

/* Message, receipt and the checkpoint under which it is missing. */
static enum err broken(struct check *c, const json_t *event,
                       const struct receipt_event *r, const json_t *receipt,
                       struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  char what[200], when[32];
  struct tm day;
  time_t by = (time_t)r->by;
  const char *type = json_string_value(json_object_get(event, "type"));
  const struct buf *note = &c->watch->note;
  strftime(when, sizeof when, "%F %T", localtime_r(&by, &day));
  snprintf(what, sizeof what,
           "your message %.12s (receipt %llu) was to be in the log by %s and is not",
           type ? type : "", (unsigned long long)r->seq, when);
  TRY(buf_printf(&text,
                 "The receipt below promises that the message above it is a leaf of the "
                 "log of instance\n%s by %llu.\nIt is not: the server gives no proof of "
                 "it under the checkpoint.\n\n---- message\n",
                 c->watch->pin->hex, (unsigned long long)r->by));
  TRY(event_canonical(&text, event, true));
  TRY(buf_puts(&text, "\n\n---- receipt\n"));
  TRY(event_canonical(&text, receipt, true));
  TRY(buf_puts(&text, "\n\n---- checkpoint\n"));
  TRY(buf_put(&text, note->data, note->len));
  return watch_accuse(c->watch, E_CHEAT_PROMISE, "receipt", what, &r->of,
                      buf_bytes(&text), why);
}

/* *leaf: LEAF_NONE while it is open. */
static enum err check_one(struct check *c, const json_t *event, const json_t *receipt,
                          uint64_t *leaf, struct why *why)
{
  struct receipt_event r;
  struct digest hash;
  *leaf = LEAF_NONE;
  if (receipt_parse(&r, receipt, NULL) != OK || event_hash(&hash, event) != OK ||
      memcmp(&hash, &r.of, sizeof hash) != 0)
    return why_set(why, E_STATE, "receipt", "a saved receipt is damaged");
  if (memcmp(&r.header.instance, &c->watch->pin->hash, sizeof hash) != 0)
    return OK; /* another server's */
  if (!c->fresh)
    TRY(watch_refresh(c->watch, 0, why));
  c->fresh = true;
  enum err e = watch_find(c->watch, &c->watch->head, event, leaf, why);
  if (e == OK) {
    c->found.kept++;
    return OK;
  }
  if (e != E_NOT_FOUND && e != E_PROOF)
    return e;
  if (c->now > (int64_t)r.by + GRACE_SECONDS)
    return broken(c, event, &r, receipt, why);
  c->found.open++;
  c->found.until = MAX(c->found.until, (int64_t)r.by);
  return OK;
}

/* ---- rounds ---- */

static enum err check_message(struct check *c, const char *ctx, const char *type,
                              struct why *why)
{
  struct home *h = c->watch->home;
  char path[PATH_ROOM];
  uint64_t leaf;
  AUTO(json_drop) json_t *event = NULL, *receipt = NULL;
  snprintf(path, sizeof path, "rounds/%.64s/receipt-%s.json", ctx, type);
  enum err e = home_read_json(h, path, &receipt, why);
  if (e == E_NOT_FOUND)
    return OK;
  TRY(e);
  snprintf(path, sizeof path, "rounds/%.64s/leaf-%s.json", ctx, type);
  if (home_has(h, path))
    return OK;
  snprintf(path, sizeof path, "rounds/%.64s/said-%s.json", ctx, type);
  TRY(home_read_json(h, path, &event, why));
  TRY(check_one(c, event, receipt, &leaf, why));
  if (leaf == LEAF_NONE || !c->keep)
    return OK;
  const struct checkpoint *head = &c->watch->head;
  AUTO(json_drop)
  json_t *found = json_pack("{s:I,s:I,s:o}", "leaf", (json_int_t)leaf, "size",
                            (json_int_t)head->size, "root", json_hex(head->root.b, 32));
  snprintf(path, sizeof path, "rounds/%.64s/leaf-%s.json", ctx, type);
  return home_write_json(h, path, found, false, why);
}

static enum err check_rounds(struct check *c, struct why *why)
{
  AUTO(json_drop) json_t *names = NULL;
  size_t i;
  json_t *name;
  TRY(home_list(c->watch->home, "rounds", &names, why));
  json_array_foreach (names, i, name)
    for (size_t t = 0; t < LENGTH(types); t++)
      TRY(check_message(c, json_string_value(name), types[t], why));
  return OK;
}

/* ---- enrolments, changes of the payout address ---- */

/* A file with "event", "receipt" and, once it was found, "leaf". */
static enum err check_file(struct check *c, const char *folder, const char *name,
                           struct why *why)
{
  char path[PATH_ROOM];
  uint64_t leaf;
  AUTO(json_drop) json_t *m = NULL;
  snprintf(path, sizeof path, "%s/%.200s", folder, name);
  TRY(home_read_json(c->watch->home, path, &m, why));
  const json_t *receipt = json_object_get(m, "receipt");
  if (!json_is_object(receipt) || json_object_get(m, "leaf"))
    return OK;
  TRY(check_one(c, json_object_get(m, "event"), receipt, &leaf, why));
  if (leaf == LEAF_NONE || !c->keep)
    return OK;
  json_object_set_new(m, "leaf", json_integer((json_int_t)leaf));
  return home_write_json(c->watch->home, path, m, false, why);
}

static enum err check_folder(struct check *c, const char *folder, struct why *why)
{
  AUTO(json_drop) json_t *names = NULL;
  size_t i;
  json_t *name;
  TRY(home_list(c->watch->home, folder, &names, why));
  json_array_foreach (names, i, name)
    TRY(check_file(c, folder, json_string_value(name), why));
  return OK;
}

enum err promises_check(struct promises *out, struct watch *w, int64_t now, bool keep,
                        struct why *why)
{
  struct check c = {.watch = w, .now = now, .keep = keep};
  TRY(check_folder(&c, "members", why));
  TRY(check_folder(&c, "payouts", why));
  TRY(check_rounds(&c, why));
  *out = c.found;
  return OK;
}
