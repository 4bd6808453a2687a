/* SPDX-License-Identifier: Apache-2.0
 * The log in the database: leaves in the right order, one tree after another, and nothing
 * built upon damage. What it computes is compared with a tree made from the entries by
 * brute force. */
#include "server/log.h"

#include <check.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/merkle.h"
#include "db/event.h"
#include "db/tables.h"
#include "test_db.h"
#include "util/field.h"
#include "util/text.h"

static const char *conninfo;
static struct server server;
static struct db *db;

static void start(void)
{
  struct why why = {0};
  conninfo = test_db_make();
  ck_assert_msg(db_migrate(conninfo, &why) == OK, "%s", why.detail);
  ck_assert_int_eq(db_pool_open(&server.pool, conninfo, 4, &why), OK);
  db = db_take(server.pool);
  identity_make(&server.coordinator, &server.key);
  ck_assert_int_eq(
      note_key_make(&server.log, "log.test/x", NOTE_ED25519, &server.coordinator), OK);
}

static void finish(void)
{
  db_give(server.pool, db);
  db_pool_close(server.pool);
  test_db_drop();
}

/* ---- what the test does to the database ---- */

static PGconn *connect_raw(void)
{
  PGconn *c = PQconnectdb(conninfo);
  ck_assert_int_eq(PQstatus(c), CONNECTION_OK);
  return c;
}

static void run(PGconn *c, const char *sql)
{
  PGresult *r = PQexec(c, sql);
  ExecStatusType s = PQresultStatus(r);
  ck_assert_msg(s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK, "%s: %s", sql,
                PQresultErrorMessage(r));
  PQclear(r);
}

static void sql(const char *text)
{
  PGconn *c = connect_raw();
  run(c, text);
  PQfinish(c);
}

static int64_t number(const char *text)
{
  PGconn *c = connect_raw();
  PGresult *r = PQexec(c, text);
  ck_assert_msg(PQntuples(r) == 1, "%s: %s", text, PQresultErrorMessage(r));
  int64_t value = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
  PQclear(r);
  PQfinish(c);
  return value;
}

/* So many events, as others store them. */
#define EVENTS(n)                                                                        \
  "WITH stored AS (INSERT INTO events (type, model, hash, bytes) "                       \
  "SELECT 'x', 'toy', sha256(gen_random_uuid()::text::bytea), "                          \
  "gen_random_uuid()::text::bytea FROM generate_series(1, " #n ") RETURNING seq) "       \
  "INSERT INTO log_pending SELECT seq FROM stored"

static int64_t store(const char *text, struct digest *hash)
{
  int64_t seq;
  AUTO(json_drop) json_t *event = json_pack("{s:s,s:s}", "type", "x", "text", text);
  ck_assert_int_eq(event_sign(event, &server.key), OK);
  ck_assert_int_eq(event_hash(hash, event), OK);
  ck_assert_int_eq(db_event_store(db, event, NULL, NULL, NULL, hash, &seq), OK);
  return seq;
}

static unsigned step(void)
{
  struct why why = {0};
  unsigned added = 99;
  enum err e = log_step(&server, db, &added, &why);
  ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  return added;
}

static struct log_head head(void)
{
  struct log_head h;
  ck_assert_int_eq(log_head(db, &h), OK);
  return h;
}

/* ---- brute force ---- */

struct leaves {
  struct digest *hashes;
  uint64_t len;
};

/* The leaf hashes of all entries, whose leaves must be 0, 1, 2, …, each of another event.
 */
static struct leaves all_leaves(void)
{
  PGconn *c = connect_raw();
  PGresult *r = PQexecParams(c,
                             "SELECT l.leaf::text::bytea, e.bytes FROM log_entries l "
                             "JOIN events e ON e.seq = l.event ORDER BY l.leaf",
                             0, NULL, NULL, NULL, NULL, 1);
  struct leaves all = {.len = (uint64_t)PQntuples(r)};
  all.hashes = must_calloc(MAX(all.len, 1u), sizeof *all.hashes);
  for (uint64_t i = 0; i < all.len; i++) {
    char leaf[24];
    snprintf(leaf, sizeof leaf, "%llu", (unsigned long long)i);
    ck_assert(
        bytes_equal(BYTES(PQgetvalue(r, (int)i, 0), (size_t)PQgetlength(r, (int)i, 0)),
                    BYTES(leaf, strlen(leaf))));
    merkle_leaf(&all.hashes[i],
                BYTES(PQgetvalue(r, (int)i, 1), (size_t)PQgetlength(r, (int)i, 1)));
  }
  PQclear(r);
  PQfinish(c);
  ck_assert_int_eq(number("SELECT count(DISTINCT event) FROM log_entries"),
                   (int64_t)all.len);
  return all;
}

