/* SPDX-License-Identifier: Apache-2.0
 * chorusd chain deploy: the five contracts, from consecutive nonces of one key, so that
 * each can be told the others' addresses before they exist. Nothing is written into the
 * configuration before all of them stand, finally, and point at each other: an
 * interrupted deployment leaves contracts that nobody uses. */
#include "server/chain_cmd.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "chain/abi.h"
#include "chain/tx.h"
#include "server/file.h"
#include "server/identity.h"
#include "util/field.h"
#include "util/text.h"

#define ARTIFACT_MAX ((size_t)4 << 20)
#define WAIT_SECONDS 1800
#define DEPLOY_GAS 13000000u /* all five */
#define GWEI 1000000000u

static const char *const names[CONTRACTS] = {"TimelockController", "ChorusRegistry",
                                             "ChorusVault", "ChorusVoice",
                                             "ChorusGovernor"};

struct deployment {
  const struct settings *settings;
  struct rpc *rpc;
  uint64_t chain_id, nonce; /* of the first contract */
  struct secret_key key;
  struct signer deployer;
  struct address relayer, attestor, guardian, at[CONTRACTS];
  uint64_t last_block;
};

static void deployment_done(struct deployment *d)
{
  rpc_free(d->rpc);
  sodium_memzero(&d->key, sizeof d->key);
}

void pause_ms(unsigned ms)
{
  struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
  nanosleep(&t, NULL);
}

enum err chain_connect(struct rpc **rpc, const struct settings *s, uint64_t *chain_id,
                       struct why *why)
{
  AUTO(json_drop) json_t *id = NULL;
  AUTO(rpc_drop) struct rpc *r = NULL;
  struct word genesis = {0};
  if (!s->rpc)
    return why_set(why, E_USAGE, "rpc", "is needed");
  TRY(rpc_new(&r, s->rpc, why));
  *chain_id = s->chain_id;
  for (unsigned i = 0; !*chain_id && i < rpc_count(r); i++) {
    AUTO(json_drop) json_t *said = NULL;
    if (rpc_call(r, i, "eth_chainId", json_array(), &said, NULL, why) == OK &&
        json_is_string(said))
      *chain_id = strtoull(json_string_value(said), NULL, 16);
  }
  if (!*chain_id)
    return why_set(why, E_NETWORK, "rpc", "no node says which chain this is");
  TRY(rpc_check(r, *chain_id, &genesis, why));
  *rpc = STEAL(r);
  return OK;
}

/* ---- who is who ---- */

enum err attestor_of(const struct settings *s, struct address *out, struct why *why)
{
  struct identity id;
  struct secret_identity key;
  struct secret_key attestor;
  if (!s->key)
    return why_set(why, E_USAGE, "key", "is needed: the attestor's key follows from it");
  TRY(key_load(s->key, false, &id, &key, why));
  key_attestor(&attestor, &key);
  enum err e = key_address(out, &attestor);
  sodium_memzero(&key, sizeof key);
  sodium_memzero(&attestor, sizeof attestor);
  return e;
}

enum err relayer_of(const struct settings *s, struct address *out, struct why *why)
{
  struct secret_key key;
  if (!s->relayer)
    return why_set(why, E_USAGE, "relayer", "is needed: the file with the relayer's key");
  TRY(keyfile_open(&key, s->relayer, s->relayer_passphrase, why));
  enum err e = key_address(out, &key);
  sodium_memzero(&key, sizeof key);
  return e;
}

static enum err find_roles(struct deployment *d, struct why *why)
{
  const struct settings *s = d->settings;
  TRY(attestor_of(s, &d->attestor, why));
  TRY(relayer_of(s, &d->relayer, why));
  if (s->guardian)
    TRY(address_parse(&d->guardian, s->guardian, "guardian", why));
  TRY(keyfile_open(&d->key, s->deployer ? s->deployer : s->relayer,
                   s->deployer ? s->deployer_passphrase : s->relayer_passphrase, why));
  return signer_local(&d->deployer, &d->key);
}

