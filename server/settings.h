/* SPDX-License-Identifier: Apache-2.0
 * Settings: "key = value" lines of a file, and the same keys as --flags, which win. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "util/err.h"

struct settings {
  char *db, *key, *origin, *url, *listen, *log_level;
  bool simulated_chain;
  uint64_t port, http_threads, request_workers, job_workers, queue, connections,
      connections_per_address, timeout, quota_bytes, log_promise;
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