static struct digest root_of(const struct leaves *all, uint64_t size)
{
  struct merkle m = {0};
  struct digest root;
  for (uint64_t i = 0; i < size; i++)
    merkle_add_hash(&m, &all->hashes[i]);
  merkle_root(&root, &m);
  return root;
}

/* Every stored checkpoint is signed and has the root of the entries as they are now: no
 * two of them contradict each other. Nothing is pending, no event is left out. */
static void check_all(uint64_t size)
{
  AUTO(db_rows_done) struct db_rows newest = {0};
  struct leaves all = all_leaves();
  struct log_head now = head();
  ck_assert_uint_eq(all.len, size);
  ck_assert_uint_eq(now.size, size);
  PGconn *c = connect_raw();
  PGresult *r =
      PQexecParams(c, "SELECT note FROM log_checkpoints", 0, NULL, NULL, NULL, NULL, 1);
  for (int i = 0; i < PQntuples(r); i++) {
    struct checkpoint cp;
    struct why why = {0};
    enum err e = checkpoint_open(
        &cp, BYTES(PQgetvalue(r, i, 0), (size_t)PQgetlength(r, i, 0)), &server.log, &why);
    ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
    struct digest root = root_of(&all, cp.size);
    ck_assert_mem_eq(&root, &cp.root, sizeof root);
  }
  PQclear(r);
  PQfinish(c);
  ck_assert_int_eq(number("SELECT count(*) FROM log_checkpoints c JOIN log_head h ON "
                          "c.size = h.size AND c.root = h.root"),
                   size > 0);
  ck_assert_int_eq(number("SELECT count(*) FROM log_pending"), 0);
  ck_assert_int_eq(number("SELECT count(*) FROM events"), (int64_t)size);
  free(all.hashes);
}

/* ---- growing ---- */

START_TEST(leaves_follow_one_another)
{
  static const unsigned parts[] = {1, 254, 1, 1, 300, 4096, 700};
  uint64_t size = 0;
  start();
  ck_assert_uint_eq(step(), 0);
  ck_assert_int_eq(number("SELECT count(*) FROM log_checkpoints"), 0);
  for (unsigned i = 0; i < LENGTH(parts); i++) {
    char text[400];
    snprintf(text, sizeof text, "%.*s%u%s", (int)strcspn(EVENTS(@), "@"), EVENTS(@),
             parts[i], strchr(EVENTS(@), '@') + 1);
    sql(text);
    ck_assert_uint_eq(step(), parts[i]);
    size += parts[i];
    check_all(size);
  }
  ck_assert_uint_eq(step(), 0); /* nothing new, no checkpoint */
  ck_assert_int_eq(number("SELECT count(*) FROM log_checkpoints"), LENGTH(parts));
  finish();
}
END_TEST

START_TEST(a_backlog_goes_in_batches)
{
  start();
  sql(EVENTS(10000));
  ck_assert_uint_eq(step(), LOG_BATCH);
  ck_assert_uint_eq(step(), LOG_BATCH);
  ck_assert_uint_eq(step(), 10000 - 2 * LOG_BATCH);
  check_all(10000);
  finish();
}
END_TEST

/* A number is drawn before the event is committed: the later number may come first, and
 * the earlier one is not lost. */
START_TEST(events_commit_out_of_order)
{
  start();
  PGconn *slow = connect_raw();
  run(slow, "BEGIN");
  run(slow, EVENTS(1));
  sql(EVENTS(1));
  ck_assert_uint_eq(step(), 1);
  run(slow, "COMMIT");
  ck_assert_uint_eq(step(), 1);
  check_all(2);
  ck_assert_int_eq(number("SELECT event FROM log_entries WHERE leaf = 0"), 2);
  run(slow, "BEGIN");
  run(slow, EVENTS(1));
  run(slow, "ROLLBACK"); /* a number that nobody has */
  sql(EVENTS(3));
  ck_assert_uint_eq(step(), 3);
  check_all(5);
  PQfinish(slow);
  finish();
}
END_TEST

