/* SPDX-License-Identifier: Apache-2.0
 * The streams' side of the hub: frames, queues, connections that are suspended while
 * there is nothing to say. The mutex is held while a connection is suspended, never while
 * one is resumed. */
#include "server/hub.h"

#include <stdio.h>
#include <string.h>

#include "db/db.h"
#include "server/http_internal.h"
#include "util/text.h"

#define BLOCK_BYTES ((size_t)4 << 10)
#define RETRY_MS 2000u
#define FRESH_ENOUGH 1.0 /* a snapshot this old is good for a new stream */

/* ---- frames ---- */

struct frame *frame_new(enum frame_kind kind, const char *event, const uint64_t *id,
                        struct bytes data)
{
  char head[96] = "", number[32] = "";
  if (id)
    snprintf(number, sizeof number, "id: %llu\n", (unsigned long long)*id);
  if (event)
    snprintf(head, sizeof head, "event: %s\n%sdata: ", event, number);
  size_t before = strlen(head);
  struct frame *f = must_calloc(1, sizeof *f + before + data.len + 3);
  f->refs = 1;
  f->kind = kind;
  f->leaf = id ? *id : 0;
  memcpy(f->text, head, before);
  memcpy(f->text + before, data.data, data.len);
  memcpy(f->text + before + data.len, "\n\n", 2);
  f->len = before + data.len + 2;
  return f;
}

void frame_drop(struct frame *f)
{
  if (f && --f->refs == 0)
    free(f);
}

/* ---- queues ---- */

static void take_out(struct subscription *s, unsigned at)
{
  s->bytes -= s->queue[at]->len;
  frame_drop(s->queue[at]);
  s->len--;
  memmove(s->queue + at, s->queue + at + 1, (s->len - at) * sizeof(struct frame *));
}

static void empty_queue(struct subscription *s)
{
  while (s->len)
    take_out(s, s->len - 1);
  free(STEAL(s->queue));
  s->room = 0;
  s->sent = 0;
}

static void wake(struct subscription *s)
{
  if (!s->suspended)
    return;
  s->suspended = false;
  s->ready = s->hub->ready;
  s->hub->ready = s;
}

void subscription_end(struct subscription *s)
{
  empty_queue(s);
  s->state = SUB_ENDED;
  wake(s);
}

/* A snapshot that is not on its way yet gives way to the newer one. */
static void replace_older(struct subscription *s, enum frame_kind kind)
{
  for (unsigned i = s->sent ? 1 : 0; kind >= FRAME_ROUND && i < s->len; i++)
    if (s->queue[i]->kind == kind) {
      take_out(s, i);
      return;
    }
}

void subscription_push(struct subscription *s, struct frame *f)
{
  if (!f || s->state == SUB_ENDED)
    return;
  replace_older(s, f->kind);
  bool full = s->len && (s->len >= HUB_FRAMES_MAX || s->bytes + f->len > HUB_BYTES_MAX);
  if (full && f->kind == FRAME_ENTRY) {
    s->state = SUB_BEHIND; /* the one and only way back is by reading from there */
    s->next = f->leaf;
    return;
  }
  if (s->len == s->room) {
    s->room = s->room ? 2 * s->room : 4;
    s->queue = must_realloc(s->queue, s->room, sizeof(struct frame *));
  }
  if (!s->len)
    s->moved = clock_now();
  f->refs++;
  s->queue[s->len++] = f;
  s->bytes += f->len;
  s->spoken = clock_now();
  wake(s);
}

bool subscription_room(const struct subscription *s)
{
  return s->len < HUB_CATCH_FRAMES && s->bytes < HUB_BYTES_MAX / 2;
}

void hub_unlock(struct hub *h)
{
  struct subscription *ready = STEAL(h->ready);
  pthread_mutex_unlock(&h->mutex);
  while (ready) {
    struct subscription *s = ready;
    ready = s->ready; /* s may be gone once it runs */
    MHD_resume_connection(s->connection);
  }
}

