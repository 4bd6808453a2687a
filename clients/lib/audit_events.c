/* SPDX-License-Identifier: Apache-2.0
 * Each event of a round by itself: its form, its signature, where it belongs, its leaf.
 */
#include <stdio.h>
#include <string.h>

#include "clients/lib/audit_state.h"
#include "util/text.h"

/* ---- form ---- */

/* Reads what is said, whose structures own memory. */
static enum err parse_said(struct item *it, struct why *why)
{
  struct update_event update;
  struct unmask_event unmask;
  enum err e;
  if (it->type == TYPE_UPDATE) {
    e = update_parse(&update, it->event, why);
    if (e == OK) {
      it->header = update.header;
      update_done(&update);
    }
    return e;
  }
  e = unmask_parse(&unmask, it->event, why);
  if (e == OK) {
    it->header = unmask.header;
    unmask_done(&unmask);
  }
  return e;
}

static enum err parse_open(struct item *it, bool anchored, struct why *why)
{
  AUTO(open_drop) struct open_event *open = NULL;
  TRY(open_parse(&open, it->event, anchored, why));
  it->header = open->header;
  return OK;
}

#define PARSE(kind, call)                                                                \
  {                                                                                      \
    struct kind event_;                                                                  \
    TRY(call);                                                                           \
    it->header = event_.header;                                                          \
    return OK;                                                                           \
  }

static enum err parse(struct item *it, bool anchored, struct why *why)
{
  switch (it->type) {
  case TYPE_INSTANCE: {
    struct instance_event instance;
    return instance_parse(&instance, it->event, why);
  }
  case TYPE_MODEL:
    PARSE(model_event, model_parse(&event_, it->event, why))
  case TYPE_ENROLL:
    PARSE(enroll_event, enroll_parse(&event_, it->event, why))
  case TYPE_ADMIT:
  case TYPE_SUSPEND:
    PARSE(admission_event, admission_parse(&event_, type_names[it->type], it->event, why))
  case TYPE_ACT:
    PARSE(act_event, act_parse(&event_, it->event, why))
  case TYPE_PAYOUT:
    PARSE(payout_event, payout_parse(&event_, it->event, why))
  case TYPE_ADOPT:
    PARSE(adopt_event, adopt_parse(&event_, it->event, why))
  case TYPE_OPEN:
    return parse_open(it, anchored, why);
  case TYPE_JOIN:
    PARSE(join_event, join_parse(&event_, it->event, why))
  case TYPE_ROSTER:
    PARSE(roster_event, roster_parse(&event_, it->event, why))
  case TYPE_GRAPH:
    PARSE(graph_event, graph_parse(&event_, it->event, why))
  case TYPE_SHARE:
    PARSE(share_event, share_parse(&event_, it->event, why))
  case TYPE_SHARERS:
    PARSE(set_event, sharers_parse(&event_, it->event, why))
  case TYPE_UPDATE:
  case TYPE_UNMASK:
    return parse_said(it, why);
  case TYPE_SURVIVORS:
    PARSE(set_event, survivors_parse(&event_, it->event, why))
  case TYPE_RESULT:
    PARSE(result_event, result_parse(&event_, it->event, why))
  case TYPE_FAILED:
    PARSE(failed_event, failed_parse(&event_, it->event, why))
  case TYPE_RETENTION:
    PARSE(retention_event, retention_parse(&event_, it->event, why))
  case TYPES:
    break;
  }
  return why_set(why, E_FIELD_VALUE, "type", "is none of the protocol's");
}

enum err audit_read(struct item *it, bool anchored, struct why *why)
{
  it->type = type_find(it->event);
  TRY(event_check(it->event, why));
  TRY(parse(it, anchored, why));
  TRY(event_hash(&it->hash, it->event));
  it->sound = true;
  return OK;
}

/* By type, then participant, then place. */
static int by_signer(const void *x, const void *y)
{
  const struct item *a = *(const struct item *const *)x;
  const struct item *b = *(const struct item *const *)y;
  if (a->type != b->type)
    return a->type < b->type ? -1 : 1;
  int c = memcmp(&a->header.participant, &b->header.participant, 32);
  return c ? c : (a > b) - (a < b);
}

