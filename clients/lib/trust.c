/* SPDX-License-Identifier: Apache-2.0
 * Specs, bases and results, checked. */
#include "clients/lib/trust.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "model/net.h"
#include "util/field.h"
#include "util/text.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "weights are taken from memory as they travel: little-endian");

#define PAGES_MAX 50u

static bool same(const struct digest *a, const struct digest *b)
{
  return memcmp(a, b, sizeof *a) == 0;
}

/* ---- the description ---- */

enum err trust_spec(struct spec **out, struct home *h, struct api *a, const char *model,
                    uint64_t version, const struct digest *hash, struct why *why)
{
  char path[128], hex[65];
  struct digest is;
  AUTO(buf_done) struct buf text = {0};
  AUTO(spec_drop) struct spec *s = NULL;
  snprintf(path, sizeof path, "specs/%s.json", hex_encode(hex, hash->b, 32));
  bool kept = home_read(h, path, &text, NULL) == OK;
  crypto_hash_sha256(is.b, text.data, text.len);
  kept = kept && same(&is, hash);
  if (!kept) {
    TRY(api_spec(a, model, version, &text, why));
    crypto_hash_sha256(is.b, text.data, text.len);
  }
  if (!same(&is, hash))
    return why_set(why, E_CHEAT_MODEL, "spec",
                   "the description that is served is not the one that was signed");
  TRY(spec_parse(&s, buf_bytes(&text), why));
  if (!same(&s->hash, hash))
    return why_set(why, E_CHEAT_MODEL, "spec", "the description is not canonical");
  if (!kept)
    TRY(home_write(h, path, buf_bytes(&text), why));
  *out = STEAL(s);
  return OK;
}

/* ---- results ---- */

enum err trust_result(struct result_event *out, struct open_event **open,
                      const json_t *event, const struct pin *pin, const char *model,
                      struct api *a, struct why *why)
{
  char ctx[65];
  AUTO(json_drop) json_t *terms = NULL;
  AUTO(open_drop) struct open_event *o = NULL;
  struct result_event r;
  if (event_verify(event, "result", &pin->instance.coordinator, why) != OK)
    return E_CHEAT_KEY;
  if (result_parse(&r, event, why) != OK || !same(&r.header.instance, &pin->hash))
    return why_set(why, E_CHEAT_HISTORY, "result", "is none of this instance");
  TRY(api_event(a, hex_encode(ctx, r.header.ctx.b, 32), "open", &terms, why));
  if (event_verify(terms, "open", &pin->instance.coordinator, why) != OK)
    return E_CHEAT_KEY;
  if (open_parse(&o, terms, pin->instance.anchored, why) != OK)
    return E_CHEAT_HISTORY;
  if (!same(&o->ctx, &r.header.ctx) || !same(&o->header.instance, &pin->hash) ||
      strcmp(o->model, model) != 0)
    return why_set(why, E_CHEAT_HISTORY, "result", "belongs to another model or round");
  *out = r;
  *open = STEAL(o);
  return OK;
}

/* Looks through the model's finished rounds, newest first, for a result: the one with
 * this hash, or (NULL) the newest. E_NOT_FOUND when there is none. */
static enum err find_result(json_t **out, const struct digest *hash, const char *model,
                            struct api *a, struct why *why)
{
  AUTO(buf_done) struct buf path = {0};
  TRY(buf_printf(&path, "models/%s/rounds", model));
  for (unsigned page = 0; page < PAGES_MAX; page++) {
    AUTO(json_drop) json_t *list = NULL;
    size_t i;
    json_t *entry;
    TRY(api_get(a, buf_text(&path), &list, why));
    json_array_foreach (json_object_get(list, "rounds"), i, entry) {
      AUTO(json_drop) json_t *event = NULL;
      struct state s;
      struct digest is;
      TRY(state_parse(&s, entry, why));
      if (s.phase != PHASE_DONE)
        continue;
      TRY(api_event(a, s.ctx_hex, "result", &event, why));
      TRY(event_hash(&is, event));
      if (!hash || same(&is, hash)) {
        *out = STEAL(event);
        return OK;
      }
    }
    const char *next = json_string_value(json_object_get(list, "next"));
    if (!next || !api_cursor_good(next))
      break;
    path.len = 0;
    TRY(buf_printf(&path, "models/%s/rounds?cursor=%s", model, next));
  }
  return E_NOT_FOUND;
}

static enum err older(const struct known *known, struct why *why)
{
  return why_set(why, E_CHEAT_MODEL, "base",
                 "the round starts from an older model: the result of round %llu is "
                 "known here",
                 (unsigned long long)known_round(known));
}

static enum err check_result_base(const struct round *r, struct known *known,
                                  const struct pin *pin, struct api *a, struct why *why)
{
  AUTO(json_drop) json_t *event = NULL;
  AUTO(open_drop) struct open_event *before = NULL;
  struct result_event result;
  const struct open_event *o = r->open;
  enum err e = find_result(&event, &o->base_event, o->model, a, why);
  if (e == E_NOT_FOUND)
    return why_set(why, E_CHEAT_MODEL, "base",
                   "the result that the base is said to come from can't be found");
  TRY(e);
  TRY(trust_result(&result, &before, event, pin, o->model, a, why));
  if (!same(&result.model, &o->base))
    return why_set(why, E_CHEAT_MODEL, "base",
                   "the base is not the model that the result of round %llu names",
                   (unsigned long long)before->round);
  if (before->round >= o->round)
    return why_set(why, E_CHEAT_MODEL, "base", "is of a later round than this one");
  if (before->round < known_round(known))
    return older(known, why);
  if (o->version == before->version && o->has_state &&
      (!result.has_state || !same(&result.state, &o->state)))
    return why_set(why, E_CHEAT_MODEL, "optimiser",
                   "its state is not the one that the last result names");
  known_result(known, before->round, &before->ctx, &o->base_event, &result.model,
               &before->spec);
  return OK;
}

