/* SPDX-License-Identifier: Apache-2.0
 * Stored vectors on their way out. A few of the newest chunks stay in memory for whoever
 * reads them: a thousand clients that fetch the same model cost one, and a slow one holds
 * nothing but its place. A chunk that is not there is fetched by a request worker while
 * the connection is suspended. */
#include <string.h>

#include "db/blob.h"
#include "server/http_internal.h"
#include "util/log.h"

#define BLOCK_BYTES ((size_t)64 << 10)

struct stream {
  struct http *http;
  struct MHD_Connection *connection;
  struct buf head; /* in front of the vector */
  int64_t blob;
  uint64_t from;   /* the first byte of the vector that is meant */
  uint64_t offset; /* of the first byte that is sent, in head and vector together */
  bool failed;
  struct stream *next; /* waits for the same chunk */
};

struct piece {
  struct job job; /* must be first */
  struct http *http;
  struct piece *newer, *older;
  int64_t blob;
  uint64_t part;
  struct db_rows rows; /* owns data */
  struct bytes data;
  bool loading;
  struct stream *waiting;
};

void streams_init(struct streams *s)
{
  *s = (struct streams){0};
  pthread_mutex_init(&s->mutex, NULL);
}

static void unlink_piece(struct streams *s, struct piece *p)
{
  *(p->newer ? &p->newer->older : &s->newest) = p->older;
  *(p->older ? &p->older->newer : &s->oldest) = p->newer;
  p->newer = p->older = NULL;
  s->count--;
}

static void link_newest(struct streams *s, struct piece *p)
{
  p->older = s->newest;
  *(s->newest ? &s->newest->newer : &s->oldest) = p;
  s->newest = p;
  s->count++;
}

static void piece_free(struct piece *p)
{
  db_rows_done(&p->rows);
  free(p);
}

static void evict(struct streams *s)
{
  struct piece *p = s->oldest;
  while (p && s->count > STREAM_CHUNKS) {
    struct piece *newer = p->newer;
    if (!p->loading && p != s->newest) {
      unlink_piece(s, p);
      piece_free(p);
    }
    p = newer;
  }
}

void streams_done(struct streams *s)
{
  struct piece *p = s->newest;
  while (p) {
    struct piece *older = p->older;
    piece_free(p);
    p = older;
  }
  pthread_mutex_destroy(&s->mutex);
}

static void fetch(struct job *job, struct db *db)
{
  struct piece *p = (struct piece *)job;
  struct streams *s = &p->http->streams;
  struct db_rows rows = {0};
  struct bytes data = {0};
  enum err e = blob_part(db, p->blob, p->part, &rows, &data);
  if (e != OK)
    log_warning("stream", "part %llu of blob %lld: %s", (unsigned long long)p->part,
                (long long)p->blob, err_info(e)->slug);
  pthread_mutex_lock(&s->mutex);
  struct stream *waiting = STEAL(p->waiting);
  p->loading = false;
  p->rows = rows;
  p->data = data;
  for (struct stream *w = waiting; w; w = w->next)
    w->failed = e != OK;
  unlink_piece(s, p);
  if (e == OK) {
    link_newest(s, p);
    evict(s);
  } else {
    piece_free(p);
  }
  pthread_mutex_unlock(&s->mutex);
  while (waiting) {
    struct stream *w = waiting;
    waiting = w->next;
    MHD_resume_connection(w->connection);
  }
}

/* Suspends the stream until the chunk was fetched. False at the end of the server. */
static bool await(struct streams *s, struct stream *st, struct piece *p, uint64_t part)
{
  if (p) {
    MHD_suspend_connection(st->connection);
  } else {
    p = must_calloc(1, sizeof *p);
    *p = (struct piece){.http = st->http, .blob = st->blob, .part = part};
    p->loading = true;
    p->job.run = fetch; /* finds st waiting: it needs the mutex that is held here */
    link_newest(s, p);
    if (!queue_push(&st->http->queue, &p->job, st->connection, true)) {
      unlink_piece(s, p);
      piece_free(p);
      return false;
    }
  }
  st->next = p->waiting;
  p->waiting = st;
  return true;
}

static ssize_t read_head(const struct stream *st, uint64_t at, char *out, size_t max)
{
  size_t n = (size_t)MIN(max, st->head.len - at);
  memcpy(out, st->head.data + at, n);
  return (ssize_t)n;
}

static ssize_t read_block(void *cls, uint64_t pos, char *out, size_t max)
{
  struct stream *st = cls;
  struct streams *s = &st->http->streams;
  uint64_t at = st->offset + pos;
  if (at < st->head.len)
    return read_head(st, at, out, max);
  at = at - st->head.len + st->from;
  uint64_t part = at / CHUNK_BYTES;
  size_t from = (size_t)(at % CHUNK_BYTES);
  ssize_t got = MHD_CONTENT_READER_END_WITH_ERROR;
  pthread_mutex_lock(&s->mutex);
  struct piece *p = s->newest;
  while (p && (p->blob != st->blob || p->part != part))
    p = p->older;
  if (st->failed || atomic_load(&st->http->aborting)) {
    /* the connection breaks, and the client sees that bytes are missing */
  } else if (!p || p->loading) {
    if (await(s, st, p, part))
      got = 0;
  } else if (from < p->data.len) {
    got = (ssize_t)MIN(max, p->data.len - from);
    memcpy(out, p->data.data + from, (size_t)got);
    unlink_piece(s, p);
    link_newest(s, p);
  }
  pthread_mutex_unlock(&s->mutex);
  return got;
}

static void stream_free(void *cls)
{
  struct stream *st = cls;
  buf_done(&st->head);
  free(st);
}

struct MHD_Response *stream_response(struct exchange *x, struct reply *rp,
                                     uint64_t offset, uint64_t size)
{
  struct stream *st = must_calloc(1, sizeof *st);
  *st = (struct stream){.http = x->http, .connection = x->connection, .blob = rp->blob};
  st->head = rp->bytes;
  rp->bytes = (struct buf){0};
  st->from = rp->from;
  st->offset = offset;
  return MHD_create_response_from_callback(size, BLOCK_BYTES, read_block, st,
                                           stream_free);
}
