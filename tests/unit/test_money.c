/* SPDX-License-Identifier: Apache-2.0
 * What a result pays: from the budget to the accounts, from there to payments or claims,
 * and into the outbox, against a real PostgreSQL. */
#include "test_money.h"

#include <libpq-fe.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "chain/settlement.h"
#include "model/net.h"
#include "server/ledger.h"
#include "server/outbox.h"
#include "util/text.h"

static struct stage s;

/* ---- rounds by hand ---- */

void money_start(struct stage *stage, const char *payout)
{
  const struct stage_terms terms = {
      .n = 5,
      .minimum = 3,
      .maximum = 5,
      .upload = 600,
      .d = 10,
      .optimiser = "{\"kind\":\"fedavg\",\"rate\":\"1\"}",
      .scheme = "equal",
      .payout = payout,
  };
  stage_init(stage, &terms);
  stage_sql(stage, "INSERT INTO chain_contracts (vault, voice, governor, claims_block) "
                   "SELECT a, a, a, 0 FROM decode(repeat('11', 20), 'hex') a");
}

void money_address(struct stage *stage, unsigned i, unsigned n)
{
  char id[65];
  stage_sql(stage,
            "UPDATE participants SET payout = decode(lpad('%02x', 40, 'a'), 'hex') "
            "WHERE id = '\\x%s'",
            n, hex_encode(id, stage->people[i].id.b, 32));
}

void money_fill(const struct stage *stage, struct paid_round *r, unsigned number)
{
  *r = (struct paid_round){.survivors = {0x1f}};
  memset(r->row.ctx.b, (int)number, sizeof r->row.ctx.b);
  snprintf(r->row.model, sizeof r->row.model, "toy");
  r->row.version = 1;
  r->row.round = number;
  r->open.ctx = r->row.ctx;
  r->round = (struct round){
      .n = stage->n, .open = &r->open, .members = r->members, .survivors = r->survivors};
  for (unsigned i = 0; i < stage->n; i++) {
    r->members[i].id = stage->people[i].id;
    r->members[i].organisation = stage->people[i].organisation;
  }
}

void money_round(struct stage *stage, struct paid_round *r, unsigned number,
                 const char *const *amounts)
{
  char ctx[65], id[65], organisation[33];
  money_fill(stage, r, number);
  hex_encode(ctx, r->row.ctx.b, 32);
  stage_sql(stage,
            "WITH b AS (INSERT INTO blobs (length) VALUES (0) RETURNING id) INSERT INTO "
            "rounds (ctx, model, version, round, attempt, phase, ended_at, open, "
            "minimum, maximum, length, chunks, base) SELECT '\\x%s', 'toy', 1, %u, 1, "
            "'done', now(), '', 3, 5, 1, 1, id FROM b",
            ctx, number);
  for (unsigned i = 0; i < stage->n; i++) {
    hex_encode(id, stage->people[i].id.b, 32);
    stage_sql(stage,
              "INSERT INTO joins (ctx, participant, organisation, mask_key, share_key, "
              "self_key, event, admit, member) VALUES ('\\x%s', '\\x%s', '\\x%s', "
              "'\\x%s', '\\x%s', '\\x%s', 1, 1, %u);"
              "INSERT INTO rewards SELECT '\\x%s', %u, '\\x%s', %s WHERE %s > 0",
              ctx, id, hex_encode(organisation, stage->people[i].organisation.b, 16), id,
              id, id, i, ctx, i, id, amounts[i], amounts[i]);
  }
}

struct settling_call {
  struct server server;
  struct paid_round *r;
  const json_t *named;
  int64_t tx;
};

static enum err run_settle(struct db *db, void *arg)
{
  struct settling_call *c = arg;
  return settle_round(&c->server, db, &c->r->row, &c->r->round, c->named);
}

enum err money_settle(struct stage *stage, struct paid_round *r, bool chain,
                      const json_t *named)
{
  struct settling_call c = {.r = r, .named = named};
  c.server.chain.on = chain;
  return db_transaction(stage->db, run_settle, &c);
}

