/* SPDX-License-Identifier: Apache-2.0
 * What clients know of the log: the kept checkpoint against forks and old heads, tiles,
 * the monitor, and being a witness. */
#include <sodium.h>
#include <string.h>

#include "choir.h"
#include "clients/lib/monitor.h"
#include "clients/lib/tiles.h"
#include "clients/lib/witness.h"
#include "test_client.h"
#include "util/field.h"
#include "util/text.h"

/* A server and a home that knows it. */
struct desk {
  char folder[256];
  struct host host;
  struct home *home;
  struct api api;
  struct pin pin;
  struct watch watch;
  struct why why;
};

static void desk_init(struct desk *d)
{
  *d = (struct desk){0};
  host_init(&d->host, choir_small, NULL, 0);
  temporary_make(d->folder);
  ck_assert_int_eq(home_open(&d->home, d->folder, true, &d->why), OK);
  d->api = (struct api){.http = &d->host.http};
  ck_assert_int_eq(pin_make(&d->pin, d->home, &d->api, "http://test", NULL, &d->why), OK);
  ck_assert_int_eq(pin_confirm(&d->pin, &d->api, &d->why), OK);
  ck_assert_int_eq(watch_open(&d->watch, d->home, &d->api, &d->pin, NULL, &d->why), OK);
}

static void desk_done(struct desk *d)
{
  watch_done(&d->watch);
  pin_done(&d->pin);
  home_close(d->home);
  temporary_remove(d->folder);
  host_done(&d->host);
}

/* So many more events of the coordinator. */
static void grow(struct desk *d, unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    AUTO(json_drop)
    json_t *e = json_pack("{s:s,s:s,s:i}", "type", "retention", "instance", d->pin.hex,
                          "bytes", (int)d->host.log.len);
    ck_assert_int_eq(event_sign(e, &d->host.key), OK);
    host_log_add(&d->host.log, e);
  }
}

static enum err refresh(struct desk *d)
{
  return watch_refresh(&d->watch, 0, &d->why);
}

/* Names of the evidence files, of which there must be so many; the text of the first. */
static void evidence(struct desk *d, unsigned count, struct buf *text)
{
  char path[160];
  size_t i;
  json_t *name;
  AUTO(json_drop) json_t *names = NULL;
  unsigned found = 0;
  snprintf(path, sizeof path, "logs/%s", d->pin.hex);
  ck_assert_int_eq(home_list(d->home, path, &names, &d->why), OK);
  json_array_foreach (names, i, name) {
    if (strncmp(json_string_value(name), "evidence-", 9) != 0)
      continue;
    snprintf(path, sizeof path, "logs/%s/%.40s", d->pin.hex, json_string_value(name));
    if (found++ == 0 && text) {
      ck_assert_int_eq(home_read(d->home, path, text, &d->why), OK);
      ck_assert_ptr_nonnull(strstr(d->why.detail, json_string_value(name)));
    }
  }
  ck_assert_uint_eq(found, count);
}

START_TEST(keeps_the_newest)
{
  struct desk d;
  struct digest root;
  desk_init(&d);
  struct seen seen = watch_seen(&d.watch);
  crypto_hash_sha256(root.b, NULL, 0);
  ck_assert_uint_eq(seen.size, 0);
  ck_assert_mem_eq(&seen.root, &root, 32);
  for (unsigned step = 0; step < 40; step++) {
    ck_assert_int_eq(refresh(&d), OK);
    ck_assert(!d.watch.behind);
    ck_assert_uint_eq(d.watch.head.size, d.host.log.len);
    struct watch again;
    ck_assert_int_eq(watch_open(&again, d.home, &d.api, &d.pin, NULL, &d.why), OK);
    seen = watch_seen(&again);
    host_log_root(&d.host.log, seen.size, &root);
    ck_assert_uint_eq(seen.size, d.host.log.len);
    ck_assert_mem_eq(&seen.root, &root, 32);
    watch_done(&again);
    grow(&d, step % 4 ? step : 0); /* nothing new is fine too */
  }
  evidence(&d, 0, NULL);
  desk_done(&d);
}
END_TEST

