/* SPDX-License-Identifier: Apache-2.0
 * A party as text and back: what a client syncs to disk before it sends. */
#include <sodium.h>
#include <string.h>

#include "core/group.h"
#include "core/party_state.h"
#include "util/field.h"
#include "util/text.h"

static int append(const char *data, size_t len, void *out)
{
  return buf_put(out, data, len) == OK ? 0 : -1;
}

static json_t *inbox_json(const struct party *p)
{
  json_t *list = json_array();
  for (unsigned c = 0; c < p->inbox_len; c++) {
    const struct inbox *in = &p->inbox[c];
    bool good = in->state == INBOX_GOOD;
    json_array_append_new(list,
                          json_pack("{s:i,s:i,s:o,s:o}", "from", (int)in->from, "state",
                                    (int)in->state, "a",
                                    good ? json_hex(in->a.b, 32) : json_string(""), "s",
                                    good ? json_hex(in->s.b, 32) : json_string("")));
  }
  return list;
}

enum err party_save(struct buf *out, const struct party *p)
{
  AUTO(buf_done) struct buf deals = {0};
  TRY(base64_encode(&deals, buf_bytes(&p->deals)));
  json_t *events = json_object();
  for (unsigned e = 0; e < PARTY_EVENTS; e++)
    if (p->events[e])
      json_object_set(events, party_event_names[e], p->events[e]);
  AUTO(json_drop)
  json_t *root = json_pack(
      "{s:o,s:o,s:o,s:o,s:o,s:s,s:b,s:o,s:I,s:b,s:o,s:o}", "ctx", json_hex(p->ctx.b, 32),
      "participant", json_hex(p->id.b, 32), "a", json_hex(p->a.b, 32), "e",
      json_hex(p->e.b, 32), "s", json_hex(p->s.b, 32), "deals", buf_text(&deals),
      "masked", (int)p->masked, "masked_under", json_hex(p->masked_under.b, 32),
      "samples", (json_int_t)p->samples, "forgotten", (int)p->forgotten, "inbox",
      p->inbox ? inbox_json(p) : json_null(), "events", events);
  return json_dump_callback(root, append, out, JSON_COMPACT) == 0 ? OK : E_TOO_LARGE;
}

static enum err load_inbox(struct party *p, const json_t *list)
{
  if (!json_is_array(list))
    return json_is_null(list) ? OK : E_STATE;
  p->inbox_len = (unsigned)json_array_size(list);
  p->inbox = must_calloc(p->inbox_len, sizeof *p->inbox);
  for (unsigned c = 0; c < p->inbox_len; c++) {
    struct inbox *in = &p->inbox[c];
    uint64_t from, state;
    const char *a, *s;
    const struct field fields[] = {FIELD_UINT("from", &from, 0, PARTICIPANTS_MAX),
                                   FIELD_UINT("state", &state, 0, INBOX_GOOD),
                                   FIELD_STRING("a", &a, 0, 64),
                                   FIELD_STRING("s", &s, 0, 64), FIELD_END};
    TRY(field_read(json_array_get(list, c), fields, NULL));
    in->from = (uint32_t)from;
    in->state = (enum inbox_state)state;
    if (in->state == INBOX_GOOD) {
      TRY(hex_decode(in->a.b, 32, a));
      TRY(hex_decode(in->s.b, 32, s));
    }
  }
  return OK;
}

static enum err load_events(struct party *p, const json_t *events)
{
  for (unsigned e = 0; e < PARTY_EVENTS; e++) {
    json_t *event = json_object_get(events, party_event_names[e]);
    if (event)
      TRY(event_verify(event, party_event_names[e], &p->id, NULL));
    p->events[e] = json_incref(event);
  }
  return OK;
}

static enum err load(struct party *p, const json_t *root)
{
  json_t *inbox, *events;
  const char *deals;
  const struct field fields[] = {
      FIELD_HEX("ctx", p->ctx.b),
      FIELD_HEX("participant", p->id.b),
      FIELD_HEX("a", p->a.b),
      FIELD_HEX("e", p->e.b),
      FIELD_HEX("s", p->s.b),
      FIELD_STRING("deals", &deals, 0, PARTICIPANTS_MAX * (DEAL_BYTES * 4 / 3 + 4)),
      FIELD_BOOL("masked", &p->masked),
      FIELD_HEX("masked_under", p->masked_under.b),
      FIELD_UINT("samples", &p->samples, 0, 9007199254740991.0),
      FIELD_BOOL("forgotten", &p->forgotten),
      FIELD_ANY("inbox", &inbox),
      FIELD_OBJECT("events", &events),
      FIELD_END,
  };
  TRY(field_read(root, fields, NULL));
  if (memcmp(p->key.b + 32, p->id.b, 32) != 0) /* libsodium keeps the public half there */
    return E_STATE;
  TRY(base64_decode(&p->deals, deals));
  TRY(load_inbox(p, inbox));
  return load_events(p, events);
}

enum err party_load(struct party **out, struct bytes text,
                    const struct secret_identity *key, struct why *why)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(party_drop) struct party *p = must_calloc(1, sizeof *p);
  p->key = *key;
  enum err e = json_parse(&root, text, (size_t)64 << 20, why);
  if (e == OK)
    e = load(p, root);
  if (e != OK)
    return why_set(why, E_STATE, "", "the saved state of this round is damaged");
  *out = STEAL(p);
  return OK;
}
