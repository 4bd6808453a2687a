/* SPDX-License-Identifier: Apache-2.0
 * Signed notes, checkpoints, cosignatures. */
#include "ledger/note.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/event.h"
#include "ledger/tile.h"
#include "util/text.h"

#define ID_BYTES 4u
#define TIME_BYTES 8u
#define TIME_MAX ((uint64_t)INT64_MAX)
#define DASH "\xe2\x80\x94 " /* em dash and space: how a signature line starts */

static enum err bad(struct why *why, size_t line, const char *text)
{
  char place[32];
  snprintf(place, sizeof place, "line %zu", line);
  return why_set(why, E_NOTE, place, "%s", text);
}

/* --- text --- */

static uint32_t rune_of(const uint8_t *p, size_t len)
{
  uint32_t rune = len == 1 ? p[0] : p[0] & (0x7fu >> len);
  for (size_t i = 1; i < len; i++)
    rune = rune << 6 | (p[i] & 0x3f);
  return rune;
}

/* The characters with Unicode's property White_Space. */
static bool is_space(uint32_t rune)
{
  static const uint32_t others[] = {0x85,   0xa0,   0x1680, 0x2028,
                                    0x2029, 0x202f, 0x205f, 0x3000};
  for (size_t i = 0; i < LENGTH(others); i++)
    if (rune == others[i])
      return true;
  return rune == ' ' || (rune >= '\t' && rune <= '\r') ||
         (rune >= 0x2000 && rune <= 0x200a);
}

static bool name_valid(struct bytes name)
{
  for (size_t i = 0, n; i < name.len; i += n) {
    n = utf8_sequence(name.data + i, name.len - i);
    if (n == 0)
      return false;
    uint32_t rune = rune_of(name.data + i, n);
    if (rune < ' ' || rune == '+' || is_space(rune))
      return false;
  }
  return name.len > 0;
}

static enum err check_text(struct bytes text, struct why *why)
{
  size_t line = 1;
  for (size_t i = 0, n; i < text.len; i += n) {
    n = utf8_sequence(text.data + i, text.len - i);
    if (n == 0)
      return bad(why, line, "is not UTF-8");
    if (text.data[i] < ' ' && text.data[i] != '\n')
      return bad(why, line, "holds a control character");
    line += text.data[i] == '\n';
  }
  return OK;
}

/* Takes what stands before the next `end` off *rest; false when there is none. */
static bool take(struct bytes *rest, char end, struct bytes *part)
{
  const uint8_t *p = rest->len ? memchr(rest->data, end, rest->len) : NULL;
  if (!p)
    return false;
  size_t len = (size_t)(p - rest->data);
  *part = BYTES(rest->data, len);
  *rest = BYTES(p + 1, rest->len - len - 1);
  return true;
}

/* --- keys --- */

bool note_name_valid(const char *name)
{
  size_t len = strlen(name);
  return len <= NOTE_NAME_MAX && name_valid(BYTES(name, len));
}

enum err note_key_make(struct note_key *out, const char *name, enum note_kind kind,
                       const struct identity *key)
{
  if (!note_name_valid(name))
    return E_FIELD_VALUE;
  const uint8_t middle[2] = {'\n', (uint8_t)kind};
  struct digest h;
  crypto_hash_sha256_state s;
  crypto_hash_sha256_init(&s);
  crypto_hash_sha256_update(&s, (const uint8_t *)name, strlen(name));
  crypto_hash_sha256_update(&s, middle, sizeof middle);
  crypto_hash_sha256_update(&s, key->b, sizeof key->b);
  crypto_hash_sha256_final(&s, h.b);
  *out = (struct note_key){.kind = kind, .key = *key};
  memcpy(out->name, name, strlen(name) + 1);
  memcpy(out->id, h.b, sizeof out->id);
  return OK;
}

enum err note_key_format(struct buf *out, const struct note_key *key)
{
  uint8_t material[1 + sizeof key->key] = {(uint8_t)key->kind};
  char id[2 * ID_BYTES + 1];
  memcpy(material + 1, key->key.b, sizeof key->key);
  TRY(buf_printf(out, "%s+%s+", key->name, hex_encode(id, key->id, sizeof key->id)));
  return base64_encode(out, BYTES_OF(material));
}

