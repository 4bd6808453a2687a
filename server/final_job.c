/* SPDX-License-Identifier: Apache-2.0
 * The job `final`: checks the bounds of the sum, steps the server optimiser chunk by
 * chunk, and says `result`, or `failed`. docs/protocol.md section 9. What is paid is in
 * rewards.c. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/spec.h"
#include "server/engine_internal.h"
#include "server/outbox.h"
#include "util/field.h"
#include "util/text.h"

struct finishing {
  struct server *server;
  const struct job *job;
  struct round_row row;
  struct round_ref ref;
  struct spec *spec;
  uint8_t *packed; /* one chunk of S */
  int64_t *sums;   /* the same as numbers */
  int64_t *tail;
  struct digest sum_hash;
  struct sum_check check;
  struct blob_writer weights, state;
  size_t state_bytes; /* per coordinate */
};

static void finishing_clear(struct finishing *f)
{
  blob_writer_done(&f->weights);
  blob_writer_done(&f->state);
  round_row_done(&f->row);
  round_ref_done(&f->ref);
  spec_free(f->spec);
  free(f->packed);
  free(f->sums);
  f->packed = NULL;
  free(f->tail);
  f->spec = NULL;
  f->sums = f->tail = NULL;
  f->check = (struct sum_check){0};
}

/* Reads a chunk of S into f->sums; *len coordinates. */
static enum err read_chunk(struct db *db, struct finishing *f, uint64_t part,
                           EVP_MD_CTX *hash, size_t *len)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  unsigned bits = f->ref.round->open->ring_bits;
  struct bytes b;
  TRY(blob_part(db, f->row.sum, part, &rows, &b));
  if (hash && !EVP_DigestUpdate(hash, b.data, b.len))
    return E_INTERNAL;
  struct ring r = {f->packed, b.len / (bits / 8), bits};
  memcpy(f->packed, b.data, b.len);
  for (size_t i = 0; i < r.len; i++)
    f->sums[i] = ring_get(r, i);
  *len = r.len;
  return OK;
}

/* First pass: the bounds, the tail, the hash of S. */
static enum err measure(struct db *db, struct finishing *f, EVP_MD_CTX *hash)
{
  const struct open_event *open = f->ref.round->open;
  uint64_t at = 0;
  if (!hash || !EVP_DigestInit_ex(hash, EVP_sha256(), NULL))
    return E_INTERNAL;
  for (uint64_t part = 0; part < f->row.chunks; part++) {
    size_t len;
    TRY(read_chunk(db, f, part, hash, &len));
    size_t update = at < open->d ? MIN(len, open->d - at) : 0;
    sum_check_add(&f->check, f->sums, update);
    for (size_t i = update; i < len; i++)
      f->tail[at + i - open->d] = f->sums[i];
    at += len;
  }
  return at == open_len(open) && EVP_DigestFinal_ex(hash, f->sum_hash.b, NULL)
             ? OK
             : E_INTERNAL;
}

/* One chunk's coordinates through the optimiser. */
static enum err step_chunk(struct db *db, struct finishing *f, uint64_t first, size_t len,
                           float *w, uint8_t *state)
{
  TRY(blob_read(db, f->row.base, first * sizeof *w, w, len * sizeof *w));
  if (f->state_bytes && f->row.base_state)
    TRY(blob_read(db, f->row.base_state, first * f->state_bytes, state,
                  len * f->state_bytes));
  else
    memset(state, 0, len * f->state_bytes);
  TRY(optimiser_step(&f->spec->optimiser, w, state, f->sums, len, (uint64_t)f->tail[0]));
  TRY(blob_put(db, &f->weights, BYTES(w, len * sizeof *w)));
  return f->state_bytes ? blob_put(db, &f->state, BYTES(state, len * f->state_bytes))
                        : OK;
}

/* Second pass: the new model and the optimiser's new state. */
static enum err step(struct db *db, struct finishing *f)
{
  const struct open_event *open = f->ref.round->open;
  size_t most = ring_chunk_len(open->ring_bits);
  AUTO(free_drop) float *w = must_calloc(most, sizeof *w);
  AUTO(free_drop) uint8_t *state = must_calloc(most, MAX(f->state_bytes, 1u));
  uint64_t at = 0;
  TRY(blob_start(db, &f->weights));
  if (f->state_bytes)
    TRY(blob_start(db, &f->state));
  for (uint64_t part = 0; at < open->d; part++) {
    size_t len;
    TRY(read_chunk(db, f, part, NULL, &len));
    size_t update = MIN(len, open->d - at);
    TRY(step_chunk(db, f, at, update, w, state));
    at += update;
  }
  TRY(blob_finish(db, &f->weights));
  return f->state_bytes ? blob_finish(db, &f->state) : OK;
}

