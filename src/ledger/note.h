/* SPDX-License-Identifier: Apache-2.0
 * Signed notes, checkpoints and cosignatures as C2SP writes them: signed-note,
 * tlog-checkpoint, tlog-cosignature (Ed25519 with a time). Other tools read and write the
 * same.
 *
 * Errors: E_NOTE with the line and what was expected for text that is not of the format,
 * E_SIGNATURE for a signature that does not fit or is not there. */
#ifndef LEDGER_NOTE_H
#define LEDGER_NOTE_H

#include "core/types.h"

#define NOTE_BYTES_MAX 65536u
#define NOTE_NAME_MAX 255u
#define NOTE_LINES_MAX 100u /* signatures on one note */

enum note_kind {
  NOTE_ED25519 = 1,     /* over the text */
  NOTE_COSIGNATURE = 4, /* over "cosignature/v1\ntime T\n" and the text */
};

struct note_key {
  char name[NOTE_NAME_MAX + 1]; /* no white space, no plus; not empty */
  enum note_kind kind;
  struct identity key;
  uint8_t id[4]; /* the first bytes of SHA-256(name "\n" kind key) */
};

bool note_name_valid(const char *name);
/* E_FIELD_VALUE for a name that is not valid. */
enum err note_key_make(struct note_key *out, const char *name, enum note_kind kind,
                       const struct identity *key) MUST_USE;
/* A verifier key as people exchange it: NAME+ID+BASE64. */
enum err note_key_format(struct buf *out, const struct note_key *key) MUST_USE;
enum err note_key_parse(struct note_key *out, const char *text, struct why *why) MUST_USE;

/* A note split into its parts, borrowed from the bytes. */
struct note {
  struct bytes text;       /* with its final newline */
  struct bytes signatures; /* the lines behind the empty one */
};
/* Checks the form of every line: valid UTF-8, no control characters but newlines, at
 * least one signature line, at most NOTE_LINES_MAX. */
enum err note_parse(struct note *out, struct bytes bytes, struct why *why) MUST_USE;

/* Appends a signature line of this key to `out`. time: Unix seconds, for cosignatures. */
enum err note_sign(struct buf *out, struct bytes text, const struct note_key *key,
                   const struct secret_identity *secret, uint64_t time) MUST_USE;
/* Looks for a line of this key and verifies it: E_SIGNATURE when there is none or it does
 * not fit. time (may be NULL): of a cosignature. Several lines of one key: all must fit.
 */
enum err note_verify(const struct note *n, const struct note_key *key,
                     uint64_t *time) MUST_USE;
/* The next signature line: its name, its key id and the line itself with its newline.
 * *rest starts as n->signatures; false at the end. Only for parsed notes. */
bool note_next(struct bytes *rest, struct bytes *line, struct bytes *name, uint8_t id[4]);

struct checkpoint {
  char origin[NOTE_NAME_MAX + 1];
  uint64_t size;
  struct digest root;
};
/* Appends the three lines: origin, size, root. */
enum err checkpoint_text(struct buf *out, const struct checkpoint *c) MUST_USE;
/* Reads a note's text; further lines (extensions) are allowed. */
enum err checkpoint_parse(struct checkpoint *out, struct bytes text,
                          struct why *why) MUST_USE;
/* Note, signature of the log's key, and the origin it must have. */
enum err checkpoint_open(struct checkpoint *out, struct bytes note,
                         const struct note_key *log, struct why *why) MUST_USE;

#endif
