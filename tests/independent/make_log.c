/* SPDX-License-Identifier: Apache-2.0
 * Writes a log as files, as tlog-tiles lays them out, so that another program can be
 * shown trees larger than a test's rounds make.
 *
 *   make_log FOLDER LEAVES
 *
 * The checkpoint is signed by a log and a witness; prints their verifier keys. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger/note.h"
#include "ledger/tlog.h"

/* The file `path` in the folder, with the folders above it. */
static enum err save(const char *folder, const char *path, struct bytes bytes)
{
  char full[4096];
  int n = snprintf(full, sizeof full, "%s/%s", folder, path);
  if (n < 0 || (size_t)n >= sizeof full)
    return E_USAGE;
  for (char *p = full + 1; (p = strchr(p, '/')); p++) {
    *p = 0;
    if (mkdir(full, 0777) != 0 && errno != EEXIST)
      return E_IO;
    *p = '/';
  }
  FILE *f = fopen(full, "wb");
  if (!f)
    return E_IO;
  bool written = fwrite(bytes.data, 1, bytes.len, f) == bytes.len;
  return fclose(f) == 0 && written ? OK : E_IO;
}

static enum err save_tile(void *folder, struct tile t, const struct digest *hashes)
{
  char path[80];
  return save(folder, tile_path(path, t), BYTES(hashes, t.width * sizeof *hashes));
}

static enum err add_entries(struct tlog *tree, char *folder, uint64_t size)
{
  const struct tlog_sink sink = {save_tile, folder};
  AUTO(buf_done) struct buf bundle = {0};
  struct digest leaf;
  char path[80];
  for (uint64_t i = 0; i < size; i++) {
    char entry[1024] = {0};
    size_t len = (size_t)snprintf(entry, sizeof entry, "entry %lu", (unsigned long)i);
    len = i % 3 ? len : i % sizeof entry; /* empty ones, and such with NUL */
    TRY(bundle_put(&bundle, BYTES(entry, len)));
    merkle_leaf(&leaf, BYTES(entry, len));
    TRY(tlog_append(tree, &leaf, 1, sink));
    struct tile t = {.level = TILE_ENTRIES, .index = i / TILE_WIDTH};
    t.width = tile_width(i + 1, t.level, t.index);
    if (t.width < TILE_WIDTH && i + 1 < size)
      continue;
    TRY(save(folder, tile_path(path, t), buf_bytes(&bundle)));
    bundle.len = 0;
  }
  return tlog_flush(tree, sink);
}

/* Signs with the key whose seed is 32 times `fill`, and prints its verifier key. */
static enum err sign(struct buf *out, struct bytes text, const char *name,
                     enum note_kind kind, uint8_t fill)
{
  AUTO(buf_done) struct buf vkey = {0};
  struct secret_identity secret;
  struct identity id;
  struct note_key key;
  uint8_t seed[32];
  memset(seed, fill, sizeof seed);
  crypto_sign_seed_keypair(id.b, secret.b, seed);
  TRY(note_key_make(&key, name, kind, &id));
  TRY(note_key_format(&vkey, &key));
  puts(buf_text(&vkey));
  return note_sign(out, text, &key, &secret, 1679315147);
}

static enum err make(char *folder, uint64_t size)
{
  AUTO(buf_done) struct buf text = {0}, note = {0};
  AUTO(free_drop) struct tlog *tree = must_calloc(1, sizeof *tree);
  struct checkpoint c = {.origin = "log.example/of-files", .size = size};
  TRY(add_entries(tree, folder, size));
  tlog_root(&c.root, tree);
  TRY(checkpoint_text(&text, &c));
  TRY(buf_printf(&note, "%s\n", buf_text(&text)));
  TRY(sign(&note, buf_bytes(&text), c.origin, NOTE_ED25519, 1));
  TRY(sign(&note, buf_bytes(&text), "witness.example/w", NOTE_COSIGNATURE, 2));
  return save(folder, "checkpoint", buf_bytes(&note));
}

int main(int argc, char **argv)
{
  char *end = NULL;
  uint64_t size = argc == 3 ? strtoull(argv[2], &end, 10) : 0;
  enum err e = E_USAGE;
  if (size > 0 && *end == 0 && sodium_init() >= 0)
    e = make(argv[1], size);
  if (e != OK)
    fprintf(stderr, "make_log FOLDER LEAVES: %s\n", err_info(e)->title);
  return e != OK;
}
