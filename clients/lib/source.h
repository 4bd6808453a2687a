/* SPDX-License-Identifier: Apache-2.0
 * Where an audit reads from: the public resources of docs/api.md by their path, from a
 * server, or from an archive of what a server once said (dossier.h). Everything that an
 * audit says follows from what a source gave. */
#ifndef CLIENTS_SOURCE_H
#define CLIENTS_SOURCE_H

#include <jansson.h>

#include "clients/lib/http.h"
#include "clients/lib/self.h"

struct source {
  /* Appends what is at `path` (below /api/v1/) to *out: all of it, at most `max` bytes,
   * or (range.len not 0) exactly those bytes of it.
   * E_NOT_FOUND, E_ERASED and the like as the server says; E_REPLY for what is longer or
   * shorter; E_NETWORK and E_BUSY when it can't be asked now. */
  enum err (*get)(struct source *s, const char *path, struct http_range range, size_t max,
                  struct buf *out, struct why *why);
  /* Another one to the same place, for another thread. */
  enum err (*again)(struct source *s, struct source **out, struct why *why);
  void (*free)(struct source *s);
  bool live;    /* what is not there yet may come */
  bool vectors; /* masked vectors can be asked for */
};

static inline void source_drop(struct source **s)
{
  if (*s)
    (*s)->free(*s);
}

enum err source_get(struct source *s, const char *path, size_t max, struct buf *out,
                    struct why *why) MUST_USE;
enum err source_part(struct source *s, const char *path, uint64_t from, size_t len,
                     struct buf *out, struct why *why) MUST_USE;
/* A JSON document, shape unchecked. E_REPLY when it is none. */
enum err source_json(struct source *s, const char *path, json_t **out,
                     struct why *why) MUST_USE;

/* Whether an error says something about what is served (and is a finding), not that
 * nothing could be learnt. */
bool source_tells(enum err e);

/* A server. options->pausing is told in this thread only. self (may be NULL) is borrowed:
 * who may read vectors that only members may read. reader (copied): who reads all else.
 */
enum err source_http(struct source **out, const struct http_options *options,
                     const struct self *self, const struct reader *reader,
                     struct why *why) MUST_USE;

#endif