static enum err run_final(struct db *db, void *arg)
{
  return ledger_final(db, ((struct settling_call *)arg)->tx);
}

enum err money_final(struct stage *stage, int64_t tx)
{
  struct settling_call c = {.tx = tx};
  return db_transaction(stage->db, run_final, &c);
}

double money_of(struct stage *stage, unsigned i, const char *kind)
{
  char id[65], sql[256];
  snprintf(sql, sizeof sql,
           "SELECT coalesce(sum(balance), 0) FROM accounts WHERE model = 'toy' AND kind "
           "= '%s' AND participant = '\\x%s'",
           kind, hex_encode(id, stage->people[i].id.b, 32));
  return stage_real(stage, sql);
}

void money_check(struct stage *stage)
{
  ck_assert_double_eq(stage_real(stage, "SELECT coalesce(sum(amount), 0) FROM postings"),
                      0);
  ck_assert_double_eq(
      stage_real(stage,
                 "SELECT count(*) FROM accounts a WHERE balance <> (SELECT "
                 "coalesce(sum(amount), 0) FROM postings p WHERE p.account = a.id)"),
      0);
  ck_assert_double_eq(
      stage_real(stage, "SELECT count(*) FROM (SELECT entry FROM postings GROUP BY entry "
                        "HAVING sum(amount) <> 0) x"),
      0);
}

/* ---- without a chain ---- */

/* A round that was really played posts what its result says. */
START_TEST(a_played_round_is_due)
{
  AUTO(json_drop) json_t *shown = NULL;
  money_start(&s, NULL);
  stage_open(&s);
  for (unsigned i = 0; i < 5; i++)
    ck_assert_int_eq(person_join(&s, i), OK);
  stage_wait(&s, "share");
  stage_view(&s);
  for (unsigned i = 0; i < 5; i++)
    ck_assert_int_eq(person_share(&s, i), OK);
  stage_wait(&s, "upload");
  stage_view(&s);
  for (unsigned i = 0; i < 5; i++)
    ck_assert_int_eq(person_upload(&s, i), OK);
  stage_wait(&s, "unmask");
  stage_view(&s);
  for (unsigned i = 0; i < 5; i++)
    ck_assert_int_eq(person_unmask(&s, i), OK);
  stage_wait(&s, "done");
  for (unsigned i = 0; i < 5; i++)
    ck_assert_double_eq(money_of(&s, i, "due"), 200000);
  ck_assert_double_eq(
      stage_real(&s, "SELECT balance FROM accounts WHERE kind = 'budget'"), -1000000);
  ck_assert_double_eq(
      stage_real(&s, "SELECT count(*) FROM entries e JOIN rounds r USING (ctx, model) "
                     "WHERE e.kind = 'due' AND r.phase = 'done'"),
      1);
  ck_assert_double_eq(stage_real(&s, "SELECT count(*) FROM settlements"), 0);
  money_check(&s);
  stage_done(&s);
}
END_TEST

START_TEST(without_a_chain_it_accrues)
{
  struct paid_round r;
  money_start(&s, NULL);
  money_address(&s, 0, 1);
  for (unsigned n = 1; n <= 3; n++) {
    money_round(&s, &r, n, (const char *const[]){"7", "2", "0", "0", "1"});
    ck_assert_int_eq(money_settle(&s, &r, false, NULL), OK);
  }
  ck_assert_double_eq(money_of(&s, 0, "due"), 21);
  ck_assert_double_eq(money_of(&s, 1, "due"), 6);
  ck_assert_double_eq(money_of(&s, 2, "due"), 0);
  ck_assert_int_eq(money_settle(&s, &r, false, NULL), E_CONFLICT); /* once */
  ck_assert_double_eq(money_of(&s, 0, "due"), 21);
  ck_assert_double_eq(stage_real(&s, "SELECT count(*) FROM chain_txs"), 0);
  money_check(&s);
  stage_done(&s);
}
END_TEST

