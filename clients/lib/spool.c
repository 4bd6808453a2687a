/* SPDX-License-Identifier: Apache-2.0
 * Temporary files for large vectors. */
#include "clients/lib/spool.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum err fails(struct why *why)
{
  return why_set(why, E_IO, "temporary file", "%s", strerror(errno));
}

enum err spool_new(struct spool *out, uint64_t size, struct why *why)
{
  char path[256];
  const char *base = getenv("TMPDIR");
  int n = snprintf(path, sizeof path, "%s/chorus-XXXXXX", base && *base ? base : "/tmp");
  int fd = n < (int)sizeof path ? mkstemp(path) : -1;
  if (fd < 0)
    return fails(why);
  unlink(path);
  if (ftruncate(fd, (off_t)size) != 0) {
    enum err e = fails(why);
    close(fd);
    return e;
  }
  *out = (struct spool){true, fd, size};
  return OK;
}

void spool_done(struct spool *s)
{
  if (s->open)
    close(s->fd);
  s->open = false;
}

enum err spool_read(const struct spool *s, uint64_t from, void *out, size_t len,
                    struct why *why)
{
  for (size_t done = 0; done < len;) {
    ssize_t n = pread(s->fd, (char *)out + done, len - done, (off_t)(from + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return fails(why);
    done += (size_t)n;
  }
  return OK;
}

enum err spool_write(struct spool *s, uint64_t from, struct bytes data, struct why *why)
{
  for (size_t done = 0; done < data.len;) {
    ssize_t n = pwrite(s->fd, data.data + done, data.len - done, (off_t)(from + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return fails(why);
    done += (size_t)n;
  }
  return OK;
}

/* One byte more is asked for at the end than there should be: nothing may come. */
static enum err check_end(struct source *from, const char *path, uint64_t size,
                          struct why *why)
{
  AUTO(buf_done) struct buf more = {0};
  enum err e = source_part(from, path, size, 1, &more, NULL);
  if (e == OK)
    return why_set(why, E_REPLY, "", "%s has more than %llu bytes", path,
                   (unsigned long long)size);
  return e == E_RANGE || source_tells(e) ? OK : e;
}

enum err spool_fetch(struct spool *out, struct source *from, const char *path,
                     uint64_t size, struct why *why)
{
  AUTO(buf_done) struct buf part = {0};
  AUTO(spool_done) struct spool s = {0};
  TRY(spool_new(&s, size, why));
  for (uint64_t at = 0; at < size; at += CHUNK_BYTES) {
    size_t len = (size_t)MIN(size - at, (uint64_t)CHUNK_BYTES);
    part.len = 0;
    TRY(source_part(from, path, at, len, &part, why));
    TRY(spool_write(&s, at, buf_bytes(&part), why));
  }
  TRY(check_end(from, path, size, why));
  *out = s;
  s.open = false;
  return OK;
}

static void md_drop(EVP_MD_CTX **c)
{
  EVP_MD_CTX_free(*c);
}

enum err spool_hash(const struct spool *s, struct digest *out, struct why *why)
{
  AUTO(free_drop) uint8_t *block = must_calloc(CHUNK_BYTES, 1);
  AUTO(md_drop) EVP_MD_CTX *hash = EVP_MD_CTX_new();
  if (!hash || !EVP_DigestInit_ex(hash, EVP_sha256(), NULL))
    return E_INTERNAL;
  for (uint64_t at = 0; at < s->size; at += CHUNK_BYTES) {
    size_t len = (size_t)MIN(s->size - at, (uint64_t)CHUNK_BYTES);
    TRY(spool_read(s, at, block, len, why));
    if (!EVP_DigestUpdate(hash, block, len))
      return E_INTERNAL;
  }
  return EVP_DigestFinal_ex(hash, out->b, NULL) ? OK : E_INTERNAL;
}