enum err note_key_parse(struct note_key *out, const char *text, struct why *why)
{
  AUTO(buf_done) struct buf material = {.max = NOTE_NAME_MAX};
  struct bytes rest = BYTES(text, strlen(text)), name, id;
  struct note_key key;
  struct identity public;
  char copy[NOTE_NAME_MAX + 1] = "", hex[2 * ID_BYTES + 1] = "";
  uint8_t given[ID_BYTES];
  if (!take(&rest, '+', &name) || !take(&rest, '+', &id) || name.len > NOTE_NAME_MAX ||
      id.len != 2 * ID_BYTES || base64_read(&material, rest) != OK)
    return bad(why, 1, "must be NAME+ID+KEY: 8 lowercase hex digits, base64");
  memcpy(copy, name.data, name.len);
  memcpy(hex, id.data, id.len);
  if (material.len != 1 + sizeof public ||
      (material.data[0] != NOTE_ED25519 && material.data[0] != NOTE_COSIGNATURE))
    return bad(why, 1, "holds no Ed25519 key of type 1 or 4");
  memcpy(public.b, material.data + 1, sizeof public);
  if (note_key_make(&key, copy, (enum note_kind)material.data[0], &public) != OK)
    return bad(why, 1, "the name is empty or holds white space");
  if (hex_decode(given, sizeof given, hex) != OK ||
      memcmp(given, key.id, sizeof given) != 0)
    return bad(why, 1, "the ID is not that of this name and key");
  *out = key;
  return OK;
}

/* --- notes --- */

/* Splits a line without its newline. `sig` is filled with key id and signature. */
static const char *split_line(struct bytes line, struct bytes *name, struct buf *sig)
{
  size_t dash = strlen(DASH);
  if (line.len < dash || memcmp(line.data, DASH, dash) != 0)
    return "must start with an em dash and a space";
  struct bytes rest = BYTES(line.data + dash, line.len - dash);
  if (!take(&rest, ' ', name) || !name_valid(*name))
    return "must name a key, without white space and plus, before the signature";
  if (base64_read(sig, rest) != OK || sig->len <= ID_BYTES)
    return "must end with a key's id and signature in base64";
  return NULL;
}

static enum err check_line(struct bytes line, size_t number, struct why *why)
{
  AUTO(buf_done) struct buf sig = {.max = NOTE_BYTES_MAX};
  struct bytes name;
  const char *wrong = split_line(line, &name, &sig);
  return wrong ? bad(why, number, wrong) : OK;
}

enum err note_parse(struct note *out, struct bytes bytes, struct why *why)
{
  struct note n = {.text = bytes};
  struct bytes rest, line;
  size_t number = 1, lines = 0;
  if (bytes.len > NOTE_BYTES_MAX)
    return why_set(why, E_NOTE, "", "a note has at most %u bytes", NOTE_BYTES_MAX);
  TRY(check_text(bytes, why));
  size_t at = bytes.len;
  while (at >= 2 && memcmp(bytes.data + at - 2, "\n\n", 2) != 0)
    at--;
  if (at < 2)
    return why_set(why, E_NOTE, "", "there is no empty line before the signatures");
  n.text.len = at - 1;
  n.signatures = rest = BYTES(bytes.data + at, bytes.len - at);
  for (size_t i = 0; i < at; i++)
    number += bytes.data[i] == '\n';
  for (; take(&rest, '\n', &line); lines++)
    TRY(check_line(line, number + lines, why));
  if (rest.len)
    return bad(why, number + lines, "must end with a newline");
  if (lines == 0 || lines > NOTE_LINES_MAX)
    return why_set(why, E_NOTE, "", "a note has 1 to %u signatures, not %zu",
                   NOTE_LINES_MAX, lines);
  *out = n;
  return OK;
}

bool note_next(struct bytes *rest, struct bytes *line, struct bytes *name, uint8_t id[4])
{
  AUTO(buf_done) struct buf sig = {.max = NOTE_BYTES_MAX};
  struct bytes bare;
  if (!take(rest, '\n', &bare) || split_line(bare, name, &sig))
    return false;
  *line = BYTES(bare.data, bare.len + 1);
  memcpy(id, sig.data, ID_BYTES);
  return true;
}

/* What a key of this kind signs. */
static enum err message(struct buf *out, struct bytes text, enum note_kind kind,
                        uint64_t time)
{
  if (kind == NOTE_COSIGNATURE)
    TRY(buf_printf(out, "cosignature/v1\ntime %" PRIu64 "\n", time));
  return buf_put(out, text.data, text.len);
}

enum err note_sign(struct buf *out, struct bytes text, const struct note_key *key,
                   const struct secret_identity *secret, uint64_t time)
{
  AUTO(buf_done) struct buf signed_text = {0}, blob = {0}, line = {0};
  struct signature sig;
  if (time > TIME_MAX)
    return E_FIELD_VALUE;
  TRY(message(&signed_text, text, key->kind, time));
  crypto_sign_detached(sig.b, NULL, signed_text.data, signed_text.len, secret->b);
  TRY(buf_put(&blob, key->id, sizeof key->id));
  for (unsigned i = 0; key->kind == NOTE_COSIGNATURE && i < TIME_BYTES; i++)
    TRY(buf_put(&blob, &(uint8_t){(uint8_t)(time >> (56 - 8 * i))}, 1));
  TRY(buf_put(&blob, sig.b, sizeof sig.b));
  TRY(buf_printf(&line, DASH "%s ", key->name));
  TRY(base64_encode(&line, buf_bytes(&blob)));
  TRY(buf_puts(&line, "\n"));
  return buf_put(out, line.data, line.len);
}

