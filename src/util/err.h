/* SPDX-License-Identifier: Apache-2.0
 * Every error of the system, once: name, slug, HTTP status, what happened, what to do.
 * The table makes the enum, the problem+json replies (RFC 9457) and docs/api.md. */
#ifndef UTIL_ERR_H
#define UTIL_ERR_H

#include <stddef.h>

#include "util/util.h"

/*     name             slug                status  what happened, what the user can do */
#define ERR_TABLE(X)                                                                     \
  X(OK, "ok", 200, "Done.", "")                                                          \
  /* the message itself */                                                               \
  X(E_JSON, "malformed-json", 400, "The text is not valid JSON.",                        \
    "Send one JSON value in UTF-8, without duplicate keys.")                             \
  X(E_NOTE, "malformed-note", 400, "This is not a signed note, tile or bundle.",         \
    "Send it as the C2SP specifications say; docs/api.md names them.")                   \
  X(E_CANONICAL, "not-canonical", 400, "The event is not in canonical form.",            \
    "Serialise it as docs/protocol.md section 1.3 says and sign exactly those bytes.")   \
  X(E_FIELD_UNKNOWN, "unknown-field", 400, "There is a field that is not known here.",   \
    "Remove it, or check its spelling.")                                                 \
  X(E_FIELD_MISSING, "missing-field", 400, "A field is missing.", "Add it.")             \
  X(E_FIELD_TYPE, "wrong-type", 400, "A field has the wrong type.",                      \
    "Use the type that docs/api.md states.")                                             \
  X(E_FIELD_VALUE, "bad-value", 400, "A field holds a value that is not allowed.",       \
    "Use a value from the range that is stated.")                                        \
  X(E_LENGTH, "wrong-length", 400, "Something has the wrong length.",                    \
    "Send exactly the stated number of bytes or entries.")                               \
  X(E_POINT, "bad-point", 400, "A key is not a valid ristretto255 point.",               \
    "Send a canonical encoding; the identity is refused.")                               \
  X(E_SCALAR, "bad-scalar", 400, "A scalar is not canonical.",                           \
    "Send 32 bytes, little-endian, below the group order.")                              \
  X(E_SIGNATURE, "bad-signature", 403, "The signature does not fit.",                    \
    "Sign the canonical event with the key it names.")                                   \
  X(E_PROOF, "bad-proof", 400, "A proof does not verify.", "Make the proof again.")      \
  X(E_HASH, "hash-mismatch", 400, "The bytes do not hash to what was announced.",        \
    "Send the bytes that the manifest commits to.")                                      \
  X(E_OVERFLOW, "arithmetic-overflow", 400, "The sum would not fit into the ring.",      \
    "Choose a wider ring, fewer participants, a smaller weight cap or fewer bits.")      \
  X(E_SPEC, "bad-spec", 400, "The model description is not acceptable.",                 \
    "See the field that is named; docs/spec.schema.json describes all.")                 \
  X(E_CSV, "bad-csv", 400, "The CSV does not fit the model.",                            \
    "Mend the row and column that are named.")                                           \
  X(E_NUMBER, "not-finite", 400, "A number is not finite.", "Remove NaN and infinity.")  \
  /* the request */                                                                      \
  X(E_NOT_FOUND, "not-found", 404, "There is nothing by that name.",                     \
    "Check the address; lists show what exists.")                                        \
  X(E_METHOD, "method-not-allowed", 405, "That method is not possible here.",            \
    "The Allow header lists those that are.")                                            \
  X(E_TOO_LARGE, "body-too-large", 413, "The body is larger than this address accepts.", \
    "docs/api.md states the limit of each address.")                                     \
  X(E_MEDIA_TYPE, "unsupported-media-type", 415, "That content type is not taken here.", \
    "Send application/json, or application/octet-stream for raw vectors.")               \
  X(E_ACCEPT, "not-acceptable", 406, "It is not to be had in a type that you accept.",   \
    "Accept the type that is named, or leave Accept out.")                               \
  X(E_LENGTH_REQUIRED, "length-required", 411, "The request does not say its length.",   \
    "Send a Content-Length.")                                                            \
  X(E_UNAUTHENTICATED, "unauthenticated", 401, "This needs a key or token.",             \
    "Send Authorization as docs/api.md says.")                                           \
  X(E_FORBIDDEN, "forbidden", 403, "You may not do this.", "Ask an administrator.")      \
  X(E_LOGIN, "wrong-login", 403, "The name, the password or the code is wrong.",         \
    "Try again; an administrator can make a link that sets a new password.")             \
  X(E_CODE, "code-needed", 403, "A code of the authenticator is needed as well.",        \
    "Send the code that it shows now, or one of the recovery codes.")                    \
  X(E_CSRF, "wrong-csrf-token", 403, "The request does not come from our own pages.",    \
    "Send X-Chorus-Csrf with the token that GET /session gives, from the same origin.")  \
  X(E_RANGE, "range-not-satisfiable", 416, "That range is outside the resource.",        \
    "Ask for bytes within the stated length.")                                           \
  X(E_RATE, "too-many-requests", 429, "Too many requests.", "Wait as Retry-After says.") \
  X(E_BUSY, "busy", 503, "The server is at its limit.",                                  \
    "Try again as Retry-After says.")                                                    \
  /* participants and invites */                                                         \
  X(E_INVITE, "bad-invite", 403, "The invite is unknown, used or expired.",              \
    "Ask the administrator for a new one.")                                              \
  X(E_NOT_ENROLLED, "not-enrolled", 403, "This key is not enrolled.",                    \
    "Enrol with an invite first.")                                                       \
  X(E_NOT_ADMITTED, "not-admitted", 403, "This participant is not admitted here.",       \
    "Ask the administrator of the model.")                                               \
  X(E_SUSPENDED, "suspended", 403, "This participant is suspended.",                     \
    "Ask the administrator of the model.")                                               \
  X(E_ORGANISATION, "organisation-already-present", 409,                                 \
    "Another member of the same organisation is already in this round.",                 \
    "One key per organisation takes part in a round.")                                   \
  X(E_CONFLICT, "conflict", 409, "There is already something different in its place.",   \
    "The first message stands; nothing was changed.")                                    \
  X(E_KEY_REUSED, "idempotency-key-reused", 409,                                         \
    "The Idempotency-Key was used for another request.",                                 \
    "Take a new key for a new request; the first one's answer stands.")                  \
  X(E_UNDER_WAY, "request-under-way", 409, "The same request is being worked on.",       \
    "Ask again in a moment, with the same key.")                                         \
  X(E_PRECONDITION_NEEDED, "precondition-required", 428,                                 \
    "This change needs to say what it changes.",                                         \
    "Send If-Match with the ETag that you read.")                                        \
  X(E_PRECONDITION, "precondition-failed", 412, "It was changed since it was read.",     \
    "Read it again, make the change there and send it with the new ETag.")               \
  /* rounds */                                                                           \
  X(E_PHASE, "wrong-phase", 409, "The round is not in the phase for this.",              \
    "Look at the round's phase; a late message is not taken.")                           \
  X(E_CONTEXT, "wrong-context", 409, "The message belongs to another round.",            \
    "Use the hashes of the round that it is sent to.")                                   \
  X(E_DUPLICATE_KEY, "key-already-used", 409, "A key occurs twice in the round.",        \
    "Make three fresh keys for each round.")                                             \
  X(E_NOT_IN_ROUND, "not-in-round", 403, "This participant is not part of this phase.",  \
    "Only those who answered the phase before can go on.")                               \
  X(E_FULL, "round-full", 409, "The round has all the participants it can take.",        \
    "Take part in the next one.")                                                        \
  X(E_SHARES, "bad-shares", 400, "The shares do not lie on one polynomial.",             \
    "Deal shares of degree below the threshold.")                                        \
  X(E_ANSWER, "bad-answer", 400, "The unmask answer does not fit the survivor list.",    \
    "Answer exactly one share per neighbour; null only for a box that was listed.")      \
  X(E_THRESHOLD, "below-threshold", 409, "Too few participants are left.",               \
    "Open a new attempt.")                                                               \
  X(E_SIMILAR, "too-similar", 409,                                                       \
    "The same model was summed before over nearly the same people.",                     \
    "Try again when at least the minimum number of organisations has changed.")          \
  X(E_SUM, "sum-out-of-bounds", 409, "The sum breaks its bounds.",                       \
    "Somebody sent values outside the rules; the model stays unchanged.")                \
  X(E_QUOTA, "over-quota", 413, "This would exceed the storage quota.",                  \
    "Use fewer participants, fewer parameters, or raise the quota.")                     \
  X(E_OPEN_ROUND, "round-already-open", 409, "The model already has an open round.",     \
    "Wait for it to end, or cancel it.")                                                 \
  /* the chain */                                                                        \
  X(E_POLICY, "against-policy", 409, "The policy on the chain does not allow this.",     \
    "Change the description by a new version, or the policy by a vote.")                 \
  X(E_REVERTED, "reverted", 409, "The contract refuses this.",                           \
    "Read the reason that is named; nothing was sent or paid.")                          \
  X(E_RPC, "rpc-error", 502, "The Ethereum node answered with an error.",                \
    "Read what it says; nothing is lost.")                                               \
  X(E_CHAIN, "wrong-chain", 502, "This is not the chain that the instance names.",       \
    "Check the address of the Ethereum node.")                                           \
  X(E_NO_CHAIN, "no-chain", 409, "This instance has no chain, or none is configured.",   \
    "Name an Ethereum node; docs/chain.md says how.")                                    \
  X(E_GAS, "no-gas", 409, "The address cannot pay for this.",                            \
    "Send it some ether, or use another key.")                                           \
  X(E_UNANCHORED, "not-anchored", 409, "It does not stand on the chain, finally, yet.",  \
    "Wait; the round goes on when it does.")                                             \
  X(E_CHECKPOINT, "unknown-checkpoint", 409, "This log never signed that checkpoint.",   \
    "If this server showed it to you, it has lost or changed its history: tell others.") \
  X(E_ERASED, "vectors-erased", 410, "The masked vectors of this round were erased.",    \
    "Their hashes stay in the log; an audit of the sum is no longer possible.")          \
  X(E_RETIRED, "retired", 410, "The model is retired.", "Choose another model.")         \
  /* what a client finds wrong with a server */                                          \
  X(E_CHEAT_MODEL, "cheat-model", 502, "The base model is not the one the round names.", \
    "Do not take part; tell the other participants.")                                    \
  X(E_CHEAT_ROSTER, "cheat-roster", 502, "The roster does not check.",                   \
    "Do not take part; tell the other participants.")                                    \
  X(E_CHEAT_GRAPH, "cheat-graph", 502, "The graph is not the one the rules give.",       \
    "Do not take part; tell the other participants.")                                    \
  X(E_CHEAT_SHARERS, "cheat-sharers", 502, "The list of sharers does not check.",        \
    "Do not take part; tell the other participants.")                                    \
  X(E_CHEAT_SURVIVORS, "cheat-survivors", 502, "The list of survivors does not check.",  \
    "No answer was given; tell the other participants.")                                 \
  X(E_CHEAT_SECOND, "cheat-second-answer", 502,                                          \
    "A second, different answer was asked for.",                                         \
    "No answer was given; tell the other participants.")                                 \
  X(E_CHEAT_BASE, "cheat-older-base", 502,                                               \
    "The same base was already summed over nearly the same people.",                     \
    "No answer was given: the difference would show single people.")                     \
  X(E_CHEAT_KEY, "cheat-key", 502,                                                       \
    "The server's key or instance is not the pinned one.",                               \
    "Do not take part; ask how the invite was made.")                                    \
  X(E_CHEAT_HISTORY, "cheat-history", 502,                                               \
    "The server's history does not hold together.",                                      \
    "Do not take part; tell the other participants.")                                    \
  X(E_CHEAT_LOG, "cheat-log", 502, "The log was rewritten, or shows two histories.",     \
    "Keep the two checkpoints that are named; show them to the other participants.")     \
  X(E_CHEAT_ANCHOR, "cheat-anchor", 502,                                                 \
    "What stands on the chain is not what the server shows.",                            \
    "No answer was given; tell the other participants.")                                 \
  X(E_CHEAT_PROMISE, "cheat-promise", 502,                                               \
    "What the server gave a receipt for is not in its log.",                             \
    "Keep the receipt; show it to the other participants.")                              \
  X(E_AUDIT, "audit-failed", 502, "The audit found something that does not hold.",       \
    "Read the findings; show them to the other participants.")                           \
  X(E_WITNESSES, "too-few-witnesses", 409, "Too few witnesses have cosigned the log.",   \
    "Wait until they have; if one is gone for good, change your list of witnesses.")     \
  X(E_CONSENT, "consent-needed", 409, "This needs your consent first.",                  \
    "Read what it says and repeat with the option that it names.")                       \
  /* the world */                                                                        \
  X(E_IO, "input-output", 500, "A file could not be read or written.",                   \
    "Check the path, the permissions and the free space.")                               \
  X(E_RESTORED, "database-set-back", 503,                                                \
    "The database is older than what this server has signed, so it only reads.",         \
    "Bring back the newer database; docs/operations.md says how.")                       \
  X(E_DB, "database", 503, "The database did not answer as expected.",                   \
    "Nothing was changed; try again.")                                                   \
  X(E_DB_RETRY, "database-retry", 503, "The database asked to try again.",               \
    "Nothing was changed; try again.")                                                   \
  X(E_SCHEMA, "schema-too-new", 500, "The database belongs to a newer program.",         \
    "Start the newer program.")                                                          \
  X(E_NETWORK, "network", 502, "The server could not be reached.",                       \
    "Check the address and the connection; nothing is lost.")                            \
  X(E_REPLY, "bad-reply", 502, "The server's reply could not be understood.",            \
    "Check that it is a Chorus server of a fitting version.")                            \
  X(E_STATE, "bad-state", 500, "The saved state is missing or damaged.",                 \
    "Leave this round; the next one starts afresh.")                                     \
  X(E_USAGE, "usage", 400, "The command cannot be understood.", "See --help.")           \
  X(E_CONFIG, "configuration", 500, "The configuration is not usable.",                  \
    "Mend the setting that is named.")                                                   \
  X(E_INTERNAL, "internal", 500, "Chorus has a defect.",                                 \
    "Please report it with the log; nothing acknowledged is lost.")

enum err {
#define X(name, slug, status, title, help) name,
  ERR_TABLE(X)
#undef X
      ERR_COUNT
};

struct err_info {
  const char *name;  /* "E_JSON" */
  const char *slug;  /* "malformed-json", the last part of the problem type */
  int status;        /* HTTP */
  const char *title; /* what happened */
  const char *help;  /* what the user can do */
};

/* The table's row for e. Never NULL. */
const struct err_info *err_info(enum err e);

/* The place and the particulars of one failure, for people: which field (a JSON path, a
 * CSV row and column, a file), and what was expected. Written only on failure. */
struct why {
  char field[96];
  char detail[416];
};

/* Fills `why` (which may be NULL) and returns e, so that a check is one line:
 *   return why_set(why, E_FIELD_VALUE, "maximum", "must be at least %u", minimum); */
enum err why_set(struct why *why, enum err e, const char *field, const char *fmt, ...)
    PRINTF(4, 5);

#endif
