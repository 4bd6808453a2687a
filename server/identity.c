/* SPDX-License-Identifier: Apache-2.0
 * The coordinator's key file and the instance event. */
#include "server/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/event.h"
#include "server/common.h"
#include "util/text.h"

#define SEED_HEX 64u

static enum err sync_folder(const char *path)
{
  AUTO(free_drop) char *copy = must_strdup(path);
  int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return E_IO;
  int bad = fsync(fd);
  close(fd);
  return bad ? E_IO : OK;
}

static enum err seed_make(const char *path, struct why *why)
{
  uint8_t seed[32];
  char text[SEED_HEX + 2];
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return why_set(why, E_IO, path, "cannot be made: %s", strerror(errno));
  randombytes_buf(seed, sizeof seed);
  hex_encode(text, seed, sizeof seed);
  text[SEED_HEX] = '\n';
  bool good = write(fd, text, SEED_HEX + 1) == SEED_HEX + 1 && fsync(fd) == 0;
  good &= close(fd) == 0;
  sodium_memzero(seed, sizeof seed);
  sodium_memzero(text, sizeof text);
  if (!good || sync_folder(path) != OK)
    return why_set(why, E_IO, path, "cannot be written: %s", strerror(errno));
  return OK;
}

static enum err read_seed(int fd, const char *path, uint8_t seed[32], struct why *why)
{
  struct stat st;
  char text[SEED_HEX + 2] = {0};
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
    return why_set(why, E_CONFIG, path, "is not a file");
  if (st.st_mode & 077)
    return why_set(why, E_CONFIG, path,
                   "others may read the key: its mode is %03o, but must be 600 "
                   "(chmod 600 %s)",
                   st.st_mode & 0777u, path);
  ssize_t got = read(fd, text, sizeof text);
  text[SEED_HEX] = text[SEED_HEX] == '\n' ? 0 : text[SEED_HEX];
  bool good = got >= (ssize_t)SEED_HEX && got <= (ssize_t)SEED_HEX + 1 &&
              hex_decode(seed, 32, text) == OK;
  sodium_memzero(text, sizeof text);
  return good ? OK : why_set(why, E_CONFIG, path, "does not hold 64 hex digits");
}

enum err key_load(const char *path, bool create, struct identity *id,
                  struct secret_identity *key, struct why *why)
{
  uint8_t seed[32];
  if (create && access(path, F_OK) != 0)
    TRY(seed_make(path, why));
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return why_set(why, E_CONFIG, path, "cannot be read: %s", strerror(errno));
  enum err e = read_seed(fd, path, seed, why);
  close(fd);
  if (e == OK)
    crypto_sign_seed_keypair(id->b, key->b, seed);
  sodium_memzero(seed, sizeof seed);
  return e;
}

/* The instance that stands; *event stays NULL when there is none. */
static enum err find(struct db *db, json_t **event, struct instance_event *instance,
                     struct digest *hash, struct why *why)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  TRY(db_query(db, Q_INSTANCE_FIND, &rows, DB_NONE));
  if (rows.len == 0)
    return OK;
  TRY(event_load(event, db_bytes(&rows, 0, 0)));
  TRY(instance_parse(instance, *event, why));
  return event_hash(hash, *event);
}

enum err instance_create(struct db *db, const char *origin, const char *contract,
                         uint64_t chain_id, const struct identity *id,
                         const struct secret_identity *key, struct digest *hash,
                         struct why *why)
{
  AUTO(json_drop) json_t *event = NULL;
  AUTO(buf_done) struct buf bytes = {0};
  struct instance_event there;
  TRY(find(db, &event, &there, hash, why));
  if (event) {
    bool same =
        strcmp(there.origin, origin) == 0 && there.chain_id == chain_id &&
        strcmp(there.contract ? there.contract : "", contract ? contract : "") == 0 &&
        memcmp(there.coordinator.b, id->b, sizeof id->b) == 0;
    if (!same)
      return why_set(why, E_CONFLICT, "instance",
                     "the database holds an instance of another key, origin or chain");
    return OK;
  }
  if (!note_name_valid(origin))
    return why_set(why, E_CONFIG, "origin",
                   "names the log: at most %u bytes, no white space and no plus sign",
                   NOTE_NAME_MAX);
  event = instance_build(origin, id, contract, chain_id);
  TRY(event_sign(event, key));
  TRY(instance_parse(&there, event, why));
  TRY(event_hash(hash, event));
  TRY(event_canonical(&bytes, event, true));
  return db_run(db, Q_INSTANCE_CREATE, DB_ARGS(DB_BUF(&bytes), DB_FIXED(hash)));
}

enum err instance_load(struct db *db, struct server *server, struct why *why)
{
  AUTO(json_drop) json_t *event = NULL;
  struct instance_event instance;
  TRY(find(db, &event, &instance, &server->instance, why));
  if (!event)
    return why_set(why, E_CONFIG, "db", "holds no instance yet: run chorusd init first");
  if (memcmp(instance.coordinator.b, server->coordinator.b,
             sizeof instance.coordinator.b) != 0)
    return why_set(why, E_CONFIG, "key", "is not the key of this database's instance");
  if (note_key_make(&server->log, instance.origin, NOTE_ED25519, &instance.coordinator) !=
      OK)
    return why_set(why, E_CONFIG, "db", "the instance's origin cannot name a log");
  server->anchored = instance.anchored;
  server->simulated = instance.simulated;
  server->chain.on = instance.anchored && !instance.simulated;
  server->chain.id = instance.chain_id;
  return server->chain.on ? address_parse(&server->chain.registry, instance.contract,
                                          "instance.chain.contract", why)
                          : OK;
}
