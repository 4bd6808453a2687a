/* SPDX-License-Identifier: Apache-2.0
 * The one route table: method, address, who may call, body at most, flags, handler. */
#include "ledger/note.h"
#include "server/handlers.h"

#define P WHO_PARTICIPANT
#define A WHO_ADMIN
#define PUBLIC WHO_PUBLIC
#define V "/api/v1"
#define M V "/models/{model}"
#define R V "/rounds/{ctx}"
#define L V "/log"
#define KIB ((size_t)1 << 10)
#define SMALL (64 * KIB)
#define LARGE (8192 * KIB)
#define CSV (16384 * KIB)

/* clang-format off */
const struct route routes[] = {
  {"GET",    V "/health",                         PUBLIC, 0, 0, health_show},
  {"GET",    V "/ready",                          PUBLIC, 0, 0, ready_show},
  {"GET",    V "/instance",                       PUBLIC, 0, 0, instance_show},

  {"GET",    V "/models",                         PUBLIC, 0, 0, models_list},
  {"POST",   V "/models",                         A, LARGE, 0, models_create},
  {"GET",    M,                                   PUBLIC, 0, 0, models_show},
  {"POST",   M "/versions",                       A, LARGE, 0, versions_create},
  {"GET",    M "/spec",                           PUBLIC, 0, 0, spec_show},
  {"POST",   M "/retire",                         A, SMALL, ROUTE_BODY_OPTIONAL, models_retire},
  {"PUT",    M "/holdout",                        A, CSV, ROUTE_CSV, holdout_put},
  {"PUT",    M "/schedule",                       A, SMALL, 0, schedule_put},
  {"DELETE", M "/schedule",                       A, 0, 0, schedule_delete},
  {"GET",    M "/weights",                        PUBLIC, 0, 0, weights_show},
  {"GET",    M "/results",                        PUBLIC, 0, 0, results_list},
  {"GET",    M "/members",                        A, 0, 0, members_list},
  {"POST",   M "/members",                        A, SMALL, 0, members_add},
  {"POST",   M "/members/{id}/suspend",           A, SMALL, ROUTE_BODY_OPTIONAL, members_suspend},

  {"POST",   V "/invites",                        A, SMALL, 0, invites_create},
  {"GET",    V "/invites",                        A, 0, 0, invites_list},
  {"POST",   V "/participants",                   P, SMALL, 0, participants_enroll},
  {"GET",    V "/participants",                   A, 0, 0, participants_list},
  {"GET",    V "/participants/{id}",              PUBLIC, 0, 0, participants_show},

  {"GET",    M "/rounds",                         PUBLIC, 0, 0, rounds_list},
  {"POST",   M "/rounds",                         A, SMALL, ROUTE_BODY_OPTIONAL, rounds_open},
  {"GET",    M "/round",                          PUBLIC, 0, ROUTE_WAIT, rounds_newest},
  {"GET",    R,                                   PUBLIC, 0, ROUTE_WAIT, rounds_show},
  {"POST",   R "/cancel",                         A, SMALL, ROUTE_BODY_OPTIONAL, rounds_cancel},
  {"GET",    R "/events/{type}",                  PUBLIC, 0, 0, rounds_event},
  {"GET",    R "/base",                           PUBLIC, 0, 0, rounds_base},
  {"POST",   R "/joins",                          P, SMALL, 0, joins_post},
  {"GET",    R "/joins",                          PUBLIC, 0, 0, joins_list},
  {"POST",   R "/shares",                         P, LARGE, 0, shares_post},
  {"GET",    R "/shares",                         PUBLIC, 0, 0, shares_list},
  {"GET",    R "/boxes",                          P, 0, 0, boxes_list},
  {"POST",   R "/updates",                        P, LARGE, 0, updates_post},
  {"GET",    R "/updates",                        PUBLIC, 0, 0, updates_list},
  {"GET",    R "/updates/{id}",                   PUBLIC, 0, 0, updates_show},
  {"PUT",    R "/updates/{id}/chunks/{index}",    PUBLIC, CHUNK_BYTES, ROUTE_CHUNK, chunks_put},
  {"POST",   R "/unmasks",                        P, LARGE, 0, unmasks_post},
  {"GET",    R "/unmasks",                        PUBLIC, 0, 0, unmasks_list},
  {"GET",    R "/deals/{id}",                     PUBLIC, 0, 0, deals_show},
  {"GET",    R "/sum",                            PUBLIC, 0, 0, rounds_sum},

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
