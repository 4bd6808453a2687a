/* SPDX-License-Identifier: Apache-2.0
 * The folder in which a participant keeps what must survive: keys, pins, one folder per
 * round. Every write is whole or not at all and on the disk before the call returns: a
 * temporary file, fsync, rename, fsync of the folder. Files are 0600, folders 0700.
 *
 * Paths are relative to the home folder, with / between parts. */
#ifndef CLIENTS_HOME_H
#define CLIENTS_HOME_H

#include <jansson.h>

#include "util/buf.h"

struct home;

/* Opens the folder and makes it where it is missing. locked: takes the lock, so that two
 * processes never work in one home at once (E_CONFLICT when another holds it).
 * E_IO, with the path. */
enum err home_open(struct home **out, const char *path, bool locked,
                   struct why *why) MUST_USE;
void home_close(struct home *h);
static inline void home_drop(struct home **h)
{
  home_close(*h);
}
const char *home_path(const struct home *h);

/* A lock beside the home's own, for what processes that do not lock the home keep there:
 * the file `name` in the home folder. wait: until it is free; otherwise E_CONFLICT when
 * another holds it. *lock is for home_unlock. */
enum err home_lock(struct home *h, const char *name, bool wait, int *lock,
                   struct why *why) MUST_USE;
void home_unlock(int *lock); /* -1 is fine */

/* Replaces the file. Missing folders on the way are made. */
enum err home_write(struct home *h, const char *path, struct bytes data,
                    struct why *why) MUST_USE;
/* Writes it for the first and only time: the same bytes again are fine, others are
 * E_CONFLICT and leave the file alone. */
enum err home_write_once(struct home *h, const char *path, struct bytes data,
                         struct why *why) MUST_USE;
/* Appends the file to out (whose max caps it). E_NOT_FOUND when there is none. */
enum err home_read(struct home *h, const char *path, struct buf *out,
                   struct why *why) MUST_USE;
bool home_has(struct home *h, const char *path);
/* Removes one file; one that is not there is fine. */
enum err home_remove(struct home *h, const char *path, struct why *why) MUST_USE;
/* Names in a folder, sorted, without temporary files; none when it is missing. The caller
 * owns the array of strings. */
enum err home_list(struct home *h, const char *path, json_t **out,
                   struct why *why) MUST_USE;

/* The same for JSON. once: as home_write_once. */
enum err home_write_json(struct home *h, const char *path, const json_t *value, bool once,
                         struct why *why) MUST_USE;
/* E_NOT_FOUND, or E_STATE when the file is damaged. Any JSON value; the caller owns it.
 */
enum err home_read_json(struct home *h, const char *path, json_t **out,
                        struct why *why) MUST_USE;

/* For tests: asked before each step that changes the disk ("open", "write", "sync",
 * "rename", "link", "unlink", "mkdir", "sync folder"); true makes the step fail. */
void home_set_fault(struct home *h, bool (*fault)(void *arg, const char *step),
                    void *arg);

#endif
