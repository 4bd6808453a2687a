/* SPDX-License-Identifier: Apache-2.0
 * Every event type's parser over arbitrary JSON: whatever arrives, no parser may read
 * outside it or keep a share of it after failing. */
#include <stdlib.h>
#include <string.h>

#include "core/graph.h"
#include "core/message.h"
#include "util/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void coordinator_events(const json_t *e)
{
  struct why why;
  struct open_event *open = NULL;
  struct instance_event instance;
  struct admission_event admission;
  struct adopt_event adopt;
  struct roster_event roster;
  struct graph_event graph;
  struct set_event set;
  struct result_event result;
  struct failed_event failed;
  struct receipt_event receipt;
  struct retention_event retention;
  struct model_event model;
  struct act_event act;
  struct named named;
  uint8_t members[PARTICIPANTS_MAX / 8];
  for (int anchored = 0; anchored < 2; anchored++) {
    if (open_parse(&open, e, anchored, &why) == OK &&
        (open->d == 0 || open->tail_len == 0 || open->minimum < 3 ||
         open->excluded_len > EXCLUDED_MAX || open->audit_window > AUDIT_WINDOW_MAX ||
         strlen(open->reward.budget) > REWARD_DIGITS))
      abort();
    open_free(open);
    open = NULL;
  }
  (void)!instance_parse(&instance, e, &why);
  (void)!admission_parse(&admission, "admit", e, &why);
  (void)!adopt_parse(&adopt, e, &why);
  (void)!roster_parse(&roster, e, &why);
  (void)!graph_parse(&graph, e, &why);
  if (sharers_parse(&set, e, &why) == OK || survivors_parse(&set, e, &why) == OK)
    (void)!set_parse(members, 13, set.members);
  if (result_parse(&result, e, &why) == OK)
    for (size_t i = 0; i < json_array_size(result.named); i++)
      if (named_parse(&named, json_array_get(result.named, i), "", NULL) != OK)
        abort();
  (void)!failed_parse(&failed, e, &why);
  (void)!retention_parse(&retention, e, &why);
  if (act_parse(&act, e, &why) == OK && act.model && !slug_valid(act.model))
    abort();
  if (model_parse(&model, e, &why) == OK && model.has_previous != (model.version > 1))
    abort();
  if (receipt_parse(&receipt, e, &why) == OK && receipt.by < receipt.time)
    abort();
}

static void participant_events(const json_t *e)
{
  struct why why;
  struct enroll_event enroll;
  struct payout_event payout;
  struct join_event join;
  struct share_event share;
  struct update_event update;
  struct unmask_event unmask;
  (void)!enroll_parse(&enroll, e, &why);
  (void)!payout_parse(&payout, e, &why);
  (void)!join_parse(&join, e, &why);
  (void)!share_parse(&share, e, &why);
  if (update_parse(&update, e, &why) == OK) {
    if (update.bad_len > COMPLAINTS_MAX)
      abort();
    for (uint32_t j = 0; j < 4; j++)
      (void)update_lists(&update, j);
    update_done(&update);
  }
  if (unmask_parse(&unmask, e, &why) == OK)
    unmask_done(&unmask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  AUTO(json_drop) json_t *event = NULL;
  struct why why;
  if (json_parse(&event, BYTES(data, size), EVENT_BYTES_MAX, &why) != OK)
    return 0;
  coordinator_events(event);
  participant_events(event);
  return 0;
}
