/* SPDX-License-Identifier: Apache-2.0
 * Typed calls of docs/api.md. */
#include "clients/lib/api.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "util/field.h"
#include "util/text.h"

#define PAGES_MAX 10000u /* of a list */
#define BASE "/api/v1/"
#define SMALL_MAX ((size_t)1 << 20)
#define LIST_MAX ((size_t)64 << 20)
#define SPEC_MAX ((size_t)8 << 20)

const char *const phase_names[PHASES] = {"join",   "roster",    "share",
                                         "upload", "survivors", "unmask",
                                         "final",  "done",      "failed"};

void api_done(struct api *a)
{
  http_drop(&a->http);
  *a = (struct api){0};
}

/* ---- one call ---- */

static enum err odd(struct why *why, const char *path, const char *what)
{
  return why_set(why, E_REPLY, "", "%s: %s", path, what);
}

static enum err call(struct api *a, struct http_request *rq, json_t **out,
                     struct why *why)
{
  struct http_reply rp = {0};
  struct why bad = {0};
  TRY(reader_call(&a->reader, a->http, rq, &rp, why));
  enum err e = OK;
  if (rp.body.len == 0)
    *out = json_object();
  else
    e = json_parse(out, buf_bytes(&rp.body), rq->max, &bad);
  http_reply_done(&rp);
  return e == OK ? OK : odd(why, rq->path, bad.detail);
}

static int append(const char *data, size_t len, void *out)
{
  return buf_put(out, data, len) == OK ? 0 : -1;
}

static enum err post(struct api *a, const char *path, const json_t *body, json_t **out,
                     struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  if (json_dump_callback(body, append, &text, JSON_COMPACT) != 0)
    return why_set(why, E_TOO_LARGE, "", "the message is too large");
  struct http_request rq = {.method = "POST",
                            .path = path,
                            .type = "application/json",
                            .body = buf_bytes(&text),
                            .max = LIST_MAX};
  return call(a, &rq, out, why);
}

static enum err get(struct api *a, const char *path, unsigned wait, size_t max,
                    json_t **out, struct why *why)
{
  struct http_request rq = {.method = "GET", .path = path, .max = max, .wait = wait};
  return call(a, &rq, out, why);
}

/* ---- STATE ---- */

static uint64_t uint_of(const json_t *o, const char *name)
{
  json_int_t i = json_integer_value(json_object_get(o, name));
  return i < 0 ? 0 : (uint64_t)i;
}

void state_done(struct state *s)
{
  json_decref(s->json);
  *s = (struct state){0};
}

enum err state_parse(struct state *out, json_t *json, struct why *why)
{
  struct state s = {.json = json, .phase = PHASES};
  const char *ctx = json_string_value(json_object_get(json, "ctx"));
  const char *phase = json_string_value(json_object_get(json, "phase"));
  const json_t *at = json_object_get(json, "deadline_at");
  s.model = json_string_value(json_object_get(json, "model"));
  for (enum phase p = 0; phase && p < PHASES; p++)
    if (strcmp(phase, phase_names[p]) == 0)
      s.phase = p;
  if (!ctx || hex_decode(s.ctx.b, sizeof s.ctx.b, ctx) != OK)
    return why_set(why, E_REPLY, "ctx", "a round without its context");
  if (s.phase == PHASES || !s.model || !slug_valid(s.model))
    return why_set(why, E_REPLY, "phase", "a round in a phase that is not known here");
  hex_encode(s.ctx_hex, s.ctx.b, sizeof s.ctx.b);
  s.round = uint_of(json, "round");
  s.attempt = uint_of(json, "attempt");
  s.has_deadline = json_is_number(at);
  s.deadline_at = json_number_value(at);
  s.deadline_in = json_number_value(json_object_get(json, "deadline_in"));
  s.now_at = json_number_value(json_object_get(json, "now_at"));
  s.minimum = uint_of(json, "minimum");
  s.maximum = uint_of(json, "maximum");
  s.joined = uint_of(json, "joined");
  s.shared = uint_of(json, "shared");
  s.uploaded = uint_of(json, "uploaded");
  s.answered = uint_of(json, "answered");
  s.awaited_count = uint_of(json, "awaited_count");
  s.awaited = json_object_get(json, "awaited");
  s.failure =
      json_string_value(json_object_get(json_object_get(json, "failure"), "title"));
  *out = s;
  return OK;
}