START_TEST(what_was_there_before_the_log)
{
  struct why why = {0};
  char hash[65], text[256];
  uint8_t digest[32];
  conninfo = test_db_make();
  crypto_hash_sha256(digest, (const uint8_t *)db_migrations[0].sql,
                     strlen(db_migrations[0].sql));
  snprintf(text, sizeof text, "INSERT INTO schema_migrations VALUES (1, 'x', '%s')",
           hex_encode(hash, digest, sizeof digest));
  sql(db_migrations[0].sql);
  sql("CREATE TABLE schema_migrations (number bigint PRIMARY KEY, name text NOT NULL, "
      "hash text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())");
  sql(text);
  sql("INSERT INTO instance (event, hash) VALUES ('first', sha256('first'));"
      "INSERT INTO events (type, hash, bytes) SELECT 'x', sha256(i::text::bytea), "
      "i::text::bytea FROM generate_series(1, 5) i");
  ck_assert_msg(db_migrate(conninfo, &why) == OK, "%s", why.detail);
  ck_assert_int_eq(db_pool_open(&server.pool, conninfo, 4, &why), OK);
  db = db_take(server.pool);
  identity_make(&server.coordinator, &server.key);
  ck_assert_int_eq(
      note_key_make(&server.log, "log.test/x", NOTE_ED25519, &server.coordinator), OK);
  ck_assert_uint_eq(step(), 6);
  check_all(6);
  ck_assert_int_eq(number("SELECT count(*) FROM log_entries l JOIN events e ON e.seq = "
                          "l.event WHERE l.leaf = 0 AND e.bytes = 'first'"),
                   1);
  finish();
}
END_TEST

START_TEST(models_stand_beside_leaves)
{
  struct digest hash;
  start();
  store("of none", &hash);
  sql(EVENTS(2));
  ck_assert_uint_eq(step(), 3);
  ck_assert_int_eq(number("SELECT count(*) FROM log_entries WHERE model = 'toy'"), 2);
  finish();
}
END_TEST

/* ---- proofs over the stored tiles ---- */

START_TEST(proofs_against_brute_force)
{
  static const uint64_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 700, 1000};
  start();
  sql(EVENTS(700));
  step();
  sql(EVENTS(300));
  step();
  struct leaves all = all_leaves();
  struct tlog_source src = log_source(db);
  for (unsigned s = 0; s < LENGTH(sizes); s++) {
    uint64_t size = sizes[s];
    struct digest path[TLOG_PROOF_MAX], brute[64], root, expected = root_of(&all, size);
    unsigned len = 0, brute_len = 0;
    ck_assert_int_eq(tlog_root_at(&root, size, src), OK);
    ck_assert_mem_eq(&root, &expected, sizeof root);
    for (uint64_t leaf = 0; leaf < size; leaf += 1 + leaf / 3) {
      ck_assert_int_eq(tlog_inclusion(path, &len, leaf, size, src), OK);
      ck_assert_int_eq(merkle_path(brute, &brute_len, all.hashes, size, leaf), OK);
      ck_assert_uint_eq(len, brute_len);
      if (len)
        ck_assert_mem_eq(path, brute, len * sizeof *path);
    }
    for (unsigned f = 0; f <= s; f++) {
      struct digest from = root_of(&all, sizes[f]);
      ck_assert_int_eq(tlog_consistency(path, &len, sizes[f], size, src), OK);
      ck_assert_int_eq(
          tlog_check_consistency(sizes[f], &from, size, &expected, path, len), OK);
    }
  }
  free(all.hashes);
  finish();
}
END_TEST

/* ---- damage ---- */

/* The log does not grow, and nothing else happens to it either. */
static void refuses(const char *damage, const char *repair)
{
  struct why why = {0};
  unsigned added = 99;
  struct log_head before = head();
  int64_t pending = number("SELECT count(*) FROM log_pending");
  sql(damage);
  ck_assert_msg(log_step(&server, db, &added, &why) == E_INTERNAL, "%s", damage);
  ck_assert_msg(*why.detail, "%s", damage);
  sql(repair);
  struct log_head after = head();
  ck_assert_mem_eq(&before, &after, sizeof before);
  ck_assert_int_eq(number("SELECT count(*) FROM log_pending"), pending);
  ck_assert_int_eq(number("SELECT count(*) FROM log_entries"), (int64_t)before.size);
}

