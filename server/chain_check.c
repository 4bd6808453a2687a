/* SPDX-License-Identifier: Apache-2.0
 * chorusd chain check: what is wrong, in plain words, and what helps. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "db/db.h"
#include "model/spec.h"
#include "server/chain_cmd.h"
#include "server/identity.h"
#include "server/visibility.h"

/* Gas of one round's anchors and a payout to some dozens, for the money it takes. */
#define ROUND_GAS 1500000u
#define OLD_SECONDS 900 /* a newest block older than this is no newest block */

struct check {
  const struct settings *settings;
  struct rpc *rpc;
  struct address registry, relayer;
  bool has_relayer;
  struct chain_roles roles;
  unsigned wrong;
};

static void check_done(struct check *c)
{
  rpc_free(c->rpc);
}

static void good(const char *fmt, ...) PRINTF(1, 2);
static void bad(struct check *c, const char *fmt, ...) PRINTF(2, 3);

static void good(const char *fmt, ...)
{
  va_list args;
  va_start(args, fmt);
  fputs("ok     ", stdout);
  vprintf(fmt, args);
  putchar('\n');
  va_end(args);
}

static void bad(struct check *c, const char *fmt, ...)
{
  va_list args;
  va_start(args, fmt);
  fputs("WRONG  ", stdout);
  vprintf(fmt, args);
  putchar('\n');
  va_end(args);
  c->wrong++;
}

/* ---- the chain ---- */

static void check_blocks(struct check *c)
{
  struct rpc_block latest, finalized;
  struct why why = {0};
  if (rpc_block(c->rpc, "latest", &latest, &why) != OK ||
      rpc_block(c->rpc, "finalized", &finalized, &why) != OK) {
    bad(c, "the node does not say its newest and its finalized block: %s", why.detail);
    return;
  }
  int64_t age = (int64_t)time(NULL) - (int64_t)latest.timestamp;
  int64_t behind = (int64_t)(latest.timestamp - finalized.timestamp);
  if (age > OLD_SECONDS)
    bad(c,
        "the newest block is %lld seconds old: the node is behind, or the chain stands",
        (long long)age);
  else if (behind > 2 * OLD_SECONDS)
    bad(c,
        "blocks are finalized only %lld seconds late: anchors and payouts wait as long",
        (long long)behind);
  else
    good("block %llu, finalized %llu", (unsigned long long)latest.number,
         (unsigned long long)finalized.number);
}

/* ---- the registry ---- */

static bool same(const struct address *a, const struct address *b)
{
  return memcmp(a, b, sizeof *a) == 0;
}

static bool check_registry(struct check *c)
{
  char text[ADDRESS_TEXT];
  size_t code = 0;
  struct why why = {0};
  address_text(text, &c->registry);
  enum err e = rpc_code(c->rpc, &c->registry, "latest", &code, &why);
  if (e == OK && code)
    e = registry_roles(c->rpc, &c->registry, "latest", &c->roles, &why);
  if (e != OK)
    bad(c, "the registry at %s does not answer as one: %s", text, why.detail);
  else if (!code)
    bad(c, "there is no contract at %s: another chain, or the deployment is not mined",
        text);
  else
    good("registry %s", text);
  return e == OK && code;
}

static void check_keys(struct check *c)
{
  struct address attestor;
  char ours[ADDRESS_TEXT], theirs[ADDRESS_TEXT];
  struct why why = {0};
  if (attestor_of(c->settings, &attestor, &why) != OK)
    bad(c, "the coordinator's key: %s %s", why.field, why.detail);
  else if (!same(&attestor, &c->roles.attestor))
    bad(c,
        "the registry takes the anchors of %s, but the key gives %s: it is another "
        "instance's registry, or another key",
        address_text(theirs, &c->roles.attestor), address_text(ours, &attestor));
  else
    good("attestor %s", address_text(ours, &attestor));
  why = (struct why){0};
  c->has_relayer = relayer_of(c->settings, &c->relayer, &why) == OK;
  if (!c->has_relayer)
    bad(c, "the relayer's key: %s %s", why.field, why.detail);
  else if (!same(&c->relayer, &c->roles.relayer))
    bad(c,
        "the registry takes anchors from %s only, not from our relayer %s: a vote can "
        "change that (setRelayer)",
        address_text(theirs, &c->roles.relayer), address_text(ours, &c->relayer));
  else
    good("relayer %s", address_text(ours, &c->relayer));
}

