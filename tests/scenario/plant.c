/* SPDX-License-Identifier: Apache-2.0
 * Makes what test_payouts.py puts into the outbox: survivors, batches of payments and the
 * root that binds them, for rounds that nobody played.
 *   plant KEY-FILE CHAIN-ID REGISTRY MODEL SPEC-HASH FIRST ROUNDS BATCHES PAYEES
 * One JSON object a round. Everything follows from the model's name and the round. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "chain/contracts.h"
#include "chain/tree.h"
#include "util/field.h"
#include "util/text.h"

#define BATCHES_MAX 64u
#define PAYEES_MAX 100u

struct plan {
  struct chain_ids ids;
  struct signer attestor;
  const char *model;
  struct digest spec;
  unsigned batches, payees;
};

struct batch {
  struct payee payees[PAYEES_MAX];
  struct word leaf;
};

static json_t *hex_of(struct bytes b)
{
  AUTO(free_drop) char *text = must_calloc(2 * b.len + 1, 1);
  return json_string(hex_encode(text, b.data, b.len));
}

static void draw(void *out, size_t size, const char *what, const char *model,
                 uint64_t round, uint64_t i, uint64_t j)
{
  char text[160];
  uint8_t hash[32];
  snprintf(text, sizeof text, "%s %s %llu %llu %llu", what, model,
           (unsigned long long)round, (unsigned long long)i, (unsigned long long)j);
  crypto_hash_sha256(hash, (const uint8_t *)text, strlen(text));
  memcpy(out, hash, size);
}

static uint64_t fill_batch(struct batch *b, const struct plan *p, uint64_t round,
                           unsigned index)
{
  uint64_t total = 0;
  for (unsigned i = 0; i < p->payees; i++) {
    uint16_t amount;
    draw(&b->payees[i].account, 20, "account", p->model, round, index, i);
    draw(&amount, sizeof amount, "amount", p->model, round, index, i);
    b->payees[i].amount = word_of(amount + 1u);
    total += amount + 1u;
  }
  pay_leaf(&b->leaf, p->model, round, index, b->payees, p->payees);
  return total;
}

static json_t *batch_json(const struct plan *p, const struct batch *b, uint64_t round,
                          unsigned index, const struct tree *tree)
{
  AUTO(buf_done) struct buf call = {0};
  struct word proof[32];
  unsigned len;
  json_t *payees = json_array();
  if (tree_proof(tree, &b->leaf, proof, &len) != OK ||
      pay_call(&call, p->model, round, index, b->payees, p->payees, proof, len) != OK)
    return NULL;
  for (unsigned i = 0; i < p->payees; i++) {
    char address[ADDRESS_TEXT], amount[WORD_DIGITS + 1];
    json_array_append_new(payees,
                          json_pack("[s,s]", address_text(address, &b->payees[i].account),
                                    word_text(amount, &b->payees[i].amount)));
  }
  return json_pack("{s:o,s:o}", "data", hex_of(buf_bytes(&call)), "payees", payees);
}

static enum err survivors_json(const struct plan *p, uint64_t round, uint64_t budget,
                               json_t *out)
{
  AUTO(buf_done) struct buf call = {0};
  struct anchor_survivors a = {.round = round,
                               .attempt = 1,
                               .count = 3,
                               .spec = p->spec,
                               .budget = word_of(budget)};
  struct word digest;
  struct eth_signature sig;
  snprintf(a.model, sizeof a.model, "%s", p->model);
  draw(&a.hash, 32, "survivors", p->model, round, 0, 0);
  anchor_survivors_digest(&digest, &a, &p->ids);
  TRY(p->attestor.sign(p->attestor.arg, &digest, &sig, NULL));
  TRY(anchor_survivors_call(&call, &a, &sig));
  json_object_set_new(out, "survivors", hex_of(buf_bytes(&call)));
  return OK;
}

static enum err round_json(const struct plan *p, uint64_t round)
{
  AUTO(free_drop) struct batch *all = must_calloc(p->batches, sizeof *all);
  AUTO(free_drop) struct word *leaves = must_calloc(p->batches, sizeof *leaves);
  AUTO(json_drop) json_t *o = json_object();
  AUTO(tree_done) struct tree tree = {0};
  json_t *pays = json_array();
  struct word root;
  uint64_t total = 0;
  for (unsigned i = 0; i < p->batches; i++) {
    total += fill_batch(&all[i], p, round, i);
    leaves[i] = all[i].leaf;
  }
  tree_make(&tree, leaves, p->batches);
  tree_root(&tree, &root);
  json_object_set_new(o, "pays", pays);
  for (unsigned i = 0; i < p->batches; i++)
    json_array_append_new(pays, batch_json(p, &all[i], round, i, &tree));
  json_object_set_new(o, "round", json_integer((json_int_t)round));
  json_object_set_new(o, "reward", json_integer((json_int_t)total));
  json_object_set_new(o, "payouts", hex_of(BYTES_OF(root)));
  TRY(survivors_json(p, round, total, o));
  return json_dumpf(o, stdout, JSON_COMPACT) == 0 && putchar('\n') == '\n' ? OK : E_IO;
}

static bool read_key(struct secret_key *out, const char *path)
{
  uint8_t seed[32];
  char text[80] = "";
  struct identity id;
  struct secret_identity key;
  FILE *f = fopen(path, "re");
  bool good = f && fgets(text, sizeof text, f);
  if (f)
    fclose(f);
  text[strcspn(text, "\n")] = 0;
  if (!good || hex_decode(seed, sizeof seed, text) != OK)
    return false;
  crypto_sign_seed_keypair(id.b, key.b, seed);
  key_attestor(out, &key);
  return true;
}

int main(int argc, char **argv)
{
  struct secret_key key;
  if (argc != 10 || sodium_init() < 0 || !read_key(&key, argv[1]))
    return 2;
  struct plan p = {.ids.chain_id = strtoull(argv[2], NULL, 10),
                   .model = argv[4],
                   .batches = (unsigned)strtoul(argv[8], NULL, 10),
                   .payees = (unsigned)strtoul(argv[9], NULL, 10)};
  if (address_parse(&p.ids.registry, argv[3], "", NULL) != OK ||
      hex_decode(p.spec.b, 32, argv[5]) != OK || signer_local(&p.attestor, &key) != OK ||
      !p.batches || p.batches > BATCHES_MAX || !p.payees || p.payees > PAYEES_MAX)
    return 2;
  uint64_t first = strtoull(argv[6], NULL, 10), count = strtoull(argv[7], NULL, 10);
  for (uint64_t r = first; r < first + count; r++)
    if (round_json(&p, r) != OK)
      return 1;
  return 0;
}
