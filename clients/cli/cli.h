/* SPDX-License-Identifier: Apache-2.0
 * What the files of the chorus program share: the command line, speaking to people and to
 * programs, opening what a command needs. */
#ifndef CLIENTS_CLI_H
#define CLIENTS_CLI_H

#include <stdio.h>

#include "clients/lib/drive.h"
#include "clients/lib/work.h"

/* docs/client.md holds this table too. */
enum exit_code {
  EXIT_DONE = 0,
  EXIT_ERROR = 1,
  EXIT_USAGE = 2,
  EXIT_WAITING = 10, /* nothing is due now */
  EXIT_FAILED = 11,  /* the round failed */
  EXIT_REFUSED = 12, /* the server was caught; nothing was given to it */
  EXIT_CONSENT = 13, /* something needs your word first */
  EXIT_NETWORK = 14, /* the server could not be reached, or is too busy */
  EXIT_DENIED = 15,  /* the server does not let you */
  EXIT_LEFT = 16,    /* the round goes on, or ended, without you */
  EXIT_CHAIN = 17,   /* no Ethereum node, one of another chain, or against its rules */
};

/* ---- the command line ---- */

struct options {
  const char *home, *server, *name, *payout, *data, *update, *out, *spec, *token_file;
  const char *organisation, *target, *base, *instance, *archive, *rpc, *key;
  const char *passphrase_file, *reward_cap;
  const char *vkeys[WITNESSES_MAX]; /* --witness, each time it was given */
  unsigned vkey_count;
  uint64_t weight, minimum, rounds, count, expires, every, round, patience, light,
      threads, maximum_rounds, privacy_budget;
  uint64_t witnesses, from, interval;
  bool json, yes, consent, until_done, trust_simulated, allow_import, no_admit;
  bool has_rounds, help, follow, once, all, with_vectors, withdraw;
  const char *words[3]; /* what is no option, in order */
  unsigned word_count;
};

struct cli;
struct command {
  const char *name;  /* "admin invite" */
  const char *words; /* "MODEL" */
  unsigned least, most;
  const char *options; /* names of the options it takes, with spaces around each */
  const char *about;   /* one line */
  const char *more;    /* further lines of its help, or "" */
  enum err (*run)(struct cli *c, struct why *why);
};
extern const struct command commands[]; /* ended by a NULL name */

/* Finds the command and reads its options. E_USAGE. *command stays NULL when there is
 * none. */
enum err options_read(struct options *o, const struct command **command, int argc,
                      char **argv, struct why *why) MUST_USE;
/* Help of one command, or (NULL) of the program. */
void options_help(FILE *to, const struct command *command);

/* ---- a running command ---- */

struct cli {
  struct options o;
  int exit; /* what to exit with when the command returns OK */
  bool tty; /* standard output is a terminal, and words are wanted */
  bool bar; /* an unfinished line of progress is on it */
  char last[512];
  bool outage; /* the server's silence was already spoken of */

  struct home *home;
  struct self self;
  bool has_self;
  struct api api;
  struct pin pin;
  struct chain_view view; /* of that instance's chain, once cli_chain opened it */
};
void cli_done(struct cli *c);
int exit_for(enum err e);

/* Opens the home folder (once). */
enum err cli_home(struct cli *c, bool locked, struct why *why) MUST_USE;
/* The same where there is a home folder, and the key where it has one; none is made. */
enum err cli_known_home(struct cli *c, struct why *why) MUST_USE;
/* A way to this server. */
enum err cli_server(struct cli *c, const char *address, struct why *why) MUST_USE;
/* Signs what is read over c->api, which leads to `address`, from now on, when this home
 * (open, and c->has_self) was enrolled there, at this instance. */
enum err cli_reads(struct cli *c, const char *address, const struct digest *instance,
                   struct why *why) MUST_USE;
/* The home, the key, and the pin and server of the only instance of one's memberships, or
 * the one that --server names, confirmed. E_NOT_ENROLLED, E_USAGE. */
enum err cli_enrolled(struct cli *c, struct why *why) MUST_USE;
/* The home, the key, the membership, its server and its pin, confirmed. */
enum err cli_member(struct cli *c, const char *model, bool locked,
                    struct why *why) MUST_USE;
/* As a member where there is a membership; otherwise (--server) as anybody, trusting what
 * is pinned, or what is seen the first time. */
enum err cli_visitor(struct cli *c, const char *model, struct why *why) MUST_USE;

/* As anybody: the instance that --instance or --server name, or the only one known here;
 * what is seen the first time is pinned. */
enum err cli_instance(struct cli *c, struct why *why) MUST_USE;

/* A way to an instance that keeps nothing: what --server (and --instance) name, or the
 * membership for this model (may be NULL), or the only instance known. The home is only
 * opened where there is one; *known: it has the instance pinned. */
