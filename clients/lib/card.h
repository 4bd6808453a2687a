/* SPDX-License-Identifier: Apache-2.0
 * What goes with an exported model for people (a model card, after Mitchell et al., FAT*
 * 2019) and for programs (its policy). All of it comes from the description and from
 * signed events. */
#ifndef CLIENTS_CARD_H
#define CLIENTS_CARD_H

#include "model/spec.h"

struct card {
  const char *model;
  const struct spec *spec;
  uint64_t version;
  /* {"open":EVENT,"end":EVENT} of each attempt, oldest first; `end` is result or failed
   */
  const json_t *attempts;
};

/* Appends Markdown. */
enum err card_text(struct buf *out, const struct card *c) MUST_USE;
/* {"model","version","spec","cohort","privacy","rewards","deadlines"}; a new value. */
json_t *card_policy(const struct card *c) MUST_USE;

#endif
