/* SPDX-License-Identifier: Apache-2.0
 * The public log: tail, show, prove, consistency, monitor, witnesses. Nothing is printed
 * as true that was not checked against a signed checkpoint. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clients/cli/cli.h"
#include "clients/lib/monitor.h"
#include "clients/lib/tiles.h"
#include "util/field.h"
#include "util/text.h"

#define WAIT_SECONDS 25u
#define PAUSE_SECONDS 1u    /* a server may answer at once where it should wait */
#define PATIENCE_LONG 600u  /* of what runs until it is stopped */
#define PATIENCE_BEHIND 60u /* an older log is put up with so long */
#define TAIL_ENTRIES 10u

/* The log of the instance that is meant, with its newest checkpoint. */
static enum err open_log(struct cli *c, struct watch *w, struct why *why)
{
  TRY(cli_instance(c, why));
  TRY(watch_open(w, c->home, &c->api, &c->pin, NULL, why));
  TRY(watch_refresh(w, 0, why));
  if (w->head.size == 0)
    return why_set(why, E_NOT_FOUND, "log", "no checkpoint was signed yet");
  return OK;
}

static enum err open_tiles(struct cli *c, const struct watch *w, struct tiles **out,
                           struct why *why)
{
  return tiles_new(out, &c->api, w->head.size, &w->head.root, why);
}

static const char *text_of(const json_t *event, const char *name)
{
  const char *text = json_string_value(json_object_get(event, name));
  return text ? text : "";
}

/* What an entry is about, in a few words. */
static void about_entry(char *out, size_t room, const json_t *event)
{
  char model[80];
  const char *ctx = text_of(event, "ctx"), *by = text_of(event, "participant");
  if (!*ctx)
    snprintf(out, room, "%s", clean(model, sizeof model, text_of(event, "model")));
  else if (!*by)
    snprintf(out, room, "round %.12s…", ctx);
  else
    snprintf(out, room, "round %.12s…  by %.12s…", ctx, by);
}

static void say_entry(struct cli *c, uint64_t leaf, const json_t *event)
{
  struct digest hash;
  char hex[65], type[32], about[160];
  if (event_hash(&hash, event) != OK)
    return;
  about_entry(about, sizeof about, event);
  say_json(c, json_pack("{s:s,s:I,s:s,s:O}", "event", "entry", "leaf", (json_int_t)leaf,
                        "hash", hex_encode(hex, hash.b, 32), "entry", event));
  say(c, "%8llu  %-9s%s%s", (unsigned long long)leaf,
      clean(type, sizeof type, text_of(event, "type")), *about ? "  " : "", about);
}

/* ---- tail ---- */

static enum err say_bundle(struct cli *c, struct tiles *t, uint64_t *next,
                           struct why *why)
{
  AUTO(buf_done) struct buf raw = {0};
  uint64_t leaf = *next / TILE_WIDTH * TILE_WIDTH;
  struct bytes rest, entry;
  TRY(tiles_bundle(t, *next / TILE_WIDTH, &raw, why));
  for (rest = buf_bytes(&raw); rest.len; leaf++) {
    AUTO(json_drop) json_t *event = NULL;
    TRY(bundle_next(&rest, &entry));
    if (leaf < *next)
      continue;
    TRY(watch_entry(&c->pin, leaf, entry, &event, why));
    say_entry(c, leaf, event);
    *next = leaf + 1;
  }
  return OK;
}

static enum err say_new_entries(struct cli *c, const struct watch *w, uint64_t *next,
                                struct why *why)
{
  AUTO(tiles_drop) struct tiles *t = NULL;
  if (*next >= w->head.size)
    return OK;
  TRY(open_tiles(c, w, &t, why));
  while (*next < w->head.size)
    TRY(say_bundle(c, t, next, why));
  return OK;
}

