/* SPDX-License-Identifier: Apache-2.0
 * chorus balance: what this participant has earned with a model, and where it is. */
#include "chain/eth.h"
#include "clients/cli/cli.h"
#include "util/field.h"
#include "util/text.h"

/* Where it can be, in the order in which it moves. */
static const struct place {
  const char *kind, *words;
} places[] = {
    {"due", "not paid out yet"},
    {"paying", "in payments that are not final on the chain"},
    {"paid", "paid"},
    {"claimable", "to be fetched: chorus claim"},
    {"claimed", "fetched"},
};

static enum err read_amount(struct word *out, const json_t *standing, const char *kind,
                            struct why *why)
{
  const char *text = json_string_value(json_object_get(standing, kind));
  return text && word_parse(out, text, kind, NULL) == OK
             ? OK
             : why_set(why, E_REPLY, kind, "is no amount");
}

static enum err say_places(struct cli *c, const json_t *standing, struct why *why)
{
  struct word amounts[LENGTH(places)];
  char text[WORD_DIGITS + 1], address[64];
  const char *payout = json_string_value(json_object_get(standing, "payout"));
  for (size_t i = 0; i < LENGTH(places); i++)
    TRY(read_amount(&amounts[i], standing, places[i].kind, why));
  for (size_t i = 0; i < LENGTH(places); i++)
    if (!word_zero(&amounts[i]))
      say(c, "  %s %s", word_text(text, &amounts[i]), places[i].words);
  if (payout)
    say(c, "It goes to %s.", clean(address, sizeof address, payout));
  else
    say(c, "You have named no address where you are paid: chorus payout 0x…");
  return OK;
}

enum err cmd_balance(struct cli *c, struct why *why)
{
  const char *model = c->o.words[0];
  char path[256], id[65], text[WORD_DIGITS + 1];
  struct word earned;
  AUTO(json_drop) json_t *standing = NULL;
  if (!slug_valid(model))
    return why_set(why, E_USAGE, "MODEL", "is not the name of a model");
  TRY(cli_member(c, model, false, why));
  hex_encode(id, c->self.id.b, sizeof c->self.id.b);
  snprintf(path, sizeof path, "models/%s/balances/%s", model, id);
  enum err e = api_get(&c->api, path, &standing, why);
  if (e == E_NOT_FOUND) {
    say_json(
        c, json_pack("{s:s,s:s,s:s}", "event", "balance", "model", model, "earned", "0"));
    say(c, "You have earned nothing with %s yet.", model);
    return OK;
  }
  TRY(e);
  TRY(read_amount(&earned, standing, "earned", why));
  say(c, "You have earned %s with %s, in the smallest unit of its currency:",
      word_text(text, &earned), model);
  TRY(say_places(c, standing, why));
  json_object_set_new(standing, "event", json_string("balance"));
  json_object_set_new(standing, "model", json_string(model));
  say_json(c, json_incref(standing));
  return OK;
}
