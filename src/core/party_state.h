/* SPDX-License-Identifier: Apache-2.0
 * What a party holds; shared by party.c and party_store.c only. */
#ifndef CORE_PARTY_STATE_H
#define CORE_PARTY_STATE_H

#include "core/party.h"

enum party_event_index {
  PARTY_JOIN,
  PARTY_SHARE,
  PARTY_UPDATE,
  PARTY_UNMASK,
  PARTY_EVENTS
};
extern const char *const party_event_names[PARTY_EVENTS];

enum inbox_state { INBOX_MISSING, INBOX_BAD, INBOX_GOOD };

/* What neighbour `from` dealt to this party. */
struct inbox {
  uint32_t from;
  enum inbox_state state;
  struct secret_scalar a, s; /* only when good */
};

struct party {
  struct digest ctx;
  struct identity id;
  struct secret_identity key; /* the caller's; not saved */
  struct secret_scalar a, e, s;
  struct buf deals;    /* as sent with the share event */
  struct inbox *inbox; /* neighbours in U1, ascending; NULL until opened */
  unsigned inbox_len;
  bool masked;                /* x has been masked: never again under this ctx */
  struct digest masked_under; /* H(sharers) of the masks */
  uint64_t samples;           /* the weight that was masked, if it becomes public; or 0 */
  bool forgotten;
  bool has_seen; /* else the empty tree; not saved: the signed events hold theirs */
  struct seen seen;
  json_t *events[PARTY_EVENTS];
};

#endif