bool state_awaits(const struct state *s, const struct identity *id)
{
  char hex[65];
  size_t i;
  json_t *entry;
  hex_encode(hex, id->b, sizeof id->b);
  json_array_foreach (s->awaited, i, entry) {
    const char *one = json_string_value(entry);
    if (one && strcmp(one, hex) == 0)
      return true;
  }
  return false;
}

static enum err take_state(struct state *out, json_t *json, struct why *why)
{
  enum err e = state_parse(out, json, why);
  if (e != OK)
    json_decref(json);
  return e;
}

/* ---- public ---- */

enum err api_get(struct api *a, const char *path, json_t **out, struct why *why)
{
  AUTO(buf_done) struct buf full = {0};
  TRY(buf_printf(&full, BASE "%s", path));
  return get(a, buf_text(&full), 0, LIST_MAX, out, why);
}

bool api_cursor_good(const char *next)
{
  static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ._~-";
  size_t len = strlen(next);
  return len >= 1 && len <= 100 && strspn(next, plain) == len;
}

enum err api_all(struct api *a, const char *path, const char *member, json_t **out,
                 struct why *why)
{
  AUTO(json_drop) json_t *all = json_array();
  char full[256];
  snprintf(full, sizeof full, "%s?limit=200", path);
  for (unsigned p = 0; p < PAGES_MAX; p++) {
    AUTO(json_drop) json_t *page = NULL;
    TRY(api_get(a, full, &page, why));
    if (json_array_extend(all, json_object_get(page, member)) != 0)
      break;
    const char *next = json_string_value(json_object_get(page, "next"));
    if (!next) {
      *out = STEAL(all);
      return OK;
    }
    if (!api_cursor_good(next))
      break;
    snprintf(full, sizeof full, "%s?limit=200&cursor=%s", path, next);
  }
  return why_set(why, E_REPLY, member, "is no list, or one that does not end");
}

enum err api_instance(struct api *a, json_t **event, struct why *why)
{
  AUTO(json_drop) json_t *reply = NULL;
  TRY(get(a, BASE "instance", 0, SMALL_MAX, &reply, why));
  json_t *e = json_object_get(reply, "instance");
  if (!json_is_object(e))
    return odd(why, "/instance", "there is no instance event");
  *event = json_incref(e);
  return OK;
}

enum err api_newest(struct api *a, const char *model, unsigned wait, const char *after,
                    struct state *out, struct why *why)
{
  char path[256];
  json_t *reply = NULL;
  if (wait && after)
    snprintf(path, sizeof path, BASE "models/%s/round?wait=%u&after=%s", model, wait,
             after);
  else
    snprintf(path, sizeof path, BASE "models/%s/round", model);
  TRY(get(a, path, wait, SMALL_MAX, &reply, why));
  return take_state(out, reply, why);
}

enum err api_state(struct api *a, const char *ctx, unsigned wait, enum phase phase,
                   struct state *out, struct why *why)
{
  char path[256];
  json_t *reply = NULL;
  if (wait && phase < PHASES)
    snprintf(path, sizeof path, BASE "rounds/%s?wait=%u&phase=%s", ctx, wait,
             phase_names[phase]);
  else
    snprintf(path, sizeof path, BASE "rounds/%s", ctx);
  TRY(get(a, path, wait, SMALL_MAX, &reply, why));
  return take_state(out, reply, why);
}

enum err api_event(struct api *a, const char *ctx, const char *type, json_t **out,
                   struct why *why)
{
  char path[256];
  AUTO(buf_done) struct buf text = {.max = EVENT_BYTES_MAX};
  struct why bad = {0};
  snprintf(path, sizeof path, "rounds/%s/events/%s", ctx, type);
  TRY(api_bytes(a, path, EVENT_BYTES_MAX, &text, NULL, why));
  if (event_parse(out, buf_bytes(&text), &bad) != OK)
    return odd(why, path, bad.detail);
  return OK;
}

enum err api_list(struct api *a, const char *ctx, const char *what, const char *member,
                  json_t **out, struct why *why)
{
  char path[256];
  AUTO(json_drop) json_t *reply = NULL;
  snprintf(path, sizeof path, BASE "rounds/%s/%s", ctx, what);
  TRY(get(a, path, 0, LIST_MAX, &reply, why));
  json_t *list = json_object_get(reply, member);
  if (!json_is_array(list))
    return odd(why, path, "there is no list");
  *out = json_incref(list);
  return OK;
}

enum err api_spec(struct api *a, const char *model, uint64_t version, struct buf *out,
                  struct why *why)
{
  char path[256];
  if (version)
    snprintf(path, sizeof path, "models/%s/spec?version=%llu", model,
             (unsigned long long)version);
  else
    snprintf(path, sizeof path, "models/%s/spec", model);
  return api_bytes(a, path, SPEC_MAX, out, NULL, why);
}

