/* SPDX-License-Identifier: Apache-2.0
 * Reading from a server. */
#include "clients/lib/source.h"

#include <stdio.h>
#include <string.h>

#include "clients/lib/api.h"
#include "util/field.h"
#include "util/text.h"

#define BASE "/api/v1/"
#define JSON_MAX ((size_t)64 << 20)

enum err source_get(struct source *s, const char *path, size_t max, struct buf *out,
                    struct why *why)
{
  return s->get(s, path, (struct http_range){0, 0}, max, out, why);
}

enum err source_part(struct source *s, const char *path, uint64_t from, size_t len,
                     struct buf *out, struct why *why)
{
  size_t before = out->len;
  TRY(s->get(s, path, (struct http_range){from, len}, len, out, why));
  if (out->len - before != len)
    return why_set(why, E_REPLY, "", "%s: %zu bytes came for %zu", path,
                   out->len - before, len);
  return OK;
}

enum err source_json(struct source *s, const char *path, json_t **out, struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  struct why bad = {0};
  TRY(source_get(s, path, JSON_MAX, &text, why));
  if (json_parse(out, buf_bytes(&text), JSON_MAX, &bad) != OK)
    return why_set(why, E_REPLY, "", "%s: %s", path, bad.detail);
  return OK;
}

bool source_tells(enum err e)
{
  switch (e) {
  case E_NETWORK:
  case E_BUSY:
  case E_RATE:
  case E_DB:
  case E_DB_RETRY:
  case E_IO:
  case E_INTERNAL:
    return false;
  default:
    return e != OK;
  }
}

struct server {
  struct source source;
  struct http *http;
  struct http_options options;
  char *address;
  const struct self *self;
  struct reader reader; /* its own: one thread uses it */
};

/* For a masked chunk: the header that says who asks. "" otherwise. */
static void authorize(char out[256], const struct server *s, const char *path)
{
  static const char rounds[] = "rounds/";
  struct digest ctx;
  char hex[65];
  *out = '\0';
  if (!s->self || strncmp(path, rounds, sizeof rounds - 1) != 0 ||
      !strstr(path, "/chunks/"))
    return;
  snprintf(hex, sizeof hex, "%s", path + sizeof rounds - 1);
  if (hex_decode(ctx.b, sizeof ctx.b, hex) == OK)
    api_authorization(out, &ctx, &s->self->id, &s->self->key);
}

/* Whether the server answers at all. */
static bool answers(struct server *s)
{
  struct http_reply rp = {0};
  struct http_request rq = {.method = "GET", .path = BASE "health", .max = 4096};
  bool good = http_call(s->http, &rq, &rp, NULL) == OK;
  http_reply_done(&rp);
  return good;
}

/* One path, tried with patience. A server that answers, but never brings this to its end,
 * does not serve it. */
static enum err call(struct server *s, const struct http_request *rq,
                     struct http_reply *rp, struct why *why)
{
  enum err e = reader_call(&s->reader, s->http, rq, rp, why);
  if (e == E_NETWORK && answers(s)) {
    e = reader_call(&s->reader, s->http, rq, rp, why);
    if (e == E_NETWORK)
      return why_set(why, E_REPLY, "", "%s: the reply breaks off", rq->path);
  }
  if (e == E_INTERNAL)
    return why_set(why, E_REPLY, "", "%s: the server says that it has a defect",
                   rq->path);
  return e;
}

static enum err server_get(struct source *base, const char *path, struct http_range range,
                           size_t max, struct buf *out, struct why *why)
{
  struct server *s = (struct server *)base;
  AUTO(buf_done) struct buf full = {0};
  char authorization[256];
  struct http_reply rp = {0};
  TRY(buf_printf(&full, BASE "%s", path));
  authorize(authorization, s, path);
  struct http_request rq = {.method = "GET",
                            .path = buf_text(&full),
                            .authorization = *authorization ? authorization : NULL,
                            .range = range,
                            .max = max};
  TRY(call(s, &rq, &rp, why));
  enum err e = buf_put(out, rp.body.data, rp.body.len);
  http_reply_done(&rp);
  return e;
}

static void server_free(struct source *base)
{
  struct server *s = (struct server *)base;
  http_drop(&s->http);
  free(s->address);
  free(s);
}

static enum err server_again(struct source *base, struct source **out, struct why *why)
{
  const struct server *s = (const struct server *)base;
  struct http_options options = s->options;
  options.pausing = NULL; /* the caller's thread hears of it */
  return source_http(out, &options, s->self, &s->reader, why);
}

enum err source_http(struct source **out, const struct http_options *options,
                     const struct self *self, const struct reader *reader,
                     struct why *why)
{
  struct http *http = NULL;
  TRY(http_new(&http, options, why));
  struct server *s = must_calloc(1, sizeof *s);
  s->source = (struct source){.get = server_get,
                              .again = server_again,
                              .free = server_free,
                              .live = true,
                              .vectors = true};
  s->http = http;
  s->options = *options;
  s->address = must_strdup(options->address);
  s->options.address = s->address;
  s->self = self;
  s->reader = *reader;
  *out = &s->source;
  return OK;
}