enum err cmd_log_tail(struct cli *c, struct why *why)
{
  AUTO(watch_done) struct watch w = {0};
  if (c->o.follow && c->o.patience == UINT64_MAX)
    c->o.patience = PATIENCE_LONG;
  TRY(open_log(c, &w, why));
  uint64_t next = c->o.from;
  if (next == UINT64_MAX)
    next = w.head.size > TAIL_ENTRIES ? w.head.size - TAIL_ENTRIES : 0;
  TRY(say_new_entries(c, &w, &next, why));
  while (c->o.follow) {
    sleep(PAUSE_SECONDS);
    TRY(watch_refresh(&w, WAIT_SECONDS, why));
    c->outage = false;
    TRY(say_new_entries(c, &w, &next, why));
  }
  return OK;
}

/* ---- one entry ---- */

static bool is_number(const char *text, uint64_t *out)
{
  size_t len = strlen(text);
  if (len == 0 || len > 18 || strspn(text, "0123456789") != len)
    return false;
  *out = strtoull(text, NULL, 10);
  return true;
}

/* What LEAF-or-HASH means: the leaf, and its event, checked. */
static enum err find_entry(struct cli *c, const struct watch *w, struct tiles *t,
                           uint64_t *leaf, json_t **event, struct buf *bytes,
                           struct why *why)
{
  const char *word = c->o.words[0];
  struct digest wanted, is;
  bool by_hash = !is_number(word, leaf);
  if (by_hash) {
    if (hex_decode(wanted.b, sizeof wanted.b, word) != OK)
      return why_set(why, E_USAGE, word, "is neither a leaf's number nor a hash");
    TRY(api_leaf(&c->api, &wanted, leaf, NULL, why));
    if (*leaf >= w->head.size)
      return why_set(why, E_NOT_FOUND, "leaf", "the event is not in the log yet");
  }
  AUTO(json_drop) json_t *e = NULL;
  TRY(tiles_entry(t, *leaf, bytes, why));
  TRY(watch_entry(&c->pin, *leaf, buf_bytes(bytes), &e, why));
  TRY(event_hash(&is, e));
  if (by_hash && memcmp(&is, &wanted, sizeof is) != 0)
    return why_set(why, E_REPLY, "leaf", "%llu is another event",
                   (unsigned long long)*leaf);
  *event = STEAL(e);
  return OK;
}

enum err cmd_log_show(struct cli *c, struct why *why)
{
  AUTO(watch_done) struct watch w = {0};
  AUTO(tiles_drop) struct tiles *t = NULL;
  AUTO(json_drop) json_t *event = NULL;
  AUTO(buf_done) struct buf bytes = {0};
  AUTO(free_drop) char *text = NULL;
  uint64_t leaf;
  TRY(open_log(c, &w, why));
  TRY(open_tiles(c, &w, &t, why));
  TRY(find_entry(c, &w, t, &leaf, &event, &bytes, why));
  say_entry(c, leaf, event);
  text = json_dumps(event, JSON_INDENT(2) | JSON_SORT_KEYS);
  say(c, "%s", text ? text : "");
  say(c, "It is leaf %llu of the %llu that the coordinator signed.",
      (unsigned long long)leaf, (unsigned long long)w.head.size);
  return OK;
}

/* ---- proofs ---- */

static json_t *json_path(const struct digest *path, unsigned len)
{
  json_t *list = json_array();
  for (unsigned i = 0; i < len; i++)
    json_array_append_new(list, json_hex(path[i].b, 32));
  return list;
}

static void say_path(struct cli *c, const struct digest *path, unsigned len)
{
  char hex[65];
  for (unsigned i = 0; i < len; i++)
    say(c, "  path %2u  %s", i, hex_encode(hex, path[i].b, 32));
}

static void say_note(struct cli *c, const struct watch *w)
{
  say(c, "\nThe checkpoint, as it was signed:\n\n%.*s", (int)w->note.len - 1,
      buf_text(&w->note));
}

