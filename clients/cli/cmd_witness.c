/* SPDX-License-Identifier: Apache-2.0
 * Being a witness: every checkpoint is compared with the last one cosigned, and a
 * signature says that it extends it. */
#include <sodium.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clients/cli/cli.h"
#include "util/text.h"

#define WAIT_SECONDS 25u
#define PATIENCE_WITNESS 600u

struct witness {
  struct note_key key;
  struct secret_identity secret;
  struct watch log;  /* its kept checkpoint is the last one cosigned */
  uint64_t cosigned; /* leaves, in this run */
  int lock;
};

static void witness_done(struct witness *w)
{
  sodium_memzero(&w->secret, sizeof w->secret);
  watch_done(&w->log);
  home_unlock(&w->lock);
}

/* With --name a witness's own key, else the participant's under its id. */
static enum err take_key(struct cli *c, struct witness *w, struct why *why)
{
  char hex[65];
  if (c->o.name)
    return witness_key(&w->key, &w->secret, c->home, c->o.name, why);
  enum err e = self_load(&c->self, c->home, why);
  if (e == E_NOT_ENROLLED)
    return why_set(why, e, "--name", "is needed where there is no participant's key");
  TRY(e);
  w->secret = c->self.key;
  return note_key_make(&w->key, hex_encode(hex, c->self.id.b, 32), NOTE_COSIGNATURE,
                       &c->self.id);
}

static enum err say_key(struct cli *c, const struct witness *w)
{
  AUTO(buf_done) struct buf vkey = {0};
  TRY(note_key_format(&vkey, &w->key));
  say_json(c, json_pack("{s:s,s:s,s:s,s:s}", "event", "witness", "name", w->key.name,
                        "key", buf_text(&vkey), "instance", c->pin.hex));
  say(c, "You witness the log of %s as %s", c->pin.instance.origin, buf_text(&vkey));
  if (c->o.name)
    say(c, "The administrator registers you once: chorus admin witness add %s",
        buf_text(&vkey));
  return OK;
}

static enum err cosign(struct cli *c, struct witness *w, struct why *why)
{
  const struct checkpoint *head = &w->log.head;
  if (w->log.behind) {
    say_new(c, "The server shows an older log than the one you cosigned; it is left be.");
    return OK;
  }
  if (head->size == w->cosigned)
    return OK;
  TRY(witness_cosign(&w->log, &w->key, &w->secret, (uint64_t)time(NULL), why));
  w->cosigned = head->size;
  say_json(c,
           json_pack("{s:s,s:I}", "event", "cosigned", "size", (json_int_t)head->size));
  say(c, "Cosigned: %llu entries, and what was there before is still there.",
      (unsigned long long)head->size);
  return OK;
}

enum err cmd_witness(struct cli *c, struct why *why)
{
  AUTO(witness_done) struct witness w = {.lock = -1};
  char path[256];
  if (c->o.patience == UINT64_MAX && !c->o.once)
    c->o.patience = PATIENCE_WITNESS;
  TRY(cli_instance(c, why));
  TRY(home_lock(c->home, "witness.lock", false, &w.lock, why));
  TRY(take_key(c, &w, why));
  TRY(say_key(c, &w));
  witness_path(path, &c->pin, &w.key);
  TRY(watch_open(&w.log, c->home, &c->api, &c->pin, path, why));
  for (unsigned wait = 0;; wait = WAIT_SECONDS) {
    TRY(watch_refresh(&w.log, wait, why));
    c->outage = false;
    TRY(cosign(c, &w, why));
    if (c->o.once)
      break;
    sleep((unsigned)c->o.interval);
  }
  if (!w.cosigned)
    c->exit = EXIT_WAITING;
  return OK;
}
