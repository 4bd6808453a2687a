/* SPDX-License-Identifier: Apache-2.0
 * The same work for many indices, on several threads. */
#ifndef CLIENTS_PARALLEL_H
#define CLIENTS_PARALLEL_H

#include "util/err.h"

struct parallel {
  /* Does index `index` in thread `thread`, which is below the number of threads. */
  enum err (*one)(void *arg, unsigned thread, uint64_t index, struct why *why);
  void *arg;
  /* Told in the calling thread how many are done; may be NULL. */
  void (*progress)(void *arg, uint64_t done, uint64_t total);
  void *progress_arg;
};

/* How many threads this machine has use for. */
unsigned parallel_threads(void);

/* Runs indices 0 to total-1, in no order. After the first error no more are begun; it is
 * returned with its particulars. */
enum err parallel_run(const struct parallel *p, unsigned threads, uint64_t total,
                      struct why *why) MUST_USE;

#endif