static enum err get_bytes(struct api *a, const char *path, unsigned wait, size_t max,
                          struct buf *out, char sha256[72], struct why *why)
{
  AUTO(buf_done) struct buf full = {0};
  struct http_reply rp = {0};
  TRY(buf_printf(&full, BASE "%s", path));
  struct http_request rq = {
      .method = "GET", .path = buf_text(&full), .max = max, .wait = wait};
  TRY(reader_call(&a->reader, a->http, &rq, &rp, why));
  buf_done(out);
  *out = rp.body;
  if (sha256)
    snprintf(sha256, 72, "%s", rp.sha256);
  return OK;
}

enum err api_bytes(struct api *a, const char *path, size_t max, struct buf *out,
                   char sha256[72], struct why *why)
{
  return get_bytes(a, path, 0, max, out, sha256, why);
}

/* ---- the log ---- */

#define NOTE_MAX ((size_t)64 << 10)

enum err api_checkpoint(struct api *a, unsigned wait, uint64_t after, struct buf *note,
                        struct why *why)
{
  char path[96] = "log/checkpoint";
  if (wait)
    snprintf(path, sizeof path, "log/checkpoint?wait=%u&after=%llu", wait,
             (unsigned long long)after);
  return get_bytes(a, path, wait, NOTE_MAX, note, NULL, why);
}

enum err api_leaf(struct api *a, const struct digest *hash, uint64_t *leaf,
                  json_t **event, struct why *why)
{
  char path[128], hex[65];
  AUTO(json_drop) json_t *reply = NULL;
  snprintf(path, sizeof path, "log/events/%s", hex_encode(hex, hash->b, 32));
  TRY(api_get(a, path, &reply, why));
  const json_t *n = json_object_get(reply, "leaf");
  json_t *e = json_object_get(reply, "event");
  if ((!json_is_null(n) && (!json_is_integer(n) || json_integer_value(n) < 0)) ||
      !json_is_object(e))
    return odd(why, path, "there is no leaf");
  *leaf = json_is_null(n) ? LEAF_NONE : (uint64_t)json_integer_value(n);
  if (event)
    *event = json_incref(e);
  return OK;
}

static enum err get_path(struct api *a, const char *where, struct digest path[64],
                         unsigned *len, struct why *why)
{
  size_t i;
  json_t *entry;
  AUTO(json_drop) json_t *reply = NULL;
  TRY(get(a, where, 0, SMALL_MAX, &reply, why));
  const json_t *list = json_object_get(reply, "path");
  if (!json_is_array(list) || json_array_size(list) > 64)
    return odd(why, where, "there is no path");
  json_array_foreach ((json_t *)list, i, entry) {
    const char *hex = json_string_value(entry);
    if (!hex || hex_decode(path[i].b, 32, hex) != OK)
      return odd(why, where, "the path holds no hashes");
  }
  *len = (unsigned)i;
  return OK;
}

enum err api_inclusion(struct api *a, uint64_t leaf, uint64_t size,
                       struct digest path[64], unsigned *len, struct why *why)
{
  char where[128];
  snprintf(where, sizeof where, BASE "log/proofs/inclusion?leaf=%llu&size=%llu",
           (unsigned long long)leaf, (unsigned long long)size);
  return get_path(a, where, path, len, why);
}

enum err api_consistency(struct api *a, uint64_t from, uint64_t to,
                         struct digest path[64], unsigned *len, struct why *why)
{
  char where[128];
  snprintf(where, sizeof where, BASE "log/proofs/consistency?from=%llu&to=%llu",
           (unsigned long long)from, (unsigned long long)to);
  return get_path(a, where, path, len, why);
}

enum err api_cosign(struct api *a, struct bytes note, struct why *why)
{
  AUTO(json_drop) json_t *nothing = NULL;
  struct http_request rq = {.method = "POST",
                            .path = BASE "log/cosignatures",
                            .type = "text/plain",
                            .body = note,
                            .max = SMALL_MAX};
  return call(a, &rq, &nothing, why);
}

/* ---- participant ---- */