/* ---- the response ---- */

static void want(struct hub *h)
{
  h->wanted = true;
  pthread_cond_signal(&h->changed);
}

static size_t copy_out(struct subscription *s, char *out, size_t max)
{
  size_t got = 0;
  while (s->len && got < max) {
    struct frame *f = s->queue[0];
    size_t n = MIN(max - got, f->len - s->sent);
    memcpy(out + got, f->text + s->sent, n);
    got += n;
    s->sent += n;
    if (s->sent < f->len)
      break;
    s->sent = 0;
    take_out(s, 0);
    s->moved = clock_now();
  }
  if (!s->len)
    empty_queue(s);
  return got;
}

/* Who is behind is read more for before it has nothing left. */
static void feed_more(struct subscription *s)
{
  struct hub *h = s->hub;
  if (s->state != SUB_BEHIND || s->len > HUB_CATCH_FRAMES / 2 || h->hungry ||
      !subscription_room(s))
    return;
  h->hungry = true;
  pthread_cond_signal(&h->changed);
}

static ssize_t read_frames(void *cls, uint64_t pos, char *out, size_t max)
{
  struct subscription *s = cls;
  struct hub *h = s->hub;
  ssize_t got = 0;
  pthread_mutex_lock(&h->mutex);
  if (s->state == SUB_ENDED) {
    got = MHD_CONTENT_READER_END_OF_STREAM;
  } else if (s->len) {
    got = (ssize_t)copy_out(s, out, MIN(max, BLOCK_BYTES));
    feed_more(s);
  } else {
    MHD_suspend_connection(s->connection);
    s->suspended = true;
  }
  pthread_mutex_unlock(&h->mutex);
  return got;
}

static void free_subscription(void *cls)
{
  subscription_free(cls);
}

struct MHD_Response *subscription_response(struct subscription *s)
{
  return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_frames, s,
                                           free_subscription);
}

/* ---- subscribing ---- */

void channel_free(struct channel *c)
{
  frame_drop(c->round.frame);
  frame_drop(c->model.frame);
  free(c->round.same);
  free(c->model.same);
  free(c);
}

static struct channel *find_channel(struct hub *h, const struct filter *f)
{
  struct channel *c = h->channels;
  while (c && memcmp(&c->filter, f, sizeof *f) != 0)
    c = c->next;
  if (c)
    return c;
  c = must_calloc(1, sizeof *c);
  memcpy(&c->filter, f, sizeof *f); /* with what lies between its members */
  c->next = h->channels;
  h->channels = c;
  return c;
}

struct subscription *hub_subscribe(struct hub *h, const struct filter *filter,
                                   const uint64_t *from,
                                   struct MHD_Connection *connection)
{
  struct subscription *s = NULL;
  double now = clock_now();
  pthread_mutex_lock(&h->mutex);
  if (!h->closed && h->count < h->max) {
    struct channel *c = find_channel(h, filter);
    s = must_calloc(1, sizeof *s);
    *s = (struct subscription){.hub = h, .channel = c, .connection = connection};
    s->resumes = from != NULL;
    s->next = from ? *from : 0;
    s->spoken = now;
    s->older = c->newest;
    if (c->newest)
      c->newest->newer = s;
    c->newest = s;
    if (filter->kind != FILTER_ALL && now - c->round.made > FRESH_ENOUGH)
      c->round_dirty = true;
    if (filter->kind == FILTER_MODEL && now - c->model.made > FRESH_ENOUGH)
      c->model_dirty = true;
    h->count++;
    want(h);
  }
  pthread_mutex_unlock(&h->mutex);
  return s;
}

void subscription_free(struct subscription *s)
{
  if (!s)
    return;
  struct hub *h = s->hub;
  pthread_mutex_lock(&h->mutex);
  if (s->newer)
    s->newer->older = s->older;
  else
    s->channel->newest = s->older;
  if (s->older)
    s->older->newer = s->newer;
  empty_queue(s);
  h->count--;
  pthread_mutex_unlock(&h->mutex);
  free(s);
}

