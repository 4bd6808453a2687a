/* SPDX-License-Identifier: Apache-2.0
 * Recomputes every value of tests/vectors/core.json. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/box.h"
#include "core/dleq.h"
#include "core/event.h"
#include "core/graph.h"
#include "core/group.h"
#include "core/kdf.h"
#include "core/merkle.h"
#include "core/pvss.h"
#include "core/quantise.h"
#include "core/reward.h"
#include "core/scalar.h"
#include "core/shamir.h"
#include "test_core.h"
#include "util/field.h"
#include "util/text.h"

#define LIST_MAX 300
#define HEX_MAX 2048

static const char *text_of(const json_t *o, const char *name)
{
  const char *text = json_string_value(json_object_get(o, name));
  ck_assert_msg(text != NULL, "%s is missing", name);
  return text;
}

static json_int_t int_of(const json_t *o, const char *name)
{
  const json_t *v = json_object_get(o, name);
  ck_assert_msg(json_is_integer(v), "%s is missing", name);
  return json_integer_value(v);
}

static unsigned unsigned_of(const json_t *o, const char *name)
{
  return (unsigned)int_of(o, name);
}

static bool bool_of(const json_t *o, const char *name)
{
  const json_t *v = json_object_get(o, name);
  ck_assert_msg(json_is_boolean(v), "%s is missing", name);
  return json_is_true(v);
}

/* Any length up to HEX_MAX; returns it. */
static size_t hex_of(const json_t *v, uint8_t *out)
{
  const char *text = json_string_value(v);
  ck_assert(text && strlen(text) <= 2 * HEX_MAX);
  ck_assert_int_eq(hex_decode(out, strlen(text) / 2, text), OK);
  return strlen(text) / 2;
}

#define GET(o, name, to)                                                                 \
  ck_assert_int_eq(hex_decode((to).b, sizeof((to).b), text_of(o, name)), OK)
#define EXPECT(o, name, have)                                                            \
  do {                                                                                   \
    __typeof__(have) want_;                                                              \
    GET(o, name, want_);                                                                 \
    ck_assert_mem_eq(&want_, &(have), sizeof want_);                                     \
  } while (0)

static unsigned hexes_of(const json_t *o, const char *name, void *out, size_t size)
{
  const json_t *list = json_object_get(o, name), *v;
  size_t i;
  ck_assert(json_is_array(list) && json_array_size(list) <= LIST_MAX);
  json_array_foreach (list, i, v)
    ck_assert_int_eq(hex_decode((uint8_t *)out + i * size, size, json_string_value(v)),
                     OK);
  return (unsigned)json_array_size(list);
}

static unsigned ints_of(const json_t *o, const char *name, uint32_t *out)
{
  const json_t *list = json_object_get(o, name), *v;
  size_t i;
  ck_assert(json_is_array(list) && json_array_size(list) <= LIST_MAX);
  json_array_foreach (list, i, v)
    out[i] = (uint32_t)json_integer_value(v);
  return (unsigned)json_array_size(list);
}

/* ---- one function per section; o is one case ---- */

static void check_point(const json_t *o)
{
  struct point p;
  struct secret_scalar s;
  GET(o, "encoding", p);
  ck_assert(point_valid(&p) == bool_of(o, "valid"));
  if (json_object_get(o, "scalar")) {
    GET(o, "scalar", s);
    ck_assert_int_eq(point_mul_base(&p, &s), OK);
    EXPECT(o, "encoding", p);
  }
}

static void check_hkdf(const json_t *o)
{
  struct digest salt, ikm;
  struct secret_key k;
  uint8_t info[HEX_MAX];
  size_t len = hex_of(json_object_get(o, "info"), info);
  GET(o, "salt", salt);
  GET(o, "ikm", ikm);
  kdf_hkdf(&k, &salt, ikm.b, BYTES(info, len));
  EXPECT(o, "key", k);
}

static void check_agreed(const json_t *o)
{
  struct digest ctx, u1;
  struct secret_scalar own;
  struct point theirs, shared;
  struct secret_key k;
  GET(o, "ctx", ctx);
  GET(o, "own_secret", own);
  GET(o, "other_public", theirs);
  ck_assert_int_eq(point_mul(&shared, &own, &theirs), OK);
  EXPECT(o, "shared", shared);
  if (json_object_get(o, "u1")) {
    GET(o, "u1", u1);
    kdf_pair(&k, &ctx, &shared, unsigned_of(o, "i"), unsigned_of(o, "j"), &u1);
  } else {
    kdf_box(&k, &ctx, &shared, unsigned_of(o, "i"), unsigned_of(o, "j"));
  }
  EXPECT(o, "key", k);
}