/* ---- with a chain ---- */

static void check_root(const char *column, const struct word *root)
{
  char sql[200], hex[65];
  snprintf(sql, sizeof sql, "SELECT count(*) FROM settlements WHERE %s = '\\x%s'", column,
           hex_encode(hex, root->b, 32));
  ck_assert_double_eq(stage_real(&s, sql), 1);
}

static void check_calldata(const char *kind, struct bytes data)
{
  char sql[4096];
  AUTO(free_drop) char *hex = must_calloc(2 * data.len + 1, 1);
  snprintf(sql, sizeof sql,
           "SELECT count(*) FROM chain_txs WHERE kind = '%s' AND state = 'waiting' AND "
           "calldata = '\\x%s'",
           kind, hex_encode(hex, data.data, data.len));
  ck_assert_double_eq(stage_real(&s, sql), 1);
}

static struct address address(unsigned n)
{
  struct address a;
  memset(a.b, 0xaa, sizeof a.b);
  a.b[19] = (uint8_t)n;
  return a;
}

/* The round of the tests below: 0 and 3 share an address, 1 has none, 4 is named. */
static void pay_round(struct paid_round *r, unsigned number, json_t **named)
{
  money_address(&s, 0, 9);
  money_address(&s, 2, 4);
  money_address(&s, 3, 9);
  money_address(&s, 4, 5);
  money_round(&s, r, number, (const char *const[]){"10", "20", "30", "40", "0"});
  *named = json_array();
  json_array_append_new(*named,
                        json_pack("{s:o,s:o,s:s}", "event", json_hex(r->row.ctx.b, 32),
                                  "participant", json_hex(s.people[4].id.b, 32), "reason",
                                  "bad-share"));
}

/* The same settlement as a stranger makes it. */
static void as_stranger(struct settlement *out, const struct paid_round *r,
                        const struct payout_terms *terms)
{
  struct account a[] = {
      {s.people[0].id, address(9), word_of(0), word_of(10), {{0}}, 0},
      {s.people[2].id, address(4), word_of(0), word_of(30), {{0}}, 0},
      {s.people[3].id, address(9), word_of(0), word_of(40), {{0}}, 0},
      {s.people[1].id, {{0}}, word_of(0), word_of(20), {{0}}, 0},
  };
  struct voter v[] = {{s.people[0].organisation, address(9)},
                      {s.people[2].organisation, address(4)},
                      {s.people[3].organisation, address(9)}};
  const struct settling in = {.model = "toy",
                              .round = (uint64_t)r->row.round,
                              .terms = terms,
                              .accounts = a,
                              .accounts_len = 4,
                              .voters = v,
                              .voters_len = 3};
  ck_assert_int_eq(settlement_make(out, &in), OK);
}

static void check_outbox(const struct paid_round *r, const struct payout_terms *terms)
{
  AUTO(settlement_done) struct settlement want = {0};
  AUTO(buf_done) struct buf pay = {0}, voice AUTO(buf_done) = {0};
  struct word root;
  as_stranger(&want, r, terms);
  tree_root(&want.payouts, &root);
  check_root("payouts", &root);
  if (terms->mode == PAYOUT_PUSH) {
    ck_assert_int_eq(settlement_pay_call(&want, 0, &pay), OK);
    check_calldata("pay", buf_bytes(&pay));
  } else {
    tree_root(&want.claims.tree, &root);
    check_root("claims", &root);
  }
  ck_assert_int_eq(settlement_voice_call(&want, 0, &voice), OK);
  check_calldata("voice", buf_bytes(&voice));
  ck_assert_double_eq(stage_real(&s, "SELECT count(*) FROM chain_txs"), 1 + want.pays);
  ck_assert_double_eq(stage_real(&s, "SELECT reward FROM settlements"), 100);
}

