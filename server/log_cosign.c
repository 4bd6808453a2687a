/* SPDX-License-Identifier: Apache-2.0
 * Cosignatures: what witnesses say about checkpoints of this log (C2SP tlog-cosignature).
 * Kept are the lines of registered witnesses, and of enrolled participants, who sign
 * under the name of their id in hex. Lines of others are passed over, as signed-note has
 * it. */
#include <string.h>

#include "server/log.h"
#include "util/text.h"

#define AHEAD 600.0 /* seconds that a witness's clock may be before ours */

struct cosigning {
  struct note note;
  struct checkpoint checkpoint;
  double now;
  unsigned kept;
  struct why *why;
};

/* The key behind a name: a participant's, or a registered witness's row, held against its
 * removal. */
static enum err find_key(struct db *db, const char *name, struct identity *key,
                         bool *known)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  if (hex_decode(key->b, sizeof key->b, name) == OK) {
    TRY(db_query(db, Q_WITNESS_ENROLLED, &rows, DB_ARGS(DB_FIXED(key))));
    *known = db_bool(&rows, 0, 0);
    return OK;
  }
  TRY(db_query(db, Q_WITNESS_FIND, &rows, DB_ARGS(DB_TEXT(name))));
  *known = rows.len && db_fixed(&rows, 0, 0, key, sizeof *key);
  return OK;
}

static enum err keep(struct db *db, struct cosigning *c, const struct note_key *witness,
                     struct bytes line)
{
  AUTO(db_rows_done) struct db_rows kept = {0};
  uint64_t time;
  if (note_verify(&c->note, witness, &time) != OK)
    return why_set(c->why, E_SIGNATURE, "", "the line of %.80s does not fit",
                   witness->name);
  if ((double)time > c->now + AHEAD)
    return why_set(c->why, E_FIELD_VALUE, "", "the time of %.80s lies in the future",
                   witness->name);
  TRY(db_query(db, Q_WITNESS_KEEP, &kept,
               DB_ARGS(DB_FIXED(&witness->key), DB_TEXT(witness->name),
                       DB_INT(c->checkpoint.size), DB_BYTES(line.data, line.len),
                       DB_REAL((double)time))));
  if (kept.affected != 1)
    return why_set(c->why, E_CONFLICT, "", "%.80s has cosigned a larger checkpoint",
                   witness->name);
  c->kept++;
  return OK;
}

static enum err keep_known(struct db *db, struct cosigning *c, struct bytes line,
                           struct bytes name, const uint8_t id[4])
{
  struct note_key witness;
  struct identity key;
  char text[NOTE_NAME_MAX + 1] = {0};
  bool known = false;
  if (name.len > NOTE_NAME_MAX)
    return OK;
  memcpy(text, name.data, name.len);
  TRY(find_key(db, text, &key, &known));
  if (!known || note_key_make(&witness, text, NOTE_COSIGNATURE, &key) != OK ||
      memcmp(witness.id, id, sizeof witness.id) != 0)
    return OK;
  return keep(db, c, &witness, line);
}

static enum err cosign_run(struct db *db, void *arg)
{
  struct cosigning *c = arg;
  AUTO(db_rows_done) struct db_rows now = {0};
  const struct seen seen = {c->checkpoint.size, c->checkpoint.root};
  struct bytes rest = c->note.signatures, line, name;
  uint8_t id[4];
  c->kept = 0;
  TRY(log_seen(db, &seen, "", c->why));
  TRY(db_query(db, Q_NOW, &now, DB_NONE));
  c->now = db_real(&now, 0, 0);
  while (note_next(&rest, &line, &name, id))
    TRY(keep_known(db, c, line, name, id));
  return c->kept ? OK
                 : why_set(c->why, E_FORBIDDEN, "",
                           "no line is from a registered witness or a participant");
}

enum err log_cosign(const struct server *s, struct db *db, struct bytes note,
                    struct why *why)
{
  struct cosigning c = {.why = why};
  TRY(note_parse(&c.note, note, why));
  TRY(checkpoint_open(&c.checkpoint, note, &s->log, why));
  return db_transaction(db, cosign_run, &c);
}
