/* SPDX-License-Identifier: Apache-2.0
 * The rules of the books that no program can break, whoever dies in the middle. */
#include <libpq-fe.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "db/tables.h"
#include "test_db.h"
#include "test_money.h"
#include "util/text.h"

static struct stage s;
static const char *const amounts[] = {"10", "20", "30", "40", "50"};

/* A statement that must fail, with this in what is said. */
static void refused(const char *text, const char *sql)
{
  PGconn *c = PQconnectdb(s.server.config.database);
  PGresult *r = PQexec(c, sql);
  ck_assert_msg(PQresultStatus(r) == PGRES_FATAL_ERROR, "was taken: %s", sql);
  ck_assert_msg(strstr(PQresultErrorMessage(r), text) != NULL, "%s: %s", sql,
                PQresultErrorMessage(r));
  PQclear(r);
  PQfinish(c);
}

#define NEW                                                                              \
  "WITH e AS (INSERT INTO entries (kind, model, hash, log_index) VALUES "                \
  "('claimed', 'toy', sha256('x'), 1) RETURNING id) INSERT INTO postings "
#define DUE "(SELECT min(id) FROM accounts WHERE kind = 'due')"
#define OTHER "(SELECT max(id) FROM accounts WHERE kind = 'due')"
#define CLAIMABLE "(SELECT min(id) FROM accounts WHERE kind = 'claimable')"
#define BUDGET "(SELECT id FROM accounts WHERE kind = 'budget')"
#define GAS "(SELECT id FROM accounts WHERE kind = 'gas')"

START_TEST(unbalanced_entries_are_refused)
{
  struct paid_round r;
  money_start(&s, NULL);
  money_round(&s, &r, 1, amounts);
  ck_assert_int_eq(money_settle(&s, &r, false, NULL), OK);
  refused("does not balance", NEW "SELECT id, " DUE ", 1 FROM e");
  refused("does not balance", NEW "SELECT id, " DUE ", 1 FROM e UNION ALL "
                                  "SELECT id, " BUDGET ", -2 FROM e");
  /* two wrongs make no right: coins for gas */
  refused("does not balance", NEW "SELECT id, " GAS ", 1 FROM e UNION ALL "
                                  "SELECT id, " BUDGET ", -1 FROM e");
  /* what balances, but takes what is not there */
  refused("violates check", NEW "SELECT id, " DUE ", 1000 FROM e UNION ALL "
                                "SELECT id, " OTHER ", -1000 FROM e");
  refused("violates check", NEW "SELECT id, " DUE ", 0 FROM e");
  /* what balances, but is nobody's */
  refused("names nobody", NEW "SELECT id, " DUE ", -1 FROM e UNION ALL "
                              "SELECT id, " CLAIMABLE ", 1 FROM e");
  /* what balances, in an old entry or in two statements */
  refused("old one", "INSERT INTO postings SELECT 1, id, CASE kind WHEN 'gas' THEN 1 "
                     "ELSE -1 END FROM accounts WHERE kind IN ('gas', 'relayer')");
  refused("does not balance",
          "BEGIN; INSERT INTO entries (kind, model, hash, log_index) VALUES ('claimed', "
          "'toy', sha256('x'), 1); INSERT INTO postings SELECT max(id), " GAS
          ", 1 FROM entries; COMMIT");
  ck_assert_double_eq(stage_real(&s, "SELECT count(*) FROM entries"), 1);
  money_check(&s);
  stage_done(&s);
}
END_TEST