/* ---- the result ---- */

static json_t *totals_json(const struct finishing *f)
{
  json_t *totals = json_array();
  for (unsigned i = 0; i < f->ref.round->open->tail_len; i++)
    json_array_append_new(totals, json_sprintf("%lld", (long long)f->tail[i]));
  return totals;
}

static const int64_t *total_of(const struct finishing *f, enum tail_kind kind,
                               const struct tail_entry **entry)
{
  const struct open_event *open = f->ref.round->open;
  for (unsigned i = 0; i < open->tail_len; i++)
    if (open->tail[i].kind == kind && (kind == TAIL_LOSS || !*open->tail[i].name)) {
      *entry = &open->tail[i];
      return &f->tail[i];
    }
  return NULL;
}

/* Loss and accuracy of the base model on the participants' own rows. */
static void means(const struct finishing *f, struct db_arg *loss, struct db_arg *accuracy)
{
  const struct tail_entry *entry = NULL, *scale = NULL;
  const int64_t *rows = total_of(f, TAIL_EVALUATED, &entry);
  const int64_t *sum = total_of(f, TAIL_LOSS, &scale);
  const int64_t *correct = total_of(f, TAIL_CORRECT, &entry);
  *loss = *accuracy = DB_NULL;
  if (!rows || *rows <= 0)
    return;
  if (sum)
    *loss = DB_REAL((double)*sum / strtod(scale->name, NULL) / (double)*rows);
  if (correct && f->spec->target.categorical)
    *accuracy = DB_REAL((double)*correct / (double)*rows);
}

static json_t *hash_or_null(const struct digest *hash, bool there)
{
  return there ? json_hex(hash->b, sizeof hash->b) : json_null();
}

static enum err say_result(struct db *db, struct finishing *f, unsigned count,
                           json_t *named, int64_t *doc, struct digest *hash)
{
  const struct round *r = f->ref.round;
  size_t size = (r->n + 7) / 8;
  AUTO(free_drop) uint8_t *set = must_calloc(size, 1);
  AUTO(free_drop) char *members = must_calloc(2 * size + 1, 1);
  json_t *rewards = NULL;
  struct digest root;
  unsigned answered;
  TRY(document_make(db, &f->row.ctx, DOCUMENT_UNMASKS, doc, &root, &answered, set));
  TRY(tell_rewards(db, r, (uint64_t)f->tail[0], named, &rewards));
  AUTO(json_drop)
  json_t *event = json_pack(
      "{s:s,s:o,s:o,s:o,s:{s:s,s:o},s:i,s:o,s:o,s:o,s:o,s:o,s:O}", "type", "result",
      "instance", json_hex(f->server->instance.b, 32), "ctx", json_hex(f->row.ctx.b, 32),
      "survivors", json_hex(r->survivors_hash.b, 32), "unmasks", "members",
      hex_encode(members, set, size), "root", json_hex(root.b, 32), "count", (int)count,
      "sum", json_hex(f->sum_hash.b, 32), "totals", totals_json(f), "model",
      json_hex(f->weights.info.sha256.b, 32), "optimiser_state",
      hash_or_null(&f->state.info.sha256, f->state_bytes != 0), "rewards", rewards,
      "named", named);
  return tell(f->server, db, &f->row, event, hash);
}

/* What the result means for the books and, with a chain, for the registry. */
static enum err settle(struct db *db, struct finishing *f, const json_t *named)
{
  TRY(settle_round(f->server, db, &f->row, f->ref.round, named));
  return f->server->chain.on ? outbox_add(f->server, db, OUTBOX_RESULT, f->row.model,
                                          &f->row.ctx, 0, true, BYTES(NULL, 0))
                             : OK;
}

