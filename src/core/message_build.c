/* SPDX-License-Identifier: Apache-2.0
 * Building the protocol's events, unsigned. */
#include <sodium.h>
#include <string.h>

#include "core/message.h"
#include "util/field.h"
#include "util/text.h"

static json_t *hex32(const void *data)
{
  return json_hex(data, 32);
}

bool message_by_participant(const char *type)
{
  static const char *const types[] = {"enroll", "payout", "join",
                                      "share",  "update", "unmask"};
  for (size_t i = 0; i < LENGTH(types); i++)
    if (strcmp(type, types[i]) == 0)
      return true;
  return false;
}

json_t *message_start(const char *type, const struct digest *instance,
                      const struct digest *ctx, const struct seen *seen,
                      const struct identity *participant)
{
  struct seen nothing = {0};
  crypto_hash_sha256(nothing.root.b, NULL, 0);
  if (!seen)
    seen = &nothing;
  json_t *e = json_pack("{s:s,s:o,s:{s:I,s:o},s:o}", "type", type, "instance",
                        hex32(instance), "seen", "size", (json_int_t)seen->size, "root",
                        hex32(&seen->root), "participant", hex32(participant));
  if (ctx)
    json_object_set_new(e, "ctx", hex32(ctx));
  return e;
}

json_t *instance_build(const char *origin, const struct identity *coordinator,
                       const char *contract, uint64_t chain_id)
{
  json_t *chain =
      contract ? json_pack("{s:I,s:s}", "id", (json_int_t)chain_id, "contract", contract)
               : json_null();
  return json_pack("{s:s,s:s,s:o,s:o}", "type", "instance", "origin", origin,
                   "coordinator", hex32(coordinator), "chain", chain);
}

json_t *admission_build(const char *type, const struct digest *instance,
                        const char *model, const struct identity *who,
                        const struct digest *identity, const struct digest *previous)
{
  return json_pack("{s:s,s:o,s:s,s:o,s:o,s:o}", "type", type, "instance", hex32(instance),
                   "model", model, "participant", hex32(who), "identity", hex32(identity),
                   "previous", previous ? hex32(previous) : json_null());
}

json_t *payout_build(const struct digest *instance, const struct seen *seen,
                     const struct identity *who, const struct digest *previous,
                     const char *payout, int64_t time)
{
  json_t *e = message_start("payout", instance, NULL, seen, who);
  json_object_set_new(e, "previous", hex32(previous));
  json_object_set_new(e, "payout", payout ? json_string(payout) : json_null());
  json_object_set_new(e, "time", json_integer(time));
  return e;
}

json_t *adopt_build(const struct digest *instance, const struct identity *who,
                    const struct digest *identity, int64_t time)
{
  return json_pack("{s:s,s:o,s:o,s:o,s:I}", "type", "adopt", "instance", hex32(instance),
                   "participant", hex32(who), "identity", hex32(identity), "time",
                   (json_int_t)time);
}

static json_t *round_start(const char *type, const struct open_event *open)
{
  return json_pack("{s:s,s:o,s:o}", "type", type, "instance",
                   hex32(&open->header.instance), "ctx", hex32(&open->ctx));
}

json_t *roster_build(const struct open_event *open, unsigned n,
                     const struct digest *joins)
{
  json_t *e = round_start("roster", open);
  json_object_set_new(e, "n", json_integer(n));
  json_object_set_new(e, "joins", hex32(joins));
  return e;
}

json_t *graph_build(const struct open_event *open, const struct digest *roster,
                    unsigned k, unsigned t, int64_t block, const struct digest *beacon)
{
  json_t *e = round_start("graph", open);
  json_object_set_new(e, "roster", hex32(roster));
  json_object_set_new(e, "k", json_integer(k));
  json_object_set_new(e, "t", json_integer(t));
  json_object_set_new(e, "block", block < 0 ? json_null() : json_integer(block));
  json_object_set_new(e, "beacon", block < 0 ? json_string("") : hex32(beacon));
  return e;
}

json_t *set_build(const char *type, const struct open_event *open,
                  const struct digest *previous, const uint8_t *set, unsigned n,
                  const struct digest *root)
{
  bool sharers = strcmp(type, "sharers") == 0;
  size_t len = (n + 7) / 8;
  char *hex = must_calloc(2 * len + 1, 1);
  json_t *e = round_start(type, open);
  json_object_set_new(e, sharers ? "graph" : "sharers", hex32(previous));
  json_object_set_new(e, "members", json_string(hex_encode(hex, set, len)));
  json_object_set_new(e, sharers ? "shares" : "updates", hex32(root));
  free(hex);
  return e;
}

json_t *receipt_build(const struct digest *instance, const struct digest *of,
                      const char *status, int64_t seq, int64_t time, int64_t by)
{
  return json_pack("{s:s,s:o,s:o,s:s,s:I,s:I,s:I}", "type", "receipt", "instance",
                   hex32(instance), "of", hex32(of), "status", status, "seq",
                   (json_int_t)seq, "time", (json_int_t)time, "by", (json_int_t)by);
}
