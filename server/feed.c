/* SPDX-License-Identifier: Apache-2.0
 * The feed: the one thread that reads the database for all event streams. Entries of the
 * log are read once and given to whoever wants them; a round or model that changed is
 * rendered once for its channel; those who are behind share the pages that are read. */
#include <stdio.h>
#include <string.h>

#include "server/common.h"
#include "server/http_internal.h"
#include "server/hub.h"
#include "server/models.h"
#include "server/rounds.h"
#include "util/log.h"

#define LIVE_PAGE 200u
#define CATCH_PAGE HUB_CATCH_FRAMES
#define STEP_SECONDS 0.1  /* at most so often, to take changes together */
#define PAGE_SECONDS 0.01 /* the same for those who are behind */
#define IDLE_SECONDS 1.0

/* ---- entries and the head ---- */

static struct frame *entry_frame(const struct db_rows *rows, unsigned i)
{
  AUTO(buf_done) struct buf data = {0};
  uint64_t leaf = (uint64_t)db_int(rows, i, 0);
  struct bytes event = db_bytes(rows, i, 1); /* canonical JSON: one line */
  if (buf_printf(&data, "{\"leaf\":%llu,\"event\":", (unsigned long long)leaf) != OK ||
      buf_put(&data, event.data, event.len) != OK || buf_puts(&data, "}") != OK)
    return NULL;
  return frame_new(FRAME_ENTRY, "entry", &leaf, buf_bytes(&data));
}

static bool concerns(const struct channel *c, const struct db_rows *rows, unsigned i)
{
  const char *model = db_text(rows, i, 2);
  struct bytes ctx = db_bytes(rows, i, 3);
  if (c->filter.kind == FILTER_ROUND)
    return bytes_equal(ctx, BYTES_OF(c->filter.ctx));
  return c->filter.kind == FILTER_ALL || (model && strcmp(model, c->filter.model) == 0);
}

static bool any_live(struct hub *h)
{
  bool any = false;
  pthread_mutex_lock(&h->mutex);
  for (struct channel *c = h->channels; c && !any; c = c->next)
    for (struct subscription *s = c->newest; s && !any; s = s->older)
      any = s->state == SUB_LIVE;
  pthread_mutex_unlock(&h->mutex);
  return any;
}

static void push_live(struct channel *c, struct frame *f)
{
  for (struct subscription *s = c->newest; s; s = s->older)
    if (s->state == SUB_LIVE)
      subscription_push(s, f);
}

static void give_entries(struct hub *h, const struct db_rows *rows)
{
  pthread_mutex_lock(&h->mutex);
  for (unsigned i = 0; i < rows->len; i++) {
    struct frame *f = entry_frame(rows, i);
    for (struct channel *c = h->channels; c; c = c->next)
      if (concerns(c, rows, i))
        push_live(c, f);
    frame_drop(f);
  }
  hub_unlock(h);
}

/* Everything up to this size goes to the live ones. */
static enum err feed_entries(struct hub *h, uint64_t size)
{
  while (h->at < size && any_live(h)) {
    AUTO(db_rows_done) struct db_rows rows = {0};
    TRY(db_query(h->db, Q_FEED_PAGE, &rows,
                 DB_ARGS(DB_INT(h->at), DB_INT(size), DB_INT(LIVE_PAGE))));
    if (!rows.len)
      break;
    give_entries(h, &rows);
    h->at = (uint64_t)db_int(&rows, rows.len - 1, 0) + 1;
  }
  h->at = MAX(h->at, size);
  return OK;
}

/* Whoever has it has everything before it: its id is the last leaf. */
static void feed_head(struct hub *h, const struct db_rows *rows)
{
  AUTO(json_drop)
  json_t *head =
      json_pack("{s:I,s:o,s:f}", "size", (json_int_t)db_int(rows, 0, 0), "root",
                json_hex(db_bytes(rows, 0, 1).data, 32), "time", db_real(rows, 0, 2));
  AUTO(free_drop) char *text = json_dumps(head, JSON_COMPACT);
  uint64_t last = h->at - 1;
  if (!text)
    return;
  pthread_mutex_lock(&h->mutex);
  frame_drop(h->head);
  h->head = frame_new(FRAME_HEAD, "head", &last, BYTES(text, strlen(text)));
  for (struct channel *c = h->channels; c; c = c->next)
    push_live(c, h->head);
  hub_unlock(h);
}

static enum err feed_log(struct hub *h)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(h->db, Q_FEED_HEAD, &rows, DB_NONE));
  uint64_t size = rows.len ? (uint64_t)db_int(&rows, 0, 0) : 0;
  if (size == 0 || (h->head && size <= h->at))
    return OK;
  TRY(feed_entries(h, size));
  feed_head(h, &rows);
  return OK;
}

/* ---- rounds and models ---- */