static void check_self(const json_t *o)
{
  struct digest ctx, u1;
  struct secret_scalar s;
  struct secret_key k;
  GET(o, "ctx", ctx);
  GET(o, "s", s);
  GET(o, "u1", u1);
  kdf_self(&k, &ctx, &s, &u1);
  EXPECT(o, "key", k);
}

static void check_box(const json_t *o)
{
  struct secret_key k;
  struct digest graph;
  struct secret_scalar a, s;
  struct box box;
  GET(o, "key", k);
  GET(o, "graph", graph);
  GET(o, "box", box);
  ck_assert_int_eq(box_open(&a, &s, &box, &k, &graph), OK);
  EXPECT(o, "share_a", a);
  EXPECT(o, "share_s", s);
}

static void check_prg(const json_t *o)
{
  struct secret_key k;
  uint8_t want[HEX_MAX], have[HEX_MAX];
  size_t len = hex_of(json_object_get(o, "out"), want);
  GET(o, "key", k);
  ck_assert_int_eq(prg_bytes(have, len, (uint64_t)int_of(o, "offset"), &k), OK);
  ck_assert_mem_eq(have, want, len);
}

static void check_keystream(const json_t *o)
{
  struct secret_key k;
  uint8_t data[HEX_MAX], want[HEX_MAX];
  size_t len = hex_of(json_object_get(o, "before"), data);
  unsigned bits = unsigned_of(o, "bits");
  enum ring_sign sign = text_of(o, "sign")[0] == '-' ? RING_SUB : RING_ADD;
  GET(o, "key", k);
  ck_assert_uint_eq(hex_of(json_object_get(o, "after"), want), len);
  struct ring r = {data, len / (bits / 8), bits};
  ck_assert_int_eq(ring_keystream(r, (uint64_t)int_of(o, "first"), &k, sign), OK);
  ck_assert_mem_eq(data, want, len);
}

static void params_of(struct graph_params *p, const json_t *o, bool anchored)
{
  ck_assert_int_eq(graph_params_find(p, unsigned_of(o, "n"), unsigned_of(o, "corrupt_bp"),
                                     unsigned_of(o, "dropout_bp"), anchored),
                   OK);
  ck_assert_uint_eq(p->k, unsigned_of(o, "k"));
  ck_assert_uint_eq(p->t, unsigned_of(o, "t"));
}

static void check_params(const json_t *o)
{
  struct graph_params p;
  params_of(&p, o, bool_of(o, "anchored"));
  ck_assert_uint_eq(p.alive, unsigned_of(o, "alive"));
  ck_assert(p.complete == bool_of(o, "complete"));
}

static void check_graph(const json_t *o)
{
  struct graph_params p;
  struct graph g;
  struct digest ctx, joins;
  uint8_t beacon[HEX_MAX], set[HEX_MAX];
  uint32_t want[LIST_MAX], near[LIST_MAX];
  size_t len = hex_of(json_object_get(o, "beacon"), beacon);
  GET(o, "ctx", ctx);
  GET(o, "joins", joins);
  params_of(&p, o, true);
  ck_assert_int_eq(graph_make(&g, &p, &ctx, &joins, BYTES(beacon, len)), OK);
  unsigned n = ints_of(o, "ring", want);
  ck_assert_mem_eq(g.at, want, n * sizeof *want);
  ck_assert_uint_eq(ints_of(o, "neighbours", want), p.k);
  graph_neighbours(&g, unsigned_of(o, "of"), near);
  ck_assert_mem_eq(near, want, p.k * sizeof *want);
  ck_assert_int_eq(set_parse(set, p.n, text_of(o, "members")), OK);
  ck_assert_uint_eq(graph_least_runs(&g, set), unsigned_of(o, "least_runs"));
  graph_done(&g);
}

static void check_set(const json_t *o)
{
  uint8_t want[HEX_MAX], set[HEX_MAX] = {0};
  uint32_t members[LIST_MAX];
  unsigned n = unsigned_of(o, "n"), m = ints_of(o, "members", members);
  ck_assert_int_eq(set_parse(want, n, text_of(o, "hex")), OK);
  for (unsigned i = 0; i < m; i++)
    set_add(set, members[i]);
  ck_assert_mem_eq(set, want, (n + 7) / 8);
  ck_assert_uint_eq(set_count(want, n), m);
}