START_TEST(damage_is_not_built_upon)
{
  start();
  sql(EVENTS(600));
  step();
  sql("CREATE TABLE kept AS SELECT * FROM log_tiles");
  sql(EVENTS(5));
#define MEND "DELETE FROM log_tiles; INSERT INTO log_tiles SELECT * FROM kept"
  refuses("UPDATE log_tiles SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) "
          "WHERE level = 0 AND index = 2",
          MEND);
  refuses("UPDATE log_tiles SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) "
          "WHERE level = 1",
          MEND);
  refuses("UPDATE log_tiles SET hashes = substr(hashes, 1, 64) WHERE index = 2", MEND);
  refuses("DELETE FROM log_tiles WHERE level = 1", MEND);
  refuses("INSERT INTO log_pending VALUES (123456)",
          "DELETE FROM log_pending WHERE event = 123456");
  sql("CREATE TABLE kept_head AS SELECT * FROM log_head");
  refuses("UPDATE log_head SET root = set_byte(root, 3, get_byte(root, 3) # 1)",
          "UPDATE log_head h SET root = k.root FROM kept_head k");
  refuses("UPDATE log_head SET size = size - 1",
          "UPDATE log_head h SET size = k.size FROM kept_head k");
  ck_assert_uint_eq(step(), 5); /* mended: it goes on */
  check_all(605);
  finish();
}
END_TEST

/* ---- several at once ---- */

START_TEST(one_sequencer_at_a_time)
{
  start();
  sql(EVENTS(5));
  PGconn *other = connect_raw();
  run(other, "BEGIN");
  run(other, db_queries[Q_LOG_LOCK].sql);
  ck_assert_uint_eq(step(), 0);
  run(other, "ROLLBACK");
  ck_assert_uint_eq(step(), 5);
  PQfinish(other);
  finish();
}
END_TEST

struct rival {
  pthread_t thread;
  enum err end;
  unsigned added;
};

static enum err grow(struct db *on, void *arg)
{
  struct rival *r = arg;
  return log_grow(&server, on, &r->added, NULL);
}

static void *rival_run(void *arg)
{
  struct rival *r = arg;
  struct db *own = db_take(server.pool);
  r->end = db_transaction(own, grow, r);
  db_give(server.pool, own);
  return NULL;
}

static void wait_for_lock(void)
{
  struct timespec pause = {0, 5000000};
  for (unsigned n = 0; n < 4000; n++) {
    if (number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
               "datname = current_database()"))
      return;
    nanosleep(&pause, NULL);
  }
  ck_abort_msg("the second sequencer did not come so far");
}

/* The first has done its work but not yet committed when the second begins, with one
 * event more in sight. */
static enum err grow_beside(struct db *on, void *arg)
{
  struct rival *second = arg;
  unsigned added = 0;
  TRY(log_grow(&server, on, &added, NULL));
  ck_assert_uint_eq(added, 3);
  sql(EVENTS(2));
  ck_assert_int_eq(pthread_create(&second->thread, NULL, rival_run, second), 0);
  wait_for_lock();
  return OK;
}

/* Without the advisory lock, and even without the keys that forbid two entries for one
 * leaf, the compare-and-swap alone keeps two sequencers from forking the log. */
START_TEST(two_sequencers_cannot_fork)
{
  struct rival second = {.end = E_INTERNAL};
  start();
  sql(EVENTS(300));
  step();
  sql("ALTER TABLE log_entries DROP CONSTRAINT log_entries_pkey,"
      " DROP CONSTRAINT log_entries_event_key;"
      "ALTER TABLE log_checkpoints DROP CONSTRAINT log_checkpoints_pkey");
  sql(EVENTS(3));
  ck_assert_int_eq(db_transaction(db, grow_beside, &second), OK);
  pthread_join(second.thread, NULL);
  ck_assert_int_eq(second.end, E_CONFLICT);
  ck_assert_uint_eq(head().size, 303);
  ck_assert_uint_eq(step(), 2);
  check_all(305);
  finish();
}
END_TEST

/* ---- what acceptance asks ---- */