enum err audit_form(struct audit *a, struct why *why)
{
  for (size_t i = 0; i < a->len; i++) {
    struct item *it = &a->items[i];
    struct why inner = {0};
    enum err e = audit_read(it, a->pin->instance.anchored, &inner);
    TRY(audit_judge(a, CHECK_FORM, it->subject, e, &inner, why));
  }
  report_checked(a->report, CHECK_FORM, a->len);
  a->sorted = must_calloc(a->len, sizeof *a->sorted);
  for (size_t i = 0; i < a->len; i++)
    a->sorted[i] = &a->items[i];
  qsort(a->sorted, a->len, sizeof *a->sorted, by_signer);
  for (size_t i = a->len; i-- > 0;) /* the first of each type stands at the end */
    if (a->items[i].sound && !type_is_said(a->items[i].type))
      a->one[a->items[i].type] = &a->items[i];
  a->one[TYPE_ADMIT] = a->one[TYPE_ADOPT] = NULL; /* one for each member */
  if (a->one[TYPE_RESULT])
    TRY(result_parse(&a->result, a->one[TYPE_RESULT]->event, why));
  return OK;
}

const struct item *audit_find(const struct audit *a, enum event_type type,
                              const struct identity *id)
{
  size_t low = 0, high = a->len;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const struct item *it = a->sorted[middle];
    if (it->type < type ||
        (it->type == type && memcmp(&it->header.participant, id, sizeof *id) < 0))
      low = middle + 1;
    else
      high = middle;
  }
  if (low == a->len || a->sorted[low]->type != type || !a->sorted[low]->sound ||
      memcmp(&a->sorted[low]->header.participant, id, sizeof *id) != 0)
    return NULL;
  return a->sorted[low];
}

/* ---- signatures, places ---- */

enum err audit_signature(struct audit *a, struct why *why)
{
  for (size_t i = 0; i < a->len; i++) {
    const struct item *it = &a->items[i];
    struct why inner = {0};
    const struct identity *key =
        type_is_said(it->type) ? &it->header.participant : &a->pin->instance.coordinator;
    enum err e = event_verify(it->event, type_names[it->type], key, &inner);
    TRY(audit_judge(a, CHECK_SIGNATURE, it->subject, e, &inner, why));
  }
  report_checked(a->report, CHECK_SIGNATURE, a->len);
  return OK;
}

enum err audit_context(struct audit *a, struct why *why)
{
  for (size_t i = 0; i < a->len; i++) {
    const struct item *it = &a->items[i];
    if (memcmp(&it->header.instance, &a->pin->hash, 32) != 0)
      report_found(a->report, CHECK_CONTEXT, it->subject, "belongs to another instance");
    else if (it->type >= TYPE_OPEN && memcmp(&it->header.ctx, &a->ctx, 32) != 0)
      report_found(a->report, CHECK_CONTEXT, it->subject, "belongs to another round");
  }
  report_checked(a->report, CHECK_CONTEXT, a->len);
  return OK;
}

/* Which member of a type names which event before it. */
static const struct {
  enum event_type type;
  const char *member;
  enum event_type of;
} links[] = {
    {TYPE_ADMIT, "identity", TYPE_ENROLL},
    {TYPE_ADOPT, "identity", TYPE_PAYOUT},
    {TYPE_GRAPH, "roster", TYPE_ROSTER},
    {TYPE_SHARE, "graph", TYPE_GRAPH},
    {TYPE_SHARERS, "graph", TYPE_GRAPH},
    {TYPE_UPDATE, "sharers", TYPE_SHARERS},
    {TYPE_SURVIVORS, "sharers", TYPE_SHARERS},
    {TYPE_UNMASK, "survivors", TYPE_SURVIVORS},
    {TYPE_RESULT, "survivors", TYPE_SURVIVORS},
};

static void check_link(struct audit *a, const struct item *it, size_t l)
{
  char hex[65];
  const char *is = json_string_value(json_object_get(it->event, links[l].member));
  const struct item *of = links[l].of < TYPE_OPEN
                              ? audit_find(a, links[l].of, &it->header.participant)
                              : a->one[links[l].of];
  if (!of)
    report_found(a->report, CHECK_LINK, it->subject, "%s: there is no such event",
                 links[l].member);
  else if (!is || strcmp(is, hex_encode(hex, of->hash.b, 32)) != 0)
    report_found(a->report, CHECK_LINK, it->subject, "%s: is not the hash of %s",
                 links[l].member, of->subject);
}