/* What it says, but for the time at which it was asked. */
static char *without_clock(const json_t *o)
{
  AUTO(json_drop) json_t *copy = json_copy((json_t *)o);
  json_object_del(copy, "now_at");
  json_object_del(copy, "deadline_in");
  return json_dumps(copy, JSON_COMPACT);
}

/* Takes the JSON. It is told when it says something else than before. */
static void show(struct hub *h, struct channel *c, struct snapshot *shown, json_t *o)
{
  bool round = shown == &c->round;
  char *same = without_clock(o), *text = json_dumps(o, JSON_COMPACT);
  json_decref(o);
  if (!same || !text) {
    free(same);
    free(text);
    return;
  }
  struct frame *f = frame_new(round ? FRAME_ROUND : FRAME_MODEL,
                              round ? "round" : "model", NULL, BYTES(text, strlen(text)));
  free(text);
  pthread_mutex_lock(&h->mutex);
  bool changed = !shown->same || strcmp(shown->same, same) != 0;
  free(shown->same);
  frame_drop(shown->frame);
  shown->same = same;
  shown->frame = f;
  shown->made = clock_now();
  for (struct subscription *s = c->newest; s && changed; s = s->older)
    if (s->state != SUB_FRESH)
      subscription_push(s, f);
  hub_unlock(h);
}

static enum err find_current(struct hub *h, struct channel *c)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest ctx;
  if (c->filter.kind == FILTER_ROUND)
    return OK;
  TRY(db_query(h->db, Q_FEED_CURRENT, &rows, DB_ARGS(DB_TEXT(c->filter.model))));
  bool found = rows.len && db_fixed(&rows, 0, 0, &ctx, sizeof ctx);
  pthread_mutex_lock(&h->mutex);
  c->has_current = found;
  if (found)
    c->current = ctx;
  pthread_mutex_unlock(&h->mutex);
  return OK;
}

static enum err render(struct hub *h, struct channel *c, bool round, bool model)
{
  json_t *o = NULL;
  if (model) {
    enum err e = model_render(h->server, h->db, c->filter.model, &o);
    if (e == OK)
      show(h, c, &c->model, o);
    else if (e != E_NOT_FOUND)
      return e;
  }
  if (!round)
    return OK;
  TRY(find_current(h, c));
  if (c->filter.kind == FILTER_MODEL && !c->has_current)
    return OK;
  TRY(round_render(h->db, c->has_current ? &c->current : &c->filter.ctx, &o));
  show(h, c, &c->round, o);
  return OK;
}

/* The marks go before the look: a change that comes meanwhile marks again. */
static enum err render_dirty(struct hub *h, struct channel *c)
{
  pthread_mutex_lock(&h->mutex);
  bool round = c->round_dirty && c->newest, model = c->model_dirty && c->newest;
  c->round_dirty &= !round;
  c->model_dirty &= !model;
  pthread_mutex_unlock(&h->mutex);
  enum err e = round || model ? render(h, c, round, model) : OK;
  if (e == OK || e == E_NOT_FOUND)
    return OK;
  pthread_mutex_lock(&h->mutex);
  c->round_dirty |= round;
  c->model_dirty |= model;
  pthread_mutex_unlock(&h->mutex);
  return e;
}

/* ---- those who are new, behind, or long without a word ---- */

static void become_live(struct hub *h, struct subscription *s)
{
  s->state = SUB_LIVE;
  subscription_push(s, h->head);
}

static void greet(struct hub *h, struct channel *c)
{
  pthread_mutex_lock(&h->mutex);
  bool shown = !c->round_dirty && !c->model_dirty;
  for (struct subscription *s = c->newest; s && shown; s = s->older) {
    if (s->state != SUB_FRESH)
      continue;
    s->state = SUB_BEHIND;
    subscription_push(s, h->hello);
    subscription_push(s, c->model.frame);
    subscription_push(s, c->round.frame);
    if (!s->resumes || s->next >= h->at)
      become_live(h, s);
  }
  hub_unlock(h);
}

/* The least leaf that somebody with room waits for. */
static bool find_behind(struct hub *h, struct channel *c, uint64_t *from)
{
  bool found = false;
  pthread_mutex_lock(&h->mutex);
  for (struct subscription *s = c->newest; s; s = s->older) {
    if (s->state != SUB_BEHIND)
      continue;
    s->stuck = !subscription_room(s);
    if (s->stuck || (found && s->next >= *from))
      continue;
    *from = s->next;
    found = true;
  }
  pthread_mutex_unlock(&h->mutex);
  return found;
}

static enum err read_page(struct hub *h, const struct filter *f, uint64_t from,
                          struct db_rows *rows)
{
  struct db_arg first = DB_INT(from), end = DB_INT(h->at), most = DB_INT(CATCH_PAGE);
  if (f->kind == FILTER_ROUND)
    return db_query(h->db, Q_FEED_PAGE_CTX, rows,
                    DB_ARGS(first, end, most, DB_FIXED(&f->ctx)));
  if (f->kind == FILTER_MODEL)
    return db_query(h->db, Q_FEED_PAGE_MODEL, rows,
                    DB_ARGS(first, end, most, DB_TEXT(f->model)));
  return db_query(h->db, Q_FEED_PAGE, rows, DB_ARGS(first, end, most));
}

