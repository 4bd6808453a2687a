/* SPDX-License-Identifier: Apache-2.0
 * What a request asks for: its route, parameters, query and body. */
#include <stdio.h>
#include <string.h>

#include "server/common.h"
#include "server/http_internal.h"
#include "util/text.h"

/* Matches "/a/{b}/c" segment by segment; {b*} at the end takes all segments that are
 * left. Writes the {…} parts, which `path` is cut into; it is changed only on a match. */
static bool match(const char *pattern, char *path, const char **param)
{
  const char *p = pattern, *s = path;
  unsigned n = 0, segments = 0; /* of the params, those without a slash in them */
  for (; *p && *s; p++) {
    if (*p != '{') {
      if (*p != *s++)
        return false;
      continue;
    }
    size_t len = strcspn(s, "/"), name = strcspn(p, "}");
    if (len == 0)
      return false;
    if (p[name - 1] == '*')
      len = strlen(s);
    else
      segments++;
    p += name;
    param[n++] = s;
    s += len;
  }
  if (*p || *s)
    return false;
  for (unsigned i = 0; i < segments; i++)
    path[(size_t)(param[i] - path) + strcspn(param[i], "/")] = 0;
  param[n] = NULL;
  return true;
}

/* HEAD is answered as GET. */
static bool method_fits(const struct route *r, const char *method)
{
  return strcmp(r->method, strcmp(method, "HEAD") == 0 ? "GET" : method) == 0;
}

/* Of an address only what RFC 3986 lets stand in one as it is. */
static bool is_plain(const char *target)
{
  for (; *target; target++)
    if ((uint8_t)*target <= 0x20 || (uint8_t)*target >= 0x7f)
      return false;
  return true;
}

enum err exchange_route(struct exchange *x)
{
  const char *param[4];
  bool known = false;
  if (!is_plain(x->target))
    return why_set(&x->why, E_NOT_FOUND, "", "the address holds what none may hold");
  for (const struct route *r = routes; r->method; r++) {
    memcpy(x->segments, x->target, sizeof x->segments);
    if (!match(r->pattern, x->segments, param))
      continue;
    known = true;
    if (!method_fits(r, x->request.method))
      continue;
    x->route = r;
    memcpy(x->request.param, param, sizeof param);
    return OK;
  }
  return known ? E_METHOD : why_set(&x->why, E_NOT_FOUND, "", "no such address");
}

void exchange_allow(struct exchange *x, char *out, size_t room)
{
  const char *param[4];
  size_t len = 0;
  *out = 0;
  for (const struct route *r = routes; r->method; r++) {
    memcpy(x->segments, x->target, sizeof x->segments);
    if (match(r->pattern, x->segments, param) && len + 24 < room)
      len += (size_t)snprintf(out + len, room - len, "%s%s%s", len ? ", " : "", r->method,
                              strcmp(r->method, "GET") == 0 ? ", HEAD" : "");
  }
}

/* Whether it is UTF-8 without a NUL. */
static bool is_text(const char *value, size_t len)
{
  for (size_t at = 0, step; at < len; at += step) {
    step = value[at] ? utf8_sequence((const uint8_t *)value + at, len - at) : 0;
    if (!step)
      return false;
  }
  return true;
}

const char *request_query(const struct request *rq, const char *name)
{
  struct exchange *x = rq->http;
  const char *value = NULL;
  size_t len = 0;
  if (MHD_lookup_connection_value_n(x->connection, MHD_GET_ARGUMENT_KIND, name,
                                    strlen(name), &value, &len) != MHD_YES)
    return NULL;
  /* A %00 inside would hide what follows it, and what is no text is none for the
   * database either: "\1" is nowhere a good value. */
  return !value ? "" : is_text(value, len) ? value : "\1";
}

const char *request_header(const struct request *rq, const char *name)
{
  const struct exchange *x = rq->http;
  return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

const char *request_cookie(const struct request *rq, const char *name)
{
  const struct exchange *x = rq->http;
  return MHD_lookup_connection_value(x->connection, MHD_COOKIE_KIND, name);
}

enum err request_limit(struct request *rq, unsigned *out)
{
  const char *text = request_query(rq, "limit");
  unsigned limit = 50;
  if (text) {
    size_t len = strlen(text);
    if (len == 0 || len > 3 || strspn(text, "0123456789") != len)
      return why_set(rq->why, E_FIELD_VALUE, "limit", "must be from 1 to 200");
    limit = (unsigned)strtoul(text, NULL, 10);
  }
  if (limit < 1 || limit > 200)
    return why_set(rq->why, E_FIELD_VALUE, "limit", "must be from 1 to 200");
  *out = limit;
  return OK;
}

enum err request_param_hex(struct request *rq, unsigned index, void *out, size_t size)
{
  if (!rq->param[index] || hex_decode(out, size, rq->param[index]) != OK)
    return why_set(rq->why, E_NOT_FOUND, "", "the address needs %zu lowercase hex digits",
                   2 * size);
  return OK;
}

enum err request_json(struct request *rq, json_t **root, const struct field *fields)
{
  AUTO(json_drop) json_t *o = NULL;
  TRY(json_parse(&o, rq->body, rq->body.len, rq->why));
  TRY(field_read(o, fields, rq->why));
  *root = STEAL(o);
  return OK;
}

void request_address(const struct request *rq, char *out, size_t room)
{
  const struct exchange *x = rq->http;
  const char *url = rq->server->config.url;
  snprintf(out, room, "%s", url ? url : x->http->origin);
}
