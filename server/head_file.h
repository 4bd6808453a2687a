/* SPDX-License-Identifier: Apache-2.0
 * The newest checkpoint that was signed on this machine, kept in a small file beside the
 * key. PostgreSQL is the only state, but it cannot tell that it was set back itself: an
 * honest operator who restores a backup would sign a second history. */
#ifndef SERVER_HEAD_FILE_H
#define SERVER_HEAD_FILE_H

#include "server/log.h"

/* Whether the database holds the checkpoint that the file remembers; a file that is not
 * there remembers nothing. E_RESTORED with what is missing, E_IO, E_CONFIG for a file
 * that is something else. */
enum err head_file_check(const char *path, struct db *db, struct why *why) MUST_USE;

/* Puts the database's newest checkpoint there, unless the file holds it or a larger one.
 * E_IO. */
enum err head_file_keep(const char *path, struct db *db, struct why *why) MUST_USE;

#endif
