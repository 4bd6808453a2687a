/* SPDX-License-Identifier: Apache-2.0
 * A client's own view of the chain. */
#include "clients/lib/chain_view.h"

#include <stdio.h>
#include <string.h>

#include "util/field.h"
#include "util/text.h"

#define FINAL "finalized"
#define URLS_MAX 2048

/* ---- which chain, and over whom ---- */

bool chain_view_needed(const struct pin *pin)
{
  return pin->instance.anchored && !pin->instance.simulated;
}

void chain_view_done(struct chain_view *v)
{
  rpc_free(v->rpc);
  free(v->urls);
  *v = (struct chain_view){0};
}

/* What the home remembers of this chain. */
static enum err recall(struct chain_view *v, struct why *why)
{
  AUTO(json_drop) json_t *json = NULL;
  const char *urls = NULL;
  const struct field fields[] = {FIELD_HEX("genesis", v->genesis.b),
                                 FIELD_STRING("rpc", &urls, 1, URLS_MAX), FIELD_END};
  if (!v->home)
    return OK;
  enum err e = home_read_json(v->home, v->path, &json, why);
  if (e == E_NOT_FOUND)
    return OK;
  TRY(e);
  if (field_read(json, fields, NULL) != OK)
    return why_set(why, E_STATE, v->path, "is damaged");
  if (!v->urls)
    v->urls = must_strdup(urls);
  return OK;
}

static enum err remember(struct chain_view *v, struct why *why)
{
  if (!v->home)
    return OK;
  AUTO(json_drop)
  json_t *json =
      json_pack("{s:o,s:s}", "genesis", json_hex(v->genesis.b, 32), "rpc", v->urls);
  return home_write_json(v->home, v->path, json, false, why);
}

enum err chain_view_open(struct chain_view *out, struct home *h, const struct pin *pin,
                         const char *urls, struct why *why)
{
  AUTO(chain_view_done)
  struct chain_view v = {.home = h, .chain_id = pin->instance.chain_id};
  if (!chain_view_needed(pin))
    return why_set(why, E_NO_CHAIN, "instance",
                   "it anchors nothing on an Ethereum chain");
  TRY(address_parse(&v.registry, pin->instance.contract, "contract", why));
  snprintf(v.path, sizeof v.path, "chains/%s.json", pin->hex);
  if (urls && strlen(urls) > URLS_MAX)
    return why_set(why, E_USAGE, "--rpc", "is too long");
  if (urls)
    v.urls = must_strdup(urls);
  TRY(recall(&v, why));
  if (!v.urls)
    return why_set(why, E_NO_CHAIN, "--rpc",
                   "is needed: this instance anchors its rounds on chain %llu, and you "
                   "check that over an Ethereum node of your own choice, such as --rpc "
                   "http://127.0.0.1:8545",
                   (unsigned long long)v.chain_id);
  TRY(rpc_new(&v.rpc, v.urls, why));
  *out = v;
  v = (struct chain_view){0};
  return OK;
}

static enum err check_registry(struct chain_view *v, struct why *why)
{
  char text[ADDRESS_TEXT];
  enum err e = registry_roles(v->rpc, &v->registry, FINAL, &v->roles, why);
  if (e != E_NOT_FOUND && e != E_REPLY && e != E_REVERTED)
    return e;
  return why_set(why, E_CHAIN, "contract",
                 "no registry answers at %s in the newest final block of chain %llu",
                 address_text(text, &v->registry), (unsigned long long)v->chain_id);
}

enum err chain_view_check(struct chain_view *v, struct why *why)
{
  TRY(rpc_check(v->rpc, v->chain_id, &v->genesis, why));
  if (v->checked)
    return OK;
  TRY(check_registry(v, why));
  TRY(remember(v, why));
  v->checked = true;
  return OK;
}

/* ---- anchors ---- */

static enum err missing(const char *what, struct why *why)
{
  return why_set(why, E_UNANCHORED, what, "is not on the chain, in a final block, yet");
}

static enum err differs(const char *what, const struct digest *there,
                        const struct digest *shown, struct why *why)
{
  char on_chain[65], served[65];
  return why_set(why, E_CHEAT_ANCHOR, what, "the chain holds %s, the server shows %s",
                 hex_encode(on_chain, there->b, 32), hex_encode(served, shown->b, 32));
}

/* What stands there must be this event with so many members. */
static enum err compare(const char *what, const struct anchor *a,
                        const struct digest *hash, uint64_t count, struct why *why)
{
  if (memcmp(&a->hash, hash, sizeof *hash) != 0)
    return differs(what, &a->hash, hash, why);
  if (a->count != count)
    return why_set(why, E_CHEAT_ANCHOR, what, "it has %llu members, the chain says %llu",
                   (unsigned long long)count, (unsigned long long)a->count);
  return OK;
}

