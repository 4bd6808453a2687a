/* SPDX-License-Identifier: Apache-2.0
 * The tree made again from its entries. */
#include "clients/lib/monitor.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clients/lib/tiles.h"
#include "util/field.h"
#include "util/text.h"

#define LOCK "monitor.lock"

/* ---- what is kept ---- */

static void state_path(char out[128], const struct pin *p)
{
  snprintf(out, 128, "logs/%s/monitor.json", p->hex);
}

/* The peaks as an array of the bits that are set in the size, the lowest first. */
static bool peaks_read(struct merkle *m, uint64_t size, const json_t *peaks)
{
  size_t next = 0;
  m->size = size;
  for (unsigned i = 0; i < LENGTH(m->stack); i++) {
    if (!(size >> i & 1))
      continue;
    const char *hex = json_string_value(json_array_get(peaks, next++));
    if (!hex || hex_decode(m->stack[i].b, 32, hex) != OK)
      return false;
  }
  return next == json_array_size(peaks);
}

static enum err load(struct monitor *m, struct why *why)
{
  char path[128];
  uint64_t size;
  json_t *peaks;
  AUTO(json_drop) json_t *json = NULL;
  const struct field fields[] = {
      FIELD_UINT("size", &size, 0, INT64_MAX / 1024), FIELD_ARRAY("peaks", &peaks, 0, 64),
      FIELD_INT("behind_since", &m->behind_since, 0, INT64_MAX / 1024), FIELD_END};
  state_path(path, m->watch.pin);
  enum err e = home_read_json(m->watch.home, path, &json, why);
  if (e == E_NOT_FOUND)
    return OK;
  TRY(e);
  if (field_read(json, fields, NULL) != OK || !peaks_read(&m->tree, size, peaks))
    return why_set(why, E_STATE, path, "is damaged");
  return OK;
}

static enum err save(struct monitor *m, struct why *why)
{
  char path[128];
  AUTO(json_drop)
  json_t *json = json_pack("{s:I,s:[],s:I}", "size", (json_int_t)m->tree.size, "peaks",
                           "behind_since", (json_int_t)m->behind_since);
  json_t *peaks = json_object_get(json, "peaks");
  for (unsigned i = 0; i < LENGTH(m->tree.stack); i++)
    if (m->tree.size >> i & 1)
      json_array_append_new(peaks, json_hex(m->tree.stack[i].b, 32));
  state_path(path, m->watch.pin);
  return home_write_json(m->watch.home, path, json, false, why);
}

enum err monitor_open(struct monitor *out, struct home *h, struct api *a,
                      const struct pin *p, struct why *why)
{
  AUTO(monitor_done) struct monitor m = {.lock = -1};
  TRY(home_lock(h, LOCK, false, &m.lock, why));
  TRY(watch_open(&m.watch, h, a, p, NULL, why));
  TRY(load(&m, why));
  *out = m;
  m = (struct monitor){.lock = -1};
  return OK;
}

void monitor_done(struct monitor *m)
{
  watch_done(&m->watch);
  home_unlock(&m->lock);
}

/* ---- evidence ---- */

/* The signed root, and what was served that does not belong to it. */
static enum err accuse(struct monitor *m, const struct buf *served, struct why *why)
{
  struct digest about;
  struct watch *w = &m->watch;
  char what[sizeof why->detail];
  AUTO(buf_done) struct buf text = {0};
  snprintf(what, sizeof what, "%.200s", why->detail);
  TRY(buf_printf(&text, "The log of instance %s.\n%s: %s\n\n---- checkpoint\n",
                 w->pin->hex, why->field, what));
  TRY(buf_put(&text, w->note.data, w->note.len));
  if (served)
    TRY(buf_put(&text, served->data, served->len));
  crypto_hash_sha256(about.b, text.data, text.len);
  return watch_accuse(w, E_CHEAT_LOG, "log", what, &about, buf_bytes(&text), why);
}

