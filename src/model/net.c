/* SPDX-License-Identifier: Apache-2.0
 * The networks. */
#include "model/net.h"

#include <cblas.h>
#include <math.h>
#include <sodium.h>
#include <string.h>

#include "core/ring.h"

#define BLOCK 512 /* examples at once in prediction */

struct net {
  const struct spec *s;
  size_t rows_max, rows;
  float **out;  /* per layer: rows × outputs, after ReLU where there is one */
  float *delta; /* gradient with respect to a layer's outputs, and the one before */
  float *before;
};

void model_init(void)
{
  openblas_set_num_threads(1);
}

/* docs/spec.md: weight at position p of the layout takes the little-endian 32-bit word u
 * at keystream byte 4p and becomes (2u/2^32 - 1) * sqrt(6 / inputs). */
static enum err init_layer(float *w, const struct layer *l, const struct secret_key *key)
{
  size_t count = l->inputs * l->outputs;
  double bound = sqrt(6.0 / (double)l->inputs);
  uint8_t block[4096];
  for (size_t done = 0; done < count; done += sizeof block / 4) {
    size_t n = MIN(count - done, sizeof block / 4);
    TRY(prg_bytes(block, 4 * n, 4 * (uint64_t)(l->weights + done), key));
    for (size_t i = 0; i < n; i++) {
      uint32_t u;
      memcpy(&u, block + 4 * i, 4);
      w[l->weights + done + i] =
          (float)((2.0 * ((double)u / 4294967296.0) - 1.0) * bound);
    }
  }
  return OK;
}

enum err net_init(float *w, const struct spec *s, const struct digest *spec_hash)
{
  static const char label[] = "chorus/v1/init\n";
  struct secret_key key;
  crypto_hash_sha256_state h;
  memset(w, 0, s->d * sizeof *w);
  if (s->kind != SPEC_MLP)
    return OK;
  crypto_hash_sha256_init(&h);
  crypto_hash_sha256_update(&h, (const uint8_t *)label, sizeof label - 1);
  crypto_hash_sha256_update(&h, spec_hash->b, sizeof spec_hash->b);
  crypto_hash_sha256_final(&h, key.b);
  for (size_t i = 0; i < s->layer_count; i++)
    TRY(init_layer(w, &s->layers[i], &key));
  return OK;
}

struct net *net_new(const struct spec *s, size_t rows_max)
{
  struct net *n = must_calloc(1, sizeof *n);
  size_t widest = 1;
  n->s = s;
  n->rows_max = rows_max;
  n->out = must_calloc(s->layer_count, sizeof *n->out);
  for (size_t i = 0; i < s->layer_count; i++) {
    n->out[i] = must_calloc(rows_max, s->layers[i].outputs * sizeof(float));
    widest = MAX(widest, s->layers[i].outputs);
  }
  n->delta = must_calloc(rows_max, widest * sizeof(float));
  n->before = must_calloc(rows_max, widest * sizeof(float));
  return n;
}

void net_free(struct net *n)
{
  if (!n)
    return;
  for (size_t i = 0; n->out && i < n->s->layer_count; i++)
    free(n->out[i]);
  free(n->out);
  free(n->delta);
  free(n->before);
  free(n);
}

void net_drop(struct net **n)
{
  net_free(*n);
}

static void relu(float *v, size_t count)
{
  for (size_t i = 0; i < count; i++)
    v[i] = v[i] > 0 ? v[i] : 0;
}

const float *net_forward(struct net *n, const float *w, const float *x, size_t rows)
{
  n->rows = rows;
  for (size_t i = 0; i < n->s->layer_count; i++) {
    const struct layer *l = &n->s->layers[i];
    float *out = n->out[i];
    int m = (int)rows, width = (int)l->outputs, k = (int)l->inputs;
    for (size_t r = 0; r < rows; r++)
      memcpy(out + r * l->outputs, w + l->biases, l->outputs * sizeof *out);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, width, k, 1, x, k,
                w + l->weights, k, 1, out, width);
    if (i + 1 < n->s->layer_count)
      relu(out, rows * l->outputs);
    x = out;
  }
  return x;
}

static const float *last_output(const struct net *n)
{
  return n->out[n->s->layer_count - 1];
}

