/* SPDX-License-Identifier: Apache-2.0
 * What follows from a spec: layers, number of parameters, tail, overflow. */
#include <stdio.h>

#include "model/spec_internal.h"

#define LAYERS_MAX 64
#define LAYER_WIDTH_MAX 65536
#define COUNT_MAX 1000000u
#define LOSS_MAX 1000000000u

/* Appends a layer and counts its parameters. */
static enum err add_layer(struct spec *s, size_t inputs, size_t outputs, const char *path,
                          struct why *why)
{
  struct layer *l = &s->layers[s->layer_count++];
  l->inputs = inputs;
  l->outputs = outputs;
  l->weights = s->d;
  l->biases = s->d + inputs * outputs; /* both below 2^18 */
  s->d = l->biases + outputs;
  if (s->d > SPEC_PARAMETERS_MAX)
    return why_set(why, E_SPEC, path, "makes more than %zu parameters",
                   SPEC_PARAMETERS_MAX);
  return OK;
}

static enum err add_layers(struct spec *s, const json_t *hidden, struct why *why)
{
  size_t n = json_array_size(hidden), before = s->inputs, i;
  json_t *width;
  if (n > LAYERS_MAX || (hidden && n < 1))
    return why_set(why, E_FIELD_VALUE, "hidden", "must have 1 to %d entries", LAYERS_MAX);
  s->layers = must_calloc(n + 1, sizeof *s->layers);
  json_array_foreach (hidden, i, width) {
    char path[96];
    snprintf(path, sizeof path, "hidden[%zu]", i);
    if (!json_is_integer(width))
      return why_set(why, E_FIELD_TYPE, path, "must be a whole number");
    json_int_t w = json_integer_value(width);
    if (w < 1 || w > LAYER_WIDTH_MAX)
      return why_set(why, E_FIELD_VALUE, path, "must be from 1 to %d", LAYER_WIDTH_MAX);
    TRY(add_layer(s, before, (size_t)w, path, why));
    before = (size_t)w;
  }
  return add_layer(s, before, s->outputs, hidden ? "hidden" : "features", why);
}

/* The greatest integer every participant may add so that n_max of them fit. */
static uint64_t tail_room(const struct spec *s, uint64_t most)
{
  uint64_t half = ((uint64_t)1 << (s->ring_bits - 1)) - 1;
  return MIN(most, half / s->cohort.maximum);
}

static void add_tail(struct spec *s, enum tail_kind kind, const char *name, uint64_t max)
{
  s->tail[s->tail_count++] = (struct tail_entry){.kind = kind, .name = name, .max = max};
}

static void make_tail(struct spec *s)
{
  static const enum tail_kind confusion[] = {TAIL_EVALUATED, TAIL_TRUE_POSITIVE,
                                             TAIL_FALSE_POSITIVE, TAIL_TRUE_NEGATIVE,
                                             TAIL_FALSE_NEGATIVE};
  uint64_t counts = tail_room(s, COUNT_MAX);
  s->tail =
      must_calloc(SPEC_TAIL_GROUPS + LENGTH(confusion) * s->group_count, sizeof *s->tail);
  add_tail(s, TAIL_WEIGHT, "", s->quantiser.cap);
  if (s->kind == SPEC_VECTOR)
    return;
  add_tail(s, TAIL_LOSS, "1000", tail_room(s, LOSS_MAX));
  add_tail(s, TAIL_CORRECT, "", counts);
  add_tail(s, TAIL_EVALUATED, "", counts);
  for (size_t g = 0; g < s->group_count; g++)
    for (size_t k = 0; k < LENGTH(confusion); k++)
      add_tail(s, confusion[k], s->groups[g].name, counts);
}

enum err spec_lay_out(struct spec *s, const json_t *hidden, struct why *why)
{
  if (s->kind != SPEC_VECTOR)
    TRY(add_layers(s, hidden, why));
  make_tail(s);
  return spec_check_overflow(s, why);
}

/* The narrowest ring in which n times `most` stays below half, or 0. */
static unsigned narrowest(uint64_t n, unsigned __int128 most)
{
  static const unsigned widths[] = {16, 24, 32, 40, 48, 64};
  for (size_t i = 0; i < LENGTH(widths); i++)
    if (n * most < (unsigned __int128)1 << (widths[i] - 1))
      return widths[i];
  return 0;
}

static enum err too_narrow(const struct spec *s, unsigned __int128 most, const char *what,
                           struct why *why)
{
  unsigned needed = narrowest(s->cohort.maximum, most);
  char hint[48];
  snprintf(hint, sizeof hint, needed ? "%u bits are needed" : "no ring is wide enough",
           needed);
  return why_set(why, E_OVERFLOW, "ring_bits", "%llu participants times %s: %s",
                 (unsigned long long)s->cohort.maximum, what, hint);
}

enum err spec_check_overflow(const struct spec *s, struct why *why)
{
  unsigned __int128 half = (unsigned __int128)1 << (s->ring_bits - 1);
  unsigned __int128 n = s->cohort.maximum;
  unsigned __int128 update =
      (unsigned __int128)s->quantiser.cap * (uint64_t)quantiser_max(&s->quantiser);
  if (n * update >= half)
    return too_narrow(s, update, "weight_cap times 2^(bits-1)-1", why);
  for (size_t i = 0; i < s->tail_count; i++)
    if (n * s->tail[i].max >= half)
      return too_narrow(s, s->tail[i].max, tail_kind_names[s->tail[i].kind], why);
  return OK;
}

uint64_t spec_weight(const struct spec *s, uint64_t rows)
{
  return s->training.equal_weight ? 1 : MIN(s->quantiser.cap, rows);
}
