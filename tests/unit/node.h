/* SPDX-License-Identifier: Apache-2.0
 * An Ethereum node with one registry in memory, behind HTTP on a free port: what clients
 * ask of one, answered by a thread. Anchors become visible with the block that they are
 * put into. */
#ifndef TEST_NODE_H
#define TEST_NODE_H

#include <pthread.h>

#include "chain/contracts.h"

#define NODE_ENTRIES 16u
#define NODE_WORDS 10u

struct node_entry {
  struct word key; /* keccak of the call that reads it */
  struct word words[NODE_WORDS];
  unsigned len;
  uint64_t block;
};

struct node {
  char url[64];
  /* Changed with NODE_SET. */
  uint64_t chain_id, latest, finalized;
  uint8_t genesis;  /* first byte of block 0's hash */
  bool away;        /* answers 503 */
  bool no_registry; /* nothing answers at its address */
  struct address registry;
  unsigned calls;

  struct node_entry entries[NODE_ENTRIES];
  unsigned len;
  int listener;
  pthread_t thread;
  pthread_mutex_t lock;
};

#define NODE_SET(n, member, value)                                                       \
  do {                                                                                   \
    pthread_mutex_lock(&(n)->lock);                                                      \
    (n)->member = (value);                                                               \
    pthread_mutex_unlock(&(n)->lock);                                                    \
  } while (0)

void node_init(struct node *n, uint64_t chain_id, const struct address *registry);
void node_done(struct node *n);
struct word node_block_hash(uint64_t number);

/* Put into block latest+1, which becomes the latest. Putting the same place again
 * replaces it. */
void node_model(struct node *n, const char *model, const struct chain_model *m);
void node_roster(struct node *n, const char *model, uint64_t round, uint64_t attempt,
                 const struct digest *hash, uint64_t count);
void node_survivors(struct node *n, const char *model, uint64_t round, uint64_t attempt,
                    const struct digest *hash, uint64_t count, const struct word *budget);
void node_result(struct node *n, const char *model, const struct anchor_result *a);
/* All of it is final. */
void node_finalize(struct node *n);

#endif
