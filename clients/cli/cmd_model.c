/* SPDX-License-Identifier: Apache-2.0
 * Using a model: predict, evaluate, weights. Weights are checked against the signed
 * result before anything is done with them. */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "model/metrics.h"
#include "npy.h"
#include "util/field.h"
#include "util/text.h"

struct model {
  struct spec *spec;
  float *weights;
  uint64_t round;
};

static void model_done(struct model *m)
{
  spec_free(m->spec);
  free(m->weights);
}

static enum err fetch(struct model *m, struct cli *c, struct why *why)
{
  AUTO(known_done) struct known known = {0};
  const char *model = c->o.words[0];
  if (!slug_valid(model))
    return why_set(why, E_USAGE, "MODEL", "is not the name of a model");
  TRY(cli_visitor(c, model, why));
  TRY(known_load(&known, c->home, &c->pin, model, why));
  return trust_model(&m->spec, &m->weights, &m->round, c->home, &known, &c->pin, model,
                     &c->api, why);
}

static enum err rows(struct dataset **out, struct cli *c, const struct model *m,
                     enum dataset_use use, struct why *why)
{
  if (!c->o.data)
    return why_set(why, E_USAGE, "--data", "is needed");
  if (m->spec->kind == SPEC_VECTOR)
    return why_set(why, E_SPEC, c->o.words[0], "is a plain vector: it predicts nothing");
  return work_dataset(out, m->spec, c->o.data, use, why);
}

/* "The model of round 3" */
static const char *which(char out[48], const struct model *m)
{
  if (m->round)
    snprintf(out, 48, "The model of round %llu", (unsigned long long)m->round);
  else
    snprintf(out, 48, "The initial model");
  return out;
}

/* ---- predict ---- */

static void put_cell(FILE *to, const char *text)
{
  if (!strpbrk(text, ",\"\r\n")) {
    fputs(text, to);
    return;
  }
  putc('"', to);
  for (; *text; text++) {
    if (*text == '"')
      putc('"', to);
    putc(*text, to);
  }
  putc('"', to);
}

static void put_header(FILE *to, const struct spec *s)
{
  put_cell(to, s->target.name);
  for (size_t k = 0; s->target.categorical && k < s->outputs; k++) {
    AUTO(buf_done) struct buf name = {0};
    putc(',', to);
    if (buf_printf(&name, "p(%s)", s->target.values[k]) == OK)
      put_cell(to, buf_text(&name));
  }
  putc('\n', to);
}

static size_t best_of(const float *p, size_t len)
{
  size_t best = 0;
  for (size_t k = 1; k < len; k++)
    if (p[k] > p[best])
      best = k;
  return best;
}

static void put_row(struct cli *c, FILE *to, const struct spec *s, size_t row,
                    const float *p)
{
  if (c->o.json && !s->target.categorical) {
    say_json(c, json_pack("{s:s,s:I,s:f}", "event", "prediction", "row", (json_int_t)row,
                          "value", (double)p[0]));
  } else if (c->o.json) {
    json_t *each = json_object();
    for (size_t k = 0; k < s->outputs; k++)
      json_object_set_new(each, s->target.values[k], json_real((double)p[k]));
    say_json(c,
             json_pack("{s:s,s:I,s:s,s:o}", "event", "prediction", "row", (json_int_t)row,
                       "value", s->target.values[best_of(p, s->outputs)], "probabilities",
                       each));
  } else if (!s->target.categorical) {
    fprintf(to, "%.9g\n", (double)p[0]);
  } else {
    put_cell(to, s->target.values[best_of(p, s->outputs)]);
    for (size_t k = 0; k < s->outputs; k++)
      fprintf(to, ",%.6f", (double)p[k]);
    putc('\n', to);
  }
}

enum err cmd_predict(struct cli *c, struct why *why)
{
  AUTO(model_done) struct model m = {0};
  AUTO(dataset_drop) struct dataset *d = NULL;
  TRY(fetch(&m, c, why));
  TRY(rows(&d, c, &m, DATASET_PREDICT, why));
  AUTO(free_drop) float *p = must_calloc(d->rows, m.spec->outputs * sizeof *p);
  TRY(net_predict(p, m.weights, m.spec, d));
  FILE *to = c->o.out && !c->o.json ? fopen(c->o.out, "w") : stdout;
  if (!to)
    return why_set(why, E_IO, c->o.out, "%s", strerror(errno));
  if (!c->o.json)
    put_header(to, m.spec);
  for (size_t r = 0; r < d->rows; r++)
    put_row(c, to, m.spec, r, p + r * m.spec->outputs);
  bool bad = ferror(to) != 0;
  if (to != stdout) {
    bad = fclose(to) != 0 || bad;
    char name[48];
    say(c, "%s made %zu predictions: %s.", which(name, &m), d->rows, c->o.out);
  }
  return bad ? why_set(why, E_IO, c->o.out ? c->o.out : "output", "could not be written")
             : OK;
}

