/* SPDX-License-Identifier: Apache-2.0
 * The policy of a model on the chain, in the interface. */
#ifndef SERVER_POLICY_H
#define SERVER_POLICY_H

#include "model/spec.h"
#include "server/anchors.h"

/* What to register of a new model (its slug aside). policy: the body's member, or NULL:
 * what the description asks for, and no limits else. E_FIELD_*; E_POLICY when no round of
 * this description could be opened under it. */
enum err policy_read(struct registration *out, const json_t *policy,
                     const struct spec *spec, struct why *why) MUST_USE;

/* Adds "policy" to a MODEL and, while its registration is awaited, "chain". */
enum err policy_show(struct db *db, const char *model, json_t *out) MUST_USE;

#endif
