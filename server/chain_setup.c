/* SPDX-License-Identifier: Apache-2.0
 * The chain's part of a process that serves: which chain, which keys. */
#include <sodium.h>
#include <string.h>

#include "chain/rpc.h"
#include "server/keyfile.h"
#include "server/payer.h"
#include "util/log.h"

/* What the settings say must be what the instance event says, for ever. */
static enum err check_settings(const struct server *s, const struct settings *set,
                               struct why *why)
{
  struct address registry;
  if (set->chain_id && set->chain_id != s->chain.id)
    return why_set(why, E_CONFIG, "chain-id",
                   "is %llu, but the instance is on chain %llu",
                   (unsigned long long)set->chain_id, (unsigned long long)s->chain.id);
  if (!set->registry)
    return OK;
  TRY(address_parse(&registry, set->registry, "registry", why));
  if (memcmp(&registry, &s->chain.registry, sizeof registry) != 0)
    return why_set(why, E_CONFIG, "registry", "is not the one that the instance names");
  return OK;
}

static enum err load_relayer(struct server *s, const struct settings *set,
                             struct why *why)
{
  if (!set->relayer)
    return OK;
  TRY(keyfile_open(&s->chain.relayer_key, set->relayer, set->relayer_passphrase, why));
  TRY(signer_local(&s->chain.relayer, &s->chain.relayer_key));
  s->chain.relays = true;
  return OK;
}

enum err chain_setup(struct server *s, struct db *db, const struct settings *set,
                     struct why *why)
{
  if (!s->chain.on)
    return OK;
  AUTO(rpc_drop) struct rpc *rpc = NULL; /* only whether the setting can be read */
  TRY(check_settings(s, set, why));
  if (set->rpc)
    TRY(rpc_new(&rpc, set->rpc, why));
  key_attestor(&s->chain.attestor_key, &s->key);
  TRY(signer_local(&s->chain.attestor, &s->chain.attestor_key));
  TRY(load_relayer(s, set, why));
  enum err e = payer_contracts_load(s, db);
  if (e != OK && e != E_NOT_FOUND)
    return e;
  if (set->rpc)
    return OK;
  log_warning("chain", "rpc is not set: everything that needs the chain waits");
  return db_run(db, Q_CHAIN_TROUBLE_SET,
                DB_ARGS(DB_TEXT("The setting rpc names no Ethereum node.")));
}

void chain_wipe(struct server *s)
{
  sodium_memzero(&s->chain.attestor_key, sizeof s->chain.attestor_key);
  sodium_memzero(&s->chain.relayer_key, sizeof s->chain.relayer_key);
}
