/* SPDX-License-Identifier: Apache-2.0
 * Settings from a file and from flags. */
#include "server/settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum kind { TEXT, NUMBER, FLAG };

struct key {
  const char *name;
  enum kind kind;
  size_t at;
  uint64_t min, max;
  const char *standard, *help;
};

#define AT(member) offsetof(struct settings, member)

static const struct key keys[] = {
    {"db", TEXT, AT(db), 0, 0, NULL, "PostgreSQL, as a libpq connection string"},
    {"key", TEXT, AT(key), 0, 0, NULL, "file with the coordinator's key, mode 0600"},
    {"head-file", TEXT, AT(head_file), 0, 0, NULL,
     "file that remembers the newest signed checkpoint (the key's, with .head)"},
    {"origin", TEXT, AT(origin), 0, 0, NULL, "init: the name of this instance's log"},
    {"simulated-chain", FLAG, AT(simulated_chain), 0, 1, "0",
     "init: anchors and beacons of the tests' own"},
    {"url", TEXT, AT(url), 0, 0, NULL, "where people reach this server, for invites"},
    {"proxy", TEXT, AT(proxy), 0, 0, NULL,
     "address of the reverse proxy whose X-Forwarded-For is believed"},
    {"name", TEXT, AT(name), 0, 0, NULL,
     "what this process is called among its replicas (the machine's name and the port)"},
    {"role", TEXT, AT(role), 0, 0, "admin", "admin: viewer, operator or admin"},
    {"listen", TEXT, AT(listen), 0, 0, "127.0.0.1", "numeric address to listen on"},
    {"port", NUMBER, AT(port), 0, 65535, "8080", "port to listen on; 0: any free one"},
    {"http-threads", NUMBER, AT(http_threads), 1, 64, "2", "threads that speak HTTP"},
    {"request-workers", NUMBER, AT(request_workers), 1, 256, "8",
     "threads that run handlers, each with a database connection"},
    {"job-workers", NUMBER, AT(job_workers), 0, 64, "2",
     "threads that sum, unmask and evaluate"},
    {"queue", NUMBER, AT(queue), 1, 1000000, "1024",
     "requests that may wait for a worker before 503"},
    {"connections", NUMBER, AT(connections), 16, 100000, "4096", "open at most"},
    {"connections-per-address", NUMBER, AT(connections_per_address), 0, 100000, "2048",
     "of them from one address; 0: no limit"},
    {"requests-per-minute", NUMBER, AT(per_minute), 0, 100000000, "6000",
     "from one address, but this machine's own; 0: no limit"},
    {"streams", NUMBER, AT(streams), 0, 100000, "2000", "of events, open at most"},
    {"timeout", NUMBER, AT(timeout), 1, 3600, "30",
     "seconds without a byte until a connection is closed"},
    {"quota-bytes", NUMBER, AT(quota_bytes), 0, UINT64_MAX, "0",
     "what the masked vectors of one round may take; 0: no limit"},
    {"log-promise", NUMBER, AT(log_promise), 1, 86400, "60",
     "seconds within which receipts promise that an event is in the log"},
    {"rpc", TEXT, AT(rpc), 0, 0, NULL,
     "Ethereum nodes, http addresses with commas between"},
    {"chain-id", NUMBER, AT(chain_id), 0, INT64_MAX, "0",
     "init: the chain's EIP-155 number"},
    {"registry", TEXT, AT(registry), 0, 0, NULL,
     "init: address of the registry contract"},
    {"relayer", TEXT, AT(relayer), 0, 0, NULL,
     "keystore file with the key that pays for gas"},
    {"relayer-passphrase", TEXT, AT(relayer_passphrase), 0, 0, NULL,
     "file with its passphrase; else the systemd credential of this name, or a prompt"},
    {"gas-cap", NUMBER, AT(gas_cap), 1, 1000000000, "500",
     "gwei that a unit of gas may cost at most"},
    {"chain-tx-gas-max", NUMBER, AT(chain_tx_gas_max), 100000, 1000000000, "16000000",
     "gas of one transaction at most"},
    {"bump-after", NUMBER, AT(bump_after), 1, 86400, "60",
     "seconds until fees that are too low are raised"},
    {"chain-poll", NUMBER, AT(chain_poll), 50, 600000, "4000",
     "milliseconds between two looks at the chain"},
    {"crash-at", TEXT, AT(crash_at), 0, 0, NULL,
     "tests: where the payer kills the process"},
    {"deployer", TEXT, AT(deployer), 0, 0, NULL,
     "deploy: keystore file of the key that pays; else the relayer's"},
    {"deployer-passphrase", TEXT, AT(deployer_passphrase), 0, 0, NULL,
     "deploy: file with its passphrase"},
    {"guardian", TEXT, AT(guardian), 0, 0, NULL,
     "deploy: who may pause payouts; else nobody"},
    {"contracts", TEXT, AT(contracts), 0, 0, CONTRACTS_FOLDER,
     "deploy: folder of the compiled contracts"},
    {"quorum", TEXT, AT(quorum), 0, 0, "2000000000000000000",
     "deploy: votes that a decision needs at least; one has 10^18"},
    {"timelock-delay", NUMBER, AT(timelock_delay), 0, 31536000, "172800",
     "deploy: seconds between a decision and its effect"},
    {"voting-delay", NUMBER, AT(voting_delay), 0, 31536000, "86400",
     "deploy: seconds between a proposal and its vote"},
    {"voting-period", NUMBER, AT(voting_period), 1, 31536000, "604800",
     "deploy: seconds that a vote takes"},
    {"payout-delay", NUMBER, AT(payout_delay), 0, 31536000, "86400",
     "deploy: seconds between a result and what it pays"},
    {"webhook-private", FLAG, AT(webhook_private), 0, 1, "0",
     "webhooks may go to this machine and private networks, and without TLS"},
    {"static", TEXT, AT(pages), 0, 0, PAGES_FOLDER,
     "folder of the pages that browsers are given"},
    {"metrics", TEXT, AT(metrics), 0, 0, "viewer",
     "who may read /metrics: viewer, by a token, or open, anybody"},
    {"log-level", TEXT, AT(log_level), 0, 0, "info", "debug, info, warning or error"},
};

