/* SPDX-License-Identifier: Apache-2.0
 * Recomputes every value of tests/vectors/chain.json, which ethers and OpenZeppelin's
 * merkle-tree made. */
#include <stdio.h>
#include <string.h>

#include "chain/abi.h"
#include "chain/contracts.h"
#include "chain/tree.h"
#include "test_chain.h"
#include "util/field.h"
#include "util/text.h"

static json_t *vectors;

static void load(void)
{
  const char *folder = getenv("CHORUS_SRCDIR");
  char path[4096];
  json_error_t bad;
  snprintf(path, sizeof path, "%s/tests/vectors/chain.json", folder ? folder : ".");
  vectors = json_load_file(path, JSON_REJECT_DUPLICATES, &bad);
  ck_assert_msg(vectors != NULL, "%s: %s", path, bad.text);
}

static void unload(void)
{
  json_decref(vectors);
}

static const json_t *section(const char *name)
{
  const json_t *v = json_object_get(vectors, name);
  ck_assert_msg(v && json_is_array(v) && json_array_size(v) > 0, "no section %s", name);
  return v;
}

static const char *text_of(const json_t *o, const char *name)
{
  const char *text = json_string_value(json_object_get(o, name));
  ck_assert_msg(text != NULL, "%s is missing", name);
  return text;
}

static void hex_of(void *out, size_t len, const json_t *o, const char *name)
{
  ck_assert_msg(hex_decode(out, len, text_of(o, name) + 2) == OK, "%s", name);
}

static struct word word_in(const json_t *o, const char *name)
{
  struct word w;
  hex_of(w.b, sizeof w.b, o, name);
  return w;
}

static struct word amount_in(const json_t *o, const char *name)
{
  struct word w;
  ck_assert_int_eq(word_parse(&w, text_of(o, name), name, NULL), OK);
  return w;
}

/* A number as JSON or as decimal text. */
static uint64_t number_in(const json_t *o, const char *name)
{
  const json_t *v = json_object_get(o, name);
  uint64_t n = 0;
  if (json_is_integer(v))
    return (uint64_t)json_integer_value(v);
  struct word w = amount_in(o, name);
  ck_assert_int_eq(word_u64(&n, &w), OK);
  return n;
}

static struct address address_in(const json_t *o, const char *name)
{
  struct address a;
  ck_assert_int_eq(address_parse(&a, text_of(o, name), name, NULL), OK);
  return a;
}

static struct digest digest_in(const json_t *o, const char *name)
{
  struct digest d;
  hex_of(d.b, sizeof d.b, o, name);
  return d;
}

/* b must be the bytes of o[name]; it is emptied. */
static void same_bytes(struct buf *b, const json_t *o, const char *name)
{
  AUTO(free_drop) char *hex = must_calloc(2 * b->len + 1, 1);
  ck_assert_str_eq(hex_encode(hex, b->data, b->len), text_of(o, name) + 2);
  buf_done(b);
}

static void same_word(const struct word *w, const json_t *o, const char *name)
{
  struct buf b = {0};
  ck_assert_int_eq(buf_put(&b, w->b, sizeof w->b), OK);
  same_bytes(&b, o, name);
}

START_TEST(models)
{
  size_t i;
  const json_t *c;
  json_array_foreach (section("model"), i, c) {
    struct word id;
    chain_model(&id, text_of(c, "slug"));
    same_word(&id, c, "id");
  }
}
END_TEST

START_TEST(keys)
{
  size_t i;
  const json_t *c;
  struct secret_key key;
  struct address a, want;
  json_array_foreach (section("address"), i, c) {
    hex_of(key.b, sizeof key.b, c, "key");
    ck_assert_int_eq(key_address(&a, &key), OK);
    want = address_in(c, "address");
    ck_assert_mem_eq(&a, &want, sizeof a);
  }
  json_array_foreach (section("attestor"), i, c) {
    struct secret_identity coordinator = {{0}};
    struct word w;
    hex_of(coordinator.b, 32, c, "seed");
    key_attestor(&key, &coordinator);
    w = word_of_bytes(key.b, sizeof key.b);
    same_word(&w, c, "key");
    ck_assert_int_eq(key_address(&a, &key), OK);
    want = address_in(c, "address");
    ck_assert_mem_eq(&a, &want, sizeof a);
  }
}
END_TEST

