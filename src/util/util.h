/* SPDX-License-Identifier: Apache-2.0
 * Small things every layer uses: cleanup, ownership hand-over, checked sizes. */
#ifndef UTIL_UTIL_H
#define UTIL_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* AUTO(json_drop) json_t *root = ...;  runs json_drop(&root) when the scope ends. */
#define AUTO(drop) __attribute__((cleanup(drop)))
/* Hands a pointer on: evaluates to its value and leaves NULL behind. */
#define STEAL(p)                                                                         \
  __extension__({                                                                        \
    __typeof__(p) stolen_ = (p);                                                         \
    (p) = NULL;                                                                          \
    stolen_;                                                                             \
  })
/* Returns early with the error of a call that did not succeed. */
#define TRY(call)                                                                        \
  do {                                                                                   \
    enum err try_ = (call);                                                              \
    if (try_ != OK)                                                                      \
      return try_;                                                                       \
  } while (0)

static inline void free_drop(void *p)
{
  free(*(void **)p);
}

/* calloc that refuses n*size overflow (glibc's does) and never returns NULL: without
 * memory the process ends, and PostgreSQL still holds everything acknowledged. */
void *must_calloc(size_t n, size_t size) MUST_USE;
void *must_realloc(void *p, size_t n, size_t size) MUST_USE;
char *must_strdup(const char *s) MUST_USE;

#endif
