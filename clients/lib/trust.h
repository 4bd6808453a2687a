/* SPDX-License-Identifier: Apache-2.0
 * What a client checks about a model before it takes part in a round or uses weights:
 * that the description is the one that was hashed, and that the base follows from the
 * description or from a signed result, never older than what is known.
 * docs/protocol.md section 3. */
#ifndef CLIENTS_TRUST_H
#define CLIENTS_TRUST_H

#include "clients/lib/self.h"
#include "core/round.h"
#include "model/spec.h"

/* The spec with this hash: from the home folder, else from the server (version 0: the
 * newest), then kept. E_CHEAT_MODEL when what is served hashes to something else. */
enum err trust_spec(struct spec **out, struct home *h, struct api *a, const char *model,
                    uint64_t version, const struct digest *hash,
                    struct why *why) MUST_USE;

/* The terms of a round: spec against open, the base's origin, its age. Follows the base's
 * result event to its round and remembers it in *known. import: the user lets an imported
 * base pass (E_CONSENT otherwise). E_CHEAT_MODEL, E_CHEAT_KEY, E_CHEAT_HISTORY. */
enum err trust_terms(const struct round *r, const struct spec *s, struct known *known,
                     const struct pin *pin, struct api *a, bool import,
                     struct why *why) MUST_USE;

/* The base weights of a round, spec->d floats: fetched, or computed for the initial
 * model; they hash to what open names. The caller frees. */
enum err trust_base(float **out, const struct round *r, const struct spec *s,
                    struct api *a, struct why *why) MUST_USE;

/* Reads a result event: signed by the coordinator, of this instance; with the open event
 * of its round, of this model. *open is the caller's to free. */
enum err trust_result(struct result_event *out, struct open_event **open,
                      const json_t *event, const struct pin *pin, const char *model,
                      struct api *a, struct why *why) MUST_USE;

/* The model as it stands: *spec, *weights (spec->d floats, the caller frees) and *round
 * (0: the initial model). They are what the newest signed result names, or follow from
 * the spec. */
enum err trust_model(struct spec **spec, float **weights, uint64_t *round, struct home *h,
                     struct known *known, const struct pin *pin, const char *model,
                     struct api *a, struct why *why) MUST_USE;

#endif
