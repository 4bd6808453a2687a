/* SPDX-License-Identifier: Apache-2.0
 * The payer: one thread per process that looks at the chain and moves what is in the
 * outbox. One process works at a time, under a lock that its database connection holds
 * for one look; whoever gets it next continues from what the database says. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/payer.h"
#include "server/payer_internal.h"
#include "util/log.h"
#include "util/text.h"

void payer_point(const struct payer *p, const char *name)
{
  const char *at = p->server->config.chain.crash_at;
  if (at && strcmp(at, name) == 0)
    kill(getpid(), SIGKILL);
}

enum err payer_tell(struct db *db, const struct sent *tx)
{
  char topic[80], hex[65];
  if (!tx->has_ctx)
    return OK;
  snprintf(topic, sizeof topic, "count:%s", hex_encode(hex, tx->ctx.b, 32));
  return db_notify(db, topic);
}

/* ---- what is read of the chain ---- */

/* What the database knows of the relayer's key. */
static enum err find_key(struct payer *p, struct db_rows *rows, struct why *why)
{
  const struct address *relayer = &p->server->chain.relayer.address;
  uint64_t count;
  TRY(db_query(p->db, Q_CHAIN_KEY, rows, DB_ARGS(DB_FIXED(relayer))));
  if (rows->len)
    return OK;
  TRY(rpc_nonce(p->rpc, relayer, "pending", &count, why)); /* it is new to us */
  TRY(db_run(p->db, Q_CHAIN_KEY_ADD,
             DB_ARGS(DB_FIXED(relayer), DB_INT(p->server->chain.id),
                     DB_FIXED(&p->genesis), DB_INT(count))));
  TRY(db_query(p->db, Q_CHAIN_KEY, rows, DB_ARGS(DB_FIXED(relayer))));
  return rows->len ? OK : E_INTERNAL;
}

/* The key belongs to one chain, and every transaction it ever sent is in our database:
 * otherwise a nonce would be used twice, and one of the two is lost. */
static enum err check_key(struct payer *p, struct why *why)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  uint64_t count;
  TRY(rpc_nonce(p->rpc, &p->server->chain.relayer.address, "latest", &count, why));
  TRY(find_key(p, &rows, why));
  if ((uint64_t)db_int(&rows, 0, 0) != p->server->chain.id ||
      !bytes_equal(db_bytes(&rows, 0, 1), BYTES_OF(p->genesis)))
    return why_set(why, E_CHAIN, "relayer",
                   "this key has been used on another chain; take another key for this "
                   "one");
  if ((uint64_t)db_int(&rows, 0, 2) >= count)
    return OK;
  return why_set(
      why, E_CONFLICT, "relayer",
      "the chain has %llu transactions of this key, but the database knows "
      "only of %lld: something else sends with it, or the database is an older "
      "one; nothing is signed (docs/operations.md)",
      (unsigned long long)count, (long long)db_int(&rows, 0, 2));
}

/* The genesis block that was seen with this key before, so that another chain of the same
 * number is found out. */
static enum err load_genesis(struct payer *p)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  if (!p->server->chain.relays)
    return OK;
  TRY(db_query(p->db, Q_CHAIN_KEY, &rows,
               DB_ARGS(DB_FIXED(&p->server->chain.relayer.address))));
  if (rows.len)
    db_fixed(&rows, 0, 1, &p->genesis, sizeof p->genesis);
  return OK;
}

static enum err take_look(struct payer *p, struct look *out, struct why *why)
{
  struct word tip, base;
  struct look look = {0};
  if (word_zero(&p->genesis))
    TRY(load_genesis(p));
  TRY(rpc_check(p->rpc, p->server->chain.id, &p->genesis, why));
  TRY(rpc_block(p->rpc, "latest", &look.latest, why));
  TRY(rpc_block(p->rpc, "finalized", &look.finalized, why));
  if (p->server->chain.relays) {
    TRY(check_key(p, why));
    TRY(rpc_nonce(p->rpc, &p->server->chain.relayer.address, "finalized", &look.used,
                  why));
    TRY(rpc_fees(p->rpc, &tip, &base, why));
    TRY(rpc_balance(p->rpc, &p->server->chain.relayer.address, "latest", &look.money,
                    why));
    if (word_u64(&look.tip, &tip) != OK || word_u64(&look.base, &base) != OK)
      return why_set(why, E_REPLY, "fees", "are beyond all measure");
  }
  *out = look;
  return OK;
}

/* ---- the contracts around the registry ---- */

static enum err read_contracts(struct payer *p, const struct look *look, struct why *why)
{
  struct chain_roles roles;
  const struct server *s = p->server;
  enum err e = registry_roles(p->rpc, &s->chain.registry, "finalized", &roles, why);
  if (e == E_NOT_FOUND || e == E_REPLY)
    return why_set(why, e, "registry",
                   "there is no registry at its address in the finalized chain");
  TRY(e);
  if (memcmp(&roles.attestor, &s->chain.attestor.address, sizeof roles.attestor) != 0)
    return why_set(why, E_CONFLICT, "registry",
                   "takes anchors of another key than this instance's");
  return db_run(p->db, Q_CHAIN_CONTRACTS_SET,
                DB_ARGS(DB_FIXED(&roles.vault), DB_FIXED(&roles.voice),
                        DB_FIXED(&roles.governor), DB_INT(look->finalized.number),
                        DB_INT(roles.delay)));
}

