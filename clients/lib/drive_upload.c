/* SPDX-License-Identifier: Apache-2.0
 * The masked update: made once, kept, uploaded chunk by chunk. */
#include <sodium.h>
#include <string.h>

#include "clients/lib/drive_state.h"
#include "core/merkle.h"
#include "util/field.h"
#include "util/text.h"

static void progress(struct drive *d, const char *what, uint64_t done, uint64_t total)
{
  if (d->hooks.progress)
    d->hooks.progress(d->hooks.arg, what, done, total);
}

/* Trains, masks, and puts y on the disk. */
static enum err make_y(struct drive *d, struct buf *y, struct why *why)
{
  const struct open_event *o = d->round->open;
  AUTO(free_drop) float *base = NULL;
  TRY(drive_load_spec(d, why));
  TRY(trust_base(&base, d->round, d->spec, d->api, why));
  TRY(buf_reserve(y, open_bytes(o)));
  y->len = open_bytes(o);
  memset(y->data, 0, y->len);
  struct ring x = {y->data, open_len(o), o->ring_bits};
  enum err e = d->hooks.update(d->hooks.arg, d->spec, base, x, why);
  if (e == OK)
    e = party_mask(d->party, d->round, x);
  if (e == OK)
    e = home_write(d->home, round_file(d, "y.bin").text, buf_bytes(y), why);
  if (e != OK)
    sodium_memzero(y->data, y->len); /* perhaps not masked */
  return e;
}

/* y from the disk; it is computed at most once. */
enum err drive_take_y(struct drive *d, struct buf *y, struct why *why)
{
  const struct open_event *o = d->round->open;
  bool signed_before = party_event(d->party, "update") != NULL;
  y->max = open_bytes(o) + 1;
  enum err e = home_read(d->home, round_file(d, "y.bin").text, y, why);
  if (e == E_NOT_FOUND && signed_before)
    return why_set(why, E_STATE, "y.bin", "the masked update is lost");
  if (e == E_NOT_FOUND)
    return make_y(d, y, why);
  TRY(e);
  if (y->len != open_bytes(o))
    return why_set(why, E_STATE, "y.bin", "the masked update is damaged");
  if (signed_before)
    return OK;
  /* y is on the disk, but perhaps the party was saved before */
  struct ring masked = {y->data, open_len(o), o->ring_bits};
  e = party_masked(d->party, d->round, masked);
  return e == E_FIELD_VALUE
             ? why_set(why, E_STATE, "y.bin", "the masked update is damaged")
             : e;
}

static struct bytes chunk_of(const struct buf *y, uint64_t index)
{
  size_t at = (size_t)index * CHUNK_BYTES;
  return BYTES(y->data + at, MIN(CHUNK_BYTES, y->len - at));
}

/* The leaf hashes of y's chunks, as JSON and as a root. */
static json_t *hash_chunks(const struct buf *y, struct digest *root)
{
  struct merkle tree = {0};
  json_t *list = json_array();
  for (uint64_t c = 0; c * CHUNK_BYTES < y->len; c++) {
    struct digest leaf;
    merkle_leaf(&leaf, chunk_of(y, c));
    merkle_add_hash(&tree, &leaf);
    json_array_append_new(list, json_hex(leaf.b, 32));
  }
  merkle_root(root, &tree);
  return list;
}

/* The manifest, signed over exactly this y. */
static enum err take_manifest(struct drive *d, const struct buf *y, const json_t **event,
                              json_t **chunks, struct why *why)
{
  struct digest root;
  char hex[65];
  AUTO(json_drop) json_t *list = hash_chunks(y, &root);
  TRY(drive_see(d, "update", why));
  TRY(party_update(d->party, d->round, y->len, &root, event));
  const char *is = json_string_value(json_object_get(*event, "chunks"));
  if (!is || strcmp(is, hex_encode(hex, root.b, 32)) != 0)
    return why_set(why, E_STATE, "y.bin", "is not the masked update that was signed");
  *chunks = STEAL(list);
  return OK;
}

static enum err put_chunks(struct drive *d, const struct buf *y, const json_t *missing,
                           const struct digest *update, json_t **receipt, struct why *why)
{
  uint64_t count = (y->len + CHUNK_BYTES - 1) / CHUNK_BYTES;
  size_t i, len = json_array_size(missing);
  json_t *entry;
  json_array_foreach ((json_t *)missing, i, entry) {
    json_int_t c = json_is_integer(entry) ? json_integer_value(entry) : -1;
    if (c < 0 || (uint64_t)c >= count)
      return why_set(why, E_REPLY, "missing", "there is no such chunk");
    progress(d, "upload", count - len + i, count);
    AUTO(json_drop) json_t *got = NULL;
    TRY(api_chunk(d->api, d->ctx_hex, &d->self->id, (uint64_t)c, chunk_of(y, (uint64_t)c),
                  update, &got, why));
    if (got && !*receipt)
      *receipt = json_incref(got);
  }
  progress(d, "upload", count, count);
  return OK;
}

enum err drive_upload(struct drive *d, const struct buf *y, struct why *why)
{
  struct digest update;
  const json_t *event;
  AUTO(json_drop) json_t *chunks = NULL;
  TRY(take_manifest(d, y, &event, &chunks, why));
  AUTO(json_drop) json_t *extra = json_pack("{s:O}", "chunks", chunks);
  AUTO(json_drop) json_t *reply = NULL, *missing = NULL, *receipt = NULL, *late = NULL;
  TRY(event_hash(&update, event));
  /* the same bytes again are always welcome, and say what is missing */
  TRY(drive_say(d, "update", "updates", event, extra, &reply, why));
  json_t *list = json_object_get(reply, "missing");
  if (json_is_array(list))
    missing = json_incref(list);
  else
    TRY(api_progress(d->api, d->ctx_hex, &d->self->id, &update, &missing, &receipt, why));
  TRY(put_chunks(d, y, missing, &update, &receipt, why));
  if (!receipt) {
    TRY(api_progress(d->api, d->ctx_hex, &d->self->id, &update, &late, &receipt, why));
    if (json_array_size(late) > 0 || !receipt)
      return why_set(why, E_REPLY, "update",
                     "every chunk was sent, but the server says some are missing");
  }
  return drive_save_receipt(d, "complete", receipt, why);
}