static void check_merkle(const json_t *o)
{
  struct merkle m = {0};
  struct digest hashes[LIST_MAX], path[LIST_MAX], want[64], root;
  uint8_t leaf[HEX_MAX];
  size_t i;
  unsigned len;
  const json_t *v, *paths = json_object_get(o, "paths");
  json_array_foreach (json_object_get(o, "leaves"), i, v) {
    merkle_leaf(&hashes[i], BYTES(leaf, hex_of(v, leaf)));
    merkle_add(&m, BYTES(leaf, hex_of(v, leaf)));
  }
  merkle_root(&root, &m);
  EXPECT(o, "root", root);
  ck_assert_uint_eq(json_array_size(paths), m.size);
  json_array_foreach (paths, i, v) {
    AUTO(json_drop) json_t *one = json_pack("{s:O}", "path", (json_t *)v);
    unsigned n = hexes_of(one, "path", path, sizeof *path);
    ck_assert_int_eq(merkle_path(want, &len, hashes, m.size, i), OK);
    ck_assert_uint_eq(len, n);
    ck_assert_mem_eq(path, want, n * sizeof *path);
    ck_assert_int_eq(merkle_check_path(&root, m.size, i, &hashes[i], path, n), OK);
  }
}

static void check_shamir(const json_t *o)
{
  struct secret_scalar coeffs[LIST_MAX], shares[LIST_MAX], s;
  struct point points[LIST_MAX], p;
  uint32_t xs[LIST_MAX];
  unsigned t = unsigned_of(o, "t"), k = ints_of(o, "x", xs);
  ck_assert_uint_eq(hexes_of(o, "coefficients", coeffs, sizeof *coeffs), t);
  ck_assert_uint_eq(hexes_of(o, "shares", shares, sizeof *shares), k);
  ck_assert_uint_eq(hexes_of(o, "points", points, sizeof *points), k);
  for (unsigned c = 0; c < k; c++) {
    scalar_poly(&s, coeffs, t, xs[c]);
    ck_assert_mem_eq(&s, &shares[c], sizeof s);
    ck_assert_int_eq(pvss_check_share(&shares[c], &points[c]), OK);
  }
  for (unsigned from = 0; from + t <= k; from++) {
    ck_assert_int_eq(shamir_recover(&s, shares + from, xs + from, t), OK);
    EXPECT(o, "secret", s);
  }
  ck_assert_int_eq(point_mul_base(&p, &s), OK);
  EXPECT(o, "public", p);
  ck_assert_int_eq(pvss_check(&p, points, xs, k, t), OK);
  if (t > 1)
    ck_assert_int_eq(pvss_check(&p, points, xs, k, t - 1), E_SHARES);
}

static void check_dleq(const json_t *o)
{
  struct digest ctx;
  struct point ei, ej, k;
  struct dleq proof;
  unsigned i = unsigned_of(o, "i"), j = unsigned_of(o, "j");
  GET(o, "ctx", ctx);
  GET(o, "ei", ei);
  GET(o, "ej", ej);
  GET(o, "k", k);
  GET(o, "challenge", proof.challenge);
  GET(o, "response", proof.response);
  ck_assert_int_eq(dleq_check(&proof, &ctx, i, j, &ei, &ej, &k), OK);
  ck_assert_int_eq(dleq_check(&proof, &ctx, i + 1, j, &ei, &ej, &k), E_PROOF);
}

static void check_event(const json_t *o)
{
  json_t *event = json_object_get(o, "event");
  struct secret_key seed;
  struct identity id;
  struct secret_identity secret;
  struct digest d;
  AUTO(buf_done) struct buf b = {0};
  AUTO(json_drop) json_t *again = json_deep_copy(event);
  GET(o, "seed", seed);
  crypto_sign_seed_keypair(id.b, secret.b, seed.b);
  EXPECT(o, "public", id);
  ck_assert_int_eq(event_canonical(&b, event, false), OK);
  ck_assert_str_eq(buf_text(&b), text_of(o, "canonical"));
  ck_assert_int_eq(event_hash(&d, event), OK);
  EXPECT(o, "hash", d);
  ck_assert_int_eq(event_hash_as(&d, "chorus/v1/ctx\n", event), OK);
  EXPECT(o, "hash_as_ctx", d);
  ck_assert_int_eq(event_verify(event, text_of(event, "type"), &id, NULL), OK);
  ck_assert_int_eq(event_sign(again, &secret), OK);
  ck_assert_str_eq(text_of(again, "sig"), text_of(event, "sig"));
  buf_done(&b);
  ck_assert_int_eq(event_canonical(&b, event, true), OK);
  merkle_leaf(&d, buf_bytes(&b));
  EXPECT(o, "leaf_hash", d);
  AUTO(json_drop) json_t *parsed = NULL;
  ck_assert_int_eq(event_parse(&parsed, buf_bytes(&b), NULL), OK);
  ck_assert(json_equal(parsed, event));
}

static void check_signature(const json_t *o)
{
  const json_t *event = json_object_get(o, "event");
  struct identity id;
  GET(o, "public", id);
  enum err want = bool_of(o, "valid") ? OK : E_SIGNATURE;
  ck_assert_msg(event_verify(event, text_of(event, "type"), &id, NULL) == want, "%s",
                text_of(o, "what"));
}

