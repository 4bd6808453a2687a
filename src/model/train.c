/* SPDX-License-Identifier: Apache-2.0
 * Local training. */
#include "model/train.h"

#include <math.h>
#include <string.h>

#define ADAM_BETA1 0.9
#define ADAM_BETA2 0.999
#define ADAM_EPSILON 1e-8

struct trainer {
  const struct spec *s;
  const struct dataset *d;
  struct net *net;
  size_t batch;
  uint64_t random; /* state of splitmix64 */
  size_t *order;
  float *w, *grad, *m, *v; /* m and v: Adam only */
  float *x, *value;        /* one batch */
  uint32_t *label;
  uint64_t steps;
};

static void trainer_done(struct trainer *t)
{
  net_free(t->net);
  free(t->order);
  free(t->w);
  free(t->grad);
  free(t->m);
  free(t->v);
  free(t->x);
  free(t->value);
  free(t->label);
}

static void trainer_init(struct trainer *t, const float *w)
{
  size_t d = t->s->d;
  t->batch = MIN((size_t)t->s->training.batch, t->d->rows);
  t->net = net_new(t->s, t->batch);
  t->order = must_calloc(t->d->rows, sizeof *t->order);
  for (size_t i = 0; i < t->d->rows; i++)
    t->order[i] = i;
  t->w = must_calloc(d, sizeof *t->w);
  memcpy(t->w, w, d * sizeof *w);
  t->grad = must_calloc(d, sizeof *t->grad);
  if (t->s->training.adam) {
    t->m = must_calloc(d, sizeof *t->m);
    t->v = must_calloc(d, sizeof *t->v);
  }
  t->x = must_calloc(t->batch, t->d->inputs * sizeof *t->x);
  t->value = must_calloc(t->batch, sizeof *t->value);
  t->label = must_calloc(t->batch, sizeof *t->label);
}

/* splitmix64 (Steele, Lea, Flood 2014): good enough to order rows. */
static uint64_t next_random(struct trainer *t)
{
  uint64_t z = t->random += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void shuffle(struct trainer *t)
{
  for (size_t i = t->d->rows; i-- > 1;) {
    size_t k = (size_t)(next_random(t) % (i + 1)), swap = t->order[i];
    t->order[i] = t->order[k];
    t->order[k] = swap;
  }
}

static void gather(struct trainer *t, size_t first, size_t rows)
{
  const struct dataset *d = t->d;
  for (size_t r = 0; r < rows; r++) {
    size_t from = t->order[first + r];
    memcpy(t->x + r * d->inputs, d->x + from * d->inputs, d->inputs * sizeof *t->x);
    if (d->label)
      t->label[r] = d->label[from];
    else
      t->value[r] = d->value[from];
  }
}

static void add_l2(struct trainer *t)
{
  float l2 = (float)t->s->training.l2;
  for (size_t i = 0; l2 > 0 && i < t->s->layer_count; i++) {
    const struct layer *l = &t->s->layers[i];
    for (size_t p = l->weights; p < l->biases; p++)
      t->grad[p] += l2 * t->w[p];
  }
}

static void step_sgd(struct trainer *t)
{
  float rate = (float)t->s->training.rate;
  for (size_t i = 0; i < t->s->d; i++)
    t->w[i] -= rate * t->grad[i];
}

static void step_adam(struct trainer *t)
{
  double n = (double)++t->steps;
  double fix1 = 1 - pow(ADAM_BETA1, n), fix2 = 1 - pow(ADAM_BETA2, n);
  float rate = (float)(t->s->training.rate * sqrt(fix2) / fix1);
  float epsilon = (float)(ADAM_EPSILON * sqrt(fix2));
  float b1 = (float)ADAM_BETA1, b2 = (float)ADAM_BETA2;
  for (size_t i = 0; i < t->s->d; i++) {
    float g = t->grad[i];
    t->m[i] = b1 * t->m[i] + (1 - b1) * g;
    t->v[i] = b2 * t->v[i] + (1 - b2) * g * g;
    t->w[i] -= rate * t->m[i] / (sqrtf(t->v[i]) + epsilon);
  }
}

static void step(struct trainer *t, size_t first, size_t rows)
{
  gather(t, first, rows);
  net_forward(t->net, t->w, t->x, rows);
  net_gradient(t->net, t->grad, t->w, t->x, t->d->label ? t->label : NULL, t->value);
  add_l2(t);
  if (t->s->training.adam)
    step_adam(t);
  else
    step_sgd(t);
}

enum err train(float *w, const struct spec *s, const struct dataset *d, uint64_t seed,
               const struct train_watch *watch)
{
  AUTO(trainer_done) struct trainer t = {.s = s, .d = d, .random = seed};
  if (s->kind == SPEC_VECTOR || !d->has_target || d->rows == 0)
    return E_SPEC;
  trainer_init(&t, w);
  uint64_t total = s->training.epochs * ((d->rows + t.batch - 1) / t.batch), done = 0;
  for (uint64_t epoch = 0; epoch < s->training.epochs; epoch++) {
    shuffle(&t);
    for (size_t first = 0; first < d->rows; first += t.batch) {
      step(&t, first, MIN(t.batch, d->rows - first));
      if (watch)
        watch->told(watch->arg, ++done, total);
    }
  }
  for (size_t i = 0; i < s->d; i++)
    if (!isfinite(t.w[i]))
      return E_NUMBER;
  memcpy(w, t.w, s->d * sizeof *w);
  return OK;
}