enum err cmd_log_prove(struct cli *c, struct why *why)
{
  AUTO(watch_done) struct watch w = {0};
  AUTO(tiles_drop) struct tiles *t = NULL;
  AUTO(json_drop) json_t *event = NULL;
  AUTO(buf_done) struct buf bytes = {0};
  struct digest path[TLOG_PROOF_MAX], hash;
  char leaf_hex[65], root_hex[65];
  unsigned len;
  uint64_t leaf;
  TRY(open_log(c, &w, why));
  TRY(open_tiles(c, &w, &t, why));
  TRY(find_entry(c, &w, t, &leaf, &event, &bytes, why));
  TRY(tlog_inclusion(path, &len, leaf, w.head.size, tiles_source(t, why)));
  merkle_leaf(&hash, buf_bytes(&bytes));
  TRY(merkle_check_path(&w.head.root, w.head.size, leaf, &hash, path, len));
  hex_encode(leaf_hex, hash.b, 32);
  hex_encode(root_hex, w.head.root.b, 32);
  say_json(c, json_pack("{s:s,s:I,s:I,s:s,s:o,s:s,s:s}", "event", "inclusion", "leaf",
                        (json_int_t)leaf, "size", (json_int_t)w.head.size, "hash",
                        leaf_hex, "path", json_path(path, len), "root", root_hex,
                        "checkpoint", buf_text(&w.note)));
  say(c, "Leaf %llu of %llu leads to the signed root:", (unsigned long long)leaf,
      (unsigned long long)w.head.size);
  say(c, "  leaf     %s", leaf_hex);
  say_path(c, path, len);
  say(c, "  root     %s", root_hex);
  say_note(c, &w);
  return OK;
}

static enum err read_size(const struct cli *c, unsigned word, const struct watch *w,
                          uint64_t *out, struct why *why)
{
  const char *text = c->o.word_count > word ? c->o.words[word] : NULL;
  if (!text) {
    *out = w->head.size;
    return OK;
  }
  if (!is_number(text, out))
    return why_set(why, E_USAGE, text, "is no number of leaves");
  if (*out > w->head.size)
    return why_set(why, E_NOT_FOUND, text, "the log has %llu leaves",
                   (unsigned long long)w->head.size);
  return OK;
}

enum err cmd_log_consistency(struct cli *c, struct why *why)
{
  AUTO(watch_done) struct watch w = {0};
  AUTO(tiles_drop) struct tiles *t = NULL;
  struct digest path[TLOG_PROOF_MAX], a, b;
  char a_hex[65], b_hex[65];
  unsigned len;
  uint64_t from, to;
  TRY(open_log(c, &w, why));
  TRY(read_size(c, 0, &w, &from, why));
  TRY(read_size(c, 1, &w, &to, why));
  if (from > to)
    return why_set(why, E_USAGE, "FROM", "must not be more than TO");
  TRY(open_tiles(c, &w, &t, why));
  struct tlog_source source = tiles_source(t, why);
  TRY(tlog_root_at(&a, from, source));
  TRY(tlog_root_at(&b, to, source));
  TRY(tlog_consistency(path, &len, from, to, source));
  TRY(tlog_check_consistency(from, &a, to, &b, path, len));
  hex_encode(a_hex, a.b, 32);
  hex_encode(b_hex, b.b, 32);
  say_json(c, json_pack("{s:s,s:I,s:I,s:s,s:s,s:o,s:s}", "event", "consistency", "from",
                        (json_int_t)from, "to", (json_int_t)to, "from_root", a_hex,
                        "to_root", b_hex, "path", json_path(path, len), "checkpoint",
                        buf_text(&w.note)));
  say(c, "The log of %llu leaves begins with that of %llu:", (unsigned long long)to,
      (unsigned long long)from);
  say(c, "  from     %s", a_hex);
  say_path(c, path, len);
  say(c, "  to       %s", b_hex);
  say_note(c, &w);
  return OK;
}

/* ---- monitor ---- */

static void reading(void *arg, uint64_t done, uint64_t total)
{
  say_progress(arg, "Reading the log", done, total);
}

/* An older log than the known one proves nothing, but should not last. */
static void say_behind(struct cli *c, const struct monitor *m, int64_t now)
{
  char clock[32];
  uint64_t shown = m->watch.shown, known = m->watch.head.size;
  if (!m->behind_since || now - m->behind_since < (int64_t)c->o.patience)
    return;
  say_json(c,
           json_pack("{s:s,s:I,s:I,s:I}", "event", "behind", "size", (json_int_t)shown,
                     "known", (json_int_t)known, "since", (json_int_t)m->behind_since));
  say_new(c,
          "Since %s the server shows an older log: %llu entries, where it signed %llu "
          "before. It may have lost some, or hides them.",
          clock_text(clock, (double)(m->behind_since - now)), (unsigned long long)shown,
          (unsigned long long)known);
}

