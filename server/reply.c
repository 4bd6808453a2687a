/* SPDX-License-Identifier: Apache-2.0
 * Replies: what a handler returned becomes a response with its headers; an error becomes
 * problem+json (RFC 9457). Ranges, entity tags and caching (RFC 9110) are here, once for
 * all handlers. */
#include <stdio.h>
#include <string.h>

#include "db/blob.h"
#include "server/common.h"
#include "server/etag.h"
#include "server/http_internal.h"
#include "server/hub.h"
#include "util/log.h"

void reply_done(struct reply *rp)
{
  json_decref(rp->json);
  buf_done(&rp->bytes);
  subscription_free(rp->stream);
  memset(rp, 0, sizeof *rp);
}

static void header(struct exchange *x, const char *name, const char *value)
{
  MHD_add_response_header(x->response, name, value);
}

void response_security(struct MHD_Response *r, const struct server *s, const char *policy)
{
  MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
  MHD_add_response_header(r, "X-Frame-Options", "DENY");
  MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
  MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
  MHD_add_response_header(r, "Content-Security-Policy", policy);
  if (server_secure(s))
    MHD_add_response_header(r, "Strict-Transport-Security", "max-age=31536000");
}

void response_interface(struct MHD_Response *r, const struct server *s)
{
  response_security(r, s,
                    "default-src 'none'; base-uri 'none'; form-action 'none'; "
                    "frame-ancestors 'none'");
}

static void security_headers(struct exchange *x)
{
  response_interface(x->response, x->request.server);
}

/* Takes malloc'd text. */
static void text_response(struct exchange *x, char *text, size_t len)
{
  if (x->response)
    MHD_destroy_response(x->response);
  x->response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
  security_headers(x);
}

/* ---- problems ---- */

json_t *problem_json(enum err e, const struct why *why)
{
  char type[96];
  const struct err_info *info = err_info(e);
  snprintf(type, sizeof type, "urn:chorus:error:%s", info->slug);
  json_t *o = json_pack("{s:s,s:s,s:i,s:s}", "type", type, "title", info->title, "status",
                        info->status, "help", info->help);
  /* what a client sent may be quoted here: bytes that are no UTF-8 are left out */
  if (why && why->detail[0])
    json_object_set_new(o, "detail", json_string(why->detail));
  if (why && why->field[0])
    json_object_set_new(o, "field", json_string(why->field));
  return o;
}

void reply_error(struct exchange *x, enum err e)
{
  const struct err_info *info = err_info(e);
  bool ours = info->status >= 500 && e != E_BUSY;
  if (ours) {
    const struct log_field fields[] = {
        LOG_TEXT("request", x->id),        LOG_TEXT("method", x->request.method),
        LOG_TEXT("path", x->request.path), LOG_TEXT("problem", info->slug),
        LOG_TEXT("field", x->why.field),   LOG_TEXT("detail", x->why.detail),
    };
    log_fields(LOG_LEVEL_ERROR, "request-failed", LENGTH(fields), fields);
  }
  AUTO(json_drop) json_t *o = problem_json(e, ours ? NULL : &x->why);
  char *text = json_dumps(o, JSON_COMPACT);
  if (!text)
    text = must_strdup("{}");
  x->status = (unsigned)info->status;
  text_response(x, text, strlen(text));
  header(x, "Content-Type", "application/problem+json");
  header(x, "Cache-Control", "no-store");
  if (info->status == 503 || info->status == 429) {
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%u", MAX(x->request.retry_after, 1u));
    header(x, "Retry-After", seconds);
  }
  if (e == E_UNAUTHENTICATED)
    header(x, "WWW-Authenticate",
           x->route && x->route->who < WHO_VIEWER ? "Chorus" : "Bearer");
  if (e == E_METHOD) {
    char allow[96];
    exchange_allow(x, allow, sizeof allow);
    header(x, "Allow", allow);
  }
}

/* ---- entity tags and ranges ---- */

static bool is_read(const struct exchange *x)
{
  return strcmp(x->request.method, "GET") == 0 || strcmp(x->request.method, "HEAD") == 0;
}

static bool not_modified(const struct exchange *x, const struct reply *rp)
{
  const char *list = request_header(&x->request, "If-None-Match");
  return list && rp->etag[0] && is_read(x) && etag_listed(list, rp->etag, true);
}

struct range {
  bool partial;
  uint64_t first, len;
};

static bool read_number(const char **text, uint64_t *out)
{
  const char *p = *text;
  uint64_t v = 0;
  while (*p >= '0' && *p <= '9') {
    if (v > (UINT64_MAX - 9) / 10)
      return false;
    v = v * 10 + (uint64_t)(*p++ - '0');
  }
  bool any = p != *text;
  *text = p;
  *out = v;
  return any;
}

/* One range of "bytes". What is malformed, of another unit, or several, is ignored as RFC
 * 9110 allows: the whole is sent. E_RANGE when it lies outside. */
static enum err parse_range(struct exchange *x, const struct reply *rp, uint64_t size,
                            struct range *out)
{
  *out = (struct range){.len = size};
  const char *text = request_header(&x->request, "Range"),
             *given = request_header(&x->request, "If-Range");
  if (!text || !is_read(x) || strncasecmp(text, "bytes=", 6) != 0)
    return OK;
  if (given && !(given[0] == '"' && rp->etag[0] && etag_listed(given, rp->etag, true)))
    return OK;
  uint64_t first = 0, last = 0;
  text += 6;
  bool has_first = read_number(&text, &first);
  if (*text++ != '-')
    return OK;
  bool has_last = read_number(&text, &last);
  if (*text || (!has_first && !has_last) || (has_first && has_last && last < first))
    return OK;
  if (has_first ? first >= size : last == 0 || size == 0)
    return why_set(&x->why, E_RANGE, "", "there are %llu bytes",
                   (unsigned long long)size);
  if (!has_first)
    first = last >= size ? 0 : size - last;
  if (!has_first || !has_last || last >= size)
    last = size - 1;
  *out = (struct range){.partial = true, .first = first, .len = last - first + 1};
  return OK;
}

