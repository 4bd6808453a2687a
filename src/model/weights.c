/* SPDX-License-Identifier: Apache-2.0
 * Weights in the formats that other programs read. */
#include "model/weights.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/field.h"
#include "util/text.h"

/* Spaces until what follows the next `more` bytes begins at a multiple of `unit`. */
static enum err pad(struct buf *out, size_t start, size_t more, size_t unit)
{
  while ((out->len - start + more) % unit)
    TRY(buf_put(out, " ", 1));
  return OK;
}

/* ---- .npy: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html ----
 */

#define NPY_UNIT 64u

enum err weights_npy_head(struct buf *out, const struct spec *s)
{
  static const char magic[] = "\x93NUMPY\x01"; /* the NUL behind it: version 1.0 */
  size_t start = out->len;
  TRY(buf_put(out, magic, sizeof magic));
  TRY(buf_put(out, "\0\0", 2));
  TRY(buf_printf(out, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu,), }",
                 s->d));
  TRY(pad(out, start, 1, NPY_UNIT));
  TRY(buf_put(out, "\n", 1));
  size_t len = out->len - start - sizeof magic - 2;
  out->data[start + sizeof magic] = (uint8_t)len;
  out->data[start + sizeof magic + 1] = (uint8_t)(len >> 8);
  return OK;
}

/* ---- .safetensors: https://github.com/huggingface/safetensors#format ---- */

#define TENSOR_UNIT 8u

static void add_tensor(json_t *head, const char *name, json_t *shape, size_t first,
                       size_t count)
{
  size_t from = first * sizeof(float), to = from + count * sizeof(float);
  json_t *o = json_pack("{s:s,s:o,s:[I,I]}", "dtype", "F32", "shape", shape,
                        "data_offsets", (json_int_t)from, (json_int_t)to);
  json_object_set_new(head, name, o);
}

static json_t *tensors(const struct spec *s)
{
  json_t *head = json_object();
  char name[48];
  if (s->kind == SPEC_VECTOR)
    add_tensor(head, "vector", json_pack("[I]", (json_int_t)s->d), 0, s->d);
  for (size_t i = 0; i < s->layer_count; i++) {
    const struct layer *l = &s->layers[i];
    json_int_t outputs = (json_int_t)l->outputs, inputs = (json_int_t)l->inputs;
    snprintf(name, sizeof name, "layers.%zu.weight", i);
    add_tensor(head, name, json_pack("[I,I]", outputs, inputs), l->weights,
               l->outputs * l->inputs);
    snprintf(name, sizeof name, "layers.%zu.bias", i);
    add_tensor(head, name, json_pack("[I]", outputs), l->biases, l->outputs);
  }
  return head;
}

enum err weights_safetensors_head(struct buf *out, const struct spec *s,
                                  const struct weights_about *about)
{
  AUTO(json_drop) json_t *head = tensors(s);
  char round[24];
  uint8_t len[8];
  size_t start = out->len;
  snprintf(round, sizeof round, "%" PRIu64, about->round);
  json_object_set_new(head, "__metadata__",
                      json_pack("{s:s,s:s,s:s,s:o,s:o}", "format", "pt", "model",
                                about->model, "round", round, "sha256",
                                json_hex(about->sha256.b, sizeof about->sha256.b), "spec",
                                json_hex(s->hash.b, sizeof s->hash.b)));
  AUTO(free_drop) char *text = json_dumps(head, JSON_COMPACT);
  if (!text)
    return E_INTERNAL;
  TRY(buf_put(out, "\0\0\0\0\0\0\0\0", sizeof len));
  TRY(buf_puts(out, text));
  TRY(pad(out, start, 0, TENSOR_UNIT));
  uint64_t size = out->len - start - sizeof len;
  for (unsigned i = 0; i < sizeof len; i++)
    len[i] = (uint8_t)(size >> 8 * i);
  memcpy(out->data + start, len, sizeof len);
  return OK;
}

/* ---- JSON ---- */

/* Nine digits tell every float32 from the others. */
static enum err put_row(struct buf *out, const float *w, size_t count)
{
  for (size_t i = 0; i < count; i++)
    TRY(buf_printf(out, "%s%.9g", i ? "," : "[", (double)w[i]));
  return buf_puts(out, "]");
}

static enum err put_layer(struct buf *out, const struct layer *l, const float *w)
{
  TRY(buf_puts(out, "{\"weight\":"));
  for (size_t row = 0; row < l->outputs; row++) {
    TRY(buf_puts(out, row ? "," : "["));
    TRY(put_row(out, w + l->weights + row * l->inputs, l->inputs));
  }
  TRY(buf_puts(out, "],\"bias\":"));
  TRY(put_row(out, w + l->biases, l->outputs));
  return buf_puts(out, "}");
}

enum err weights_json(struct buf *out, const struct spec *s,
                      const struct weights_about *about, const float *w)
{
  char sha256[65], spec[65];
  if (s->d > WEIGHTS_JSON_MAX)
    return E_TOO_LARGE;
  TRY(buf_printf(out,
                 "{\"model\":\"%s\",\"round\":%" PRIu64
                 ",\"sha256\":\"%s\",\"spec\":\"%s\",\"d\":%zu,",
                 about->model, about->round, hex_encode(sha256, about->sha256.b, 32),
                 hex_encode(spec, s->hash.b, 32), s->d));
  if (s->kind == SPEC_VECTOR) {
    TRY(buf_puts(out, "\"vector\":"));
    TRY(put_row(out, w, s->d));
    return buf_puts(out, "}");
  }
  TRY(buf_puts(out, "\"layers\":["));
  for (size_t i = 0; i < s->layer_count; i++) {
    TRY(buf_puts(out, i ? "," : ""));
    TRY(put_layer(out, &s->layers[i], w));
  }
  return buf_puts(out, "]}");
}
