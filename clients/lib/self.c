/* SPDX-License-Identifier: Apache-2.0
 * Identity, pins, memberships, knowledge of results. */
#include "clients/lib/self.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "util/field.h"
#include "util/text.h"

#define PATH_ROOM 256

/* ---- identity ---- */

void self_done(struct self *s)
{
  sodium_memzero(s, sizeof *s);
}

enum err self_make(struct self *out, struct home *h, struct why *why)
{
  struct self s;
  char hex[129];
  if (home_has(h, "identity.json"))
    return why_set(why, E_CONFLICT, home_path(h),
                   "there is a key already; it is kept, for it is your identity");
  identity_make(&s.id, &s.key);
  AUTO(json_drop)
  json_t *json = json_pack("{s:o,s:s}", "participant", json_hex(s.id.b, 32), "secret",
                           hex_encode(hex, s.key.b, 64));
  enum err e = home_write_json(h, "identity.json", json, true, why);
  sodium_memzero(hex, sizeof hex);
  if (e == OK)
    *out = s;
  self_done(&s);
  return e;
}

enum err self_load(struct self *out, struct home *h, struct why *why)
{
  struct self s = {0};
  AUTO(json_drop) json_t *json = NULL;
  const struct field fields[] = {FIELD_HEX("participant", s.id.b),
                                 FIELD_HEX("secret", s.key.b), FIELD_END};
  enum err e = home_read_json(h, "identity.json", &json, why);
  if (e == E_NOT_FOUND)
    return why_set(why, E_NOT_ENROLLED, home_path(h),
                   "there is no key here yet: chorus enroll LINK --name NAME makes one");
  TRY(e);
  if (field_read(json, fields, NULL) != OK || memcmp(s.key.b + 32, s.id.b, 32) != 0)
    e = why_set(why, E_STATE, "identity.json", "is damaged");
  else
    *out = s;
  self_done(&s);
  return e;
}

/* ---- pins ---- */

void pin_done(struct pin *p)
{
  json_decref(p->event);
  *p = (struct pin){0};
}

static enum err pin_read(struct pin *p, json_t *event, const char *address,
                         struct why *why)
{
  p->event = json_incref(event);
  snprintf(p->address, sizeof p->address, "%s", address);
  if (event_check(event, why) != OK || instance_parse(&p->instance, event, why) != OK ||
      event_verify(event, "instance", &p->instance.coordinator, why) != OK)
    return E_CHEAT_KEY;
  TRY(event_hash(&p->hash, event));
  hex_encode(p->hex, p->hash.b, sizeof p->hash.b);
  return OK;
}

static enum err another_instance(struct why *why)
{
  return why_set(why, E_CHEAT_KEY, "instance",
                 "the server shows another instance than the one your invite names");
}

enum err pin_make(struct pin *out, struct home *h, struct api *a, const char *address,
                  const struct digest *hash, struct why *why)
{
  char path[PATH_ROOM];
  AUTO(pin_done) struct pin p = {0};
  AUTO(json_drop) json_t *event = NULL;
  TRY(api_instance(a, &event, why));
  TRY(pin_read(&p, event, address, why));
  if (hash && memcmp(hash, &p.hash, sizeof *hash) != 0)
    return another_instance(why);
  AUTO(json_drop)
  json_t *json = json_pack("{s:s,s:O}", "address", address, "event", event);
  snprintf(path, sizeof path, "instances/%s.json", p.hex);
  TRY(home_write_json(h, path, json, false, why));
  *out = p;
  p.event = NULL;
  return OK;
}

enum err pin_load(struct pin *out, struct home *h, const char *hex, struct why *why)
{
  char path[PATH_ROOM];
  AUTO(pin_done) struct pin p = {0};
  AUTO(json_drop) json_t *json = NULL;
  snprintf(path, sizeof path, "instances/%.64s.json", hex);
  TRY(home_read_json(h, path, &json, why));
  json_t *event = json_object_get(json, "event");
  const char *address = json_string_value(json_object_get(json, "address"));
  if (!event || !address || pin_read(&p, event, address, NULL) != OK ||
      strcmp(p.hex, hex) != 0)
    return why_set(why, E_STATE, path, "is damaged");
  *out = p;
  p.event = NULL;
  return OK;
}