START_TEST(an_older_one_is_never_newer)
{
  struct desk d;
  desk_init(&d);
  grow(&d, 20);
  ck_assert_int_eq(refresh(&d), OK);
  uint64_t kept = d.watch.head.size;
  d.host.log.show = 7;
  ck_assert_int_eq(refresh(&d), OK);
  ck_assert(d.watch.behind);
  ck_assert_uint_eq(d.watch.shown, 7);
  ck_assert_uint_eq(d.watch.head.size, kept);
  grow(&d, 1); /* a server that says it has no log at all */
  d.host.log.show = 0;
  uint64_t len = d.host.log.len;
  d.host.log.len = 0;
  ck_assert_int_eq(refresh(&d), OK);
  ck_assert(d.watch.behind);
  ck_assert_uint_eq(d.watch.head.size, kept);
  d.host.log.len = len;
  ck_assert_int_eq(refresh(&d), OK);
  ck_assert(!d.watch.behind);
  ck_assert_uint_eq(d.watch.head.size, kept + 1);
  desk_done(&d);
}
END_TEST

/* Two histories that part before what is kept, shown smaller, as large, and larger. */
START_TEST(forks_are_seen)
{
  static const int grows[] = {0, 0, 9};
  static const uint64_t shows[] = {15, 0, 0};
  struct desk d;
  AUTO(buf_done) struct buf text = {0}, other = {0};
  desk_init(&d);
  grow(&d, 20);
  ck_assert_int_eq(refresh(&d), OK);
  struct checkpoint kept = d.watch.head;
  AUTO(buf_done) struct buf note = {0};
  ck_assert_int_eq(buf_put(&note, d.watch.note.data, d.watch.note.len), OK);
  d.host.log.fork = 12;
  d.host.log.show = shows[_i];
  grow(&d, (unsigned)grows[_i]);
  if (shows[_i]) { /* it proves the small one against its own large one */
    d.host.log.show = kept.size;
    host_log_note(&d.host.log, shows[_i], &other);
    d.host.log.text = buf_text(&other);
  } else {
    host_log_note(&d.host.log, d.host.log.len, &other);
  }
  for (unsigned twice = 0; twice < 2; twice++) {
    ck_assert_int_eq(refresh(&d), E_CHEAT_LOG);
    ck_assert_mem_eq(&d.watch.head, &kept, sizeof kept);
  }
  evidence(&d, 1, &text); /* once, and both as they were signed */
  ck_assert_ptr_nonnull(strstr(buf_text(&text), buf_text(&note)));
  ck_assert_ptr_nonnull(strstr(buf_text(&text), buf_text(&other)));
  struct watch again;
  ck_assert_int_eq(watch_open(&again, d.home, &d.api, &d.pin, NULL, &d.why), OK);
  ck_assert_mem_eq(&again.head, &kept, sizeof kept);
  watch_done(&again);
  desk_done(&d);
}
END_TEST

START_TEST(a_larger_one_needs_a_proof)
{
  struct desk d;
  desk_init(&d);
  grow(&d, 4);
  ck_assert_int_eq(refresh(&d), OK);
  grow(&d, 4);
  d.host.log.no_proofs = true;
  ck_assert_int_eq(refresh(&d), E_CHEAT_LOG);
  ck_assert_uint_eq(d.watch.head.size, 5);
  d.host.log.no_proofs = false;
  ck_assert_int_eq(refresh(&d), OK);
  ck_assert_uint_eq(d.watch.head.size, 9);
  desk_done(&d);
}
END_TEST

START_TEST(what_is_no_checkpoint_of_this_log)
{
  struct desk d;
  desk_init(&d);
  d.host.log.alien = true;
  ck_assert_int_eq(refresh(&d), E_CHEAT_KEY);
  d.host.log.alien = false;
  d.host.log.text = "not a note";
  ck_assert_int_eq(refresh(&d), E_REPLY);
  d.host.log.text = NULL;
  snprintf(d.host.log.key.name, sizeof d.host.log.key.name, "another/log");
  ck_assert_int_ne(refresh(&d), OK);
  ck_assert_uint_eq(d.watch.head.size, 0);
  evidence(&d, 0, NULL);
  desk_done(&d);
}
END_TEST

