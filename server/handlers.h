/* SPDX-License-Identifier: Apache-2.0
 * Every handler, by the file that holds it. docs/api.md says what each one does. */
#ifndef SERVER_HANDLERS_H
#define SERVER_HANDLERS_H

#include "server/request.h"

#define HANDLER(name) enum err name(struct request *rq, struct reply *rp) MUST_USE

/* instance.c */
HANDLER(health_show);
HANDLER(ready_show);
HANDLER(instance_show);
/* models.c, versions.c */
HANDLER(models_list);
HANDLER(models_create);
HANDLER(models_show);
HANDLER(models_retire);
HANDLER(schedule_put);
HANDLER(schedule_delete);
HANDLER(versions_create);
HANDLER(spec_show);
/* results.c */
HANDLER(holdout_put);
HANDLER(weights_show);
HANDLER(results_list);
/* members.c */
HANDLER(members_list);
HANDLER(members_add);
HANDLER(members_suspend);
/* invites.c */
HANDLER(invites_create);
HANDLER(invites_list);
/* participants.c */
HANDLER(participants_enroll);
HANDLER(participants_list);
HANDLER(participants_show);
/* rounds.c, joins.c, shares.c, updates.c, unmasks.c */
HANDLER(rounds_list);
HANDLER(rounds_open);
HANDLER(rounds_newest);
HANDLER(rounds_show);
HANDLER(rounds_cancel);
HANDLER(rounds_event);
HANDLER(rounds_base);
HANDLER(rounds_sum);
HANDLER(joins_post);
HANDLER(joins_list);
HANDLER(shares_post);
HANDLER(shares_list);
HANDLER(boxes_list);
HANDLER(deals_show);
HANDLER(updates_post);
HANDLER(updates_list);
HANDLER(updates_show);
HANDLER(chunks_put);
HANDLER(unmasks_post);
HANDLER(unmasks_list);
/* log.c, proofs.c, witnesses.c */
HANDLER(log_checkpoint_show);
HANDLER(log_tile_show);
HANDLER(log_entries_list);
HANDLER(log_event_show);
HANDLER(proof_inclusion);
HANDLER(proof_consistency);
HANDLER(witnesses_list);
HANDLER(witnesses_add);
HANDLER(witnesses_remove);
HANDLER(cosignatures_post);

#endif