/* ln Σ exp(z) of at least one z, steady for large ones. */
static double log_sum_exp(const float *z, size_t count)
{
  double top = z[0];
  for (size_t i = 1; i < count; i++)
    top = MAX(top, (double)z[i]);
  double sum = exp((double)z[0] - top);
  for (size_t i = 1; i < count; i++)
    sum += exp((double)z[i] - top);
  return top + log(sum);
}

double net_loss(const struct net *n, const uint32_t *label, const float *value)
{
  size_t width = n->s->outputs;
  const float *z = last_output(n);
  double sum = 0;
  for (size_t r = 0; r < n->rows; r++, z += width) {
    if (label) {
      sum += log_sum_exp(z, width) - (double)z[label[r]];
    } else {
      double e = (double)z[0] - (double)value[r];
      sum += e * e;
    }
  }
  return sum;
}

/* delta = d(mean loss)/d(output) of the last layer. */
static void output_delta(struct net *n, const uint32_t *label, const float *value)
{
  size_t width = n->s->outputs;
  const float *z = last_output(n);
  double share = 1.0 / (double)n->rows;
  for (size_t r = 0; r < n->rows; r++, z += width) {
    float *delta = n->delta + r * width;
    if (!label) {
      delta[0] = (float)(2 * ((double)z[0] - (double)value[r]) * share);
      continue;
    }
    double lse = log_sum_exp(z, width);
    for (size_t c = 0; c < width; c++)
      delta[c] = (float)((exp((double)z[c] - lse) - (c == label[r])) * share);
  }
}

/* Gradient of layer i's weights and biases from delta and the layer's inputs. */
static void layer_gradient(const struct net *n, size_t i, float *grad, const float *x)
{
  const struct layer *l = &n->s->layers[i];
  int rows = (int)n->rows, width = (int)l->outputs, k = (int)l->inputs;
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, width, k, rows, 1, n->delta, width,
              x, k, 0, grad + l->weights, k);
  float *bias = grad + l->biases;
  memset(bias, 0, l->outputs * sizeof *bias);
  for (size_t r = 0; r < n->rows; r++)
    for (size_t c = 0; c < l->outputs; c++)
      bias[c] += n->delta[r * l->outputs + c];
}

/* delta of the layer before i: through W, and only where its ReLU let something pass. */
static void step_back(struct net *n, size_t i, const float *w)
{
  const struct layer *l = &n->s->layers[i];
  int rows = (int)n->rows, width = (int)l->outputs, k = (int)l->inputs;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, k, width, 1, n->delta,
              width, w + l->weights, k, 0, n->before, k);
  const float *out = n->out[i - 1];
  for (size_t j = 0; j < n->rows * l->inputs; j++)
    if (out[j] <= 0)
      n->before[j] = 0;
  float *swap = n->delta;
  n->delta = n->before;
  n->before = swap;
}

double net_gradient(struct net *n, float *grad, const float *w, const float *x,
                    const uint32_t *label, const float *value)
{
  output_delta(n, label, value);
  for (size_t i = n->s->layer_count; i-- > 0;) {
    layer_gradient(n, i, grad, i ? n->out[i - 1] : x);
    if (i)
      step_back(n, i, w);
  }
  return net_loss(n, label, value);
}

/* Raw outputs of one example become what people read. */
static void finish_row(float *out, const float *z, const struct spec *s)
{
  if (!s->target.categorical) {
    out[0] = (float)((double)z[0] * s->target.scale + s->target.centre);
    return;
  }
  double lse = log_sum_exp(z, s->outputs);
  for (size_t c = 0; c < s->outputs; c++)
    out[c] = (float)exp((double)z[c] - lse);
}

enum err net_predict(float *out, const float *w, const struct spec *s,
                     const struct dataset *d)
{
  if (s->kind == SPEC_VECTOR)
    return E_SPEC;
  AUTO(net_drop) struct net *n = net_new(s, MIN(d->rows, (size_t)BLOCK));
  for (size_t done = 0; done < d->rows; done += BLOCK) {
    size_t rows = MIN(d->rows - done, (size_t)BLOCK);
    const float *z = net_forward(n, w, d->x + done * d->inputs, rows);
    for (size_t r = 0; r < rows; r++)
      finish_row(out + (done + r) * s->outputs, z + r * s->outputs, s);
  }
  for (size_t i = 0; i < d->rows * s->outputs; i++)
    if (!isfinite(out[i]))
      return E_NUMBER;
  return OK;
}