START_TEST(checkpoints_that_were_signed)
{
  struct why why = {0};
  struct seen seen = {0};
  start();
  ck_assert_int_eq(log_seen(db, &seen, "seen", &why), OK); /* the empty tree */
  sql(EVENTS(3));
  step();
  struct log_head first = head();
  sql(EVENTS(2));
  step();
  seen = (struct seen){first.size, first.root};
  ck_assert_int_eq(log_seen(db, &seen, "seen", &why), OK);
  seen.root.b[5] ^= 1;
  ck_assert_int_eq(log_seen(db, &seen, "seen", &why), E_CHECKPOINT);
  ck_assert_str_eq(why.field, "seen");
  seen = (struct seen){4, first.root}; /* a tree that was never signed */
  ck_assert_int_eq(log_seen(db, &seen, "seen", &why), E_CHECKPOINT);
  seen = (struct seen){1000, first.root};
  ck_assert_int_eq(log_seen(db, &seen, "seen", &why), E_CHECKPOINT);
  finish();
}
END_TEST

/* ---- cosignatures ---- */

struct witness {
  struct note_key key;
  struct secret_identity secret;
};

static void make_witness(struct witness *w, const char *name)
{
  struct identity id;
  char hex[65];
  identity_make(&id, &w->secret);
  hex_encode(hex, id.b, sizeof id.b);
  ck_assert_int_eq(note_key_make(&w->key, name ? name : hex, NOTE_COSIGNATURE, &id), OK);
}

static void registered(const struct witness *w)
{
  ck_assert_int_eq(
      db_run(db, Q_WITNESS_ADD, DB_ARGS(DB_FIXED(&w->key.key), DB_TEXT(w->key.name))),
      OK);
}

static void newest(struct buf *note, int64_t size)
{
  char text[128];
  PGconn *c = connect_raw();
  snprintf(text, sizeof text, "SELECT note FROM log_checkpoints WHERE size = %lld",
           (long long)size);
  PGresult *r = PQexecParams(c, text, 0, NULL, NULL, NULL, NULL, 1);
  ck_assert_int_eq(PQntuples(r), 1);
  note->len = 0;
  ck_assert_int_eq(buf_put(note, PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0)), OK);
  PQclear(r);
  PQfinish(c);
}

static void cosign(struct buf *note, const struct witness *w, uint64_t when)
{
  struct note n;
  ck_assert_int_eq(note_parse(&n, buf_bytes(note), NULL), OK);
  AUTO(buf_done) struct buf text = {0};
  ck_assert_int_eq(buf_put(&text, n.text.data, n.text.len), OK);
  ck_assert_int_eq(note_sign(note, buf_bytes(&text), &w->key, &w->secret, when), OK);
}

/* What comes of the cosignature of this witness on the checkpoint of this size. */
static enum err send(const struct witness *w, int64_t size, uint64_t when)
{
  AUTO(buf_done) struct buf note = {0};
  struct why why = {0};
  newest(&note, size);
  if (w)
    cosign(&note, w, when);
  return log_cosign(&server, db, buf_bytes(&note), &why);
}

START_TEST(cosignatures_of_witnesses)
{
  struct witness known, stranger, impostor;
  uint64_t now = (uint64_t)time(NULL);
  start();
  sql(EVENTS(3));
  step();
  sql(EVENTS(4));
  step();
  make_witness(&known, "witness.test/w");
  make_witness(&stranger, "stranger.test");
  make_witness(&impostor, "witness.test/w");
  registered(&known);
  ck_assert_int_eq(send(NULL, 3, 0), E_FORBIDDEN);
  ck_assert_int_eq(send(&stranger, 3, now), E_FORBIDDEN);
  ck_assert_int_eq(send(&impostor, 3, now), E_FORBIDDEN);
  ck_assert_int_eq(send(&known, 3, now + 700), E_FIELD_VALUE);
  ck_assert_int_eq(number("SELECT count(*) FROM witnesses WHERE size IS NOT NULL"), 0);
  ck_assert_int_eq(send(&known, 3, now), OK);
  ck_assert_int_eq(send(&known, 3, now + 1), OK); /* once more */
  ck_assert_int_eq(send(&known, 7, now), OK);
  ck_assert_int_eq(send(&known, 3, now + 2), E_CONFLICT);
  ck_assert_int_eq(number("SELECT size FROM witnesses"), 7);
  finish();
}
END_TEST

