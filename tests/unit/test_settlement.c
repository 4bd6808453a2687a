/* SPDX-License-Identifier: Apache-2.0
 * What a round pays: every rule of docs/chain.md section 4, and that nothing is ever lost
 * or made. */
#include "chain/settlement.h"

#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "test_chain.h"
#include "util/field.h"
#include "util/text.h"

#define MODEL "iris"

static struct payout_terms push = {PAYOUT_PUSH, "0", 1};

static struct word amount(const char *text)
{
  struct word w;
  ck_assert_int_eq(word_parse(&w, text, "", NULL), OK);
  return w;
}

static struct address address(unsigned n)
{
  struct address a = {{0xaa}};
  a.b[17] = (uint8_t)(n >> 16);
  a.b[18] = (uint8_t)(n >> 8);
  a.b[19] = (uint8_t)n;
  return a;
}

/* number: of the key; at: of the address, 0 for none. */
static struct account account(unsigned number, unsigned at, const char *balance,
                              const char *reward)
{
  struct account a = {.balance = amount(balance), .reward = amount(reward)};
  a.id.b[0] = (uint8_t)(number >> 8);
  a.id.b[1] = (uint8_t)number;
  if (at)
    a.payout = address(at);
  return a;
}

static struct voter voter(unsigned organisation)
{
  struct voter v = {.account = address(organisation + 1)};
  v.organisation.b[0] = (uint8_t)(organisation >> 8);
  v.organisation.b[1] = (uint8_t)organisation;
  return v;
}

static void is(const struct word *w, const char *text)
{
  char got[WORD_DIGITS + 1];
  ck_assert_str_eq(word_text(got, w), text);
}

/* A settlement of round 6 without votes. */
static enum err make(struct settlement *out, struct account *accounts, unsigned len,
                     const struct payout_terms *terms)
{
  const struct settling in = {.model = MODEL,
                              .round = 6,
                              .terms = terms,
                              .accounts = accounts,
                              .accounts_len = len};
  return settlement_make(out, &in);
}

START_TEST(thresholds)
{
  struct payout_terms from_ten = {PAYOUT_PUSH, "10", 1};
  struct account a[] = {account(1, 1, "4", "5"), account(2, 2, "4", "6"),
                        account(3, 3, "10", "0"), account(4, 0, "90", "10"),
                        account(5, 5, "0", "0")};
  AUTO(settlement_done) struct settlement s = {0};
  ck_assert_int_eq(make(&s, a, 5, &from_ten), OK);
  is(&s.reward, "21");
  ck_assert_uint_eq(s.payees_len, 2);
  is(&a[0].balance, "9");
  is(&a[0].settled, "0");
  is(&a[1].balance, "0");
  is(&a[1].settled, "10");
  is(&a[2].settled, "10");
  is(&a[3].balance, "100"); /* nowhere to pay it */
  ck_assert_mem_eq(&s.payees[0].account, &a[1].payout, 20);
  is(&s.payees[0].amount, "10");
  ck_assert_uint_eq(s.pays, 1);
  ck_assert_ptr_null(s.claims.tree.nodes);
}
END_TEST

/* Without a threshold everything above zero is paid, and zero is nothing. */
START_TEST(no_threshold)
{
  struct account a[] = {account(1, 1, "0", "0"), account(2, 2, "0", "1")};
  AUTO(settlement_done) struct settlement s = {0};
  ck_assert_int_eq(make(&s, a, 2, &push), OK);
  ck_assert_uint_eq(s.payees_len, 1);
  is(&s.payees[0].amount, "1");
}
END_TEST

START_TEST(only_some_rounds_settle)
{
  for (uint64_t every = 1; every <= 7; every++) {
    struct payout_terms terms = {PAYOUT_PUSH, "0", every};
    struct account a[] = {account(1, 1, "3", "4")};
    AUTO(settlement_done) struct settlement s = {0};
    ck_assert_int_eq(make(&s, a, 1, &terms), OK);
    bool settles = every != 4 && every != 5 && every != 7; /* 6 is a multiple */
    ck_assert_uint_eq(s.pays, settles);
    is(&a[0].balance, settles ? "0" : "7");
    is(&s.reward, "4");
  }
}
END_TEST

