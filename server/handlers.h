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
/* openapi.c */
HANDLER(openapi_yaml);
HANDLER(openapi_json);
/* system.c, expose.c */
HANDLER(system_show);
HANDLER(metrics_show);
/* events.c */
HANDLER(events_show);
/* sessions.c */
HANDLER(session_create);
HANDLER(session_show);
HANDLER(session_end);
HANDLER(sessions_list);
HANDLER(sessions_delete);
/* login.c */
HANDLER(participants_login);
HANDLER(participants_payout);
HANDLER(challenge_create);
HANDLER(me_show);
HANDLER(me_change);
/* account.c */
HANDLER(account_password);
HANDLER(account_totp_begin);
HANDLER(account_totp_confirm);
HANDLER(account_totp_drop);
/* setup.c, users.c, tokens.c */
HANDLER(setup_post);
HANDLER(users_list);
HANDLER(users_create);
HANDLER(users_show);
HANDLER(users_change);
HANDLER(users_reset);
HANDLER(tokens_list);
HANDLER(tokens_create);
HANDLER(tokens_delete);
/* specs.c, drafts.c */
HANDLER(specs_check);
HANDLER(drafts_list);
HANDLER(drafts_create);
HANDLER(drafts_show);
HANDLER(drafts_change);
HANDLER(drafts_delete);
/* models.c, versions.c */
HANDLER(models_list);
HANDLER(models_create);
HANDLER(models_show);
HANDLER(models_retire);
HANDLER(visibility_put);
HANDLER(schedule_show);
HANDLER(schedule_put);
HANDLER(schedule_delete);
HANDLER(versions_create);
HANDLER(spec_show);
/* downloads.c */
HANDLER(weights_show);
HANDLER(card_show);
/* results.c */
HANDLER(holdout_put);
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
HANDLER(rounds_state);
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
HANDLER(chunks_show);
HANDLER(unmasks_post);
HANDLER(unmasks_list);
/* cohort.c */
HANDLER(cohort_list);
/* leaderboard.c */
HANDLER(leaderboard_list);
/* transcript.c */
HANDLER(transcript_show);
HANDLER(rewards_list);
/* payouts_admin.c */
HANDLER(payouts_retry);
HANDLER(payouts_settle);
/* money.c, claims.c */
HANDLER(balances_list);
HANDLER(balances_show);
HANDLER(statement_show);
HANDLER(ledger_show);
HANDLER(payouts_list);
HANDLER(rounds_anchors);
HANDLER(claims_list);
HANDLER(claims_show);
/* governance.c */
HANDLER(proposals_list);
/* webhooks.c */
HANDLER(webhooks_list);
HANDLER(webhooks_create);
HANDLER(webhooks_show);
HANDLER(webhooks_change);
HANDLER(webhooks_delete);
HANDLER(webhooks_test);
HANDLER(deliveries_list);
HANDLER(deliveries_retry);
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
