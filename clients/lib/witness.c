/* SPDX-License-Identifier: Apache-2.0
 * Naming witnesses, counting their cosignatures, giving one. */
#include "clients/lib/witness.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "util/field.h"
#include "util/text.h"

#define LIST_MAX ((size_t)64 << 10)

/* ---- whom the user names ---- */

void witnesses_done(struct witnesses *l)
{
  free(l->keys);
  *l = (struct witnesses){0};
}

static bool same_key(const struct note_key *a, const struct note_key *b)
{
  return memcmp(&a->key, &b->key, sizeof a->key) == 0;
}

enum err witnesses_add(struct witnesses *l, const char *vkey, struct why *why)
{
  struct note_key key;
  struct why inner = {0};
  if (note_key_parse(&key, vkey, &inner) != OK || key.kind != NOTE_COSIGNATURE)
    return why_set(why, E_USAGE, "witness", "%.60s is no verifier key of a witness: %s",
                   vkey, *inner.detail ? inner.detail : "it is of another kind");
  for (unsigned i = 0; i < l->len; i++)
    if (same_key(&l->keys[i], &key))
      return OK;
  if (l->len == WITNESSES_MAX)
    return why_set(why, E_USAGE, "witness", "there can be at most %u", WITNESSES_MAX);
  l->keys = must_realloc(l->keys, l->len + 1, sizeof *l->keys);
  l->keys[l->len++] = key;
  return OK;
}

enum err witnesses_load(struct witnesses *l, struct home *h, struct why *why)
{
  AUTO(buf_done) struct buf text = {.max = LIST_MAX};
  enum err e = home_read(h, "witnesses", &text, why);
  if (e == E_NOT_FOUND || (e == OK && !text.data))
    return OK;
  TRY(e);
  char *rest = (char *)text.data, *line;
  while ((line = strsep(&rest, "\n"))) {
    line += strspn(line, " \t\r");
    size_t len = strcspn(line, " \t\r#");
    line[len] = '\0';
    if (len)
      TRY(witnesses_add(l, line, why));
  }
  return OK;
}

/* ---- counting ---- */

/* Whether this note shows that the witness saw the event in our log. */
static enum err cosigned(const struct note_key *key, struct watch *w, const char *text,
                         const json_t *event, bool *yes, struct why *why)
{
  struct checkpoint c;
  struct note n;
  struct bytes note = BYTES(text, strlen(text));
  bool known;
  uint64_t leaf;
  *yes = false;
  if (checkpoint_open(&c, note, &w->key, NULL) != OK ||
      note_parse(&n, note, NULL) != OK || note_verify(&n, key, NULL) != OK)
    return OK;
  TRY(watch_compare(w, &c, note, &known, why));
  if (!known)
    return OK;
  enum err e = watch_find(w, &c, event, &leaf, why);
  if (e != OK && e != E_NOT_FOUND && e != E_PROOF)
    return e;
  *yes = e == OK;
  return OK;
}

/* The newest checkpoint that this witness cosigned, as the server lists it. */
static const char *note_of(const json_t *list, const struct note_key *key)
{
  size_t i;
  json_t *entry;
  json_array_foreach ((json_t *)list, i, entry) {
    struct note_key theirs;
    const char *vkey = json_string_value(json_object_get(entry, "key"));
    if (vkey && note_key_parse(&theirs, vkey, NULL) == OK && same_key(&theirs, key))
      return json_string_value(json_object_get(entry, "checkpoint"));
  }
  return NULL;
}

enum err witnesses_count(const struct witnesses *l, struct watch *w, const json_t *event,
                         unsigned *have, struct why *why)
{
  AUTO(json_drop) json_t *list = NULL;
  unsigned count = 0;
  TRY(watch_refresh(w, 0, why));
  TRY(api_all(w->api, "log/witnesses", "witnesses", &list, why));
  for (unsigned i = 0; i < l->len; i++) {
    bool yes = false;
    const char *note = note_of(list, &l->keys[i]);
    if (note)
      TRY(cosigned(&l->keys[i], w, note, event, &yes, why));
    count += yes;
  }
  *have = count;
  return OK;
}

/* ---- being one ---- */

/* The checkpoint with the log's own signature and nobody else's. */
static enum err bare_note(const struct watch *w, struct note *n, struct buf *out)
{
  struct bytes rest, line, name;
  uint8_t id[4];
  TRY(note_parse(n, buf_bytes(&w->note), NULL));
  TRY(buf_put(out, n->text.data, n->text.len));
  TRY(buf_puts(out, "\n"));
  rest = n->signatures;
  while (note_next(&rest, &line, &name, id))
    if (memcmp(id, w->key.id, sizeof id) == 0 &&
        bytes_equal(name, BYTES(w->key.name, strlen(w->key.name))))
      TRY(buf_put(out, line.data, line.len));
  return OK;
}

enum err witness_cosign(const struct watch *w, const struct note_key *key,
                        const struct secret_identity *secret, uint64_t time,
                        struct why *why)
{
  AUTO(buf_done) struct buf note = {0};
  struct note n;
  TRY(bare_note(w, &n, &note));
  TRY(note_sign(&note, n.text, key, secret, time));
  return api_cosign(w->api, buf_bytes(&note), why);
}

/* Names may hold what file names may not. */
static const char *file_name(char out[33], const char *name)
{
  struct digest hash;
  crypto_hash_sha256(hash.b, (const uint8_t *)name, strlen(name));
  return hex_encode(out, hash.b, 16);
}

void witness_path(char out[256], const struct pin *p, const struct note_key *key)
{
  char name[33];
  snprintf(out, 256, "logs/%s/cosigned-%s", p->hex, file_name(name, key->name));
}

static enum err make_key(struct home *h, const char *path, const char *name,
                         struct identity *id, struct secret_identity *secret,
                         struct why *why)
{
  char hex[129];
  identity_make(id, secret);
  AUTO(json_drop)
  json_t *json = json_pack("{s:s,s:o,s:s}", "name", name, "key", json_hex(id->b, 32),
                           "secret", hex_encode(hex, secret->b, 64));
  enum err e = home_write_json(h, path, json, true, why);
  sodium_memzero(hex, sizeof hex);
  return e;
}

enum err witness_key(struct note_key *key, struct secret_identity *secret, struct home *h,
                     const char *name, struct why *why)
{
  char path[96], file[33];
  const char *is;
  struct identity id;
  struct secret_identity s = {0};
  AUTO(json_drop) json_t *json = NULL;
  if (!note_name_valid(name))
    return why_set(why, E_USAGE, "--name",
                   "must be 1 to %u bytes without white space and plus", NOTE_NAME_MAX);
  snprintf(path, sizeof path, "witness/%s.json", file_name(file, name));
  const struct field fields[] = {FIELD_STRING("name", &is, 1, NOTE_NAME_MAX),
                                 FIELD_HEX("key", id.b), FIELD_HEX("secret", s.b),
                                 FIELD_END};
  enum err e = home_read_json(h, path, &json, why);
  if (e == E_NOT_FOUND)
    e = make_key(h, path, name, &id, &s, why);
  else if (e == OK && (field_read(json, fields, NULL) != OK || strcmp(is, name) != 0 ||
                       memcmp(s.b + 32, id.b, 32) != 0))
    e = why_set(why, E_STATE, path, "is damaged");
  if (e == OK)
    e = note_key_make(key, name, NOTE_COSIGNATURE, &id);
  if (e == OK)
    *secret = s;
  sodium_memzero(&s, sizeof s);
  return e;
}
