/* SPDX-License-Identifier: Apache-2.0
 * Server optimisers: from the sum of the updates to the next model. Reproducible to the
 * byte (docs/spec.md, "Server optimisers"): IEEE doubles, in the order written there.
 * FedAvg (McMahan et al. 2017), FedAvgM (Hsu et al. 2019), FedAdam and FedYogi (Reddi et
 * al. 2021). */
#ifndef MODEL_OPTIMISER_H
#define MODEL_OPTIMISER_H

#include "util/err.h"

enum optimiser_kind {
  OPTIMISER_FEDAVG,
  OPTIMISER_FEDAVGM,
  OPTIMISER_FEDADAM,
  OPTIMISER_FEDYOGI
};

struct optimiser {
  enum optimiser_kind kind;
  double rate;                  /* eta */
  double momentum;              /* FedAvgM: beta */
  double beta1, beta2, epsilon; /* FedAdam, FedYogi; epsilon is tau */
  int64_t quantum;              /* Q = 2^(q-1) - 1 of the quantiser */
  double range;                 /* R of the quantiser */
};

const char *optimiser_name(enum optimiser_kind kind);

/* Bytes of state per coordinate: 0 (FedAvg), 8 (FedAvgM: v), 16 (FedAdam, FedYogi: m, v);
 * float64 little-endian. Before the first round the state is all zero bytes. */
size_t optimiser_state_bytes(enum optimiser_kind kind);

/* One step on any range of coordinates, so that a model can be streamed.
 *
 * weights     the base model's coordinates of the range, replaced by the new model's
 * state       their state (any alignment), replaced; ignored by FedAvg
 * sum         S of the range: the sum of weight * quantised update, signed
 * weight_sum  sum of the weights, at least 1
 *
 * Returns E_NUMBER when a result is not finite (weights and state are then to be thrown
 * away), E_FIELD_VALUE when weight_sum is 0. */
enum err optimiser_step(const struct optimiser *o, float *weights, uint8_t *state,
                        const int64_t *sum, size_t count, uint64_t weight_sum) MUST_USE;

#endif
