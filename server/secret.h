/* SPDX-License-Identifier: Apache-2.0
 * What opens something: cookies, tokens, codes of links. They are 32 random bytes as
 * text; only their hashes are kept. And keys that follow from the coordinator's. */
#ifndef SERVER_SECRET_H
#define SERVER_SECRET_H

#include "core/types.h"
#include "server/server.h"

struct secret {
  char text[44]; /* base64url without padding; wiped by its owner */
};

void secret_make(struct secret *out, struct digest *hash);
void secret_hash(struct digest *out, const char *text);
/* Wipes at the end of a scope: AUTO(secret_wipe) struct secret s; */
void secret_wipe(struct secret *s);
/* The text that belongs to this one and shows nothing of it: HMAC-SHA256 over label. */
void secret_derive(struct secret *out, const char *secret, const char *label);

/* A key of this instance for one purpose: HKDF of the coordinator's seed. */
void secret_key_for(struct secret_key *out, const struct server *s, const char *label);

#endif