/* Whoever came while the page was read is not part of it. */
static void give_page(struct channel *c, uint64_t from, const struct db_rows *rows)
{
  for (unsigned i = 0; i < rows->len; i++) {
    struct frame *f = entry_frame(rows, i);
    uint64_t leaf = (uint64_t)db_int(rows, i, 0);
    for (struct subscription *s = c->newest; s; s = s->older) {
      if (s->state != SUB_BEHIND || s->stuck || s->next < from || s->next > leaf)
        continue;
      s->stuck = !subscription_room(s);
      if (s->stuck)
        continue;
      s->next = leaf + 1;
      subscription_push(s, f);
    }
    frame_drop(f);
  }
}

static enum err catch_up(struct hub *h, struct channel *c)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  uint64_t from = 0;
  if (!find_behind(h, c, &from))
    return OK;
  TRY(read_page(h, &c->filter, from, &rows));
  bool last = rows.len < CATCH_PAGE;
  pthread_mutex_lock(&h->mutex);
  give_page(c, from, &rows);
  for (struct subscription *s = c->newest; s && last; s = s->older)
    if (s->state == SUB_BEHIND && !s->stuck && s->next >= from)
      become_live(h, s);
  hub_unlock(h);
  h->again |= !last;
  return OK;
}

static void beat(struct hub *h, struct channel *c)
{
  double now = clock_now();
  pthread_mutex_lock(&h->mutex);
  for (struct subscription *s = c->newest; s; s = s->older) {
    if (s->state != SUB_FRESH && !s->len && s->spoken <= now - HUB_BEAT)
      subscription_push(s, h->beat);
    if (s->len && s->moved < now - h->patience)
      subscription_end(s);
  }
  hub_unlock(h);
}

static void drop_unheard(struct hub *h)
{
  pthread_mutex_lock(&h->mutex);
  for (struct channel **at = &h->channels; *at;) {
    struct channel *c = *at;
    if (c->newest) {
      at = &c->next;
      continue;
    }
    *at = c->next;
    channel_free(c);
  }
  pthread_mutex_unlock(&h->mutex);
}

/* ---- the thread ---- */

static enum err step_channels(struct hub *h)
{
  enum err worst = OK;
  pthread_mutex_lock(&h->mutex);
  struct channel *first = h->channels;
  pthread_mutex_unlock(&h->mutex);
  for (struct channel *c = first; c; c = c->next) {
    enum err e = render_dirty(h, c);
    greet(h, c);
    if (e == OK)
      e = catch_up(h, c);
    beat(h, c);
    worst = e == OK ? worst : e;
  }
  return worst;
}

static void step(struct hub *h)
{
  pthread_mutex_lock(&h->mutex);
  bool look = h->log_dirty || !h->head;
  h->log_dirty = false;
  pthread_mutex_unlock(&h->mutex);
  h->again = false;
  enum err log = look ? feed_log(h) : OK;
  if (log != OK) {
    pthread_mutex_lock(&h->mutex);
    h->log_dirty = true;
    pthread_mutex_unlock(&h->mutex);
  }
  enum err e = log == OK ? step_channels(h) : log;
  drop_unheard(h);
  if (e != OK && !h->failing)
    log_warning("events", "streams have to wait: %s", err_info(e)->slug);
  h->failing = e != OK;
  h->again &= e == OK;
}

/* Until there is something to do, and not too often. False at the end. */
static bool wait_for_work(struct hub *h)
{
  pthread_mutex_lock(&h->mutex);
  double idle = h->count ? clock_now() + IDLE_SECONDS : 0;
  double soonest = h->stepped + (h->failing ? IDLE_SECONDS : STEP_SECONDS);
  while (!h->closed && !h->again) {
    double now = clock_now();
    bool due = h->wanted || (h->count && now >= idle);
    if (h->hungry && !h->failing) {
      due = true;
      soonest = MIN(soonest, h->stepped + PAGE_SECONDS);
    }
    if (due && now >= soonest)
      break;
    struct timespec until = clock_spec(due ? soonest : idle);
    if (due || h->count)
      pthread_cond_timedwait(&h->changed, &h->mutex, &until);
    else
      pthread_cond_wait(&h->changed, &h->mutex);
  }
  h->wanted = h->hungry = false;
  h->stepped = clock_now();
  bool on = !h->closed;
  pthread_mutex_unlock(&h->mutex);
  return on;
}

void *feed_run(void *hub)
{
  while (wait_for_work(hub))
    step(hub);
  return NULL;
}
