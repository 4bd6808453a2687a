/* SPDX-License-Identifier: Apache-2.0
 * What models.c and versions.c share: reading a posted spec, announcing a version. */
#ifndef SERVER_MODELS_H
#define SERVER_MODELS_H

#include "model/spec.h"
#include "server/common.h"

/* A spec that arrived as the member "spec" of a body. Errors name spec.PATH; E_QUOTA when
 * one full round of it would take more than the server's quota. */
enum err spec_read(struct spec **out, const struct server *server, const json_t *spec,
                   struct why *why) MUST_USE;

/* Inside a transaction: the model event of a version, its row and its initial weights.
 * previous is H of the version before, or NULL. The models row exists. */
enum err version_announce(struct request *rq, const char *model, uint64_t version,
                          const struct spec *spec,
                          const struct digest *previous) MUST_USE;

/* MODEL. E_NOT_FOUND. */
enum err model_render(const struct server *s, struct db *db, const char *model,
                      json_t **out) MUST_USE;

/* MODEL of docs/api.md. E_NOT_FOUND. */
enum err model_reply(struct request *rq, const char *model, struct reply *rp) MUST_USE;

#endif