START_TEST(one_address_for_two)
{
  struct account a[] = {account(1, 9, "1", "2"), account(2, 4, "0", "5"),
                        account(3, 9, "0", "7")};
  AUTO(settlement_done) struct settlement s = {0};
  ck_assert_int_eq(make(&s, a, 3, &push), OK);
  ck_assert_uint_eq(s.payees_len, 2);
  is(&s.payees[0].amount, "5"); /* by address, not by key */
  is(&s.payees[1].amount, "10");
}
END_TEST

#define MOST                                                                             \
  "115792089237316195423570985008687907853269984665640564039457584007913129639935"

/* 2^256-1 is paid; one more is an error that changes nothing. */
START_TEST(the_largest_sums)
{
  struct account a[] = {account(1, 1, MOST, "0")};
  struct account own[] = {account(1, 1, MOST, "1")};
  struct account shared[] = {account(1, 1, MOST, "0"), account(2, 1, "1", "0")};
  struct account rewards[] = {account(1, 0, "0", MOST), account(2, 0, "0", "1")};
  AUTO(settlement_done) struct settlement s = {0};
  struct settlement none = {0};
  ck_assert_int_eq(make(&s, a, 1, &push), OK);
  is(&s.payees[0].amount, MOST);
  ck_assert_int_eq(make(&none, own, 1, &push), E_OVERFLOW);
  ck_assert_int_eq(make(&none, shared, 2, &push), E_OVERFLOW);
  ck_assert_int_eq(make(&none, rewards, 2, &push), E_OVERFLOW);
  is(&own[0].balance, MOST);
  is(&shared[1].balance, "1");
  ck_assert_ptr_null(none.payees);
  struct claimant before = {address(1), amount(MOST)};
  struct account more[] = {account(1, 1, "1", "0")};
  struct payout_terms claim = {PAYOUT_CLAIM, "0", 1};
  const struct settling in = {.model = MODEL,
                              .round = 1,
                              .terms = &claim,
                              .accounts = more,
                              .accounts_len = 1,
                              .before = &before,
                              .before_len = 1};
  ck_assert_int_eq(settlement_make(&none, &in), E_OVERFLOW);
  is(&more[0].balance, "1");
}
END_TEST

/* ---- batches ---- */

static void check_root(const struct settlement *s)
{
  struct word root, proof[32];
  unsigned len;
  tree_root(&s->payouts, &root);
  for (unsigned i = 0; i < s->pays + s->voices; i++) {
    ck_assert_int_eq(tree_proof(&s->payouts, &s->leaves[i], proof, &len), OK);
    ck_assert(tree_verify(&root, &s->leaves[i], proof, len));
  }
}

START_TEST(batches_are_cut)
{
  static const unsigned sizes[] = {1, 99, 100, 101, 200, 201};
  for (unsigned k = 0; k < LENGTH(sizes); k++) {
    unsigned n = sizes[k];
    AUTO(free_drop) struct account *a = must_calloc(n, sizeof *a);
    AUTO(free_drop) struct voter *v = must_calloc(n, sizeof *v);
    AUTO(settlement_done) struct settlement s = {0};
    for (unsigned i = 0; i < n; i++) {
      a[i] = account(i, n - i, "0", "3"); /* addresses the other way round */
      v[i] = voter(n - i);
    }
    const struct settling in = {.model = MODEL,
                                .round = 1,
                                .terms = &push,
                                .accounts = a,
                                .accounts_len = n,
                                .voters = v,
                                .voters_len = n};
    ck_assert_int_eq(settlement_make(&s, &in), OK);
    ck_assert_uint_eq(s.pays, (n + 99) / 100);
    ck_assert_uint_eq(s.voices, (n + 49) / 50);
    for (unsigned i = 1; i < n; i++) {
      ck_assert_int_lt(memcmp(&s.payees[i - 1], &s.payees[i], 20), 0);
      ck_assert_int_lt(memcmp(&s.voters[i - 1], &s.voters[i], 16), 0);
    }
    for (unsigned i = 0; i < n; i++)
      ck_assert_uint_eq(a[i].batch, (n - 1 - i) / 100);
    check_root(&s);
    /* the last leaves are those of the rest */
    struct word leaf;
    unsigned first = (s.pays - 1) * 100;
    pay_leaf(&leaf, MODEL, 1, s.pays - 1, s.payees + first, n - first);
    ck_assert_mem_eq(&leaf, &s.leaves[s.pays - 1], 32);
    first = (s.voices - 1) * 50;
    voice_leaf(&leaf, MODEL, 1, s.voices - 1, s.voters + first, n - first);
    ck_assert_mem_eq(&leaf, &s.leaves[s.pays + s.voices - 1], 32);
    AUTO(buf_done) struct buf call = {0};
    ck_assert_int_eq(settlement_pay_call(&s, s.pays - 1, &call), OK);
    ck_assert_int_eq(settlement_voice_call(&s, s.voices - 1, &call), OK);
    ck_assert_uint_eq(call.len % 32, 8); /* two selectors */
  }
}
END_TEST

