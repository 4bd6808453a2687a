/* SPDX-License-Identifier: Apache-2.0
 * Chaum–Pedersen proof of equal discrete logarithms (CRYPTO '92), made non-interactive
 * (Fiat–Shamir): log_B E_i = log_{E_j} K, bound to the round and to both indices. It lets
 * a receiver open the key of a bad box to everybody. docs/protocol.md section 7. */
#ifndef CORE_DLEQ_H
#define CORE_DLEQ_H

#include "core/types.h"

struct dleq {
  struct scalar challenge; /* c */
  struct scalar response;  /* z = r + c*e */
};

/* Proves that K = e*Ej and Ei = e*B share e; i is the prover, j the dealer. */
enum err dleq_prove(struct dleq *out, const struct digest *ctx, uint32_t i, uint32_t j,
                    const struct secret_scalar *e, const struct point *ei,
                    const struct point *ej, const struct point *k) MUST_USE;
/* E_PROOF when it does not verify, E_POINT or E_SCALAR for malformed input. */
enum err dleq_check(const struct dleq *proof, const struct digest *ctx, uint32_t i,
                    uint32_t j, const struct point *ei, const struct point *ej,
                    const struct point *k) MUST_USE;

#endif