START_TEST(nothing_is_changed_or_removed)
{
  static const char *const tries[] = {"UPDATE postings SET amount = 1",
                                      "DELETE FROM postings WHERE false",
                                      "TRUNCATE postings",
                                      "UPDATE entries SET made_at = now()",
                                      "DELETE FROM entries",
                                      "TRUNCATE entries CASCADE",
                                      "UPDATE accounts SET balance = 0",
                                      "DELETE FROM accounts",
                                      "TRUNCATE accounts CASCADE",
                                      "UPDATE claims SET cumulative = 1",
                                      "DELETE FROM claims",
                                      "TRUNCATE claims"};
  struct paid_round r;
  money_start(&s, NULL);
  money_round(&s, &r, 1, amounts);
  ck_assert_int_eq(money_settle(&s, &r, false, NULL), OK);
  for (size_t i = 0; i < LENGTH(tries); i++)
    refused("only added to", tries[i]);
  ck_assert_double_eq(money_of(&s, 4, "due"), 50);
  money_check(&s);
  stage_done(&s);
}
END_TEST

/* ---- many at once, killed at any moment ---- */

#define WORKERS 4
#define ROUNDS 40

/* Settles rounds and makes payments final, in an order of its own, until it is killed.
 * Whatever another one has done already is a conflict. */
static void work(const char *database)
{
  struct why why = {0};
  struct stage mine = s;
  if (db_open(&mine.db, database, true, &why) != OK)
    _exit(1);
  for (;;) {
    struct paid_round r;
    money_fill(&mine, &r, randombytes_uniform(ROUNDS) + 1);
    enum err e = money_settle(&mine, &r, true, NULL);
    if (e == OK || e == E_CONFLICT)
      e = money_final(&mine, randombytes_uniform(ROUNDS) + 1);
    if (e != OK && e != E_CONFLICT && e != E_DB_RETRY)
      _exit(1);
  }
}

static pid_t start_worker(void)
{
  pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    work(s.server.config.database);
    _exit(0);
  }
  return pid;
}

static void kill_worker(pid_t pid)
{
  int status = 0;
  ck_assert_int_eq(kill(pid, SIGKILL), 0);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert(WIFSIGNALED(status)); /* it was at work until then */
}

START_TEST(the_sum_is_always_zero)
{
  static struct paid_round rounds[ROUNDS];
  pid_t workers[WORKERS];
  unsigned kills = 0;
  money_start(&s, NULL);
  for (unsigned i = 0; i < 5; i++)
    money_address(&s, i, i + 1);
  for (unsigned n = 1; n <= ROUNDS; n++)
    money_round(&s, &rounds[n - 1], n, amounts);
  /* as if the payer had just found the payments in the chain */
  stage_sql(&s, "CREATE FUNCTION arrive() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "NEW.state = 'final'; NEW.nonce = NEW.id; NEW.block = 1; NEW.gas_used = "
                "3; NEW.gas_price = 5; RETURN NEW; END $$;"
                "CREATE TRIGGER arrive BEFORE INSERT ON chain_txs FOR EACH ROW EXECUTE "
                "FUNCTION arrive()");
  for (unsigned i = 0; i < WORKERS; i++)
    workers[i] = start_worker();
  for (time_t end = time(NULL) + 6; time(NULL) < end; kills++) {
    struct timespec pause = {0, 20000000L + (long)randombytes_uniform(60000000)};
    nanosleep(&pause, NULL);
    unsigned i = randombytes_uniform(WORKERS);
    kill_worker(workers[i]);
    ck_assert_double_eq(stage_real(&s, "SELECT coalesce(sum(amount), 0) FROM postings"),
                        0);
    workers[i] = start_worker();
  }
  for (unsigned i = 0; i < WORKERS; i++)
    kill_worker(workers[i]);
  money_check(&s);
  /* the rest, in order: every round is in the books exactly once */
  for (unsigned n = 0; n < ROUNDS; n++)
    ck_assert_int_ne(money_settle(&s, &rounds[n], true, NULL), E_DB);
  double earned = stage_real(&s, "SELECT sum(earned) FROM standing_view");
  ck_assert_double_eq(earned, ROUNDS * 150.0);
  ck_assert_double_eq(stage_real(&s, "SELECT sum(balance) FROM accounts WHERE kind IN "
                                     "('paying', 'paid')"),
                      earned);
  ck_assert_double_gt(stage_real(&s, "SELECT count(*) FROM entries WHERE kind = 'paid'"),
                      0);
  ck_assert_uint_gt(kills, 20);
  money_check(&s);
  stage_done(&s);
}
END_TEST

