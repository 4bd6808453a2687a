/* SPDX-License-Identifier: Apache-2.0
 * Archives: a temporary folder of files, packed and unpacked by libarchive. */
#include "clients/lib/dossier.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 500u
#define PART_MAX_BYTES 240u
#define UNPACKED_MAX ((uint64_t)256 << 30)
#define BLOCK ((size_t)128 << 10)
#define PREFIX "api/v1/"

struct dossier {
  char folder[256];
  int dir;
};

static void fd_drop(const int *fd)
{
  if (*fd >= 0)
    close(*fd);
}

static enum err fails(const char *name, struct why *why)
{
  why_set(why, E_IO, name, "%s", strerror(errno));
  return E_IO;
}

/* Plain relative names only: no part of them leads out of the folder or hides. */
static bool name_good(const char *name)
{
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789._?=&~-";
  if (strlen(name) > NAME_MAX_BYTES)
    return false;
  for (const char *part = name;; part++) {
    size_t len = strspn(part, allowed);
    if (len == 0 || len > PART_MAX_BYTES || *part == '.' || *part == '-')
      return false;
    part += len;
    if (*part != '/')
      return *part == '\0';
  }
}

static enum err name_check(const char *name, struct why *why)
{
  return name_good(name) ? OK
                         : why_set(why, E_FIELD_VALUE, "", "an odd name: %.200s", name);
}

static enum err make_folders(const struct dossier *d, const char *name, struct why *why)
{
  char part[NAME_MAX_BYTES + 1];
  for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
    snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
    if (mkdirat(d->dir, part, 0700) != 0 && errno != EEXIST)
      return fails(name, why);
  }
  return OK;
}

static enum err open_file(int *fd, const struct dossier *d, const char *name, int more,
                          struct why *why)
{
  int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | more;
  TRY(name_check(name, why));
  *fd = openat(d->dir, name, flags, 0600);
  if (*fd < 0 && errno == ENOENT) {
    TRY(make_folders(d, name, why));
    *fd = openat(d->dir, name, flags, 0600);
  }
  return *fd < 0 ? fails(name, why) : OK;
}

