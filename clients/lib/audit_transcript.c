/* SPDX-License-Identifier: Apache-2.0
 * Reading a round's transcript (docs/api.md): every event with its leaf, and what belongs
 * to it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/lib/api.h"
#include "clients/lib/audit_state.h"
#include "util/field.h"
#include "util/text.h"

#define ITEMS_MAX (10u * PARTICIPANTS_MAX)
#define PAGES_MAX 100000u
#define TRIES 60u /* for leaves that are not there yet */

const char *const type_names[TYPES] = {
    "instance", "model",     "enroll", "admit",  "suspend", "act",      "payout",
    "adopt",    "open",      "join",   "roster", "graph",   "share",    "sharers",
    "update",   "survivors", "unmask", "result", "failed",  "retention"};

enum event_type type_find(const json_t *event)
{
  const char *name = json_string_value(json_object_get(event, "type"));
  enum event_type t = 0;
  while (t < TYPES && (!name || strcmp(name, type_names[t]) != 0))
    t++;
  return t;
}

bool type_is_said(enum event_type t)
{
  return t < TYPES && message_by_participant(type_names[t]);
}

/* ---- items ---- */

static void item_done(struct item *it)
{
  json_decref(it->event);
  json_decref(it->boxes);
  buf_done(&it->data);
}

static void clear(struct audit *a)
{
  for (size_t i = 0; i < a->len; i++)
    item_done(&a->items[i]);
  a->len = 0;
}

void audit_unload(struct audit *a)
{
  clear(a);
  free(a->items);
  a->items = NULL;
}

static struct item *more(struct audit *a)
{
  if (a->len == a->cap) {
    a->cap = MAX(2 * a->cap, (size_t)64);
    a->items = must_realloc(a->items, a->cap, sizeof *a->items);
  }
  return memset(&a->items[a->len++], 0, sizeof *a->items);
}

static void name_item(struct item *it, size_t place)
{
  char where[32];
  const char *who = json_string_value(json_object_get(it->event, "participant"));
  if (it->in_log)
    snprintf(where, sizeof where, "leaf %llu", (unsigned long long)it->leaf);
  else
    snprintf(where, sizeof where, "item %zu", place);
  snprintf(it->subject, sizeof it->subject, "%s (%s%s%.12s)", where,
           it->type < TYPES ? type_names[it->type] : "unknown", who ? " of " : "",
           who ? who : "");
}

static enum err bad_item(const struct audit *a, const char *what, struct why *why)
{
  return why_set(why, E_REPLY, "", "item %zu %s", a->len, what);
}

static enum err add_item(struct audit *a, const json_t *json, struct why *why)
{
  const json_t *leaf = json_object_get(json, "leaf");
  json_t *event = json_object_get(json, "event");
  const char *deals = json_string_value(json_object_get(json, "deals"));
  const char *chunks = json_string_value(json_object_get(json, "chunks"));
  if (a->len == ITEMS_MAX)
    return bad_item(a, "is one too many", why);
  if (!json_is_object(event) ||
      (!json_is_null(leaf) && (!json_is_integer(leaf) || json_integer_value(leaf) < 0)))
    return bad_item(a, "has no event, or no leaf", why);
  struct item *it = more(a);
  it->event = json_incref(event);
  it->type = type_find(event);
  it->in_log = json_is_integer(leaf);
  it->leaf = it->in_log ? (uint64_t)json_integer_value(leaf) : 0;
  it->boxes = json_incref(json_object_get(json, "boxes"));
  name_item(it, a->len);
  const char *text = it->type == TYPE_SHARE ? deals : chunks;
  if (text && base64_decode(&it->data, text) != OK)
    return bad_item(a, "holds no base64", why);
  return OK;
}

static enum err add_page(struct audit *a, const json_t *page, struct why *why)
{
  const json_t *list = json_object_get(page, "items");
  size_t i;
  json_t *entry;
  if (!json_is_array(list))
    return bad_item(a, "is missing: there is no list", why);
  json_array_foreach ((json_t *)list, i, entry)
    TRY(add_item(a, entry, why));
  return OK;
}

static enum err load_pages(struct audit *a, struct why *why)
{
  char path[256];
  snprintf(path, sizeof path, "rounds/%s/transcript", a->hex);
  for (unsigned p = 0; p < PAGES_MAX; p++) {
    AUTO(json_drop) json_t *page = NULL;
    TRY(source_json(a->source, path, &page, why));
    TRY(add_page(a, page, why));
    const char *next = json_string_value(json_object_get(page, "next"));
    if (!next)
      return OK;
    if (!api_cursor_good(next))
      return bad_item(a, "is behind an odd cursor", why);
    snprintf(path, sizeof path, "rounds/%s/transcript?cursor=%s", a->hex, next);
  }
  return bad_item(a, "does not come to an end", why);
}

/* What is accepted becomes a leaf within a second or so. A retention may come at any time
 * later and is not waited for. */
static bool all_in_log(const struct audit *a)
{
  for (size_t i = 0; i < a->len; i++)
    if (!a->items[i].in_log && a->items[i].type != TYPE_RETENTION)
      return false;
  return true;
}

enum err audit_load(struct audit *a, struct why *why)
{
  for (unsigned t = 0; t < TRIES; t++) {
    clear(a);
    TRY(load_pages(a, why));
    if (all_in_log(a) || !a->source->live)
      return OK;
    nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
  }
  return OK;
}
