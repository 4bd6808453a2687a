/* SPDX-License-Identifier: Apache-2.0
 * Local training: what a participant does with its own rows between two rounds. Not part
 * of the protocol's bytes; a participant may train any other way. */
#ifndef MODEL_TRAIN_H
#define MODEL_TRAIN_H

#include "model/net.h"

/* Told after each minibatch how many of how many are done. */
struct train_watch {
  void (*told)(void *arg, uint64_t done, uint64_t total);
  void *arg;
};

/* Trains by spec->training: epochs over shuffled minibatches, SGD or Adam (Kingma, Ba
 * 2015), L2 on weights but not on biases.
 *
 * w     in: the base model; out: the local one. Untouched on error.
 * seed  orders the rows; take it from the CSPRNG unless a test wants repetition
 * watch NULL, or who wants to be told how far it is
 *
 * E_SPEC for a vector or rows without targets, E_NUMBER when training diverged. */
enum err train(float *w, const struct spec *s, const struct dataset *d, uint64_t seed,
               const struct train_watch *watch) MUST_USE;

#endif
