/* SPDX-License-Identifier: Apache-2.0
 * Signed notes and verifier keys: what is taken is put together again to the same bytes,
 * and takes a signature. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* From golang.org/x/mod/sumdb/note: the key of the seed of 32 ones, in the corpus. */
static const char log_key[] =
    "log.example/one+aa441aac+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";

static void must(bool is)
{
  if (!is)
    abort();
}

static void same_lines(const struct note *n)
{
  AUTO(buf_done) struct buf again = {0};
  struct bytes rest = n->signatures, line, name;
  uint8_t id[4];
  while (note_next(&rest, &line, &name, id)) {
    must(name.len > 0 && name.len < line.len);
    must(buf_put(&again, line.data, line.len) == OK);
  }
  must(bytes_equal(buf_bytes(&again), n->signatures));
}

static void check_signed(const struct note *n, const struct note_key *key,
                         const struct secret_identity *secret)
{
  AUTO(buf_done) struct buf note = {0};
  struct note again;
  uint64_t time = 0;
  must(buf_put(&note, n->text.data, n->text.len) == OK && buf_puts(&note, "\n") == OK);
  must(note_sign(&note, n->text, key, secret, 1679315147) == OK);
  if (note.len > NOTE_BYTES_MAX)
    return;
  must(note_parse(&again, buf_bytes(&note), NULL) == OK);
  must(bytes_equal(again.text, n->text));
  must(note_verify(&again, key, &time) == OK && time == 1679315147);
}

static void try_key(const uint8_t *data, size_t size)
{
  AUTO(buf_done) struct buf text = {0}, again = {0};
  struct note_key key;
  struct why why;
  if (buf_put(&text, data, size) != OK ||
      note_key_parse(&key, buf_text(&text), &why) != OK)
    return;
  must(note_key_format(&again, &key) == OK);
  must(strcmp(buf_text(&again), buf_text(&text)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct note_key log, witness;
  struct identity id;
  struct secret_identity secret;
  struct note n;
  struct why why;
  const uint8_t seed[32] = {7};
  try_key(data, size);
  if (note_parse(&n, BYTES(data, size), &why) != OK)
    return 0;
  must(n.text.len + 1 + n.signatures.len == size && n.text.data == data);
  must(note_key_parse(&log, log_key, NULL) == OK);
  enum err e = note_verify(&n, &log, NULL);
  must(e == OK || e == E_SIGNATURE);
  same_lines(&n);
  crypto_sign_seed_keypair(id.b, secret.b, seed);
  must(note_key_make(&witness, "w", NOTE_COSIGNATURE, &id) == OK);
  check_signed(&n, &witness, &secret);
  return 0;
}
