/* SPDX-License-Identifier: Apache-2.0
 * Starting, waking and stopping the engine's threads. */
#include "server/engine.h"

#include <sodium.h>
#include <string.h>
#include <time.h>

#include "server/engine_internal.h"

static struct engine *engine_new(struct server *server)
{
  struct engine *engine = must_calloc(1, sizeof *engine);
  engine->server = server;
  pthread_mutex_init(&engine->lock, NULL);
  pthread_cond_init(&engine->driver_wake, NULL);
  pthread_cond_init(&engine->jobs_wake, NULL);
  pthread_cond_init(&engine->log_wake, NULL);
  pthread_cond_init(&engine->payer_wake, NULL);
  pthread_cond_init(&engine->webhooks_wake, NULL);
  randombytes_buf(&engine->replica, sizeof engine->replica);
  engine->workers =
      must_calloc(MAX(server->config.job_workers, 1u), sizeof *engine->workers);
  return engine;
}

enum err engine_start(struct server *server)
{
  struct engine *engine = engine_new(server);
  server->engine = engine;
  if (server->read_only)
    return OK;
  engine->driver_runs = pthread_create(&engine->driver, NULL, driver_run, engine) == 0;
  engine->sequencer_runs =
      pthread_create(&engine->sequencer, NULL, sequencer_run, engine) == 0;
  engine->webhooks_runs =
      pthread_create(&engine->webhooks, NULL, webhooks_run, engine) == 0;
  bool good = engine->driver_runs && engine->sequencer_runs && engine->webhooks_runs;
  if (good && server->chain.on && server->config.chain.rpc) {
    engine->payer_runs = pthread_create(&engine->payer, NULL, payer_run, engine) == 0;
    good = engine->payer_runs;
  }
  while (good && engine->workers_len < MAX(server->config.job_workers, 1u)) {
    struct worker *w = &engine->workers[engine->workers_len];
    w->engine = engine;
    good = pthread_create(&w->thread, NULL, jobs_run, w) == 0;
    engine->workers_len += good;
  }
  if (good)
    return OK;
  engine_stop(server);
  return E_BUSY;
}

void engine_stop(struct server *server)
{
  struct engine *engine = server->engine;
  if (!engine)
    return;
  pthread_mutex_lock(&engine->lock);
  engine->stop = true;
  pthread_cond_broadcast(&engine->driver_wake);
  pthread_cond_broadcast(&engine->jobs_wake);
  pthread_cond_broadcast(&engine->log_wake);
  pthread_cond_broadcast(&engine->payer_wake);
  pthread_cond_broadcast(&engine->webhooks_wake);
  pthread_mutex_unlock(&engine->lock);
  if (engine->driver_runs) {
    pthread_join(engine->driver, NULL);
    replica_gone(engine);
  }
  if (engine->sequencer_runs)
    pthread_join(engine->sequencer, NULL);
  if (engine->payer_runs)
    pthread_join(engine->payer, NULL);
  if (engine->webhooks_runs)
    pthread_join(engine->webhooks, NULL);
  for (unsigned i = 0; i < engine->workers_len; i++)
    pthread_join(engine->workers[i].thread, NULL);
  round_cache_done(engine);
  pthread_cond_destroy(&engine->driver_wake);
  pthread_cond_destroy(&engine->jobs_wake);
  pthread_cond_destroy(&engine->log_wake);
  pthread_cond_destroy(&engine->payer_wake);
  pthread_cond_destroy(&engine->webhooks_wake);
  pthread_mutex_destroy(&engine->lock);
  free(engine->workers);
  free(engine);
  server->engine = NULL;
}

void engine_heard(struct server *server, const char *topic)
{
  struct engine *engine = server->engine;
  if (!engine)
    return;
  bool all = topic == NULL;
  pthread_mutex_lock(&engine->lock);
  if (all || strncmp(topic, "count:", 6) == 0 || strncmp(topic, "model:", 6) == 0) {
    engine->driver_wanted = true;
    pthread_cond_signal(&engine->driver_wake);
  }
  if (all || strcmp(topic, "jobs") == 0) {
    engine->jobs_wanted++;
    pthread_cond_broadcast(&engine->jobs_wake);
  }
  if (all || strcmp(topic, "chain") == 0 || strcmp(topic, "log") == 0) {
    engine->payer_wanted = true;
    pthread_cond_signal(&engine->payer_wake);
  }
  if (all || strcmp(topic, "webhooks") == 0) {
    engine->webhooks_wanted = true;
    pthread_cond_signal(&engine->webhooks_wake);
  }
  pthread_mutex_unlock(&engine->lock);
}

static struct timespec in_ms(unsigned ms)
{
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  t.tv_nsec += (long)(ms % 1000) * 1000000;
  t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
  t.tv_nsec %= 1000000000;
  return t;
}

/* Sleeps until *wanted or so many milliseconds have passed; false when the engine stops.
 */
static bool wait_wanted(struct engine *engine, pthread_cond_t *wake, bool *wanted,
                        unsigned ms)
{
  struct timespec until = in_ms(ms);
  int e = 0;
  pthread_mutex_lock(&engine->lock);
  while (!engine->stop && !*wanted && e == 0)
    e = pthread_cond_timedwait(wake, &engine->lock, &until);
  *wanted = false;
  bool on = !engine->stop;
  pthread_mutex_unlock(&engine->lock);
  return on;
}

bool engine_wait_driver(struct engine *engine)
{
  return wait_wanted(engine, &engine->driver_wake, &engine->driver_wanted, 1000);
}

bool engine_wait_payer(struct engine *engine, unsigned ms)
{
  return wait_wanted(engine, &engine->payer_wake, &engine->payer_wanted, ms);
}

bool engine_wait_webhooks(struct engine *engine, unsigned ms)
{
  return wait_wanted(engine, &engine->webhooks_wake, &engine->webhooks_wanted, ms);
}

bool engine_wait_jobs(struct engine *engine, uint64_t *seen)
{
  struct timespec until = in_ms(1000);
  int e = 0;
  pthread_mutex_lock(&engine->lock);
  while (!engine->stop && engine->jobs_wanted == *seen && e == 0)
    e = pthread_cond_timedwait(&engine->jobs_wake, &engine->lock, &until);
  *seen = engine->jobs_wanted;
  bool on = !engine->stop;
  pthread_mutex_unlock(&engine->lock);
  return on;
}

bool engine_wait_log(struct engine *engine, unsigned ms)
{
  struct timespec until = in_ms(ms);
  int e = 0;
  pthread_mutex_lock(&engine->lock);
  while (!engine->stop && e == 0)
    e = pthread_cond_timedwait(&engine->log_wake, &engine->lock, &until);
  bool on = !engine->stop;
  pthread_mutex_unlock(&engine->lock);
  return on;
}
