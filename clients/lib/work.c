/* SPDX-License-Identifier: Apache-2.0
 * From rows or a file to the vector that is masked. */
#include "clients/lib/work.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/lib/npy.h"
#include "model/metrics.h"

#define CSV_MAX ((size_t)1 << 30)

enum err work_read_file(struct buf *out, const char *path, size_t max, struct why *why)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  enum err e = OK;
  if (fd < 0)
    return why_set(why, E_IO, path, "%s", strerror(errno));
  out->max = max + 1;
  for (;;) {
    uint8_t block[65536];
    ssize_t n = read(fd, block, sizeof block);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      e = why_set(why, E_IO, path, "%s", strerror(errno));
    else if (buf_put(out, block, (size_t)n) != OK || out->len > max)
      e = why_set(why, E_TOO_LARGE, path, "has more than %zu bytes", max);
    if (e != OK || n == 0)
      break;
  }
  close(fd);
  return e;
}

enum err work_dataset(struct dataset **out, const struct spec *s, const char *path,
                      enum dataset_use use, struct why *why)
{
  AUTO(buf_done) struct buf csv = {0};
  struct csv_limits limits = CSV_LIMITS_DEFAULT;
  TRY(work_read_file(&csv, path, CSV_MAX, why));
  return dataset_parse(out, s, buf_bytes(&csv), use, &limits, why);
}

static enum err read_update(float *out, const struct work *w, const struct spec *s,
                            struct why *why)
{
  AUTO(buf_done) struct buf file = {0};
  TRY(work_read_file(&file, w->update_path, s->d * 8 + 8192, why));
  return npy_read(out, s->d, buf_bytes(&file), why);
}

/* The rows, where a CSV was given. */
static enum err read_rows(struct dataset **out, const struct work *w,
                          const struct spec *s, struct why *why)
{
  *out = NULL;
  if (!w->data_path)
    return OK;
  if (s->kind == SPEC_VECTOR)
    return why_set(why, E_USAGE, "--data",
                   "this model has no columns: submit a vector with --update");
  TRY(work_dataset(out, s, w->data_path, DATASET_TRAIN, why));
  if ((*out)->rows == 0)
    return why_set(why, E_CSV, w->data_path, "has no rows");
  return OK;
}

static enum err check_weight(const struct work *w, const struct spec *s, struct why *why)
{
  if (w->weight >= 1 && w->weight <= s->quantiser.cap)
    return OK;
  return why_set(why, E_USAGE, "--weight", "must be from 1 to %llu for this model",
                 (unsigned long long)s->quantiser.cap);
}

enum err work_check(const struct work *w, const struct spec *s, uint64_t *rows,
                    struct why *why)
{
  AUTO(dataset_drop) struct dataset *d = NULL;
  TRY(read_rows(&d, w, s, why));
  if (rows)
    *rows = d ? d->rows : 0;
  if (!w->update_path && !d)
    return why_set(why, E_USAGE, "--data", "is needed to train");
  if (!w->update_path)
    return OK;
  AUTO(free_drop) float *delta = must_calloc(s->d, sizeof *delta);
  TRY(check_weight(w, s, why));
  return read_update(delta, w, s, why);
}

/* ---- the vector ---- */

static enum err local_update(float *delta, const struct work *w, const struct spec *s,
                             const struct dataset *d, const float *base, struct why *why)
{
  if (w->update_path)
    return read_update(delta, w, s, why);
  memcpy(delta, base, s->d * sizeof *delta);
  uint64_t seed;
  randombytes_buf(&seed, sizeof seed);
  enum err e = train(delta, s, d, seed, w->watch.told ? &w->watch : NULL);
  if (e == E_NUMBER)
    return why_set(why, e, "training",
                   "it diverged: the learning rate of this model is too high for your "
                   "rows, or a column is far outside its range");
  TRY(e);
  for (size_t i = 0; i < s->d; i++)
    delta[i] = (float)((double)delta[i] - (double)base[i]);
  return OK;
}

static enum err fill_tail(struct ring x, const struct work *w, const struct spec *s,
                          const struct dataset *d, const float *base, uint64_t weight)
{
  AUTO(free_drop) uint64_t *tail = must_calloc(s->tail_count, sizeof *tail);
  if (d || s->kind == SPEC_VECTOR)
    TRY(metrics_tail(tail, base, s, d, weight));
  else
    tail[0] = weight; /* trained elsewhere on rows that are not here: nothing to count */
  for (size_t i = 0; i < s->tail_count; i++)
    ring_put(x, s->d + i, (int64_t)tail[i]);
  return OK;
}

enum err work_fill(const struct work *w, const struct spec *s, const float *base,
                   struct ring x, struct why *why)
{
  AUTO(dataset_drop) struct dataset *d = NULL;
  AUTO(free_drop) float *delta = must_calloc(s->d, sizeof *delta);
  struct ring update = {x.data, s->d, x.bits};
  TRY(read_rows(&d, w, s, why));
  if (w->update_path)
    TRY(check_weight(w, s, why));
  uint64_t weight = w->update_path ? w->weight : spec_weight(s, d ? d->rows : 1);
  enum err e = local_update(delta, w, s, d, base, why);
  if (e == OK)
    e = quantise(update, delta, &s->quantiser, weight);
  if (e == OK)
    e = fill_tail(x, w, s, d, base, weight);
  sodium_memzero(delta, s->d * sizeof *delta);
  return e;
}
