/* SPDX-License-Identifier: Apache-2.0
 * What the coordinator attests to the chain, put into the outbox inside the transaction
 * that says it to the participants. Only with server.chain.on. docs/chain.md section 2.
 */
#ifndef SERVER_ANCHORS_H
#define SERVER_ANCHORS_H

#include "server/outbox.h"

enum err anchor_register(const struct server *s, struct db *db,
                         const struct registration *r) MUST_USE;
/* distance: blocks from the anchor's to the one that draws the graph. */
enum err anchor_the_roster(const struct server *s, struct db *db,
                           const struct round_row *row, uint64_t distance) MUST_USE;
enum err anchor_the_survivors(const struct server *s, struct db *db,
                              const struct round_row *row, const struct open_event *open,
                              const struct digest *hash, unsigned count) MUST_USE;
/* The calldata of a result; the payer makes it when the log holds the event. */
enum err anchor_result_data(const struct server *s, const struct anchor_result *a,
                            struct buf *out) MUST_USE;

/* How far a round's (ctx) or model's (ctx NULL) transaction is. E_NOT_FOUND. */
struct outbox_state {
  char state[12];   /* as in the database */
  char reason[512]; /* empty: none */
  double since;
};
/* {"waiting_for","state","reason","since"} */
json_t *outbox_json(const char *waiting_for, const struct outbox_state *at) MUST_USE;
enum err outbox_find(struct db *db, enum outbox_kind kind, const char *model,
                     const struct digest *ctx, struct outbox_state *out) MUST_USE;

/* What the registry says of a model, read lately; E_UNANCHORED with the reason when there
 * is no such copy, or only an old one. */
#define CHAIN_COPY_AGE 120.0 /* seconds */
struct chain_copy {
  struct chain_model model;
  int64_t version; /* ours with that description, or 0 */
};
enum err chain_copy_get(struct db *db, const char *model, struct chain_copy *out,
                        struct why *why) MUST_USE;
/* E_POLICY when a round with this minimum and these rewards would break the policy. */
enum err chain_policy_check(const struct chain_copy *c, uint64_t minimum,
                            const struct reward_terms *reward, struct why *why) MUST_USE;

#endif
