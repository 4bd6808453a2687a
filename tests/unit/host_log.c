/* SPDX-License-Identifier: Apache-2.0
 * The log of the server in memory. */
#include "host_log.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "util/field.h"
#include "util/text.h"

#define MUST(call) ck_assert_int_eq(call, OK)

void host_log_init(struct host_log *l, const char *origin, const struct identity *id,
                   const struct secret_identity *secret)
{
  *l = (struct host_log){.secret = secret};
  MUST(note_key_make(&l->key, origin, NOTE_ED25519, id));
}

void host_log_done(struct host_log *l)
{
  for (uint64_t i = 0; i < l->len; i++)
    buf_done(&l->entries[i]);
  for (unsigned i = 0; i < l->witnesses_len; i++)
    buf_done(&l->witnesses[i].note);
  free(l->entries);
  free(l->leaves);
  free(l->hashes);
}

void host_log_add_bytes(struct host_log *l, struct bytes entry)
{
  if ((l->len & (l->len - 1)) == 0) {
    uint64_t room = l->len ? 2 * l->len : 1;
    l->entries = must_realloc(l->entries, room, sizeof *l->entries);
    l->leaves = must_realloc(l->leaves, room, sizeof *l->leaves);
    l->hashes = must_realloc(l->hashes, room, sizeof *l->hashes);
  }
  l->entries[l->len] = (struct buf){0};
  l->hashes[l->len] = (struct digest){0};
  MUST(buf_put(&l->entries[l->len], entry.data, entry.len));
  merkle_leaf(&l->leaves[l->len], entry);
  l->len++;
}

void host_log_add(struct host_log *l, const json_t *event)
{
  AUTO(buf_done) struct buf bytes = {0};
  if (l->stopped)
    return;
  MUST(event_canonical(&bytes, event, true));
  host_log_add_bytes(l, buf_bytes(&bytes));
  MUST(event_hash(&l->hashes[l->len - 1], event));
}

/* ---- the tree, or the one that is shown in its place ---- */

static struct digest leaf_of(const struct host_log *l, uint64_t i)
{
  struct digest d = l->leaves[i];
  if (l->fork && i >= l->fork)
    d.b[0] ^= 1;
  return d;
}

static void range_root(const struct host_log *l, uint64_t from, uint64_t to,
                       struct digest *out)
{
  struct merkle m = {0};
  for (uint64_t i = from; i < to; i++) {
    struct digest d = leaf_of(l, i);
    merkle_add_hash(&m, &d);
  }
  merkle_root(out, &m);
}

void host_log_root(struct host_log *l, uint64_t size, struct digest *out)
{
  range_root(l, 0, size, out);
}

bool host_log_had(struct host_log *l, uint64_t size, const struct digest *root)
{
  struct digest is;
  if (size > l->len || l->disowns)
    return size == 0;
  host_log_root(l, size, &is);
  return memcmp(&is, root, sizeof is) == 0;
}

static enum err read_tile(void *arg, struct tile tile, struct digest *out)
{
  uint64_t span = (uint64_t)1 << (TILE_HEIGHT * tile.level);
  for (unsigned i = 0; i < tile.width; i++) {
    uint64_t at = (tile.index * TILE_WIDTH + i) * span;
    range_root(arg, at, at + span, &out[i]);
  }
  return OK;
}

static uint64_t shown(const struct host_log *l)
{
  return l->show ? l->show : l->len;
}

void host_log_note(struct host_log *l, uint64_t size, struct buf *out)
{
  struct checkpoint c = {.size = size};
  struct identity id;
  struct secret_identity other;
  snprintf(c.origin, sizeof c.origin, "%s", l->key.name);
  host_log_root(l, size, &c.root);
  MUST(checkpoint_text(out, &c));
  size_t text = out->len;
  MUST(buf_puts(out, "\n"));
  identity_make(&id, &other);
  struct buf lines = {0};
  MUST(note_sign(&lines, BYTES(out->data, text), &l->key, l->alien ? &other : l->secret,
                 0));
  MUST(buf_put(out, lines.data, lines.len));
  buf_done(&lines);
}

/* ---- HTTP ---- */

static enum err reply_json(struct http_reply *rp, json_t *body)
{
  char *text = json_dumps(body, 0);
  MUST(buf_puts(&rp->body, text));
  rp->status = 200;
  free(text);
  json_decref(body);
  return OK;
}

static json_t *path_json(const struct digest *path, unsigned len)
{
  json_t *list = json_array();
  for (unsigned i = 0; i < len; i++)
    json_array_append_new(list, json_hex(path[i].b, 32));
  return list;
}

/* The number behind this name. */
static uint64_t number(const char *query, const char *name)
{
  const char *at = strstr(query, name);
  ck_assert_ptr_nonnull(at);
  return strtoull(at + strlen(name), NULL, 10);
}

static enum err get_inclusion(struct host_log *l, const char *query,
                              struct http_reply *rp)
{
  uint64_t leaf = number(query, "leaf="), size = number(query, "size=");
  unsigned len;
  struct digest path[64];
  l->proofs_asked++;
  if (leaf >= size || size > shown(l))
    return E_NOT_FOUND;
  struct digest *all = must_calloc(size, sizeof *all);
  for (uint64_t i = 0; i < size; i++)
    all[i] = leaf_of(l, i);
  MUST(merkle_path(path, &len, all, size, leaf));
  free(all);
  return reply_json(rp, json_pack("{s:o}", "path", path_json(path, len)));
}

