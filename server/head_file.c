/* SPDX-License-Identifier: Apache-2.0
 * A file of one line, "SIZE ROOT": replaced as a whole, so that it is never torn. */
#include "server/head_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/text.h"

/* 20 digits, a space, 64 digits, a newline. */
#define LINE_MAX_BYTES 86u

static bool parse(char *line, struct log_head *head)
{
  char *root = NULL;
  errno = 0;
  head->size = strtoull(line, &root, 10);
  if (line[0] < '0' || line[0] > '9' || errno || *root++ != ' ')
    return false;
  char *end = strchr(root, '\n');
  if (!end || end[1])
    return false;
  *end = 0;
  return hex_decode(head->root.b, sizeof head->root.b, root) == OK;
}

/* *head is the empty tree when there is no file. */
static enum err load(const char *path, struct log_head *head, struct why *why)
{
  char line[LINE_MAX_BYTES + 2] = {0};
  struct log_head found = {0};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  *head = found;
  if (fd < 0 && errno == ENOENT)
    return OK;
  if (fd < 0)
    return why_set(why, E_IO, path, "cannot be read: %s", strerror(errno));
  ssize_t got = read(fd, line, sizeof line - 1);
  close(fd);
  if (got <= 0 || strlen(line) != (size_t)got || !parse(line, &found))
    return why_set(why, E_CONFIG, path,
                   "does not hold the size and root of a checkpoint");
  *head = found;
  return OK;
}

enum err head_file_check(const char *path, struct db *db, struct why *why)
{
  struct log_head kept, head;
  TRY(load(path, &kept, why));
  if (kept.size == 0)
    return OK;
  TRY(log_head(db, &head));
  if (head.size < kept.size)
    return why_set(why, E_RESTORED, "db",
                   "its log has %" PRIu64
                   " leaves, but this server has signed a checkpoint "
                   "of %" PRIu64,
                   head.size, kept.size);
  struct seen seen = {.size = kept.size, .root = kept.root};
  enum err e = log_seen(db, &seen, "db", NULL);
  if (e == E_CHECKPOINT)
    return why_set(why, E_RESTORED, "db",
                   "its first %" PRIu64
                   " leaves are not those that this server has signed",
                   kept.size);
  return e;
}

static enum err replace(const char *path, const struct log_head *head, struct why *why)
{
  char line[LINE_MAX_BYTES + 2], hex[65], next[4096];
  int len = snprintf(line, sizeof line, "%" PRIu64 " %s\n", head->size,
                     hex_encode(hex, head->root.b, sizeof head->root.b));
  int made = snprintf(next, sizeof next, "%s.%ld", path, (long)getpid());
  if (made < 0 || (size_t)made >= sizeof next)
    return why_set(why, E_IO, path, "is too long");
  int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool good = fd >= 0 && write(fd, line, (size_t)len) == len && fsync(fd) == 0;
  if (fd >= 0)
    good &= close(fd) == 0;
  if (good && rename(next, path) == 0)
    return OK;
  enum err e = why_set(why, E_IO, path, "cannot be written: %s", strerror(errno));
  (void)unlink(next);
  return e;
}

enum err head_file_keep(const char *path, struct db *db, struct why *why)
{
  struct log_head kept, head;
  TRY(load(path, &kept, why));
  TRY(log_head(db, &head));
  return head.size > kept.size ? replace(path, &head, why) : OK;
}
