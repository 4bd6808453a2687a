/* SPDX-License-Identifier: Apache-2.0
 * The log in an audit. */
#include "clients/lib/audit_log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/text.h"

#define WAIT_SECONDS 15u
#define BASE "/api/v1/"

/* ---- a source as tiles.h reads it ---- */

struct view {
  struct http http;
  struct source *source;
};

static enum err view_call(struct http *base, const struct http_request *rq,
                          struct http_reply *rp, struct why *why)
{
  const struct view *v = (const struct view *)base;
  struct http_reply got = {.status = 200};
  TRY(v->source->get(v->source, rq->path + strlen(BASE), rq->range, rq->max, &got.body,
                     why));
  *rp = got;
  return OK;
}

static void view_free(struct http *base)
{
  free(base);
}

/* ---- the checkpoint ---- */

/* Notes what does not hold, the first time. */
static enum err object(char problem[416], const struct why *why, const char *fallback)
{
  if (!*problem)
    snprintf(problem, 416, "%s", *why->detail ? why->detail : fallback);
  return OK;
}

/* Takes over the tree of a checkpoint. An error that tells something is its problem. */
static enum err take(struct audit_log *l, const struct checkpoint *c, struct why *why)
{
  struct tiles *tiles = NULL;
  struct why inner = {0};
  enum err e = tiles_new(&tiles, &l->api, c->size, &c->root, &inner);
  if (e != OK && !source_tells(e)) {
    *why = inner;
    return e;
  }
  if (e != OK)
    TRY(object(l->astray, &inner, "its tiles are not served"));
  tiles_free(l->tiles);
  l->tiles = tiles;
  l->head = *c;
  l->roots_len = 0;
  return OK;
}

static enum err fetch(struct audit_log *l, struct checkpoint *c, bool *good,
                      struct why *why)
{
  AUTO(buf_done) struct buf note = {0};
  struct why inner = {0};
  *good = false;
  enum err e = source_get(l->source, "log/checkpoint", NOTE_BYTES_MAX, &note, &inner);
  if (e != OK && !source_tells(e)) {
    *why = inner;
    return e;
  }
  if (e == OK)
    e = checkpoint_open(c, buf_bytes(&note), &l->key, &inner);
  *good = e == OK;
  if (e == E_SIGNATURE)
    return object(l->problem, &(struct why){0},
                  "it is not signed by the key of the instance");
  return e == OK ? OK : object(l->problem, &inner, "no checkpoint is served");
}

/* Whether the tree of l begins with an earlier one. */
static enum err compare(struct audit_log *l, const struct checkpoint *before,
                        struct why *why)
{
  struct why inner = {0};
  struct seen s = {before->size, before->root};
  if (!l->tiles || !before->size)
    return OK;
  if (before->size > l->head.size) {
    snprintf(inner.detail, sizeof inner.detail,
             "it has %llu leaves, although one of %llu was signed before",
             (unsigned long long)l->head.size, (unsigned long long)before->size);
    return object(l->problem, &inner, "");
  }
  enum err e = audit_log_root(l, &s, &inner);
  if (e == OK)
    return OK;
  if (!source_tells(e)) {
    *why = inner;
    return e;
  }
  snprintf(inner.detail, sizeof inner.detail,
           "its %llu leaves do not begin with the %llu that were known before",
           (unsigned long long)l->head.size, (unsigned long long)before->size);
  return object(l->problem, &inner, "");
}

enum err audit_log_open(struct audit_log **out, struct source *source,
                        const struct pin *pin, const struct checkpoint *known,
                        struct why *why)
{
  AUTO(audit_log_drop) struct audit_log *l = must_calloc(1, sizeof *l);
  struct view *v = must_calloc(1, sizeof *v);
  struct checkpoint c;
  bool good;
  *v = (struct view){{.call = view_call, .free = view_free}, source};
  l->source = source;
  l->pin = pin;
  l->view = l->api.http = &v->http;
  if (note_key_make(&l->key, pin->instance.origin, NOTE_ED25519,
                    &pin->instance.coordinator) != OK) {
    TRY(object(l->problem, &(struct why){0},
               "the instance's origin is not the name of a log"));
  } else {
    TRY(fetch(l, &c, &good, why));
    if (good)
      TRY(take(l, &c, why));
    if (known)
      TRY(compare(l, known, why));
  }
  *out = STEAL(l);
  return OK;
}