/* The addresses that the five will have. */
static enum err find_places(struct deployment *d, struct why *why)
{
  uint64_t pending;
  const struct address *from = &d->deployer.address;
  TRY(rpc_nonce(d->rpc, from, "latest", &d->nonce, why));
  TRY(rpc_nonce(d->rpc, from, "pending", &pending, why));
  if (pending != d->nonce)
    return why_set(
        why, E_BUSY, "deployer",
        "%llu transactions of this key are not mined yet; wait, and start again",
        (unsigned long long)(pending - d->nonce));
  for (unsigned i = 0; i < CONTRACTS; i++)
    address_of_create(&d->at[i], from, d->nonce + i);
  return OK;
}

/* ---- code and constructors ---- */

static enum err load_code(struct buf *out, const char *folder, const char *name,
                          struct why *why)
{
  AUTO(buf_done) struct buf path = {0}, text = {0};
  AUTO(json_drop) json_t *json = NULL;
  TRY(buf_printf(&path, "%s/%s.json", folder, name));
  TRY(file_read(&text, buf_text(&path), ARTIFACT_MAX, why));
  TRY(json_parse(&json, buf_bytes(&text), ARTIFACT_MAX, why));
  const char *hex = json_string_value(json_object_get(json, "bytecode"));
  size_t len = hex ? strlen(hex) : 0;
  if (len < 4 || len % 2 || strncmp(hex, "0x", 2) != 0)
    return why_set(why, E_CONFIG, buf_text(&path), "holds no bytecode");
  TRY(buf_reserve(out, len / 2));
  if (hex_decode(out->data, len / 2 - 1, hex + 2) != OK)
    return why_set(why, E_CONFIG, buf_text(&path), "its bytecode is not hexadecimal");
  out->len = len / 2 - 1;
  return OK;
}

static enum err constructor(struct buf *out, const struct deployment *d, enum contract c)
{
  const struct settings *s = d->settings;
  struct word governor = word_of_address(&d->at[GOVERNOR]), anybody = {0};
  switch (c) {
  case TIMELOCK:
    return abi_encode(out, ABI_ARGS(ABI_UINT(s->timelock_delay), ABI_WORDS(&governor, 1),
                                    ABI_WORDS(&anybody, 1), ABI_UINT(0)));
  case REGISTRY:
    return abi_encode(out,
                      ABI_ARGS(ABI_ADDRESS(&d->at[TIMELOCK]), ABI_ADDRESS(&d->relayer),
                               ABI_ADDRESS(&d->attestor), ABI_ADDRESS(&d->guardian),
                               ABI_UINT(s->payout_delay), ABI_ADDRESS(&d->at[VAULT]),
                               ABI_ADDRESS(&d->at[VOICE]), ABI_WORD(governor)));
  case GOVERNOR: {
    struct word quorum;
    TRY(word_parse(&quorum, s->quorum, "quorum", NULL));
    return abi_encode(out,
                      ABI_ARGS(ABI_ADDRESS(&d->at[VOICE]), ABI_ADDRESS(&d->at[TIMELOCK]),
                               ABI_UINT(s->voting_delay), ABI_UINT(s->voting_period),
                               ABI_WORD(quorum)));
  }
  default:
    return abi_encode(out, ABI_ARGS(ABI_ADDRESS(&d->at[REGISTRY])));
  }
}

/* ---- one contract ---- */

/* What gas is offered now, in wei. */
static enum err offer(struct deployment *d, uint64_t *fee, uint64_t *tip, struct why *why)
{
  struct word tip_word, base_word;
  uint64_t base, cap = d->settings->gas_cap * GWEI;
  TRY(rpc_fees(d->rpc, &tip_word, &base_word, why));
  if (word_u64(tip, &tip_word) != OK || word_u64(&base, &base_word) != OK || base >= cap)
    return why_set(why, E_CONFIG, "gas-cap", "gas is dearer than that now");
  *fee = MIN(2 * base + *tip, cap);
  *tip = MIN(*tip, *fee);
  return OK;
}

static enum err check_money(struct deployment *d, struct why *why)
{
  struct word have;
  uint64_t fee = 0, tip = 0;
  char text[WORD_DIGITS + 1], address[ADDRESS_TEXT];
  TRY(offer(d, &fee, &tip, why));
  TRY(rpc_balance(d->rpc, &d->deployer.address, "latest", &have, why));
  uint64_t cost = fee * DEPLOY_GAS;
  struct word need = word_of(cost);
  if (word_compare(&have, &need) >= 0)
    return OK;
  return why_set(why, E_CONFIG, "deployer",
                 "%s has %s wei, but the deployment may take %llu for gas: send it ether",
                 address_text(address, &d->deployer.address), word_text(text, &have),
                 (unsigned long long)cost);
}

