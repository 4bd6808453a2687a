/* SPDX-License-Identifier: Apache-2.0
 * What the commands `chorusd chain …` share. */
#ifndef SERVER_CHAIN_CMD_H
#define SERVER_CHAIN_CMD_H

#include "chain/contracts.h"
#include "server/keyfile.h"

enum contract { TIMELOCK, REGISTRY, VAULT, VOICE, GOVERNOR, CONTRACTS };

/* Nodes of one chain: the one that the settings name, or else the first node's. */
enum err chain_connect(struct rpc **rpc, const struct settings *s, uint64_t *chain_id,
                       struct why *why) MUST_USE;
/* The addresses of our two keys. */
enum err attestor_of(const struct settings *s, struct address *out,
                     struct why *why) MUST_USE;
enum err relayer_of(const struct settings *s, struct address *out,
                    struct why *why) MUST_USE;
void pause_ms(unsigned ms);

enum err chain_check(const struct settings *s, struct why *why) MUST_USE;

#endif
