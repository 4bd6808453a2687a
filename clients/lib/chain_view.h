/* SPDX-License-Identifier: Apache-2.0
 * What a client itself sees of an instance's chain: over Ethereum nodes that its user
 * names, never the server's, and only what is final there. docs/chain.md section 2.
 *
 * The chain is the one that the pinned instance event names; its first block is
 * remembered in the home folder (chains/INSTANCE.json) and demanded from then on.
 *
 * Errors of everything below: E_UNANCHORED while something does not stand there yet,
 * E_CHEAT_ANCHOR when something else does, E_CHAIN when a node is of another chain,
 * E_NETWORK, E_RPC or E_REPLY when no node answers as it must. */
#ifndef CLIENTS_CHAIN_VIEW_H
#define CLIENTS_CHAIN_VIEW_H

#include "chain/contracts.h"
#include "clients/lib/self.h"
#include "core/round.h"

/* {0}: there is none. */
struct chain_view {
  struct home *home; /* borrowed; NULL: nothing is remembered */
  char path[96];     /* of what is remembered */
  char *urls;
  struct rpc *rpc;
  uint64_t chain_id;
  struct address registry;
  struct word genesis; /* zero until it was seen */
  bool checked;        /* in this run, and remembered */
  struct chain_roles roles;
};

/* Whether the instance's rounds are anchored on a real chain. */
bool chain_view_needed(const struct pin *pin);

/* urls: as for rpc_new; NULL: those remembered. Nothing is asked yet. E_NO_CHAIN when
 * none are known, or (*pin) the instance has no chain; E_CONFIG, E_USAGE. */
enum err chain_view_open(struct chain_view *out, struct home *h, const struct pin *pin,
                         const char *urls, struct why *why) MUST_USE;
void chain_view_done(struct chain_view *v);

/* Whether the nodes are of this chain and a registry answers there, which all calls below
 * ask first. What is found is remembered. */
enum err chain_view_check(struct chain_view *v, struct why *why) MUST_USE;

/* Before JOIN: the registry's rules for the model allow a round with these terms.
 * E_POLICY says what they do not allow. */
enum err chain_view_terms(struct chain_view *v, const struct open_event *open,
                          struct why *why) MUST_USE;
/* The roster stands on the chain. *block: in this one. */
enum err chain_view_roster(struct chain_view *v, const struct round *r, uint64_t *block,
                           struct why *why) MUST_USE;
/* The block that draws a sparse graph: that many after the roster's as the terms say. */
enum err chain_view_beacon(struct chain_view *v, const struct round *r,
                           struct beacon *out, struct why *why) MUST_USE;
/* The survivors stand on the chain, with no larger budget than the terms'. */
enum err chain_view_survivors(struct chain_view *v, const struct round *r,
                              struct why *why) MUST_USE;
/* The result stands on the chain, as of this attempt and with this sum of rewards. *out:
 * what else stands there. */
enum err chain_view_result(struct chain_view *v, const struct open_event *open,
                           const struct digest *hash, const struct word *reward,
                           struct result_anchor *out, struct why *why) MUST_USE;

#endif
