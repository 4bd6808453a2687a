/* SPDX-License-Identifier: Apache-2.0
 * Who this participant is, and whom it trusts: the Ed25519 key, the pinned instances, the
 * memberships, and what is known of each model's results. All kept in the home folder. */
#ifndef CLIENTS_SELF_H
#define CLIENTS_SELF_H

#include "clients/lib/api.h"
#include "clients/lib/home.h"
#include "clients/lib/link.h"

struct self {
  struct identity id;
  struct secret_identity key;
};

/* Makes the key, once: E_CONFLICT when there is one already. */
enum err self_make(struct self *out, struct home *h, struct why *why) MUST_USE;
/* E_NOT_ENROLLED when there is none. Wipe with self_done. */
enum err self_load(struct self *out, struct home *h, struct why *why) MUST_USE;
void self_done(struct self *s);

/* ---- pinned instances ---- */

struct pin {
  struct digest hash;
  char hex[65];
  json_t *event;
  struct instance_event instance; /* borrows from event */
  char address[ADDRESS_MAX + 1];
};
void pin_done(struct pin *p);

/* Takes an instance event as it was shown: it must have this hash (NULL: any) and its own
 * coordinator's signature. E_CHEAT_KEY when it is not the one. Keeps nothing. */
enum err pin_of(struct pin *out, json_t *event, const char *address,
                const struct digest *hash, struct why *why) MUST_USE;
/* Fetches the instance event, checks that it has this hash (NULL: any; the caller trusts
 * what it sees the first time) and its own coordinator's signature, and keeps it.
 * E_CHEAT_KEY when it is not the one. */
enum err pin_make(struct pin *out, struct home *h, struct api *a, const char *address,
                  const struct digest *hash, struct why *why) MUST_USE;
/* E_NOT_FOUND. Only verified pins are ever stored; still its hash is compared. */
enum err pin_load(struct pin *out, struct home *h, const char *hex,
                  struct why *why) MUST_USE;
/* Makes the calls of `a` trust this instance, after asking the server whether it still
 * shows it: E_CHEAT_KEY when not. */
enum err pin_confirm(const struct pin *p, struct api *a, struct why *why) MUST_USE;

/* ---- memberships ---- */

struct membership {
  char instance[65];
  char model[SLUG_MAX + 1];
  json_t *json; /* {"address","model","instance","organisation","event","name","salt",
                   "receipt" or null,"admitted"} */
};
void membership_done(struct membership *m);

/* What the person says, and which checkpoint of the log was verified last. */
struct enrolment {
  const char *name;        /* UTF-8, 1 to 200 bytes */
  const char *payout;      /* may be NULL */
  const struct seen *seen; /* NULL: none yet */
};

/* Makes the enrolment for an invite, or finds the one made for it before, so that it is
 * the same bytes when it is sent again. Stored (as an invite being used, not yet as a
 * membership) before it returns.
 *
 * A key enrols once at each instance. When it already has, with another invite: *before
 * is true, the invite is not used, and the membership is one that waits for admission
 * (or, of the same model, the one there is). */
enum err membership_make(struct membership *out, bool *before, struct home *h,
                         const struct self *self, const struct invite_link *link,
                         const struct enrolment *about, struct why *why) MUST_USE;
/* Keeps it as a membership; the invite is used up. */
enum err membership_save(struct home *h, const struct membership *m,
                         struct why *why) MUST_USE;
/* The membership for this model; server (may be NULL) tells instances apart.
 * E_NOT_ENROLLED when there is none, E_USAGE when there are several. */
enum err membership_find(struct membership *out, struct home *h, const char *model,
                         const char *server, struct why *why) MUST_USE;
/* All of them, as an array of {"instance","model","address","admitted","name"}. */
enum err membership_list(struct home *h, json_t **out, struct why *why) MUST_USE;

/* ---- what is known of a model ---- */

/* The newest result seen, and the specs whose terms the user agreed to. */
struct known {
  json_t *json; /* {"round","ctx","result","sha256","spec","agreed":[hash]} */
};
void known_done(struct known *k);
enum err known_load(struct known *out, struct home *h, const struct pin *p,
                    const char *model, struct why *why) MUST_USE;
enum err known_save(struct home *h, const struct known *k, const struct pin *p,
                    const char *model, struct why *why) MUST_USE;
uint64_t known_round(const struct known *k); /* 0: no result is known */
bool known_agreed(const struct known *k, const struct digest *spec);
void known_agree(struct known *k, const struct digest *spec);
/* Remembers a result if it is newer. */
void known_result(struct known *k, uint64_t round, const struct digest *ctx,
                  const struct digest *result, const struct digest *sha256,
                  const struct digest *spec);

#endif
