/* SPDX-License-Identifier: Apache-2.0
 * One round as the public sees it: terms, roster, graph, who shared, who survived.
 * Clients and auditors fill it from documents, checking everything; the coordinator fills
 * it from its own database. Never holds a secret. docs/protocol.md sections 3 to 9. */
#ifndef CORE_ROUND_H
#define CORE_ROUND_H

#include "core/graph.h"
#include "core/message.h"

struct member {
  struct identity id;
  struct organisation organisation;
  struct point mask_key, share_key, self_key; /* A, E, S */
};

struct round {
  struct digest instance;
  struct identity coordinator;
  bool anchored;
  struct open_event *open;
  unsigned n; /* 0 until there is a roster */
  struct member *members;
  struct digest joins_root, roster_hash;
  struct graph graph; /* at == NULL until there is one */
  struct digest graph_hash;
  uint8_t *sharers; /* U1, NULL until known */
  struct digest sharers_hash;
  uint8_t *survivors; /* U2, NULL until known */
  struct digest survivors_hash;
};

/* ---- filled from documents, everything checked ----
 * Errors: E_CHEAT_* with the particulars in why for what a coordinator got wrong. Each
 * step needs the one before; a failed step leaves the round as it was. */

/* The terms. `instance` is the parsed instance event and its H. */
enum err round_open(struct round **out, const struct instance_event *instance,
                    const struct digest *instance_hash, const json_t *open,
                    struct why *why) MUST_USE;
/* roster: the event; members: array of {"enroll","admit","join"} by index. Checks every
 * signature, enrolment, admission, order, distinct points and organisations, exclusion,
 * minimum, n <= maximum, and the root. */
enum err round_roster(struct round *r, const json_t *roster, const json_t *members,
                      struct why *why) MUST_USE;
/* What the caller itself found on the chain: the block whose hash draws the graph. */
struct beacon {
  uint64_t block;
  struct digest hash;
};
/* Checks k, t and the beacon. `simulated`: the instance runs on the tests' own chain,
 * whose block hashes this function computes; otherwise a sparse graph's must be *known
 * (E_NO_CHAIN when that is NULL). */
enum err round_graph(struct round *r, const json_t *graph, bool simulated,
                     const struct beacon *known, struct why *why) MUST_USE;
/* shares: array of the share events of U1 by index. */
enum err round_sharers(struct round *r, const json_t *sharers, const json_t *shares,
                       struct why *why) MUST_USE;
/* updates: array of the update events of U2 by index. Checks all conditions of section 7.
 */
enum err round_survivors(struct round *r, const json_t *survivors, const json_t *updates,
                         struct why *why) MUST_USE;

/* ---- filled by the coordinator from its database ---- */

enum err round_new(struct round **out, const struct digest *instance,
                   const struct identity *coordinator, bool anchored, const json_t *open,
                   struct why *why) MUST_USE;
/* Takes n members (copied) in order, the root of their joins, and H(roster). */
void round_set_members(struct round *r, const struct member *members, unsigned n,
                       const struct digest *joins_root, const struct digest *roster_hash);
/* Finds k and t and draws the graph; beacon only on sparse graphs. */
enum err round_make_graph(struct round *r, struct bytes beacon) MUST_USE;
void round_set_sharers(struct round *r, const uint8_t *set, const struct digest *hash);
void round_set_survivors(struct round *r, const uint8_t *set, const struct digest *hash);

void round_free(struct round *r);
static inline void round_drop(struct round **p)
{
  round_free(*p);
}

/* ---- rules both sides ask ---- */

/* The hash of a block of the tests' own chain (section 2). */
void round_simulated_block(struct digest *out, const struct digest *ctx, uint64_t block);

/* Index of a participant, or -1. */
int64_t round_index(const struct round *r, const struct identity *id);
/* Distinct organisations among a set (NULL: the whole roster). */
unsigned round_organisations(const struct round *r, const uint8_t *set);
/* i's neighbours within U1, ascending; returns how many (room for k). */
unsigned round_neighbours_in(const struct round *r, uint32_t i, const uint8_t *set,
                             uint32_t *out);

/* Section 6: may SHARE close with this set? OK or E_THRESHOLD. */
enum err round_check_sharers(const struct round *r, const uint8_t *set,
                             struct why *why) MUST_USE;
/* Section 7, conditions 1 to 4, for a candidate set. lists[i] is i's parsed manifest for
 * each member of the set (others NULL). OK or E_THRESHOLD. */
enum err round_check_survivors(const struct round *r, const uint8_t *set,
                               const struct update_event *const *lists,
                               struct why *why) MUST_USE;

/* Section 6: checks what is public of a share message, its k 96-byte leaves (deal_leaf):
 * points valid, their Merkle root, SCRAPE for both secrets. E_LENGTH, E_POINT, E_HASH,
 * E_SHARES. */
enum err round_check_leaves(const struct round *r, uint32_t dealer,
                            const struct share_event *share, struct bytes leaves,
                            struct why *why) MUST_USE;
/* The same for k deals, before they are accepted. */
enum err round_check_deals(const struct round *r, uint32_t dealer,
                           const struct share_event *share, struct bytes deals,
                           struct why *why) MUST_USE;

/* Section 7: whether a manifest states its weight exactly where the reward asks for it,
 * from 1 to the cap. E_FIELD_VALUE. */
enum err round_check_samples(const struct round *r, const struct update_event *u,
                             struct why *why) MUST_USE;

/* Section 7: judges one complaint of update's sender i. deal is the dealer's deal for i
 * as stored. Sets *dealer_guilty. E_PROOF when the complaint's own proof does not verify.
 */
enum err round_judge(const struct round *r, uint32_t i, const struct complaint *c,
                     const uint8_t deal[DEAL_BYTES], bool *dealer_guilty) MUST_USE;

/* Section 8: checks the shape of an answer by i: one entry per neighbour in U1, null
 * exactly where its manifest lists the box. E_ANSWER. */
enum err round_check_answer(const struct round *r, uint32_t i,
                            const struct unmask_event *u,
                            const struct update_event *manifest,
                            struct why *why) MUST_USE;

/* Section 9: the bounds of a sum, gathered coordinate range by coordinate range. */
struct sum_check {
  uint64_t squares[4]; /* sum of S_l^2, 256-bit little-endian limbs */
  uint64_t largest;    /* max |S_l| over the update */
};
void sum_check_add(struct sum_check *c, const int64_t *sums, size_t len);
/* tail: the tail_len signed sums; count: |U2|. E_SUM with the rule named. */
enum err sum_check_finish(const struct sum_check *c, const struct open_event *open,
                          const int64_t *tail, unsigned count, struct why *why) MUST_USE;

#endif