START_TEST(deployment)
{
  const json_t *d = json_object_get(vectors, "deploy");
  const json_t *list = json_object_get(d, "contracts"), *c;
  struct address made[5], from = address_in(d, "deployer");
  struct address relayer = address_in(d, "relayer"), guardian = address_in(d, "guardian");
  struct address attestor = address_in(json_array_get(section("attestor"), 0), "address");
  size_t i;
  ck_assert_uint_eq(json_array_size(list), LENGTH(made));
  json_array_foreach (list, i, c) {
    struct address want = address_in(c, "address");
    address_of_create(&made[i], &from, number_in(d, "nonce") + i);
    ck_assert_mem_eq(&made[i], &want, sizeof want);
  }
  const struct word governor = word_of_address(&made[4]), anybody = word_of(0);
  struct word quorum;
  struct buf b = {0};
  ck_assert_int_eq(word_parse(&quorum, "2000000000000000000", "", NULL), OK);
  ck_assert_int_eq(abi_encode(&b, ABI_ARGS(ABI_UINT(86400), ABI_WORDS(&governor, 1),
                                           ABI_WORDS(&anybody, 1), ABI_UINT(0))),
                   OK);
  same_bytes(&b, json_array_get(list, 0), "arguments");
  ck_assert_int_eq(abi_encode(&b, ABI_ARGS(ABI_ADDRESS(&made[0]), ABI_ADDRESS(&relayer),
                                           ABI_ADDRESS(&attestor), ABI_ADDRESS(&guardian),
                                           ABI_UINT(3600), ABI_ADDRESS(&made[2]),
                                           ABI_ADDRESS(&made[3]), ABI_ADDRESS(&made[4]))),
                   OK);
  same_bytes(&b, json_array_get(list, 1), "arguments");
  ck_assert_int_eq(
      abi_encode(&b, ABI_ARGS(ABI_ADDRESS(&made[3]), ABI_ADDRESS(&made[0]), ABI_UINT(60),
                              ABI_UINT(7200), ABI_WORD(quorum))),
      OK);
  same_bytes(&b, json_array_get(list, 4), "arguments");
}
END_TEST

/* ---- anchors ---- */

union said {
  struct registration registration;
  struct anchor_roster roster;
  struct anchor_survivors survivors;
  struct anchor_result result;
};

static void read_registration(struct registration *r, const json_t *v)
{
  r->spec = digest_in(v, "spec");
  r->currency = address_in(v, "currency");
  r->policy.minimum = number_in(v, "minimum");
  r->policy.maximum_rounds = number_in(v, "maximumRounds");
  r->policy.privacy_budget = number_in(v, "privacyBudget");
  r->policy.reward_cap = amount_in(v, "rewardCap");
}

static void read_survivors(struct anchor_survivors *a, const json_t *v)
{
  a->round = number_in(v, "round");
  a->attempt = number_in(v, "attempt");
  a->hash = digest_in(v, "hash");
  a->count = number_in(v, "count");
  a->spec = digest_in(v, "spec");
  a->budget = amount_in(v, "budget");
  a->privacy = number_in(v, "privacy");
}

static void read_result(struct anchor_result *a, const json_t *v)
{
  a->round = number_in(v, "round");
  a->attempt = number_in(v, "attempt");
  a->hash = digest_in(v, "hash");
  a->reward = amount_in(v, "reward");
  a->payouts = word_in(v, "payouts");
  a->claims = word_in(v, "claims");
  a->log_size = number_in(v, "logSize");
  a->log_root = digest_in(v, "logRoot");
}

static void sign_vector(struct eth_signature *sig, const struct word *digest,
                        const json_t *c)
{
  struct secret_key key;
  struct buf b = {0};
  same_word(digest, c, "digest");
  hex_of(key.b, sizeof key.b, json_array_get(section("attestor"), 0), "key");
  ck_assert_int_eq(key_sign(sig, &key, digest), OK);
  ck_assert_int_eq(buf_put(&b, sig->r, 32), OK);
  ck_assert_int_eq(buf_put(&b, sig->s, 32), OK);
  ck_assert_int_eq(buf_put(&b, &sig->v, 1), OK);
  same_bytes(&b, c, "signature");
}

