/* SPDX-License-Identifier: Apache-2.0
 * Drives one participant through one round: fetch documents, check them (round.h), ask
 * the party for what it has to say (party.h), save and sync, and only then send. Killed
 * at any instant and started again, it carries on with the same bytes.
 *
 * A round's folder in the home (rounds/CTX/), in the order in which files come:
 *   open.json              the terms
 *   party.json             secrets and signed events; replaced as the round goes on
 *   said-TYPE.json         each signed event, written once: no second one is ever sent
 *   receipt-TYPE.json      the coordinator's receipt for it
 *   leaf-TYPE.json         where it stands in the log, once that was proved
 *   members.json roster.json graph.json shares.json sharers.json updates.json
 *   survivors.json         documents as accepted; the signed ones are written once
 *   beacon.json            the block that draws a sparse graph, as found on the chain
 *   y.bin                  the masked update
 *   record.json            how it ended; then everything secret or large is removed */
#ifndef CLIENTS_DRIVE_H
#define CLIENTS_DRIVE_H

#include "clients/lib/chain_view.h"
#include "clients/lib/promise.h"
#include "clients/lib/trust.h"
#include "clients/lib/witness.h"
#include "core/party.h"

struct drive_options {
  unsigned minimum;     /* own least number of organisations; 0: the round's */
  bool consent;         /* answer although several sums over one base exist */
  bool trust_simulated; /* work on an instance with a simulated chain */
  bool allow_import;    /* take an imported base */
  const struct witnesses *witnesses; /* to wait for before UNMASK; NULL: none */
  struct chain_view *view;           /* where the instance has a chain; else NULL */
};

/* What the caller supplies. */
struct drive_hooks {
  void *arg;
  /* Once per description: does the user agree to purpose and consent text? E_CONSENT. */
  enum err (*agree)(void *arg, const struct spec *s, struct why *why);
  /* Fills x (zero, spec->d + tail_count coordinates) with the quantised update and its
   * tail. */
  enum err (*update)(void *arg, const struct spec *s, const float *base, struct ring x,
                     struct why *why);
  /* What is being done, and how much of how much (never 0). May be NULL. */
  void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total);
};

enum drive_outcome {
  DRIVE_IDLE,   /* nothing is due now; wait for another phase */
  DRIVE_DID,    /* something was sent: `did` says what */
  DRIVE_ABSENT, /* the round goes on without this participant */
  DRIVE_ENDED,  /* record says how */
};

struct drive_report {
  enum drive_outcome outcome;
  const char *did;  /* "joined", "shared", "uploaded", "answered"; static */
  bool unwitnessed; /* idle, because too few witnesses have cosigned: this many */
  unsigned cosigned;
  /* idle, because something does not stand on the chain, finally, yet, or the user's node
   * does not answer; NULL: not so. Borrowed until the next step. */
  const struct why *unanchored;
  const json_t *
      record; /* borrowed until the next step: {"outcome":"done", "failed",
                 "left" or "refused","model","round","attempt","ctx","reason","result"} */
};

struct drive;

/* Everything passed is borrowed. E_NO_CHAIN when the instance has a chain and there is no
 * view of it. */
enum err drive_new(struct drive **out, struct home *h, const struct self *self,
                   const struct pin *pin, struct api *a, const char *model,
                   const struct drive_options *options, const struct drive_hooks *hooks,
                   struct why *why) MUST_USE;
void drive_free(struct drive *d);
static inline void drive_drop(struct drive **d)
{
  drive_free(*d);
}

/* Does the one thing that is due in this state of the round, if any.
 * E_CHEAT_* when the server is caught; E_CONSENT with what to agree to; E_NOT_ADMITTED
 * and the like when it refuses; E_NETWORK, E_IO: nothing is lost, try again. */
enum err drive_step(struct drive *d, const struct state *s, struct drive_report *out,
                    struct why *why) MUST_USE;

/* Whether it says that the server was caught. */
bool err_is_cheat(enum err e);

/* Ends what earlier runs left open in this home for this model: rounds other than
 * `current` (may be NULL) that the server says are over. */
enum err drive_settle(struct drive *d, const struct digest *current,
                      struct why *why) MUST_USE;

/* Looks whether what has a receipt of this instance is in the log by now
 * (promises_check). now: Unix seconds, by the local clock. */
enum err drive_promises(struct drive *d, int64_t now, struct promises *out,
                        struct why *why) MUST_USE;

/* Members of the round whose silence it could bear now, as far as it is known; -1: not
 * known yet. For words only. */
int64_t drive_slack(const struct drive *d, const struct state *s);

#endif
