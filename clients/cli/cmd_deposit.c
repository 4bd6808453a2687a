/* SPDX-License-Identifier: Apache-2.0
 * chorus deposit: puts money for a model's rewards into the vault. Anybody may. */
#include <string.h>

#include "clients/cli/cli.h"
#include "clients/lib/wallet.h"
#include "util/field.h"
#include "util/text.h"

#define BLOCK_SECONDS 120u

/* One call, sent and waited for. */
static enum err send(struct cli *c, const struct wallet *w, struct wallet_call *call,
                     const char *what, struct wallet_sent *sent, struct why *why)
{
  static const struct address ether;
  char fee[160];
  TRY(wallet_prepare(call, &c->view, w, why));
  say(c, "%s, for at most %s of gas…", what, amount_text(fee, &call->cost, &ether));
  return wallet_send(sent, &c->view, w, call, BLOCK_SECONDS, why);
}

/* A token is fetched by the vault, as far as its owner allows. */
static enum err allow(struct cli *c, const struct wallet *w, const struct address *token,
                      const struct word *amount, struct why *why)
{
  AUTO(buf_done) struct buf data = {0};
  const struct address *vault = &c->view.roles.vault;
  struct wallet_call call = {.to = *token};
  struct wallet_sent sent;
  struct word allowed;
  TRY(wallet_ask(&c->view, token, "allowance(address,address)",
                 ABI_ARGS(ABI_ADDRESS(&w->signer.address), ABI_ADDRESS(vault)), &allowed,
                 why));
  if (word_compare(&allowed, amount) >= 0)
    return OK;
  TRY(abi_call(&data, "approve(address,uint256)",
               ABI_ARGS(ABI_ADDRESS(vault), ABI_WORD(*amount))));
  call.data = buf_bytes(&data);
  return send(c, w, &call, "Allowing the vault to fetch it", &sent, why);
}

static enum err deposit(struct cli *c, const char *model, const struct word *amount,
                        struct why *why)
{
  AUTO(wallet_done) struct wallet w = {0};
  AUTO(buf_done) struct buf data = {0};
  const struct address *vault = &c->view.roles.vault;
  struct wallet_call call = {.to = *vault};
  struct wallet_sent sent;
  struct chain_model m;
  struct word id, funds, spent;
  char had[160], text[160], hash[65], digits[2][WORD_DIGITS + 1];
  TRY(wallet_open(&w, c->o.key, c->o.passphrase_file, why));
  TRY(registry_model(c->view.rpc, &c->view.registry, "finalized", model, &m, why));
  chain_model(&id, model);
  if (address_zero(&m.currency))
    call.value = *amount;
  else
    TRY(allow(c, &w, &m.currency, amount, why));
  TRY(abi_call(&data, "deposit(bytes32,uint256)",
               ABI_ARGS(ABI_WORD(id), ABI_WORD(*amount))));
  call.data = buf_bytes(&data);
  TRY(send(c, &w, &call, "Depositing", &sent, why));
  TRY(vault_funds(c->view.rpc, vault, "latest", model, &funds, &spent, why));
  say(c, "%s for %s arrived in block %llu. The vault now holds %s for it.",
      amount_text(had, amount, &m.currency), model, (unsigned long long)sent.block,
      amount_text(text, &funds, &m.currency));
  say_json(c,
           json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "event", "deposited", "model", model,
                     "amount", word_text(digits[0], amount), "funds",
                     word_text(digits[1], &funds), "transaction",
                     hex_encode(hash, sent.hash.b, 32), "block", (json_int_t)sent.block));
  return OK;
}

enum err cmd_deposit(struct cli *c, struct why *why)
{
  const char *model = c->o.words[0];
  struct word amount;
  if (!slug_valid(model))
    return why_set(why, E_USAGE, "MODEL", "is not the name of a model");
  if (word_parse(&amount, c->o.words[1], "AMOUNT", NULL) != OK || word_zero(&amount))
    return why_set(why, E_USAGE, "AMOUNT",
                   "must be a whole number of the currency's smallest unit (of ether: "
                   "wei, 10^-18)");
  if (!c->o.key)
    return why_set(why, E_USAGE, "--key", "is needed: whose money is it?");
  TRY(cli_visitor(c, model, why));
  TRY(cli_chain(c, c->home, why));
  return deposit(c, model, &amount, why);
}
