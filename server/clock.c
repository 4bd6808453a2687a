/* SPDX-License-Identifier: Apache-2.0
 * The monotonic clock, for the deadlines inside one process. */
#include <time.h>

#include "server/http_internal.h"

double clock_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct timespec clock_spec(double when)
{
  struct timespec t = {.tv_sec = (time_t)when};
  t.tv_nsec = (long)((when - (double)t.tv_sec) * 1e9);
  return t;
}

void clock_cond_init(pthread_cond_t *cond)
{
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(cond, &attr);
  pthread_condattr_destroy(&attr);
}