/* Two processes with one home, each shown another history that fits to what it knew. */
START_TEST(what_another_process_kept_counts)
{
  struct desk d;
  struct watch slow;
  desk_init(&d);
  grow(&d, 4);
  ck_assert_int_eq(refresh(&d), OK);
  ck_assert_int_eq(watch_open(&slow, d.home, &d.api, &d.pin, NULL, &d.why), OK);
  grow(&d, 5);
  ck_assert_int_eq(refresh(&d), OK);
  grow(&d, 5);
  d.host.log.fork = 6; /* behind what the slow one knows */
  ck_assert_int_eq(watch_refresh(&slow, 0, &d.why), E_CHEAT_LOG);
  evidence(&d, 1, NULL);
  d.host.log.fork = 0;
  ck_assert_int_eq(watch_refresh(&slow, 0, &d.why), OK);
  ck_assert_uint_eq(slow.head.size, 15);
  watch_done(&slow);
  desk_done(&d);
}
END_TEST

/* ---- tiles ---- */

static void add_small(struct host_log *l, uint64_t count)
{
  for (uint64_t i = 0; i < count; i++) {
    uint64_t number = l->len;
    host_log_add_bytes(l, BYTES_OF(number));
  }
}

static void check_bundles(struct desk *d, struct tiles *t, uint64_t size)
{
  uint64_t leaf = 0;
  for (uint64_t index = 0; leaf < size; index++) {
    AUTO(buf_done) struct buf raw = {0};
    struct bytes rest, entry;
    ck_assert_int_eq(tiles_bundle(t, index, &raw, &d->why), OK);
    for (rest = buf_bytes(&raw); rest.len; leaf++) {
      ck_assert_int_eq(bundle_next(&rest, &entry), OK);
      ck_assert(bytes_equal(entry, buf_bytes(&d->host.log.entries[leaf])));
    }
  }
  ck_assert_uint_eq(leaf, size);
}

START_TEST(tiles_lead_to_the_root)
{
  static const uint64_t sizes[] = {1, 255, 256, 257, 700, 65536, 66000};
  struct desk d;
  struct digest root, is;
  desk_init(&d);
  for (unsigned i = 0; i < LENGTH(sizes); i++) {
    AUTO(tiles_drop) struct tiles *t = NULL;
    add_small(&d.host.log, sizes[i] - d.host.log.len);
    host_log_root(&d.host.log, sizes[i], &root);
    ck_assert_int_eq(tiles_new(&t, &d.api, sizes[i], &root, &d.why), OK);
    check_bundles(&d, t, sizes[i]);
    for (uint64_t small = sizes[i]; small; small /= 3) { /* smaller trees too */
      struct digest path[TLOG_PROOF_MAX];
      unsigned len;
      struct tlog_source source = tiles_source(t, &d.why);
      host_log_root(&d.host.log, small, &root);
      ck_assert_int_eq(tlog_root_at(&is, small, source), OK);
      ck_assert_mem_eq(&is, &root, 32);
      ck_assert_int_eq(tlog_inclusion(path, &len, small - 1, small, source), OK);
      ck_assert_int_eq(merkle_check_path(&root, small, small - 1,
                                         &d.host.log.leaves[small - 1], path, len),
                       OK);
    }
  }
  desk_done(&d);
}
END_TEST

START_TEST(wrong_tiles_are_refused)
{
  struct desk d;
  struct digest root, is;
  AUTO(tiles_drop) struct tiles *t = NULL, *none = NULL;
  AUTO(buf_done) struct buf raw = {0};
  desk_init(&d);
  add_small(&d.host.log, 70000);
  uint64_t size = d.host.log.len;
  host_log_root(&d.host.log, size, &root);
  ck_assert_int_eq(tiles_new(&t, &d.api, size, &root, &d.why), OK);
  d.host.log.wrong_tiles = true;
  ck_assert_int_eq(tiles_new(&none, &d.api, size, &root, &d.why), E_CHEAT_LOG);
  ck_assert_int_eq(tiles_bundle(t, 3, &raw, &d.why), E_CHEAT_LOG);
  ck_assert_int_eq(tiles_bundle(t, size / TILE_WIDTH, &raw, &d.why), E_CHEAT_LOG);
  struct tlog_source source = tiles_source(t, &d.why);
  ck_assert_int_eq(tlog_root_at(&is, 300, source), E_CHEAT_LOG);
  ck_assert_str_eq(d.why.field, "tile");
  d.host.log.wrong_tiles = false;
  ck_assert_int_eq(tlog_root_at(&is, 300, source), OK);
  ck_assert_int_eq(tiles_bundle(t, size / TILE_WIDTH + 1, &raw, &d.why), E_NOT_FOUND);
  ck_assert_int_eq(tiles_entry(t, size, &raw, &d.why), E_NOT_FOUND);
  ck_assert_int_eq(tiles_entry(t, 69999, &raw, &d.why), OK);
  ck_assert(bytes_equal(buf_bytes(&raw), buf_bytes(&d.host.log.entries[69999])));
  desk_done(&d);
}
END_TEST

