/* SPDX-License-Identifier: Apache-2.0
 * The pages: the files of a folder, read once at start and answered from memory on the
 * HTTP threads, without a worker, the database or the file system. Files below assets/
 * have names that change with their bytes and may be kept for ever; every address that is
 * no file and not the interface's is a place in the application: index.html. */
#ifndef SERVER_ASSETS_H
#define SERVER_ASSETS_H

#include <microhttpd.h>

#include "util/err.h"

struct assets;
struct server;

struct asset_choice {
  unsigned status;
  struct MHD_Response *response; /* borrowed */
};

/* Reads the folder; what stands beside a file as NAME.br and NAME.gz is the same
 * compressed. Without an index.html there it is empty, and why says what to do. The
 * server is only looked at. */
struct assets *assets_load(const char *folder, const struct server *server,
                           struct why *why);
void assets_free(struct assets *a);

/* Whether this path is a page's or an asset's, not the interface's. */
bool assets_path(const char *path);
/* The answer to a GET or HEAD of such a path. E_NOT_FOUND. The headers may be NULL. */
enum err assets_find(const struct assets *a, const char *path,
                     const char *accept_encoding, const char *if_none_match,
                     struct asset_choice *out, struct why *why) MUST_USE;

#endif