START_TEST(cosignatures_of_participants)
{
  struct witness person;
  char text[600], hex[65];
  uint64_t now = (uint64_t)time(NULL);
  start();
  sql(EVENTS(3));
  step();
  make_witness(&person, NULL);
  ck_assert_int_eq(send(&person, 3, now), E_FORBIDDEN); /* not enrolled */
  hex_encode(hex, person.key.key.b, 32);
  snprintf(text, sizeof text,
           "INSERT INTO participants (id, organisation, name, salt, enroll) VALUES "
           "('\\x%s', '\\x%.32s', 'Ada', '\\x%.32s', 1)",
           hex, hex, hex);
  sql(text);
  ck_assert_int_eq(send(&person, 3, now), OK);
  ck_assert_int_eq(send(&person, 3, now), OK);
  ck_assert_int_eq(number("SELECT count(*) FROM witnesses WHERE size = 3"), 1);
  finish();
}
END_TEST

START_TEST(cosignatures_that_are_wrong)
{
  struct witness known;
  struct log_head fork = {.size = 3};
  struct why why = {0};
  AUTO(buf_done) struct buf note = {0};
  AUTO(buf_done) struct buf text = {0};
  uint64_t now = (uint64_t)time(NULL);
  start();
  sql(EVENTS(3));
  step();
  make_witness(&known, "witness.test/w");
  registered(&known);
  newest(&note, 3);
  size_t signed_by_log = note.len;
  cosign(&note, &known, now);
  note.data[note.len - 9] ^= 1; /* in the signature's base64 */
  enum err e = log_cosign(&server, db, buf_bytes(&note), &why);
  ck_assert_msg(e == E_SIGNATURE || e == E_NOTE, "%s", err_info(e)->slug);
  ck_assert_int_eq(log_cosign(&server, db, BYTES("no note", 7), &why), E_NOTE);
  /* the witness alone, without the log's own signature */
  newest(&note, 3);
  struct note n;
  ck_assert_int_eq(note_parse(&n, buf_bytes(&note), NULL), OK);
  ck_assert_int_eq(buf_put(&text, n.text.data, n.text.len), OK);
  size_t bare = text.len;
  ck_assert_int_eq(buf_puts(&text, "\n"), OK);
  ck_assert_int_eq(
      note_sign(&text, BYTES(note.data, bare), &known.key, &known.secret, now), OK);
  ck_assert_int_eq(log_cosign(&server, db, buf_bytes(&text), &why), E_SIGNATURE);
  ck_assert_uint_gt(signed_by_log, bare);
  /* another history of the same size, signed with the log's key */
  struct checkpoint c = {.size = fork.size, .root = {{1}}};
  memcpy(c.origin, server.log.name, sizeof c.origin);
  text.len = note.len = 0;
  ck_assert_int_eq(checkpoint_text(&text, &c), OK);
  ck_assert_int_eq(buf_put(&note, text.data, text.len), OK);
  ck_assert_int_eq(buf_puts(&note, "\n"), OK);
  ck_assert_int_eq(note_sign(&note, buf_bytes(&text), &server.log, &server.key, 0), OK);
  cosign(&note, &known, now);
  ck_assert_int_eq(log_cosign(&server, db, buf_bytes(&note), &why), E_CHECKPOINT);
  ck_assert_int_eq(number("SELECT count(*) FROM witnesses WHERE size IS NOT NULL"), 0);
  finish();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("log");
  TCase *t = tcase_create("database");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, leaves_follow_one_another);
  tcase_add_test(t, a_backlog_goes_in_batches);
  tcase_add_test(t, events_commit_out_of_order);
  tcase_add_test(t, what_was_there_before_the_log);
  tcase_add_test(t, models_stand_beside_leaves);
  tcase_add_test(t, proofs_against_brute_force);
  tcase_add_test(t, damage_is_not_built_upon);
  tcase_add_test(t, one_sequencer_at_a_time);
  tcase_add_test(t, two_sequencers_cannot_fork);
  tcase_add_test(t, checkpoints_that_were_signed);
  tcase_add_test(t, cosignatures_of_witnesses);
  tcase_add_test(t, cosignatures_of_participants);
  tcase_add_test(t, cosignatures_that_are_wrong);
  suite_add_tcase(suite, t);
  SRunner *r = srunner_create(suite);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
