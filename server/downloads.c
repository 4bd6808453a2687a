/* SPDX-License-Identifier: Apache-2.0
 * Handlers: a model to take away: its weights in several formats, and its card. */
#include <stdio.h>
#include <string.h>

#include "db/blob.h"
#include "model/card.h"
#include "model/weights.h"
#include "server/common.h"
#include "server/handlers.h"
#include "server/policy.h"
#include "util/text.h"

/* ---- weights ---- */

enum format { FORMAT_RAW, FORMAT_NPY, FORMAT_SAFETENSORS, FORMAT_JSON };
static const char *const format_names[] = {"raw", "npy", "safetensors", "json"};

struct weights {
  struct request *rq;
  struct weights_about about;
  int64_t blob;
  struct spec *spec;
};

static void weights_done(struct weights *w)
{
  spec_free(w->spec);
}

static enum err read_format(struct request *rq, enum format *out)
{
  const char *given = request_query(rq, "format");
  *out = FORMAT_RAW;
  if (!given)
    return OK;
  for (size_t i = 0; i < LENGTH(format_names); i++)
    if (strcmp(given, format_names[i]) == 0) {
      *out = (enum format)i;
      return OK;
    }
  return why_set(rq->why, E_FIELD_VALUE, "format",
                 "must be raw, npy, safetensors or json");
}

static enum err find_weights(struct weights *w, const char *given)
{
  struct request *rq = w->rq;
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(
      rq->db, Q_MODEL_WEIGHTS, &rows,
      DB_ARGS(DB_TEXT(w->about.model), given ? DB_INT(w->about.round) : DB_NULL)));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, given ? "round" : "",
                   "there is no such model or round");
  w->blob = db_int(&rows, 0, 0);
  w->about.round = (uint64_t)db_int(&rows, 0, 2);
  if (!db_fixed(&rows, 0, 1, w->about.sha256.b, sizeof w->about.sha256.b))
    return E_INTERNAL;
  return spec_parse(&w->spec, db_bytes(&rows, 0, 3), NULL);
}

/* The numbers spelled out: the whole model is in memory, so it has to be small. */
static enum err put_json(struct weights *w, struct reply *rp)
{
  if (w->spec->d > WEIGHTS_JSON_MAX)
    return why_set(w->rq->why, E_FIELD_VALUE, "format",
                   "json is made of up to %u parameters: take npy or safetensors",
                   WEIGHTS_JSON_MAX);
  AUTO(free_drop) float *numbers = must_calloc(w->spec->d, sizeof *numbers);
  TRY(blob_read(w->rq->db, w->blob, 0, numbers, w->spec->d * sizeof *numbers));
  rp->content_type = "application/json";
  return weights_json(&rp->bytes, w->spec, &w->about, numbers);
}

static enum err put_weights(struct weights *w, enum format format, struct reply *rp)
{
  if (format == FORMAT_JSON)
    return put_json(w, rp);
  rp->blob = w->blob;
  switch (format) {
  case FORMAT_NPY:
    return weights_npy_head(&rp->bytes, w->spec);
  case FORMAT_SAFETENSORS:
    return weights_safetensors_head(&rp->bytes, w->spec, &w->about);
  case FORMAT_RAW:
  case FORMAT_JSON:
    break;
  }
  return OK;
}

/* Every format has a tag of its own; the raw one's is the hash that rounds name. */
static void name_weights(const struct weights *w, enum format format, struct reply *rp)
{
  char hex[2 * sizeof(struct digest) + 1];
  hex_encode(hex, w->about.sha256.b, sizeof w->about.sha256.b);
  snprintf(rp->etag, sizeof rp->etag, "%s", hex);
  if (format == FORMAT_RAW)
    return;
  snprintf(rp->etag, sizeof rp->etag, "%.32s-%llu-%s", hex,
           (unsigned long long)w->about.round, format_names[format]);
  snprintf(rp->filename, sizeof rp->filename, "%s-%llu.%s", w->about.model,
           (unsigned long long)w->about.round, format_names[format]);
}

