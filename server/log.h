/* SPDX-License-Identifier: Apache-2.0
 * The public log (docs/protocol.md section 11.1): its tree as the database holds it, how
 * it grows, and what is asked of it. */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include "ledger/tlog.h"
#include "server/server.h"

struct log_head {
  uint64_t size;
  struct digest root;
};
enum err log_head(struct db *db, struct log_head *out) MUST_USE;

/* The stored tiles, for as long as db is one's own. E_INTERNAL for a tile that should be
 * there and is not. */
struct tlog_source log_source(struct db *db);

/* Inside a transaction: makes leaves of the first *added <= LOG_BATCH pending events,
 * signs the checkpoint and announces it. E_INTERNAL when the stored tree is damaged (it
 * does not hash to the head; why says what is wrong), E_CONFLICT when somebody else moved
 * the head meanwhile. */
#define LOG_BATCH 4096u
enum err log_grow(const struct server *s, struct db *db, unsigned *added,
                  struct why *why) MUST_USE;
/* The same in a transaction of its own, unless nothing is pending or another process is
 * at it: then *added is 0. */
enum err log_step(const struct server *s, struct db *db, unsigned *added,
                  struct why *why) MUST_USE;

/* Whether the checkpoint that somebody names is one this log signed, or the empty tree:
 * E_CHECKPOINT with the field's name. */
enum err log_seen(struct db *db, const struct seen *seen, const char *field,
                  struct why *why) MUST_USE;

/* Takes the cosignatures on a checkpoint of this log: E_NOTE, E_SIGNATURE, E_CHECKPOINT
 * when the log never signed it, E_FORBIDDEN when no line is from a witness whose lines
 * are kept, E_CONFLICT when one of them has cosigned a larger one. */
enum err log_cosign(const struct server *s, struct db *db, struct bytes note,
                    struct why *why) MUST_USE;

#endif
