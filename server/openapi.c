/* SPDX-License-Identifier: Apache-2.0
 * Handlers: the description of this interface. And the route table for tests, which
 * compare the two and try every route as everybody. */
#include "server/openapi.h"

#include <stdio.h>

#include "server/common.h"
#include "server/handlers.h"

static enum err document(struct reply *rp, const unsigned char *text, size_t len,
                         const char *hash, const char *type)
{
  TRY(buf_put(&rp->bytes, text, len));
  snprintf(rp->etag, sizeof rp->etag, "%s", hash);
  rp->content_type = type;
  return OK;
}

enum err openapi_yaml(struct request *rq, struct reply *rp)
{
  return document(rp, openapi_yaml_text, openapi_yaml_text_len, openapi_yaml_text_hash,
                  "application/yaml");
}

enum err openapi_json(struct request *rq, struct reply *rp)
{
  return document(rp, openapi_json_text, openapi_json_text_len, openapi_json_text_hash,
                  "application/json");
}

/* ---- the table ---- */

static const struct {
  unsigned flag;
  const char *name;
} flag_names[] = {
    {ROUTE_WAIT, "wait"},     {ROUTE_CHUNK, "chunk"},
    {ROUTE_CSV, "csv"},       {ROUTE_BODY_OPTIONAL, "body-optional"},
    {ROUTE_TEXT, "text"},     {ROUTE_MEMBER, "member"},
    {ROUTE_OWN, "own"},       {ROUTE_SCOPED, "scoped"},
    {ROUTE_CALLER, "caller"}, {ROUTE_METRICS, "metrics"},
    {ROUTE_QUIET, "quiet"},   {ROUTE_KEPT, "kept"},
};

static json_t *flags_json(unsigned flags)
{
  json_t *list = json_array();
  for (size_t i = 0; i < LENGTH(flag_names); i++)
    if (flags & flag_names[i].flag)
      json_array_append_new(list, json_string(flag_names[i].name));
  return list;
}

void routes_print(void)
{
  static const char *const who[] = {"public", "participant", "viewer", "operator",
                                    "admin"};
  AUTO(json_drop) json_t *list = json_array();
  for (const struct route *r = routes; r->method; r++)
    json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:I,s:o}", "method", r->method,
                                          "pattern", r->pattern, "who", who[r->who],
                                          "body_max", (json_int_t)r->body_max, "flags",
                                          flags_json(r->flags)));
  json_dumpf(list, stdout, JSON_INDENT(1));
  putchar('\n');
}
