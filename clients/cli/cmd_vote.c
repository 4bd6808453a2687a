/* SPDX-License-Identifier: Apache-2.0
 * Votes: what is proposed on the chain, in words, and taking part in it. Everything is
 * read over the user's own node; the server is not asked. */
#include <string.h>
#include <time.h>

#include "chain/governor.h"
#include "clients/cli/cli.h"
#include "clients/lib/wallet.h"
#include "util/field.h"
#include "util/text.h"

#define BLOCK_SECONDS 120u
#define PREFIX_LEAST 4u
#define DATA_SHOWN ((size_t)1024) /* bytes of a call that is none of ours */
#define NEWEST "latest"

/* ---- in words ---- */

/* The name of a model that contracts call by its hash: one of those named or known here.
 * out: 64 bytes. */
static const char *model_name(struct cli *c, char out[80], const struct word *id)
{
  AUTO(json_drop) json_t *list = NULL;
  struct word is;
  char hex[65];
  size_t i;
  json_t *entry;
  if (c->home && membership_list(c->home, &list, NULL) != OK)
    list = NULL;
  json_array_foreach (list, i, entry) {
    const char *model = json_string_value(json_object_get(entry, "model"));
    chain_model(&is, model);
    if (word_compare(&is, id) == 0)
      snprintf(out, 80, "%s", model);
    if (word_compare(&is, id) == 0)
      return out;
  }
  if (c->o.word_count && slug_valid(c->o.words[0])) {
    chain_model(&is, c->o.words[0]);
    if (word_compare(&is, id) == 0)
      return c->o.words[0];
  }
  snprintf(out, 80, "model %.12s…", hex_encode(hex, id->b, 32));
  return out;
}

/* One call, as what it would change. */
static enum err call_words(struct cli *c, struct buf *out,
                           const struct proposed_call *call)
{
  struct word model;
  struct policy p;
  struct digest spec;
  char name[80], cap[WORD_DIGITS + 1], hex[65], to[ADDRESS_TEXT];
  bool registry = memcmp(&call->target, &c->view.registry, sizeof call->target) == 0 &&
                  word_zero(&call->value);
  if (registry && policy_call_read(&model, &p, call->data))
    return buf_printf(out,
                      "%s: at least %llu organisations a round, at most %llu rounds, a "
                      "privacy budget of %llu millionths of epsilon, at most %s a round "
                      "in rewards",
                      model_name(c, name, &model), (unsigned long long)p.minimum,
                      (unsigned long long)p.maximum_rounds,
                      (unsigned long long)p.privacy_budget,
                      word_text(cap, &p.reward_cap));
  if (registry && spec_call_read(&model, &spec, call->data))
    return buf_printf(out, "%s: the description with the hash %s",
                      model_name(c, name, &model), hex_encode(hex, spec.b, 32));
  TRY(buf_printf(out, "a call of %s with %s wei and %zu bytes of data, 0x",
                 address_text(to, &call->target), word_text(cap, &call->value),
                 call->data.len));
  for (size_t i = 0; i < MIN(call->data.len, DATA_SHOWN); i++)
    TRY(buf_printf(out, "%02x", call->data.data[i]));
  return buf_puts(out, call->data.len > DATA_SHOWN ? "…" : "");
}

static const char *votes_text(char out[WORD_DIGITS + 1], const struct word *votes)
{
  static const struct address ether; /* votes have as many decimals */
  char text[160];
  amount_text(text, votes, &ether);
  snprintf(out, WORD_DIGITS + 1, "%.*s", (int)strcspn(text, " "), text);
  return out;
}

static const char *when(char out[32], uint64_t time_at)
{
  return clock_text(out, (double)time_at - (double)time(NULL));
}

static void standing_words(struct cli *c, const struct proposal *p,
                           const struct proposal_standing *s)
{
  char a[WORD_DIGITS + 1], b[WORD_DIGITS + 1], d[WORD_DIGITS + 1], q[WORD_DIGITS + 1];
  char clock[32];
  if (s->state == PROPOSAL_PENDING) {
    say(c, "  The vote opens %s.", when(clock, p->vote_start));
    return;
  }
  say(c, "  %s for, %s against, %s abstain; %s for or abstaining are needed.",
      votes_text(a, &s->votes[VOTE_FOR]), votes_text(b, &s->votes[VOTE_AGAINST]),
      votes_text(d, &s->votes[VOTE_ABSTAIN]), votes_text(q, &s->quorum));
  if (s->state == PROPOSAL_ACTIVE)
    say(c, "  The vote is open until %s: chorus vote PROPOSAL for|against|abstain",
        when(clock, p->vote_end));
  if (s->state == PROPOSAL_SUCCEEDED)
    say(c, "  Next: chorus queue PROPOSAL. Anybody can send that.");
  if (s->state == PROPOSAL_QUEUED)
    say(c, "  Next, from %s: chorus execute PROPOSAL. Anybody can send that.",
        when(clock, s->eta));
}