/* ---- evaluate ---- */

static void say_group(struct cli *c, const struct spec *s, size_t g,
                      const struct confusion *f)
{
  uint64_t positives = f->true_positive + f->false_negative;
  uint64_t negatives = f->true_negative + f->false_positive;
  say_json(c, json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "event", "group", "name",
                        s->groups[g].name, "evaluated", (json_int_t)f->evaluated,
                        "true_positive", (json_int_t)f->true_positive, "false_positive",
                        (json_int_t)f->false_positive, "true_negative",
                        (json_int_t)f->true_negative, "false_negative",
                        (json_int_t)f->false_negative));
  if (f->evaluated == 0)
    return;
  say(c,
      "  %s: %llu rows, right in %.1f %%; finds %.1f %% of the positive, wrongly %.1f "
      "%% of the others",
      s->groups[g].name, (unsigned long long)f->evaluated,
      100 * (double)(f->true_positive + f->true_negative) / (double)f->evaluated,
      positives ? 100 * (double)f->true_positive / (double)positives : 0,
      negatives ? 100 * (double)f->false_positive / (double)negatives : 0);
}

enum err cmd_evaluate(struct cli *c, struct why *why)
{
  AUTO(model_done) struct model m = {0};
  AUTO(dataset_drop) struct dataset *d = NULL;
  struct metrics f;
  char name[48];
  TRY(fetch(&m, c, why));
  TRY(rows(&d, c, &m, DATASET_TRAIN, why));
  TRY(metrics_evaluate(&f, m.weights, m.spec, d, 0));
  double n = f.evaluated ? (double)f.evaluated : 1;
  json_t *line =
      json_pack("{s:s,s:I,s:I,s:f}", "event", "evaluation", "round", (json_int_t)m.round,
                "rows", (json_int_t)f.evaluated, "loss", f.loss / n);
  if (m.spec->target.categorical)
    json_object_set_new(line, "accuracy", json_real((double)f.correct / n));
  say_json(c, line);
  if (m.spec->target.categorical)
    say(c, "%s is right in %.1f %% of %llu rows; mean loss %.4g.", which(name, &m),
        100 * (double)f.correct / n, (unsigned long long)f.evaluated, f.loss / n);
  else
    say(c, "%s has a mean loss of %.4g on %llu rows.", which(name, &m), f.loss / n,
        (unsigned long long)f.evaluated);
  for (size_t g = 0; g < m.spec->group_count; g++)
    say_group(c, m.spec, g, &f.group[g]);
  return OK;
}

/* ---- weights ---- */

static bool ends_with(const char *text, const char *end)
{
  size_t a = strlen(text), b = strlen(end);
  return a >= b && strcmp(text + a - b, end) == 0;
}

/* Writes beside the file, then puts it in its place. */
static enum err write_file(const char *path, struct bytes head, struct bytes body,
                           struct why *why)
{
  AUTO(buf_done) struct buf part = {0};
  TRY(buf_printf(&part, "%s.part", path));
  FILE *to = fopen(buf_text(&part), "wb");
  if (!to)
    return why_set(why, E_IO, path, "%s", strerror(errno));
  bool good = fwrite(head.data, 1, head.len, to) == head.len &&
              fwrite(body.data, 1, body.len, to) == body.len;
  good = fclose(to) == 0 && good;
  if (!good || rename(buf_text(&part), path) != 0) {
    unlink(buf_text(&part));
    return why_set(why, E_IO, path, "%s", strerror(errno));
  }
  return OK;
}

enum err cmd_weights(struct cli *c, struct why *why)
{
  AUTO(model_done) struct model m = {0};
  AUTO(buf_done) struct buf head = {0};
  struct digest hash;
  char hex[65], name[48];
  if (!c->o.out)
    return why_set(why, E_USAGE, "--out", "is needed");
  TRY(fetch(&m, c, why));
  struct bytes body = BYTES(m.weights, m.spec->d * sizeof *m.weights);
  if (ends_with(c->o.out, ".npy"))
    TRY(npy_header(&head, m.spec->d));
  else
    TRY(buf_reserve(&head, 1));
  TRY(write_file(c->o.out, buf_bytes(&head), body, why));
  crypto_hash_sha256(hash.b, body.data, body.len);
  hex_encode(hex, hash.b, 32);
  say_json(c, json_pack("{s:s,s:I,s:I,s:s,s:s}", "event", "weights", "round",
                        (json_int_t)m.round, "d", (json_int_t)m.spec->d, "sha256", hex,
                        "file", c->o.out));
  say(c, "%s, %zu weights, is in %s (SHA-256 %s).", which(name, &m), m.spec->d, c->o.out,
      hex);
  return OK;
}