void audit_log_free(struct audit_log *l)
{
  if (!l)
    return;
  tiles_free(l->tiles);
  http_drop(&l->view);
  free(l);
}

static void pause_shortly(void)
{
  nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
}

static double seconds(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

enum err audit_log_reach(struct audit_log *l, uint64_t size, struct why *why)
{
  double until = seconds() + WAIT_SECONDS;
  while (!*l->problem && l->head.size < size && l->source->live) {
    struct checkpoint c, before = l->head;
    bool good;
    TRY(fetch(l, &c, &good, why));
    if (good && c.size > before.size) {
      TRY(take(l, &c, why));
      TRY(compare(l, &before, why));
    }
    if (seconds() > until)
      return OK;
    pause_shortly();
  }
  return OK;
}

void audit_log_report(const struct audit_log *l, struct report *r)
{
  char subject[64];
  snprintf(subject, sizeof subject, "log of %llu leaves",
           (unsigned long long)l->head.size);
  r->log_size = l->head.size;
  hex_encode(r->log_root, l->head.root.b, 32);
  report_checked(r, CHECK_CHECKPOINT, 1);
  if (*l->problem)
    report_found(r, CHECK_CHECKPOINT, subject, "%s", l->problem);
}

/* ---- hashes ---- */

enum err audit_log_leaf(struct audit_log *l, uint64_t leaf, const json_t *event,
                        struct why *why)
{
  struct digest hashes[TILE_WIDTH], is;
  AUTO(buf_done) struct buf bytes = {0};
  struct tile tile = {.index = leaf / TILE_WIDTH};
  if (!l->tiles)
    return why_set(why, E_CHEAT_LOG, "", "%s", l->astray);
  if (leaf >= l->head.size)
    return why_set(why, E_CHEAT_LOG, "", "the log has only %llu leaves",
                   (unsigned long long)l->head.size);
  tile.width = tile_width(l->head.size, 0, tile.index);
  struct tlog_source from = tiles_source(l->tiles, why);
  TRY(from.read(from.arg, tile, hashes));
  TRY(event_canonical(&bytes, event, true));
  merkle_leaf(&is, buf_bytes(&bytes));
  if (memcmp(&is, &hashes[leaf % TILE_WIDTH], sizeof is) != 0)
    return why_set(why, E_CHEAT_LOG, "", "this leaf of the log is something else");
  return OK;
}

/* The root of a smaller tree, remembered: many saw the same. */
static enum err root_of(struct audit_log *l, uint64_t size, struct digest *out,
                        struct why *why)
{
  for (unsigned i = 0; i < l->roots_len; i++)
    if (l->roots[i].size == size) {
      *out = l->roots[i].root;
      return OK;
    }
  TRY(tlog_root_at(out, size, tiles_source(l->tiles, why)));
  unsigned slot =
      l->roots_len < AUDIT_ROOTS ? l->roots_len++ : (unsigned)(size % AUDIT_ROOTS);
  l->roots[slot] = (struct seen){size, *out};
  return OK;
}

enum err audit_log_root(struct audit_log *l, const struct seen *s, struct why *why)
{
  struct digest root;
  if (!l->tiles)
    return why_set(why, E_CHEAT_LOG, "", "%s", l->astray);
  if (s->size > l->head.size)
    return why_set(why, E_CHEAT_LOG, "", "the log has only %llu leaves",
                   (unsigned long long)l->head.size);
  TRY(root_of(l, s->size, &root, why));
  if (memcmp(&root, &s->root, sizeof root) != 0)
    return why_set(why, E_CHEAT_LOG, "",
                   "the root of the first %llu leaves is another one",
                   (unsigned long long)s->size);
  return OK;
}
