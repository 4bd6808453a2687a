/* SPDX-License-Identifier: Apache-2.0
 * Votes: calldata, and what a proposal's log says. */
#include "chain/governor.h"

#include <string.h>

#include "chain/abi.h"
#include "util/field.h"
#include "util/text.h"

#define WORD sizeof(struct word)
#define DESCRIPTION_SHOWN 4096
#define SET_POLICY "setPolicy(bytes32,(uint32,uint32,uint64,uint256))"
#define SET_SPEC "setSpec(bytes32,bytes32)"
#define CREATED                                                                          \
  "ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,"        \
  "uint256,string)"

const char *const proposal_state_names[PROPOSAL_STATE_COUNT] = {
#define X(state, name, words) name,
    PROPOSAL_STATES(X)
#undef X
};
const char *const proposal_state_words[PROPOSAL_STATE_COUNT] = {
#define X(state, name, words) words,
    PROPOSAL_STATES(X)
#undef X
};

/* ---- encoding; an array of bytes is what abi.h has no kind for ---- */

static size_t padded(size_t len)
{
  return (len + WORD - 1) / WORD * WORD;
}

static enum err put_number(struct buf *out, uint64_t v)
{
  struct word w = word_of(v);
  return buf_put(out, w.b, sizeof w.b);
}

/* Length, bytes, zeros up to a whole word. */
static enum err put_bytes(struct buf *out, struct bytes b)
{
  static const uint8_t zeros[WORD];
  TRY(put_number(out, b.len));
  TRY(buf_put(out, b.data, b.len));
  return buf_put(out, zeros, padded(b.len) - b.len);
}

static enum err put_calldatas(struct buf *out, const struct proposal *p)
{
  uint64_t offset = p->len * WORD;
  TRY(put_number(out, p->len));
  for (unsigned i = 0; i < p->len; i++) {
    TRY(put_number(out, offset));
    offset += WORD + padded(p->calls[i].data.len);
  }
  for (unsigned i = 0; i < p->len; i++)
    TRY(put_bytes(out, p->calls[i].data));
  return OK;
}

/* Appends abi.encode(targets, values, calldatas, last): the description itself, or its
 * Keccak. */
static enum err put_proposal(struct buf *out, const struct proposal *p, bool hashed)
{
  uint64_t list = WORD + p->len * WORD, offset = 4 * WORD + 2 * list + list;
  struct word hash;
  for (unsigned i = 0; i < p->len; i++)
    offset += WORD + padded(p->calls[i].data.len);
  TRY(put_number(out, 4 * WORD));
  TRY(put_number(out, 4 * WORD + list));
  TRY(put_number(out, 4 * WORD + 2 * list));
  keccak256(&hash, p->description);
  if (!hashed)
    hash = word_of(offset);
  TRY(buf_put(out, hash.b, sizeof hash.b));
  TRY(put_number(out, p->len));
  for (unsigned i = 0; i < p->len; i++) {
    struct word w = word_of_address(&p->calls[i].target);
    TRY(buf_put(out, w.b, sizeof w.b));
  }
  TRY(put_number(out, p->len));
  for (unsigned i = 0; i < p->len; i++)
    TRY(buf_put(out, p->calls[i].value.b, WORD));
  TRY(put_calldatas(out, p));
  return hashed ? OK : put_bytes(out, p->description);
}

static enum err put_selector(struct buf *out, const char *signature)
{
  struct word hash;
  keccak256_text(&hash, signature);
  return buf_put(out, hash.b, 4);
}

enum err governor_propose_call(struct buf *out, const struct proposal *p)
{
  TRY(put_selector(out, "propose(address[],uint256[],bytes[],string)"));
  return put_proposal(out, p, false);
}

enum err governor_queue_call(struct buf *out, const struct proposal *p)
{
  TRY(put_selector(out, "queue(address[],uint256[],bytes[],bytes32)"));
  return put_proposal(out, p, true);
}

enum err governor_execute_call(struct buf *out, const struct proposal *p)
{
  TRY(put_selector(out, "execute(address[],uint256[],bytes[],bytes32)"));
  return put_proposal(out, p, true);
}