/* A server may drop what became full or grew. */
START_TEST(a_grown_tile_serves_as_well)
{
  struct desk d;
  struct digest root;
  AUTO(tiles_drop) struct tiles *t = NULL;
  desk_init(&d);
  add_small(&d.host.log, 65536 - d.host.log.len); /* full on two levels */
  host_log_root(&d.host.log, 700, &root);
  d.host.log.no_partial = true;
  ck_assert_int_eq(tiles_new(&t, &d.api, 700, &root, &d.why), OK);
  check_bundles(&d, t, 700);
  desk_done(&d);
}
END_TEST

/* ---- the monitor ---- */

static const struct monitor_hooks quiet;

START_TEST(a_monitor_reads_only_what_is_new)
{
  struct desk d;
  struct monitor m, second;
  desk_init(&d);
  for (unsigned look = 0; look < 6; look++) {
    grow(&d, 150 * look);
    d.host.log.entries_asked = 0;
    ck_assert_int_eq(monitor_open(&m, d.home, &d.api, &d.pin, &d.why), OK);
    ck_assert_int_eq(monitor_open(&second, d.home, &d.api, &d.pin, &d.why), E_CONFLICT);
    uint64_t before = m.tree.size;
    enum err e = monitor_step(&m, 0, 100, &quiet, &d.why);
    ck_assert_msg(e == OK, "%s: %s", d.why.field, d.why.detail);
    ck_assert_uint_eq(m.tree.size, d.host.log.len);
    ck_assert_uint_le(d.host.log.entries_asked, (m.tree.size - before) / 256 + 2);
    monitor_done(&m);
  }
  ck_assert_int_eq(monitor_open(&m, d.home, &d.api, &d.pin, &d.why), OK);
  d.host.log.entries_asked = 0;
  ck_assert_int_eq(monitor_step(&m, 0, 100, &quiet, &d.why), OK);
  ck_assert_uint_eq(d.host.log.entries_asked, 0);
  monitor_done(&m);
  desk_done(&d);
}
END_TEST

/* Its own peaks tell a rewrite even where the kept checkpoint is gone. */
START_TEST(a_monitor_sees_a_rewrite)
{
  struct desk d;
  struct monitor m;
  char path[160];
  desk_init(&d);
  grow(&d, 30);
  ck_assert_int_eq(monitor_open(&m, d.home, &d.api, &d.pin, &d.why), OK);
  ck_assert_int_eq(monitor_step(&m, 0, 100, &quiet, &d.why), OK);
  uint64_t before = m.tree.size;
  monitor_done(&m);
  snprintf(path, sizeof path, "logs/%s/checkpoint", d.pin.hex);
  ck_assert_int_eq(home_remove(d.home, path, &d.why), OK);
  /* the same entries but one, and all proofs in order */
  struct host_log old = d.host.log;
  host_log_init(&d.host.log, old.key.name, &d.host.coordinator, &d.host.key);
  for (uint64_t i = 0; i < old.len; i++)
    host_log_add_bytes(&d.host.log, buf_bytes(&old.entries[i == 9 ? 8 : i]));
  grow(&d, 3);
  ck_assert_int_eq(monitor_open(&m, d.home, &d.api, &d.pin, &d.why), OK);
  ck_assert_int_eq(monitor_step(&m, 0, 100, &quiet, &d.why), E_CHEAT_LOG);
  ck_assert_uint_eq(m.tree.size, before);
  evidence(&d, 1, NULL);
  monitor_done(&m);
  host_log_done(&old);
  desk_done(&d);
}
END_TEST