static enum err say_proposal(struct cli *c, const struct proposal *p, struct why *why)
{
  struct proposal_standing s;
  char hex[65], who[ADDRESS_TEXT], description[1000];
  TRY(governor_standing(c->view.rpc, &c->view.roles.governor, NEWEST, p, &s, why));
  json_t *line = proposal_json(p, &s, &c->view.registry);
  json_object_set_new(line, "event", json_string("proposal"));
  say_json(c, line);
  text_clean(description, sizeof description, p->description);
  say(c, "%s  %s", hex_encode(hex, p->id.b, 32), proposal_state_words[s.state]);
  say(c, "  \"%s\", by %s", description, address_text(who, &p->proposer));
  for (unsigned i = 0; i < p->len; i++) {
    AUTO(buf_done) struct buf words = {0};
    TRY(call_words(c, &words, &p->calls[i]));
    say(c, "  %s", buf_text(&words));
  }
  standing_words(c, p, &s);
  return OK;
}

/* ---- finding them ---- */

struct search {
  struct cli *c;
  const char *model;  /* only what touches this one; NULL: any */
  const char *prefix; /* of the id in hex; NULL: any */
  struct why *why;
  unsigned found;
  struct kept_proposal last;
};

static void search_done(struct search *s)
{
  kept_proposal_done(&s->last);
}

static bool touches(const struct proposal *p, const char *model)
{
  struct word id, is;
  struct policy policy;
  struct digest spec;
  chain_model(&id, model);
  for (unsigned i = 0; i < p->len; i++)
    if ((policy_call_read(&is, &policy, p->calls[i].data) ||
         spec_call_read(&is, &spec, p->calls[i].data)) &&
        word_compare(&is, &id) == 0)
      return true;
  return false;
}

static enum err take(void *arg, const struct proposal *p)
{
  struct search *s = arg;
  char hex[65];
  hex_encode(hex, p->id.b, 32);
  if ((s->model && !touches(p, s->model)) ||
      (s->prefix && strncmp(hex, s->prefix, strlen(s->prefix)) != 0))
    return OK;
  s->found++;
  if (!s->prefix)
    return say_proposal(s->c, p, s->why);
  kept_proposal_done(&s->last);
  return proposal_keep(&s->last, p);
}

static enum err search(struct search *s, struct why *why)
{
  struct chain_view *v = &s->c->view;
  struct rpc_block newest;
  uint64_t from = s->c->o.from == UINT64_MAX ? 0 : s->c->o.from;
  TRY(rpc_block(v->rpc, NEWEST, &newest, why));
  s->why = why;
  enum err e =
      governor_proposals(v->rpc, &v->roles.governor, from, newest.number, take, s, why);
  if (e == E_RPC && from == 0) {
    struct why inner = *why;
    return why_set(
        why, e, "--from",
        "the node does not search all blocks at once; name the first one: %.200s",
        inner.detail);
  }
  return e;
}

/* The one that the first word names. */
static enum err find(struct search *s, struct why *why)
{
  const char *word = s->c->o.words[0];
  s->prefix = strncmp(word, "0x", 2) == 0 ? word + 2 : word;
  if (strlen(s->prefix) < PREFIX_LEAST || strlen(s->prefix) > 64 ||
      strspn(s->prefix, "0123456789abcdef") != strlen(s->prefix))
    return why_set(why, E_USAGE, "PROPOSAL",
                   "must be at least %u of the hex digits that chorus proposals shows",
                   PREFIX_LEAST);
  TRY(search(s, why));
  if (s->found > 1)
    return why_set(why, E_USAGE, "PROPOSAL", "there are %u of these: more digits",
                   s->found);
  return s->found ? OK : why_set(why, E_NOT_FOUND, "PROPOSAL", "there is none like this");
}

