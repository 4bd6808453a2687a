/* SPDX-License-Identifier: Apache-2.0
 * chorus payout: where this participant is paid, and changing it (docs/protocol.md
 * section 2). */
#include <string.h>
#include <time.h>

#include "chain/settlement.h"
#include "clients/cli/cli.h"
#include "clients/lib/watch.h"
#include "util/field.h"
#include "util/text.h"

/* As the server tells it; what it says of a change that is ours is signed by us. */
struct destination {
  json_t *json;         /* owns the rest */
  const char *now;      /* the address that counts; NULL: none */
  struct digest last;   /* H of the last identity event */
  const json_t *change; /* the last one, with "event", "adopt" and "from"; NULL: none */
  bool pending;         /* it does not count yet */
};

static void destination_done(struct destination *p)
{
  json_decref(p->json);
}

/* An event of ours, of this type, that the server shows. */
static enum err read_own(const struct cli *c, const json_t *event, const char *type,
                         struct digest *hash, struct why *why)
{
  struct why odd = {0};
  if (event_check(event, &odd) != OK ||
      event_verify(event, type, &c->self.id, &odd) != OK)
    return why_set(why, E_REPLY, type, "the server shows one that you did not sign");
  return event_hash(hash, event);
}

static enum err fetch(struct cli *c, struct destination *p, struct why *why)
{
  char path[128], id[65];
  snprintf(path, sizeof path, "participants/%s", hex_encode(id, c->self.id.b, 32));
  enum err e = api_get(&c->api, path, &p->json, why);
  if (e == E_NOT_FOUND)
    return why_set(why, E_NOT_ENROLLED, c->pin.address, "the server does not know you");
  TRY(e);
  const json_t *changes = json_object_get(p->json, "changes");
  size_t n = json_array_size(changes);
  p->now = json_string_value(json_object_get(p->json, "payout"));
  TRY(read_own(c, json_object_get(p->json, "enroll"), "enroll", &p->last, why));
  if (!n)
    return OK;
  p->change = json_array_get(changes, n - 1);
  p->pending = json_is_null(json_object_get(p->change, "adopt"));
  return read_own(c, json_object_get(p->change, "event"), "payout", &p->last, why);
}

/* ---- in words ---- */

static void say_destination(struct cli *c, const struct destination *p)
{
  char shown[64], when[32];
  const json_t *event = json_object_get(p->change, "event");
  const char *next = json_string_value(json_object_get(event, "payout"));
  const json_t *from = json_object_get(p->change, "from");
  say_json(c, json_pack("{s:s,s:s?,s:b,s:s?,s:O?}", "event", "payout", "payout", p->now,
                        "pending", (int)p->pending, "next", p->pending ? next : NULL,
                        "from", p->pending ? from : NULL));
  if (p->now)
    say(c, "You are paid at %s.", clean(shown, sizeof shown, p->now));
  else
    say(c, "You are paid nowhere: what you earn waits in the books.");
  if (!p->pending)
    return;
  if (json_is_integer(from))
    clock_text(when, (double)json_integer_value(from) - (double)time(NULL));
  say(c, "From %s on: %s. Until then you can change it again.",
      json_is_integer(from) ? when : "a time that the chain decides",
      next ? clean(shown, sizeof shown, next) : "nowhere");
}

/* ---- changing it ---- */

/* NULL: nowhere. */
static enum err read_address(const char *word, const char **out, struct why *why)
{
  struct address a;
  *out = NULL;
  if (strcmp(word, "none") == 0)
    return OK;
  if (address_parse(&a, word, "ADDRESS", why) != OK)
    return E_USAGE; /* why says what is wrong */
  if (address_zero(&a))
    return why_set(why, E_USAGE, "ADDRESS", "nobody can be paid at the zero address");
  *out = word;
  return OK;
}

static bool same_address(const char *a, const char *b)
{
  struct address x, y;
  if (!a || !b)
    return !a && !b;
  return payout_address(&x, a) == OK && payout_address(&y, b) == OK &&
         memcmp(&x, &y, sizeof x) == 0;
}

/* What was said last is what is wished for. */
static bool is_so(const struct destination *p, const char *wish)
{
  const json_t *event = json_object_get(p->change, "event");
  return same_address(
      p->pending ? json_string_value(json_object_get(event, "payout")) : p->now, wish);
}

static enum err send(struct cli *c, const struct destination *p, const char *wish,
                     struct why *why)
{
  AUTO(watch_done) struct watch log = {0};
  AUTO(json_drop) json_t *receipt = NULL;
  char path[128];
  time_t now = time(NULL);
  TRY(watch_open(&log, c->home, &c->api, &c->pin, NULL, why));
  TRY(watch_refresh(&log, 0, why));
  const struct seen seen = watch_seen(&log);
  AUTO(json_drop)
  json_t *event = payout_build(&c->pin.hash, &seen, &c->self.id, &p->last, wish, now);
  TRY(event_sign(event, &c->self.key));
  enum err e = api_payout(&c->api, &c->self.id, event, &receipt, why);
  if (e == E_CHECKPOINT)
    return watch_disowned(&log, why);
  TRY(e);
  AUTO(json_drop)
  json_t *kept = json_pack("{s:O,s:O}", "event", event, "receipt", receipt);
  snprintf(path, sizeof path, "payouts/%s.%lld.json", c->pin.hex, (long long)now);
  return home_write_json(c->home, path, kept, false, why);
}

enum err cmd_payout(struct cli *c, struct why *why)
{
  AUTO(destination_done) struct destination p = {0}, after = {0};
  const char *wish;
  TRY(cli_enrolled(c, why));
  TRY(fetch(c, &p, why));
  if (!c->o.words[0]) {
    say_destination(c, &p);
    return OK;
  }
  TRY(read_address(c->o.words[0], &wish, why));
  if (is_so(&p, wish))
    say(c, "That is so already.");
  else
    TRY(send(c, &p, wish, why));
  TRY(fetch(c, &after, why));
  say_destination(c, &after);
  return OK;
}