/* In the tree, but not an event of this instance with a good signature. */
START_TEST(a_monitor_sees_what_does_not_belong)
{
  static const char *const entries[] = {"{\"a\": 1}", "{\"type\":\"open\"}", "",
                                        "{\"instance\":\"INSTANCE\",\"type\":\"open\"}"};
  AUTO(buf_done) struct buf text = {0}, encoded = {0};
  struct desk d;
  struct monitor m;
  char entry[256];
  desk_init(&d);
  grow(&d, 3);
  if (_i == 3)
    snprintf(entry, sizeof entry, "{\"instance\":\"%s\",\"type\":\"open\"}", d.pin.hex);
  else
    snprintf(entry, sizeof entry, "%s", entries[_i]);
  host_log_add_bytes(&d.host.log, BYTES(entry, strlen(entry)));
  grow(&d, 3);
  ck_assert_int_eq(monitor_open(&m, d.home, &d.api, &d.pin, &d.why), OK);
  ck_assert_int_eq(monitor_step(&m, 0, 100, &quiet, &d.why), E_CHEAT_LOG);
  evidence(&d, 1, &text);
  ck_assert_int_eq(base64_encode(&encoded, BYTES(entry, strlen(entry))), OK);
  ck_assert_ptr_nonnull(strstr(buf_text(&text), buf_text(&encoded)));
  ck_assert_ptr_nonnull(strstr(buf_text(&text), "---- path"));
  monitor_done(&m);
  desk_done(&d);
}
END_TEST

START_TEST(a_monitor_is_served_something_else)
{
  struct desk d;
  struct monitor m;
  desk_init(&d);
  grow(&d, 300);
  d.host.log.wrong_tiles = true;
  ck_assert_int_eq(monitor_open(&m, d.home, &d.api, &d.pin, &d.why), OK);
  ck_assert_int_eq(monitor_step(&m, 0, 100, &quiet, &d.why), E_CHEAT_LOG);
  evidence(&d, 1, NULL);
  ck_assert_uint_eq(m.tree.size, 0);
  d.host.log.wrong_tiles = false;
  ck_assert_int_eq(monitor_step(&m, 0, 100, &quiet, &d.why), OK);
  monitor_done(&m);
  desk_done(&d);
}
END_TEST

START_TEST(a_monitor_remembers_since_when)
{
  struct desk d;
  struct monitor m;
  desk_init(&d);
  grow(&d, 9);
  ck_assert_int_eq(monitor_open(&m, d.home, &d.api, &d.pin, &d.why), OK);
  ck_assert_int_eq(monitor_step(&m, 0, 100, &quiet, &d.why), OK);
  ck_assert_int_eq(m.behind_since, 0);
  d.host.log.show = 4;
  ck_assert_int_eq(monitor_step(&m, 0, 200, &quiet, &d.why), OK);
  monitor_done(&m);
  ck_assert_int_eq(monitor_open(&m, d.home, &d.api, &d.pin, &d.why), OK);
  ck_assert_int_eq(monitor_step(&m, 0, 300, &quiet, &d.why), OK);
  ck_assert_int_eq(m.behind_since, 200);
  d.host.log.show = 0;
  ck_assert_int_eq(monitor_step(&m, 0, 400, &quiet, &d.why), OK);
  ck_assert_int_eq(m.behind_since, 0);
  monitor_done(&m);
  desk_done(&d);
}
END_TEST

/* ---- being a witness ---- */