static void try_anchor(const json_t *c, const struct chain_ids *ids)
{
  const json_t *v = json_object_get(c, "values");
  const char *type = text_of(c, "type");
  union said said = {0};
  struct eth_signature sig;
  struct word digest;
  struct buf b = {0};
  /* the slug comes first in all of them */
  snprintf(said.roster.model, sizeof said.roster.model, "%s", text_of(c, "model"));
  if (strcmp(type, "Registration") == 0) {
    read_registration(&said.registration, v);
    registration_digest(&digest, &said.registration, ids);
    sign_vector(&sig, &digest, c);
    ck_assert_int_eq(registration_call(&b, &said.registration, &sig), OK);
  } else if (strcmp(type, "Roster") == 0) {
    said.roster.round = number_in(v, "round");
    said.roster.attempt = number_in(v, "attempt");
    said.roster.hash = digest_in(v, "hash");
    said.roster.count = number_in(v, "count");
    anchor_roster_digest(&digest, &said.roster, ids);
    sign_vector(&sig, &digest, c);
    ck_assert_int_eq(anchor_roster_call(&b, &said.roster, &sig), OK);
  } else if (strcmp(type, "Survivors") == 0) {
    read_survivors(&said.survivors, v);
    anchor_survivors_digest(&digest, &said.survivors, ids);
    sign_vector(&sig, &digest, c);
    ck_assert_int_eq(anchor_survivors_call(&b, &said.survivors, &sig), OK);
  } else {
    ck_assert_str_eq(type, "Result");
    read_result(&said.result, v);
    anchor_result_digest(&digest, &said.result, ids);
    sign_vector(&sig, &digest, c);
    ck_assert_int_eq(anchor_result_call(&b, &said.result, &sig), OK);
  }
  same_bytes(&b, c, "call");
}

START_TEST(anchors)
{
  const json_t *d = json_object_get(vectors, "deploy"), *c;
  const struct chain_ids ids = {
      number_in(d, "chain_id"),
      address_in(json_array_get(json_object_get(d, "contracts"), 1), "address")};
  size_t i;
  json_array_foreach (section("anchor"), i, c)
    try_anchor(c, &ids);
  json_array_foreach (section("widest"), i, c)
    try_anchor(c, &ids);
}
END_TEST

/* ---- payouts ---- */

#define LIST_MAX 10u

static unsigned read_payees(struct payee *out, const json_t *list)
{
  size_t i;
  const json_t *p;
  ck_assert_uint_le(json_array_size(list), LIST_MAX);
  json_array_foreach (list, i, p)
    out[i] = (struct payee){address_in(p, "account"), amount_in(p, "amount")};
  return (unsigned)json_array_size(list);
}

static unsigned read_voters(struct voter *out, const json_t *list)
{
  size_t i;
  const json_t *p;
  ck_assert_uint_le(json_array_size(list), LIST_MAX);
  json_array_foreach (list, i, p) {
    hex_of(out[i].organisation.b, sizeof out[i].organisation.b, p, "organisation");
    out[i].account = address_in(p, "account");
  }
  return (unsigned)json_array_size(list);
}

static void leaf_of(struct word *out, const json_t *c)
{
  const char *kind = text_of(c, "kind"), *model = text_of(c, "model");
  if (strcmp(kind, "pay") == 0) {
    struct payee payees[LIST_MAX];
    unsigned n = read_payees(payees, json_object_get(c, "payees"));
    pay_leaf(out, model, number_in(c, "round"), number_in(c, "index"), payees, n);
  } else if (strcmp(kind, "voice") == 0) {
    struct voter voters[LIST_MAX];
    unsigned n = read_voters(voters, json_object_get(c, "voters"));
    voice_leaf(out, model, number_in(c, "round"), number_in(c, "index"), voters, n);
  } else {
    const struct address account = address_in(c, "account");
    const struct word cumulative = amount_in(c, "cumulative");
    claim_leaf(out, &account, &cumulative);
  }
}

