/* SPDX-License-Identifier: Apache-2.0
 * Do the example models learn in rounds what they learn in one place? Federated averaging
 * of local training on real data, with the quantisation and the server optimiser of the
 * protocol but without masks, against training on the same rows at once.
 *
 *   fedsim [repeats]   default 5 shuffles of each data set
 *
 * Fails when the mean accuracy falls more than two points behind, or when an update does
 * not fit the spec's range or clip. */
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ring.h"
#include "model/metrics.h"
#include "model/train.h"

#define POINTS 2.0
#define PARTIES_MAX 100
#define CLASSES_MAX 16

struct scenario {
  const char *name;
  size_t parties, present, rounds;
  size_t shares[PARTIES_MAX]; /* rows of each; 0: as the first */
};

static const struct scenario scenarios[] = {
    {"iris", 3, 3, 10, {10, 10, 20}},
    {"breast_cancer", 10, 10, 10, {9, 17, 25, 33, 41, 49, 57, 65, 73, 81}},
    {"german_credit", 5, 5, 10, {80, 120, 160, 200, 240}},
    {"digits", 100, 60, 15, {14}},
};

struct outcome {
  double federated, central; /* accuracy in per cent */
  double largest, norm;      /* of all updates: greatest coordinate and L2 norm */
};

static void check(enum err e, const struct why *why, const char *what)
{
  if (e == OK)
    return;
  fprintf(stderr, "%s: %s %s: %s\n", what, err_info(e)->title, why ? why->field : "",
          why ? why->detail : "");
  exit(1);
}