static enum err open_chain(struct cli *c, struct why *why)
{
  TRY(cli_instance(c, why));
  return cli_chain(c, c->home, why);
}

enum err cmd_proposals(struct cli *c, struct why *why)
{
  AUTO(search_done) struct search s = {.c = c, .model = c->o.words[0]};
  if (s.model && !slug_valid(s.model))
    return why_set(why, E_USAGE, "MODEL", "is not the name of a model");
  TRY(open_chain(c, why));
  TRY(search(&s, why));
  if (!s.found)
    say(c, "Nothing was proposed yet.");
  return OK;
}

/* ---- sending ---- */

/* Sends calldata to the governor from --key. */
static enum err send(struct cli *c, const struct wallet *w, const struct buf *data,
                     const char *what, const struct word *id, struct why *why)
{
  static const struct address ether;
  struct wallet_call call = {.to = c->view.roles.governor, .data = buf_bytes(data)};
  struct wallet_sent sent;
  char fee[160], hash[65], hex[65];
  TRY(wallet_prepare(&call, &c->view, w, why));
  say(c, "Sending, for at most %s of gas…", amount_text(fee, &call.cost, &ether));
  TRY(wallet_send(&sent, &c->view, w, &call, BLOCK_SECONDS, why));
  say(c, "Done: %s %s, in block %llu. The gas cost %s.", what, hex_encode(hex, id->b, 32),
      (unsigned long long)sent.block, amount_text(fee, &sent.fee, &ether));
  say_json(c,
           json_pack("{s:s,s:s,s:s,s:I}", "event", what, "id", hex, "transaction",
                     hex_encode(hash, sent.hash.b, 32), "block", (json_int_t)sent.block));
  return OK;
}

static enum err open_key(struct cli *c, struct wallet *w, struct why *why)
{
  if (!c->o.key)
    return why_set(why, E_USAGE, "--key", "is needed: the keystore of the sender");
  return wallet_open(w, c->o.key, c->o.passphrase_file, why);
}

/* Proposes one call of the registry. A description makes each one unique, and (as
 * OpenZeppelin's governor reads it) only this proposer can make it. */
static enum err propose(struct cli *c, const char *words, const struct buf *data,
                        const struct wallet *w, struct why *why)
{
  AUTO(buf_done) struct buf text = {0}, calldata = {0};
  char who[ADDRESS_TEXT];
  struct word id;
  TRY(buf_printf(&text, "%s (%lld) #proposer=%s", words, (long long)time(NULL),
                 address_text(who, &w->signer.address)));
  const struct proposed_call call = {.target = c->view.registry, .data = buf_bytes(data)};
  const struct proposal p = {.calls = &call, .len = 1, .description = buf_bytes(&text)};
  TRY(governor_id(&id, &p));
  TRY(governor_propose_call(&calldata, &p));
  return send(c, w, &calldata, "proposed", &id, why);
}

/* The policy there is, with what the options change; *words says that. */
static enum err changed_policy(struct cli *c, struct policy *p, struct buf *words,
                               struct why *why)
{
  const struct options *o = &c->o;
  struct chain_model m;
  char old[WORD_DIGITS + 1], new[WORD_DIGITS + 1];
  enum err e =
      registry_model(c->view.rpc, &c->view.registry, NEWEST, o->words[0], &m, why);
  if (e == E_NOT_FOUND)
    return why_set(why, e, o->words[0], "is not registered on the chain");
  TRY(e);
  *p = m.policy;
  TRY(buf_printf(words, "%s:", o->words[0]));
  if (o->minimum) {
    TRY(buf_printf(words, " minimum %llu to %llu;", (unsigned long long)p->minimum,
                   (unsigned long long)o->minimum));
    p->minimum = o->minimum;
  }
  if (o->maximum_rounds) {
    TRY(buf_printf(words, " rounds %llu to %llu;", (unsigned long long)p->maximum_rounds,
                   (unsigned long long)o->maximum_rounds));
    p->maximum_rounds = o->maximum_rounds;
  }
  if (o->privacy_budget != UINT64_MAX) {
    TRY(buf_printf(words, " privacy budget %llu to %llu;",
                   (unsigned long long)p->privacy_budget,
                   (unsigned long long)o->privacy_budget));
    p->privacy_budget = o->privacy_budget;
  }
  if (o->reward_cap) {
    struct word cap;
    TRY(word_parse(&cap, o->reward_cap, "--reward-cap", why));
    TRY(buf_printf(words, " rewards of a round %s to %s;", word_text(old, &p->reward_cap),
                   word_text(new, &cap)));
    p->reward_cap = cap;
  }
  if (p->minimum < 3)
    return why_set(why, E_USAGE, "--minimum", "must be at least 3");
  if (words->data[words->len - 1] != ';')
    return why_set(why, E_USAGE, "--minimum", "or another of the options is needed");
  words->data[--words->len] = '\0';
  return OK;
}