enum err governor_vote_call(struct buf *out, const struct word *id, enum vote vote)
{
  return abi_call(out, "castVote(uint256,uint8)",
                  ABI_ARGS(ABI_WORD(*id), ABI_UINT((uint64_t)vote)));
}

enum err governor_id(struct word *out, const struct proposal *p)
{
  AUTO(buf_done) struct buf encoded = {0};
  TRY(put_proposal(&encoded, p, true));
  keccak256(out, buf_bytes(&encoded));
  return OK;
}

/* ---- what ours ask for ---- */

enum err policy_call(struct buf *out, const char *model, const struct policy *policy)
{
  struct word id;
  chain_model(&id, model);
  return abi_call(
      out, SET_POLICY,
      ABI_ARGS(ABI_WORD(id), ABI_UINT(policy->minimum), ABI_UINT(policy->maximum_rounds),
               ABI_UINT(policy->privacy_budget), ABI_WORD(policy->reward_cap)));
}

enum err spec_call(struct buf *out, const char *model, const struct digest *spec)
{
  struct word id;
  chain_model(&id, model);
  return abi_call(out, SET_SPEC, ABI_ARGS(ABI_WORD(id), ABI_FIXED(spec)));
}

/* The words of a call of this function; NULL: it is another. */
static const struct word *call_words(struct bytes data, const char *signature,
                                     size_t words)
{
  struct word hash;
  keccak256_text(&hash, signature);
  if (data.len != 4 + words * WORD || memcmp(data.data, hash.b, 4) != 0)
    return NULL;
  return (const struct word *)(data.data + 4);
}

bool policy_call_read(struct word *model, struct policy *policy, struct bytes data)
{
  const struct word *w = call_words(data, SET_POLICY, 5);
  struct policy p;
  if (!w || word_u64(&p.minimum, &w[1]) != OK ||
      word_u64(&p.maximum_rounds, &w[2]) != OK ||
      word_u64(&p.privacy_budget, &w[3]) != OK)
    return false;
  p.reward_cap = w[4];
  *policy = p;
  *model = w[0];
  return true;
}

bool spec_call_read(struct word *model, struct digest *spec, struct bytes data)
{
  const struct word *w = call_words(data, SET_SPEC, 2);
  if (!w)
    return false;
  *model = w[0];
  memcpy(spec->b, w[1].b, sizeof spec->b);
  return true;
}

/* ---- JSON ---- */

static json_t *word_json(const struct word *w)
{
  char digits[WORD_DIGITS + 1];
  return json_string(word_text(digits, w));
}

static json_t *raw_call_json(const struct proposed_call *call)
{
  char target[ADDRESS_TEXT];
  AUTO(free_drop) char *hex = must_calloc(2 * call->data.len + 3, 1);
  hex[0] = '0';
  hex[1] = 'x';
  hex_encode(hex + 2, call->data.data, call->data.len);
  return json_pack("{s:s,s:s,s:o,s:s}", "kind", "call", "target",
                   address_text(target, &call->target), "value", word_json(&call->value),
                   "data", hex);
}

static json_t *call_json(const struct proposed_call *call, const struct address *registry)
{
  struct word model;
  struct policy p;
  struct digest spec;
  bool ours =
      memcmp(&call->target, registry, sizeof *registry) == 0 && word_zero(&call->value);
  if (ours && policy_call_read(&model, &p, call->data)) {
    struct word privacy = word_of(p.privacy_budget);
    return json_pack("{s:s,s:o,s:I,s:I,s:o,s:o}", "kind", "policy", "model",
                     json_hex(model.b, sizeof model.b), "minimum", (json_int_t)p.minimum,
                     "maximum_rounds", (json_int_t)p.maximum_rounds, "privacy_budget",
                     word_json(&privacy), "reward_cap", word_json(&p.reward_cap));
  }
  if (ours && spec_call_read(&model, &spec, call->data))
    return json_pack("{s:s,s:o,s:o}", "kind", "spec", "model",
                     json_hex(model.b, sizeof model.b), "spec",
                     json_hex(spec.b, sizeof spec.b));
  return raw_call_json(call);
}

