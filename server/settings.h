/* SPDX-License-Identifier: Apache-2.0
 * Settings: "key = value" lines of a file, and the same keys as --flags, which win. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "util/err.h"

struct settings {
  char *config; /* the file that was read last */
  char *db, *key, *head_file, *origin, *url, *proxy, *name, *role, *listen, *log_level,
      *metrics, *pages;
  bool simulated_chain, webhook_private;
  uint64_t port, http_threads, request_workers, job_workers, queue, connections,
      connections_per_address, per_minute, streams, timeout, quota_bytes, log_promise;
  char *rpc, *registry, *relayer, *relayer_passphrase, *crash_at;
  uint64_t chain_id, gas_cap, chain_tx_gas_max, bump_after, chain_poll;
  /* of chain deploy */
  char *deployer, *deployer_passphrase, *guardian, *contracts, *quorum;
  uint64_t timelock_delay, voting_delay, voting_period, payout_delay;
};

/* The defaults. settings_done frees what is held. */
void settings_init(struct settings *s);
void settings_done(struct settings *s);

/* Reads a file. E_CONFIG with the line in why, E_IO. */
enum err settings_file(struct settings *s, const char *path, struct why *why) MUST_USE;

/* Reads the words behind the command: --key value, --key=value, --config FILE (read
 * first, wherever it stands), and at most `room` words that are no flags, whose number is
 * *words_len. E_USAGE, E_CONFIG, E_IO. */
enum err settings_words(struct settings *s, int argc, char **argv, const char **words,
                        unsigned room, unsigned *words_len, struct why *why) MUST_USE;

/* Prints the keys with what they mean. */
void settings_help(void);

#endif
