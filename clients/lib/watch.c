/* SPDX-License-Identifier: Apache-2.0
 * The kept checkpoint, and what is held against it. */
#include "clients/lib/watch.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/merkle.h"
#include "ledger/tlog.h"
#include "util/field.h"
#include "util/text.h"

#define LOCK "logs.lock"

/* ---- what is kept ---- */

static void forget(struct watch *w)
{
  buf_done(&w->note);
  w->head = (struct checkpoint){0};
  crypto_hash_sha256(w->head.root.b, NULL, 0);
}

static enum err load(struct watch *w, struct why *why)
{
  AUTO(buf_done) struct buf note = {.max = NOTE_BYTES_MAX};
  struct checkpoint c;
  enum err e = home_read(w->home, w->path, &note, why);
  if (e == E_NOT_FOUND) {
    forget(w);
    return OK;
  }
  TRY(e);
  if (checkpoint_open(&c, buf_bytes(&note), &w->key, NULL) != OK)
    return why_set(why, E_STATE, w->path, "is damaged");
  buf_done(&w->note);
  w->note = note;
  note = (struct buf){0};
  w->head = c;
  return OK;
}

enum err watch_open(struct watch *out, struct home *h, struct api *a, const struct pin *p,
                    const char *path, struct why *why)
{
  AUTO(watch_done) struct watch w = {.home = h, .api = a, .pin = p};
  if (note_key_make(&w.key, p->instance.origin, NOTE_ED25519, &p->instance.coordinator) !=
      OK)
    return why_set(why, E_REPLY, "origin", "of the instance is not the name of a log");
  if (path)
    snprintf(w.path, sizeof w.path, "%s", path);
  else
    snprintf(w.path, sizeof w.path, "logs/%s/checkpoint", p->hex);
  TRY(load(&w, why));
  *out = w;
  w.note = (struct buf){0};
  return OK;
}

void watch_done(struct watch *w)
{
  buf_done(&w->note);
}

struct seen watch_seen(const struct watch *w)
{
  return (struct seen){w->head.size, w->head.root};
}

/* Puts a verified, larger checkpoint in place of head, unless another process went on
 * meanwhile: then head is what that one kept, and *again says to compare anew. */
static enum err keep(struct watch *w, const struct checkpoint *c, struct bytes note,
                     bool *again, struct why *why)
{
  AUTO(home_unlock) int lock = -1;
  AUTO(buf_done) struct buf now = {.max = NOTE_BYTES_MAX};
  AUTO(buf_done) struct buf copy = {0};
  TRY(home_lock(w->home, LOCK, true, &lock, why));
  enum err e = home_read(w->home, w->path, &now, why);
  if (e != OK && e != E_NOT_FOUND)
    return e;
  *again = !bytes_equal(buf_bytes(&now), buf_bytes(&w->note));
  if (*again)
    return load(w, why);
  TRY(buf_put(&copy, note.data, note.len));
  TRY(home_write(w->home, w->path, note, why));
  buf_done(&w->note);
  w->note = copy;
  copy = (struct buf){0};
  w->head = *c;
  return OK;
}

/* ---- evidence ---- */

enum err watch_accuse(struct watch *w, enum err e, const char *field, const char *what,
                      const struct digest *about, struct bytes text, struct why *why)
{
  char path[160], hex[17];
  snprintf(path, sizeof path, "logs/%s/evidence-%s.txt", w->pin->hex,
           hex_encode(hex, about->b, 8));
  enum err kept = home_write_once(w->home, path, text, NULL);
  if (kept != OK && kept != E_CONFLICT) /* then the first one stands */
    return why_set(why, e, field, "%s; the evidence could not be kept in %s", what,
                   home_path(w->home));
  return why_set(why, e, field, "%s; the evidence is in %s/%s", what, home_path(w->home),
                 path);
}

static enum err accuse_log(struct watch *w, const char *what, const struct buf *text,
                           struct why *why)
{
  struct digest about;
  crypto_hash_sha256(about.b, text->data, text->len);
  return watch_accuse(w, E_CHEAT_LOG, "checkpoint", what, &about, buf_bytes(text), why);
}

/* The two notes, each as it was signed. */
static enum err forked(struct watch *w, struct bytes other, const char *what,
                       struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  TRY(buf_printf(&text,
                 "Two checkpoints of the log %s. Both are signed by the key of instance "
                 "%s,\nbut %s.\n\n---- kept\n",
                 w->key.name, w->pin->hex, what));
  TRY(buf_put(&text, w->note.data, w->note.len));
  TRY(buf_puts(&text, "\n---- shown later\n"));
  TRY(buf_put(&text, other.data, other.len));
  return accuse_log(w, what, &text, why);
}

enum err watch_disowned(struct watch *w, struct why *why)
{
  static const char what[] = "the server does not know a checkpoint that its key signed";
  AUTO(buf_done) struct buf text = {0};
  TRY(buf_printf(&text, "The log %s of instance %s: %s.\n\n---- kept\n", w->key.name,
                 w->pin->hex, what));
  TRY(buf_put(&text, w->note.data, w->note.len));
  return accuse_log(w, what, &text, why);
}

/* ---- comparing ---- */

