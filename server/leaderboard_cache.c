/* SPDX-License-Identifier: Apache-2.0
 * The boards in memory, and the answers that are prepared of them.
 *
 * A board is good for a second after its version was looked at. From half of that on the
 * first request that is answered from memory has a worker look again, so that under load
 * nobody waits for it. `making` lets one at a time read boards from the database; `lock`
 * guards the list, the answers and the counts. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/etag.h"
#include "server/http_internal.h"
#include "server/leaderboard.h"
#include "server/server.h"
#include "server/sessions.h"
#include "util/log.h"

#define GOOD 1.0  /* seconds */
#define EARLY 0.5 /* from here on a worker looks again */
#define LINES_MAX ((size_t)200000)
#define BOARDS_MAX 64u
#define ANSWERS_MAX 64u /* of a board */
#define ANSWER_BYTES_MAX ((size_t)4 << 20)

/* What is asked of one board. */
struct asked {
  unsigned limit;
  bool csv, behind;
  struct board_place cursor;
};

struct answer {
  struct asked asked;
  char etag[72];
  struct MHD_Response *whole, *unchanged;
};

struct kept {
  struct board board; /* must be first */
  char model[SLUG_MAX + 1];
  unsigned days, refs;
  int64_t day;
  double looked_at, used_at;
  atomic_bool wanted; /* a worker should look at it again */
  struct answer answers[ANSWERS_MAX];
  unsigned answer_count;
  struct kept *next;
};

struct leaderboard {
  struct job job; /* must be first: a look ahead of time */
  atomic_bool looking;
  pthread_mutex_t making;
  pthread_rwlock_t lock;
  struct kept *first;
};

static void kept_free(struct kept *k)
{
  struct board_line *lines = (struct board_line *)k->board.lines;
  for (size_t i = 0; i < k->board.len; i++) {
    free(lines[i].name);
    free(lines[i].earned);
  }
  for (unsigned i = 0; i < k->answer_count; i++) {
    MHD_destroy_response(k->answers[i].whole);
    MHD_destroy_response(k->answers[i].unchanged);
  }
  free(lines);
  free(k);
}

struct leaderboard *leaderboard_new(void)
{
  struct leaderboard *lb = must_calloc(1, sizeof *lb);
  pthread_rwlockattr_t kind;
  pthread_mutex_init(&lb->making, NULL);
  pthread_rwlockattr_init(&kind); /* readers come all the time */
  pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&lb->lock, &kind);
  pthread_rwlockattr_destroy(&kind);
  return lb;
}

void leaderboard_free(struct leaderboard *lb)
{
  if (!lb)
    return;
  while (lb->first) {
    struct kept *k = lb->first;
    lb->first = k->next;
    kept_free(k);
  }
  pthread_rwlock_destroy(&lb->lock);
  pthread_mutex_destroy(&lb->making);
  free(lb);
}

/* ---- the list; under the lock ---- */

static struct kept *find(const struct leaderboard *lb, const char *model, unsigned days)
{
  for (struct kept *k = lb->first; k; k = k->next)
    if (k->days == days && strcmp(k->model, model) == 0)
      return k;
  return NULL;
}

static void unref(struct kept *k)
{
  if (--k->refs == 0)
    kept_free(k);
}

static void take_out(struct leaderboard *lb, const struct kept *k)
{
  struct kept **at = &lb->first;
  while (*at && *at != k)
    at = &(*at)->next;
  if (!*at)
    return;
  struct kept *gone = *at;
  *at = gone->next;
  unref(gone);
}

/* The newest comes first; what makes the list too large goes, the least used first. */
static void put_in(struct leaderboard *lb, struct kept *k)
{
  k->refs++;
  k->next = lb->first;
  lb->first = k;
  for (;;) {
    size_t lines = 0, count = 0;
    const struct kept *least = NULL;
    for (const struct kept *o = lb->first; o; o = o->next) {
      lines += o->board.len;
      count++;
      if (o != k && (!least || o->used_at < least->used_at))
        least = o;
    }
    if (!least || (lines <= LINES_MAX && count <= BOARDS_MAX))
      return;
    take_out(lb, least);
  }
}

/* ---- reading from the database; by who holds `making` ---- */

static char *copy_text(const char *text)
{
  return text ? must_strdup(text) : NULL;
}

static enum err read_line(struct board_line *l, const struct db_rows *r, unsigned row,
                          const struct board_line *before)
{
  struct board_place *p = &l->place;
  if (!db_fixed(r, row, 0, p->id.b, sizeof p->id.b) ||
      !db_fixed(r, row, 3, l->organisation, sizeof l->organisation))
    return E_INTERNAL;
  l->name_shown = db_bool(r, row, 2);
  p->rounds = (uint64_t)db_int(r, row, 4);
  p->joined = (uint64_t)db_int(r, row, 5);
  l->samples = db_null(r, row, 6) ? -1 : db_int(r, row, 6);
  bool level =
      before && before->place.rounds == p->rounds && before->place.joined == p->joined;
  l->rank = level ? before->rank : row + 1;
  l->name = copy_text(db_text(r, row, 1));
  l->earned = copy_text(db_text(r, row, 7));
  return OK;
}