static enum err get_consistency(struct host_log *l, const char *query,
                                struct http_reply *rp)
{
  uint64_t from = number(query, "from="), to = number(query, "to=");
  unsigned len;
  struct digest path[TLOG_PROOF_MAX];
  ck_assert(from > 0 && from < to); /* nobody asks for what is empty */
  l->proofs_asked++;
  if (to > shown(l) || l->no_proofs)
    return E_NOT_FOUND;
  MUST(tlog_consistency(path, &len, from, to, (struct tlog_source){read_tile, l}));
  return reply_json(rp, json_pack("{s:o}", "path", path_json(path, len)));
}

static enum err get_event(struct host_log *l, const char *hex, struct http_reply *rp)
{
  struct digest hash;
  MUST(hex_decode(hash.b, 32, hex));
  for (uint64_t i = 0; i < shown(l); i++)
    if (memcmp(&l->hashes[i], &hash, sizeof hash) == 0) {
      json_t *event;
      MUST(event_parse(&event, buf_bytes(&l->entries[i]), NULL));
      return reply_json(rp,
                        json_pack("{s:I,s:o}", "leaf", (json_int_t)i, "event", event));
    }
  return E_NOT_FOUND;
}

static enum err get_tile(struct host_log *l, const char *path, struct http_reply *rp)
{
  struct tile t;
  struct digest hashes[TILE_WIDTH];
  MUST(tile_parse(&t, path));
  rp->status = 200;
  unsigned whole = tile_width(shown(l), t.level == TILE_ENTRIES ? 0 : t.level, t.index);
  if (t.width > whole || (l->no_partial && t.width < whole))
    return E_NOT_FOUND;
  if (t.level == TILE_ENTRIES) {
    l->entries_asked++;
    for (unsigned i = 0; i < t.width; i++)
      MUST(bundle_put(&rp->body, buf_bytes(&l->entries[t.index * TILE_WIDTH + i])));
  } else {
    MUST(read_tile(l, t, hashes));
    MUST(buf_put(&rp->body, hashes, t.width * sizeof *hashes));
  }
  if (l->wrong_tiles)
    rp->body.data[rp->body.len - 1] ^= 1;
  return OK;
}

static json_t *witness_json(struct host_log *l, unsigned i)
{
  AUTO(buf_done) struct buf vkey = {0};
  const struct buf *note = &l->witnesses[i].note;
  MUST(note_key_format(&vkey, &l->witnesses[i].key));
  return json_pack("{s:s,s:s,s:o}", "name", l->witnesses[i].key.name, "key",
                   buf_text(&vkey), "checkpoint",
                   note->len ? json_string(buf_text(note)) : json_null());
}

static enum err get_witnesses(struct host_log *l, struct http_reply *rp)
{
  json_t *list = json_array();
  for (unsigned i = 0; i < l->witnesses_len; i++)
    json_array_append_new(list, witness_json(l, i));
  return reply_json(rp, json_pack("{s:o}", "witnesses", list));
}

static enum err get_checkpoint(struct host_log *l, struct http_reply *rp)
{
  rp->status = 200;
  if (l->text)
    return buf_puts(&rp->body, l->text);
  if (shown(l) == 0)
    return E_NOT_FOUND;
  host_log_note(l, shown(l), &rp->body);
  return OK;
}

enum err host_log_get(struct host_log *l, const char *path, struct http_reply *rp)
{
  static const struct {
    const char *prefix;
    enum err (*get)(struct host_log *l, const char *rest, struct http_reply *rp);
  } table[] = {{"proofs/inclusion?", get_inclusion},
               {"proofs/consistency?", get_consistency},
               {"events/", get_event},
               {"tile/", get_tile}};
  for (unsigned i = 0; i < LENGTH(table); i++)
    if (strncmp(path, table[i].prefix, strlen(table[i].prefix)) == 0)
      return table[i].get(l, path + strlen(table[i].prefix), rp);
  if (strncmp(path, "witnesses?", 10) == 0)
    return get_witnesses(l, rp);
  ck_assert_int_eq(strncmp(path, "checkpoint", 10), 0);
  return get_checkpoint(l, rp);
}

void host_log_witness(struct host_log *l, const struct note_key *key)
{
  ck_assert_uint_lt(l->witnesses_len, HOST_WITNESSES);
  l->witnesses[l->witnesses_len++].key = *key;
}

/* Only what the log signed itself and a registered witness cosigned is taken. */
enum err host_log_post(struct host_log *l, const char *path, struct bytes body,
                       struct http_reply *rp)
{
  struct checkpoint c;
  struct note n;
  ck_assert_str_eq(path, "cosignatures");
  MUST(checkpoint_open(&c, body, &l->key, NULL));
  MUST(note_parse(&n, body, NULL));
  ck_assert(host_log_had(l, c.size, &c.root));
  for (unsigned i = 0; i < l->witnesses_len; i++)
    if (note_verify(&n, &l->witnesses[i].key, NULL) == OK) {
      l->witnesses[i].note.len = 0;
      MUST(buf_put(&l->witnesses[i].note, body.data, body.len));
      rp->status = 204;
      return OK;
    }
  return E_FORBIDDEN;
}