static enum err succeed(struct db *db, struct finishing *f, unsigned count)
{
  struct digest hash;
  int64_t doc = 0;
  struct db_arg loss, accuracy;
  bool state = f->state_bytes != 0;
  AUTO(json_drop) json_t *totals = totals_json(f);
  AUTO(json_drop) json_t *named = NULL;
  AUTO(free_drop) char *text = json_dumps(totals, JSON_COMPACT);
  means(f, &loss, &accuracy);
  TRY(tell_named(db, &f->row.ctx, &named));
  TRY(db_run(db, Q_PAYEES_HOLD, DB_NONE));
  TRY(say_result(db, f, count, named, &doc, &hash));
  TRY(settle(db, f, named));
  TRY(db_run(db, Q_BLOB_FINISH,
             DB_ARGS(DB_INT(f->row.sum), DB_INT(f->row.length), DB_FIXED(&f->sum_hash))));
  TRY(db_run(db, Q_ROUND_TO_DONE,
             DB_ARGS(DB_FIXED(&f->row.ctx), DB_FIXED(&hash), DB_INT(f->weights.info.id),
                     DB_FIXED(&f->weights.info.sha256),
                     state ? DB_INT(f->state.info.id) : DB_NULL,
                     state ? DB_FIXED(&f->state.info.sha256) : DB_NULL, DB_TEXT(text),
                     loss, accuracy, DB_INT(doc),
                     DB_REAL((double)f->ref.round->open->audit_window))));
  TRY(db_run(db, Q_ROUND_RESULT_COUNTED, DB_ARGS(DB_TEXT(f->row.model))));
  TRY(db_run(db, Q_MASKS_DELETE, DB_ARGS(DB_FIXED(&f->row.ctx))));
  TRY(job_add(db, "evaluate", NULL, &f->row.ctx, 0));
  TRY(job_add(db, "clean", NULL, &f->row.ctx, 0));
  return tell_changed(db, &f->row);
}

/* The sum breaks its rules: nobody gets to see it, the model stays. */
static enum err reject(struct db *db, struct finishing *f, enum err e)
{
  blob_writer_done(&f->state);
  TRY(db_run(db, Q_BLOB_ERASE, DB_ARGS(DB_INT(f->row.sum))));
  if (f->weights.info.id)
    TRY(db_run(db, Q_BLOB_ERASE, DB_ARGS(DB_INT(f->weights.info.id))));
  return tell_failed(f->server, db, &f->row, err_info(e)->slug);
}

static enum err load(struct db *db, struct finishing *f)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(round_get(f->server, db, &f->row, &f->ref));
  const struct open_event *open = f->ref.round->open;
  TRY(db_query(db, Q_MODEL_VERSION, &rows,
               DB_ARGS(DB_TEXT(f->row.model), DB_INT(f->row.version))));
  if (!rows.len)
    return E_INTERNAL;
  TRY(spec_parse(&f->spec, db_bytes(&rows, 0, 0), NULL));
  f->state_bytes = optimiser_state_bytes(f->spec->optimiser.kind);
  f->packed = must_calloc(CHUNK_BYTES, 1);
  f->sums = must_calloc(ring_chunk_len(open->ring_bits), sizeof *f->sums);
  f->tail = must_calloc(open->tail_len, sizeof *f->tail);
  return OK;
}

static enum err final_run(struct db *db, void *arg)
{
  struct finishing *f = arg;
  finishing_clear(f);
  TRY(round_row_get(db, Q_ROUND_LOCK, &f->job->ctx, &f->row));
  TRY(job_done(db, f->job));
  if (f->row.phase != PHASE_FINAL)
    return OK;
  TRY(load(db, f));
  const struct round *r = f->ref.round;
  unsigned count = set_count(r->survivors, r->n);
  EVP_MD_CTX *hash = EVP_MD_CTX_new();
  enum err e = measure(db, f, hash);
  EVP_MD_CTX_free(hash);
  TRY(e);
  e = sum_check_finish(&f->check, r->open, f->tail, count, NULL);
  if (e == OK)
    e = step(db, f);
  if (e == E_SUM || e == E_NUMBER)
    return reject(db, f, e);
  return e == OK ? succeed(db, f, count) : e;
}

enum err job_final(struct server *s, struct db *db, const struct job *job)
{
  struct finishing f = {.server = s, .job = job};
  enum err e = db_transaction(db, final_run, &f);
  finishing_clear(&f);
  return e;
}