static enum err make_tx(struct deployment *d, const struct buf *code, uint64_t nonce,
                        struct buf *raw, struct word *hash, struct why *why)
{
  struct word nothing = {0};
  uint64_t gas = 0, fee = 0, tip = 0;
  TRY(rpc_estimate(d->rpc, &d->deployer.address, NULL, &nothing, buf_bytes(code), &gas,
                   why));
  TRY(offer(d, &fee, &tip, why));
  struct tx tx = {.chain_id = d->chain_id,
                  .nonce = nonce,
                  .gas = MIN(gas + gas / 8, d->settings->chain_tx_gas_max),
                  .max_fee = word_of(fee),
                  .max_tip = word_of(tip),
                  .create = true,
                  .data = buf_bytes(code)};
  return tx_sign(raw, hash, &tx, &d->deployer, why);
}

/* Sends the same bytes until there is a receipt. */
static enum err wait_mined(struct deployment *d, const struct buf *raw,
                           const struct word *hash, struct rpc_receipt *out,
                           struct why *why)
{
  for (time_t end = time(NULL) + WAIT_SECONDS; time(NULL) < end; pause_ms(250)) {
    struct why said = {0};
    (void)!rpc_send_raw(d->rpc, buf_bytes(raw), &said);
    enum err e = rpc_receipt(d->rpc, hash, out, &said);
    if (e == OK && out->found)
      return OK;
    if (*said.detail && why)
      *why = said;
  }
  return why_set(why, E_NETWORK, "rpc", "it was not mined within half an hour");
}

static enum err deploy_one(struct deployment *d, enum contract c, struct why *why)
{
  AUTO(buf_done) struct buf code = {0}, raw = {0};
  struct word hash;
  struct rpc_receipt receipt = {0};
  char text[ADDRESS_TEXT];
  TRY(load_code(&code, d->settings->contracts, names[c], why));
  TRY(constructor(&code, d, c));
  TRY(make_tx(d, &code, d->nonce + c, &raw, &hash, why));
  TRY(wait_mined(d, &raw, &hash, &receipt, why));
  if (!receipt.success || memcmp(&receipt.contract, &d->at[c], sizeof d->at[c]) != 0)
    return why_set(
        why, E_REVERTED, names[c],
        "was not made at its address; does something else send with this key?");
  printf("%-20s %s  %llu gas\n", names[c], address_text(text, &d->at[c]),
         (unsigned long long)receipt.gas_used);
  fflush(stdout);
  d->last_block = MAX(d->last_block, receipt.block);
  return OK;
}

/* ---- whether everything points at everything ---- */

static enum err wait_final(struct deployment *d, struct why *why)
{
  struct rpc_block finalized;
  for (time_t end = time(NULL) + WAIT_SECONDS; time(NULL) < end; pause_ms(500))
    if (rpc_block(d->rpc, "finalized", &finalized, why) == OK &&
        finalized.number >= d->last_block)
      return OK;
  return why_set(why, E_UNANCHORED, "rpc",
                 "the contracts were not final in half an hour");
}

static enum err points_at(struct deployment *d, enum contract from, const char *function,
                          enum contract to, struct why *why)
{
  AUTO(buf_done) struct buf call = {0}, data = {0};
  struct word word;
  struct address there;
  TRY(abi_call(&call, function, 0, NULL));
  TRY(rpc_eth_call(d->rpc, &d->at[from], buf_bytes(&call), "finalized", &data, why));
  if (abi_word(&word, buf_bytes(&data), 1, 0) != OK ||
      word_address(&there, &word) != OK || memcmp(&there, &d->at[to], sizeof there) != 0)
    return why_set(why, E_CONFLICT, names[from], "%s is not the %s", function, names[to]);
  return OK;
}