static void call_of(struct buf *out, const json_t *c, const struct word *proof,
                    unsigned len)
{
  const char *kind = text_of(c, "kind"), *model = text_of(c, "model");
  uint64_t round = number_in(c, "round");
  if (strcmp(kind, "pay") == 0) {
    struct payee payees[LIST_MAX];
    unsigned n = read_payees(payees, json_object_get(c, "payees"));
    ck_assert_int_eq(
        pay_call(out, model, round, number_in(c, "index"), payees, n, proof, len), OK);
  } else if (strcmp(kind, "voice") == 0) {
    struct voter voters[LIST_MAX];
    unsigned n = read_voters(voters, json_object_get(c, "voters"));
    ck_assert_int_eq(
        voice_call(out, model, round, number_in(c, "index"), voters, n, proof, len), OK);
  } else {
    const struct address account = address_in(c, "account");
    const struct word cumulative = amount_in(c, "cumulative");
    ck_assert_int_eq(claim_call(out, model, round, &account, &cumulative, proof, len),
                     OK);
  }
}

/* The leaf's proof in t is the one that c says, and verifies. */
static unsigned same_proof(const struct tree *t, const struct word *leaf,
                           struct word proof[32], const json_t *c)
{
  const json_t *want = json_object_get(c, "proof");
  struct word root;
  unsigned len;
  ck_assert_int_eq(tree_proof(t, leaf, proof, &len), OK);
  ck_assert_uint_eq(len, json_array_size(want));
  for (unsigned i = 0; i < len; i++) {
    char hex[65];
    ck_assert_str_eq(hex_encode(hex, proof[i].b, 32),
                     json_string_value(json_array_get(want, i)) + 2);
  }
  tree_root(t, &root);
  ck_assert(tree_verify(&root, leaf, proof, len));
  return len;
}

/* Claims are in the tree of three of section `tree`, all others in one of their own. */
START_TEST(batches)
{
  struct word leaves[2][LIST_MAX], proof[32], root;
  struct tree trees[2];
  unsigned n[2] = {0};
  size_t i;
  const json_t *c, *list = section("batch");
  json_array_foreach (list, i, c) {
    unsigned which = strcmp(text_of(c, "kind"), "claim") == 0;
    ck_assert_uint_lt(n[which], LIST_MAX);
    leaf_of(&leaves[which][n[which]], c);
    same_word(&leaves[which][n[which]++], c, "leaf");
  }
  for (unsigned k = 0; k < 2; k++)
    tree_make(&trees[k], leaves[k], n[k]);
  tree_root(&trees[0], &root);
  same_word(&root, vectors, "payouts");
  json_array_foreach (list, i, c) {
    struct buf b = {0};
    struct word leaf;
    leaf_of(&leaf, c);
    unsigned len =
        same_proof(&trees[strcmp(text_of(c, "kind"), "claim") == 0], &leaf, proof, c);
    call_of(&b, c, proof, len);
    same_bytes(&b, c, "call");
  }
  for (unsigned k = 0; k < 2; k++)
    tree_done(&trees[k]);
}
END_TEST

START_TEST(claim_trees)
{
  size_t k, i;
  const json_t *t, *c;
  json_array_foreach (section("tree"), k, t) {
    const json_t *list = json_object_get(t, "leaves");
    struct word leaves[LIST_MAX], proof[32], root;
    struct tree tree;
    json_array_foreach (list, i, c) {
      const struct address account = address_in(c, "account");
      const struct word cumulative = amount_in(c, "cumulative");
      claim_leaf(&leaves[i], &account, &cumulative);
      same_word(&leaves[i], c, "leaf");
    }
    tree_make(&tree, leaves, (unsigned)json_array_size(list));
    tree_root(&tree, &root);
    same_word(&root, t, "root");
    json_array_foreach (list, i, c)
      same_proof(&tree, &leaves[i], proof, c);
    tree_done(&tree);
  }
}
END_TEST

/* ---- what reverts say ---- */

