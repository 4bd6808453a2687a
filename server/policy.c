/* SPDX-License-Identifier: Apache-2.0
 * The policy of a model on the chain: as it is asked for with the model, and as the
 * registry says it. */
#include "server/policy.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"

static enum err read_currency(struct address *out, const json_t *given, struct why *why)
{
  const char *text = json_string_value(given);
  if (!given || json_is_null(given))
    return OK;
  if (!text)
    return why_set(why, E_FIELD_TYPE, "policy.currency", "must be an address or null");
  return address_parse(out, text, "policy.currency", why);
}

static enum err read_number(uint64_t *out, const char *text, const char *field,
                            struct why *why)
{
  struct word w;
  if (!text)
    return OK;
  TRY(word_parse(&w, text, field, why));
  return word_u64(out, &w) == OK ? OK
                                 : why_set(why, E_FIELD_VALUE, field, "is too large");
}

enum err policy_read(struct registration *out, const json_t *policy,
                     const struct spec *spec, struct why *why)
{
  struct registration r = {
      .spec = spec->hash,
      .policy = {spec->cohort.minimum, UINT32_MAX, UINT64_MAX, {{0}}},
  };
  const char *budget = NULL, *cap = NULL;
  json_t *currency = NULL;
  const struct field fields[] = {
      OPTIONAL(FIELD_UINT("minimum", &r.policy.minimum, 3, UINT32_MAX), NULL),
      OPTIONAL(FIELD_UINT("maximum_rounds", &r.policy.maximum_rounds, 1, UINT32_MAX),
               NULL),
      OPTIONAL(FIELD_STRING("privacy_budget", &budget, 1, 20), NULL),
      OPTIONAL(FIELD_STRING("reward_cap", &cap, 1, WORD_DIGITS), NULL),
      OPTIONAL(FIELD_ANY("currency", &currency), NULL),
      FIELD_END,
  };
  if (spec->reward.scheme != REWARD_NONE)
    TRY(word_parse(&r.policy.reward_cap, spec->reward.budget, "spec.reward.budget", why));
  if (policy)
    TRY(field_read_at(policy, fields, "policy", why));
  TRY(read_number(&r.policy.privacy_budget, budget, "policy.privacy_budget", why));
  if (cap)
    TRY(word_parse(&r.policy.reward_cap, cap, "policy.reward_cap", why));
  TRY(read_currency(&r.currency, currency, why));
  struct chain_copy copy = {.model.policy = r.policy};
  TRY(chain_policy_check(&copy, spec->cohort.minimum, &spec->reward, why));
  *out = r;
  return OK;
}

enum err policy_show(struct db *db, const char *model, json_t *out)
{
  struct chain_copy copy;
  struct outbox_state at;
  char cap[WORD_DIGITS + 1], currency[ADDRESS_TEXT];
  const struct policy *p = &copy.model.policy;
  enum err e = chain_copy_get(db, model, &copy, NULL);
  if (e != OK && e != E_UNANCHORED)
    return e;
  json_object_set_new(
      out, "policy",
      e != OK ? json_null()
              : json_pack(
                    "{s:I,s:I,s:o,s:s,s:s,s:I,s:o}", "minimum", (json_int_t)p->minimum,
                    "maximum_rounds", (json_int_t)p->maximum_rounds, "privacy_budget",
                    json_sprintf("%llu", (unsigned long long)p->privacy_budget),
                    "reward_cap", word_text(cap, &p->reward_cap), "currency",
                    address_text(currency, &copy.model.currency), "results",
                    (json_int_t)copy.model.results, "privacy_spent",
                    json_sprintf("%llu", (unsigned long long)copy.model.privacy_spent)));
  e = outbox_find(db, OUTBOX_REGISTER, model, NULL, &at);
  if (e != OK && e != E_NOT_FOUND)
    return e;
  if (e == OK && strcmp(at.state, "final") != 0)
    json_object_set_new(out, "chain", outbox_json("register", &at));
  return OK;
}
