/* SPDX-License-Identifier: Apache-2.0
 * The public log of the server in memory: every accepted event is a leaf at once and the
 * newest checkpoint holds all, unless a test makes it lie. */
#ifndef TEST_HOST_LOG_H
#define TEST_HOST_LOG_H

#include "clients/lib/api.h"
#include "ledger/note.h"
#include "ledger/tlog.h"

#define HOST_WITNESSES 4u

struct host_log {
  struct note_key key; /* the log's */
  const struct secret_identity *secret;
  uint64_t len;
  struct buf *entries;
  struct digest *leaves, *hashes; /* leaf hashes; H(event), zero where it is none */

  bool stopped;     /* nothing is appended any more */
  uint64_t show;    /* the newest checkpoint has so many leaves; 0: all */
  uint64_t fork;    /* from this leaf on another history is shown; 0: none */
  bool no_proofs;   /* consistency is never proved */
  bool alien;       /* checkpoints are signed by another key */
  bool disowns;     /* `seen` is never known */
  bool no_partial;  /* tiles that have grown are gone */
  bool wrong_tiles; /* one hash or byte of what is served is wrong */
  const char *text; /* served in place of a checkpoint */
  unsigned entries_asked, proofs_asked;

  struct {
    struct note_key key;
    struct buf note; /* with its cosignature */
  } witnesses[HOST_WITNESSES];
  unsigned witnesses_len;
};

void host_log_init(struct host_log *l, const char *origin, const struct identity *id,
                   const struct secret_identity *secret);
void host_log_done(struct host_log *l);
void host_log_add(struct host_log *l, const json_t *event);
void host_log_add_bytes(struct host_log *l, struct bytes entry);
/* Whether the log has had this root. */
bool host_log_had(struct host_log *l, uint64_t size, const struct digest *root);
void host_log_root(struct host_log *l, uint64_t size, struct digest *out);
void host_log_note(struct host_log *l, uint64_t size, struct buf *out);
/* GET and POST below /api/v1/log/. */
enum err host_log_get(struct host_log *l, const char *path, struct http_reply *rp);
enum err host_log_post(struct host_log *l, const char *path, struct bytes body,
                       struct http_reply *rp);
/* Registers a witness; its cosignatures are taken. */
void host_log_witness(struct host_log *l, const struct note_key *key);

#endif