enum err watch_compare(struct watch *w, const struct checkpoint *c, struct bytes note,
                       bool *known, struct why *why)
{
  char what[160];
  struct digest path[TLOG_PROOF_MAX];
  unsigned len = 0;
  bool older = c->size < w->head.size;
  const struct checkpoint *from = older ? c : &w->head, *to = older ? &w->head : c;
  if (known)
    *known = true;
  if (from->size > 0 && from->size < to->size) {
    enum err e = api_consistency(w->api, from->size, to->size, path, &len, why);
    if (e == E_NOT_FOUND && older) { /* it does not know head: no proof for or against */
      if (known)
        *known = false;
      return OK;
    }
    if (e == E_NOT_FOUND) {
      snprintf(what, sizeof what,
               "there is no proof that its %llu leaves begin with those %llu",
               (unsigned long long)to->size, (unsigned long long)from->size);
      return forked(w, note, what, why);
    }
    TRY(e);
  }
  if (tlog_check_consistency(from->size, &from->root, to->size, &to->root, path, len) ==
      OK)
    return OK;
  if (from->size == to->size)
    snprintf(what, sizeof what, "over the same number of leaves, %llu, they differ",
             (unsigned long long)to->size);
  else
    snprintf(what, sizeof what, "the tree of %llu leaves does not begin with the %llu",
             (unsigned long long)to->size, (unsigned long long)from->size);
  return forked(w, note, what, why);
}

/* ---- fetching ---- */

static enum err open_shown(struct watch *w, struct checkpoint *c, struct bytes note,
                           struct why *why)
{
  struct why inner = {0};
  enum err e = checkpoint_open(c, note, &w->key, &inner);
  if (e == E_SIGNATURE)
    return why_set(why, E_CHEAT_KEY, "checkpoint",
                   "is not signed by the key of the pinned instance");
  if (e != OK)
    return why_set(why, E_REPLY, "checkpoint", "%s %s", inner.field, inner.detail);
  return OK;
}

enum err watch_refresh(struct watch *w, unsigned wait, struct why *why)
{
  AUTO(buf_done) struct buf note = {0};
  struct checkpoint c;
  struct why none = {0};
  enum err e = api_checkpoint(w->api, wait, w->head.size, &note, &none);
  if (e == E_NOT_FOUND) { /* none was signed yet, or so it says */
    w->behind = w->head.size > 0;
    w->shown = 0;
    return OK;
  }
  if (e != OK && why)
    *why = none;
  TRY(e);
  TRY(open_shown(w, &c, buf_bytes(&note), why));
  for (bool again = true; again;) {
    again = false;
    TRY(watch_compare(w, &c, buf_bytes(&note), NULL, why));
    if (c.size > w->head.size)
      TRY(keep(w, &c, buf_bytes(&note), &again, why));
  }
  w->behind = c.size < w->head.size;
  w->shown = c.size;
  return OK;
}

/* ---- leaves ---- */

enum err watch_find(struct watch *w, const struct checkpoint *c, const json_t *event,
                    uint64_t *leaf, struct why *why)
{
  AUTO(buf_done) struct buf bytes = {0};
  struct digest hash, leaf_hash, path[TLOG_PROOF_MAX];
  unsigned len;
  uint64_t n;
  TRY(event_hash(&hash, event));
  TRY(event_canonical(&bytes, event, true));
  merkle_leaf(&leaf_hash, buf_bytes(&bytes));
  TRY(api_leaf(w->api, &hash, &n, NULL, why));
  if (n == LEAF_NONE || n >= c->size)
    return why_set(why, E_NOT_FOUND, "leaf", "it is no leaf of the log");
  TRY(api_inclusion(w->api, n, c->size, path, &len, why));
  if (merkle_check_path(&c->root, c->size, n, &leaf_hash, path, len) != OK)
    return why_set(why, E_PROOF, "leaf", "%llu is something else, or proved wrongly",
                   (unsigned long long)n);
  *leaf = n;
  return OK;
}

/* Who must have signed an event of this type. */
static enum err signer_of(const struct pin *p, const char *type, const json_t *event,
                          struct identity *out)
{
  if (message_by_participant(type)) {
    const char *hex = json_string_value(json_object_get(event, "participant"));
    return hex ? hex_decode(out->b, sizeof out->b, hex) : E_FIELD_MISSING;
  }
  *out = p->instance.coordinator;
  return OK;
}

static bool of_instance(const struct pin *p, uint64_t leaf, const json_t *event)
{
  struct digest hash;
  const char *instance = json_string_value(json_object_get(event, "instance"));
  if (leaf == 0)
    return event_hash(&hash, event) == OK && memcmp(&hash, &p->hash, sizeof hash) == 0;
  return instance && strcmp(instance, p->hex) == 0;
}

enum err watch_entry(const struct pin *p, uint64_t leaf, struct bytes entry,
                     json_t **event, struct why *why)
{
  AUTO(json_drop) json_t *e = NULL;
  struct identity signer;
  const char *what = NULL, *type = NULL;
  if (event_parse(&e, entry, NULL) != OK)
    what = "no canonical event";
  else if (!(type = json_string_value(json_object_get(e, "type"))) ||
           !of_instance(p, leaf, e))
    what = "no event of this instance";
  else if (signer_of(p, type, e, &signer) != OK ||
           event_verify(e, type, &signer, NULL) != OK)
    what = "not signed by whom it must be";
  if (what)
    return why_set(why, E_CHEAT_LOG, "leaf", "%llu is %s", (unsigned long long)leaf,
                   what);
  *event = STEAL(e);
  return OK;
}
