/* SPDX-License-Identifier: Apache-2.0
 * The round engine of one process: the driver, which ends phases, the job workers, and
 * the sequencer, which lets the log grow, and, with a chain, the payer.
 * Any number of processes run it over one database. */
#ifndef SERVER_ENGINE_H
#define SERVER_ENGINE_H

#include "server/server.h"

/* Starts the threads and sets server->engine. Needs config.job_workers connections of the
 * pool, and two more. */
enum err engine_start(struct server *server) MUST_USE;
/* Stops them; a job in work is finished first. */
void engine_stop(struct server *server);
/* To be called with each notification (NULL: something may have been missed). Topics:
 *   count:CTX   somebody answered              jobs         there is work
 *   round:CTX   the round's phase has changed  model:SLUG   so has the model's newest
 *   log         there is a new checkpoint      chain        so is a transaction to send
 */
void engine_heard(struct server *server, const char *topic);

/* Opens the model's next round, or the next attempt of a failed one. E_NOT_FOUND,
 * E_RETIRED, E_OPEN_ROUND, and what open_parse refuses. */
enum err engine_open_round(struct server *server, struct db *db, const char *model,
                           struct digest *ctx, struct why *why) MUST_USE;

/* The initial weights of a model's version, made when first asked for. Inside a
 * transaction. E_NOT_FOUND. */
enum err engine_initial_weights(struct db *db, const char *model, int64_t version,
                                int64_t *blob) MUST_USE;

#endif
