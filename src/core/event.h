/* SPDX-License-Identifier: Apache-2.0
 * Canonical events and their signatures (docs/protocol.md section 1.3; RFC 8785 narrowed;
 * RFC 8032 with the strict checks of section 1.2).
 *
 * An event is a JSON object with the members "type" (and, signed, "sig") whose bytes are
 * unique: keys sorted, no white space, strings of U+0020–U+007E, integers within
 * ±(2^53−1), no floats. */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <jansson.h>

#include "core/types.h"

/* Of an event with its signature: what an entry of the log can hold. Larger ones are
 * neither read, nor hashed, signed or verified: E_TOO_LARGE. */
#define EVENT_BYTES_MAX ((size_t)65535)

/* Parses an event and refuses whatever would not serialise to exactly these bytes.
 * Errors: E_JSON, E_CANONICAL, E_TOO_LARGE. The caller owns *out. */
enum err event_parse(json_t **out, struct bytes text, struct why *why) MUST_USE;

/* Checks an already parsed value against the narrowed canonical rules (no floats, ASCII
 * strings, integer range, nesting at most 8): for events that arrive inside other JSON,
 * where member order and white space are free. E_CANONICAL otherwise. */
enum err event_check(const json_t *event, struct why *why) MUST_USE;

/* Appends the canonical bytes, with its "sig" (as stored, a Merkle leaf) or without. */
enum err event_canonical(struct buf *out, const json_t *event, bool with_sig) MUST_USE;

/* H(event) = SHA-256("chorus/v1/" type "\n" canonical(event without sig)). */
enum err event_hash(struct digest *out, const json_t *event) MUST_USE;

/* SHA-256 of `label` (with its final "\n", no NUL) and the canonical bytes without "sig".
 */
enum err event_hash_as(struct digest *out, const char *label,
                       const json_t *event) MUST_USE;

/* Adds or replaces "sig". */
enum err event_sign(json_t *event, const struct secret_identity *key) MUST_USE;

/* E_FIELD_VALUE when the type differs, E_SIGNATURE when the signature does not fit. */
enum err event_verify(const json_t *event, const char *type, const struct identity *key,
                      struct why *why) MUST_USE;

/* Whether this is the identity's signature of `text`, with the strict checks of section
 * 1.2. */
bool identity_signed(const struct identity *key, struct bytes text,
                     const struct signature *sig) MUST_USE;

/* A fresh Ed25519 key pair. */
void identity_make(struct identity *id, struct secret_identity *key);

#endif
