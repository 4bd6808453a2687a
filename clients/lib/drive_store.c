/* SPDX-License-Identifier: Apache-2.0
 * The folder of a round. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clients/lib/drive_state.h"
#include "util/field.h"
#include "util/text.h"

static const char *const said[] = {"join", "share", "update", "unmask"};

struct round_path round_file(const struct drive *d, const char *name)
{
  struct round_path p;
  snprintf(p.text, sizeof p.text, "rounds/%s/%s", d->ctx_hex, name);
  return p;
}

struct round_path round_file_of(const struct drive *d, const char *prefix,
                                const char *type)
{
  char name[64];
  snprintf(name, sizeof name, "%s-%s.json", prefix, type);
  return round_file(d, name);
}

static void drop_json(json_t **p)
{
  json_decref(*p);
  *p = NULL;
}

void drive_unload(struct drive *d)
{
  round_free(d->round);
  party_free(d->party);
  d->round = NULL;
  d->party = NULL;
  drop_json(&d->shares);
  drop_json(&d->updates);
  drop_json(&d->record);
  d->loaded = d->compared = false;
}

/* ---- loading ---- */

static enum err damaged(struct why *why)
{
  struct why inner = why ? *why : (struct why){0};
  return why_set(why, E_STATE, "", "the saved state of this round is damaged (%s %s)",
                 inner.field, inner.detail);
}

/* A file of the folder; *out stays NULL when there is none. */
static enum err load_json(struct drive *d, const char *name, json_t **out,
                          struct why *why)
{
  enum err e = home_read_json(d->home, round_file(d, name).text, out, why);
  return e == E_NOT_FOUND ? OK : e;
}

/* Whatever was said must still be what the party holds; otherwise the folder was set
 * back, and a second, different message could follow. */
static enum err check_said(struct drive *d, struct why *why)
{
  for (unsigned i = 0; i < LENGTH(said); i++) {
    AUTO(json_drop) json_t *event = NULL;
    char name[64];
    snprintf(name, sizeof name, "said-%s.json", said[i]);
    TRY(load_json(d, name, &event, why));
    const json_t *held = d->party ? party_event(d->party, said[i]) : NULL;
    if (event && (!held || !json_equal(event, held)))
      return why_set(why, E_STATE, name, "was said, but the saved secrets are older");
  }
  return OK;
}

static enum err load_party(struct drive *d, struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  enum err e = home_read(d->home, round_file(d, "party.json").text, &text, why);
  if (e == E_NOT_FOUND)
    return check_said(d, why);
  if (e == OK) {
    e = party_load(&d->party, buf_bytes(&text), &d->self->key, why);
    if (text.data)
      sodium_memzero(text.data, text.len);
  }
  TRY(e);
  if (memcmp(party_ctx(d->party), &d->ctx, sizeof d->ctx) != 0)
    return why_set(why, E_STATE, "party.json", "belongs to another round");
  return check_said(d, why);
}

enum err drive_load_beacon(struct drive *d, struct beacon *out, bool *have,
                           struct why *why)
{
  AUTO(json_drop) json_t *json = NULL;
  const struct field fields[] = {FIELD_UINT("block", &out->block, 0, 1ULL << 53),
                                 FIELD_HEX("hash", out->hash.b), FIELD_END};
  TRY(load_json(d, "beacon.json", &json, why));
  *have = json != NULL;
  return json ? field_read(json, fields, why) : OK;
}

static enum err load_documents(struct drive *d, struct why *why)
{
  AUTO(json_drop) json_t *roster = NULL, *members = NULL, *graph = NULL;
  AUTO(json_drop) json_t *sharers = NULL, *survivors = NULL;
  struct beacon beacon;
  bool have;
  TRY(load_json(d, "roster.json", &roster, why));
  TRY(load_json(d, "graph.json", &graph, why));
  TRY(load_json(d, "sharers.json", &sharers, why));
  TRY(load_json(d, "survivors.json", &survivors, why));
  if (roster) {
    TRY(load_json(d, "members.json", &members, why));
    TRY(round_roster(d->round, roster, members, why));
  }
  TRY(drive_load_beacon(d, &beacon, &have, why));
  if (graph)
    TRY(round_graph(d->round, graph, d->pin->instance.simulated, have ? &beacon : NULL,
                    why));
  if (sharers) {
    TRY(load_json(d, "shares.json", &d->shares, why));
    TRY(round_sharers(d->round, sharers, d->shares, why));
  }
  if (survivors) {
    TRY(load_json(d, "updates.json", &d->updates, why));
    TRY(round_survivors(d->round, survivors, d->updates, why));
  }
  return OK;
}