static enum err set(struct settings *s, const char *name, const char *value,
                    struct why *why)
{
  const struct key *k = keys;
  while (k < keys + LENGTH(keys) && strcmp(k->name, name) != 0)
    k++;
  if (k == keys + LENGTH(keys))
    return why_set(why, E_CONFIG, name, "is not known; see --help");
  void *at = (char *)s + k->at;
  if (k->kind == TEXT) {
    if (!*value)
      return why_set(why, E_CONFIG, name, "must not be empty");
    free(*(char **)at);
    *(char **)at = must_strdup(value);
    return OK;
  }
  if (k->kind == FLAG && (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0))
    value = *value == 'y' ? "1" : "0";
  char *end = NULL;
  errno = 0;
  unsigned long long v = strtoull(value, &end, 10);
  if (*value < '0' || *value > '9' || *end || errno || v < k->min || v > k->max)
    return why_set(why, E_CONFIG, name, "must be a whole number from %llu to %llu",
                   (unsigned long long)k->min, (unsigned long long)k->max);
  if (k->kind == FLAG)
    *(bool *)at = v == 1;
  else
    *(uint64_t *)at = v;
  return OK;
}

void settings_init(struct settings *s)
{
  memset(s, 0, sizeof *s);
  for (size_t i = 0; i < LENGTH(keys); i++)
    if (keys[i].standard && set(s, keys[i].name, keys[i].standard, NULL) != OK)
      abort();
}

void settings_done(struct settings *s)
{
  for (size_t i = 0; i < LENGTH(keys); i++)
    if (keys[i].kind == TEXT)
      free(*(char **)((char *)s + keys[i].at));
  free(s->config);
  memset(s, 0, sizeof *s);
}

static char *trim(char *text)
{
  text += strspn(text, " \t\r\n");
  size_t len = strlen(text);
  while (len && strchr(" \t\r\n", text[len - 1]))
    text[--len] = 0;
  return text;
}

static enum err read_line(struct settings *s, const char *path, unsigned number,
                          char *line, struct why *why)
{
  char place[80];
  struct why below = {0};
  snprintf(place, sizeof place, "%.60s line %u", path, number);
  char *text = trim(line);
  if (!*text || *text == '#')
    return OK;
  char *equals = strchr(text, '=');
  if (!equals)
    return why_set(why, E_CONFIG, place, "expected: key = value");
  *equals = 0;
  enum err e = set(s, trim(text), trim(equals + 1), &below);
  if (e != OK)
    return why_set(why, e, place, "%s %s", below.field, below.detail);
  return OK;
}

enum err settings_file(struct settings *s, const char *path, struct why *why)
{
  char line[4096];
  enum err e = OK;
  FILE *f = fopen(path, "re");
  if (!f)
    return why_set(why, E_IO, path, "%s", strerror(errno));
  for (unsigned number = 1; e == OK && fgets(line, sizeof line, f); number++)
    e = strlen(line) == sizeof line - 1
            ? why_set(why, E_CONFIG, path, "line %u is too long", number)
            : read_line(s, path, number, line, why);
  if (e == OK && ferror(f))
    e = why_set(why, E_IO, path, "cannot be read");
  fclose(f);
  return e;
}

static bool is_flag(const char *name)
{
  for (size_t i = 0; i < LENGTH(keys); i++)
    if (keys[i].kind == FLAG && strcmp(keys[i].name, name) == 0)
      return true;
  return false;
}

/* One --key; *i moves on when its value is the next word. */
static enum err read_flag(struct settings *s, int argc, char **argv, int *i, bool config,
                          struct why *why)
{
  char name[64];
  const char *word = argv[*i] + 2, *value = strchr(word, '=');
  size_t len = value ? (size_t)(value - word) : strlen(word);
  snprintf(name, sizeof name, "%.*s", (int)MIN(len, sizeof name - 1), word);
  if (value)
    value++;
  else if (is_flag(name))
    value = "1";
  else if (*i + 1 < argc)
    value = argv[++*i];
  else
    return why_set(why, E_USAGE, name, "needs a value");
  bool is_config = strcmp(name, "config") == 0;
  if (is_config && config) {
    free(s->config);
    s->config = must_strdup(value);
    return settings_file(s, value, why);
  }
  return is_config || config ? OK : set(s, name, value, why);
}

enum err settings_words(struct settings *s, int argc, char **argv, const char **words,
                        unsigned room, unsigned *words_len, struct why *why)
{
  *words_len = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < argc; i++) {
      if (strncmp(argv[i], "--", 2) == 0)
        TRY(read_flag(s, argc, argv, &i, pass == 0, why));
      else if (pass == 0 && *words_len == room)
        return why_set(why, E_USAGE, argv[i], "is not expected here");
      else if (pass == 0)
        words[(*words_len)++] = argv[i];
    }
  return OK;
}

void settings_help(void)
{
  for (size_t i = 0; i < LENGTH(keys); i++)
    printf("  %-24s %s%s%s%s\n", keys[i].name, keys[i].help, keys[i].standard ? " (" : "",
           keys[i].standard ? keys[i].standard : "", keys[i].standard ? ")" : "");
}