/* Votes are given where nothing is paid too, and nothing at all has no roots. */
START_TEST(nothing_and_votes_only)
{
  AUTO(settlement_done) struct settlement s = {0}, none AUTO(settlement_done) = {0};
  struct voter v[] = {voter(2), voter(1)};
  struct word root;
  const struct settling in = {
      .model = MODEL, .round = 3, .terms = &push, .voters = v, .voters_len = 2};
  ck_assert_int_eq(settlement_make(&s, &in), OK);
  ck_assert(s.pays == 0 && s.voices == 1);
  tree_root(&s.payouts, &root);
  ck_assert_mem_eq(&root, &s.leaves[0], 32); /* one leaf is its own root */
  ck_assert_int_eq(make(&none, NULL, 0, &push), OK);
  tree_root(&none.payouts, &root);
  ck_assert(word_zero(&root));
  tree_root(&none.claims.tree, &root);
  ck_assert(word_zero(&root));
}
END_TEST

/* ---- claims ---- */

START_TEST(claims_grow)
{
  struct payout_terms claim = {PAYOUT_CLAIM, "2", 1};
  struct claimant before[] = {{address(5), amount("70")}, {address(2), amount("8")}};
  struct account a[] = {account(1, 3, "0", "4"), account(2, 5, "1", "1"),
                        account(3, 5, "0", "3"), account(4, 2, "0", "1")};
  AUTO(settlement_done) struct settlement s = {0};
  const struct settling in = {.model = MODEL,
                              .round = 1,
                              .terms = &claim,
                              .accounts = a,
                              .accounts_len = 4,
                              .before = before,
                              .before_len = 2};
  ck_assert_int_eq(settlement_make(&s, &in), OK);
  ck_assert(s.pays == 0 && s.payees_len == 0 && s.claims.len == 3);
  static const char *const sums[] = {"8", "4", "75"};
  struct word root;
  tree_root(&s.claims.tree, &root);
  for (unsigned i = 0; i < 3; i++) {
    struct word proof[32], leaf;
    struct claimant c;
    unsigned len;
    is(&s.claims.all[i].cumulative, sums[i]);
    ck_assert_int_eq(claims_find(&s.claims, &s.claims.all[i].account, &c, proof, &len),
                     OK);
    claim_leaf(&leaf, &c.account, &c.cumulative);
    ck_assert(tree_verify(&root, &leaf, proof, len));
  }
  struct address stranger = address(4);
  struct word proof[32];
  struct claimant c;
  unsigned len;
  ck_assert_int_eq(claims_find(&s.claims, &stranger, &c, proof, &len), E_NOT_FOUND);
  is(&a[3].balance, "1"); /* below the threshold */
}
END_TEST

/* Every value of the dump points at its own leaf. */
START_TEST(dumps_point_at_leaves)
{
  for (unsigned n = 1; n <= 33; n++) {
    struct claimant all[33];
    AUTO(claims_done) struct claims c = {0};
    for (unsigned i = 0; i < n; i++)
      all[i] = (struct claimant){address(i * 7 % n + 1), word_of(i + 1)};
    claims_make(&c, all, n);
    AUTO(json_drop) json_t *dump = claims_dump(&c);
    const json_t *tree = json_object_get(dump, "tree"), *value;
    size_t i;
    ck_assert_uint_eq(json_array_size(tree), 2 * n - 1);
    json_array_foreach (json_object_get(dump, "values"), i, value) {
      char text[2 + 64 + 1] = "0x";
      struct word leaf;
      claim_leaf(&leaf, &c.all[i].account, &c.all[i].cumulative);
      hex_encode(text + 2, leaf.b, 32);
      size_t at = (size_t)json_integer_value(json_object_get(value, "treeIndex"));
      ck_assert_str_eq(json_string_value(json_array_get(tree, at)), text);
    }
    ck_assert_uint_eq(i, n);
  }
}
END_TEST

