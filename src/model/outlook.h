/* SPDX-License-Identifier: Apache-2.0
 * What a description means for a round of so many members, before there is one: how far
 * the arithmetic carries, who must stay, what everybody transfers, how long it takes.
 * docs/spec.md, "What a description means". */
#ifndef MODEL_OUTLOOK_H
#define MODEL_OUTLOOK_H

#include "model/spec.h"

struct outlook {
  unsigned members;       /* that it is reckoned for */
  unsigned headroom_bits; /* the sum could be 2^this times as large and still fit */
  bool sparse;            /* the graph: its roster needs an anchor */
  unsigned threshold;     /* shares that rebuild a secret, t */
  unsigned neighbours;    /* of each member, k */
  unsigned minimum;       /* of these members, so many must stay to the end */
  unsigned anonymity;     /* no sum of this model is over fewer people */
  uint64_t upload_bytes, download_bytes; /* of a member in a round */
  uint64_t seconds_least, seconds_most;  /* of a round, without waiting for a chain */
  char reward[REWARD_DIGITS + 1]; /* of a member when all stay; empty: nothing is paid */
};

/* members: 0 for the greatest cohort; else it is brought within the cohort's bounds.
 * anchored: the instance has a chain.
 * E_THRESHOLD when no graph fits so many members, naming cohort.maximum. */
enum err outlook_make(struct outlook *out, const struct spec *s, unsigned members,
                      bool anchored, struct why *why) MUST_USE;

#endif
