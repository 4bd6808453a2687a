/* SPDX-License-Identifier: Apache-2.0
 * Auditing from the command line. */
#include "clients/cli/auditor.h"

#include <string.h>

#include "util/field.h"
#include "util/text.h"

#define PAGES_MAX 10000u

void auditor_done(struct auditor *a)
{
  audit_log_free(a->log);
  audit_books_free(a->options.books);
  source_drop(&a->source);
  dossier_free(a->dossier);
  if (a->watched)
    watch_done(&a->watch);
  json_decref(a->reports);
  buf_done(&a->text);
}

static void progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
  say_progress(arg, what, done, total);
}

static void begin(struct auditor *a, struct cli *c)
{
  *a = (struct auditor){.cli = c, .reports = json_array()};
  a->options = (struct audit_options){.threads = (unsigned)c->o.threads,
                                      .light = c->o.light,
                                      .progress = progress,
                                      .arg = c};
}

/* ---- where it reads from ---- */

enum err auditor_connect(struct auditor *a, struct cli *c, const char *model, bool record,
                         struct why *why)
{
  bool known;
  begin(a, c);
  TRY(cli_stranger(c, model, &known, why));
  struct http_options options = {
      .address = c->o.server ? c->o.server : c->pin.address,
      .patience = c->o.patience == UINT64_MAX ? 15 : (double)c->o.patience};
  TRY(source_http(&a->source, &options, c->has_self ? &c->self : NULL, &c->api.reader,
                  why));
  if (record) {
    TRY(dossier_new(&a->dossier, why));
    a->source = source_record(a->source, a->dossier, c->o.with_vectors);
  }
  if (known) {
    TRY(watch_open(&a->watch, c->home, &c->api, &c->pin, NULL, why));
    a->watched = true;
  }
  return OK;
}

static enum err read_about(struct auditor *a, char model_out[SLUG_MAX + 1], bool *vectors,
                           struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  AUTO(json_drop) json_t *about = NULL;
  const char *format, *model, *server;
  const struct field fields[] = {FIELD_STRING("format", &format, 1, 64),
                                 FIELD_STRING("model", &model, 1, SLUG_MAX),
                                 FIELD_STRING("server", &server, 0, ADDRESS_MAX),
                                 FIELD_BOOL("vectors", vectors), FIELD_END};
  const struct http_range all = {0, 0};
  if (dossier_get(a->dossier, ARCHIVE_ABOUT, all, 65536, &text, NULL) != OK ||
      json_parse(&about, buf_bytes(&text), 65536, NULL) != OK ||
      field_read(about, fields, NULL) != OK || strcmp(format, ARCHIVE_FORMAT) != 0 ||
      !slug_valid(model))
    return why_set(why, E_FIELD_VALUE, a->cli->o.archive,
                   "is no archive of chorus export, or one of a newer version");
  snprintf(model_out, SLUG_MAX + 1, "%s", model);
  return OK;
}

enum err auditor_unpack(struct auditor *a, struct cli *c, const char *file,
                        char model[SLUG_MAX + 1], struct why *why)
{
  AUTO(json_drop) json_t *reply = NULL;
  struct digest hash;
  bool vectors = false;
  begin(a, c);
  if (c->o.instance && hex_decode(hash.b, sizeof hash.b, c->o.instance) != OK)
    return why_set(why, E_USAGE, "--instance", "must be 64 hex digits");
  TRY(dossier_open(&a->dossier, file, why));
  TRY(read_about(a, model, &vectors, why));
  a->source = source_dossier(a->dossier, vectors);
  TRY(source_json(a->source, "instance", &reply, why));
  return pin_of(&c->pin, json_object_get(reply, "instance"), "",
                c->o.instance ? &hash : NULL, why);
}

/* The user's own view of the chain, where one is named or remembered; only one that was
 * asked for must be there. */
static enum err open_view(struct auditor *a, struct why *why)
{
  struct cli *c = a->cli;
  struct why inner = {0};
  if (!chain_view_needed(&c->pin) && !c->o.rpc)
    return OK;
  enum err e = cli_chain(c, a->watched ? c->home : NULL, &inner);
  if (e == OK)
    a->options.view = &c->view;
  else if (c->o.rpc)
    *why = inner;
  else if (e != E_NO_CHAIN)
    say(c, "The chain is not looked at: %s.", inner.detail);
  return c->o.rpc ? e : OK;
}

enum err auditor_open_log(struct auditor *a, struct why *why)
{
  TRY(open_view(a, why));
  const struct checkpoint *known = a->watched ? &a->watch.head : NULL;
  struct why inner = {0};
  if (a->watched) {
    enum err e = watch_refresh(&a->watch, 0, &inner);
    if (e != OK && !err_is_cheat(e)) {
      *why = inner;
      return e;
    }
    if (e != OK) /* it is found again below, and is in the report */
      say(a->cli, "%s", inner.detail);
  }
  return audit_log_open(&a->log, a->source, &a->cli->pin, known, why);
}

/* ---- rounds ---- */

