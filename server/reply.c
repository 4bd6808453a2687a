/* SPDX-License-Identifier: Apache-2.0
 * Replies: what a handler returned becomes a response with its headers; an error becomes
 * problem+json (RFC 9457). Ranges, entity tags and caching (RFC 9110) are here, once for
 * all handlers. */
#include <stdio.h>
#include <string.h>

#include "db/blob.h"
#include "server/http_internal.h"
#include "util/log.h"

void reply_done(struct reply *rp)
{
  json_decref(rp->json);
  buf_done(&rp->bytes);
  memset(rp, 0, sizeof *rp);
}

static void header(struct exchange *x, const char *name, const char *value)
{
  MHD_add_response_header(x->response, name, value);
}

static void security_headers(struct exchange *x)
{
  header(x, "X-Content-Type-Options", "nosniff");
  header(x, "X-Frame-Options", "DENY");
  header(x, "Referrer-Policy", "no-referrer");
  header(x, "Cross-Origin-Resource-Policy", "same-origin");
  header(x, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
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

static json_t *problem_json(const struct exchange *x, const struct err_info *info,
                            bool particulars)
{
  char type[96];
  snprintf(type, sizeof type, "urn:chorus:error:%s", info->slug);
  json_t *o = json_pack("{s:s,s:s,s:i,s:s}", "type", type, "title", info->title, "status",
                        info->status, "help", info->help);
  /* what a client sent may be quoted here: bytes that are no UTF-8 are left out */
  if (particulars && x->why.detail[0])
    json_object_set_new(o, "detail", json_string(x->why.detail));
  if (particulars && x->why.field[0])
    json_object_set_new(o, "field", json_string(x->why.field));
  return o;
}

void reply_error(struct exchange *x, enum err e)
{
  const struct err_info *info = err_info(e);
  bool ours = info->status >= 500 && e != E_BUSY;
  if (ours)
    log_error("request-failed", "%s %s: %s %s %s", x->request.method, x->request.path,
              info->slug, x->why.field, x->why.detail);
  AUTO(json_drop) json_t *o = problem_json(x, info, !ours);
  char *text = json_dumps(o, JSON_COMPACT);
  if (!text)
    text = must_strdup("{}");
  x->status = (unsigned)info->status;
  text_response(x, text, strlen(text));
  header(x, "Content-Type", "application/problem+json");
  header(x, "Cache-Control", "no-store");
  if (info->status == 503 || info->status == 429)
    header(x, "Retry-After", "1");
  if (e == E_UNAUTHENTICATED)
    header(x, "WWW-Authenticate",
           x->route && x->route->who != WHO_ADMIN ? "Chorus" : "Bearer");
  if (e == E_METHOD) {
    char allow[96];
    exchange_allow(x, allow, sizeof allow);
    header(x, "Allow", allow);
  }
}

/* ---- entity tags and ranges ---- */

static const char *request_header(const struct exchange *x, const char *name)
{
  return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

/* Whether the list of entity tags holds this one, compared weakly. */
static bool tag_listed(const char *list, const char *etag)
{
  size_t len = strlen(etag);
  while (*list) {
    list += strspn(list, " \t,");
    if (*list == '*')
      return true;
    if (strncmp(list, "W/", 2) == 0)
      list += 2;
    if (*list != '"')
      return false;
    const char *end = strchr(++list, '"');
    if (!end)
      return false;
    if ((size_t)(end - list) == len && memcmp(list, etag, len) == 0)
      return true;
    list = end + 1;
  }
  return false;
}

static bool is_read(const struct exchange *x)
{
  return strcmp(x->request.method, "GET") == 0 || strcmp(x->request.method, "HEAD") == 0;
}

static bool not_modified(const struct exchange *x, const struct reply *rp)
{
  const char *list = request_header(x, "If-None-Match");
  return list && rp->etag[0] && is_read(x) && tag_listed(list, rp->etag);
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
  const char *text = request_header(x, "Range"), *given = request_header(x, "If-Range");
  if (!text || !is_read(x) || strncasecmp(text, "bytes=", 6) != 0)
    return OK;
  if (given && !(given[0] == '"' && rp->etag[0] && tag_listed(given, rp->etag)))
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
  header(x, "Cache-Control",
         rp->immutable ? "public, max-age=31536000, immutable"
         : rp->etag[0] ? "no-cache"
                       : "no-store");
}

/* ---- the three kinds of reply ---- */

static enum err json_reply(struct exchange *x, struct reply *rp)
{
  char *text = json_dumps(rp->json, JSON_COMPACT);
  if (!text)
    return why_set(&x->why, E_INTERNAL, "", "the reply cannot be written");
  text_response(x, text, strlen(text));
  header(x, "Content-Type", "application/json");
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
  header(x, "Content-Type",
         rp->content_type ? rp->content_type : "application/octet-stream");
  range_headers(x, &r, size);
  return OK;
}

static enum err blob_size(struct db *db, const struct reply *rp, uint64_t *out)
{
  struct blob_info info;
  TRY(blob_find(db, rp->blob, &info));
  *out = rp->size ? rp->size : info.length;
  return OK;
}

static enum err blob_reply(struct exchange *x, struct db *db, struct reply *rp)
{
  struct range r;
  uint64_t size;
  TRY(blob_size(db, rp, &size));
  TRY(parse_range(x, rp, size, &r));
  x->response = stream_response(x, rp->blob, rp->from + r.first, r.len);
  security_headers(x);
  header(x, "Content-Type",
         rp->content_type ? rp->content_type : "application/octet-stream");
  if (strlen(rp->etag) == 64)
    header(x, "X-Chorus-Sha256", rp->etag);
  range_headers(x, &r, size);
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
