/* SPDX-License-Identifier: Apache-2.0
 * What the people who run the instance do, told to everybody. */
#include "server/acts.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "server/common.h"

bool act_due(const struct route *route)
{
  return route->who >= WHO_VIEWER && !(route->flags & (ROUTE_OWN | ROUTE_QUIET)) &&
         strcmp(route->method, "GET") != 0;
}

/* Those who look at the model see it change. */
static enum err tell_subject(struct db *db, const char *model)
{
  char topic[SLUG_MAX + 16];
  snprintf(topic, sizeof topic, "model:%s", model);
  return db_notify(db, topic);
}

enum err act_write(struct request *rq, const struct route *route)
{
  AUTO(db_rows_done) struct db_rows now = {0};
  uint8_t id[ACT_ID_BYTES];
  char action[ACTION_MAX + 1];
  int64_t seq;
  const char *subject = *rq->subject ? rq->subject : NULL;
  randombytes_buf(id, sizeof id);
  snprintf(action, sizeof action, "%s %s", route->method, route->pattern);
  TRY(db_query(rq->db, Q_NOW, &now, DB_NONE));
  AUTO(json_drop)
  json_t *event = json_pack(
      "{s:s,s:o,s:o,s:o,s:s,s:o,s:I}", "type", "act", "instance",
      json_hex(rq->server->instance.b, sizeof rq->server->instance.b), "id",
      json_hex(id, sizeof id), "actor", json_hex(rq->caller.actor, ACT_ID_BYTES),
      "action", action, "model", subject ? json_string(subject) : json_null(), "time",
      (json_int_t)db_real(&now, 0, 0));
  TRY(event_issue(rq->server, rq->db, event, subject, NULL, &seq));
  return subject ? tell_subject(rq->db, subject) : OK;
}