/* ---- who votes ---- */

START_TEST(voters)
{
  struct member members[5] = {0};
  struct address payouts[5] = {0};
  uint8_t survivors[1] = {0x1d}; /* all but 1 */
  struct round r = {.n = 5, .members = members, .survivors = survivors};
  AUTO(json_drop) json_t *named = json_array();
  struct voter v[5];
  unsigned len;
  for (unsigned i = 0; i < 5; i++) {
    members[i] =
        (struct member){.id = {{(uint8_t)(i + 1)}}, .organisation = {{(uint8_t)(9 - i)}}};
    payouts[i] = address(i + 1);
  }
  payouts[4] = (struct address){0};
  for (unsigned i = 0; i < 3; i += 2) { /* 1 vanished as well */
    struct identity who = {{(uint8_t)(i + 1)}};
    json_array_append_new(named, json_pack("{s:o,s:o,s:s}", "event",
                                           json_hex((uint8_t[32]){1}, 32), "participant",
                                           json_hex(who.b, 32), "reason", "bad-box"));
  }
  ck_assert_int_eq(settlement_voters(v, &len, &r, payouts, named), OK);
  ck_assert_uint_eq(len, 1);
  ck_assert_mem_eq(&v[0].organisation, &members[3].organisation, 16);
  ck_assert_mem_eq(&v[0].account, &payouts[3], 20);
  json_array_clear(named);
  ck_assert_int_eq(settlement_voters(v, &len, &r, payouts, named), OK);
  ck_assert_uint_eq(len, 3);
}
END_TEST

START_TEST(addresses_of_enrolments)
{
  struct address a, b;
  ck_assert_int_eq(payout_address(&a, NULL), OK);
  ck_assert(address_zero(&a));
  ck_assert_int_eq(payout_address(&a, "0xABCDEF0123456789abcdef0123456789ABcdEF01"), OK);
  ck_assert_int_eq(payout_address(&b, "0xabcdef0123456789ABCDEF0123456789abCDef01"), OK);
  ck_assert_mem_eq(&a, &b, 20);
  ck_assert_uint_eq(a.b[0], 0xab);
  ck_assert_int_eq(payout_address(&a, "0xabcdef"), E_FIELD_VALUE);
  ck_assert_int_eq(payout_address(&a, "1xabcdef0123456789ABCDEF0123456789abCDef01"),
                   E_FIELD_VALUE);
  ck_assert_int_eq(payout_address(&a, "0x`bcdef0123456789ABCDEF0123456789abCDef01"),
                   E_FIELD_VALUE);
}
END_TEST

/* ---- what a program with nothing of ours finds (tests/vectors/settlement.py) ---- */

static const char *text_of(const json_t *o, const char *name)
{
  const char *text = json_string_value(json_object_get(o, name));
  ck_assert_msg(text != NULL, "%s is missing", name);
  return text;
}

static void is_hex(const struct word *w, const json_t *text)
{
  char hex[65];
  ck_assert_str_eq(hex_encode(hex, w->b, sizeof w->b), json_string_value(text));
}

static struct address payout_of(const json_t *o)
{
  struct address a = {{0}};
  const char *text = json_string_value(json_object_get(o, "payout"));
  if (text)
    ck_assert_int_eq(hex_decode(a.b, sizeof a.b, text), OK);
  return a;
}

#define VECTOR_MOST 200u
struct vector {
  struct account accounts[VECTOR_MOST];
  struct claimant before[VECTOR_MOST];
  struct voter voters[VECTOR_MOST];
  struct payout_terms terms;
  struct settling in;
};