START_TEST(reverts)
{
  size_t i;
  const json_t *c;
  json_array_foreach (section("revert"), i, c) {
    const char *hex = text_of(c, "data") + 2;
    uint8_t data[512];
    char text[200];
    size_t len = strlen(hex) / 2;
    ck_assert_uint_le(len, sizeof data);
    ck_assert_int_eq(hex_decode(data, len, hex), OK);
    abi_revert_text(text, sizeof text, BYTES(data, len));
    ck_assert_str_eq(text, text_of(c, "text"));
    for (size_t cut = 0; cut < len; cut++) { /* never more than what is there */
      AUTO(free_drop) uint8_t *part = must_calloc(cut, 1);
      memcpy(part, data, cut);
      abi_revert_text(text, sizeof text, BYTES(part, cut));
      ck_assert(*text);
      if (strcmp(text_of(c, "signature"), "Error(string)") != 0)
        ck_assert_str_ne(text, text_of(c, "text"));
    }
  }
}
END_TEST

static void says(const char *hex, const char *want)
{
  uint8_t data[256];
  char text[160];
  ck_assert_int_eq(hex_decode(data, strlen(hex) / 2, hex), OK);
  abi_revert_text(text, sizeof text, BYTES(data, strlen(hex) / 2));
  ck_assert_msg(strstr(text, want) != NULL, "%s", text);
}

#define ZEROS_31 "00000000000000000000000000000000000000000000000000000000000000"

START_TEST(other_reverts)
{
  says("", "no reason");
  says("4e487b71" ZEROS_31 "11", "overflow");
  says("4e487b71" ZEROS_31 "77", "compiler");
  says("deadbeef", "0xdeadbeef");
  says("de", "0xde");
  /* a text with control characters, and one that claims to be longer than it is */
  says("08c379a0" ZEROS_31 "20" ZEROS_31 "03610a62" ZEROS_31, "a?b");
  says("08c379a0" ZEROS_31 "20" ZEROS_31 "ff61", "0x08c379a0");
  says("08c379a0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" ZEROS_31
       "20",
       "0x08c379a0");
}
END_TEST

#define ZEROS_28 "00000000000000000000000000000000000000000000000000000000"

START_TEST(encoding)
{
  struct buf b = {0};
  struct word out = word_of(9);
  uint8_t data[96] = {[63] = 5};
  /* f(uint256,uint32[],bytes10,bytes) of the ABI's own text */
  const struct word list[] = {word_of(0x456), word_of(0x789)};
  ck_assert_int_eq(abi_call(&b, "f(uint256,uint32[],bytes10,bytes)",
                            ABI_ARGS(ABI_UINT(0x123), ABI_WORDS(list, 2),
                                     ABI_WORD(word_of_bytes("1234567890", 10)),
                                     ABI_BYTES("Hello, world!", 13))),
                   OK);
  AUTO(free_drop) char *hex = must_calloc(2 * b.len + 1, 1);
  ck_assert_str_eq(
      hex_encode(hex, b.data, b.len),
      "8be65246" ZEROS_28 "00000123" ZEROS_28 "00000080"
      "3132333435363738393000000000000000000000000000000000000000000000" ZEROS_28
      "000000e0" ZEROS_28 "00000002" ZEROS_28 "00000456" ZEROS_28 "00000789" ZEROS_28
      "0000000d"
      "48656c6c6f2c20776f726c642100000000000000000000000000000000000000");
  buf_done(&b);
  ck_assert_int_eq(abi_word(&out, BYTES_OF(data), 3, 1), OK);
  ck_assert_uint_eq(out.b[31], 5);
  ck_assert_int_eq(abi_word(&out, BYTES_OF(data), 2, 1), E_REPLY);
  ck_assert_int_eq(abi_word(&out, BYTES_OF(data), 4, 1), E_REPLY);
  ck_assert_int_eq(abi_word(&out, BYTES_OF(data), 3, 3), E_REPLY);
  ck_assert_int_eq(abi_word(&out, BYTES(NULL, 0), 1, 0), E_REPLY);
  ck_assert_uint_eq(out.b[31], 5);
}
END_TEST

TCase *test_contracts(void)
{
  TCase *t = tcase_create("contracts");
  tcase_set_timeout(t, 60);
  tcase_add_checked_fixture(t, load, unload);
  tcase_add_test(t, models);
  tcase_add_test(t, keys);
  tcase_add_test(t, deployment);
  tcase_add_test(t, anchors);
  tcase_add_test(t, batches);
  tcase_add_test(t, claim_trees);
  tcase_add_test(t, reverts);
  tcase_add_test(t, other_reverts);
  tcase_add_test(t, encoding);
  return t;
}
