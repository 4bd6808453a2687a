/* SPDX-License-Identifier: Apache-2.0
 * Handlers: what a description means, before anybody makes a model of it. */
#include "chain/gas.h"
#include "model/outlook.h"
#include "server/handlers.h"
#include "server/models.h"

static json_t *gas_json(const struct server *s, const struct spec *spec,
                        const struct outlook *o)
{
  if (!s->anchored)
    return json_null();
  return json_pack("{s:I,s:I,s:I}", "anchors",
                   (json_int_t)gas_anchors(o->sparse, o->reward[0]), "push_per_member",
                   (json_int_t)gas_push_share(o->members), "claim_per_member",
                   (json_int_t)gas_claim());
}

static json_t *consequences_json(const struct server *s, const struct spec *spec,
                                 const struct outlook *o)
{
  return json_pack(
      "{s:i,s:I,s:i,s:i,s:i,s:i,s:i,s:i,s:I,s:I,s:{s:I,s:I},s:o,s:o}", "members",
      (int)o->members, "d", (json_int_t)spec->d, "ring_bits", (int)spec->ring_bits,
      "headroom_bits", (int)o->headroom_bits, "threshold", (int)o->threshold, "minimum",
      (int)o->minimum, "neighbours", (int)o->neighbours, "anonymity", (int)o->anonymity,
      "upload_bytes", (json_int_t)o->upload_bytes, "download_bytes",
      (json_int_t)o->download_bytes, "round_seconds", "least",
      (json_int_t)o->seconds_least, "most", (json_int_t)o->seconds_most,
      "reward_per_member", o->reward[0] ? json_string(o->reward) : json_null(), "gas",
      gas_json(s, spec, o));
}

static enum err read_members(const json_t *given, unsigned *out, struct why *why)
{
  *out = 0;
  if (!given || json_is_null(given))
    return OK;
  json_int_t n = json_integer_value(given);
  if (!json_is_integer(given) || n < 1 || n > (json_int_t)PARTICIPANTS_MAX)
    return why_set(why, E_FIELD_VALUE, "members", "must be null or from 1 to %u",
                   PARTICIPANTS_MAX);
  *out = (unsigned)n;
  return OK;
}

/* A description that is no good is an answer here, not an error. */
enum err specs_check(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *root = NULL;
  AUTO(spec_drop) struct spec *spec = NULL;
  struct why why = {0};
  struct outlook outlook;
  json_t *json = NULL, *given = NULL;
  unsigned members;
  const struct field fields[] = {FIELD_OBJECT("spec", &json),
                                 OPTIONAL(FIELD_ANY("members", &given), NULL), FIELD_END};
  TRY(request_json(rq, &root, fields));
  TRY(read_members(given, &members, rq->why));
  enum err e = spec_read(&spec, rq->server, json, &why);
  bool good = e == OK;
  if (good)
    e = outlook_make(&outlook, spec, members, rq->server->anchored, &why);
  if (e == E_INTERNAL)
    return e;
  rp->json = json_pack(
      "{s:o,s:o,s:o}", "problem", e == OK ? json_null() : problem_json(e, &why),
      "spec_hash", good ? json_hex(spec->hash.b, sizeof spec->hash.b) : json_null(),
      "consequences",
      e == OK ? consequences_json(rq->server, spec, &outlook) : json_null());
  return OK;
}
