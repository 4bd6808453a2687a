/* SPDX-License-Identifier: Apache-2.0
 * The answers of UNMASK, and the secrets that they rebuild. */
#include <stdio.h>
#include <string.h>

#include "clients/lib/audit_state.h"
#include "core/merkle.h"
#include "util/field.h"

static enum err check_answer(const struct audit *a, uint32_t i, struct why *why)
{
  AUTO(unmask_done) struct unmask_event u = {0};
  if (!set_has(a->round->survivors, i))
    return why_set(why, E_NOT_IN_ROUND, "", "its sender is not among the survivors");
  TRY(unmask_parse(&u, a->unmasks[i]->event, why));
  return round_check_answer(a->round, i, &u, &a->manifests[i], why);
}

static enum err answers_root(const json_t *events, struct digest *out)
{
  struct merkle tree = {0};
  size_t i;
  json_t *event;
  json_array_foreach ((json_t *)events, i, event) {
    AUTO(buf_done) struct buf leaf = {0};
    TRY(event_canonical(&leaf, event, true));
    merkle_add(&tree, buf_bytes(&leaf));
  }
  merkle_root(out, &tree);
  return OK;
}

/* That the result counts just these answers. */
static enum err check_counted(struct audit *a, struct why *why)
{
  const struct round *r = a->round;
  const struct item *it = a->one[TYPE_RESULT];
  struct digest root;
  AUTO(free_drop) uint8_t *set = must_calloc((r->n + 7) / 8, 1);
  if (set_parse(set, r->n, a->result.answered) != OK) {
    report_found(a->report, CHECK_ANSWERS, it->subject,
                 "unmasks.members is not a set over the roster");
    return OK;
  }
  for (uint32_t i = 0; i < r->n; i++)
    if (set_has(set, i) != (a->unmasks[i] != NULL))
      report_found(a->report, CHECK_ANSWERS,
                   a->unmasks[i] ? a->unmasks[i]->subject
                                 : audit_subject("participant", &r->members[i].id).text,
                   a->unmasks[i] ? "was accepted, but is left out of the result"
                                 : "is said to have answered, but did not");
  AUTO(json_drop) json_t *events = audit_events_of(a, a->unmasks, a->result.answered);
  TRY(answers_root(events, &root));
  if (memcmp(&root, &a->result.unmasks, sizeof root) != 0)
    report_found(a->report, CHECK_ANSWERS, it->subject,
                 "unmasks.root is not the root of the answers");
  return OK;
}

enum err audit_answers(struct audit *a, struct why *why)
{
  for (uint32_t i = 0; i < a->round->n; i++) {
    struct why inner = {0};
    if (!a->unmasks[i])
      continue;
    enum err e = check_answer(a, i, &inner);
    TRY(audit_judge(a, CHECK_ANSWERS, a->unmasks[i]->subject, e, &inner, why));
    report_checked(a->report, CHECK_ANSWERS, 1);
  }
  return a->one[TYPE_RESULT] ? check_counted(a, why) : OK;
}

/* ---- secrets ---- */

/* A dealer's commitments, out of its leaves. */
static enum err read_points(void *arg, uint32_t dealer, bool self, struct point *out)
{
  const struct audit *a = arg;
  const struct buf *leaves = &a->shares[dealer]->data;
  unsigned k = a->round->graph.p.k;
  if (leaves->len != (size_t)k * LEAF_BYTES)
    return E_LENGTH;
  for (unsigned c = 0; c < k; c++)
    memcpy(out[c].b, leaves->data + (size_t)c * LEAF_BYTES + (self ? 32 : 0), 32);
  return OK;
}

static enum err add_answers(struct audit *a, struct why *why)
{
  for (uint32_t i = 0; i < a->round->n; i++) {
    AUTO(unmask_done) struct unmask_event u = {0};
    if (!a->unmasks[i])
      continue;
    TRY(unmask_parse(&u, a->unmasks[i]->event, why));
    TRY(unmasking_add(&a->unmasking, i, &u));
  }
  return OK;
}

enum err audit_secrets(struct audit *a, struct why *why)
{
  const struct item *it = a->one[TYPE_RESULT];
  unmasking_init(&a->unmasking, a->round);
  TRY(add_answers(a, why));
  enum err e = unmasking_solve(&a->unmasking, (struct commitments){read_points, a});
  report_checked(a->report, CHECK_SECRETS, a->unmasking.masks.len);
  a->solved = e == OK;
  if (e == E_THRESHOLD)
    report_found(a->report, CHECK_SECRETS, it->subject,
                 "a secret lacks valid shares: UNMASK could not have ended");
  else if (e != OK)
    report_found(a->report, CHECK_SECRETS, it->subject,
                 "a secret that was rebuilt does not fit its public key");
  return OK;
}