static enum err take_state(struct history *h, const json_t *json, struct why *why)
{
  struct state s;
  TRY(state_parse(&s, (json_t *)json, why));
  if (s.phase != PHASE_DONE && s.phase != PHASE_FAILED)
    return OK;
  h->rounds = must_realloc(h->rounds, h->len + 1, sizeof *h->rounds);
  struct past_round *r = &h->rounds[h->len++];
  *r = (struct past_round){
      .ctx = s.ctx, .round = s.round, .attempt = s.attempt, .ended = true};
  snprintf(r->model, sizeof r->model, "%s", s.model);
  return OK;
}

/* All that have ended, newest first. */
static enum err list_rounds(struct auditor *a, const char *model, struct history *out,
                            struct why *why)
{
  char path[256];
  snprintf(path, sizeof path, "models/%s/rounds", model);
  for (unsigned p = 0; p < PAGES_MAX; p++) {
    AUTO(json_drop) json_t *page = NULL;
    size_t i;
    json_t *entry;
    TRY(source_json(a->source, path, &page, why));
    json_array_foreach (json_object_get(page, "rounds"), i, entry)
      TRY(take_state(out, entry, why));
    const char *next = json_string_value(json_object_get(page, "next"));
    if (!next)
      return OK;
    if (!api_cursor_good(next))
      break;
    snprintf(path, sizeof path, "models/%s/rounds?cursor=%s", model, next);
  }
  return why_set(why, E_REPLY, "rounds", "the list does not end");
}

/* Keeps those that are meant, and turns the list round. */
static void choose(struct history *h, uint64_t number, bool newest)
{
  size_t kept = 0;
  if (newest && h->len)
    number = h->rounds[0].round;
  for (size_t i = 0; i < h->len; i++)
    if (!number || h->rounds[i].round == number)
      h->rounds[kept++] = h->rounds[i];
  h->len = kept;
  for (size_t i = 0; i < kept / 2; i++) {
    struct past_round swap = h->rounds[i];
    h->rounds[i] = h->rounds[kept - 1 - i];
    h->rounds[kept - 1 - i] = swap;
  }
}

enum err auditor_rounds(struct auditor *a, const char *model, uint64_t number,
                        bool newest, struct history *out, struct why *why)
{
  TRY(list_rounds(a, model, out, why));
  choose(out, number, newest);
  return out->len ? OK
                  : why_set(why, E_NOT_FOUND, model, "has no such round that has ended");
}

/* ---- what was found ---- */

static void say_lines(struct cli *c, const struct buf *text)
{
  const char *line = buf_text(text);
  while (*line) {
    int len = (int)strcspn(line, "\n");
    say(c, "%.*s", len, line);
    line += len + (line[len] == '\n');
  }
}

enum err auditor_say(struct auditor *a, const struct report *r, bool brief,
                     struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  json_t *json = report_json(r);
  for (enum check c = 0; c < CHECKS; c++)
    a->found += r->checks[c].found;
  a->rounds += *r->ctx != 0;
  TRY(report_text(&text, r, brief));
  TRY(buf_put(&a->text, text.data, text.len));
  TRY(buf_puts(&a->text, "\n"));
  json_array_append(a->reports, json);
  json_object_set_new(json, "event", json_string("audit"));
  say_lines(a->cli, &text);
  say_json(a->cli, json);
  return OK;
}

enum err auditor_round(struct auditor *a, const struct digest *ctx, uint64_t events,
                       bool brief, struct why *why)
{
  AUTO(report_done) struct report r;
  report_init(&r);
  a->options.events = events;
  TRY(audit_round(&r, a->source, a->log, &a->cli->pin, ctx, &a->options, why));
  return auditor_say(a, &r, brief, why);
}

void auditor_hidden(struct auditor *a, const struct past_round *r)
{
  char hex[65];
  a->hidden++;
  say(a->cli, "Round %llu of %s, attempt %llu: not shown to you, so not checked.",
      (unsigned long long)r->round, r->model, (unsigned long long)r->attempt);
  say_json(a->cli, json_pack("{s:s,s:s,s:s,s:I,s:I}", "event", "hidden", "ctx",
                             hex_encode(hex, r->ctx.b, 32), "model", r->model, "round",
                             (json_int_t)r->round, "attempt", (json_int_t)r->attempt));
}

enum err auditor_conclude(struct auditor *a, struct why *why)
{
  say_json(a->cli, json_pack("{s:s,s:s,s:I,s:I,s:I}", "event", "verified", "outcome",
                             a->found    ? "found"
                             : a->hidden ? "incomplete"
                                         : "holds",
                             "rounds", (json_int_t)a->rounds, "hidden",
                             (json_int_t)a->hidden, "findings", (json_int_t)a->found));
  if (a->found)
    return why_set(why, E_AUDIT, "", "%llu thing%s not hold",
                   (unsigned long long)a->found, a->found == 1 ? " does" : "s do");
  if (a->hidden)
    return why_set(
        why, E_NOT_FOUND, "",
        "%llu of the rounds in the log %s not shown to you. Its members can check a "
        "model that is for them only; all else holds",
        (unsigned long long)a->hidden, a->hidden == 1 ? "is" : "are");
  return OK;
}