enum err trust_terms(const struct round *r, const struct spec *s, struct known *known,
                     const struct pin *pin, struct api *a, bool import, struct why *why)
{
  const struct open_event *o = r->open;
  if (!same(&o->spec, &s->hash))
    return why_set(why, E_CHEAT_MODEL, "spec", "is not the one of this round");
  if (spec_open_check(o->event, s, why) != OK)
    return E_CHEAT_MODEL;
  if (o->round <= known_round(known))
    return older(known, why);
  switch (o->source) {
  case BASE_INIT:
    if (known_round(known))
      return older(known, why);
    return OK;
  case BASE_RESULT:
    return check_result_base(r, known, pin, a, why);
  case BASE_IMPORT:
    if (import)
      return OK;
    return why_set(why, E_CONSENT, "base",
                   "the base was imported, not made by rounds; a crafted one can draw "
                   "single records out of a sum. If you trust who made it: "
                   "--allow-imported-base");
  }
  return E_INTERNAL;
}

/* ---- weights ---- */

static enum err initial(float **out, const struct spec *s, struct digest *hash)
{
  float *w = must_calloc(s->d, sizeof *w);
  enum err e = net_init(w, s, &s->hash);
  if (e != OK) {
    free(w);
    return e;
  }
  crypto_hash_sha256(hash->b, (const uint8_t *)w, s->d * sizeof *w);
  *out = w;
  return OK;
}

/* Fetches d floats that hash to this. */
static enum err fetch(float **out, const char *path, size_t d, const struct digest *hash,
                      struct api *a, struct why *why)
{
  AUTO(buf_done) struct buf raw = {0};
  struct digest is;
  TRY(api_bytes(a, path, d * sizeof **out, &raw, NULL, why));
  crypto_hash_sha256(is.b, raw.data, raw.len);
  if (raw.len != d * sizeof **out || !same(&is, hash))
    return why_set(why, E_CHEAT_MODEL, "base",
                   "the weights that are served are not the ones that were signed");
  *out = (float *)(void *)STEAL(raw.data);
  raw = (struct buf){0};
  return OK;
}

enum err trust_base(float **out, const struct round *r, const struct spec *s,
                    struct api *a, struct why *why)
{
  char path[128], ctx[65];
  struct digest is;
  if (r->open->source != BASE_INIT) {
    snprintf(path, sizeof path, "rounds/%s/base",
             hex_encode(ctx, r->open->ctx.b, sizeof r->open->ctx.b));
    return fetch(out, path, s->d, &r->open->base, a, why);
  }
  AUTO(free_drop) float *w = NULL;
  TRY(initial(&w, s, &is));
  if (!same(&is, &r->open->base))
    return why_set(why, E_CHEAT_MODEL, "base",
                   "is not the initial model that follows from the description");
  *out = STEAL(w);
  return OK;
}

/* The spec that the coordinator's newest model event names. */
static enum err current_spec(struct spec **spec, struct home *h, const struct pin *pin,
                             const char *model, struct api *a, struct why *why)
{
  char path[128];
  AUTO(json_drop) json_t *about = NULL;
  struct digest hash, instance;
  snprintf(path, sizeof path, "models/%s", model);
  TRY(api_get(a, path, &about, why));
  const json_t *event = json_object_get(about, "event");
  const char *hex = json_string_value(json_object_get(event, "spec"));
  const char *of = json_string_value(json_object_get(event, "instance"));
  const char *name = json_string_value(json_object_get(event, "model"));
  if (event_check(event, why) != OK ||
      event_verify(event, "model", &pin->instance.coordinator, why) != OK)
    return E_CHEAT_KEY;
  if (!hex || hex_decode(hash.b, 32, hex) != OK || !of ||
      hex_decode(instance.b, 32, of) != OK || !same(&instance, &pin->hash) || !name ||
      strcmp(name, model) != 0)
    return why_set(why, E_CHEAT_MODEL, "event", "is none of this model");
  return trust_spec(spec, h, a, model, 0, &hash, why);
}

enum err trust_model(struct spec **spec, float **weights, uint64_t *round, struct home *h,
                     struct known *known, const struct pin *pin, const char *model,
                     struct api *a, struct why *why)
{
  char path[128];
  AUTO(json_drop) json_t *event = NULL;
  AUTO(open_drop) struct open_event *open = NULL;
  AUTO(spec_drop) struct spec *s = NULL;
  struct result_event result;
  struct digest hash;
  TRY(current_spec(&s, h, pin, model, a, why));
  enum err e = find_result(&event, NULL, model, a, why);
  if (e == E_NOT_FOUND && !known_round(known)) {
    TRY(initial(weights, s, &hash));
    *round = 0;
  } else if (e == E_NOT_FOUND) {
    return older(known, why);
  } else {
    TRY(e);
    TRY(trust_result(&result, &open, event, pin, model, a, why));
    if (open->round < known_round(known))
      return older(known, why);
    snprintf(path, sizeof path, "models/%s/weights?round=%llu", model,
             (unsigned long long)open->round);
    TRY(fetch(weights, path, s->d, &result.model, a, why));
    TRY(event_hash(&hash, event));
    known_result(known, open->round, &open->ctx, &hash, &result.model, &open->spec);
    *round = open->round;
  }
  *spec = STEAL(s);
  return OK;
}