static void read_voters(struct vector *v, const json_t *list)
{
  static struct member members[VECTOR_MOST];
  static struct address payouts[VECTOR_MOST];
  uint8_t survivors[VECTOR_MOST / 8] = {0};
  struct round r = {.members = members, .survivors = survivors};
  AUTO(json_drop) json_t *named = json_array();
  size_t i;
  json_t *m;
  json_array_foreach (list, i, m) {
    ck_assert_int_eq(hex_decode(members[i].id.b, 32, text_of(m, "participant")), OK);
    ck_assert_int_eq(
        hex_decode(members[i].organisation.b, 16, text_of(m, "organisation")), OK);
    payouts[i] = payout_of(m);
    if (json_is_true(json_object_get(m, "survives")))
      survivors[i / 8] |= (uint8_t)(1 << i % 8);
    if (json_is_true(json_object_get(m, "named")))
      json_array_append_new(named,
                            json_pack("{s:s,s:s,s:s}", "event", text_of(m, "participant"),
                                      "participant", text_of(m, "participant"), "reason",
                                      "bad-share"));
  }
  r.n = (unsigned)i;
  ck_assert_int_eq(settlement_voters(v->voters, &v->in.voters_len, &r, payouts, named),
                   OK);
}

static void read_vector(struct vector *v, const json_t *o)
{
  size_t i;
  json_t *e;
  ck_assert_int_eq(payout_terms_read(&v->terms, json_object_get(o, "payout"), NULL), OK);
  v->in = (struct settling){
      .model = text_of(o, "model"),
      .round = (uint64_t)json_integer_value(json_object_get(o, "round")),
      .terms = &v->terms,
      .accounts = v->accounts,
      .accounts_len = (unsigned)json_array_size(json_object_get(o, "accounts")),
      .before = v->before,
      .before_len = (unsigned)json_array_size(json_object_get(o, "before")),
      .voters = v->voters};
  ck_assert_uint_le(v->in.accounts_len, VECTOR_MOST);
  json_array_foreach (json_object_get(o, "accounts"), i, e) {
    v->accounts[i] = (struct account){.balance = amount(text_of(e, "balance")),
                                      .reward = amount(text_of(e, "reward"))};
    v->accounts[i].payout = payout_of(e);
  }
  json_array_foreach (json_object_get(o, "before"), i, e) {
    const char *account = json_string_value(json_array_get(e, 0));
    ck_assert_int_eq(hex_decode(v->before[i].account.b, 20, account), OK);
    v->before[i].cumulative = amount(json_string_value(json_array_get(e, 1)));
  }
  read_voters(v, json_object_get(o, "members"));
}

static void check_vector(const struct settlement *s, const struct vector *v,
                         const json_t *o)
{
  struct word root;
  size_t i;
  json_t *e;
  is(&s->reward, text_of(o, "reward"));
  json_array_foreach (json_object_get(o, "after"), i, e) {
    is(&v->accounts[i].balance, json_string_value(json_array_get(e, 0)));
    is(&v->accounts[i].settled, json_string_value(json_array_get(e, 1)));
  }
  const json_t *roots = json_object_get(o, "roots"),
               *leaves = json_object_get(o, "leaves");
  ck_assert_uint_eq(json_array_size(leaves), s->pays + s->voices);
  json_array_foreach ((json_t *)leaves, i, e)
    is_hex(&s->leaves[i], e);
  tree_root(&s->payouts, &root);
  is_hex(&root, json_array_get(roots, 0));
  tree_root(&s->claims.tree, &root);
  is_hex(&root, json_array_get(roots, 1));
  ck_assert_uint_eq(json_array_size(json_object_get(o, "cumulative")), s->claims.len);
  json_array_foreach (json_object_get(o, "cumulative"), i, e)
    is(&s->claims.all[i].cumulative, json_string_value(json_array_get(e, 1)));
  json_array_foreach (json_object_get(o, "claim_nodes"), i, e)
    is_hex(&s->claims.tree.nodes[i], e);
}

