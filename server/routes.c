/* SPDX-License-Identifier: Apache-2.0
 * The one route table: method, address, who may call, body at most, flags, handler. */
#include "ledger/note.h"
#include "server/handlers.h"

#define P WHO_PARTICIPANT
#define READS WHO_VIEWER
#define RUNS WHO_OPERATOR
#define A WHO_ADMIN
#define OWN ROUTE_OWN
#define QUIET ROUTE_QUIET
#define CALLER ROUTE_CALLER
#define MEMBER ROUTE_MEMBER
#define KEPT ROUTE_KEPT
#define PUBLIC WHO_PUBLIC
#define V "/api/v1"
#define M V "/models/{model}"
#define R V "/rounds/{ctx}"
#define L V "/log"
#define KIB ((size_t)1 << 10)
#define SMALL (64 * KIB)
#define DRAFT (1280 * KIB)
#define LARGE (8192 * KIB)
#define CSV (16384 * KIB)

/* clang-format off */
const struct route routes[] = {
  {"GET",    V "/health",                         PUBLIC, 0, 0, health_show},
  {"GET",    V "/ready",                          PUBLIC, 0, 0, ready_show},
  {"GET",    V "/instance",                       PUBLIC, 0, 0, instance_show},
  {"GET",    V "/openapi.yaml",                   PUBLIC, 0, 0, openapi_yaml},
  {"GET",    V "/openapi.json",                   PUBLIC, 0, 0, openapi_json},
  {"GET",    "/metrics",                          READS, 0, ROUTE_METRICS, metrics_show},
  {"GET",    V "/system",                         READS, 0, 0, system_show},
  {"GET",    V "/events",                         PUBLIC, 0, CALLER, events_show},

  {"POST",   V "/session",                        PUBLIC, SMALL, 0, session_create},
  {"POST",   V "/session/challenge",              PUBLIC, SMALL, 0, challenge_create},
  {"GET",    V "/session",                        READS, 0, MEMBER, session_show},
  {"DELETE", V "/session",                        READS, 0, OWN | MEMBER, session_end},
  {"PUT",    V "/session/password",               READS, SMALL, OWN, account_password},
  {"POST",   V "/session/totp",                   READS, SMALL, OWN | ROUTE_BODY_OPTIONAL, account_totp_begin},
  {"PUT",    V "/session/totp",                   READS, SMALL, OWN, account_totp_confirm},
  {"DELETE", V "/session/totp",                   READS, 0, OWN, account_totp_drop},
  {"GET",    V "/sessions",                       READS, 0, MEMBER, sessions_list},
  {"DELETE", V "/sessions/{id}",                  READS, 0, MEMBER, sessions_delete},
  {"POST",   V "/setup",                          PUBLIC, SMALL, 0, setup_post},
  {"GET",    V "/users",                          READS, 0, 0, users_list},
  {"POST",   V "/users",                          A, SMALL, 0, users_create},
  {"GET",    V "/users/{name}",                   READS, 0, 0, users_show},
  {"PUT",    V "/users/{name}",                   A, SMALL, 0, users_change},
  {"POST",   V "/users/{name}/reset",             A, SMALL, 0, users_reset},
  {"GET",    V "/tokens",                         READS, 0, 0, tokens_list},
  {"POST",   V "/tokens",                         READS, SMALL, 0, tokens_create},
  {"DELETE", V "/tokens/{id}",                    READS, 0, 0, tokens_delete},

  {"POST",   V "/specs/check",                    READS, DRAFT, QUIET, specs_check},
  {"GET",    V "/drafts",                         RUNS, 0, 0, drafts_list},
  {"POST",   V "/drafts",                         RUNS, DRAFT, QUIET, drafts_create},
  {"GET",    V "/drafts/{id}",                    RUNS, 0, 0, drafts_show},
  {"PUT",    V "/drafts/{id}",                    RUNS, DRAFT, QUIET, drafts_change},
  {"DELETE", V "/drafts/{id}",                    RUNS, 0, QUIET, drafts_delete},

  {"GET",    V "/models",                         PUBLIC, 0, CALLER, models_list},
  {"POST",   V "/models",                         A, LARGE, 0, models_create},
  {"GET",    M,                                   PUBLIC, 0, CALLER, models_show},
  {"POST",   M "/versions",                       A, LARGE, 0, versions_create},
  {"GET",    M "/spec",                           PUBLIC, 0, CALLER, spec_show},
  {"PUT",    M "/visibility",                     A, SMALL, 0, visibility_put},
  {"POST",   M "/retire",                         A, SMALL, ROUTE_BODY_OPTIONAL, models_retire},
  {"PUT",    M "/holdout",                        A, CSV, ROUTE_CSV, holdout_put},
  {"GET",    M "/schedule",                       PUBLIC, 0, CALLER, schedule_show},
  {"PUT",    M "/schedule",                       RUNS, SMALL, 0, schedule_put},
  {"DELETE", M "/schedule",                       RUNS, 0, 0, schedule_delete},
  {"GET",    M "/weights",                        PUBLIC, 0, CALLER, weights_show},
  {"GET",    M "/card",                           PUBLIC, 0, CALLER, card_show},
  {"GET",    M "/results",                        PUBLIC, 0, CALLER, results_list},
  {"GET",    M "/members",                        READS, 0, 0, members_list},
  {"POST",   M "/members",                        RUNS, SMALL, 0, members_add},
  {"POST",   M "/members/{id}/suspend",           RUNS, SMALL, ROUTE_BODY_OPTIONAL, members_suspend},

  {"POST",   V "/invites",                        RUNS, SMALL, ROUTE_SCOPED, invites_create},
  {"GET",    V "/invites",                        READS, 0, 0, invites_list},
  {"POST",   V "/participants",                   P, SMALL, 0, participants_enroll},
  {"GET",    V "/participants",                   READS, 0, 0, participants_list},
  {"GET",    V "/participants/{id}",              PUBLIC, 0, CALLER, participants_show},
  {"POST",   V "/participants/{id}/login",        P, SMALL, 0, participants_login},
  {"POST",   V "/participants/{id}/payout",       P, SMALL, 0, participants_payout},
  {"GET",    V "/me",                             P, 0, MEMBER, me_show},
  {"PUT",    V "/me",                             P, SMALL, MEMBER, me_change},
  {"GET",    V "/leaderboard",                    PUBLIC, 0, CALLER | KEPT, leaderboard_list},

  {"GET",    M "/rounds",                         PUBLIC, 0, CALLER, rounds_list},
  {"POST",   M "/rounds",                         RUNS, SMALL, ROUTE_BODY_OPTIONAL, rounds_open},
  {"GET",    M "/round",                          PUBLIC, 0, ROUTE_WAIT | CALLER, rounds_newest},
  {"GET",    R,                                   PUBLIC, 0, ROUTE_WAIT | CALLER, rounds_show},
  {"GET",    R "/members",                        PUBLIC, 0, CALLER, cohort_list},
  {"POST",   R "/cancel",                         RUNS, SMALL, ROUTE_BODY_OPTIONAL, rounds_cancel},
  {"GET",    R "/events/{type}",                  PUBLIC, 0, CALLER, rounds_event},
  {"GET",    R "/base",                           PUBLIC, 0, CALLER, rounds_base},
  {"POST",   R "/joins",                          P, SMALL, 0, joins_post},
  {"GET",    R "/joins",                          PUBLIC, 0, CALLER, joins_list},
  {"POST",   R "/shares",                         P, LARGE, 0, shares_post},
  {"GET",    R "/shares",                         PUBLIC, 0, CALLER, shares_list},
  {"GET",    R "/boxes",                          P, 0, 0, boxes_list},
  {"POST",   R "/updates",                        P, LARGE, 0, updates_post},
  {"GET",    R "/updates",                        PUBLIC, 0, CALLER, updates_list},
  {"GET",    R "/updates/{id}",                   PUBLIC, 0, CALLER, updates_show},
  {"PUT",    R "/updates/{id}/chunks/{index}",    PUBLIC, CHUNK_BYTES, ROUTE_CHUNK, chunks_put},
  {"GET",    R "/updates/{id}/chunks/{index}",    PUBLIC, 0, CALLER, chunks_show},
  {"POST",   R "/unmasks",                        P, LARGE, 0, unmasks_post},
  {"GET",    R "/unmasks",                        PUBLIC, 0, CALLER, unmasks_list},
  {"GET",    R "/deals/{id}",                     PUBLIC, 0, CALLER, deals_show},
  {"GET",    R "/sum",                            PUBLIC, 0, CALLER, rounds_sum},
  {"GET",    R "/state",                          PUBLIC, 0, CALLER, rounds_state},
  {"GET",    R "/rewards",                        PUBLIC, 0, CALLER, rewards_list},
  {"GET",    R "/anchors",                        PUBLIC, 0, CALLER, rounds_anchors},
  {"GET",    R "/transcript",                     PUBLIC, 0, CALLER, transcript_show},

  {"GET",    M "/balances",                       PUBLIC, 0, CALLER, balances_list},
  {"GET",    M "/balances/{id}",                  PUBLIC, 0, CALLER, balances_show},
  {"GET",    M "/claims",                         PUBLIC, 0, CALLER, claims_list},
  {"GET",    M "/claims/{address}",               PUBLIC, 0, CALLER, claims_show},
  {"GET",    M "/ledger",                         READS, 0, 0, ledger_show},
  {"GET",    V "/participants/{id}/statement",    PUBLIC, 0, CALLER, statement_show},
  {"GET",    V "/payouts",                        READS, 0, 0, payouts_list},
  {"POST",   V "/payouts/{id}/retry",             RUNS, SMALL, ROUTE_BODY_OPTIONAL, payouts_retry},
  {"POST",   V "/payouts/{id}/settle",            RUNS, SMALL, 0, payouts_settle},

  {"GET",    V "/governance/proposals",           PUBLIC, 0, 0, proposals_list},

  {"GET",    V "/webhooks",                       A, 0, 0, webhooks_list},
  {"POST",   V "/webhooks",                       A, SMALL, 0, webhooks_create},
  {"GET",    V "/webhooks/{id}",                  A, 0, 0, webhooks_show},
  {"PUT",    V "/webhooks/{id}",                  A, SMALL, 0, webhooks_change},
  {"DELETE", V "/webhooks/{id}",                  A, 0, 0, webhooks_delete},
  {"POST",   V "/webhooks/{id}/test",             A, SMALL, ROUTE_BODY_OPTIONAL, webhooks_test},
  {"GET",    V "/webhooks/{id}/deliveries",       A, 0, 0, deliveries_list},
  {"POST",   V "/webhooks/{id}/deliveries/{n}/retry", A, SMALL, ROUTE_BODY_OPTIONAL, deliveries_retry},

  {"GET",    L "/checkpoint",                     PUBLIC, 0, ROUTE_WAIT, log_checkpoint_show},
  {"GET",    L "/tile/{path*}",                   PUBLIC, 0, 0, log_tile_show},
  {"GET",    L "/entries",                        PUBLIC, 0, 0, log_entries_list},
  {"GET",    L "/events/{hash}",                  PUBLIC, 0, 0, log_event_show},
  {"GET",    L "/proofs/inclusion",               PUBLIC, 0, 0, proof_inclusion},
  {"GET",    L "/proofs/consistency",             PUBLIC, 0, 0, proof_consistency},
  {"GET",    L "/witnesses",                      PUBLIC, 0, 0, witnesses_list},
  {"POST",   L "/witnesses",                      A, SMALL, 0, witnesses_add},
  {"DELETE", L "/witnesses/{key}",                A, 0, 0, witnesses_remove},
  {"POST",   L "/cosignatures",                   PUBLIC, NOTE_BYTES_MAX, ROUTE_TEXT, cosignatures_post},
  {NULL, NULL, PUBLIC, 0, 0, NULL},
};
/* clang-format on */
