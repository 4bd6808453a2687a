/* SPDX-License-Identifier: Apache-2.0
 * What a participant adds to the sum: an update trained here on its own rows, or one that
 * was trained elsewhere, quantised, with the tail behind it. */
#ifndef CLIENTS_WORK_H
#define CLIENTS_WORK_H

#include "core/ring.h"
#include "model/train.h"

struct work {
  const char *data_path;    /* CSV, or NULL */
  const char *update_path;  /* an update trained elsewhere, or NULL */
  uint64_t weight;          /* of that update */
  struct train_watch watch; /* told may be NULL */
};

/* Reads a whole file. E_IO, E_TOO_LARGE. */
enum err work_read_file(struct buf *out, const char *path, size_t max,
                        struct why *why) MUST_USE;
/* Reads the files and checks that they fit the model, so that mistakes show before a
 * round is joined. rows may be NULL. */
enum err work_check(const struct work *w, const struct spec *s, uint64_t *rows,
                    struct why *why) MUST_USE;
/* x: zero, s->d + s->tail_count coordinates; filled. */
enum err work_fill(const struct work *w, const struct spec *s, const float *base,
                   struct ring x, struct why *why) MUST_USE;
/* Reads a CSV for this spec. */
enum err work_dataset(struct dataset **out, const struct spec *s, const char *path,
                      enum dataset_use use, struct why *why) MUST_USE;

#endif