static int64_t tx_of(const char *kind)
{
  char sql[100];
  snprintf(sql, sizeof sql, "SELECT max(id) FROM chain_txs WHERE kind = '%s'", kind);
  return (int64_t)stage_real(&s, sql);
}

/* As the payer leaves it. */
static void on_chain(int64_t tx, const char *nonce)
{
  stage_sql(&s,
            "UPDATE chain_txs SET state = 'final', nonce = %s, block = 9, gas_used = "
            "21000, gas_price = 7 WHERE id = %lld",
            nonce, (long long)tx);
}

START_TEST(a_push_goes_out_and_arrives)
{
  static const struct payout_terms push = {PAYOUT_PUSH, "0", 1};
  struct paid_round r;
  AUTO(json_drop) json_t *named = NULL;
  money_start(&s, NULL);
  pay_round(&r, 1, &named);
  ck_assert_int_eq(money_settle(&s, &r, true, named), OK);
  check_outbox(&r, &push);
  ck_assert_double_eq(money_of(&s, 3, "paying"), 40);
  ck_assert_double_eq(money_of(&s, 3, "due"), 0);
  ck_assert_double_eq(money_of(&s, 1, "due"), 20);
  money_check(&s);
  on_chain(tx_of("voice"), "1");
  ck_assert_int_eq(money_final(&s, tx_of("voice")), OK);
  ck_assert_double_eq(money_of(&s, 3, "paid"), 0);
  on_chain(tx_of("pay"), "2");
  ck_assert_int_eq(money_final(&s, tx_of("pay")), OK);
  ck_assert_int_eq(money_final(&s, tx_of("pay")), E_CONFLICT); /* once */
  ck_assert_double_eq(money_of(&s, 0, "paid"), 10);
  ck_assert_double_eq(money_of(&s, 2, "paid"), 30);
  ck_assert_double_eq(money_of(&s, 3, "paid"), 40);
  ck_assert_double_eq(money_of(&s, 3, "paying"), 0);
  ck_assert_double_eq(stage_real(&s, "SELECT balance FROM accounts WHERE kind = 'gas'"),
                      2 * 21000 * 7);
  money_check(&s);
  stage_done(&s);
}
END_TEST

/* What somebody else has sent pays as well, and costs us nothing. */
START_TEST(others_may_send_it)
{
  struct paid_round r;
  AUTO(json_drop) json_t *named = NULL;
  money_start(&s, NULL);
  pay_round(&r, 1, &named);
  ck_assert_int_eq(money_settle(&s, &r, true, named), OK);
  on_chain(tx_of("pay"), "NULL");
  ck_assert_int_eq(money_final(&s, tx_of("pay")), OK);
  ck_assert_double_eq(money_of(&s, 2, "paid"), 30);
  ck_assert_double_eq(stage_real(&s, "SELECT balance FROM accounts WHERE kind = 'gas'"),
                      0);
  money_check(&s);
  stage_done(&s);
}
END_TEST

/* Thresholds and rounds that do not settle leave it due, votes are given all the same. */
START_TEST(small_sums_wait)
{
  struct paid_round r;
  AUTO(json_drop) json_t *named = NULL, *more AUTO(json_drop) = NULL;
  money_start(&s, "{\"mode\":\"push\",\"threshold\":\"45\",\"every\":2}");
  pay_round(&r, 1, &named);
  ck_assert_int_eq(money_settle(&s, &r, true, named), OK);
  ck_assert_double_eq(stage_real(&s, "SELECT count(*) FROM chain_txs WHERE kind = 'pay'"),
                      0);
  ck_assert_double_eq(
      stage_real(&s, "SELECT count(*) FROM chain_txs WHERE kind = 'voice'"), 1);
  pay_round(&r, 2, &more);
  ck_assert_int_eq(money_settle(&s, &r, true, more), OK);
  ck_assert_double_eq(money_of(&s, 0, "due"), 20);
  ck_assert_double_eq(money_of(&s, 1, "due"), 40);
  ck_assert_double_eq(money_of(&s, 2, "paying"), 60);
  ck_assert_double_eq(money_of(&s, 3, "paying"), 80);
  money_check(&s);
  stage_done(&s);
}
END_TEST