enum err pin_confirm(const struct pin *p, struct api *a, struct why *why)
{
  struct digest hash;
  AUTO(json_drop) json_t *event = NULL;
  TRY(api_instance(a, &event, why));
  if (event_check(event, NULL) != OK || event_hash(&hash, event) != OK ||
      memcmp(&hash, &p->hash, sizeof hash) != 0)
    return another_instance(why);
  a->pinned = true;
  a->instance = p->hash;
  a->coordinator = p->instance.coordinator;
  return OK;
}

/* ---- memberships ---- */

void membership_done(struct membership *m)
{
  json_decref(m->json);
  *m = (struct membership){0};
}

/* folder: "members", or "invites" while it is not known whether the server took it */
static void membership_path(char out[PATH_ROOM], const char *folder, const char *instance,
                            const char *model)
{
  snprintf(out, PATH_ROOM, "%s/%s.%s.json", folder, instance, model);
}

static enum err membership_read(struct membership *out, struct home *h, const char *path,
                                struct why *why)
{
  AUTO(json_drop) json_t *json = NULL;
  TRY(home_read_json(h, path, &json, why));
  const char *instance = json_string_value(json_object_get(json, "instance"));
  const char *model = json_string_value(json_object_get(json, "model"));
  if (!instance || strlen(instance) != 64 || !model || !slug_valid(model) ||
      !json_is_string(json_object_get(json, "address")) ||
      !json_is_object(json_object_get(json, "event")))
    return why_set(why, E_STATE, path, "is damaged");
  snprintf(out->instance, sizeof out->instance, "%s", instance);
  snprintf(out->model, sizeof out->model, "%s", model);
  out->json = STEAL(json);
  return OK;
}

enum err membership_save(struct home *h, const struct membership *m, struct why *why)
{
  char path[PATH_ROOM];
  membership_path(path, "members", m->instance, m->model);
  TRY(home_write_json(h, path, m->json, false, why));
  membership_path(path, "invites", m->instance, m->model);
  return home_remove(h, path, why);
}

static json_t *enroll_event(const struct self *self, const struct invite_link *link,
                            const char *payout, const uint8_t invite[32],
                            const struct digest *name)
{
  json_t *e = message_start("enroll", &link->instance, NULL, NULL, &self->id);
  json_object_set_new(e, "organisation", json_hex(link->organisation.b, 16));
  json_object_set_new(e, "payout", payout ? json_string(payout) : json_null());
  json_object_set_new(e, "invite", json_hex(invite, 32));
  json_object_set_new(e, "name", json_hex(name->b, 32));
  return e;
}

/* Whether a stored enrolment answers this invite. */
static bool answers(const struct membership *m, const uint8_t invite[32])
{
  char hex[65];
  const char *is =
      json_string_value(json_object_get(json_object_get(m->json, "event"), "invite"));
  return is && strcmp(is, hex_encode(hex, invite, 32)) == 0;
}

static void invite_mac(uint8_t out[32], const struct self *self,
                       const struct invite_link *link)
{
  crypto_auth_hmacsha256_state mac;
  crypto_auth_hmacsha256_init(&mac, link->code, sizeof link->code);
  crypto_auth_hmacsha256_update(&mac, self->id.b, sizeof self->id.b);
  crypto_auth_hmacsha256_final(&mac, out);
}

static json_t *membership_json(const struct membership *m, const struct invite_link *link,
                               const json_t *event, const char *name,
                               const uint8_t salt[16])
{
  return json_pack("{s:s,s:s,s:s,s:O,s:O,s:s,s:o,s:n,s:b}", "address", link->address,
                   "model", m->model, "instance", m->instance, "organisation",
                   json_object_get(event, "organisation"), "event", event, "name", name,
                   "salt", json_hex(salt, 16), "receipt", "admitted", 0);
}

