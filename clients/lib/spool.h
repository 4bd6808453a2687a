/* SPDX-License-Identifier: Apache-2.0
 * A large vector on its way through an audit: in a temporary file without a name, so that
 * memory stays bounded. Threads may read and write different places at once. */
#ifndef CLIENTS_SPOOL_H
#define CLIENTS_SPOOL_H

#include "clients/lib/source.h"
#include "core/types.h"

struct spool {
  bool open; /* {0} is none */
  int fd;
  uint64_t size;
};

/* size zero bytes. E_IO. */
enum err spool_new(struct spool *out, uint64_t size, struct why *why) MUST_USE;
/* What a source serves at a path, which must have so many bytes, chunk by chunk. The
 * errors of source_part. */
enum err spool_fetch(struct spool *out, struct source *from, const char *path,
                     uint64_t size, struct why *why) MUST_USE;
void spool_done(struct spool *s);

enum err spool_read(const struct spool *s, uint64_t from, void *out, size_t len,
                    struct why *why) MUST_USE;
enum err spool_write(struct spool *s, uint64_t from, struct bytes data,
                     struct why *why) MUST_USE;
/* SHA-256 of all of it. */
enum err spool_hash(const struct spool *s, struct digest *out, struct why *why) MUST_USE;

#endif