static void check_money(struct check *c)
{
  struct word have, tip, base;
  uint64_t b, t;
  char text[WORD_DIGITS + 1];
  if (!c->has_relayer || rpc_balance(c->rpc, &c->relayer, "latest", &have, NULL) != OK ||
      rpc_fees(c->rpc, &tip, &base, NULL) != OK || word_u64(&t, &tip) != OK ||
      word_u64(&b, &base) != OK)
    return;
  struct word need = word_of(ROUND_GAS * (2 * b + t));
  word_text(text, &have);
  if (word_compare(&have, &need) < 0)
    bad(c, "the relayer has %s wei, but a round may take %llu for gas: send it ether",
        text, (unsigned long long)(ROUND_GAS * (2 * b + t)));
  else
    good("the relayer has %s wei; a round takes at most about %llu at present prices",
         text, (unsigned long long)(ROUND_GAS * (2 * b + t)));
  if (b >= c->settings->gas_cap * 1000000000u)
    bad(c, "gas costs %llu wei, more than gas-cap allows: nothing is sent",
        (unsigned long long)b);
}

/* ---- models ---- */

static void check_model(struct check *c, struct db *db, const char *model)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  AUTO(spec_drop) struct spec *spec = NULL;
  struct chain_model there;
  struct word funds, spent, budget;
  char have[WORD_DIGITS + 1];
  struct why why = {0};
  enum err e = registry_model(c->rpc, &c->registry, "latest", model, &there, &why);
  if (e != OK) {
    bad(c, "model %s: %s", model,
        e == E_NOT_FOUND ? "is not registered (yet)" : why.detail);
    return;
  }
  if (db_query(db, Q_SCHEDULE_SPEC, &rows, DB_ARGS(DB_TEXT(model))) != OK || !rows.len ||
      spec_parse(&spec, db_bytes(&rows, 0, 0), NULL) != OK ||
      spec->reward.scheme == REWARD_NONE ||
      word_parse(&budget, spec->reward.budget, "", NULL) != OK)
    return;
  if (vault_funds(c->rpc, &c->roles.vault, "latest", model, &funds, &spent, &why) != OK)
    bad(c, "model %s: the vault does not answer: %s", model, why.detail);
  else if (word_compare(&funds, &budget) < 0)
    bad(c, "model %s: the vault holds %s for it, but the next round may pay %s: deposit",
        model, word_text(have, &funds), spec->reward.budget);
  else
    good("model %s: the vault holds %s, a round pays at most %s", model,
         word_text(have, &funds), spec->reward.budget);
}

static void check_models(struct check *c, struct db *db)
{
  char after[SLUG_MAX + 1] = "";
  for (;;) {
    AUTO(db_rows_done) struct db_rows rows = {0};
    if (db_query(db, Q_MODEL_ROWS, &rows,
                 DB_ARGS(DB_NULL, DB_TEXT(after), DB_INT(100), NO_CALLER)) != OK ||
        !rows.len)
      return;
    for (unsigned i = 0; i < rows.len; i++)
      if (strcmp(db_text(&rows, i, 8), "active") == 0)
        check_model(c, db, db_text(&rows, i, 0));
    snprintf(after, sizeof after, "%s", db_text(&rows, rows.len - 1, 0));
  }
}

static void check_outbox(struct check *c, struct db *db)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  if (db_query(db, Q_OUTBOX_TROUBLES, &rows, DB_NONE) != OK)
    return;
  for (unsigned i = 0; i < rows.len; i++)
    bad(c, "transaction %s of %s is %s: %s", db_text(&rows, i, 0), db_text(&rows, i, 1),
        db_text(&rows, i, 2), db_text(&rows, i, 3));
}

enum err chain_check(const struct settings *s, struct why *why)
{
  AUTO(check_done) struct check c = {.settings = s};
  AUTO(db_drop) struct db *db = NULL;
  uint64_t chain_id;
  if (!s->registry)
    return why_set(why, E_USAGE, "registry",
                   "is not set: chorusd chain deploy makes one");
  TRY(address_parse(&c.registry, s->registry, "registry", why));
  TRY(chain_connect(&c.rpc, s, &chain_id, why));
  good("a node of chain %llu answers", (unsigned long long)chain_id);
  check_blocks(&c);
  if (check_registry(&c)) {
    check_keys(&c);
    check_money(&c);
    if (c.roles.paused)
      bad(&c, "the guardian has paused payouts: only a vote ends that");
    if (s->db) {
      TRY(db_open(&db, s->db, true, why));
      check_models(&c, db);
      check_outbox(&c, db);
    }
  }
  return c.wrong ? why_set(why, E_CONFIG, "chain", "%u thing%s to mend, see above",
                           c.wrong, c.wrong == 1 ? "" : "s")
                 : OK;
}
