/* SPDX-License-Identifier: Apache-2.0
 * The home folder. */
#include "clients/lib/home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/field.h"

#define TEMPORARY ".new"
#define PATH_ROOM 512

struct home {
  int dir, lock;
  char *path;
  bool (*fault)(void *arg, const char *step);
  void *arg;
};

static void fd_drop(const int *fd)
{
  if (*fd >= 0)
    close(*fd);
}

static enum err fails(const char *path, struct why *why)
{
  return why_set(why, E_IO, path, "%s", strerror(errno));
}

/* Whether the test wants this step to fail. */
static bool stop(struct home *h, const char *step)
{
  if (!h->fault || !h->fault(h->arg, step))
    return false;
  errno = EIO;
  return true;
}

void home_set_fault(struct home *h, bool (*fault)(void *arg, const char *step), void *arg)
{
  h->fault = fault;
  h->arg = arg;
}

static enum err make_home(const char *path, struct why *why)
{
  char part[PATH_MAX];
  if (strlen(path) >= sizeof part)
    return why_set(why, E_IO, "", "the path of the home folder is too long");
  for (size_t i = 1; i <= strlen(path); i++) {
    if (path[i] != '/' && path[i] != '\0')
      continue;
    snprintf(part, sizeof part, "%.*s", (int)i, path);
    if (mkdir(part, 0700) != 0 && errno != EEXIST)
      return fails(part, why);
  }
  return OK;
}

/* Ours alone: owned by this user, and nobody else may look into it. */
static enum err check_home(int dir, const char *path, struct why *why)
{
  struct stat st;
  if (fstat(dir, &st) != 0)
    return fails(path, why);
  if (st.st_uid != geteuid())
    return why_set(why, E_IO, path, "belongs to another user");
  if ((st.st_mode & 077) && fchmod(dir, 0700) != 0)
    return fails(path, why);
  return OK;
}

static enum err lock_file(struct home *h, int fd, bool wait, struct why *why)
{
  while (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return why_set(why, E_CONFLICT, h->path,
                     "another chorus process works in this home folder; wait for it, or "
                     "use another folder with --home");
    if (errno != EINTR)
      return fails("lock", why);
  }
  return OK;
}