/* A fresh enrolment, stored before it is sent. */
static enum err membership_fresh(struct membership *m, struct home *h,
                                 const struct self *self, const struct invite_link *link,
                                 const char *name, const char *payout,
                                 const uint8_t invite[32], struct why *why)
{
  uint8_t salt[16];
  struct digest hash;
  char path[PATH_ROOM];
  crypto_hash_sha256_state sha;
  randombytes_buf(salt, sizeof salt);
  crypto_hash_sha256_init(&sha);
  crypto_hash_sha256_update(&sha, salt, sizeof salt);
  crypto_hash_sha256_update(&sha, (const uint8_t *)name, strlen(name));
  crypto_hash_sha256_final(&sha, hash.b);
  AUTO(json_drop) json_t *event = enroll_event(self, link, payout, invite, &hash);
  TRY(event_sign(event, &self->key));
  m->json = membership_json(m, link, event, name, salt);
  if (!m->json)
    return why_set(why, E_USAGE, "--name", "must be UTF-8");
  membership_path(path, "invites", m->instance, m->model);
  return home_write_json(h, path, m->json, false, why);
}

/* The enrolment at this instance that the server took, for whichever model. */
static enum err enrolled_at(struct membership *out, struct home *h, const char *instance,
                            struct why *why)
{
  AUTO(json_drop) json_t *names = NULL;
  size_t i;
  json_t *name;
  TRY(home_list(h, "members", &names, why));
  json_array_foreach (names, i, name) {
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "members/%.200s", json_string_value(name));
    if (strncmp(json_string_value(name), instance, 64) == 0)
      return membership_read(out, h, path, why);
  }
  return E_NOT_FOUND;
}

enum err membership_make(struct membership *out, bool *before, struct home *h,
                         const struct self *self, const struct invite_link *link,
                         const char *name, const char *payout, struct why *why)
{
  uint8_t invite[32];
  char path[PATH_ROOM];
  AUTO(membership_done) struct membership m = {0}, old = {0};
  invite_mac(invite, self, link);
  hex_encode(m.instance, link->instance.b, 32);
  snprintf(m.model, sizeof m.model, "%s", link->model);
  enum err e = enrolled_at(&old, h, m.instance, why);
  if (e != OK && e != E_NOT_FOUND)
    return e;
  *before = e == OK && !answers(&old, invite);
  membership_path(path, e == OK ? "members" : "invites", m.instance, m.model);
  e = membership_read(&m, h, path, why);
  if (e != OK && e != E_NOT_FOUND)
    return e;
  if (*before && e == E_NOT_FOUND) {
    m.json = json_deep_copy(old.json);
    json_object_set_new(m.json, "model", json_string(m.model));
    json_object_set_new(m.json, "admitted", json_false());
    TRY(membership_save(h, &m, why));
  } else if (!*before && (e == E_NOT_FOUND || !answers(&m, invite))) {
    membership_done(&m);
    hex_encode(m.instance, link->instance.b, 32);
    snprintf(m.model, sizeof m.model, "%s", link->model);
    TRY(membership_fresh(&m, h, self, link, name, payout, invite, why));
  }
  *out = m;
  m.json = NULL;
  return OK;
}

enum err membership_find(struct membership *out, struct home *h, const char *model,
                         const char *server, struct why *why)
{
  AUTO(json_drop) json_t *names = NULL;
  AUTO(membership_done) struct membership found = {0};
  size_t i;
  json_t *name;
  TRY(home_list(h, "members", &names, why));
  json_array_foreach (names, i, name) {
    char path[PATH_ROOM];
    AUTO(membership_done) struct membership m = {0};
    snprintf(path, sizeof path, "members/%.200s", json_string_value(name));
    TRY(membership_read(&m, h, path, why));
    const char *address = json_string_value(json_object_get(m.json, "address"));
    if (strcmp(m.model, model) != 0 || (server && strcmp(server, address) != 0))
      continue;
    if (found.json)
      return why_set(why, E_USAGE, "--server",
                     "two servers have a model of that name: say which one");
    found = m;
    m.json = NULL;
  }
  if (!found.json)
    return why_set(why, E_NOT_ENROLLED, model,
                   "you are no member of this model yet: chorus enroll LINK --name NAME");
  *out = found;
  found.json = NULL;
  return OK;
}