/* A receipt by the pinned coordinator for what has this hash. */
static enum err check_receipt(const struct api *a, const json_t *receipt,
                              const struct digest *of, struct why *why)
{
  struct receipt_event r;
  struct why odd = {0};
  if (!a->pinned)
    return why_set(why, E_INTERNAL, "", "no instance is pinned");
  if (event_check(receipt, &odd) != OK || receipt_parse(&r, receipt, &odd) != OK)
    return why_set(why, E_REPLY, "receipt", "the server gave no receipt: %s %s",
                   odd.field, odd.detail);
  if (event_verify(receipt, "receipt", &a->coordinator, why) != OK ||
      memcmp(&r.header.instance, &a->instance, sizeof a->instance) != 0)
    return why_set(why, E_CHEAT_KEY, "receipt", "is not signed by the pinned key");
  if (memcmp(&r.of, of, sizeof *of) != 0)
    return why_set(why, E_CHEAT_HISTORY, "receipt", "is for something else");
  return OK;
}

enum err api_enroll(struct api *a, const json_t *event, const char *name,
                    const uint8_t salt[16], json_t **receipt, bool *admitted,
                    struct why *why)
{
  struct digest hash;
  AUTO(json_drop) json_t *reply = NULL;
  AUTO(json_drop)
  json_t *body = json_pack("{s:O,s:s,s:o}", "event", event, "name", name, "salt",
                           json_hex(salt, 16));
  if (!body)
    return why_set(why, E_FIELD_VALUE, "name", "must be UTF-8");
  TRY(event_hash(&hash, event));
  TRY(post(a, BASE "participants", body, &reply, why));
  json_t *r = json_object_get(reply, "receipt");
  TRY(check_receipt(a, r, &hash, why));
  *receipt = json_incref(r);
  *admitted = json_is_true(json_object_get(reply, "admitted"));
  return OK;
}

enum err api_payout(struct api *a, const struct identity *id, const json_t *event,
                    json_t **receipt, struct why *why)
{
  char path[128], hex[65];
  struct digest hash;
  AUTO(json_drop) json_t *reply = NULL;
  AUTO(json_drop) json_t *body = json_pack("{s:O}", "event", event);
  snprintf(path, sizeof path, BASE "participants/%s/payout", hex_encode(hex, id->b, 32));
  TRY(event_hash(&hash, event));
  TRY(post(a, path, body, &reply, why));
  TRY(check_receipt(a, json_object_get(reply, "receipt"), &hash, why));
  *receipt = json_incref(json_object_get(reply, "receipt"));
  return OK;
}

enum err api_send(struct api *a, const char *ctx, const char *what, const json_t *event,
                  json_t *extra, json_t **reply, struct why *why)
{
  char path[256];
  struct digest hash;
  AUTO(json_drop) json_t *body = extra ? json_copy(extra) : json_object();
  AUTO(json_drop) json_t *got = NULL;
  json_object_set(body, "event", (json_t *)event);
  snprintf(path, sizeof path, BASE "rounds/%s/%s", ctx, what);
  TRY(event_hash(&hash, event));
  TRY(post(a, path, body, &got, why));
  TRY(check_receipt(a, json_object_get(got, "receipt"), &hash, why));
  *reply = STEAL(got);
  return OK;
}

/* An address without white space or control characters: it is shown, and opened. */
static bool link_good(const char *link)
{
  size_t len = link ? strlen(link) : 0;
  if (len == 0 || len >= sizeof((struct login_link *)0)->link ||
      (strncmp(link, "http://", 7) != 0 && strncmp(link, "https://", 8) != 0))
    return false;
  for (size_t i = 0; i < len; i++)
    if (link[i] <= ' ' || link[i] > '~')
      return false;
  return true;
}

enum err api_login(struct api *a, const struct identity *id,
                   const struct secret_identity *key, uint64_t time,
                   struct login_link *out, struct why *why)
{
  char path[128], hex[65];
  struct signature sig;
  AUTO(json_drop) json_t *reply = NULL;
  if (!a->pinned)
    return why_set(why, E_INTERNAL, "", "no instance is pinned");
  reader_sign(&sig, "chorus/v1/login\n", &a->instance, time, key);
  AUTO(json_drop)
  json_t *body = json_pack("{s:I,s:o}", "time", (json_int_t)time, "sig",
                           json_hex(sig.b, sizeof sig.b));
  snprintf(path, sizeof path, BASE "participants/%s/login",
           hex_encode(hex, id->b, sizeof id->b));
  TRY(post(a, path, body, &reply, why));
  const char *link = json_string_value(json_object_get(reply, "link"));
  const json_t *expires = json_object_get(reply, "expires_at");
  if (!link_good(link) || !json_is_number(expires))
    return odd(why, path, "there is no link");
  snprintf(out->link, sizeof out->link, "%s", link);
  out->expires_at = json_number_value(expires);
  return OK;
}