enum err drive_load(struct drive *d, const struct digest *ctx, struct why *why)
{
  AUTO(json_drop) json_t *open = NULL;
  drive_unload(d);
  d->ctx = *ctx;
  hex_encode(d->ctx_hex, ctx->b, sizeof ctx->b);
  TRY(load_json(d, "record.json", &d->record, why));
  if (d->record) {
    d->loaded = true;
    return drive_sweep(d, why);
  }
  enum err e = load_json(d, "open.json", &open, why);
  if (e == OK && open)
    e = round_open(&d->round, &d->pin->instance, &d->pin->hash, open, why);
  if (e == OK && open && memcmp(&d->round->open->ctx, ctx, sizeof *ctx) != 0)
    e = E_STATE;
  if (e == OK)
    e = load_party(d, why);
  if (e == OK && d->round)
    e = load_documents(d, why);
  if (e == E_IO)
    return e;
  d->loaded = true;
  return e == OK ? OK : damaged(why);
}

/* ---- saving ---- */

enum err drive_save_party(struct drive *d, struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  TRY(party_save(&text, d->party));
  enum err e =
      home_write(d->home, round_file(d, "party.json").text, buf_bytes(&text), why);
  sodium_memzero(text.data, text.len);
  return e;
}

static enum err once(struct drive *d, struct round_path path, const json_t *value,
                     struct why *why)
{
  enum err e = home_write_json(d->home, path.text, value, true, why);
  if (e == E_CONFLICT)
    return why_set(why, E_STATE, path.text, "something different was stored before");
  return e;
}

enum err drive_save_said(struct drive *d, const char *type, const json_t *event,
                         struct why *why)
{
  return once(d, round_file_of(d, "said", type), event, why);
}

enum err drive_save_document(struct drive *d, const char *type, const json_t *event,
                             const char *list_name, const json_t *list, struct why *why)
{
  char name[64];
  if (list)
    TRY(home_write_json(d->home, round_file(d, list_name).text, list, false, why));
  snprintf(name, sizeof name, "%s.json", type);
  return once(d, round_file(d, name), event, why);
}

enum err drive_save_beacon(struct drive *d, const struct beacon *beacon, struct why *why)
{
  AUTO(json_drop)
  json_t *json = json_pack("{s:I,s:o}", "block", (json_int_t)beacon->block, "hash",
                           json_hex(beacon->hash.b, 32));
  return once(d, round_file(d, "beacon.json"), json, why);
}

bool drive_has_receipt(struct drive *d, const char *type)
{
  return home_has(d->home, round_file_of(d, "receipt", type).text);
}

enum err drive_save_receipt(struct drive *d, const char *type, const json_t *receipt,
                            struct why *why)
{
  return home_write_json(d->home, round_file_of(d, "receipt", type).text, receipt, false,
                         why);
}

/* ---- the end ---- */

enum err drive_sweep(struct drive *d, struct why *why)
{
  /* secrets first, received shares among them */
  static const char *const names[] = {"party.json", "y.bin", "members.json",
                                      "shares.json", "updates.json"};
  if (d->party)
    party_forget(d->party);
  for (unsigned i = 0; i < LENGTH(names); i++)
    TRY(home_remove(d->home, round_file(d, names[i]).text, why));
  return OK;
}

enum err drive_end(struct drive *d, json_t *record, struct why *why)
{
  json_decref(d->record);
  d->record = record;
  TRY(home_write_json(d->home, round_file(d, "record.json").text, record, false, why));
  return drive_sweep(d, why);
}
