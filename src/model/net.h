/* SPDX-License-Identifier: Apache-2.0
 * The networks: dense layers on OpenBLAS, ReLU between them, softmax cross-entropy or
 * squared error behind. Linear and logistic models are networks of one layer.
 *
 * Weights are one float32 vector of spec->d numbers: per layer W (outputs × inputs, row
 * by row), then the biases (spec->layers says where). On disk and wire: little-endian. */
#ifndef MODEL_NET_H
#define MODEL_NET_H

#include "model/dataset.h"

/* Call once at start, before threads exist: OpenBLAS shall not make threads of its own.
 */
void model_init(void);

/* The initial model, the same bytes everywhere (docs/spec.md, "Initial model"): zeros,
 * and for an mlp He-uniform draws of the PRG under a key from the spec's hash.
 *
 * w          spec->d numbers, written
 * spec_hash  normally &spec->hash */
enum err net_init(float *w, const struct spec *s,
                  const struct digest *spec_hash) MUST_USE;

/* Room for the activations of one block of examples. */
struct net;
struct net *net_new(const struct spec *s, size_t rows_max);
void net_free(struct net *n);
void net_drop(struct net **n);

/* Runs `rows` (at most rows_max) examples through the network. Returns rows * outputs raw
 * outputs (logits, or scaled numbers), valid until the next call. */
const float *net_forward(struct net *n, const float *w, const float *x, size_t rows);

/* The sum of the losses of the block last run: -ln softmax(class), or (output - value)^2
 * in scaled units. */
double net_loss(const struct net *n, const uint32_t *label, const float *value);

/* The gradient of the mean loss of the block last run, for the same w and x (without L2):
 * grad[0..d) is overwritten. Returns the summed loss. */
double net_gradient(struct net *n, float *grad, const float *w, const float *x,
                    const uint32_t *label, const float *value);

/* Predictions for every row of d: rows * outputs numbers; class probabilities, or the
 * target in its own unit. E_NUMBER when the weights give something not finite. */
enum err net_predict(float *out, const float *w, const struct spec *s,
                     const struct dataset *d) MUST_USE;

#endif