START_TEST(vectors)
{
  static struct vector v;
  const char *folder = getenv("CHORUS_SRCDIR");
  char path[4096];
  size_t i;
  json_t *o;
  snprintf(path, sizeof path, "%s/tests/vectors/settlement.json", folder ? folder : ".");
  AUTO(json_drop) json_t *cases = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
  ck_assert_msg(json_array_size(cases) >= 7, "%s", path);
  json_array_foreach (cases, i, o) {
    AUTO(settlement_done) struct settlement s = {0};
    read_vector(&v, o);
    ck_assert_int_eq(settlement_make(&s, &v.in), OK);
    check_vector(&s, &v, o);
  }
}
END_TEST

/* ---- nothing lost, nothing made ---- */

#define PEOPLE 12u

struct world {
  struct account accounts[PEOPLE];
  struct claimant *claims; /* as of the last round */
  unsigned claims_len;
  struct word earned, paid;
};

static struct word total(const struct world *w)
{
  struct word sum = w->paid;
  for (unsigned i = 0; i < PEOPLE; i++)
    ck_assert_int_eq(word_add(&sum, &w->accounts[i].balance), OK);
  for (unsigned i = 0; i < w->claims_len; i++)
    ck_assert_int_eq(word_add(&sum, &w->claims[i].cumulative), OK);
  return sum;
}

static void play(struct world *w, uint64_t round, const struct payout_terms *terms)
{
  AUTO(settlement_done) struct settlement s = {0};
  for (unsigned i = 0; i < PEOPLE; i++) {
    randombytes_buf(&w->accounts[i].reward.b[16], 16);
    if (randombytes_uniform(3) == 0)
      w->accounts[i].reward = (struct word){0};
    ck_assert_int_eq(word_add(&w->earned, &w->accounts[i].reward), OK);
  }
  const struct settling in = {.model = MODEL,
                              .round = round,
                              .terms = terms,
                              .accounts = w->accounts,
                              .accounts_len = PEOPLE,
                              .before = w->claims,
                              .before_len = w->claims_len};
  ck_assert_int_eq(settlement_make(&s, &in), OK);
  for (unsigned i = 0; i < s.payees_len; i++)
    ck_assert_int_eq(word_add(&w->paid, &s.payees[i].amount), OK);
  for (unsigned i = 0; i < w->claims_len; i++) { /* they only grow */
    struct claimant c;
    struct word proof[32];
    unsigned len;
    ck_assert_int_eq(claims_find(&s.claims, &w->claims[i].account, &c, proof, &len), OK);
    ck_assert_int_ge(word_compare(&c.cumulative, &w->claims[i].cumulative), 0);
  }
  free(w->claims);
  w->claims = STEAL(s.claims.all);
  w->claims_len = s.claims.len;
}

START_TEST(nothing_is_lost_or_made)
{
  struct world w = {0};
  for (unsigned i = 0; i < PEOPLE; i++) /* some without, some sharing an address */
    w.accounts[i] = account(i, randombytes_uniform(7), "0", "0");
  for (uint64_t round = 1; round <= 200; round++) {
    char threshold[WORD_DIGITS + 1];
    struct word limit = {0};
    randombytes_buf(&limit.b[16], 16);
    const struct payout_terms terms = {
        randombytes_uniform(2) ? PAYOUT_CLAIM : PAYOUT_PUSH,
        randombytes_uniform(4) ? word_text(threshold, &limit) : "0",
        randombytes_uniform(4) + 1};
    play(&w, round, &terms);
    struct word all = total(&w);
    ck_assert_mem_eq(&all, &w.earned, sizeof all);
  }
  ck_assert(!word_zero(&w.paid) && w.claims_len);
  free(w.claims);
}
END_TEST

TCase *test_settlement(void)
{
  TCase *t = tcase_create("settlement");
  tcase_add_test(t, thresholds);
  tcase_add_test(t, no_threshold);
  tcase_add_test(t, only_some_rounds_settle);
  tcase_add_test(t, one_address_for_two);
  tcase_add_test(t, the_largest_sums);
  tcase_add_test(t, batches_are_cut);
  tcase_add_test(t, nothing_and_votes_only);
  tcase_add_test(t, claims_grow);
  tcase_add_test(t, dumps_point_at_leaves);
  tcase_add_test(t, voters);
  tcase_add_test(t, addresses_of_enrolments);
  tcase_add_test(t, vectors);
  tcase_add_test(t, nothing_is_lost_or_made);
  return t;
}