/* ---- claims ---- */

struct fetch {
  unsigned address, amount, index;
};

static enum err run_claimed(struct db *db, void *arg)
{
  const struct fetch *f = arg;
  struct address a = address(f->address);
  struct word amount = word_of(f->amount), tx = word_of(77);
  return ledger_claimed(db, "toy", &a, &amount, &tx, f->index);
}

static enum err fetched(unsigned at, unsigned amount, unsigned index)
{
  struct fetch f = {at, amount, index};
  return db_transaction(s.db, run_claimed, &f);
}

START_TEST(claims_add_up_and_are_fetched)
{
  static const struct payout_terms claim = {PAYOUT_CLAIM, "0", 1};
  struct paid_round r;
  struct claimant *sums = NULL;
  unsigned len = 0;
  AUTO(json_drop) json_t *named = NULL, *more AUTO(json_drop) = NULL;
  money_start(&s, "{\"mode\":\"claim\",\"threshold\":\"0\",\"every\":1}");
  pay_round(&r, 1, &named);
  ck_assert_int_eq(money_settle(&s, &r, true, named), OK);
  check_outbox(&r, &claim);
  ck_assert_double_eq(money_of(&s, 3, "claimable"), 40);
  /* 50 for the two of address 9: off the first in order of the keys, then the other */
  ck_assert_int_eq(fetched(9, 45, 0), OK);
  ck_assert_int_eq(fetched(9, 45, 0), OK); /* the same event again */
  ck_assert_double_eq(money_of(&s, 0, "claimed"), 10);
  ck_assert_double_eq(money_of(&s, 3, "claimed"), 35);
  ck_assert_double_eq(money_of(&s, 3, "claimable"), 5);
  ck_assert_int_eq(fetched(9, 6, 1), E_CONFLICT); /* more than there is */
  ck_assert_int_eq(fetched(8, 1, 1), E_CONFLICT); /* nobody's */
  ck_assert_double_eq(
      stage_real(&s, "SELECT count(*) FROM entries WHERE kind = 'claimed'"), 1);
  money_check(&s);
  pay_round(&r, 2, &more);
  ck_assert_int_eq(money_settle(&s, &r, true, more), OK);
  ck_assert_int_eq(fetched(9, 55, 1), OK);
  money_check(&s);
  /* the books and the tree tell the same story, address by address */
  ck_assert_double_eq(
      stage_real(&s, "SELECT count(*) FROM claims c WHERE round = 2 AND cumulative <> "
                     "(SELECT sum(claimable + claimed) FROM standing_view v WHERE "
                     "v.payout = c.account)"),
      0);
  /* each round's sums stay as they were */
  for (unsigned n = 1; n <= 2; n++) {
    ck_assert_int_eq(ledger_claims(s.db, "toy", n, &sums, &len), OK);
    ck_assert_uint_eq(len, 2);
    struct word thirty = word_of(30 * n), fifty = word_of(50 * n);
    ck_assert_int_eq(word_compare(&sums[0].cumulative, &thirty), 0);
    ck_assert_int_eq(word_compare(&sums[1].cumulative, &fifty), 0);
    free(sums);
  }
  stage_done(&s);
}
END_TEST

int main(void)
{
  model_init();
  Suite *suite = suite_create("money");
  TCase *t = tcase_create("results");
  tcase_set_timeout(t, 90);
  tcase_add_test(t, a_played_round_is_due);
  tcase_add_test(t, without_a_chain_it_accrues);
  tcase_add_test(t, a_push_goes_out_and_arrives);
  tcase_add_test(t, others_may_send_it);
  tcase_add_test(t, small_sums_wait);
  tcase_add_test(t, claims_add_up_and_are_fetched);
  suite_add_tcase(suite, t);
  suite_add_tcase(suite, test_books());
  SRunner *r = srunner_create(suite);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