static void say_checked(struct cli *c, const struct monitor *m, uint64_t before)
{
  char hex[65];
  const struct checkpoint *head = &m->watch.head;
  hex_encode(hex, head->root.b, 32);
  say_json(c, json_pack("{s:s,s:I,s:I,s:s}", "event", "checked", "from",
                        (json_int_t)before, "to", (json_int_t)m->tree.size, "root", hex));
  say(c, "%llu entries are new. All %llu make the root that was signed, %.12s….",
      (unsigned long long)(m->tree.size - before), (unsigned long long)m->tree.size, hex);
}

static enum err look(struct cli *c, struct monitor *m, unsigned wait, struct why *why)
{
  struct monitor_hooks hooks = {.arg = c, .progress = reading};
  uint64_t before = m->tree.size;
  int64_t now = (int64_t)time(NULL);
  TRY(monitor_step(m, wait, now, &hooks, why));
  c->outage = false;
  if (m->tree.size > before)
    say_checked(c, m, before);
  say_behind(c, m, now);
  return OK;
}

enum err cmd_log_monitor(struct cli *c, struct why *why)
{
  AUTO(monitor_done) struct monitor m = {.lock = -1};
  uint64_t behind = c->o.patience == UINT64_MAX ? PATIENCE_BEHIND : c->o.patience;
  if (c->o.patience == UINT64_MAX && !c->o.once)
    c->o.patience = PATIENCE_LONG;
  TRY(cli_instance(c, why));
  c->o.patience = behind;
  TRY(monitor_open(&m, c->home, &c->api, &c->pin, why));
  TRY(look(c, &m, 0, why));
  if (c->o.once && m.watch.behind)
    c->exit = EXIT_WAITING;
  while (!c->o.once) {
    sleep(PAUSE_SECONDS);
    TRY(look(c, &m, WAIT_SECONDS, why));
  }
  return OK;
}

/* ---- witnesses ---- */

/* Only what is cosigned over this very log is listed as such. */
static enum err say_witness(struct cli *c, struct watch *w, const json_t *entry,
                            struct why *why)
{
  struct note_key key;
  struct checkpoint at = {0};
  struct note n;
  char name[128];
  bool known = false;
  uint64_t when = 0;
  const char *vkey = text_of(entry, "key"), *text = text_of(entry, "checkpoint");
  struct bytes note = BYTES(text, strlen(text));
  if (note_key_parse(&key, vkey, NULL) != OK)
    return why_set(why, E_REPLY, "key", "is no verifier key");
  bool fits = checkpoint_open(&at, note, &w->key, NULL) == OK &&
              note_parse(&n, note, NULL) == OK && note_verify(&n, &key, &when) == OK;
  if (fits)
    TRY(watch_compare(w, &at, note, &known, why));
  say_json(c, json_pack("{s:s,s:s,s:s,s:I,s:I}", "event", "witness", "name", key.name,
                        "key", vkey, "size", (json_int_t)(known ? at.size : 0), "time",
                        (json_int_t)(known ? when : 0)));
  say(c, "%s\n    %s", clean(name, sizeof name, key.name), vkey);
  if (known)
    say(c, "    cosigned %llu of the %llu entries.", (unsigned long long)at.size,
        (unsigned long long)w->head.size);
  else
    say(c, "    has cosigned nothing yet.");
  return OK;
}

enum err cmd_log_witnesses(struct cli *c, struct why *why)
{
  AUTO(watch_done) struct watch w = {0};
  AUTO(json_drop) json_t *reply = NULL;
  size_t i;
  json_t *entry;
  TRY(open_log(c, &w, why));
  TRY(api_get(&c->api, "log/witnesses", &reply, why));
  json_array_foreach (json_object_get(reply, "witnesses"), i, entry)
    TRY(say_witness(c, &w, entry, why));
  if (i == 0)
    say(c, "Nobody cosigns this log yet: chorus witness");
  return OK;
}