enum err home_lock(struct home *h, const char *name, bool wait, int *lock,
                   struct why *why)
{
  int fd = openat(h->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return fails(name, why);
  enum err e = lock_file(h, fd, wait, why);
  if (e == OK)
    *lock = fd;
  else
    close(fd);
  return e;
}

void home_unlock(int *lock)
{
  fd_drop(lock);
  *lock = -1;
}

enum err home_open(struct home **out, const char *path, bool locked, struct why *why)
{
  AUTO(home_drop) struct home *h = must_calloc(1, sizeof *h);
  h->dir = h->lock = -1;
  h->path = must_strdup(path);
  TRY(make_home(path, why));
  h->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (h->dir < 0)
    return fails(path, why);
  TRY(check_home(h->dir, path, why));
  if (locked)
    TRY(home_lock(h, "lock", false, &h->lock, why));
  *out = STEAL(h);
  return OK;
}

void home_close(struct home *h)
{
  if (!h)
    return;
  fd_drop(&h->lock);
  fd_drop(&h->dir);
  free(h->path);
  free(h);
}

const char *home_path(const struct home *h)
{
  return h->path;
}

/* Makes a folder within another, and both know it on the disk. */
static enum err make_folder(struct home *h, int in, const char *name, struct why *why)
{
  if (faccessat(in, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    return OK;
  if (stop(h, "mkdir") || (mkdirat(in, name, 0700) != 0 && errno != EEXIST) ||
      stop(h, "sync folder") || fsync(in) != 0)
    return fails(name, why);
  return OK;
}

/* Opens the folder of `path` and points *name at the last part. */
static enum err open_folder(struct home *h, const char *path, bool make, int *fd,
                            const char **name, struct why *why)
{
  char part[PATH_ROOM];
  int at = dup(h->dir);
  if (at < 0)
    return fails(path, why);
  enum err e = OK;
  for (const char *slash; e == OK && (slash = strchr(path, '/')); path = slash + 1) {
    snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
    e = make ? make_folder(h, at, part, why) : OK;
    int below = openat(at, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (e == OK && below < 0)
      e = errno == ENOENT ? E_NOT_FOUND : fails(part, why);
    close(at);
    at = below;
  }
  if (e != OK) {
    fd_drop(&at);
    return e;
  }
  *fd = at;
  *name = path;
  return OK;
}

static bool write_all(struct home *h, int fd, struct bytes data)
{
  while (data.len) {
    /* in halves, so that a test can stop between them */
    size_t part = h->fault && data.len > 1 ? data.len / 2 : data.len;
    if (stop(h, "write"))
      return false;
    ssize_t n = write(fd, data.data, part);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    data.data += n;
    data.len -= (size_t)n;
  }
  return true;
}

/* Puts the bytes into folder/name.new and onto the disk. */
static enum err write_temporary(struct home *h, int folder, const char *temporary,
                                struct bytes data, struct why *why)
{
  if (stop(h, "open") || (unlinkat(folder, temporary, 0) != 0 && errno != ENOENT))
    return fails(temporary, why);
  AUTO(fd_drop)
  int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                  0600);
  if (fd < 0 || !write_all(h, fd, data) || stop(h, "sync") || fsync(fd) != 0)
    return fails(temporary, why);
  return OK;
}

static enum err temporary_name(char out[PATH_ROOM], const char *name, struct why *why)
{
  if ((size_t)snprintf(out, PATH_ROOM, "%s" TEMPORARY, name) >= PATH_ROOM || !*name)
    return why_set(why, E_IO, name, "the name is too long");
  return OK;
}

enum err home_write(struct home *h, const char *path, struct bytes data, struct why *why)
{
  char temporary[PATH_ROOM];
  const char *name;
  AUTO(fd_drop) int folder = -1;
  TRY(open_folder(h, path, true, &folder, &name, why));
  TRY(temporary_name(temporary, name, why));
  TRY(write_temporary(h, folder, temporary, data, why));
  if (stop(h, "rename") || renameat(folder, temporary, folder, name) != 0 ||
      stop(h, "sync folder") || fsync(folder) != 0)
    return fails(path, why);
  return OK;
}

enum err home_write_once(struct home *h, const char *path, struct bytes data,
                         struct why *why)
{
  char temporary[PATH_ROOM];
  const char *name;
  AUTO(fd_drop) int folder = -1;
  AUTO(buf_done) struct buf old = {.max = data.len + 1};
  TRY(open_folder(h, path, true, &folder, &name, why));
  TRY(temporary_name(temporary, name, why));
  if (faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
    TRY(write_temporary(h, folder, temporary, data, why));
    if (stop(h, "link") ||
        (linkat(folder, temporary, folder, name, 0) != 0 && errno != EEXIST))
      return fails(path, why);
    if (stop(h, "unlink") || unlinkat(folder, temporary, 0) != 0)
      return fails(path, why);
  }
  /* also when it was there: an interrupted call may not have come so far */
  if (stop(h, "sync folder") || fsync(folder) != 0)
    return fails(path, why);
  enum err e = home_read(h, path, &old, why);
  if (e == E_IO)
    return e;
  if (e != OK || !bytes_equal(buf_bytes(&old), data))
    return why_set(why, E_CONFLICT, path, "something different was stored there before");
  return OK;
}

enum err home_read(struct home *h, const char *path, struct buf *out, struct why *why)
{
  const char *name;
  AUTO(fd_drop) int folder = -1, fd = -1;
  struct stat st;
  TRY(open_folder(h, path, false, &folder, &name, why));
  fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return errno == ENOENT ? E_NOT_FOUND : fails(path, why);
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
    return why_set(why, E_IO, path, "is not a file");
  size_t before = out->len;
  if (buf_reserve(out, (size_t)st.st_size) != OK)
    return why_set(why, E_STATE, path, "is larger than it can be");
  for (uint8_t block[65536];;) {
    ssize_t n = read(fd, block, sizeof block);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      out->len = before;
      return fails(path, why);
    }
    enum err e = buf_put(out, block, (size_t)n);
    sodium_memzero(block, (size_t)n);
    if (e != OK) {
      out->len = before;
      return why_set(why, E_STATE, path, "is larger than it can be");
    }
    if (n == 0)
      return OK;
  }
}

bool home_has(struct home *h, const char *path)
{
  const char *name;
  AUTO(fd_drop) int folder = -1;
  return open_folder(h, path, false, &folder, &name, NULL) == OK &&
         faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

enum err home_remove(struct home *h, const char *path, struct why *why)
{
  char temporary[PATH_ROOM];
  const char *name;
  AUTO(fd_drop) int folder = -1;
  enum err e = open_folder(h, path, false, &folder, &name, why);
  if (e != OK)
    return e == E_NOT_FOUND ? OK : e;
  TRY(temporary_name(temporary, name, why));
  const char *const names[] = {name, temporary};
  bool gone = false;
  for (unsigned i = 0; i < LENGTH(names); i++) {
    if (stop(h, "unlink"))
      return fails(path, why);
    if (unlinkat(folder, names[i], 0) == 0)
      gone = true;
    else if (errno != ENOENT)
      return fails(path, why);
  }
  if (gone && (stop(h, "sync folder") || fsync(folder) != 0))
    return fails(path, why);
  return OK;
}

static int by_name(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool hidden(const char *name)
{
  size_t len = strlen(name), end = sizeof TEMPORARY - 1;
  return name[0] == '.' || (len > end && strcmp(name + len - end, TEMPORARY) == 0);
}

enum err home_list(struct home *h, const char *path, json_t **out, struct why *why)
{
  char below[PATH_ROOM];
  const char *name;
  AUTO(fd_drop) int folder = -1;
  *out = NULL;
  if ((size_t)snprintf(below, sizeof below, "%s/", path) >= sizeof below)
    return why_set(why, E_IO, path, "the name is too long");
  enum err e = open_folder(h, below, false, &folder, &name, why);
  if (e != OK && e != E_NOT_FOUND)
    return e;
  *out = json_array();
  DIR *d = e == OK ? fdopendir(dup(folder)) : NULL;
  if (!d)
    return OK;
  char **names = NULL;
  size_t len = 0;
  for (struct dirent *entry; (entry = readdir(d));)
    if (!hidden(entry->d_name)) {
      names = must_realloc(names, len + 1, sizeof *names);
      names[len++] = must_strdup(entry->d_name);
    }
  closedir(d);
  if (len)
    qsort(names, len, sizeof *names, by_name);
  for (size_t i = 0; i < len; i++) {
    json_array_append_new(*out, json_string(names[i]));
    free(names[i]);
  }
  free(names);
  return OK;
}

/* ---- JSON ---- */

static int append(const char *data, size_t len, void *out)
{
  return buf_put(out, data, len) == OK ? 0 : -1;
}

enum err home_write_json(struct home *h, const char *path, const json_t *value, bool once,
                         struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  if (json_dump_callback(value, append, &text,
                         JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) != 0)
    return why_set(why, E_TOO_LARGE, path, "is too large to be kept");
  enum err e = once ? home_write_once(h, path, buf_bytes(&text), why)
                    : home_write(h, path, buf_bytes(&text), why);
  if (text.data)
    sodium_memzero(text.data, text.len);
  return e;
}

enum err home_read_json(struct home *h, const char *path, json_t **out, struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  TRY(home_read(h, path, &text, why));
  json_t *value = json_loadb(buf_text(&text), text.len,
                             JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
  if (text.data)
    sodium_memzero(text.data, text.len);
  if (!value)
    return why_set(why, E_STATE, path, "is damaged");
  *out = value;
  return OK;
}
