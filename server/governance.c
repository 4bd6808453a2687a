/* SPDX-License-Identifier: Apache-2.0
 * Handler: the governor's proposals, over the server's own nodes. For people and pages;
 * whoever votes looks for himself (chorus proposals).
 *
 * The proposals of final blocks are kept by the process, so that each look reads only
 * what is new; the whole list is kept for some seconds. One request looks at a time. */
#include "server/governance.h"

#include <pthread.h>
#include <time.h>

#include "chain/governor.h"
#include "server/common.h"
#include "server/handlers.h"

#define FRESH 5.0          /* seconds */
#define BLOCKS_ONCE 10000u /* that a node is asked for in one call */

struct governance {
  pthread_mutex_t lock;
  struct kept_proposal *all; /* of blocks below `next`, oldest first */
  size_t len;
  uint64_t next; /* 0: not looked yet */
  json_t *list;  /* as it was last read; NULL: not yet */
  double read_at;
};

struct governance *governance_new(void)
{
  struct governance *g = must_calloc(1, sizeof *g);
  pthread_mutex_init(&g->lock, NULL);
  return g;
}

static void drop_all(struct kept_proposal *all, size_t len)
{
  for (size_t i = 0; i < len; i++)
    kept_proposal_done(&all[i]);
  free(all);
}

void governance_free(struct governance *g)
{
  if (!g)
    return;
  drop_all(g->all, g->len);
  json_decref(g->list);
  pthread_mutex_destroy(&g->lock);
  free(g);
}

static double seconds_now(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* ---- one look ---- */

struct look {
  const struct server *s;
  struct rpc *rpc;
  struct kept_proposal *found;
  size_t len;
  struct why *why;
};

static void look_done(struct look *l)
{
  rpc_free(l->rpc);
  drop_all(l->found, l->len);
}

static enum err take(void *arg, const struct proposal *p)
{
  struct look *l = arg;
  l->found = must_realloc(l->found, l->len + 1, sizeof *l->found);
  TRY(proposal_keep(&l->found[l->len], p));
  l->len++;
  return OK;
}

static enum err read_blocks(struct look *l, uint64_t first, uint64_t last)
{
  while (first <= last) {
    uint64_t to = MIN(last, first + BLOCKS_ONCE - 1);
    TRY(governor_proposals(l->rpc, &l->s->chain.governor, first, to, take, l, l->why));
    first = to + 1;
  }
  return OK;
}

/* Moves what was found to those that are kept. */
static void keep(struct governance *g, struct look *l)
{
  if (!l->len)
    return;
  g->all = must_realloc(g->all, g->len + l->len, sizeof *g->all);
  for (size_t i = 0; i < l->len; i++)
    g->all[g->len++] = l->found[i];
  free(STEAL(l->found));
  l->len = 0;
}

static enum err add(const struct look *l, json_t *list, const struct kept_proposal *k)
{
  struct proposal_standing standing;
  TRY(governor_standing(l->rpc, &l->s->chain.governor, "latest", &k->p, &standing,
                        l->why));
  json_array_insert_new(list, 0, proposal_json(&k->p, &standing, &l->s->chain.registry));
  return OK;
}

static enum err look(struct governance *g, struct look *l)
{
  struct word genesis = {0};
  struct rpc_block final, newest;
  AUTO(json_drop) json_t *list = json_array();
  TRY(rpc_new(&l->rpc, l->s->config.chain.rpc, l->why));
  TRY(rpc_check(l->rpc, l->s->chain.id, &genesis, l->why));
  TRY(rpc_block(l->rpc, "finalized", &final, l->why));
  TRY(rpc_block(l->rpc, "latest", &newest, l->why));
  TRY(read_blocks(l, g->next, final.number));
  keep(g, l);
  g->next = MAX(g->next, final.number + 1);
  TRY(read_blocks(l, g->next, newest.number));
  for (size_t i = 0; i < g->len; i++)
    TRY(add(l, list, &g->all[i]));
  for (size_t i = 0; i < l->len; i++)
    TRY(add(l, list, &l->found[i]));
  json_decref(g->list);
  g->list = STEAL(list);
  g->read_at = seconds_now();
  return OK;
}

/* Nothing is proposed before the first model is registered. *first: that block; 0: there
 * is none yet. */
static enum err first_block(struct db *db, uint64_t *first)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_OUTBOX_FIRST_BLOCK, &rows, DB_NONE));
  *first = db_null(&rows, 0, 0) ? 0 : (uint64_t)db_int(&rows, 0, 0);
  return OK;
}

static enum err refresh(struct governance *g, struct request *rq)
{
  AUTO(look_done) struct look l = {.s = rq->server, .why = rq->why};
  if (!g->next)
    TRY(first_block(rq->db, &g->next));
  if (g->next)
    return look(g, &l);
  json_decref(g->list);
  g->list = json_array();
  return OK;
}

enum err proposals_list(struct request *rq, struct reply *rp)
{
  const struct server *s = rq->server;
  struct governance *g = s->governance;
  if (!s->chain.on || !s->config.chain.rpc)
    return why_set(rq->why, E_NO_CHAIN, "", "so there are no votes on it");
  if (!atomic_load(&s->chain.known))
    return why_set(rq->why, E_NETWORK, "", "the contracts could not be read yet");
  if (pthread_mutex_trylock(&g->lock) != 0)
    return E_BUSY; /* somebody is looking right now */
  bool fresh = g->list && seconds_now() - g->read_at < FRESH;
  enum err e = fresh ? OK : refresh(g, rq);
  if (e == OK)
    rp->json = json_pack("{s:o}", "proposals", json_deep_copy(g->list));
  pthread_mutex_unlock(&g->lock);
  return e;
}
