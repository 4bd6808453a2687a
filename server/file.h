/* SPDX-License-Identifier: Apache-2.0
 * Small files, read whole and written so that a crash leaves the old or the new one. */
#ifndef SERVER_FILE_H
#define SERVER_FILE_H

#include "util/buf.h"

/* E_CONFIG names the file and what is wrong; E_TOO_LARGE beyond max. */
enum err file_read(struct buf *out, const char *path, size_t max,
                   struct why *why) MUST_USE;
/* A new file of mode 0600. E_CONFLICT when there is one. */
enum err file_create(const char *path, struct bytes data, struct why *why) MUST_USE;
/* Takes the place of a file and keeps its mode. */
enum err file_replace(const char *path, struct bytes data, struct why *why) MUST_USE;

#endif
