/* SPDX-License-Identifier: Apache-2.0
 * Cumulative claims and their tree. */
#include "chain/claims.h"

#include <string.h>

#include "util/text.h"

static int by_address(const void *a, const void *b)
{
  const struct claimant *x = a, *y = b;
  return memcmp(&x->account, &y->account, sizeof x->account);
}

static int descending(const void *a, const void *b)
{
  return word_compare(b, a);
}

void claims_make(struct claims *out, const struct claimant *claimants, unsigned len)
{
  struct claims c = {must_calloc(MAX(len, 1u), sizeof *c.all), len, {0}};
  AUTO(free_drop) struct word *leaves = must_calloc(MAX(len, 1u), sizeof *leaves);
  if (len)
    memcpy(c.all, claimants, len * sizeof *c.all);
  qsort(c.all, len, sizeof *c.all, by_address);
  for (unsigned i = 0; i < len; i++)
    claim_leaf(&leaves[i], &c.all[i].account, &c.all[i].cumulative);
  tree_make(&c.tree, leaves, len);
  *out = c;
}

void claims_done(struct claims *c)
{
  free(c->all);
  tree_done(&c->tree);
  *c = (struct claims){0};
}

enum err claims_find(const struct claims *c, const struct address *account,
                     struct claimant *out, struct word proof[32], unsigned *proof_len)
{
  struct claimant key = {.account = *account};
  const struct claimant *found =
      c->len ? bsearch(&key, c->all, c->len, sizeof *c->all, by_address) : NULL;
  struct word leaf;
  if (!found)
    return E_NOT_FOUND;
  claim_leaf(&leaf, &found->account, &found->cumulative);
  TRY(tree_proof(&c->tree, &leaf, proof, proof_len));
  *out = *found;
  return OK;
}

/* ---- standard-v1 ---- */

static json_t *word_json(const struct word *w)
{
  char text[2 + 64 + 1] = "0x";
  hex_encode(text + 2, w->b, sizeof w->b);
  return json_string(text);
}

/* Where a leaf stands in the array of nodes: the leaves are its end, the largest first.
 */
static json_int_t position(const struct tree *t, const struct word *leaf)
{
  const struct word *at =
      bsearch(leaf, t->nodes + t->n - 1, t->n, sizeof *leaf, descending);
  return at - t->nodes;
}

json_t *claims_dump(const struct claims *c)
{
  json_t *tree = json_array(), *values = json_array();
  for (unsigned i = 0; c->len && i < 2 * c->len - 1; i++)
    json_array_append_new(tree, word_json(&c->tree.nodes[i]));
  for (unsigned i = 0; i < c->len; i++) {
    char account[ADDRESS_TEXT], amount[WORD_DIGITS + 1];
    struct word leaf;
    claim_leaf(&leaf, &c->all[i].account, &c->all[i].cumulative);
    json_array_append_new(values, json_pack("{s:[s,s],s:I}", "value",
                                            address_text(account, &c->all[i].account),
                                            word_text(amount, &c->all[i].cumulative),
                                            "treeIndex", position(&c->tree, &leaf)));
  }
  return json_pack("{s:s,s:[s,s],s:o,s:o}", "format", "standard-v1", "leafEncoding",
                   "address", "uint256", "tree", tree, "values", values);
}
