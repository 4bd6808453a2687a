/* SPDX-License-Identifier: Apache-2.0
 * The thread that sends webhooks. Replicas compete: a webhook is claimed in PostgreSQL
 * for as long as one message may take, and a process that dies with it is replaced when
 * that time is over. So a message arrives at least once, always under the same id. */
#include <string.h>
#include <time.h>

#include "server/engine_internal.h"
#include "server/webhook.h"
#include "util/log.h"

#define SLOTS 16u        /* messages under way at once */
#define LEASE 15.0       /* seconds; more than a message may take */
#define POLL_MS 100      /* between two looks while something is under way */
#define CLEAN_SECONDS 60 /* between two looks at what need not be kept */

struct sender {
  struct engine *engine;
  CURLM *multi;
  struct webhook_post *first;
  unsigned count;
  bool again; /* a webhook has become free: look at once */
  time_t second, cleaned;
};

/* Seconds until the next attempt, by how many there were. */
static double delay_after(int64_t attempts)
{
  static const double delays[WEBHOOK_ATTEMPTS - 1] = {5,     30,    300,   1800, 7200,
                                                      18000, 36000, 50400, 72000};
  return delays[MIN(MAX(attempts, 1), (int64_t)LENGTH(delays)) - 1];
}

/* ---- the end of a message ---- */

static void note(struct sender *s, struct db *db, int64_t delivery, int64_t webhook,
                 int64_t attempt, bool good, long status, const char *reason)
{
  bool dead = !good && attempt >= (int64_t)WEBHOOK_ATTEMPTS;
  const char *state = good ? "delivered" : dead ? "dead" : "waiting";
  enum err e = db_run(db, Q_WEBHOOK_SENT,
                      DB_ARGS(DB_INT(delivery), DB_INT(attempt), DB_TEXT(state),
                              status ? DB_INT(status) : DB_NULL, DB_TEXT(reason),
                              DB_REAL(delay_after(attempt))));
  if (e == OK)
    e = db_run(db, Q_WEBHOOK_FREE,
               DB_ARGS(DB_INT(webhook), DB_FIXED(&s->engine->replica)));
  if (e != OK) /* the lease lapses, and it is sent again */
    log_warning("webhook", "delivery %lld could not be noted: %s", (long long)delivery,
                err_info(e)->name);
  if (!good)
    log_info("webhook", "delivery %lld, attempt %lld: %s", (long long)delivery,
             (long long)attempt, reason);
}

static void unlink_post(struct sender *s, struct webhook_post *p)
{
  struct webhook_post **at = &s->first;
  while (*at != p)
    at = &(*at)->next;
  *at = p->next;
  s->count--;
  curl_multi_remove_handle(s->multi, p->curl);
}

static void finish(struct sender *s, struct db *db, CURL *curl, CURLcode code)
{
  struct webhook_post *p = NULL;
  char reason[160] = "";
  long status;
  curl_easy_getinfo(curl, CURLINFO_PRIVATE, &p);
  bool good = webhook_post_result(p, code, &status, reason, sizeof reason);
  unlink_post(s, p);
  note(s, db, p->delivery, p->webhook, p->attempt, good, status, good ? NULL : reason);
  webhook_post_free(p);
  s->again = true;
}

/* ---- the beginning ---- */

static void begin(struct sender *s, struct db *db, const struct webhook_message *m)
{
  struct webhook_post *p = NULL;
  enum err e = webhook_post_new(&p, s->engine->server, m);
  if (e == OK && curl_multi_add_handle(s->multi, p->curl) != CURLM_OK)
    e = E_INTERNAL;
  if (e != OK) {
    note(s, db, m->delivery, m->webhook, m->attempt, false, 0,
         e == E_CONFIG ? "its secret was sealed with another coordinator's key"
                       : "it could not be made");
    webhook_post_free(p);
    return;
  }
  p->next = s->first;
  s->first = p;
  s->count++;
}

/* What is claimed in one transaction, so that nothing is claimed for nothing. */
struct claim {
  struct sender *s;
  struct db_rows hooks;           /* id, url, secret */
  struct db_rows messages[SLOTS]; /* id, message, body, attempts, now; of each hook */
};

