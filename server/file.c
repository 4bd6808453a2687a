/* SPDX-License-Identifier: Apache-2.0
 * Small files. */
#include "server/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum err file_read(struct buf *out, const char *path, size_t max, struct why *why)
{
  uint8_t part[4096];
  ssize_t got;
  enum err e = OK;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return why_set(why, E_CONFIG, path, "cannot be read: %s", strerror(errno));
  while (e == OK && (got = read(fd, part, sizeof part)) > 0)
    e = out->len + (size_t)got > max
            ? why_set(why, E_TOO_LARGE, path, "has more than %zu bytes", max)
            : buf_put(out, part, (size_t)got);
  if (e == OK && got < 0)
    e = why_set(why, E_CONFIG, path, "cannot be read: %s", strerror(errno));
  close(fd);
  explicit_bzero(part, sizeof part);
  return e;
}

static bool sync_folder(const char *path)
{
  AUTO(free_drop) char *copy = must_strdup(path);
  int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool good = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0)
    close(fd);
  return good;
}

static bool fill(int fd, struct bytes data, mode_t mode)
{
  bool good = fd >= 0 && fchmod(fd, mode) == 0;
  for (size_t at = 0; good && at < data.len;) {
    ssize_t put = write(fd, data.data + at, data.len - at);
    good = put > 0;
    at += good ? (size_t)put : 0;
  }
  good = good && fsync(fd) == 0;
  if (fd >= 0)
    good &= close(fd) == 0;
  return good;
}

enum err file_create(const char *path, struct bytes data, struct why *why)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST)
    return why_set(why, E_CONFLICT, path, "is there already; it is not overwritten");
  if (fill(fd, data, 0600) && sync_folder(path))
    return OK;
  enum err e = why_set(why, E_IO, path, "cannot be written: %s", strerror(errno));
  if (fd >= 0)
    (void)unlink(path);
  return e;
}

enum err file_replace(const char *path, struct bytes data, struct why *why)
{
  AUTO(buf_done) struct buf next = {0};
  struct stat st;
  if (stat(path, &st) != 0)
    return why_set(why, E_IO, path, "%s", strerror(errno));
  TRY(buf_printf(&next, "%s.%ld", path, (long)getpid()));
  int fd = open(buf_text(&next), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fill(fd, data, st.st_mode & 07777) && rename(buf_text(&next), path) == 0 &&
      sync_folder(path))
    return OK;
  enum err e = why_set(why, E_IO, path, "cannot be written: %s", strerror(errno));
  (void)unlink(buf_text(&next));
  return e;
}