static enum err read_lines(struct db *db, struct kept *k)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(
      db, Q_LEADERBOARD_LINES, &rows,
      DB_ARGS(DB_TEXT(*k->model ? k->model : NULL), DB_INT(k->days ? k->day : 0))));
  struct board_line *lines = must_calloc(rows.len + 1, sizeof *lines);
  k->board.lines = lines;
  for (unsigned i = 0; i < rows.len; i++) {
    k->board.len = i + 1;
    TRY(read_line(&lines[i], &rows, i, i ? &lines[i - 1] : NULL));
  }
  return OK;
}

/* What the board would be now, without its lines. */
static enum err look(struct db *db, struct kept *out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  out->looked_at = clock_now();
  TRY(db_query(db, Q_LEADERBOARD_VERSION, &rows,
               DB_ARGS(DB_TEXT(*out->model ? out->model : NULL))));
  if (!rows.len)
    return E_NOT_FOUND;
  out->board.version = db_int(&rows, 0, 0);
  out->day = out->days ? db_int(&rows, 0, 1) - out->days : 0;
  out->board.open = db_bool(&rows, 0, 2);
  return OK;
}

static void set_looked(struct leaderboard *lb, struct kept *k, double at)
{
  pthread_rwlock_wrlock(&lb->lock);
  k->looked_at = k->used_at = at;
  pthread_rwlock_unlock(&lb->lock);
}

static void replace(struct leaderboard *lb, struct kept *old, struct kept *new)
{
  new->used_at = new->looked_at;
  pthread_rwlock_wrlock(&lb->lock);
  if (old)
    take_out(lb, old);
  put_in(lb, new);
  pthread_rwlock_unlock(&lb->lock);
}

/* Makes sure that the board is there as it is now. Only who holds `making` takes boards
 * out, so `old` stays. */
static enum err renew(struct leaderboard *lb, struct db *db, const char *model,
                      unsigned days)
{
  struct kept *new = must_calloc(1, sizeof *new);
  pthread_rwlock_rdlock(&lb->lock);
  struct kept *old = find(lb, model, days);
  pthread_rwlock_unlock(&lb->lock);
  snprintf(new->model, sizeof new->model, "%s", model);
  new->days = days;
  enum err e = look(db, new);
  if (e == OK && old && old->board.version == new->board.version &&
      old->day == new->day && old->board.open == new->board.open) {
    set_looked(lb, old, new->looked_at);
    kept_free(new);
    return OK;
  }
  if (e == OK)
    e = read_lines(db, new);
  if (e == OK)
    replace(lb, old, new);
  else
    kept_free(new);
  return e;
}

/* ---- for the handler ---- */

/* The board, if it was looked at after `since`; it is then the caller's too. */
static const struct board *take_good(struct leaderboard *lb, const struct board_ask *ask,
                                     double since)
{
  pthread_rwlock_wrlock(&lb->lock);
  struct kept *k = find(lb, ask->model, ask->days);
  bool good = k && k->looked_at > since;
  if (good)
    k->refs++;
  pthread_rwlock_unlock(&lb->lock);
  return good ? &k->board : NULL;
}

enum err board_get(struct leaderboard *lb, struct db *db, const struct board_ask *ask,
                   const struct board **out)
{
  double since = clock_now() - GOOD;
  enum err e = OK;
  if ((*out = take_good(lb, ask, since)))
    return OK;
  pthread_mutex_lock(&lb->making);
  if (!(*out = take_good(lb, ask, since)))
    e = renew(lb, db, ask->model, ask->days);
  if (e == OK && !*out && !(*out = take_good(lb, ask, since)))
    e = E_INTERNAL;
  pthread_mutex_unlock(&lb->making);
  return e;
}

void board_give(struct leaderboard *lb, const struct board *b)
{
  pthread_rwlock_wrlock(&lb->lock);
  unref((struct kept *)b);
  pthread_rwlock_unlock(&lb->lock);
}

/* ---- prepared answers ---- */

static struct asked asked_of(const struct board_ask *ask)
{
  return (struct asked){ask->limit, ask->csv, ask->behind, ask->cursor};
}

static bool same(const struct asked *a, const struct asked *b)
{
  return a->limit == b->limit && a->csv == b->csv && a->behind == b->behind &&
         a->cursor.rounds == b->cursor.rounds && a->cursor.joined == b->cursor.joined &&
         memcmp(a->cursor.id.b, b->cursor.id.b, sizeof a->cursor.id.b) == 0;
}