json_t *proposal_json(const struct proposal *p, const struct proposal_standing *s,
                      const struct address *registry)
{
  char description[DESCRIPTION_SHOWN], proposer[ADDRESS_TEXT];
  json_t *calls = json_array();
  for (unsigned i = 0; i < p->len; i++)
    json_array_append_new(calls, call_json(&p->calls[i], registry));
  text_clean(description, sizeof description, p->description);
  return json_pack(
      "{s:o,s:s,s:s,s:s,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "id",
      json_hex(p->id.b, sizeof p->id.b), "state", proposal_state_names[s->state],
      "proposer", address_text(proposer, &p->proposer), "description", description,
      "vote_start", (json_int_t)p->vote_start, "vote_end", (json_int_t)p->vote_end, "eta",
      (json_int_t)s->eta, "for", word_json(&s->votes[VOTE_FOR]), "against",
      word_json(&s->votes[VOTE_AGAINST]), "abstain", word_json(&s->votes[VOTE_ABSTAIN]),
      "quorum", word_json(&s->quorum), "calls", calls);
}

/* ---- decoding: a node may say anything, and so may a proposer ---- */

/* A number at `at` that is at most `most`. */
static bool get_number(struct bytes b, uint64_t at, uint64_t most, uint64_t *out)
{
  struct word w;
  if (at > b.len || b.len - at < WORD)
    return false;
  memcpy(w.b, b.data + at, WORD);
  return word_u64(out, &w) == OK && *out <= most;
}

/* What begins at an offset that stands at `at`: what follows a length, and the length. */
static bool get_tail(struct bytes b, uint64_t at, uint64_t size, struct bytes *out,
                     uint64_t *len)
{
  uint64_t offset;
  if (!get_number(b, at, b.len, &offset) || !get_number(b, offset, b.len, len))
    return false;
  offset += WORD;
  if (*len > (b.len - offset) / size)
    return false;
  *out = BYTES(b.data + offset, b.len - offset);
  return true;
}

static bool get_calls(struct proposed_call **calls, unsigned *count, struct bytes data)
{
  struct bytes targets, values, datas;
  uint64_t n, values_len, datas_len;
  if (!get_tail(data, 2 * WORD, WORD, &targets, &n) ||
      !get_tail(data, 3 * WORD, WORD, &values, &values_len) ||
      !get_tail(data, 5 * WORD, WORD, &datas, &datas_len) || n != values_len ||
      n != datas_len)
    return false;
  *count = (unsigned)n;
  *calls = must_calloc((size_t)n + 1, sizeof **calls);
  for (unsigned i = 0; i < n; i++) {
    struct proposed_call *c = &(*calls)[i];
    struct word target;
    uint64_t len;
    memcpy(target.b, targets.data + i * WORD, WORD);
    memcpy(c->value.b, values.data + i * WORD, WORD);
    if (word_address(&c->target, &target) != OK ||
        !get_tail(datas, i * WORD, 1, &c->data, &len))
      return false;
    c->data.len = len;
  }
  return true;
}

enum err proposal_read(struct proposal *out, struct proposed_call **calls_out,
                       struct bytes data, struct why *why)
{
  AUTO(free_drop) struct proposed_call *calls = NULL;
  struct proposal p = {0};
  struct word is, proposer;
  uint64_t len;
  bool good = data.len >= 9 * WORD && get_calls(&calls, &p.len, data) &&
              get_number(data, 6 * WORD, UINT64_MAX, &p.vote_start) &&
              get_number(data, 7 * WORD, UINT64_MAX, &p.vote_end) &&
              get_tail(data, 8 * WORD, 1, &p.description, &len);
  if (good) {
    p.description.len = len;
    memcpy(p.id.b, data.data, WORD);
    memcpy(proposer.b, data.data + WORD, WORD);
    p.calls = calls;
    good = word_address(&p.proposer, &proposer) == OK;
  }
  /* what is shown to voters must be what the number stands for */
  if (good)
    good = governor_id(&is, &p) == OK && word_compare(&is, &p.id) == 0;
  if (!good)
    return why_set(why, E_REPLY, "ProposalCreated", "is not of its form");
  *out = p;
  *calls_out = STEAL(calls);
  return OK;
}