static void claim_done(struct claim *c)
{
  db_rows_done(&c->hooks);
  for (unsigned i = 0; i < SLOTS; i++)
    db_rows_done(&c->messages[i]);
}

static enum err claim_run(struct db *db, void *arg)
{
  struct claim *c = arg;
  struct sender *s = c->s;
  claim_done(c);
  TRY(db_query(
      db, Q_WEBHOOK_CLAIM, &c->hooks,
      DB_ARGS(DB_INT(SLOTS - s->count), DB_FIXED(&s->engine->replica), DB_REAL(LEASE))));
  for (unsigned i = 0; i < c->hooks.len; i++) {
    int64_t webhook = db_int(&c->hooks, i, 0);
    TRY(db_query(db, Q_WEBHOOK_NEXT, &c->messages[i], DB_ARGS(DB_INT(webhook))));
    if (c->messages[i].len == 0)
      TRY(db_run(db, Q_WEBHOOK_FREE,
                 DB_ARGS(DB_INT(webhook), DB_FIXED(&s->engine->replica))));
  }
  return OK;
}

static void claim(struct sender *s, struct db *db)
{
  AUTO(claim_done) struct claim c = {.s = s};
  if (s->count == SLOTS || db_transaction(db, claim_run, &c) != OK)
    return;
  for (unsigned i = 0; i < c.hooks.len; i++) {
    const struct db_rows *r = &c.messages[i];
    if (r->len == 0)
      continue;
    const struct webhook_message m = {.webhook = db_int(&c.hooks, i, 0),
                                      .url = db_text(&c.hooks, i, 1),
                                      .secret = db_bytes(&c.hooks, i, 2),
                                      .delivery = db_int(r, 0, 0),
                                      .message = db_text(r, 0, 1),
                                      .body = db_text(r, 0, 2),
                                      .attempt = db_int(r, 0, 3),
                                      .now = db_int(r, 0, 4)};
    begin(s, db, &m);
  }
}

/* ---- the thread ---- */

static void each_second(struct sender *s, struct db *db)
{
  time_t now = time(NULL);
  if (now == s->second)
    return;
  s->second = now;
  enum err e = webhook_tell_due(db);
  if (e != OK)
    log_warning("webhook", "due phases could not be told: %s", err_info(e)->name);
  if (now < s->cleaned + CLEAN_SECONDS)
    return;
  s->cleaned = now;
  (void)!db_run(db, Q_WEBHOOK_CLEAN, DB_NONE); /* else in a minute */
  (void)!db_run(db, Q_REPLAY_CLEAN, DB_NONE);
}

static void move(struct sender *s, struct db *db)
{
  int running = 0, left = 0;
  curl_multi_perform(s->multi, &running);
  for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left));)
    if (m->msg == CURLMSG_DONE)
      finish(s, db, m->easy_handle, m->data.result);
}

/* Sleeps until there may be something to do; false at the end. */
static bool pause_sender(struct sender *s)
{
  bool again = s->again;
  s->again = false;
  if (s->count && !again)
    curl_multi_poll(s->multi, NULL, 0, POLL_MS, NULL);
  return engine_wait_webhooks(s->engine, s->count || again ? 0 : 1000);
}

/* What is under way goes to whoever claims it next. */
static void let_go(struct sender *s)
{
  struct db *db = db_take(s->engine->server->pool);
  while (s->first) {
    struct webhook_post *p = s->first;
    unlink_post(s, p);
    note(s, db, p->delivery, p->webhook, p->attempt, false, 0, "the server was stopped");
    webhook_post_free(p);
  }
  db_give(s->engine->server->pool, db);
}

void *webhooks_run(void *arg)
{
  struct sender s = {.engine = arg, .multi = curl_multi_init()};
  if (!s.multi) {
    log_error("webhook", "curl cannot start: nothing is sent");
    return NULL;
  }
  do {
    struct db *db = db_take(s.engine->server->pool);
    each_second(&s, db);
    claim(&s, db);
    move(&s, db);
    db_give(s.engine->server->pool, db);
  } while (pause_sender(&s));
  let_go(&s);
  curl_multi_cleanup(s.multi);
  return NULL;
}
