/* SPDX-License-Identifier: Apache-2.0
 * What verify and export share: a source with its log, the rounds that are meant, and
 * what was found in them. */
#ifndef CLIENTS_AUDITOR_H
#define CLIENTS_AUDITOR_H

#include "clients/cli/cli.h"
#include "clients/lib/audit.h"
#include "clients/lib/dossier.h"
#include "clients/lib/watch.h"

/* What an archive says of itself. */
#define ARCHIVE_ABOUT "archive.json"
#define ARCHIVE_FORMAT "chorus-archive/1"

struct auditor {
  struct cli *cli;
  struct source *source;
  struct dossier *dossier; /* read from, or (export) written to; may be NULL */
  struct audit_log *log;
  struct watch watch; /* of the home; only if watched */
  bool watched;
  struct audit_options options;
  uint64_t rounds, found; /* so many were audited, so much was found */
  uint64_t hidden;        /* so many are in the log, but were not shown */
  json_t *reports;        /* of them, as report_json */
  struct buf text;        /* the same in words */
};

void auditor_done(struct auditor *a);

/* Over HTTP, as a stranger or with what the home knows. record: into a new dossier. */
enum err auditor_connect(struct auditor *a, struct cli *c, const char *model, bool record,
                         struct why *why) MUST_USE;
/* Over an archive. model: whose it is. */
enum err auditor_unpack(struct auditor *a, struct cli *c, const char *file,
                        char model[SLUG_MAX + 1], struct why *why) MUST_USE;
/* Then: the log. */
enum err auditor_open_log(struct auditor *a, struct why *why) MUST_USE;

/* The attempts of a model that have ended, oldest first. number: only those of this
 * round; 0: all. newest: only those of the last round that has any. */
enum err auditor_rounds(struct auditor *a, const char *model, uint64_t number,
                        bool newest, struct history *out, struct why *why) MUST_USE;
/* Audits one and says what was found. brief: in one line when all of it holds. */
enum err auditor_round(struct auditor *a, const struct digest *ctx, uint64_t events,
                       bool brief, struct why *why) MUST_USE;
/* A report that was made: keeps it and says it. */
enum err auditor_say(struct auditor *a, const struct report *r, bool brief,
                     struct why *why) MUST_USE;
/* A round that the log tells of, and the server does not show: says so. */
void auditor_hidden(struct auditor *a, const struct past_round *r);
/* The last word: E_AUDIT when something was found, else E_NOT_FOUND when something was
 * not shown. */
enum err auditor_conclude(struct auditor *a, struct why *why) MUST_USE;

#endif