void api_authorization(char out[256], const struct digest *ctx, const struct identity *id,
                       const struct secret_identity *key)
{
  static const char label[] = "chorus/v1/fetch\n";
  uint8_t message[sizeof label - 1 + 32];
  struct signature sig;
  char who[65], hex[129];
  memcpy(message, label, sizeof label - 1);
  memcpy(message + sizeof label - 1, ctx->b, 32);
  crypto_sign_detached(sig.b, NULL, message, sizeof message, key->b);
  snprintf(out, 256, "Chorus %s.%s", hex_encode(who, id->b, 32),
           hex_encode(hex, sig.b, 64));
}

enum err api_boxes(struct api *a, const struct digest *ctx, const struct identity *id,
                   const struct secret_identity *key, json_t **out, struct why *why)
{
  char path[128], hex[65], authorization[256];
  api_authorization(authorization, ctx, id, key);
  snprintf(path, sizeof path, BASE "rounds/%s/boxes", hex_encode(hex, ctx->b, 32));
  struct http_request rq = {
      .method = "GET", .path = path, .authorization = authorization, .max = LIST_MAX};
  AUTO(json_drop) json_t *reply = NULL;
  TRY(call(a, &rq, &reply, why));
  json_t *list = json_object_get(reply, "boxes");
  if (!json_is_array(list))
    return odd(why, path, "there are no boxes");
  *out = json_incref(list);
  return OK;
}

/* The receipt member of a reply: absent and null are none. */
static enum err take_receipt(const struct api *a, const json_t *reply,
                             const struct digest *of, json_t **receipt, struct why *why)
{
  json_t *r = json_object_get(reply, "receipt");
  *receipt = NULL;
  if (!r || json_is_null(r))
    return OK;
  TRY(check_receipt(a, r, of, why));
  *receipt = json_incref(r);
  return OK;
}

enum err api_chunk(struct api *a, const char *ctx, const struct identity *id,
                   uint64_t index, struct bytes chunk, const struct digest *update,
                   json_t **receipt, struct why *why)
{
  char path[256], who[65];
  AUTO(json_drop) json_t *reply = NULL;
  snprintf(path, sizeof path, BASE "rounds/%s/updates/%s/chunks/%llu", ctx,
           hex_encode(who, id->b, 32), (unsigned long long)index);
  struct http_request rq = {.method = "PUT",
                            .path = path,
                            .type = "application/octet-stream",
                            .body = chunk,
                            .max = SMALL_MAX};
  TRY(call(a, &rq, &reply, why));
  return take_receipt(a, reply, update, receipt, why);
}

enum err api_progress(struct api *a, const char *ctx, const struct identity *id,
                      const struct digest *update, json_t **missing, json_t **receipt,
                      struct why *why)
{
  char path[256], who[65];
  AUTO(json_drop) json_t *reply = NULL;
  snprintf(path, sizeof path, BASE "rounds/%s/updates/%s", ctx,
           hex_encode(who, id->b, 32));
  TRY(get(a, path, 0, LIST_MAX, &reply, why));
  json_t *list = json_object_get(reply, "missing");
  if (!json_is_array(list))
    return odd(why, path, "there is no list of missing chunks");
  TRY(take_receipt(a, reply, update, receipt, why));
  *missing = json_incref(list);
  return OK;
}

/* ---- administrator ---- */

enum err api_admin_raw(struct api *a, const char *method, const char *path,
                       const char *type, struct bytes body, bool once, json_t **out,
                       struct why *why)
{
  AUTO(buf_done) struct buf full = {0}, bearer = {0};
  if (!a->token)
    return why_set(why, E_UNAUTHENTICATED, "token",
                   "give an administrator's token with --token-file or CHORUS_TOKEN");
  TRY(buf_printf(&full, BASE "%s", path));
  TRY(buf_printf(&bearer, "Bearer %s", a->token));
  struct http_request rq = {.method = method,
                            .path = buf_text(&full),
                            .type = type,
                            .body = body,
                            .authorization = buf_text(&bearer),
                            .max = LIST_MAX,
                            .once = once};
  enum err e = call(a, &rq, out, why);
  sodium_memzero(bearer.data, bearer.len);
  return e;
}

enum err api_admin(struct api *a, const char *method, const char *path,
                   const json_t *body, bool once, json_t **out, struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  if (body && json_dump_callback(body, append, &text, JSON_COMPACT) != 0)
    return why_set(why, E_TOO_LARGE, "", "the message is too large");
  return api_admin_raw(a, method, path, body ? "application/json" : NULL,
                       buf_bytes(&text), once, out, why);
}