/* ---- a database from before the books ---- */

static void run(PGconn *c, const char *sql)
{
  PGresult *r = PQexec(c, sql);
  ck_assert_msg(PQresultStatus(r) == PGRES_COMMAND_OK ||
                    PQresultStatus(r) == PGRES_TUPLES_OK,
                "%s", PQresultErrorMessage(r));
  PQclear(r);
}

static void yields(PGconn *c, const char *want, const char *sql)
{
  PGresult *r = PQexec(c, sql);
  ck_assert_msg(PQntuples(r) == 1, "%s", PQresultErrorMessage(r));
  ck_assert_msg(strcmp(PQgetvalue(r, 0, 0), want) == 0, "%s: %s", sql,
                PQgetvalue(r, 0, 0));
  PQclear(r);
}

/* Three people (an address, none, the zero address), two rounds that paid, one that did
 * not. */
static const char before[] =
    "INSERT INTO events (type, hash, bytes) SELECT 'enroll', sha256(p::bytea), "
    "convert_to('{\"payout\":' || p || '}', 'UTF8') FROM unnest(ARRAY['\"0x' || "
    "repeat('Ab', 20) || '\"', 'null', '\"0x' || repeat('0', 40) || '\"']) p;"
    "INSERT INTO participants (id, organisation, name, salt, enroll) SELECT hash, "
    "substr(hash::bytea, 1, 16), 'x', substr(hash::bytea, 1, 16), seq FROM events;"
    "INSERT INTO models (slug, name, purpose, consent, kind, d) VALUES ('old', '', '', "
    "'', 'vector', 1);"
    "INSERT INTO blobs (length) VALUES (0);"
    "INSERT INTO rounds (ctx, model, version, round, attempt, phase, ended_at, open, "
    "minimum, maximum, length, chunks, base) SELECT sha256(n::text::bytea), 'old', 1, n, "
    "1, 'done', '2026-01-01', '', 3, 3, 1, 1, id FROM blobs, generate_series(1, 3) n;"
    "INSERT INTO rewards SELECT ctx, enroll, id, (enroll - 1) * 10 * round FROM rounds, "
    "participants WHERE round < 3";

START_TEST(what_was_earned_before)
{
  PGconn *c = PQconnectdb(test_db_make());
  for (unsigned i = 0; i < 3; i++)
    run(c, db_migrations[i].sql);
  run(c, before);
  ck_assert_str_eq(db_migrations[3].name, "0004-ledger.sql");
  run(c, "BEGIN");
  run(c, db_migrations[3].sql);
  run(c, "COMMIT");
  yields(c, "abababababababababababababababababababab",
         "SELECT string_agg(encode(payout, 'hex'), ',') FROM participants");
  yields(c, "30,60",
         "SELECT string_agg(earned::text, ',' ORDER BY earned) FROM standing_view");
  yields(c, "-90", "SELECT balance FROM accounts WHERE kind = 'budget'");
  yields(c, "0", "SELECT sum(amount) FROM postings");
  yields(c, "6", "SELECT count(*) FROM postings");
  yields(c, "2",
         "SELECT count(*) FROM entries WHERE kind = 'due' AND made_at = '2026-01-01'");
  yields(c, "0",
         "SELECT count(*) FROM accounts a WHERE balance <> (SELECT coalesce(sum(amount), "
         "0) FROM postings p WHERE p.account = a.id)");
  PQfinish(c);
  test_db_drop();
}
END_TEST

TCase *test_books(void)
{
  TCase *t = tcase_create("books");
  tcase_set_timeout(t, 90);
  tcase_add_test(t, unbalanced_entries_are_refused);
  tcase_add_test(t, nothing_is_changed_or_removed);
  tcase_add_test(t, the_sum_is_always_zero);
  tcase_add_test(t, what_was_earned_before);
  return t;
}