enum err weights_show(struct request *rq, struct reply *rp)
{
  AUTO(weights_done) struct weights w = {.rq = rq};
  const char *given = request_query(rq, "round");
  enum format format;
  TRY(request_model(rq, &w.about.model));
  TRY(request_number(rq, "round", &w.about.round));
  TRY(read_format(rq, &format));
  TRY(find_weights(&w, given));
  rp->immutable = given && w.about.round > 0;
  name_weights(&w, format, rp);
  return put_weights(&w, format, rp);
}

/* ---- the card ---- */

/* A media type in Accept is enough to be asked for JSON, unless Markdown is there too. */
static bool wants_json(const struct request *rq)
{
  const char *accept = request_header(rq, "Accept");
  return accept && strstr(accept, "application/json") && !strstr(accept, "text/markdown");
}

/* {"open","end"} of the newest results, oldest first; the hold-out's figures of the
 * newest that has some. */
static enum err load_attempts(struct db *db, const char *model, json_t *attempts,
                              json_t **holdout)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_CARD_RESULTS, &rows, DB_ARGS(DB_TEXT(model), DB_INT(CARD_ROUNDS))));
  for (unsigned i = 0; i < rows.len; i++) {
    json_t *open = NULL, *end = NULL;
    TRY(event_load(&open, db_bytes(&rows, i, 1)));
    json_t *attempt = json_pack("{s:o}", "open", open);
    json_array_append_new(attempts, attempt);
    TRY(event_load(&end, db_bytes(&rows, i, 2)));
    json_object_set_new(attempt, "end", end);
    if (db_null(&rows, i, 5))
      continue;
    json_decref(*holdout);
    *holdout =
        json_pack("{s:I,s:I,s:o,s:o}", "round", (json_int_t)db_int(&rows, i, 0), "rows",
                  (json_int_t)db_int(&rows, i, 5), "loss", json_real_or_null(&rows, i, 3),
                  "accuracy", json_real_or_null(&rows, i, 4));
  }
  return OK;
}

static enum err make_card(struct request *rq, struct card *card, json_t **out)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(db_rows_done) struct db_rows instance = {0};
  AUTO(spec_drop) struct spec *spec = NULL;
  AUTO(json_drop) json_t *attempts = json_array();
  AUTO(json_drop) json_t *holdout = NULL;
  AUTO(json_drop) json_t *event = NULL;
  AUTO(json_drop) json_t *shown = json_object();
  TRY(db_query(rq->db, Q_CARD_MODEL, &rows, DB_ARGS(DB_TEXT(card->model))));
  if (rows.len == 0)
    return why_set(rq->why, E_NOT_FOUND, "", "there is no such model");
  TRY(spec_parse(&spec, db_bytes(&rows, 0, 1), NULL));
  TRY(load_attempts(rq->db, card->model, attempts, &holdout));
  TRY(db_query(rq->db, Q_INSTANCE_FIND, &instance, DB_NONE));
  TRY(event_load(&event, db_bytes(&instance, 0, 0)));
  if (rq->server->chain.on)
    TRY(policy_show(rq->db, card->model, shown));
  card->registry = json_object_get(shown, "policy");
  card->spec = spec;
  card->version = (uint64_t)db_int(&rows, 0, 0);
  card->results = (uint64_t)db_int(&rows, 0, 2);
  card->failed = (uint64_t)db_int(&rows, 0, 3);
  card->least = (uint64_t)db_int(&rows, 0, 4);
  card->most = (uint64_t)db_int(&rows, 0, 5);
  card->attempts = attempts;
  card->holdout = holdout;
  card->chain = rq->server->chain.on ? json_object_get(event, "chain") : NULL;
  *out = card_make(card);
  return OK;
}

enum err card_show(struct request *rq, struct reply *rp)
{
  AUTO(json_drop) json_t *json = NULL;
  struct card card = {0};
  TRY(request_model(rq, &card.model));
  TRY(make_card(rq, &card, &json));
  if (wants_json(rq)) {
    rp->json = STEAL(json);
    return OK;
  }
  rp->content_type = "text/markdown; charset=utf-8";
  snprintf(rp->filename, sizeof rp->filename, "%s-card.md", card.model);
  return card_markdown(&rp->bytes, json);
}
