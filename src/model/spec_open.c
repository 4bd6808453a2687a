/* SPDX-License-Identifier: Apache-2.0
 * A spec as it shows in a round's `open` event (docs/protocol.md section 3). */
#include <string.h>

#include "model/spec.h"
#include "util/field.h"

const char *spec_kind_name(enum spec_kind kind)
{
  static const char *const names[] = {"linear", "logistic", "mlp", "vector"};
  return names[kind];
}

json_t *spec_tail_json(const struct spec *s)
{
  json_t *list = json_array();
  for (size_t i = 0; i < s->tail_count; i++) {
    const struct tail_entry *t = &s->tail[i];
    json_t *entry = json_array();
    json_array_append_new(entry, json_string(tail_kind_names[t->kind]));
    json_array_append_new(entry, json_string(t->name));
    json_array_append_new(entry, json_integer((json_int_t)t->max));
    json_array_append_new(list, entry);
  }
  return list;
}

static void set_uint(json_t *o, const char *name, uint64_t value)
{
  json_object_set_new(o, name, json_integer((json_int_t)value));
}

void spec_open_fill(json_t *open, const struct spec *s)
{
  json_t *optimiser = json_deep_copy(json_object_get(s->json, "server"));
  json_t *reward = json_deep_copy(json_object_get(s->json, "reward"));
  json_object_del(reward, "payout");
  json_object_set_new(optimiser, "state", json_null());
  json_object_set_new(open, "spec", json_hex(s->hash.b, sizeof s->hash.b));
  set_uint(open, "d", s->d);
  json_object_set_new(open, "tail", spec_tail_json(s));
  set_uint(open, "ring_bits", s->ring_bits);
  set_uint(open, "quant_bits", s->quantiser.bits);
  json_object_set_new(open, "range", json_string(s->range));
  json_object_set_new(open, "clip", json_string(s->clip));
  set_uint(open, "weight_cap", s->quantiser.cap);
  json_object_set_new(open, "optimiser", optimiser);
  set_uint(open, "minimum", s->cohort.minimum);
  set_uint(open, "maximum", s->cohort.maximum);
  set_uint(open, "corrupt_bp", s->cohort.corrupt_bp);
  set_uint(open, "dropout_bp", s->cohort.dropout_bp);
  json_object_set_new(open, "deadlines",
                      json_deep_copy(json_object_get(s->json, "deadlines")));
  json_object_set_new(open, "reward", reward);
  json_object_set_new(open, "audit",
                      json_pack("{s:s,s:I}", "audience",
                                s->audit_members ? "members" : "public", "window",
                                (json_int_t)s->audit_window));
}

/* The member as far as the spec determines it: an optimiser's state comes from the round
 * before. The caller owns the copy. */
static json_t *determined(const json_t *open, const char *name)
{
  json_t *copy = json_copy(json_object_get(open, name));
  if (strcmp(name, "optimiser") == 0 && json_is_object(copy))
    json_object_del(copy, "state");
  return copy;
}

enum err spec_open_check(const json_t *open, const struct spec *s, struct why *why)
{
  AUTO(json_drop) json_t *expected = json_object();
  spec_open_fill(expected, s);
  const char *name;
  json_t *value;
  json_object_foreach (expected, name, value) {
    AUTO(json_drop) json_t *is = determined(open, name);
    AUTO(json_drop) json_t *ought = determined(expected, name);
    if (!is)
      return why_set(why, E_FIELD_MISSING, name, "is required");
    if (!json_equal(is, ought))
      return why_set(why, E_SPEC, name, "is not what the spec says");
  }
  return OK;
}
