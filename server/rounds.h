/* SPDX-License-Identifier: Apache-2.0
 * The handlers of "Rounds" in docs/api.md, for the route table. */
#ifndef SERVER_ROUNDS_H
#define SERVER_ROUNDS_H

#include "server/request.h"

enum err rounds_list(struct request *rq, struct reply *rp);   /* GET models/{}/rounds */
enum err rounds_open(struct request *rq, struct reply *rp);   /* POST models/{}/rounds */
enum err rounds_newest(struct request *rq, struct reply *rp); /* GET models/{}/round */
enum err rounds_show(struct request *rq, struct reply *rp);   /* GET rounds/{} */
enum err rounds_cancel(struct request *rq, struct reply *rp); /* POST rounds/{}/cancel */
enum err rounds_event(struct request *rq, struct reply *rp);  /* GET …/events/{type} */
enum err rounds_base(struct request *rq, struct reply *rp);   /* GET …/base */
enum err rounds_sum(struct request *rq, struct reply *rp);    /* GET …/sum */
enum err rounds_state(struct request *rq, struct reply *rp);  /* GET …/state */

enum err joins_post(struct request *rq, struct reply *rp);   /* POST …/joins */
enum err joins_list(struct request *rq, struct reply *rp);   /* GET …/joins */
enum err shares_post(struct request *rq, struct reply *rp);  /* POST …/shares */
enum err shares_list(struct request *rq, struct reply *rp);  /* GET …/shares */
enum err boxes_list(struct request *rq, struct reply *rp);   /* GET …/boxes */
enum err deals_show(struct request *rq, struct reply *rp);   /* GET …/deals/{id} */
enum err updates_post(struct request *rq, struct reply *rp); /* POST …/updates */
enum err updates_list(struct request *rq, struct reply *rp); /* GET …/updates */
enum err updates_show(struct request *rq, struct reply *rp); /* GET …/updates/{id} */
enum err chunks_put(struct request *rq, struct reply *rp); /* PUT …/{id}/chunks/{index} */
enum err chunks_show(struct request *rq, struct reply *rp);  /* GET the same */
enum err unmasks_post(struct request *rq, struct reply *rp); /* POST …/unmasks */
enum err unmasks_list(struct request *rq, struct reply *rp); /* GET …/unmasks */

enum err cohort_list(struct request *rq, struct reply *rp); /* GET …/members */

/* STATE. E_NOT_FOUND. */
enum err round_render(struct db *db, const struct digest *ctx, json_t **out) MUST_USE;

#endif
