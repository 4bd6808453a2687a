/* SPDX-License-Identifier: Apache-2.0
 * The log's tree in the database: reading it, and letting it grow by a batch of leaves
 * and a signed checkpoint in one transaction. */
#include <string.h>

#include "server/log.h"

enum err log_head(struct db *db, struct log_head *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct log_head head;
  TRY(db_query(db, Q_LOG_HEAD, &rows, DB_NONE));
  head.size = (uint64_t)db_int(&rows, 0, 0);
  if (!db_fixed(&rows, 0, 1, &head.root, sizeof head.root))
    return E_INTERNAL;
  *out = head;
  return OK;
}

/* ---- tiles ---- */

static enum err read_tile(void *db, struct tile tile, struct digest *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_LOG_TILE, &rows, DB_ARGS(DB_INT(tile.level), DB_INT(tile.index))));
  if (!rows.len)
    return E_INTERNAL;
  struct bytes stored = db_bytes(&rows, 0, 0);
  if (!stored.data || stored.len < tile.width * sizeof *out)
    return E_INTERNAL;
  memcpy(out, stored.data, tile.width * sizeof *out);
  return OK;
}

struct tlog_source log_source(struct db *db)
{
  return (struct tlog_source){read_tile, db};
}

static enum err write_tile(void *db, struct tile tile, const struct digest *hashes)
{
  return db_run(db, Q_LOG_TILE_PUT,
                DB_ARGS(DB_INT(tile.level), DB_INT(tile.index),
                        DB_BYTES(hashes, tile.width * sizeof *hashes)));
}

/* ---- growing ---- */

/* Reads the edge. What does not hash to the head is never built upon: the next checkpoint
 * would contradict the last. */
static enum err open_edge(struct tlog *tree, struct db *db, const struct log_head *head,
                          struct why *why)
{
  struct digest root;
  enum err e = tlog_open(tree, head->size, log_source(db));
  if (e == E_INTERNAL)
    return why_set(why, e, "log_tiles", "a tile of the tree of %llu leaves is missing",
                   (unsigned long long)head->size);
  TRY(e);
  tlog_root(&root, tree);
  if (memcmp(&root, &head->root, sizeof root) != 0)
    return why_set(why, E_INTERNAL, "log_tiles",
                   "the tree of %llu leaves does not hash to log_head.root",
                   (unsigned long long)head->size);
  return OK;
}

/* Turns pending events into leaves behind those of the tree. */
static enum err add_leaves(struct tlog *tree, struct db *db, unsigned *added,
                           struct why *why)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(free_drop) struct digest *leaves = must_calloc(LOG_BATCH, sizeof *leaves);
  TRY(db_query(db, Q_LOG_TAKE, &rows, DB_ARGS(DB_INT(tree->size), DB_INT(LOG_BATCH))));
  for (unsigned i = 0; i < rows.len; i++)
    if (!db_fixed(&rows, i, 0, &leaves[i], sizeof leaves[i]))
      return why_set(why, E_INTERNAL, "log_pending", "an event that is pending is gone");
  struct tlog_sink sink = {write_tile, db};
  TRY(tlog_append(tree, leaves, rows.len, sink));
  *added = rows.len;
  return rows.len ? tlog_flush(tree, sink) : OK;
}

/* The checkpoint's three lines, an empty one, and the log's signature. */
static enum err sign_checkpoint(struct buf *note, const struct server *s,
                                const struct log_head *head)
{
  struct checkpoint c = {.size = head->size, .root = head->root};
  AUTO(buf_done) struct buf text = {0};
  memcpy(c.origin, s->log.name, sizeof c.origin);
  TRY(checkpoint_text(&text, &c));
  TRY(buf_put(note, text.data, text.len));
  TRY(buf_puts(note, "\n"));
  return note_sign(note, buf_bytes(&text), &s->log, &s->key, 0);
}

/* Compare and swap: whatever happens beside us, one tree follows another. */
static enum err move_head(const struct server *s, struct db *db,
                          const struct log_head *from, const struct log_head *to)
{
  AUTO(db_rows_done) struct db_rows moved = {0};
  AUTO(buf_done) struct buf note = {0};
  TRY(db_query(db, Q_LOG_HEAD_MOVE, &moved,
               DB_ARGS(DB_INT(from->size), DB_FIXED(&from->root), DB_INT(to->size),
                       DB_FIXED(&to->root))));
  if (moved.affected != 1)
    return E_CONFLICT;
  TRY(sign_checkpoint(&note, s, to));
  TRY(db_run(db, Q_LOG_CHECKPOINT_PUT,
             DB_ARGS(DB_INT(to->size), DB_FIXED(&to->root), DB_BUF(&note))));
  return db_notify(db, "log");
}

enum err log_grow(const struct server *s, struct db *db, unsigned *added, struct why *why)
{
  AUTO(free_drop) struct tlog *tree = must_calloc(1, sizeof *tree);
  struct log_head from, to;
  unsigned n = 0;
  TRY(log_head(db, &from));
  TRY(open_edge(tree, db, &from, why));
  TRY(add_leaves(tree, db, &n, why));
  if (n) {
    to.size = tree->size;
    tlog_root(&to.root, tree);
    TRY(move_head(s, db, &from, &to));
  }
  *added = n;
  return OK;
}

struct step {
  const struct server *server;
  unsigned added;
  struct why *why;
};

static enum err step_run(struct db *db, void *arg)
{
  struct step *step = arg;
  AUTO(db_rows_done) struct db_rows lock = {0};
  step->added = 0;
  TRY(db_query(db, Q_LOG_LOCK, &lock, DB_NONE));
  return db_bool(&lock, 0, 0) ? log_grow(step->server, db, &step->added, step->why) : OK;
}

enum err log_step(const struct server *s, struct db *db, unsigned *added, struct why *why)
{
  AUTO(db_rows_done) struct db_rows waiting = {0};
  struct step step = {.server = s, .why = why};
  TRY(db_query(db, Q_LOG_WAITING, &waiting, DB_NONE));
  if (waiting.len)
    TRY(db_transaction(db, step_run, &step));
  *added = step.added;
  return OK;
}

/* ---- asked by acceptance ---- */

enum err log_seen(struct db *db, const struct seen *seen, const char *field,
                  struct why *why)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest root;
  if (seen->size == 0)
    return OK; /* the root was checked when it was read */
  TRY(db_query(db, Q_LOG_CHECKPOINT_ROOT, &rows, DB_ARGS(DB_INT(seen->size))));
  if (rows.len && db_fixed(&rows, 0, 0, &root, sizeof root) &&
      memcmp(&root, &seen->root, sizeof root) == 0)
    return OK;
  return why_set(why, E_CHECKPOINT, field,
                 rows.len ? "the checkpoint of %llu leaves had another root"
                          : "there never was a checkpoint of %llu leaves",
                 (unsigned long long)seen->size);
}