static void check_refused(const json_t *o)
{
  uint8_t text[HEX_MAX];
  size_t len = hex_of(o, text);
  AUTO(json_drop) json_t *event = NULL;
  enum err e = event_parse(&event, BYTES(text, len), NULL);
  ck_assert_msg(e == E_JSON || e == E_CANONICAL, "%.*s", (int)len, (const char *)text);
}

static void check_quantise(const json_t *o)
{
  float delta[HEX_MAX / sizeof(float)];
  uint8_t raw[HEX_MAX], want[HEX_MAX], have[HEX_MAX];
  size_t len = hex_of(json_object_get(o, "delta_float32"), raw) / sizeof(float);
  size_t bytes = hex_of(json_object_get(o, "out"), want);
  struct quantiser q = {.bits = unsigned_of(o, "quant_bits"),
                        .cap = (uint64_t)int_of(o, "weight")};
  memcpy(delta, raw, len * sizeof(float));
  ck_assert_int_eq(decimal_parse(&q.range, text_of(o, "range")), OK);
  ck_assert_int_eq(decimal_parse(&q.clip, text_of(o, "clip")), OK);
  struct ring r = {have, len, unsigned_of(o, "ring_bits")};
  ck_assert_uint_eq(ring_bytes(r.bits, len), bytes);
  ck_assert_int_eq(quantise(r, delta, &q, q.cap), OK);
  ck_assert_mem_eq(have, want, bytes);
}

static void check_reward(const json_t *o)
{
  const json_t *members = json_object_get(o, "members");
  const json_t *amounts = json_object_get(o, "amounts");
  struct reward all[8] = {0};
  struct reward_terms terms;
  struct digest root;
  bool paid = false;
  unsigned count = (unsigned)json_array_size(members);
  AUTO(json_drop)
  json_t *said = json_pack("{s:s,s:s}", "scheme", text_of(o, "scheme"), "budget",
                           text_of(o, "budget"));
  ck_assert_uint_le(count, LENGTH(all));
  ck_assert_int_eq(reward_terms_read(&terms, said, NULL), OK);
  for (unsigned i = 0; i < count; i++) {
    const json_t *m = json_array_get(members, i);
    GET(m, "participant", all[i].id);
    all[i].samples = (uint64_t)int_of(m, "samples");
    all[i].named = bool_of(m, "named");
  }
  ck_assert_int_eq(
      reward_amounts(all, count, &terms, (uint64_t)int_of(o, "total"), &paid), OK);
  ck_assert(paid == json_is_string(json_object_get(o, "root")));
  ck_assert_uint_eq(json_array_size(amounts), paid ? count : 0);
  for (unsigned i = 0; paid && i < count; i++)
    ck_assert_str_eq(all[i].amount, json_string_value(json_array_get(amounts, i)));
  if (!paid)
    return;
  ck_assert_int_eq(reward_root(&root, all, count), OK);
  EXPECT(o, "root", root);
}

static const struct section {
  const char *name;
  void (*check)(const json_t *o);
} sections[] = {
    {"box", check_box},
    {"box_key", check_agreed},
    {"dleq", check_dleq},
    {"event", check_event},
    {"graph", check_graph},
    {"hkdf", check_hkdf},
    {"keystream", check_keystream},
    {"merkle", check_merkle},
    {"pair_key", check_agreed},
    {"params", check_params},
    {"point", check_point},
    {"prg", check_prg},
    {"quantise", check_quantise},
    {"refused_event", check_refused},
    {"reward", check_reward},
    {"self_key", check_self},
    {"set", check_set},
    {"shamir", check_shamir},
    {"signature", check_signature},
};

/* Exactly these sections, none of them empty, every case of each. */
START_TEST(golden_vectors)
{
  const char *root = getenv("CHORUS_SRCDIR");
  char path[4096];
  json_error_t error;
  size_t i;
  const json_t *o;
  snprintf(path, sizeof path, "%s/tests/vectors/core.json", root ? root : "..");
  AUTO(json_drop) json_t *all = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  ck_assert_msg(all != NULL, "%s: %s", path, error.text);
  ck_assert_uint_eq(json_object_size(all), LENGTH(sections));
  const json_t *cases = json_object_get(all, sections[_i].name);
  ck_assert_msg(json_array_size(cases) > 0, "%s", sections[_i].name);
  json_array_foreach (cases, i, o)
    sections[_i].check(o);
}
END_TEST

TCase *test_vectors(void)
{
  TCase *t = tcase_create("vectors");
  tcase_set_timeout(t, 20);
  tcase_add_loop_test(t, golden_vectors, 0, LENGTH(sections));
  return t;
}
