/* SPDX-License-Identifier: Apache-2.0
 * Canonical events and their signatures. */
#include "core/event.h"

#include <sodium.h>
#include <string.h>

#include "util/field.h"
#include "util/text.h"

#define DEPTH_MAX 8
#define INTEGER_MAX 9007199254740991LL /* 2^53 - 1 */
#define SIG_BYTES 137u                 /* "sig":"128 digits", */
#define LABEL_MAX 64u

static enum err check_string(const char *s, size_t len, struct why *why)
{
  for (size_t i = 0; i < len; i++)
    if (s[i] < 0x20 || s[i] > 0x7e)
      return why_set(why, E_CANONICAL, "", "strings hold only U+0020 to U+007E");
  return OK;
}

static enum err check_value(const json_t *v, unsigned depth, struct why *why)
{
  if (depth > DEPTH_MAX)
    return why_set(why, E_CANONICAL, "", "nested more than %d deep", DEPTH_MAX);
  switch (json_typeof(v)) {
  case JSON_OBJECT: {
    const char *key;
    json_t *member;
    json_object_foreach ((json_t *)v, key, member) {
      TRY(check_string(key, strlen(key), why));
      TRY(check_value(member, depth + 1, why));
    }
    return OK;
  }
  case JSON_ARRAY: {
    size_t i;
    json_t *entry;
    json_array_foreach (v, i, entry)
      TRY(check_value(entry, depth + 1, why));
    return OK;
  }
  case JSON_STRING:
    return check_string(json_string_value(v), json_string_length(v), why);
  case JSON_INTEGER: {
    json_int_t n = json_integer_value(v);
    if (n < -INTEGER_MAX || n > INTEGER_MAX)
      return why_set(why, E_CANONICAL, "", "integers lie within 2^53-1");
    return OK;
  }
  case JSON_REAL:
    return why_set(why, E_CANONICAL, "", "there are no floating-point numbers");
  case JSON_TRUE:
  case JSON_FALSE:
  case JSON_NULL:
    return OK;
  }
  return E_INTERNAL;
}

enum err event_check(const json_t *event, struct why *why)
{
  if (!json_is_object(event))
    return why_set(why, E_CANONICAL, "", "an event is an object");
  return check_value(event, 1, why);
}

/* With ASCII strings jansson's compact, sorted output is what RFC 8785 asks for: members
 * in code unit order, only '"' and '\' escaped, integers in plain decimal. */
static int append(const char *data, size_t len, void *out)
{
  return buf_put(out, data, len) == OK ? 0 : -1;
}

static enum err dump(struct buf *out, const json_t *event)
{
  size_t before = out->len;
  if (json_dump_callback(event, append, out, JSON_COMPACT | JSON_SORT_KEYS) != 0) {
    out->len = before;
    return E_TOO_LARGE;
  }
  return OK;
}

enum err event_canonical(struct buf *out, const json_t *event, bool with_sig)
{
  if (with_sig || !json_object_get(event, "sig"))
    return dump(out, event);
  AUTO(json_drop) json_t *bare = json_copy((json_t *)event);
  json_object_del(bare, "sig");
  return dump(out, bare);
}

enum err event_parse(json_t **out, struct bytes text, struct why *why)
{
  AUTO(json_drop) json_t *event = NULL;
  AUTO(buf_done) struct buf again = {.max = EVENT_BYTES_MAX};
  TRY(json_parse(&event, text, EVENT_BYTES_MAX, why));
  TRY(event_check(event, why));
  TRY(event_canonical(&again, event, true));
  if (!bytes_equal(buf_bytes(&again), text))
    return why_set(why, E_CANONICAL, "", "the bytes differ from their canonical form");
  *out = STEAL(event);
  return OK;
}

/* The bytes that are hashed and signed: label, then the event without its signature.
 * Every event that is stored has come through here, so here is where its size is limited.
 */
static enum err signed_bytes(struct buf *out, const char *label, const json_t *event)
{
  if (label) {
    TRY(buf_puts(out, label));
  } else {
    const char *type = json_string_value(json_object_get(event, "type"));
    if (!type)
      return E_FIELD_MISSING;
    TRY(buf_printf(out, "chorus/v1/%s\n", type));
  }
  size_t start = out->len;
  TRY(event_canonical(out, event, false));
  return out->len - start <= EVENT_BYTES_MAX - SIG_BYTES ? OK : E_TOO_LARGE;
}

enum err event_hash_as(struct digest *out, const char *label, const json_t *event)
{
  AUTO(buf_done) struct buf b = {.max = EVENT_BYTES_MAX + LABEL_MAX};
  TRY(signed_bytes(&b, label, event));
  crypto_hash_sha256(out->b, b.data, b.len);
  return OK;
}

enum err event_hash(struct digest *out, const json_t *event)
{
  return event_hash_as(out, NULL, event);
}

enum err event_sign(json_t *event, const struct secret_identity *key)
{
  AUTO(buf_done) struct buf b = {.max = EVENT_BYTES_MAX + LABEL_MAX};
  struct signature sig;
  TRY(signed_bytes(&b, NULL, event));
  crypto_sign_detached(sig.b, NULL, b.data, b.len, key->b);
  json_object_set_new(event, "sig", json_hex(sig.b, sizeof sig.b));
  return OK;
}

enum err event_verify(const json_t *event, const char *type, const struct identity *key,
                      struct why *why)
{
  const char *is = json_string_value(json_object_get(event, "type"));
  const char *hex = json_string_value(json_object_get(event, "sig"));
  struct signature sig;
  if (!is || strcmp(is, type) != 0)
    return why_set(why, E_FIELD_VALUE, "type", "must be \"%s\"", type);
  if (!hex)
    return why_set(why, E_FIELD_MISSING, "sig", "is required");
  if (hex_decode(sig.b, sizeof sig.b, hex) != OK)
    return why_set(why, E_FIELD_VALUE, "sig", "must be exactly 128 lowercase hex digits");
  AUTO(buf_done) struct buf b = {.max = EVENT_BYTES_MAX + LABEL_MAX};
  if (signed_bytes(&b, NULL, event) != OK)
    return why_set(why, E_TOO_LARGE, "", "an event has at most %zu bytes",
                   EVENT_BYTES_MAX);
  if (!identity_signed(key, buf_bytes(&b), &sig))
    return why_set(why, E_SIGNATURE, "sig", "does not fit the key and the event");
  return OK;
}

/* libsodium refuses S >= L, non-canonical and small-order keys, small-order R, and
 * compares R byte by byte without the cofactor: the checks of section 1.2. */
bool identity_signed(const struct identity *key, struct bytes text,
                     const struct signature *sig)
{
  return crypto_sign_verify_detached(sig->b, text.data, text.len, key->b) == 0;
}

void identity_make(struct identity *id, struct secret_identity *key)
{
  crypto_sign_keypair(id->b, key->b);
}