enum err membership_list(struct home *h, json_t **out, struct why *why)
{
  AUTO(json_drop) json_t *names = NULL;
  AUTO(json_drop) json_t *list = json_array();
  size_t i;
  json_t *name;
  TRY(home_list(h, "members", &names, why));
  json_array_foreach (names, i, name) {
    char path[PATH_ROOM];
    AUTO(membership_done) struct membership m = {0};
    snprintf(path, sizeof path, "members/%.200s", json_string_value(name));
    TRY(membership_read(&m, h, path, why));
    json_array_append_new(list, json_pack("{s:s,s:s,s:O,s:O,s:O}", "instance", m.instance,
                                          "model", m.model, "address",
                                          json_object_get(m.json, "address"), "admitted",
                                          json_object_get(m.json, "admitted"), "name",
                                          json_object_get(m.json, "name")));
  }
  *out = STEAL(list);
  return OK;
}

/* ---- what is known ---- */

void known_done(struct known *k)
{
  json_decref(k->json);
  k->json = NULL;
}

static void known_path(char out[PATH_ROOM], const struct pin *p, const char *model)
{
  snprintf(out, PATH_ROOM, "models/%s.%s.json", p->hex, model);
}

enum err known_load(struct known *out, struct home *h, const struct pin *p,
                    const char *model, struct why *why)
{
  char path[PATH_ROOM];
  AUTO(json_drop) json_t *json = NULL;
  known_path(path, p, model);
  enum err e = home_read_json(h, path, &json, why);
  if (e == E_NOT_FOUND)
    json = json_pack("{s:i,s:[]}", "round", 0, "agreed");
  else
    TRY(e);
  if (!json_is_integer(json_object_get(json, "round")) ||
      !json_is_array(json_object_get(json, "agreed")))
    return why_set(why, E_STATE, path, "is damaged");
  out->json = STEAL(json);
  return OK;
}

enum err known_save(struct home *h, const struct known *k, const struct pin *p,
                    const char *model, struct why *why)
{
  char path[PATH_ROOM];
  known_path(path, p, model);
  return home_write_json(h, path, k->json, false, why);
}

uint64_t known_round(const struct known *k)
{
  return (uint64_t)json_integer_value(json_object_get(k->json, "round"));
}

bool known_agreed(const struct known *k, const struct digest *spec)
{
  char hex[65];
  size_t i;
  json_t *entry;
  hex_encode(hex, spec->b, 32);
  json_array_foreach (json_object_get(k->json, "agreed"), i, entry) {
    const char *one = json_string_value(entry);
    if (one && strcmp(one, hex) == 0)
      return true;
  }
  return false;
}

void known_agree(struct known *k, const struct digest *spec)
{
  if (!known_agreed(k, spec))
    json_array_append_new(json_object_get(k->json, "agreed"), json_hex(spec->b, 32));
}

void known_result(struct known *k, uint64_t round, const struct digest *ctx,
                  const struct digest *result, const struct digest *sha256,
                  const struct digest *spec)
{
  if (round <= known_round(k))
    return;
  json_object_set_new(k->json, "round", json_integer((json_int_t)round));
  json_object_set_new(k->json, "ctx", json_hex(ctx->b, 32));
  json_object_set_new(k->json, "result", json_hex(result->b, 32));
  json_object_set_new(k->json, "sha256", json_hex(sha256->b, 32));
  json_object_set_new(k->json, "spec", json_hex(spec->b, 32));
}
