/* SPDX-License-Identifier: Apache-2.0
 * A participant's part in one round, without I/O: the caller fetches documents, checks
 * them into a `struct round` (round.h), asks the party for what it has to say, stores the
 * party (party_save) and syncs it, and only then sends. docs/protocol.md sections 4 to 8.
 *
 * Asking twice gives the same event: a party signs at most one event of each type. */
#ifndef CORE_PARTY_H
#define CORE_PARTY_H

#include "core/mask.h"

struct party;

/* Fresh secrets for the round that r opens. */
enum err party_new(struct party **out, const struct round *r, const struct identity *id,
                   const struct secret_identity *key) MUST_USE;
void party_free(struct party *p); /* wipes */
static inline void party_drop(struct party **p)
{
  party_free(*p);
}

/* All of it as JSON, secrets included: for a 0600 file. The caller wipes the text. */
enum err party_save(struct buf *out, const struct party *p) MUST_USE;
enum err party_load(struct party **out, struct bytes text,
                    const struct secret_identity *key, struct why *why) MUST_USE;

/* The ctx it belongs to and the events it has signed so far (NULL where not yet),
 * borrowed. */
const struct digest *party_ctx(const struct party *p);
const json_t *party_event(const struct party *p, const char *type);

/* What the events signed from now on say they have seen; the empty tree until then. Not
 * saved. An event that is signed does not change. */
void party_set_seen(struct party *p, const struct seen *seen);

/* JOIN. The event is borrowed from the party. */
enum err party_join(struct party *p, const struct round *r,
                    const json_t **event) MUST_USE;

/* SHARE: r has roster and graph. Checks that the party is in it with its own keys
 * (E_CHEAT_ROSTER). deals: k*168 bytes, borrowed. */
enum err party_share(struct party *p, const struct round *r, const json_t **event,
                     struct bytes *deals, struct why *why) MUST_USE;

/* UPLOAD, first: r has sharers; its own share event must be among them. shares: the share
 * events of U1 by index (checked by round_sharers); boxes: array of
 * {"dealer","deal","path"}. Opens what was delivered; what was not is missing, what does
 * not fit is bad. E_CHEAT_SHARERS; E_THRESHOLD (leave the round) for too few good ones or
 * more bad ones than a manifest can name. */
enum err party_boxes(struct party *p, const struct round *r, const json_t *shares,
                     const json_t *boxes, struct why *why) MUST_USE;
/* UPLOAD, then: masks x (d + tail coordinates) in place. Once only: a second call, or one
 * after party_update, is E_STATE. Where the reward asks for it, the first tail entry is
 * kept for the manifest; E_FIELD_VALUE when it is not a weight. */
enum err party_mask(struct party *p, const struct round *r, struct ring x) MUST_USE;
/* The same afterwards, for a party that was saved before it masked and a y that was
 * stored: y stays as it is. */
enum err party_masked(struct party *p, const struct round *r, struct ring y) MUST_USE;
/* The manifest of y: its length and the Merkle root of its chunks. */
enum err party_update(struct party *p, const struct round *r, uint64_t length,
                      const struct digest *chunks, const json_t **event) MUST_USE;

/* UNMASK: r has survivors. Its own update must be among `updates` when it is in U2; a
 * party outside U2 has nothing to answer (E_NOT_IN_ROUND). minimum: the user's own least
 * number of organisations. E_CHEAT_SURVIVORS, E_CHEAT_SECOND for a second set under one
 * ctx, E_THRESHOLD. */
enum err party_unmask(struct party *p, const struct round *r, const json_t *updates,
                      unsigned minimum, const json_t **event, struct why *why) MUST_USE;

/* Wipes every secret; the events stay. At result or failed. */
void party_forget(struct party *p);

/* Section 10: what a client remembers of the sums over one base: the sets of
 * organisations. `history` is a JSON array that the caller keeps per model and base.
 * Refuses (E_CHEAT_BASE) when 0 < |U2 Δ U2'| < minimum against any set; asks for consent
 * (E_CONSENT) after two different ones unless `consent`. On OK and on E_CHEAT_BASE the
 * set is added to it. */
enum err party_check_history(json_t *history, const struct round *r, unsigned minimum,
                             bool consent, struct why *why) MUST_USE;

#endif
