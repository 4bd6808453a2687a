/* SPDX-License-Identifier: Apache-2.0
 * Keystore files (Web3 v3) and their passphrases, and the chain's part of a process. */
#ifndef SERVER_KEYFILE_H
#define SERVER_KEYFILE_H

#include "server/server.h"
#include "server/settings.h"

/* The passphrase: the file that the setting names, else the systemd credential
 * `relayer-passphrase`, else asked for on the terminal (twice with `again`). E_CONFIG
 * when there is none of these. The caller wipes *out. */
enum err passphrase_get(struct buf *out, const char *file, bool again,
                        struct why *why) MUST_USE;
/* Opens a keystore file. The caller wipes *key. E_CONFIG, E_SIGNATURE, E_FIELD_*. */
enum err keyfile_open(struct secret_key *key, const char *path, const char *passphrase,
                      struct why *why) MUST_USE;

/* Fills server.chain and its part of the configuration of an instance on a real chain:
 * keys, and the contracts if they are known. The instance was loaded. No node is asked.
 */
enum err chain_setup(struct server *s, struct db *db, const struct settings *settings,
                     struct why *why) MUST_USE;
void chain_wipe(struct server *s);

/* chorusd key new FILE | import FILE | address FILE */
enum err run_key(const struct settings *s, const char **words, unsigned len,
                 struct why *why) MUST_USE;
/* chorusd chain deploy | check */
enum err run_chain(const struct settings *s, const char **words, unsigned len,
                   struct why *why) MUST_USE;

#endif
