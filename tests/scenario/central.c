/* SPDX-License-Identifier: Apache-2.0
 * What the same rows teach in one place: trains a spec on one CSV, tests on another, and
 * prints both accuracies in per cent. For the stories (run_story.py).
 *
 *   central SPEC TRAIN.csv TEST.csv ROUNDS [WEIGHTS.f32]
 *
 * Trains for ROUNDS times the spec's epochs, as often as a shared model was trained in
 * ROUNDS rounds: the mean of five orders of the rows. With WEIGHTS it also says how good
 * those are on TEST.csv. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/metrics.h"
#include "model/train.h"

#define ORDERS 5u
#define FILE_MAX ((size_t)64 << 20)

static void check(enum err e, const struct why *why, const char *what)
{
  if (e == OK)
    return;
  fprintf(stderr, "%s: %s %s: %s\n", what, err_info(e)->title, why ? why->field : "",
          why ? why->detail : "");
  exit(1);
}

static void read_file(struct buf *out, const char *path)
{
  FILE *f = fopen(path, "rb");
  if (!f) {
    perror(path);
    exit(1);
  }
  uint8_t part[65536];
  size_t got;
  while ((got = fread(part, 1, sizeof part, f)) > 0)
    check(buf_put(out, part, got), NULL, path);
  fclose(f);
}

static struct dataset *read_rows(const struct spec *s, const char *path)
{
  AUTO(buf_done) struct buf text = {.max = FILE_MAX};
  struct dataset *rows = NULL;
  struct why why = {0};
  read_file(&text, path);
  check(
      dataset_parse(&rows, s, buf_bytes(&text), DATASET_TRAIN, &CSV_LIMITS_DEFAULT, &why),
      &why, path);
  return rows;
}

static double accuracy(const float *w, const struct spec *s, const struct dataset *d)
{
  struct metrics m;
  check(metrics_evaluate(&m, w, s, d, 0), NULL, "evaluation");
  return 100.0 * (double)m.correct / (double)m.evaluated;
}

static double central(const struct spec *s, const struct dataset *rows,
                      const struct dataset *test, uint64_t rounds)
{
  AUTO(free_drop) float *w = must_calloc(s->d, sizeof *w);
  struct spec longer = *s;
  longer.training.epochs *= rounds;
  double sum = 0;
  for (uint64_t seed = 1; seed <= ORDERS; seed++) {
    check(net_init(w, s, &s->hash), NULL, "initialisation");
    check(train(w, &longer, rows, seed, NULL), NULL, "training");
    sum += accuracy(w, s, test);
  }
  return sum / ORDERS;
}

static double shared(const struct spec *s, const struct dataset *test, const char *path)
{
  AUTO(buf_done) struct buf text = {.max = FILE_MAX};
  AUTO(free_drop) float *w = must_calloc(s->d, sizeof *w);
  read_file(&text, path);
  if (text.len != s->d * sizeof *w) {
    fprintf(stderr, "%s: %zu bytes instead of %zu\n", path, text.len, s->d * sizeof *w);
    exit(1);
  }
  memcpy(w, text.data, text.len);
  return accuracy(w, s, test);
}

int main(int argc, char **argv)
{
  if (argc < 5 || argc > 6 || strtoul(argv[4], NULL, 10) < 1 || sodium_init() < 0) {
    fputs("central SPEC TRAIN.csv TEST.csv ROUNDS [WEIGHTS.f32]\n", stderr);
    return 2;
  }
  model_init();
  AUTO(buf_done) struct buf text = {.max = FILE_MAX};
  AUTO(spec_drop) struct spec *s = NULL;
  struct why why = {0};
  read_file(&text, argv[1]);
  check(spec_parse(&s, buf_bytes(&text), &why), &why, argv[1]);
  AUTO(dataset_drop) struct dataset *rows = read_rows(s, argv[2]);
  AUTO(dataset_drop) struct dataset *test = read_rows(s, argv[3]);
  printf("central %.4f\n", central(s, rows, test, strtoul(argv[4], NULL, 10)));
  if (argc == 6)
    printf("shared %.4f\n", shared(s, test, argv[5]));
  return 0;
}
