/* SPDX-License-Identifier: Apache-2.0
 * What a finished round pays: computed, stored, and its root for the result.
 * docs/protocol.md section 9.1. */
#include "server/engine_internal.h"

/* What the updates of U2 state in public, by roster index. */
static enum err load_samples(struct db *db, const struct round *r, uint64_t *samples)
{
  AUTO(manifests_done) struct manifests m = {0};
  TRY(manifests_load(&m, db, &r->open->ctx, r->n));
  for (unsigned i = 0; i < r->n; i++)
    samples[i] = m.all[i].samples;
  return OK;
}

static enum err store(struct db *db, const struct digest *ctx,
                      const struct reward *members, unsigned count)
{
  AUTO(json_drop) json_t *list = json_array();
  for (unsigned i = 0; i < count; i++)
    json_array_append_new(list, json_pack("{s:s,s:o}", "amount", members[i].amount,
                                          "participant", json_hex(members[i].id.b, 32)));
  AUTO(free_drop) char *text = json_dumps(list, JSON_COMPACT);
  return db_run(db, Q_REWARD_STORE, DB_ARGS(DB_FIXED(ctx), DB_TEXT(text)));
}

enum err tell_rewards(struct db *db, const struct round *r, uint64_t total,
                      const json_t *named, json_t **root)
{
  unsigned count = set_count(r->survivors, r->n);
  struct digest hash;
  bool paid = false;
  AUTO(free_drop) struct reward *members = must_calloc(count, sizeof *members);
  AUTO(free_drop) uint64_t *samples = must_calloc(r->n, sizeof *samples);
  if (r->open->reward.scheme == REWARD_SAMPLES)
    TRY(load_samples(db, r, samples));
  TRY(reward_round(members, r, samples, total, named, &paid));
  if (paid) {
    TRY(store(db, &r->open->ctx, members, count));
    TRY(reward_root(&hash, members, count));
  }
  *root = paid ? json_hex(hash.b, sizeof hash.b) : json_null();
  return OK;
}
