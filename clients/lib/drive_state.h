/* SPDX-License-Identifier: Apache-2.0
 * The inside of a drive, shared by drive.c (what is done when), drive_upload.c (the
 * masked update) and drive_store.c (what the folder of a round holds). */
#ifndef CLIENTS_DRIVE_STATE_H
#define CLIENTS_DRIVE_STATE_H

#include "clients/lib/drive.h"

struct drive {
  struct home *home;
  const struct self *self;
  const struct pin *pin;
  struct api *api;
  char model[SLUG_MAX + 1];
  struct drive_options options;
  struct drive_hooks hooks;
  struct known known;
  struct watch watch;
  struct spec *spec;

  /* the round at hand; loaded from the folder, thrown away after an error */
  bool loaded;
  struct digest ctx;
  char ctx_hex[65];
  struct round *round;
  struct party *party;   /* NULL: not taking part (yet) */
  json_t *shares;        /* share events of U1, once accepted */
  json_t *updates;       /* update events of U2 */
  json_t *record;        /* how it ended */
  bool compared;         /* the server still shows the documents that were accepted */
  struct why unanchored; /* what is waited for on the chain */
};

/* Path of a file in the round's folder. */
struct round_path {
  char text[160];
};
struct round_path round_file(const struct drive *d, const char *name);
struct round_path round_file_of(const struct drive *d, const char *prefix,
                                const char *type);

/* Forgets what is in memory; the next step loads it from the folder again. */
void drive_unload(struct drive *d);
/* Loads the folder of this round, checking everything in it again. E_STATE when it does
 * not hold together (the round must then be left). */
enum err drive_load(struct drive *d, const struct digest *ctx, struct why *why) MUST_USE;

/* Puts the party on the disk; then the event of this type, once and for ever. */
enum err drive_save_party(struct drive *d, struct why *why) MUST_USE;
enum err drive_save_said(struct drive *d, const char *type, const json_t *event,
                         struct why *why) MUST_USE;
/* A document as accepted: the list behind it first (may be NULL), then the signed event,
 * once. */
enum err drive_save_document(struct drive *d, const char *type, const json_t *event,
                             const char *list_name, const json_t *list,
                             struct why *why) MUST_USE;
bool drive_has_receipt(struct drive *d, const char *type);
enum err drive_save_receipt(struct drive *d, const char *type, const json_t *receipt,
                            struct why *why) MUST_USE;

/* The beacon as it was found on the chain: kept before the graph is accepted, and taken
 * from there when the graph is checked again. *have is false when there is none. */
enum err drive_save_beacon(struct drive *d, const struct beacon *beacon,
                           struct why *why) MUST_USE;
enum err drive_load_beacon(struct drive *d, struct beacon *out, bool *have,
                           struct why *why) MUST_USE;

/* Before the event of this type is made: it will say which checkpoint was verified
 * last. */
enum err drive_see(struct drive *d, const char *type, struct why *why) MUST_USE;

/* The spec of the round at hand, into d->spec. */
enum err drive_load_spec(struct drive *d, struct why *why) MUST_USE;
/* Stores, then sends one signed event; keeps the receipt. *reply: the whole answer. */
enum err drive_say(struct drive *d, const char *type, const char *what,
                   const json_t *event, json_t *extra, json_t **reply,
                   struct why *why) MUST_USE;
/* The masked update: from the disk, or made now and put there; computed at most once. */
enum err drive_take_y(struct drive *d, struct buf *y, struct why *why) MUST_USE;
/* Its manifest, then every chunk that the server lacks; keeps the receipt. */
enum err drive_upload(struct drive *d, const struct buf *y, struct why *why) MUST_USE;

/* Writes how it ended (takes over the reference), then removes what is secret or large.
 */
enum err drive_end(struct drive *d, json_t *record, struct why *why) MUST_USE;
/* The removal, again after a crash. */
enum err drive_sweep(struct drive *d, struct why *why) MUST_USE;

#endif
