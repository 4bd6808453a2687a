/* SPDX-License-Identifier: Apache-2.0
 * What goes with a model that is taken away: for people a model card (after Mitchell et
 * al., FAT* 2019), for programs the same as JSON, and its policy. All of it comes from
 * the description and from signed events; the coordinator and whoever exports an audit
 * make it with the same code. */
#ifndef MODEL_CARD_H
#define MODEL_CARD_H

#include "model/spec.h"

#define CARD_ROUNDS 50u /* the newest so many are listed */

struct card {
  const char *model;
  const struct spec *spec;
  uint64_t version;
  /* {"open":EVENT,"end":EVENT} of attempts, oldest first; `end` is result or failed. All,
   * or the newest CARD_ROUNDS results. */
  const json_t *attempts;
  uint64_t results, failed; /* of all attempts; card_count */
  uint64_t least, most;     /* organisations in a sum */
  const json_t *chain;      /* of the instance event; NULL: none */
  const json_t *holdout;    /* {"round","rows","loss","accuracy"}, or NULL */
  const json_t *registry;   /* the policy as the contract says it, or NULL */
};

/* Fills in the counts where `attempts` are all there are. */
void card_count(struct card *c);

/* The card of docs/api.md, a new value. */
json_t *card_make(const struct card *c);
/* Appends the same as Markdown. card: what card_make made. card_text.c */
enum err card_markdown(struct buf *out, const json_t *card) MUST_USE;
/* {"model","version","spec","cohort","privacy","rewards","deadlines"}, and of an instance
 * with a chain "chain"; a new value. */
json_t *card_rules(const struct card *c);

#endif
