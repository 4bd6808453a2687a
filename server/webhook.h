/* SPDX-License-Identifier: Apache-2.0
 * Webhooks: what is sent to addresses of others, signed as the Standard Webhooks
 * specification says. Messages are written by triggers, in the transaction of what they
 * tell (sql/migrations/0007-tools.sql), and sent by one thread of each process. */
#ifndef SERVER_WEBHOOK_H
#define SERVER_WEBHOOK_H

#include <curl/curl.h>
#include <sys/socket.h>

#include "db/db.h"
#include "server/server.h"

#define WEBHOOK_ATTEMPTS 10u /* then a message is dead */
#define WEBHOOK_SECRET_BYTES 32u
#define WEBHOOK_URL_MAX 2000u

/* ---- where messages may go (webhook_address.c) ---- */

/* An address that anybody on the Internet may mean: not of this machine, of a private
 * network, a multicast group, or one that stands for another. */
bool address_public(const struct sockaddr *address);
/* The url as an administrator gives it: https (http too where private ones are allowed)
 * with a host and no password; a host that is an address is public. E_FIELD_VALUE. */
enum err webhook_url_check(const char *url, bool private_too, struct why *why) MUST_USE;

/* ---- secrets (webhook_post.c) ---- */

struct webhook_secret {
  uint8_t b[WEBHOOK_SECRET_BYTES]; /* wiped by its owner */
};
enum err webhook_secret_seal(struct buf *out, const struct server *s, int64_t webhook,
                             const struct webhook_secret *secret) MUST_USE;
/* E_CONFIG when it was sealed with another coordinator's key. */
enum err webhook_secret_open(struct webhook_secret *out, const struct server *s,
                             int64_t webhook, struct bytes sealed) MUST_USE;

/* ---- one message under way (webhook_post.c) ---- */

struct webhook_post {
  struct webhook_post *next;
  int64_t delivery, webhook, attempt;
  CURL *curl;
  struct curl_slist *headers;
  char *body;
  size_t received;  /* bytes of the answer, which nobody reads */
  bool private_too; /* no address is refused */
  bool refused;     /* the address was */
};

/* What a claimed row says, as of database time `now`. */
struct webhook_message {
  int64_t delivery, webhook, attempt, now;
  const char *url, *message, *body;
  struct bytes secret; /* sealed */
};

/* Ready to be given to curl. webhook_post_free ends it. E_CONFIG for a secret that does
 * not open. */
enum err webhook_post_new(struct webhook_post **out, const struct server *s,
                          const struct webhook_message *m) MUST_USE;
void webhook_post_free(struct webhook_post *p);
/* How it ended: the status or 0, and, when it was no success, why. */
bool webhook_post_result(const struct webhook_post *p, CURLcode code, long *status,
                         char *reason, size_t room);

/* ---- phases that are due (webhook_due.c) ---- */

/* Writes a message for every phase whose time is nearly over and in which somebody is
 * awaited. */
enum err webhook_tell_due(struct db *db) MUST_USE;

#endif