/* ---- reading ---- */

struct reading {
  enum err (*each)(void *arg, const struct proposal *p);
  void *arg;
  struct why *why;
};

static enum err take_log(void *arg, const struct rpc_log *log)
{
  struct reading *r = arg;
  AUTO(free_drop) struct proposed_call *calls = NULL;
  struct proposal p;
  TRY(proposal_read(&p, &calls, log->data, r->why));
  return r->each(r->arg, &p);
}

enum err governor_proposals(struct rpc *rpc, const struct address *governor,
                            uint64_t first, uint64_t last,
                            enum err (*each)(void *arg, const struct proposal *p),
                            void *arg, struct why *why)
{
  struct reading r = {each, arg, why};
  struct word topic;
  keccak256_text(&topic, CREATED);
  return rpc_logs(rpc, governor, &topic, first, last, take_log, &r, why);
}

void kept_proposal_done(struct kept_proposal *k)
{
  free(k->calls);
  buf_done(&k->text);
  *k = (struct kept_proposal){0};
}

enum err proposal_keep(struct kept_proposal *out, const struct proposal *p)
{
  AUTO(kept_proposal_done)
  struct kept_proposal k = {.p = *p, .calls = must_calloc(p->len + 1, sizeof *k.calls)};
  size_t need = p->description.len;
  for (unsigned i = 0; i < p->len; i++)
    need += p->calls[i].data.len;
  TRY(buf_reserve(&k.text, need + 1)); /* at once: what points into it stays right */
  for (unsigned i = 0; i < p->len; i++) {
    k.calls[i] = p->calls[i];
    k.calls[i].data.data = k.text.data + k.text.len;
    TRY(buf_put(&k.text, p->calls[i].data.data, p->calls[i].data.len));
  }
  k.p.calls = k.calls;
  k.p.description.data = k.text.data + k.text.len;
  TRY(buf_put(&k.text, p->description.data, p->description.len));
  *out = k;
  memset(&k, 0, sizeof k); /* theirs now */
  return OK;
}

/* One word of a view with one argument. */
static enum err view(struct rpc *rpc, const struct address *to, const char *tag,
                     const char *signature, struct word argument, unsigned words,
                     struct word *out, struct why *why)
{
  AUTO(buf_done) struct buf call = {0}, reply = {0};
  TRY(abi_call(&call, signature, ABI_ARGS(ABI_WORD(argument))));
  TRY(rpc_eth_call(rpc, to, buf_bytes(&call), tag, &reply, why));
  for (unsigned i = 0; i < words; i++)
    TRY(abi_word(&out[i], buf_bytes(&reply), words, i));
  return OK;
}

enum err governor_standing(struct rpc *rpc, const struct address *governor,
                           const char *tag, const struct proposal *p,
                           struct proposal_standing *out, struct why *why)
{
  struct proposal_standing s = {0};
  struct word w;
  uint64_t state;
  TRY(view(rpc, governor, tag, "state(uint256)", p->id, 1, &w, why));
  if (word_u64(&state, &w) != OK || state >= PROPOSAL_STATE_COUNT)
    return why_set(why, E_REPLY, "state", "is none of a governor's");
  s.state = (enum proposal_state)state;
  TRY(view(rpc, governor, tag, "proposalVotes(uint256)", p->id, 3, s.votes, why));
  if (s.state != PROPOSAL_PENDING)
    TRY(view(rpc, governor, tag, "quorum(uint256)", word_of(p->vote_start), 1, &s.quorum,
             why));
  TRY(view(rpc, governor, tag, "proposalEta(uint256)", p->id, 1, &w, why));
  if (word_u64(&s.eta, &w) != OK)
    return why_set(why, E_REPLY, "proposalEta", "is not a time");
  *out = s;
  return OK;
}
