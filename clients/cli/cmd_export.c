/* SPDX-License-Identifier: Apache-2.0
 * chorus export: all that proves a model's rounds in one file. It is what their audit
 * reads, recorded while it runs, with a few pages for people. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/auditor.h"
#include "model/card.h"
#include "util/field.h"
#include "util/text.h"

/* ---- what is audited ---- */

/* A signed event of an attempt, as it is served and recorded. */
static enum err fetch_event(struct auditor *a, const char *ctx, const char *type,
                            json_t **out, struct why *why)
{
  char path[128];
  AUTO(buf_done) struct buf text = {0};
  AUTO(json_drop) json_t *event = NULL;
  snprintf(path, sizeof path, "rounds/%s/events/%s", ctx, type);
  TRY(source_get(a->source, path, EVENT_BYTES_MAX, &text, why));
  TRY(event_parse(&event, buf_bytes(&text), why));
  TRY(event_verify(event, type, &a->cli->pin.instance.coordinator, why));
  *out = STEAL(event);
  return OK;
}

static enum err fetch_attempt(struct auditor *a, const struct digest *ctx, json_t *list,
                              struct why *why)
{
  char hex[65];
  AUTO(json_drop) json_t *open = NULL, *end = NULL;
  hex_encode(hex, ctx->b, sizeof ctx->b);
  TRY(fetch_event(a, hex, "open", &open, why));
  enum err e = fetch_event(a, hex, "result", &end, why);
  if (e == E_NOT_FOUND)
    e = fetch_event(a, hex, "failed", &end, why);
  TRY(e);
  json_array_append_new(list, json_pack("{s:O,s:O}", "open", open, "end", end));
  return OK;
}

/* Every transcript is read before the checkpoint, so that this one checkpoint holds
 * everything. */
static enum err audit_all(struct auditor *a, const struct history *h, json_t *attempts,
                          struct why *why)
{
  uint64_t size = 0;
  for (size_t i = 0; i < h->len; i++) {
    TRY(audit_settle(a->source, &h->rounds[i].ctx, &size, why));
    TRY(fetch_attempt(a, &h->rounds[i].ctx, attempts, why));
  }
  TRY(auditor_open_log(a, why));
  TRY(audit_log_reach(a->log, size, why));
  for (size_t i = 0; i < h->len; i++)
    TRY(auditor_round(a, &h->rounds[i].ctx, 0, true, why));
  return OK;
}

/* ---- pages ---- */

static enum err put_page(struct auditor *a, const char *name, const struct buf *text,
                         struct why *why)
{
  return dossier_replace(a->dossier, name, buf_bytes(text), why);
}

static enum err put_json(struct auditor *a, const char *name, const json_t *value,
                         struct why *why)
{
  char *text = json_dumps(value, JSON_INDENT(2) | JSON_SORT_KEYS);
  if (!text)
    return E_INTERNAL;
  enum err e = dossier_replace(a->dossier, name, BYTES(text, strlen(text)), why);
  free(text);
  return e;
}

static enum err load_spec(struct auditor *a, const json_t *open, struct spec **out,
                          struct why *why)
{
  char path[160];
  AUTO(buf_done) struct buf text = {0};
  snprintf(path, sizeof path, "models/%s/spec?version=%lld", a->cli->o.words[0],
           (long long)json_integer_value(json_object_get(open, "version")));
  TRY(source_get(a->source, path, SPEC_BYTES_MAX, &text, why));
  return spec_parse(out, buf_bytes(&text), why);
}

