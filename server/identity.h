/* SPDX-License-Identifier: Apache-2.0
 * The coordinator's key file and the instance event. */
#ifndef SERVER_IDENTITY_H
#define SERVER_IDENTITY_H

#include "server/server.h"

/* Reads the key, or, with `create`, makes the file when there is none. The file holds the
 * 32-byte seed in hex and must be nobody else's to read. E_CONFIG, E_IO. */
enum err key_load(const char *path, bool create, struct identity *id,
                  struct secret_identity *key, struct why *why) MUST_USE;

/* Writes the instance event unless it stands already; it must then be the same.
 * E_CONFLICT. E_CONFIG for an origin that cannot name a log. */
enum err instance_create(struct db *db, const char *origin, const char *contract,
                         uint64_t chain_id, const struct identity *id,
                         const struct secret_identity *key, struct digest *hash,
                         struct why *why) MUST_USE;

/* Fills server->instance, log, anchored, simulated, chain.on, id and registry from the
 * database. E_CONFIG when there is no instance, or it is another key's. */
enum err instance_load(struct db *db, struct server *server, struct why *why) MUST_USE;

#endif