enum err cli_stranger(struct cli *c, const char *model, bool *known,
                      struct why *why) MUST_USE;

/* The user's own view of the instance's chain: over --rpc, else CHORUS_RPC, else what the
 * home (NULL: nothing is kept) remembers; its nodes are asked whether they are of that
 * chain. */
enum err cli_chain(struct cli *c, struct home *home, struct why *why) MUST_USE;

/* ---- speaking ---- */

/* A line for people; nothing when JSON is wanted. */
void say(struct cli *c, const char *fmt, ...) PRINTF(2, 3);
/* The same, unless it is what was said last. */
void say_new(struct cli *c, const char *fmt, ...) PRINTF(2, 3);
/* One JSON object on a line; nothing when words are wanted. Takes over the reference. */
void say_json(struct cli *c, json_t *object);
void say_error(struct cli *c, enum err e, const struct why *why);
/* A bar on a terminal; total is not 0. */
void say_progress(struct cli *c, const char *what, uint64_t done, uint64_t total);
/* Text of others without what moves the cursor or hides: control characters and
 * direction marks become "?". Cut at room-1 bytes, between characters. */
const char *clean(char *out, size_t room, const char *text);
/* "14:05", or "21 Nov 14:05" when that is not today. */
const char *clock_text(char out[32], double seconds_from_now);

/* ---- words about rounds ---- */
/* What people read before they agree. */
void words_terms(struct cli *c, const char *model, const struct spec *s);
void words_did(struct cli *c, const struct state *s, const char *did);
void words_waiting(struct cli *c, const struct drive *d, const struct state *s);
/* UNMASK is not answered yet: `have` of `required` witnesses. */
void words_unwitnessed(struct cli *c, const struct state *s, unsigned have,
                       unsigned required);
/* Something does not stand on the chain yet. */
void words_unanchored(struct cli *c, const struct state *s, const struct why *what);
/* Which messages are not in the log yet, if any. */
void words_promises(struct cli *c, const struct promises *found);
void words_record(struct cli *c, const json_t *record);

/* ---- commands ---- */
enum err cmd_keygen(struct cli *c, struct why *why) MUST_USE;
enum err cmd_enroll(struct cli *c, struct why *why) MUST_USE;
enum err cmd_login(struct cli *c, struct why *why) MUST_USE;
enum err cmd_payout(struct cli *c, struct why *why) MUST_USE;
enum err cmd_models(struct cli *c, struct why *why) MUST_USE;
enum err cmd_status(struct cli *c, struct why *why) MUST_USE;
enum err cmd_participate(struct cli *c, struct why *why) MUST_USE;
enum err cmd_step(struct cli *c, struct why *why) MUST_USE;
enum err cmd_submit(struct cli *c, struct why *why) MUST_USE;
enum err cmd_predict(struct cli *c, struct why *why) MUST_USE;
enum err cmd_evaluate(struct cli *c, struct why *why) MUST_USE;
enum err cmd_weights(struct cli *c, struct why *why) MUST_USE;
enum err cmd_log_tail(struct cli *c, struct why *why) MUST_USE;
enum err cmd_log_show(struct cli *c, struct why *why) MUST_USE;
enum err cmd_log_prove(struct cli *c, struct why *why) MUST_USE;
enum err cmd_log_consistency(struct cli *c, struct why *why) MUST_USE;
enum err cmd_log_monitor(struct cli *c, struct why *why) MUST_USE;
enum err cmd_log_witnesses(struct cli *c, struct why *why) MUST_USE;
enum err cmd_verify(struct cli *c, struct why *why) MUST_USE;
enum err cmd_export(struct cli *c, struct why *why) MUST_USE;
enum err cmd_witness(struct cli *c, struct why *why) MUST_USE;
enum err cmd_balance(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_payouts(struct cli *c, struct why *why) MUST_USE;
enum err cmd_deposit(struct cli *c, struct why *why) MUST_USE;
enum err cmd_claim(struct cli *c, struct why *why) MUST_USE;
enum err cmd_proposals(struct cli *c, struct why *why) MUST_USE;
enum err cmd_propose_policy(struct cli *c, struct why *why) MUST_USE;
enum err cmd_propose_spec(struct cli *c, struct why *why) MUST_USE;
enum err cmd_vote(struct cli *c, struct why *why) MUST_USE;
enum err cmd_queue(struct cli *c, struct why *why) MUST_USE;
enum err cmd_execute(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_witness_add(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_witness_remove(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_create(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_version(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_retire(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_invite(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_open(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_cancel(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_schedule(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_holdout(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_members(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_admit(struct cli *c, struct why *why) MUST_USE;
enum err cmd_admin_suspend(struct cli *c, struct why *why) MUST_USE;

#endif