/* An entry that is in the tree but must not be: its bytes and the path to the root. */
static enum err accuse_entry(struct monitor *m, struct tiles *t, uint64_t leaf,
                             struct bytes entry, struct why *why)
{
  struct digest path[TLOG_PROOF_MAX];
  unsigned len;
  char hex[65];
  AUTO(buf_done) struct buf served = {0};
  struct tlog_source source = tiles_source(t, NULL);
  TRY(tlog_inclusion(path, &len, leaf, m->watch.head.size, source));
  TRY(buf_printf(&served, "\n---- entry %llu (base64)\n", (unsigned long long)leaf));
  TRY(base64_encode(&served, entry));
  TRY(buf_puts(&served, "\n\n---- path\n"));
  for (unsigned i = 0; i < len; i++)
    TRY(buf_printf(&served, "%s\n", hex_encode(hex, path[i].b, 32)));
  return accuse(m, &served, why);
}

/* ---- reading what is new ---- */

struct reading {
  struct monitor *monitor;
  const struct monitor_hooks *hooks;
  struct tiles *tiles;
  struct merkle tree; /* grows; becomes the monitor's when the root is right */
};

static enum err read_entry(struct reading *r, struct bytes entry, struct why *why)
{
  AUTO(json_drop) json_t *event = NULL;
  struct monitor *m = r->monitor;
  uint64_t leaf = r->tree.size;
  if (watch_entry(m->watch.pin, leaf, entry, &event, why) != OK)
    return accuse_entry(m, r->tiles, leaf, entry, why);
  merkle_add(&r->tree, entry);
  if (r->hooks->entry)
    r->hooks->entry(r->hooks->arg, leaf, event);
  return OK;
}

static enum err read_bundle(struct reading *r, struct why *why)
{
  AUTO(buf_done) struct buf raw = {0};
  uint64_t index = r->tree.size / TILE_WIDTH, leaf = index * TILE_WIDTH;
  struct bytes rest, entry;
  enum err e = tiles_bundle(r->tiles, index, &raw, why);
  if (e == E_CHEAT_LOG)
    return accuse(r->monitor, NULL, why);
  TRY(e);
  for (rest = buf_bytes(&raw); rest.len; leaf++) {
    TRY(bundle_next(&rest, &entry));
    if (leaf >= r->tree.size)
      TRY(read_entry(r, entry, why));
  }
  return OK;
}

static enum err read_new(struct monitor *m, const struct monitor_hooks *hooks,
                         struct why *why)
{
  const struct checkpoint *head = &m->watch.head;
  AUTO(tiles_drop) struct tiles *tiles = NULL;
  struct reading r = {.monitor = m, .hooks = hooks, .tree = m->tree};
  struct digest root;
  enum err e = tiles_new(&tiles, m->watch.api, head->size, &head->root, why);
  if (e == E_CHEAT_LOG)
    return accuse(m, NULL, why);
  TRY(e);
  r.tiles = tiles;
  while (r.tree.size < head->size) {
    TRY(read_bundle(&r, why));
    if (hooks->progress)
      hooks->progress(hooks->arg, r.tree.size - m->tree.size, head->size - m->tree.size);
  }
  merkle_root(&root, &r.tree);
  if (memcmp(&root, &head->root, sizeof root) != 0) {
    why_set(why, E_CHEAT_LOG, "checkpoint",
            "the entries that were read before leaf %llu are not in it any more",
            (unsigned long long)m->tree.size);
    return accuse(m, NULL, why);
  }
  m->tree = r.tree;
  return save(m, why);
}

/* Since when the server shows less than it once signed. */
static enum err note_behind(struct monitor *m, int64_t now, struct why *why)
{
  if (m->watch.behind == (m->behind_since != 0))
    return OK;
  m->behind_since = m->watch.behind ? now : 0;
  return save(m, why);
}

enum err monitor_step(struct monitor *m, unsigned wait, int64_t now,
                      const struct monitor_hooks *hooks, struct why *why)
{
  struct why inner = {0};
  enum err e = watch_refresh(&m->watch, wait, &inner);
  if (e == OK)
    e = note_behind(m, now, &inner);
  if (e == OK && m->watch.head.size > m->tree.size)
    e = read_new(m, hooks, &inner);
  if (e != OK && why)
    *why = inner;
  return e;
}