enum err cmd_propose_policy(struct cli *c, struct why *why)
{
  AUTO(wallet_done) struct wallet w = {0};
  AUTO(buf_done) struct buf words = {0}, data = {0};
  struct policy p;
  if (!slug_valid(c->o.words[0]))
    return why_set(why, E_USAGE, "MODEL", "is not the name of a model");
  TRY(open_chain(c, why));
  TRY(changed_policy(c, &p, &words, why));
  TRY(open_key(c, &w, why));
  TRY(policy_call(&data, c->o.words[0], &p));
  return propose(c, buf_text(&words), &data, &w, why);
}

enum err cmd_propose_spec(struct cli *c, struct why *why)
{
  AUTO(wallet_done) struct wallet w = {0};
  AUTO(buf_done) struct buf words = {0}, data = {0};
  struct digest spec;
  const char *model = c->o.words[0];
  if (!slug_valid(model))
    return why_set(why, E_USAGE, "MODEL", "is not the name of a model");
  if (hex_decode(spec.b, sizeof spec.b, c->o.words[1]) != OK)
    return why_set(why, E_USAGE, "HASH", "must be 64 hex digits");
  TRY(open_chain(c, why));
  TRY(open_key(c, &w, why));
  TRY(buf_printf(&words, "%s: description %s", model, c->o.words[1]));
  TRY(spec_call(&data, model, &spec));
  return propose(c, buf_text(&words), &data, &w, why);
}

/* Finds the proposal that is named, says what it is, and that it is in this state. */
static enum err find_in(struct search *s, enum proposal_state needed, struct why *why)
{
  struct proposal_standing is;
  struct chain_view *v = &s->c->view;
  TRY(open_chain(s->c, why));
  TRY(find(s, why));
  TRY(say_proposal(s->c, &s->last.p, why));
  TRY(governor_standing(v->rpc, &v->roles.governor, NEWEST, &s->last.p, &is, why));
  if (is.state != needed)
    return why_set(why, E_CONFLICT, "PROPOSAL", "it is %s; this needs one that is %s",
                   proposal_state_words[is.state], proposal_state_words[needed]);
  return OK;
}

enum err cmd_vote(struct cli *c, struct why *why)
{
  static const char *const words[] = {"against", "for", "abstain"};
  AUTO(wallet_done) struct wallet w = {0};
  AUTO(search_done) struct search s = {.c = c};
  AUTO(buf_done) struct buf data = {0};
  unsigned vote = 0;
  while (vote < LENGTH(words) && strcmp(words[vote], c->o.words[1]) != 0)
    vote++;
  if (vote == LENGTH(words))
    return why_set(why, E_USAGE, c->o.words[1], "must be for, against or abstain");
  TRY(open_key(c, &w, why));
  TRY(find_in(&s, PROPOSAL_ACTIVE, why));
  TRY(governor_vote_call(&data, &s.last.p.id, (enum vote)vote));
  return send(c, &w, &data, "voted", &s.last.p.id, why);
}

/* Queue and execute. */
static enum err advance(struct cli *c, enum proposal_state needed, const char *what,
                        enum err (*make)(struct buf *out, const struct proposal *p),
                        struct why *why)
{
  AUTO(wallet_done) struct wallet w = {0};
  AUTO(search_done) struct search s = {.c = c};
  AUTO(buf_done) struct buf data = {0};
  TRY(open_key(c, &w, why));
  TRY(find_in(&s, needed, why));
  TRY(make(&data, &s.last.p));
  return send(c, &w, &data, what, &s.last.p.id, why);
}

enum err cmd_queue(struct cli *c, struct why *why)
{
  return advance(c, PROPOSAL_SUCCEEDED, "queued", governor_queue_call, why);
}

enum err cmd_execute(struct cli *c, struct why *why)
{
  return advance(c, PROPOSAL_QUEUED, "executed", governor_execute_call, why);
}