/* sig: what follows the key's id. */
static enum err verify(struct bytes text, const struct note_key *key, struct bytes sig,
                       uint64_t *time)
{
  AUTO(buf_done) struct buf signed_text = {0};
  size_t before = key->kind == NOTE_COSIGNATURE ? TIME_BYTES : 0;
  struct signature s;
  uint64_t t = 0;
  if (sig.len != before + sizeof s)
    return E_SIGNATURE;
  for (size_t i = 0; i < before; i++)
    t = t << 8 | sig.data[i];
  memcpy(s.b, sig.data + before, sizeof s);
  if (t > TIME_MAX)
    return E_SIGNATURE;
  TRY(message(&signed_text, text, key->kind, t));
  if (!identity_signed(&key->key, buf_bytes(&signed_text), &s))
    return E_SIGNATURE;
  *time = MAX(*time, t);
  return OK;
}

enum err note_verify(const struct note *n, const struct note_key *key, uint64_t *time)
{
  struct bytes rest = n->signatures, line, name;
  const struct bytes wanted = BYTES(key->name, strlen(key->name));
  uint64_t newest = 0;
  bool found = false;
  while (take(&rest, '\n', &line)) {
    AUTO(buf_done) struct buf sig = {.max = NOTE_BYTES_MAX};
    if (split_line(line, &name, &sig) || !bytes_equal(name, wanted) ||
        memcmp(sig.data, key->id, ID_BYTES) != 0)
      continue;
    TRY(verify(n->text, key, BYTES(sig.data + ID_BYTES, sig.len - ID_BYTES), &newest));
    found = true;
  }
  if (!found)
    return E_SIGNATURE;
  if (time)
    *time = newest;
  return OK;
}

/* --- checkpoints --- */

enum err checkpoint_text(struct buf *out, const struct checkpoint *c)
{
  AUTO(buf_done) struct buf text = {0};
  TRY(buf_printf(&text, "%s\n%" PRIu64 "\n", c->origin, c->size));
  TRY(base64_encode(&text, BYTES_OF(c->root)));
  TRY(buf_puts(&text, "\n"));
  if (checkpoint_parse(&(struct checkpoint){0}, buf_bytes(&text), NULL) != OK)
    return E_FIELD_VALUE;
  return buf_put(out, text.data, text.len);
}

static enum err read_size(uint64_t *out, struct bytes text)
{
  uint64_t size = 0;
  if (text.len == 0 || (text.len > 1 && text.data[0] == '0'))
    return E_NOTE;
  for (size_t i = 0; i < text.len; i++) {
    unsigned digit = (unsigned)text.data[i] - '0';
    if (digit > 9 || size > (LOG_SIZE_MAX - digit) / 10)
      return E_NOTE;
    size = size * 10 + digit;
  }
  *out = size;
  return OK;
}

enum err checkpoint_parse(struct checkpoint *out, struct bytes text, struct why *why)
{
  AUTO(buf_done) struct buf root = {.max = NOTE_BYTES_MAX};
  struct bytes rest = text, line;
  struct checkpoint c = {0};
  TRY(check_text(text, why));
  if (!take(&rest, '\n', &line) || line.len == 0 || line.len > NOTE_NAME_MAX)
    return bad(why, 1, "must be the log's origin");
  memcpy(c.origin, line.data, line.len);
  if (!take(&rest, '\n', &line) || read_size(&c.size, line) != OK)
    return bad(why, 2, "must be the number of leaves, in decimal");
  if (!take(&rest, '\n', &line) || base64_read(&root, line) != OK ||
      root.len != sizeof c.root)
    return bad(why, 3, "must be the root, 32 bytes in base64");
  memcpy(c.root.b, root.data, sizeof c.root);
  for (size_t number = 4; rest.len; number++)
    if (!take(&rest, '\n', &line) || line.len == 0)
      return bad(why, number, "must not be empty and must end with a newline");
  *out = c;
  return OK;
}

enum err checkpoint_open(struct checkpoint *out, struct bytes note,
                         const struct note_key *log, struct why *why)
{
  struct note n;
  struct checkpoint c;
  TRY(note_parse(&n, note, why));
  if (note_verify(&n, log, NULL) != OK)
    return why_set(why, E_SIGNATURE, "", "there is no fitting signature of %s",
                   log->name);
  TRY(checkpoint_parse(&c, n.text, why));
  if (strcmp(c.origin, log->name) != 0)
    return bad(why, 1, "is the origin of another log");
  *out = c;
  return OK;
}
