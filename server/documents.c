/* SPDX-License-Identifier: Apache-2.0
 * The documents that many clients fetch, made once when a phase ends and streamed from
 * the database afterwards. */
#include <string.h>

#include "core/merkle.h"
#include "server/engine_internal.h"

struct maker {
  struct db *db;
  struct blob_writer out;
  struct merkle tree;
  unsigned count;
  uint8_t *set;
};

static enum err put_text(struct maker *m, const char *text)
{
  return blob_put(m->db, &m->out, BYTES(text, strlen(text)));
}

/* {"enroll":…,"admit":…,"join":…} from columns 1 to 3, or the event in column 1. */
static enum err put_entry(struct maker *m, const struct db_rows *rows, unsigned row,
                          bool joins)
{
  TRY(put_text(m, m->count ? "," : ""));
  if (joins) {
    TRY(put_text(m, "{\"enroll\":"));
    TRY(blob_put(m->db, &m->out, db_bytes(rows, row, 1)));
    TRY(put_text(m, ",\"admit\":"));
    TRY(blob_put(m->db, &m->out, db_bytes(rows, row, 2)));
    TRY(put_text(m, ",\"join\":"));
  }
  struct bytes event = db_bytes(rows, row, joins ? 3 : 1);
  TRY(blob_put(m->db, &m->out, event));
  merkle_add(&m->tree, event);
  m->count++;
  if (m->set)
    set_add(m->set, (uint32_t)db_int(rows, row, 0));
  return put_text(m, joins ? "}" : "");
}

static void maker_done(struct maker *m)
{
  blob_writer_done(&m->out);
}

enum err document_make(struct db *db, const struct digest *ctx, enum document which,
                       int64_t *blob, struct digest *root, unsigned *count, uint8_t *set)
{
  static const enum query pages[] = {[DOCUMENT_JOINS] = Q_JOIN_PAGE,
                                     [DOCUMENT_SHARES] = Q_SHARE_PAGE,
                                     [DOCUMENT_UPDATES] = Q_UPDATE_PAGE,
                                     [DOCUMENT_UNMASKS] = Q_UNMASK_PAGE};
  AUTO(maker_done) struct maker m = {.db = db};
  bool joins = which == DOCUMENT_JOINS;
  int64_t after = -1;
  m.set = set;
  TRY(blob_start(db, &m.out));
  TRY(put_text(&m, joins ? "{\"members\":[" : "{\"events\":["));
  for (;;) {
    AUTO(db_rows_done) struct db_rows rows = {0};
    TRY(db_query(db, pages[which], &rows, DB_ARGS(DB_FIXED(ctx), DB_INT(after))));
    if (!rows.len)
      break;
    for (unsigned i = 0; i < rows.len; i++)
      TRY(put_entry(&m, &rows, i, joins));
    after = db_int(&rows, rows.len - 1, 0);
  }
  TRY(put_text(&m, "]}"));
  TRY(blob_finish(db, &m.out));
  *blob = m.out.info.id;
  merkle_root(root, &m.tree);
  *count = m.count;
  return OK;
}