enum err payer_contracts_load(struct server *s, struct db *db)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_CHAIN_CONTRACTS, &rows, DB_NONE));
  if (!rows.len)
    return E_NOT_FOUND;
  if (!db_fixed(&rows, 0, 0, &s->chain.vault, 20) ||
      !db_fixed(&rows, 0, 1, &s->chain.voice, 20) ||
      !db_fixed(&rows, 0, 2, &s->chain.governor, 20))
    return E_INTERNAL;
  atomic_store(&s->chain.known, true);
  return OK;
}

static enum err know_contracts(struct payer *p, const struct look *look, struct why *why)
{
  if (atomic_load(&p->server->chain.known))
    return OK;
  enum err e = payer_contracts_load(p->server, p->db);
  if (e != E_NOT_FOUND)
    return e;
  TRY(read_contracts(p, look, why));
  return payer_contracts_load(p->server, p->db);
}

/* ---- the thread ---- */

static enum err need_relayer(struct payer *p, const struct look *look, struct why *why)
{
  return p->server->chain.relays
             ? OK
             : why_set(why, E_CONFIG, "relayer", "no key is configured: nothing is sent");
}

/* All that can be done now; the first trouble is told, the rest is tried all the same. */
static enum err work(struct payer *p, struct why *why)
{
  static enum err (*const parts[])(struct payer *, const struct look *, struct why *) = {
      payer_read_models, payer_read_beacons, payer_read_claims,  need_relayer,
      payer_watch,       payer_plan_results, payer_plan_payouts, payer_sign};
  struct look look;
  char money[WORD_DIGITS + 1];
  TRY(take_look(p, &look, why));
  TRY(db_run(
      p->db, Q_CHAIN_HEAD_SET,
      DB_ARGS(DB_INT(look.latest.number), DB_INT(look.finalized.number),
              DB_TEXT(p->server->chain.relays ? word_text(money, &look.money) : NULL))));
  TRY(know_contracts(p, &look, why));
  enum err first = OK;
  for (size_t i = 0; i < LENGTH(parts); i++) {
    struct why more = {0};
    enum err e = parts[i](p, &look, &more);
    if (e != OK && first == OK) {
      first = e;
      *why = more;
    }
    if (parts[i] == need_relayer && e != OK)
      break;
  }
  return first;
}

static enum err one_look(struct payer *p, struct why *why)
{
  AUTO(db_rows_done) struct db_rows lock = {0};
  TRY(db_query(p->db, Q_PAYER_LOCK, &lock, DB_NONE));
  if (!db_bool(&lock, 0, 0)) /* another process is at it */
    return E_BUSY;
  enum err e = work(p, why);
  if (e != OK && e != E_DB && e != E_DB_RETRY) {
    char text[sizeof why->field + sizeof why->detail + 96];
    snprintf(text, sizeof text, "%s %s%s%s", err_info(e)->title, why->field,
             *why->field ? ": " : "", why->detail);
    (void)!db_run(p->db, Q_CHAIN_TROUBLE_SET, DB_ARGS(DB_TEXT(text)));
  } else if (e == OK) {
    (void)!db_run(p->db, Q_CHAIN_TROUBLE_SET, DB_ARGS(DB_NULL));
  }
  (void)!db_run(p->db, Q_PAYER_UNLOCK, DB_NONE);
  return e;
}

/* Says once what is wrong, however often it is tried. */
static void complain(struct payer *p, enum err e, const struct why *why)
{
  bool before = *p->said.detail;
  if (e == E_BUSY)
    return;
  if (e == OK && before)
    log_info("chain", "the chain is reached again");
  if (e != OK && strcmp(why->detail, p->said.detail) != 0)
    log_warning("chain", "%s %s %s", err_info(e)->name, why->field, why->detail);
  p->said = *why;
  if (e == OK)
    p->said.detail[0] = 0;
  else if (!*p->said.detail)
    snprintf(p->said.detail, sizeof p->said.detail, "%s", err_info(e)->name);
}

void *payer_run(void *arg)
{
  struct engine *engine = arg;
  struct server *s = engine->server;
  struct payer p = {.engine = engine, .server = s};
  struct why why = {0};
  if (rpc_new(&p.rpc, s->config.chain.rpc, &why) != OK) {
    log_error("chain", "%s %s", why.field, why.detail);
    return NULL;
  }
  p.db = db_take(s->pool);
  do {
    why = (struct why){0};
    enum err e = one_look(&p, &why);
    complain(&p, e, &why);
  } while (engine_wait_payer(engine, (unsigned)s->config.chain.poll));
  db_give(s->pool, p.db);
  rpc_free(p.rpc);
  return NULL;
}