enum err chain_view_terms(struct chain_view *v, const struct open_event *open,
                          struct why *why)
{
  struct chain_model m;
  struct word budget;
  char on_chain[65], digits[WORD_DIGITS + 1];
  TRY(chain_view_check(v, why));
  enum err e = registry_model(v->rpc, &v->registry, FINAL, open->model, &m, why);
  if (e == E_NOT_FOUND)
    return missing("model", why);
  TRY(e);
  if (memcmp(&m.spec, &open->spec, sizeof m.spec) != 0)
    return why_set(why, E_POLICY, "spec",
                   "the round follows another description than the chain has for this "
                   "model (%s)",
                   hex_encode(on_chain, m.spec.b, 32));
  if (m.policy.minimum > open->minimum)
    return why_set(why, E_POLICY, "minimum",
                   "the round takes %u organisations for enough, the chain's policy asks "
                   "for %llu",
                   open->minimum, (unsigned long long)m.policy.minimum);
  TRY(word_parse(&budget, open->reward.budget, "reward.budget", why));
  if (word_compare(&budget, &m.policy.reward_cap) > 0)
    return why_set(why, E_POLICY, "reward.budget",
                   "the round may pay %s, the chain's policy allows %s",
                   open->reward.budget, word_text(digits, &m.policy.reward_cap));
  return OK;
}

enum err chain_view_roster(struct chain_view *v, const struct round *r, uint64_t *block,
                           struct why *why)
{
  const struct open_event *o = r->open;
  struct anchor a;
  TRY(chain_view_check(v, why));
  enum err e = registry_roster(v->rpc, &v->registry, FINAL, o->model, o->round,
                               o->attempt, &a, why);
  if (e == E_NOT_FOUND)
    return missing("roster", why);
  TRY(e);
  TRY(compare("roster", &a, &r->roster_hash, r->n, why));
  *block = a.block;
  return OK;
}

enum err chain_view_beacon(struct chain_view *v, const struct round *r,
                           struct beacon *out, struct why *why)
{
  struct rpc_block head, b;
  uint64_t block;
  TRY(chain_view_roster(v, r, &block, why));
  block += r->open->beacon_distance;
  TRY(rpc_block(v->rpc, FINAL, &head, why));
  if (block > head.number)
    return why_set(why, E_UNANCHORED, "beacon",
                   "of block %llu, which draws the graph, is not final yet",
                   (unsigned long long)block);
  TRY(rpc_block_number(v->rpc, block, &b, why));
  out->block = block;
  memcpy(out->hash.b, b.hash.b, sizeof out->hash.b);
  return OK;
}

/* The contract took the anchor only within its policy then; what a vote changed since
 * does not make it wrong. */
enum err chain_view_survivors(struct chain_view *v, const struct round *r,
                              struct why *why)
{
  const struct open_event *o = r->open;
  struct anchor a;
  struct word budget;
  char digits[WORD_DIGITS + 1];
  TRY(chain_view_check(v, why));
  enum err e = registry_survivors(v->rpc, &v->registry, FINAL, o->model, o->round,
                                  o->attempt, &a, why);
  if (e == E_NOT_FOUND)
    return missing("survivors", why);
  TRY(e);
  TRY(compare("survivors", &a, &r->survivors_hash, set_count(r->survivors, r->n), why));
  TRY(word_parse(&budget, o->reward.budget, "reward.budget", why));
  if (word_compare(&a.budget, &budget) > 0)
    return why_set(why, E_CHEAT_ANCHOR, "survivors",
                   "the terms allow rewards of %s, the chain says %s", o->reward.budget,
                   word_text(digits, &a.budget));
  return OK;
}

enum err chain_view_result(struct chain_view *v, const struct open_event *open,
                           const struct digest *hash, const struct word *reward,
                           struct result_anchor *out, struct why *why)
{
  char due[WORD_DIGITS + 1], said[WORD_DIGITS + 1];
  TRY(chain_view_check(v, why));
  enum err e =
      registry_result(v->rpc, &v->registry, FINAL, open->model, open->round, out, why);
  if (e == E_NOT_FOUND)
    return missing("result", why);
  TRY(e);
  const struct anchor_result *a = &out->said;
  if (memcmp(&a->hash, hash, sizeof *hash) != 0)
    return differs("result", &a->hash, hash, why);
  if (a->attempt != open->attempt)
    return why_set(why, E_CHEAT_ANCHOR, "result",
                   "it is of attempt %llu, the chain says %llu",
                   (unsigned long long)open->attempt, (unsigned long long)a->attempt);
  if (word_compare(&a->reward, reward) != 0)
    return why_set(why, E_CHEAT_ANCHOR, "result",
                   "its rewards sum to %s, the chain says %s", word_text(due, reward),
                   word_text(said, &a->reward));
  return OK;
}
