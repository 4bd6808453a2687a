/* SPDX-License-Identifier: Apache-2.0
 * Verdicts and findings, in words and as JSON. */
#include "clients/lib/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const verdict_names[VERDICTS] = {"absent", "holds", "found", "not-checked"};

static const struct {
  const char *name, *words;
} table[CHECKS] = {
#define X(check, name, words) {name, words},
    AUDIT_CHECKS(X)
#undef X
};

const char *check_name(enum check c)
{
  return table[c].name;
}

const char *check_words(enum check c)
{
  return table[c].words;
}

void report_init(struct report *r)
{
  *r = (struct report){0};
  pthread_mutex_init(&r->lock, NULL);
}

void report_done(struct report *r)
{
  free(r->findings);
  r->findings = NULL;
  pthread_mutex_destroy(&r->lock);
}

void report_checked(struct report *r, enum check c, uint64_t n)
{
  pthread_mutex_lock(&r->lock);
  r->checks[c].checked += n;
  pthread_mutex_unlock(&r->lock);
}

/* Room for one more finding, or NULL when there are too many. */
static struct finding *more(struct report *r)
{
  if (r->len == FINDINGS_MAX)
    return NULL;
  if (r->len == r->cap) {
    r->cap = MAX(2 * r->cap, (size_t)16);
    r->findings = must_realloc(r->findings, r->cap, sizeof *r->findings);
  }
  return &r->findings[r->len++];
}

void report_found(struct report *r, enum check c, const char *subject, const char *fmt,
                  ...)
{
  va_list ap;
  pthread_mutex_lock(&r->lock);
  r->checks[c].found++;
  struct finding *f = more(r);
  if (f) {
    f->check = c;
    snprintf(f->subject, sizeof f->subject, "%s", subject);
    va_start(ap, fmt);
    vsnprintf(f->detail, sizeof f->detail, fmt, ap);
    va_end(ap);
  }
  pthread_mutex_unlock(&r->lock);
}

void report_why(struct report *r, enum check c, const char *subject, enum err e,
                const struct why *why)
{
  const char *field = why->field, *detail = why->detail;
  if (!*detail)
    detail = err_info(e)->title;
  report_found(r, c, subject, "%s%s%s", field, *field ? ": " : "", detail);
}

void report_skip(struct report *r, enum check c, const char *fmt, ...)
{
  va_list ap;
  pthread_mutex_lock(&r->lock);
  if (!*r->checks[c].reason) {
    va_start(ap, fmt);
    vsnprintf(r->checks[c].reason, sizeof r->checks[c].reason, fmt, ap);
    va_end(ap);
  }
  pthread_mutex_unlock(&r->lock);
}

enum verdict report_verdict(const struct report *r, enum check c)
{
  if (r->checks[c].found)
    return VERDICT_BROKEN;
  if (*r->checks[c].reason)
    return VERDICT_NOT_CHECKED;
  return r->checks[c].checked ? VERDICT_HOLDS : VERDICT_ABSENT;
}

bool report_broken(const struct report *r)
{
  for (enum check c = 0; c < CHECKS; c++)
    if (r->checks[c].found)
      return true;
  return false;
}

/* ---- JSON ---- */

static json_t *checks_json(const struct report *r)
{
  json_t *list = json_array();
  for (enum check c = 0; c < CHECKS; c++) {
    enum verdict v = report_verdict(r, c);
    if (v == VERDICT_ABSENT)
      continue;
    json_t *one =
        json_pack("{s:s,s:s,s:I}", "check", check_name(c), "outcome", verdict_names[v],
                  "checked", (json_int_t)r->checks[c].checked);
    if (*r->checks[c].reason)
      json_object_set_new(one, "reason", json_string(r->checks[c].reason));
    json_array_append_new(list, one);
  }
  return list;
}

json_t *report_json(const struct report *r)
{
  json_t *findings = json_array();
  for (size_t i = 0; i < r->len; i++) {
    const struct finding *f = &r->findings[i];
    json_array_append_new(findings,
                          json_pack("{s:s,s:s,s:s}", "check", check_name(f->check),
                                    "subject", f->subject, "detail", f->detail));
  }
  json_t *out =
      json_pack("{s:s,s:s,s:{s:I,s:s},s:s,s:o,s:o}", "outcome",
                report_broken(r) ? "found" : "holds", "mode", r->light ? "light" : "full",
                "log", "size", (json_int_t)r->log_size, "root", r->log_root, "instance",
                r->instance, "checks", checks_json(r), "findings", findings);
  if (*r->ctx) {
    json_object_set_new(out, "ctx", json_string(r->ctx));
    json_object_set_new(out, "model", json_string(r->model));
    json_object_set_new(out, "round", json_integer((json_int_t)r->round));
    json_object_set_new(out, "attempt", json_integer((json_int_t)r->attempt));
    json_object_set_new(out, "failed", json_boolean(r->failed));
  }
  return out;
}

/* ---- words ---- */

static enum err head_text(struct buf *out, const struct report *r, bool brief)
{
  unsigned skipped = 0;
  uint64_t found = 0;
  for (enum check c = 0; c < CHECKS; c++) {
    found += r->checks[c].found;
    skipped += report_verdict(r, c) == VERDICT_NOT_CHECKED;
  }
  if (*r->ctx)
    TRY(buf_printf(
        out, "Round %llu of %s, attempt %llu%s: ", (unsigned long long)r->round, r->model,
        (unsigned long long)r->attempt, r->failed ? ", which failed" : ""));
  else
    TRY(buf_puts(out, "The whole log: "));
  if (found)
    TRY(buf_printf(out, "%llu thing%s found that do%s not hold.\n",
                   (unsigned long long)found, found == 1 ? " was" : "s were",
                   found == 1 ? "es" : ""));
  else
    TRY(buf_printf(out, "everything that was checked holds.\n"));
  if (skipped)
    TRY(buf_printf(out, "%u check%s not made, for the reason that is given.\n", skipped,
                   skipped == 1 ? " was" : "s were"));
  if (r->light)
    TRY(buf_puts(out, "Chunk positions and dealers were drawn at random; the others were "
                      "not looked at.\n"));
  if (brief)
    return OK;
  return buf_printf(out, "Instance %s\n%s%s%sLog of %llu leaves, root %s\n\n",
                    r->instance, *r->ctx ? "Context " : "", r->ctx, *r->ctx ? "\n" : "",
                    (unsigned long long)r->log_size, r->log_root);
}

static enum err check_text(struct buf *out, const struct report *r, enum check c,
                           bool brief)
{
  static const char *const marks[VERDICTS] = {"", "holds", "FOUND", "not checked"};
  enum verdict v = report_verdict(r, c);
  if (v == VERDICT_ABSENT || (brief && v == VERDICT_HOLDS))
    return OK;
  TRY(buf_printf(out, "%-11s  %-14s %8llu  %s.\n", marks[v], check_name(c),
                 (unsigned long long)r->checks[c].checked, check_words(c)));
  if (*r->checks[c].reason)
    TRY(buf_printf(out, "%38s%s\n", "", r->checks[c].reason));
  return OK;
}

enum err report_text(struct buf *out, const struct report *r, bool brief)
{
  TRY(head_text(out, r, brief));
  for (enum check c = 0; c < CHECKS; c++)
    TRY(check_text(out, r, c, brief));
  if (r->len)
    TRY(buf_puts(out, "\nWhat was found\n"));
  for (size_t i = 0; i < r->len; i++)
    TRY(buf_printf(out, "  %s, %s: %s\n", check_name(r->findings[i].check),
                   r->findings[i].subject, r->findings[i].detail));
  return OK;
}