static uint64_t random_next(uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void shuffle(size_t *list, size_t n, uint64_t *state)
{
  for (size_t i = n; i-- > 1;) {
    size_t k = (size_t)(random_next(state) % (i + 1)), swap = list[i];
    list[i] = list[k];
    list[k] = swap;
  }
}

/* A stratified shuffle: each class shuffled, then dealt so that every stretch of the
 * order has the classes in their proportions. */
static size_t *stratified(const struct dataset *d, size_t classes, uint64_t *state)
{
  size_t *order = must_calloc(d->rows, sizeof *order), *piles[CLASSES_MAX];
  size_t left[CLASSES_MAX] = {0}, size[CLASSES_MAX] = {0};
  for (size_t c = 0; c < classes; c++)
    piles[c] = must_calloc(d->rows, sizeof *order);
  for (size_t i = 0; i < d->rows; i++)
    piles[d->label[i]][size[d->label[i]]++] = i;
  for (size_t c = 0; c < classes; c++) {
    shuffle(piles[c], size[c], state);
    left[c] = size[c];
  }
  for (size_t placed = 0; placed < d->rows; placed++) {
    size_t most = 0; /* the class of which the greatest part is left */
    for (size_t c = 1; c < classes; c++)
      if (left[c] * size[most] > left[most] * size[c])
        most = c;
    order[placed] = piles[most][--left[most]];
  }
  for (size_t c = 0; c < classes; c++)
    free(piles[c]);
  return order;
}

static struct bytes slurp(const char *name, const char *suffix)
{
  char path[4096];
  const char *root = getenv("CHORUS_SRCDIR");
  snprintf(path, sizeof path, "%s/tests/data/%s%s", root ? root : ".", name, suffix);
  FILE *f = fopen(path, "rb");
  if (!f) {
    perror(path);
    exit(1);
  }
  uint8_t *text = must_calloc(1 << 20, 1);
  size_t len = fread(text, 1, 1 << 20, f);
  fclose(f);
  return BYTES(text, len);
}

static double accuracy(const float *w, const struct spec *s, const struct dataset *d)
{
  struct metrics m;
  check(metrics_evaluate(&m, w, s, d, 0), NULL, "evaluation");
  return 100.0 * (double)m.correct / (double)m.evaluated;
}

/* One participant's part of the sum, through the protocol's quantiser. */
static void add_update(int64_t *sum, const float *base, const float *local,
                       const struct spec *s, uint64_t weight, struct outcome *o)
{
  AUTO(free_drop) float *delta = must_calloc(s->d, sizeof *delta);
  AUTO(free_drop) uint8_t *data = must_calloc(s->d, s->ring_bits / 8);
  struct ring x = {.data = data, .len = s->d, .bits = s->ring_bits};
  double squares = 0;
  for (size_t i = 0; i < s->d; i++) {
    delta[i] = local[i] - base[i];
    squares += (double)delta[i] * (double)delta[i];
    o->largest = fmax(o->largest, fabs((double)delta[i]));
  }
  o->norm = fmax(o->norm, sqrt(squares));
  check(quantise(x, delta, &s->quantiser, weight), NULL, "quantising");
  for (size_t i = 0; i < s->d; i++)
    sum[i] += ring_get(x, i);
}

static void one_round(float *w, uint8_t *state, const struct spec *s,
                      struct dataset *const *parts, const size_t *who, size_t present,
                      uint64_t *random, struct outcome *o)
{
  AUTO(free_drop) int64_t *sum = must_calloc(s->d, sizeof *sum);
  AUTO(free_drop) float *local = must_calloc(s->d, sizeof *local);
  uint64_t total = 0;
  for (size_t k = 0; k < present; k++) {
    const struct dataset *mine = parts[who[k]];
    uint64_t weight = spec_weight(s, mine->rows);
    memcpy(local, w, s->d * sizeof *w);
    check(train(local, s, mine, random_next(random), NULL), NULL, "training");
    add_update(sum, w, local, s, weight, o);
    total += weight;
  }
  check(optimiser_step(&s->optimiser, w, state, sum, s->d, total), NULL, "optimiser");
}

static void federated(float *w, const struct scenario *sc, const struct spec *s,
                      struct dataset *const *parts, uint64_t *random, struct outcome *o)
{
  AUTO(free_drop)
  uint8_t *state = must_calloc(s->d, optimiser_state_bytes(s->optimiser.kind));
  size_t who[PARTIES_MAX];
  check(net_init(w, s, &s->hash), NULL, "initialisation");
  for (size_t i = 0; i < sc->parties; i++)
    who[i] = i;
  for (size_t r = 0; r < sc->rounds; r++) {
    shuffle(who, sc->parties, random);
    one_round(w, state, s, parts, who, sc->present, random, o);
  }
}

static void run(const struct scenario *sc, const struct spec *s,
                const struct dataset *all, uint64_t seed, struct outcome *o)
{
  uint64_t random = seed;
  AUTO(free_drop) size_t *order = stratified(all, s->outputs, &random);
  AUTO(free_drop) float *w = must_calloc(s->d, sizeof *w);
  struct dataset *parts[PARTIES_MAX];
  size_t used = 0;
  for (size_t i = 0; i < sc->parties; i++) {
    size_t rows = sc->shares[i] ? sc->shares[i] : sc->shares[0];
    parts[i] = dataset_take(all, order + used, rows);
    used += rows;
  }
  AUTO(dataset_drop) struct dataset *pool = dataset_take(all, order, used);
  AUTO(dataset_drop)
  struct dataset *test = dataset_take(all, order + used, all->rows - used);
  federated(w, sc, s, parts, &random, o);
  o->federated = accuracy(w, s, test);

  struct spec longer = *s; /* as many passes over the rows as all rounds made */
  longer.training.epochs = s->training.epochs * sc->rounds;
  check(net_init(w, s, &s->hash), NULL, "initialisation");
  check(train(w, &longer, pool, random_next(&random), NULL), NULL, "training");
  o->central = accuracy(w, s, test);
  for (size_t i = 0; i < sc->parties; i++)
    dataset_free(parts[i]);
}

static bool report(const struct scenario *sc, const struct spec *s,
                   const struct dataset *all, unsigned repeats)
{
  struct outcome o = {0};
  double rounds = 0, central = 0, worst = -100;
  for (unsigned i = 0; i < repeats; i++) {
    run(sc, s, all, i + 1, &o);
    rounds += o.federated / repeats;
    central += o.central / repeats;
    worst = fmax(worst, o.central - o.federated);
  }
  bool close = central - rounds <= POINTS;
  bool fits = o.largest <= s->quantiser.range && o.norm <= s->quantiser.clip;
  printf("%-14s %6zu %8zu %7zu %10.2f %12.2f %6.2f %10.3f of %-4s %6.3f of %-4s %s\n",
         sc->name, s->d, sc->present, sc->rounds, rounds, central, worst, o.largest,
         s->range, o.norm, s->clip,
         !close ? "TOO FAR BEHIND"
         : fits ? "ok"
                : "DOES NOT FIT");
  return close && fits;
}

static bool scenario_run(const struct scenario *sc, unsigned repeats)
{
  AUTO(spec_drop) struct spec *s = NULL;
  AUTO(dataset_drop) struct dataset *all = NULL;
  struct why why = {0};
  struct bytes text = slurp(sc->name, ".spec.json"), csv = slurp(sc->name, ".csv");
  check(spec_parse(&s, text, &why), &why, sc->name);
  check(dataset_parse(&all, s, csv, DATASET_TRAIN, &CSV_LIMITS_DEFAULT, &why), &why,
        sc->name);
  free((void *)text.data);
  free((void *)csv.data);
  return report(sc, s, all, repeats);
}

int main(int argc, char **argv)
{
  unsigned repeats = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5;
  bool good = true;
  if (sodium_init() < 0 || repeats < 1)
    return 2;
  model_init();
  printf("%-14s %6s %8s %7s %10s %12s %6s %18s %14s\n", "model", "d", "present", "rounds",
         "federated%", "centralised%", "worst", "largest coordinate", "largest norm");
  for (size_t i = 0; i < LENGTH(scenarios); i++)
    good &= scenario_run(&scenarios[i], repeats);
  return good ? 0 : 1;
}