unsigned hub_streams(struct hub *h)
{
  pthread_mutex_lock(&h->mutex);
  unsigned count = h->count;
  pthread_mutex_unlock(&h->mutex);
  return count;
}

/* ---- news ---- */

static bool of_round(const struct channel *c, const struct digest *ctx)
{
  if (c->filter.kind == FILTER_ROUND)
    return memcmp(&c->filter.ctx, ctx, sizeof *ctx) == 0;
  return c->has_current && memcmp(&c->current, ctx, sizeof *ctx) == 0;
}

static void mark(struct channel *c, const char *topic, const struct digest *ctx)
{
  if (c->filter.kind == FILTER_ALL)
    return;
  bool model = c->filter.kind == FILTER_MODEL &&
               (!topic || (strncmp(topic, "model:", 6) == 0 &&
                           strcmp(topic + 6, c->filter.model) == 0));
  c->model_dirty |= model;
  c->round_dirty |= !topic || model || (ctx && of_round(c, ctx));
}

static void end_channel(struct channel *c)
{
  for (struct subscription *s = c->newest; s; s = s->older)
    subscription_end(s);
}

void hub_heard(struct hub *h, const char *topic)
{
  struct digest ctx;
  bool sight = !topic || strcmp(topic, "sight") == 0;
  bool round = topic &&
               (strncmp(topic, "round:", 6) == 0 || strncmp(topic, "count:", 6) == 0) &&
               hex_decode(ctx.b, sizeof ctx.b, topic + 6) == OK;
  pthread_mutex_lock(&h->mutex);
  h->log_dirty |= !topic || strcmp(topic, "log") == 0;
  for (struct channel *c = h->channels; c; c = c->next) {
    mark(c, topic, round ? &ctx : NULL);
    if (sight && c->filter.kind != FILTER_ALL)
      end_channel(c); /* who comes again is asked again who it is */
  }
  if (h->count)
    want(h);
  hub_unlock(h);
}

/* ---- start and stop ---- */

enum err hub_start(struct hub **out, struct server *server, const char *conninfo,
                   unsigned max, unsigned patience, struct why *why)
{
  struct hub *h = must_calloc(1, sizeof *h);
  char retry[32];
  h->server = server;
  h->max = max;
  h->patience = patience;
  pthread_mutex_init(&h->mutex, NULL);
  clock_cond_init(&h->changed);
  snprintf(retry, sizeof retry, "retry: %u", RETRY_MS);
  h->hello = frame_new(FRAME_COMMENT, NULL, NULL, BYTES(retry, strlen(retry)));
  h->beat = frame_new(FRAME_COMMENT, NULL, NULL, BYTES(":", 1));
  enum err e = db_open(&h->db, conninfo, true, why);
  if (e == OK && pthread_create(&h->thread, NULL, feed_run, h) != 0)
    e = E_BUSY;
  h->runs = e == OK;
  if (e == OK)
    *out = h;
  else
    hub_free(h);
  return e;
}

void hub_close(struct hub *h)
{
  if (!h)
    return;
  pthread_mutex_lock(&h->mutex);
  h->closed = true;
  for (struct channel *c = h->channels; c; c = c->next)
    end_channel(c);
  pthread_cond_signal(&h->changed);
  hub_unlock(h);
  if (h->runs)
    pthread_join(h->thread, NULL);
  h->runs = false;
}

void hub_free(struct hub *h)
{
  if (!h)
    return;
  hub_close(h);
  while (h->channels) {
    struct channel *c = h->channels;
    h->channels = c->next;
    channel_free(c);
  }
  frame_drop(h->head);
  frame_drop(h->hello);
  frame_drop(h->beat);
  db_close(h->db);
  pthread_cond_destroy(&h->changed);
  pthread_mutex_destroy(&h->mutex);
  free(h);
}