static enum err check_set(struct deployment *d, struct why *why)
{
  static const struct {
    enum contract from;
    const char *function;
    enum contract to;
  } links[] = {{VAULT, "registry()", REGISTRY}, {VOICE, "registry()", REGISTRY},
               {GOVERNOR, "token()", VOICE},    {GOVERNOR, "timelock()", TIMELOCK},
               {REGISTRY, "owner()", TIMELOCK}, {REGISTRY, "vault()", VAULT},
               {REGISTRY, "voice()", VOICE},    {REGISTRY, "governor()", GOVERNOR}};
  struct chain_roles roles;
  for (size_t i = 0; i < CONTRACTS; i++) {
    size_t len;
    TRY(rpc_code(d->rpc, &d->at[i], "finalized", &len, why));
    if (!len)
      return why_set(why, E_CONFLICT, names[i], "has no code");
  }
  for (size_t i = 0; i < LENGTH(links); i++)
    TRY(points_at(d, links[i].from, links[i].function, links[i].to, why));
  TRY(registry_roles(d->rpc, &d->at[REGISTRY], "finalized", &roles, why));
  if (memcmp(&roles.relayer, &d->relayer, sizeof roles.relayer) != 0 ||
      memcmp(&roles.attestor, &d->attestor, sizeof roles.attestor) != 0 ||
      memcmp(&roles.guardian, &d->guardian, sizeof roles.guardian) != 0 ||
      roles.delay != d->settings->payout_delay)
    return why_set(why, E_CONFLICT, names[REGISTRY],
                   "has other roles than were asked for");
  return OK;
}

/* ---- the configuration ---- */

static bool sets(const char *line, const char *name)
{
  line += strspn(line, " \t");
  size_t len = strlen(name);
  if (strncmp(line, name, len) != 0)
    return false;
  line += len;
  return line[strspn(line, " \t")] == '=';
}

/* The file with the two lines in place of what it said, or behind it. */
static enum err write_settings(const struct deployment *d, struct why *why)
{
  AUTO(buf_done) struct buf old = {0}, new = {0}, id = {0}, registry = {0};
  char text[ADDRESS_TEXT];
  const char *path = d->settings->config;
  TRY(buf_printf(&id, "chain-id = %llu\n", (unsigned long long)d->chain_id));
  TRY(buf_printf(&registry, "registry = %s\n", address_text(text, &d->at[REGISTRY])));
  printf("%s%s", buf_text(&id), buf_text(&registry));
  if (!path) {
    puts("put these two lines into the configuration, then run chorusd init");
    return OK;
  }
  TRY(file_read(&old, path, ARTIFACT_MAX, why));
  for (const char *line = buf_text(&old); *line;) {
    const char *end = strchr(line, '\n');
    size_t len = end ? (size_t)(end - line) + 1 : strlen(line);
    if (!sets(line, "chain-id") && !sets(line, "registry"))
      TRY(buf_put(&new, line, len));
    if (!end)
      TRY(buf_puts(&new, "\n"));
    line += len;
  }
  TRY(buf_puts(&new, buf_text(&id)));
  TRY(buf_puts(&new, buf_text(&registry)));
  return file_replace(path, buf_bytes(&new), why);
}

static enum err deploy(const struct settings *s, struct why *why)
{
  AUTO(deployment_done) struct deployment d = {.settings = s};
  struct word quorum;
  if (s->registry)
    return why_set(why, E_CONFLICT, "registry",
                   "is set already; remove the line to deploy another set of contracts");
  TRY(word_parse(&quorum, s->quorum, "quorum", why));
  TRY(find_roles(&d, why));
  TRY(chain_connect(&d.rpc, s, &d.chain_id, why));
  TRY(find_places(&d, why));
  TRY(check_money(&d, why));
  for (unsigned c = 0; c < CONTRACTS; c++)
    TRY(deploy_one(&d, (enum contract)c, why));
  puts("waiting until they are final");
  fflush(stdout);
  TRY(wait_final(&d, why));
  TRY(check_set(&d, why));
  return write_settings(&d, why);
}

enum err run_chain(const struct settings *s, const char **words, unsigned len,
                   struct why *why)
{
  if (len == 1 && strcmp(words[0], "deploy") == 0)
    return deploy(s, why);
  if (len == 1 && strcmp(words[0], "check") == 0)
    return chain_check(s, why);
  return why_set(why, E_USAGE, "chain", "expected: chain deploy, or chain check");
}