static void range_headers(struct exchange *x, const struct range *r, uint64_t size)
{
  char text[80];
  header(x, "Accept-Ranges", "bytes");
  if (!r->partial)
    return;
  x->status = MHD_HTTP_PARTIAL_CONTENT;
  snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)r->first,
           (unsigned long long)(r->first + r->len - 1), (unsigned long long)size);
  header(x, "Content-Range", text);
}

static void cache_headers(struct exchange *x, const struct reply *rp)
{
  char quoted[sizeof rp->etag + 2];
  if (rp->etag[0]) {
    snprintf(quoted, sizeof quoted, "\"%s\"", rp->etag);
    header(x, "ETag", quoted);
  }
  if (x->route->flags & ROUTE_CALLER)
    header(x, "Vary", VARY_CALLER);
  header(x, "Cache-Control",
         x->route->who >= WHO_VIEWER ? "no-store"
         : caller_known(&x->request) ? (rp->etag[0] ? "private, no-cache" : "no-store")
         : rp->immutable             ? "public, max-age=31536000, immutable"
         : rp->etag[0]               ? "no-cache"
                                     : "no-store");
}

/* Our own names: nothing in them needs to be escaped. */
static void name_header(struct exchange *x, const char *filename)
{
  char text[128];
  snprintf(text, sizeof text, "attachment; filename=\"%s\"", filename);
  header(x, "Content-Disposition", text);
}

/* ---- the three kinds of reply ---- */

static const char *type_of(const struct reply *rp)
{
  return rp->stream         ? "text/event-stream"
         : rp->json         ? "application/json"
         : rp->content_type ? rp->content_type
                            : "application/octet-stream";
}

static enum err json_reply(struct exchange *x, struct reply *rp)
{
  char *text = json_dumps(rp->json, JSON_COMPACT);
  if (!text)
    return why_set(&x->why, E_INTERNAL, "", "the reply cannot be written");
  text_response(x, text, strlen(text));
  header(x, "Content-Type", type_of(rp));
  link_next(x, rp->json);
  return OK;
}

static enum err bytes_reply(struct exchange *x, struct reply *rp)
{
  struct range r;
  uint64_t size = rp->bytes.len;
  TRY(parse_range(x, rp, size, &r));
  uint8_t *data = STEAL(rp->bytes.data);
  if (r.partial)
    memmove(data, data + r.first, r.len);
  rp->bytes = (struct buf){0};
  text_response(x, (char *)data, r.len);
  header(x, "Content-Type", type_of(rp));
  range_headers(x, &r, size);
  return OK;
}

static enum err blob_size(struct db *db, const struct reply *rp, uint64_t *out)
{
  struct blob_info info;
  TRY(blob_find(db, rp->blob, &info));
  *out = rp->bytes.len + (rp->size ? rp->size : info.length);
  return OK;
}

static enum err blob_reply(struct exchange *x, struct db *db, struct reply *rp)
{
  struct range r;
  uint64_t size;
  TRY(blob_size(db, rp, &size));
  TRY(parse_range(x, rp, size, &r));
  x->response = stream_response(x, rp, r.first, r.len);
  security_headers(x);
  header(x, "Content-Type", type_of(rp));
  if (strlen(rp->etag) == 64)
    header(x, "X-Chorus-Sha256", rp->etag);
  range_headers(x, &r, size);
  return OK;
}

/* Events, as long as both sides like. */
static enum err stream_reply(struct exchange *x, struct reply *rp)
{
  x->lasting = true;
  const char *type = type_of(rp);
  x->response = subscription_response(STEAL(rp->stream));
  security_headers(x);
  header(x, "Content-Type", type);
  header(x, "X-Accel-Buffering", "no"); /* a proxy must pass each event on */
  return OK;
}

static enum err make(struct exchange *x, struct db *db, struct reply *rp)
{
  x->status = rp->status ? (unsigned)rp->status : MHD_HTTP_OK;
  if (x->status == MHD_HTTP_OK && not_modified(x, rp)) {
    x->status = MHD_HTTP_NOT_MODIFIED;
    text_response(x, NULL, 0);
    return OK;
  }
  if (is_read(x)) /* what changes something was asked before */
    TRY(negotiate_type(x, type_of(rp)));
  if (rp->stream)
    return stream_reply(x, rp);
  if (rp->json)
    return json_reply(x, rp);
  if (rp->blob)
    return blob_reply(x, db, rp);
  if (rp->bytes.len)
    return bytes_reply(x, rp);
  text_response(x, NULL, 0);
  return OK;
}

void reply_finish(struct exchange *x, struct db *db, struct reply *rp)
{
  enum err e = make(x, db, rp);
  if (e == OK) {
    cache_headers(x, rp);
    if (rp->filename[0])
      name_header(x, rp->filename);
    if (rp->replayed)
      header(x, "Idempotency-Replayed", "true");
    if (rp->cookie[0])
      header(x, "Set-Cookie", rp->cookie);
    return;
  }
  reply_error(x, e);
  if (e == E_RANGE) {
    char text[48];
    uint64_t size = rp->bytes.len;
    if (rp->blob && blob_size(db, rp, &size) != OK)
      return;
    snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)size);
    header(x, "Content-Range", text);
  }
}
