/* SPDX-License-Identifier: Apache-2.0
 * What stands on the chain: the anchors of a round. */
#include <string.h>

#include "clients/lib/audit_state.h"

/* ---- anchors ---- */

/* What a node says: not there yet is no finding, something else is. */
static enum err judge(struct audit *a, enum event_type t, enum err e,
                      const struct why *inner, struct why *why)
{
  if (e == E_UNANCHORED) {
    report_skip(a->report, CHECK_ANCHORS, "%s %s", inner->field, inner->detail);
    return OK;
  }
  if (e == E_CHEAT_ANCHOR) {
    report_why(a->report, CHECK_ANCHORS, a->one[t]->subject, e, inner);
    return OK;
  }
  if (e == OK)
    report_checked(a->report, CHECK_ANCHORS, 1);
  else if (why)
    *why = *inner;
  return e;
}

/* Of a sparse graph: the roster, and the block after it that draws the graph. */
static enum err check_beacon(struct audit *a, struct why *why)
{
  struct graph_event said;
  struct beacon is;
  struct why inner = {0};
  const struct item *it = a->one[TYPE_GRAPH];
  if (!it || graph_parse(&said, it->event, NULL) != OK || !said.has_block)
    return OK;
  enum err e = chain_view_beacon(a->options->view, a->round, &is, &inner);
  if (e == OK &&
      (is.block != said.block || memcmp(&is.hash, &said.beacon, sizeof is.hash) != 0))
    e = why_set(&inner, E_CHEAT_ANCHOR, "beacon", "is not the hash of block %llu",
                (unsigned long long)is.block);
  return judge(a, TYPE_GRAPH, e, &inner, why);
}

/* An attempt that failed may have failed before it came to this. */
static enum err check_survivors(struct audit *a, struct why *why)
{
  struct why inner = {0};
  if (!a->round->survivors)
    return OK;
  enum err e = chain_view_survivors(a->options->view, a->round, &inner);
  if (e == E_UNANCHORED && a->failed)
    return OK;
  return judge(a, TYPE_SURVIVORS, e, &inner, why);
}

/* What all members earn together. */
static enum err reward_sum(const struct audit *a, struct word *out, struct why *why)
{
  AUTO(free_drop) struct reward *list = NULL;
  unsigned count;
  bool paid;
  *out = (struct word){0};
  TRY(audit_earned(a, &list, &count, &paid));
  for (unsigned i = 0; paid && i < count; i++) {
    struct word w;
    TRY(word_parse(&w, list[i].amount, "amount", why));
    TRY(word_add(out, &w));
  }
  return OK;
}

/* The checkpoint in the anchor is one of this log, and holds the result. */
static enum err check_checkpoint(struct audit *a, struct why *inner)
{
  const struct item *it = a->one[TYPE_RESULT];
  const struct anchor_result *said = &a->anchor.said;
  const struct seen tree = {said->log_size, said->log_root};
  TRY(audit_log_reach(a->log, said->log_size, inner));
  if (!it->in_log || it->leaf >= said->log_size)
    return why_set(inner, E_CHEAT_ANCHOR, "log",
                   "the first %llu leaves do not hold the result",
                   (unsigned long long)said->log_size);
  enum err e = audit_log_root(a->log, &tree, inner);
  return e == E_CHEAT_LOG ? E_CHEAT_ANCHOR : e;
}

/* A result of a later round stands there: this one never can. */
static enum err never(struct audit *a, struct why *inner)
{
  struct chain_model m;
  const struct open_event *o = a->round->open;
  struct chain_view *v = a->options->view;
  enum err e = registry_model(v->rpc, &v->registry, "finalized", o->model, &m, inner);
  if (e == E_NOT_FOUND || (e == OK && m.last_round <= o->round))
    return E_UNANCHORED;
  TRY(e);
  return why_set(inner, E_CHEAT_ANCHOR, "result",
                 "is not on the chain, though that of round %llu is",
                 (unsigned long long)m.last_round);
}

static enum err check_result(struct audit *a, struct why *why)
{
  const struct item *it = a->one[TYPE_RESULT];
  struct why inner = {0};
  struct word reward;
  if (!it)
    return OK;
  enum verdict rewards = report_verdict(a->report, CHECK_REWARDS);
  if (rewards == VERDICT_BROKEN || rewards == VERDICT_NOT_CHECKED || !a->tail) {
    report_skip(a->report, CHECK_ANCHORS,
                "that of the result: \"%s\" does not hold, or was not checked",
                check_name(CHECK_REWARDS));
    return OK;
  }
  TRY(reward_sum(a, &reward, why));
  enum err e = chain_view_result(a->options->view, a->round->open, &it->hash, &reward,
                                 &a->anchor, &inner);
  if (e == OK)
    e = check_checkpoint(a, &inner);
  a->anchored = e == OK;
  if (e == E_UNANCHORED) {
    struct why later = inner;
    e = never(a, &later);
    if (e != E_UNANCHORED)
      inner = later;
  }
  return judge(a, TYPE_RESULT, e, &inner, why);
}

enum err audit_anchors(struct audit *a, struct why *why)
{
  if (!chain_view_needed(a->pin))
    return OK;
  if (!a->options->view) {
    report_skip(a->report, CHECK_ANCHORS, "it needs an Ethereum node of your own: --rpc");
    return OK;
  }
  TRY(check_beacon(a, why));
  TRY(check_survivors(a, why));
  return check_result(a, why);
}
