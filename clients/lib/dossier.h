/* SPDX-License-Identifier: Apache-2.0
 * What a server said, in one file: a gzipped tar (through libarchive) whose folder api/v1
 * holds replies under their paths, beside files for people. While it is open, its files
 * are in a temporary folder, so that memory is bounded; nothing is left of that. */
#ifndef CLIENTS_DOSSIER_H
#define CLIENTS_DOSSIER_H

#include "clients/lib/source.h"

struct dossier;

/* An empty one. E_IO. */
enum err dossier_new(struct dossier **out, struct why *why) MUST_USE;
/* Unpacks a file. E_IO; E_FIELD_VALUE for what is no archive, or holds something else
 * than files with plain names. */
enum err dossier_open(struct dossier **out, const char *file, struct why *why) MUST_USE;
void dossier_free(struct dossier *d);
static inline void dossier_drop(struct dossier **d)
{
  dossier_free(*d);
}

/* Puts bytes into the file with this name, from this byte on. Threads may do so at once
 * in different places. */
enum err dossier_put(struct dossier *d, const char *name, uint64_t from,
                     struct bytes data, struct why *why) MUST_USE;
/* Makes these bytes all that the file holds. */
enum err dossier_replace(struct dossier *d, const char *name, struct bytes data,
                         struct why *why) MUST_USE;
/* As source.get. */
enum err dossier_get(struct dossier *d, const char *name, struct http_range range,
                     size_t max, struct buf *out, struct why *why) MUST_USE;
/* Writes all of it; the same contents give the same bytes. */
enum err dossier_write(struct dossier *d, const char *file, struct why *why) MUST_USE;

/* Reads from an archive (borrowed): what is not in it is E_NOT_FOUND. vectors: it holds
 * masked vectors. */
struct source *source_dossier(struct dossier *d, bool vectors) MUST_USE;
/* Reads from `inner` (taken over) and puts what comes into the archive (borrowed), masked
 * vectors only if that is wanted. */
struct source *source_record(struct source *inner, struct dossier *d,
                             bool vectors) MUST_USE;

#endif
