/* SPDX-License-Identifier: Apache-2.0
 * How well a model does on some rows. */
#include "model/metrics.h"

#include <math.h>
#include <string.h>

#define BLOCK 512

static size_t argmax(const float *z, size_t count)
{
  size_t best = 0;
  for (size_t i = 1; i < count; i++)
    if (z[i] > z[best])
      best = i;
  return best;
}

static void count_groups(struct metrics *m, const struct spec *s, uint32_t groups,
                         bool said, bool is)
{
  for (size_t g = 0; g < s->group_count; g++) {
    if (!(groups >> g & 1))
      continue;
    struct confusion *c = &m->group[g];
    c->evaluated++;
    c->true_positive += said && is;
    c->false_positive += said && !is;
    c->true_negative += !said && !is;
    c->false_negative += !said && is;
  }
}

static void count_block(struct metrics *m, const struct spec *s, const struct dataset *d,
                        size_t first, const float *z, size_t rows)
{
  for (size_t r = 0; r < rows; r++) {
    size_t said = argmax(z + r * s->outputs, s->outputs), is = d->label[first + r];
    m->correct += said == is;
    count_groups(m, s, d->groups[first + r], said == s->positive, is == s->positive);
  }
}

enum err metrics_evaluate(struct metrics *out, const float *w, const struct spec *s,
                          const struct dataset *d, size_t max_rows)
{
  struct metrics m = {0};
  if (s->kind == SPEC_VECTOR || !d->has_target)
    return E_SPEC;
  size_t total = max_rows ? MIN(d->rows, max_rows) : d->rows;
  AUTO(net_drop) struct net *n = net_new(s, MIN(total, (size_t)BLOCK));
  for (size_t done = 0; done < total; done += BLOCK) {
    size_t rows = MIN(total - done, (size_t)BLOCK);
    const float *z = net_forward(n, w, d->x + done * d->inputs, rows);
    m.loss +=
        net_loss(n, d->label ? d->label + done : NULL, d->value ? d->value + done : NULL);
    if (d->label)
      count_block(&m, s, d, done, z, rows);
  }
  m.evaluated = total;
  if (!isfinite(m.loss))
    return E_NUMBER;
  *out = m;
  return OK;
}

static uint64_t entry_value(const struct tail_entry *t, const struct confusion *c,
                            const struct metrics *m, uint64_t weight)
{
  if (c && c->evaluated < SPEC_GROUP_LEAST)
    return 0;
  switch (t->kind) {
  case TAIL_WEIGHT:
    return weight;
  case TAIL_LOSS: {
    double scaled = round(m->loss * SPEC_LOSS_SCALE);
    return scaled < (double)t->max ? (uint64_t)scaled : t->max;
  }
  case TAIL_CORRECT:
    return m->correct;
  case TAIL_EVALUATED:
    return c ? c->evaluated : m->evaluated;
  case TAIL_TRUE_POSITIVE:
    return c ? c->true_positive : 0;
  case TAIL_FALSE_POSITIVE:
    return c ? c->false_positive : 0;
  case TAIL_TRUE_NEGATIVE:
    return c ? c->true_negative : 0;
  case TAIL_FALSE_NEGATIVE:
    return c ? c->false_negative : 0;
  case TAIL_KINDS:
    break;
  }
  return 0;
}

enum err metrics_tail(uint64_t *tail, const float *base, const struct spec *s,
                      const struct dataset *d, uint64_t weight)
{
  struct metrics m = {0};
  if (weight < 1 || weight > s->quantiser.cap)
    return E_FIELD_VALUE;
  if (s->kind != SPEC_VECTOR) {
    size_t most = SIZE_MAX; /* the tightest count: more rows could not be told */
    for (size_t i = 0; i < s->tail_count; i++)
      if (s->tail[i].kind != TAIL_WEIGHT && s->tail[i].kind != TAIL_LOSS)
        most = MIN(most, (size_t)s->tail[i].max);
    TRY(metrics_evaluate(&m, base, s, d, most));
  }
  for (size_t i = 0; i < s->tail_count; i++) {
    const struct confusion *c =
        i < SPEC_TAIL_GROUPS ? NULL : &m.group[(i - SPEC_TAIL_GROUPS) / 5];
    tail[i] = entry_value(&s->tail[i], c, &m, weight);
  }
  return OK;
}