static const struct answer *find_answer(const struct kept *k, const struct asked *asked)
{
  for (unsigned i = 0; i < k->answer_count; i++)
    if (same(&k->answers[i].asked, asked))
      return &k->answers[i];
  return NULL;
}

static struct MHD_Response *response_of(const struct server *server,
                                        const struct reply *rp, bool whole)
{
  char quoted[sizeof rp->etag + 2], name[128];
  struct MHD_Response *r = MHD_create_response_from_buffer(
      whole ? rp->bytes.len : 0, rp->bytes.data, MHD_RESPMEM_MUST_COPY);
  snprintf(quoted, sizeof quoted, "\"%s\"", rp->etag);
  MHD_add_response_header(r, "ETag", quoted);
  MHD_add_response_header(r, "Cache-Control", "no-cache");
  MHD_add_response_header(r, "Vary", VARY_CALLER);
  response_interface(r, server);
  if (!whole)
    return r;
  MHD_add_response_header(r, "Content-Type", rp->content_type);
  if (!rp->filename[0])
    return r;
  snprintf(name, sizeof name, "attachment; filename=\"%s\"", rp->filename);
  MHD_add_response_header(r, "Content-Disposition", name);
  return r;
}

void board_prepare(const struct request *rq, const struct board *b,
                   const struct board_ask *ask, const struct reply *rp)
{
  struct leaderboard *lb = rq->server->leaderboard;
  struct kept *k = (struct kept *)b;
  struct asked asked = asked_of(ask);
  if (rp->bytes.len > ANSWER_BYTES_MAX)
    return;
  struct answer a = {.asked = asked,
                     .whole = response_of(rq->server, rp, true),
                     .unchanged = response_of(rq->server, rp, false)};
  memcpy(a.etag, rp->etag, sizeof a.etag);
  pthread_rwlock_wrlock(&lb->lock);
  bool kept = k->answer_count < ANSWERS_MAX && !find_answer(k, &asked);
  if (kept)
    k->answers[k->answer_count++] = a;
  pthread_rwlock_unlock(&lb->lock);
  if (kept)
    return;
  MHD_destroy_response(a.whole);
  MHD_destroy_response(a.unchanged);
}

/* ---- on an HTTP thread ---- */

/* A worker's job: the boards that are wanted are looked at again. */
static void look_ahead(struct job *job, struct db *db)
{
  struct leaderboard *lb = (struct leaderboard *)job;
  struct kept *k;
  atomic_store(&lb->looking, false); /* what is wanted from here on gets its own job */
  pthread_mutex_lock(&lb->making);
  do {
    char model[SLUG_MAX + 1] = "";
    pthread_rwlock_rdlock(&lb->lock);
    for (k = lb->first; k && !atomic_exchange(&k->wanted, false);)
      k = k->next;
    unsigned days = k ? k->days : 0;
    if (k)
      memcpy(model, k->model, sizeof model);
    pthread_rwlock_unlock(&lb->lock);
    if (k && renew(lb, db, model, days) != OK)
      log_debug("leaderboard", "\"%s\" could not be read ahead of time", model);
  } while (k);
  pthread_mutex_unlock(&lb->making);
}

static void want_look(struct leaderboard *lb, struct http *h)
{
  if (atomic_exchange(&lb->looking, true))
    return;
  lb->job.run = look_ahead;
  if (!queue_push(&h->queue, &lb->job, NULL, false))
    atomic_store(&lb->looking, false);
}

static bool send_kept(struct exchange *x, const struct kept *k, const struct asked *asked,
                      enum MHD_Result *out)
{
  const struct answer *a = find_answer(k, asked);
  const char *known = request_header(&x->request, "If-None-Match");
  if (!a)
    return false;
  bool unchanged = known && etag_listed(known, a->etag, true);
  x->stage = STAGE_SENT;
  x->status = unchanged ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK;
  *out =
      MHD_queue_response(x->connection, x->status, unchanged ? a->unchanged : a->whole);
  return true;
}

bool leaderboard_answer(struct exchange *x, enum MHD_Result *out)
{
  struct leaderboard *lb = x->request.server->leaderboard;
  struct board_ask ask;
  double age = GOOD;
  bool sent = false;
  if (request_header(&x->request, "Authorization") || session_cookie(&x->request) ||
      request_header(&x->request, "Range") || board_ask_read(&x->request, &ask) != OK) {
    x->why = (struct why){0};
    return false;
  }
  struct asked asked = asked_of(&ask);
  pthread_rwlock_rdlock(&lb->lock);
  struct kept *k = find(lb, ask.model, ask.days);
  if (k)
    age = clock_now() - k->looked_at;
  if (k && age < GOOD && k->board.open)
    sent = send_kept(x, k, &asked, out);
  bool ahead = sent && age >= EARLY && !atomic_exchange(&k->wanted, true);
  pthread_rwlock_unlock(&lb->lock);
  if (ahead)
    want_look(lb, x->http);
  return sent;
}
