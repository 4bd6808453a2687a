/* SPDX-License-Identifier: Apache-2.0
 * What is asked of the payer from outside. */
#ifndef SERVER_PAYER_H
#define SERVER_PAYER_H

#include "server/server.h"

/* The contracts as they were once read from the registry, into server.chain. E_NOT_FOUND
 * when no node has said them yet. */
enum err payer_contracts_load(struct server *s, struct db *db) MUST_USE;

#endif