START_TEST(a_witness_cosigns_what_extends)
{
  struct desk d;
  struct note_key key, again;
  struct secret_identity secret, same;
  struct watch log;
  struct note n;
  struct checkpoint at;
  uint64_t when;
  char path[256];
  desk_init(&d);
  ck_assert_int_eq(witness_key(&key, &secret, d.home, "a name", &d.why), E_USAGE);
  ck_assert_int_eq(witness_key(&key, &secret, d.home, "w.example/x", &d.why), OK);
  ck_assert_int_eq(witness_key(&again, &same, d.home, "w.example/x", &d.why), OK);
  ck_assert_mem_eq(&key, &again, sizeof key);
  ck_assert_mem_eq(&secret, &same, sizeof secret);
  witness_path(path, &d.pin, &key);
  ck_assert_int_eq(watch_open(&log, d.home, &d.api, &d.pin, path, &d.why), OK);
  ck_assert_int_eq(watch_refresh(&log, 0, &d.why), OK);
  ck_assert_int_eq(witness_cosign(&log, &key, &secret, 5, &d.why), E_FORBIDDEN);
  host_log_witness(&d.host.log, &key);
  grow(&d, 7);
  ck_assert_int_eq(watch_refresh(&log, 0, &d.why), OK);
  ck_assert_int_eq(witness_cosign(&log, &key, &secret, 1234, &d.why), OK);
  struct bytes note = buf_bytes(&d.host.log.witnesses[0].note);
  ck_assert_int_eq(checkpoint_open(&at, note, &d.host.log.key, &d.why), OK);
  ck_assert_uint_eq(at.size, 8);
  ck_assert_int_eq(note_parse(&n, note, &d.why), OK);
  ck_assert_int_eq(note_verify(&n, &key, &when), OK);
  ck_assert_uint_eq(when, 1234);
  watch_done(&log);
  /* another day: what was cosigned is still known */
  d.host.log.fork = 3;
  grow(&d, 7);
  ck_assert_int_eq(watch_open(&log, d.home, &d.api, &d.pin, path, &d.why), OK);
  ck_assert_int_eq(watch_refresh(&log, 0, &d.why), E_CHEAT_LOG);
  evidence(&d, 1, NULL);
  watch_done(&log);
  desk_done(&d);
}
END_TEST

START_TEST(lists_of_witnesses)
{
  struct desk d;
  struct note_key key, log_key;
  struct identity id;
  struct secret_identity secret;
  AUTO(witnesses_done) struct witnesses l = {0};
  AUTO(buf_done) struct buf file = {0}, one = {0}, other = {0};
  desk_init(&d);
  ck_assert_int_eq(witnesses_load(&l, d.home, &d.why), OK);
  ck_assert_uint_eq(l.len, 0);
  identity_make(&id, &secret);
  ck_assert_int_eq(note_key_make(&key, "w.example", NOTE_COSIGNATURE, &id), OK);
  ck_assert_int_eq(note_key_make(&log_key, "w.example", NOTE_ED25519, &id), OK);
  ck_assert_int_eq(note_key_format(&one, &key), OK);
  ck_assert_int_eq(note_key_format(&other, &log_key), OK);
  ck_assert_int_eq(buf_printf(&file, "# mine\n\n  %s # a friend\n%s\r\n", buf_text(&one),
                              buf_text(&one)),
                   OK);
  ck_assert_int_eq(home_write(d.home, "witnesses", buf_bytes(&file), &d.why), OK);
  ck_assert_int_eq(witnesses_load(&l, d.home, &d.why), OK);
  ck_assert_uint_eq(l.len, 1);
  ck_assert_mem_eq(&l.keys[0], &key, sizeof key);
  ck_assert_int_eq(witnesses_add(&l, buf_text(&other), &d.why), E_USAGE);
  ck_assert_int_eq(witnesses_add(&l, "nonsense", &d.why), E_USAGE);
  ck_assert_uint_eq(l.len, 1);
  desk_done(&d);
}
END_TEST

TCase *test_watch(void)
{
  TCase *t = tcase_create("watch");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, keeps_the_newest);
  tcase_add_test(t, an_older_one_is_never_newer);
  tcase_add_loop_test(t, forks_are_seen, 0, 3);
  tcase_add_test(t, a_larger_one_needs_a_proof);
  tcase_add_test(t, what_is_no_checkpoint_of_this_log);
  tcase_add_test(t, what_another_process_kept_counts);
  tcase_add_test(t, tiles_lead_to_the_root);
  tcase_add_test(t, wrong_tiles_are_refused);
  tcase_add_test(t, a_grown_tile_serves_as_well);
  tcase_add_test(t, a_monitor_reads_only_what_is_new);
  tcase_add_test(t, a_monitor_sees_a_rewrite);
  tcase_add_loop_test(t, a_monitor_sees_what_does_not_belong, 0, 4);
  tcase_add_test(t, a_monitor_is_served_something_else);
  tcase_add_test(t, a_monitor_remembers_since_when);
  tcase_add_test(t, a_witness_cosigns_what_extends);
  tcase_add_test(t, lists_of_witnesses);
  return t;
}