static enum err put_readme(struct auditor *a, size_t rounds, struct why *why)
{
  struct cli *c = a->cli;
  AUTO(buf_done) struct buf text = {0};
  TRY(buf_printf(
      &text,
      "The rounds of the model %s, with all that proves them.\n\n"
      "Instance  %s\nServer    %s\nAttempts  %zu\nVectors   %s\n\n"
      "To check it, without a network:\n\n"
      "  chorus verify --archive THIS-FILE --instance %s\n\n"
      "Compare the instance with the one in your invite, or ask others for it.\n\n"
      "model-card.md   what the model is, and how well it does\n"
      "policy.json     the rules that its rounds followed\n"
      "report.txt      what the audit said when this was made; report.json for programs\n"
      "archive.json    what this file holds\n"
      "api/v1/         what the server said, under the paths of docs/api.md\n",
      c->o.words[0], c->pin.hex, c->o.server ? c->o.server : c->pin.address, rounds,
      c->o.with_vectors ? "the masked vectors are here"
                        : "without the masked vectors: the sums can't be made again",
      c->pin.hex));
  return put_page(a, "README.txt", &text, why);
}

static enum err put_card(struct auditor *a, const json_t *attempts, struct why *why)
{
  const json_t *newest = json_array_get(attempts, json_array_size(attempts) - 1);
  const json_t *open = json_object_get(newest, "open");
  AUTO(spec_drop) struct spec *spec = NULL;
  AUTO(buf_done) struct buf text = {0};
  TRY(load_spec(a, open, &spec, why));
  const struct pin *pin = &a->cli->pin;
  struct card card = {
      .model = a->cli->o.words[0],
      .spec = spec,
      .version = (uint64_t)json_integer_value(json_object_get(open, "version")),
      .attempts = attempts,
      .chain = chain_view_needed(pin) ? json_object_get(pin->event, "chain") : NULL};
  card_count(&card);
  AUTO(json_drop) json_t *about = card_make(&card);
  TRY(card_markdown(&text, about));
  TRY(put_page(a, "model-card.md", &text, why));
  AUTO(json_drop) json_t *policy = card_rules(&card);
  return put_json(a, "policy.json", policy, why);
}

static enum err put_pages(struct auditor *a, const json_t *attempts, struct why *why)
{
  struct cli *c = a->cli;
  AUTO(json_drop)
  json_t *about = json_pack(
      "{s:s,s:s,s:s,s:b}", "format", ARCHIVE_FORMAT, "model", c->o.words[0], "server",
      c->o.server ? c->o.server : c->pin.address, "vectors", (int)c->o.with_vectors);
  TRY(put_json(a, ARCHIVE_ABOUT, about, why));
  TRY(put_json(a, "report.json", a->reports, why));
  TRY(put_page(a, "report.txt", &a->text, why));
  TRY(put_card(a, attempts, why));
  return put_readme(a, json_array_size(attempts), why);
}

static enum err write_out(struct auditor *a, struct why *why)
{
  const char *out = a->cli->o.out;
  AUTO(buf_done) struct buf part = {0};
  TRY(buf_printf(&part, "%s.part", out));
  TRY(dossier_write(a->dossier, buf_text(&part), why));
  if (rename(buf_text(&part), out) != 0)
    return why_set(why, E_IO, out, "%s", strerror(errno));
  return OK;
}

enum err cmd_export(struct cli *c, struct why *why)
{
  AUTO(auditor_done) struct auditor a = {0};
  AUTO(history_done) struct history h = {0};
  AUTO(json_drop) json_t *attempts = json_array(), *instance = NULL;
  const char *model = c->o.words[0];
  if (!slug_valid(model))
    return why_set(why, E_USAGE, "MODEL", "is not the name of a model");
  if (!c->o.out)
    return why_set(why, E_USAGE, "--out", "is needed");
  TRY(auditor_connect(&a, c, model, true, why));
  TRY(source_json(a.source, "instance", &instance, why));
  TRY(auditor_rounds(&a, model, 0, false, &h, why));
  TRY(audit_all(&a, &h, attempts, why));
  TRY(put_pages(&a, attempts, why));
  TRY(write_out(&a, why));
  say_json(c, json_pack("{s:s,s:s,s:s,s:I,s:b}", "event", "exported", "model", model,
                        "file", c->o.out, "rounds", (json_int_t)h.len, "vectors",
                        (int)c->o.with_vectors));
  say(c, "%zu attempts of %s are in %s.", h.len, model, c->o.out);
  return auditor_conclude(&a, why);
}