static enum err write_at(int fd, const char *name, uint64_t from, struct bytes data,
                         struct why *why)
{
  for (size_t done = 0; done < data.len;) {
    ssize_t n = pwrite(fd, data.data + done, data.len - done, (off_t)(from + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return fails(name, why);
    done += (size_t)n;
  }
  return OK;
}

enum err dossier_put(struct dossier *d, const char *name, uint64_t from,
                     struct bytes data, struct why *why)
{
  AUTO(fd_drop) int fd = -1;
  TRY(open_file(&fd, d, name, 0, why));
  return write_at(fd, name, from, data, why);
}

enum err dossier_replace(struct dossier *d, const char *name, struct bytes data,
                         struct why *why)
{
  AUTO(fd_drop) int fd = -1;
  TRY(open_file(&fd, d, name, O_TRUNC, why));
  return write_at(fd, name, 0, data, why);
}

static enum err read_at(int fd, const char *name, uint64_t from, size_t len,
                        struct buf *out, struct why *why)
{
  TRY(buf_reserve(out, len));
  for (size_t done = 0; done < len;) {
    ssize_t n = pread(fd, out->data + out->len, len - done, (off_t)(from + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return fails(name, why);
    done += (size_t)n;
    out->len += (size_t)n;
  }
  out->data[out->len] = 0;
  return OK;
}

enum err dossier_get(struct dossier *d, const char *name, struct http_range range,
                     size_t max, struct buf *out, struct why *why)
{
  struct stat is;
  TRY(name_check(name, why));
  AUTO(fd_drop) int fd = openat(d->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
    return why_set(why, E_NOT_FOUND, "", "%s is not in the archive", name);
  if (fd < 0 || fstat(fd, &is) != 0)
    return fails(name, why);
  if (!S_ISREG(is.st_mode))
    return why_set(why, E_NOT_FOUND, "", "%s is not in the archive", name);
  uint64_t size = (uint64_t)is.st_size, len = range.len ? range.len : size;
  if (range.from > size || len > size - range.from)
    return why_set(why, E_RANGE, "", "%s has only %llu bytes", name,
                   (unsigned long long)size);
  if (len > max)
    return why_set(why, E_REPLY, "", "%s has more than %zu bytes", name, max);
  return read_at(fd, name, range.from, (size_t)len, out, why);
}

/* ---- the folder ---- */

enum err dossier_new(struct dossier **out, struct why *why)
{
  const char *base = getenv("TMPDIR");
  struct dossier *d = must_calloc(1, sizeof *d);
  int n = snprintf(d->folder, sizeof d->folder, "%s/chorus-XXXXXX",
                   base && *base ? base : "/tmp");
  d->dir = -1;
  if (n < (int)sizeof d->folder && mkdtemp(d->folder))
    d->dir = open(d->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (d->dir < 0) {
    enum err e = fails(d->folder, why);
    free(d);
    return e;
  }
  *out = d;
  return OK;
}

void dossier_free(struct dossier *d)
{
  if (!d)
    return;
  char *const roots[] = {d->folder, NULL};
  FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOSTAT, NULL);
  for (FTSENT *at; walk && (at = fts_read(walk));)
    if (at->fts_info != FTS_D)
      remove(at->fts_accpath);
  if (walk)
    fts_close(walk);
  close(d->dir);
  free(d);
}

/* ---- packing ---- */

/* What a call of libarchive on this file failed of. */
static enum err no_archive(struct archive *a, const char *file, enum err e,
                           struct why *why)
{
  const char *detail = archive_error_string(a);
  return why_set(why, e, file, "%s", detail ? detail : "can't be packed or unpacked");
}

static enum err pack_file(const struct dossier *d, struct archive *to, const char *file,
                          const char *name, struct why *why)
{
  uint8_t block[BLOCK];
  struct stat is;
  AUTO(fd_drop) int fd = openat(d->dir, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &is) != 0)
    return fails(name, why);
  struct archive_entry *entry = archive_entry_new();
  archive_entry_set_pathname(entry, name);
  archive_entry_set_size(entry, is.st_size);
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, 0644);
  int status = archive_write_header(to, entry);
  archive_entry_free(entry);
  if (status != ARCHIVE_OK)
    return no_archive(to, file, E_IO, why);
  for (ssize_t n; (n = read(fd, block, sizeof block)) != 0;) {
    if (n < 0)
      return fails(name, why);
    if (archive_write_data(to, block, (size_t)n) != n)
      return no_archive(to, file, E_IO, why);
  }
  return OK;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
  return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Every file, in an order that follows from their names. */
static enum err pack_all(const struct dossier *d, struct archive *to, const char *file,
                         struct why *why)
{
  char *const roots[] = {(char *)d->folder, NULL};
  FTS *walk = fts_open(roots, FTS_PHYSICAL, by_name);
  enum err e = walk ? OK : fails(d->folder, why);
  for (FTSENT *at; e == OK && (at = fts_read(walk));)
    if (at->fts_info == FTS_F)
      e = pack_file(d, to, file, at->fts_path + strlen(d->folder) + 1, why);
  if (walk)
    fts_close(walk);
  return e;
}

static void write_drop(struct archive **a)
{
  archive_write_free(*a);
}

enum err dossier_write(struct dossier *d, const char *file, struct why *why)
{
  AUTO(write_drop) struct archive *to = archive_write_new();
  if (!to || archive_write_add_filter_gzip(to) != ARCHIVE_OK ||
      archive_write_set_format_pax_restricted(to) != ARCHIVE_OK ||
      archive_write_set_options(to, "gzip:!timestamp") != ARCHIVE_OK)
    return E_INTERNAL;
  if (archive_write_open_filename(to, file) != ARCHIVE_OK)
    return no_archive(to, file, E_IO, why);
  enum err e = pack_all(d, to, file, why);
  if (archive_write_close(to) != ARCHIVE_OK && e == OK)
    e = no_archive(to, file, E_IO, why);
  if (e != OK)
    unlink(file);
  return e;
}

/* ---- unpacking ---- */

static enum err unpack_file(struct dossier *d, struct archive *from, const char *file,
                            const char *name, uint64_t *left, struct why *why)
{
  AUTO(fd_drop) int fd = -1;
  const void *data;
  size_t len;
  la_int64_t at;
  int status;
  TRY(open_file(&fd, d, name, O_TRUNC, why));
  while ((status = archive_read_data_block(from, &data, &len, &at)) == ARCHIVE_OK) {
    if (at < 0 || (uint64_t)at > UNPACKED_MAX || len > *left)
      return why_set(why, E_TOO_LARGE, file, "unpacks to more than can be");
    *left -= len;
    TRY(write_at(fd, name, (uint64_t)at, BYTES(data, len), why));
  }
  return status == ARCHIVE_EOF ? OK : no_archive(from, file, E_FIELD_VALUE, why);
}

static enum err unpack_all(struct dossier *d, struct archive *from, const char *file,
                           struct why *why)
{
  struct archive_entry *entry;
  uint64_t left = UNPACKED_MAX;
  int status;
  while ((status = archive_read_next_header(from, &entry)) == ARCHIVE_OK) {
    const char *name = archive_entry_pathname(entry);
    if (name && archive_entry_filetype(entry) == AE_IFDIR)
      continue;
    if (!name || archive_entry_filetype(entry) != AE_IFREG ||
        archive_entry_hardlink(entry))
      return why_set(why, E_FIELD_VALUE, file, "holds more than plain files");
    TRY(unpack_file(d, from, file, name, &left, why));
  }
  return status == ARCHIVE_EOF ? OK : no_archive(from, file, E_FIELD_VALUE, why);
}

static void read_drop(struct archive **a)
{
  archive_read_free(*a);
}

enum err dossier_open(struct dossier **out, const char *file, struct why *why)
{
  AUTO(dossier_drop) struct dossier *d = NULL;
  AUTO(read_drop) struct archive *from = archive_read_new();
  TRY(dossier_new(&d, why));
  if (!from || archive_read_support_filter_gzip(from) != ARCHIVE_OK ||
      archive_read_support_format_tar(from) != ARCHIVE_OK)
    return E_INTERNAL;
  if (archive_read_open_filename(from, file, BLOCK) != ARCHIVE_OK)
    return no_archive(from, file, access(file, R_OK) == 0 ? E_FIELD_VALUE : E_IO, why);
  TRY(unpack_all(d, from, file, why));
  *out = STEAL(d);
  return OK;
}

/* ---- as sources ---- */

struct shelf {
  struct source source;
  struct dossier *dossier;
  struct source *inner; /* when recording */
  bool keeps_vectors;
};

static enum err full_name(struct buf *name, const char *path)
{
  return buf_printf(name, PREFIX "%s", path);
}

static bool is_vector(const char *path)
{
  return strncmp(path, "rounds/", 7) == 0 && strstr(path, "/chunks/");
}

static enum err shelf_get(struct source *base, const char *path, struct http_range range,
                          size_t max, struct buf *out, struct why *why)
{
  const struct shelf *s = (const struct shelf *)base;
  AUTO(buf_done) struct buf name = {0};
  TRY(full_name(&name, path));
  return dossier_get(s->dossier, buf_text(&name), range, max, out, why);
}

static enum err record_get(struct source *base, const char *path, struct http_range range,
                           size_t max, struct buf *out, struct why *why)
{
  const struct shelf *s = (const struct shelf *)base;
  AUTO(buf_done) struct buf name = {0};
  size_t before = out->len;
  TRY(s->inner->get(s->inner, path, range, max, out, why));
  if (is_vector(path) && !s->keeps_vectors)
    return OK;
  struct bytes came = BYTES(out->data + before, out->len - before);
  TRY(full_name(&name, path));
  if (!range.len)
    return dossier_replace(s->dossier, buf_text(&name), came, why);
  return dossier_put(s->dossier, buf_text(&name), range.from, came, why);
}

static void shelf_free(struct source *base)
{
  struct shelf *s = (struct shelf *)base;
  source_drop(&s->inner);
  free(s);
}

static enum err shelf_again(struct source *base, struct source **out, struct why *why)
{
  const struct shelf *s = (const struct shelf *)base;
  *out = source_dossier(s->dossier, base->vectors);
  return OK;
}

static enum err record_again(struct source *base, struct source **out, struct why *why)
{
  const struct shelf *s = (const struct shelf *)base;
  struct source *inner = NULL;
  TRY(s->inner->again(s->inner, &inner, why));
  *out = source_record(inner, s->dossier, s->keeps_vectors);
  return OK;
}

struct source *source_dossier(struct dossier *d, bool vectors)
{
  struct shelf *s = must_calloc(1, sizeof *s);
  *s = (struct shelf){.source = {.get = shelf_get,
                                 .again = shelf_again,
                                 .free = shelf_free,
                                 .vectors = vectors},
                      .dossier = d};
  return &s->source;
}

struct source *source_record(struct source *inner, struct dossier *d, bool vectors)
{
  struct shelf *s = must_calloc(1, sizeof *s);
  *s = (struct shelf){.source = {.get = record_get,
                                 .again = record_again,
                                 .free = shelf_free,
                                 .live = inner->live,
                                 .vectors = inner->vectors},
                      .dossier = d,
                      .inner = inner,
                      .keeps_vectors = vectors};
  return &s->source;
}
