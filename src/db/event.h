/* SPDX-License-Identifier: Apache-2.0
 * Protocol events as they are kept: canonical bytes with sig, in the order accepted. */
#ifndef DB_EVENT_H
#define DB_EVENT_H

#include "core/event.h"
#include "db/db.h"

/* Stores an event (signed, canonical). model, ctx and participant may be NULL. *seq is
 * its place. E_CONFLICT when the round already has another of this type by this signer,
 * or the very same event was stored. */
enum err db_event_store(struct db *db, const json_t *event, const char *model,
                        const struct digest *ctx, const struct identity *participant,
                        const struct digest *hash, int64_t *seq) MUST_USE;
/* Keeps the receipt that was given for it. */
enum err db_event_receipt(struct db *db, int64_t seq, struct bytes receipt) MUST_USE;
/* The receipt of an event with this hash: *rows owns it. Empty bytes when the event is
 * not known. */
enum err db_event_find(struct db *db, const struct digest *hash, struct db_rows *rows,
                       struct bytes *receipt, bool *known) MUST_USE;
/* What this signer already said in a round: *known and its hash. */
enum err db_event_said(struct db *db, const struct digest *ctx, const char *type,
                       const struct identity *participant, struct digest *hash,
                       bool *known) MUST_USE;
/* The coordinator's event of a round, canonical bytes. E_NOT_FOUND. */
enum err db_event_round(struct db *db, const struct digest *ctx, const char *type,
                        struct buf *out) MUST_USE;

#endif