enum err audit_link(struct audit *a, struct why *why)
{
  for (size_t i = 0; i < a->len; i++)
    for (size_t l = 0; l < LENGTH(links); l++)
      if (a->items[i].type == links[l].type) {
        check_link(a, &a->items[i], l);
        report_checked(a->report, CHECK_LINK, 1);
      }
  return OK;
}

enum err audit_unique(struct audit *a, struct why *why)
{
  for (size_t i = 1; i < a->len; i++) {
    const struct item *it = a->sorted[i], *before = a->sorted[i - 1];
    bool by_member =
        type_is_said(it->type) || it->type == TYPE_ADMIT || it->type == TYPE_ADOPT;
    if (it->type == before->type &&
        (!by_member ||
         memcmp(&it->header.participant, &before->header.participant, 32) == 0))
      report_found(a->report, CHECK_UNIQUE, it->subject, "there is already %s",
                   before->subject);
  }
  report_checked(a->report, CHECK_UNIQUE, a->len);
  return OK;
}

/* ---- the log ---- */

enum err audit_inclusion(struct audit *a, struct why *why)
{
  for (size_t i = 0; i < a->len; i++) {
    const struct item *it = &a->items[i];
    struct why inner = {0};
    if (it->type == TYPE_RETENTION && (!it->in_log || it->leaf >= a->log->head.size))
      continue; /* said just now */
    if (!it->in_log) {
      report_found(a->report, CHECK_INCLUSION, it->subject, "is no leaf of the log");
      continue;
    }
    enum err e = audit_log_leaf(a->log, it->leaf, it->event, &inner);
    TRY(audit_judge(a, CHECK_INCLUSION, it->subject, e, &inner, why));
    report_checked(a->report, CHECK_INCLUSION, 1);
    audit_tell(a, "reading the log", i + 1, a->len);
  }
  return OK;
}

static void check_after(struct audit *a, const struct item *it, const struct item *before)
{
  if (before && before->in_log && before->leaf >= it->leaf)
    report_found(a->report, CHECK_ORDER, it->subject, "stands before %s",
                 before->subject);
}

/* The last event of each phase, with what stands behind its result as a phase too. */
static void last_of_each(const struct audit *a, const struct item *last[TYPES])
{
  for (size_t i = 0; i < a->len; i++) {
    const struct item *it = &a->items[i], **at = &last[it->type];
    if (it->type >= TYPE_OPEN && it->in_log && (!*at || (*at)->leaf < it->leaf))
      *at = it;
  }
}

enum err audit_order(struct audit *a, struct why *why)
{
  const struct item *last[TYPES] = {NULL};
  last_of_each(a, last);
  for (size_t i = 0; i < a->len; i++) {
    const struct item *it = &a->items[i];
    if (!it->in_log)
      continue;
    if (it->type == TYPE_ADMIT || it->type == TYPE_PAYOUT)
      check_after(a, it, audit_find(a, TYPE_ENROLL, &it->header.participant));
    if (it->type == TYPE_ADOPT)
      check_after(a, it, audit_find(a, TYPE_PAYOUT, &it->header.participant));
    if (it->type == TYPE_ADOPT && a->one[TYPE_RESULT] && a->one[TYPE_RESULT]->in_log)
      check_after(a, a->one[TYPE_RESULT], it);
    if (it->type == TYPE_JOIN)
      check_after(a, it, audit_find(a, TYPE_ADMIT, &it->header.participant));
    if (it->type == TYPE_OPEN)
      check_after(a, it, a->one[TYPE_MODEL]);
    for (enum event_type t = TYPE_OPEN; t < it->type; t++)
      check_after(a, it, last[t]);
  }
  report_checked(a->report, CHECK_ORDER, a->len);
  return OK;
}

enum err audit_seen(struct audit *a, struct why *why)
{
  for (size_t i = 0; i < a->len; i++) {
    const struct item *it = &a->items[i];
    const struct seen *s = &it->header.seen;
    struct why inner = {0};
    if (!type_is_said(it->type) || !it->in_log)
      continue;
    report_checked(a->report, CHECK_SEEN, 1);
    if (s->size > it->leaf) {
      report_found(a->report, CHECK_SEEN, it->subject,
                   "says it saw %llu leaves, more than stand before it",
                   (unsigned long long)s->size);
      continue;
    }
    enum err e = s->size ? audit_log_root(a->log, s, &inner) : OK;
    TRY(audit_judge(a, CHECK_SEEN, it->subject, e, &inner, why));
  }
  return OK;
}
