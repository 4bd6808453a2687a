/* SPDX-License-Identifier: Apache-2.0
 * Prints core.json, the golden vectors of the protocol's derivations. Every input is
 * derived from a label, so the output is the same each time: a scalar is SHA-512(label)
 * mod L, a digest SHA-256(label). tests/vectors/README.md describes the sections. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/dleq.h"
#include "core/graph.h"
#include "core/group.h"
#include "core/kdf.h"
#include "core/le.h"
#include "core/merkle.h"
#include "core/message.h"
#include "core/pvss.h"
#include "core/quantise.h"
#include "core/scalar.h"
#include "core/shamir.h"
#include "util/field.h"
#include "util/text.h"

static void must(enum err e)
{
  if (e != OK) {
    fprintf(stderr, "make_vectors: %s\n", err_info(e)->name);
    exit(1);
  }
}

static struct secret_scalar scalar(const char *label)
{
  uint8_t wide[64];
  struct secret_scalar s;
  crypto_hash_sha512(wide, (const uint8_t *)label, strlen(label));
  crypto_core_ristretto255_scalar_reduce(s.b, wide);
  return s;
}

static struct digest digest(const char *label)
{
  struct digest d;
  crypto_hash_sha256(d.b, (const uint8_t *)label, strlen(label));
  return d;
}

static struct secret_key key(const char *label)
{
  struct digest d = digest(label);
  struct secret_key k;
  memcpy(k.b, d.b, 32);
  return k;
}

static struct point base_times(const struct secret_scalar *s)
{
  struct point p;
  must(point_mul_base(&p, s));
  return p;
}

/* json_hex stops at 64 bytes. */
static json_t *hex(const void *data, size_t len)
{
  char *text = must_calloc(2 * len + 1, 1);
  json_t *out = json_string(hex_encode(text, data, len));
  free(text);
  return out;
}

#define HEX(object) hex((object).b, sizeof((object).b))

static json_t *hex_list(const void *items, size_t size, size_t n)
{
  json_t *list = json_array();
  for (size_t i = 0; i < n; i++)
    json_array_append_new(list, hex((const uint8_t *)items + i * size, size));
  return list;
}

static json_t *int_list(const uint32_t *items, size_t n)
{
  json_t *list = json_array();
  for (size_t i = 0; i < n; i++)
    json_array_append_new(list, json_integer(items[i]));
  return list;
}

/* ---- points and keys ---- */

static json_t *make_points(void)
{
  static const char *const odd[] = {
      "0000000000000000000000000000000000000000000000000000000000000000", /* identity */
      "0100000000000000000000000000000000000000000000000000000000000000", /* negative */
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* p + 0 */
      "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* p + 6 */
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371", /* no square */
      "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f", /* no square */
  };
  json_t *list = json_array();
  struct secret_scalar s = scalar("point");
  struct point p = base_times(&s);
  json_array_append_new(
      list, json_pack("{s:o,s:o,s:b}", "scalar", HEX(s), "encoding", HEX(p), "valid", 1));
  p.b[31] |= 0x80;
  json_array_append_new(list, json_pack("{s:o,s:b}", "encoding", HEX(p), "valid", 0));
  for (size_t i = 0; i < LENGTH(odd); i++)
    json_array_append_new(list, json_pack("{s:s,s:b}", "encoding", odd[i], "valid", 0));
  return list;
}

static json_t *make_hkdf(void)
{
  static const char info[] = "any info";
  struct digest salt = digest("salt");
  struct secret_scalar ikm = scalar("ikm");
  struct secret_key out;
  kdf_hkdf(&out, &salt, ikm.b, BYTES(info, strlen(info)));
  return json_pack("[{s:o,s:o,s:o,s:o}]", "salt", HEX(salt), "ikm", HEX(ikm), "info",
                   hex(info, strlen(info)), "key", HEX(out));
}

/* box_key or pair_key: i's secret (e_i or a_i), j's public key, and what follows. */
static json_t *make_agreed(bool box)
{
  static const unsigned pairs[][2] = {{0, 1}, {1, 0}, {7, 1000}, {16383, 256}};
  json_t *list = json_array();
  struct digest ctx = digest("ctx"), u1 = digest("sharers");
  struct secret_scalar own = scalar(box ? "e_i" : "a_i");
  struct secret_scalar other = scalar(box ? "e_j" : "a_j");
  struct point theirs = base_times(&other), shared;
  must(point_mul(&shared, &own, &theirs));
  for (size_t c = 0; c < LENGTH(pairs); c++) {
    struct secret_key k;
    if (box)
      kdf_box(&k, &ctx, &shared, pairs[c][0], pairs[c][1]);
    else
      kdf_pair(&k, &ctx, &shared, pairs[c][0], pairs[c][1], &u1);
    json_t *one =
        json_pack("{s:o,s:o,s:o,s:o,s:i,s:i,s:o}", "ctx", HEX(ctx), "own_secret",
                  HEX(own), "other_public", HEX(theirs), "shared", HEX(shared), "i",
                  pairs[c][0], "j", pairs[c][1], "key", HEX(k));
    if (!box)
      json_object_set_new(one, "u1", HEX(u1));
    json_array_append_new(list, one);
  }
  return list;
}

static json_t *make_self(void)
{
  struct digest ctx = digest("ctx"), u1 = digest("sharers");
  struct secret_scalar s = scalar("s_i");
  struct secret_key k;
  kdf_self(&k, &ctx, &s, &u1);
  return json_pack("[{s:o,s:o,s:o,s:o}]", "ctx", HEX(ctx), "s", HEX(s), "u1", HEX(u1),
                   "key", HEX(k));
}

static json_t *make_box(void)
{
  struct secret_key k = key("box");
  struct digest graph = digest("graph"), nonce = digest("nonce");
  struct secret_scalar a = scalar("share of a"), s = scalar("share of s");
  uint8_t plain[64], box[104];
  memcpy(plain, a.b, 32);
  memcpy(plain + 32, s.b, 32);
  memcpy(box, nonce.b, 24);
  crypto_aead_xchacha20poly1305_ietf_encrypt(box + 24, NULL, plain, 64, graph.b, 32, NULL,
                                             box, k.b);
  return json_pack("[{s:o,s:o,s:o,s:o,s:o}]", "key", HEX(k), "graph", HEX(graph),
                   "share_a", HEX(a), "share_s", HEX(s), "box", hex(box, 104));
}

/* ---- PRG and ring ---- */

static json_t *make_prg(void)
{
  static const int64_t offsets[] = {
      0, 1, 15, 16, 17, 983040, 4294967295, 68719476735, 4503599627370497};
  json_t *list = json_array();
  struct secret_key k = key("prg");
  uint8_t out[50];
  for (size_t i = 0; i < LENGTH(offsets); i++) {
    must(prg_bytes(out, sizeof out, (uint64_t)offsets[i], &k));
    json_array_append_new(list,
                          json_pack("{s:o,s:I,s:o}", "key", HEX(k), "offset",
                                    (json_int_t)offsets[i], "out", hex(out, sizeof out)));
  }
  return list;
}

static json_t *make_keystream(void)
{
  static const unsigned widths[] = {16, 24, 32, 40, 48, 64};
  static const uint64_t firsts[] = {0, 3, 5121, 327681};
  enum { LEN = 13 };
  json_t *list = json_array();
  struct secret_key k = key("keystream");
  for (size_t i = 0; i < LENGTH(widths) * LENGTH(firsts); i++) {
    uint8_t data[LEN * 8];
    struct ring r = {data, LEN, widths[i / LENGTH(firsts)]};
    size_t f = i % LENGTH(firsts), bytes = ring_bytes(r.bits, LEN);
    for (int l = 0; l < LEN; l++)
      ring_put(r, (size_t)l, (int64_t)l * (l % 2 ? -1000003 : 1000003));
    json_t *before = hex(data, bytes);
    must(ring_keystream(r, firsts[f], &k, f % 2 ? RING_SUB : RING_ADD));
    json_array_append_new(list, json_pack("{s:o,s:i,s:I,s:s,s:o,s:o}", "key", HEX(k),
                                          "bits", r.bits, "first", (json_int_t)firsts[f],
                                          "sign", f % 2 ? "-" : "+", "before", before,
                                          "after", hex(data, bytes)));
  }
  return list;
}

/* ---- graph ---- */

static json_t *make_params(void)
{
  static const unsigned known[][3] = {
      {3, 1000, 1000},    {4, 1000, 1000},    {10, 1000, 1000},  {40, 1000, 1000},
      {41, 1000, 1000},   {41, 1000, 200},    {100, 1000, 1000}, {300, 1000, 1000},
      {1000, 1000, 1000}, {3000, 1000, 1000}, {100, 2000, 3000}, {300, 2000, 3000},
      {1000, 2000, 3000}, {3000, 2000, 3000}, {77, 0, 500},      {150, 4500, 4500},
      {1000, 3333, 3333}, {9999, 500, 500}};
  json_t *list = json_array();
  for (size_t i = 0; i < 2 * LENGTH(known); i++) {
    const unsigned *c = known[i / 2];
    int anchored = i % 2 == 0;
    struct graph_params p;
    if (!anchored && c[0] > 200)
      continue; /* such a round is refused at opening */
    must(graph_params_find(&p, c[0], c[1], c[2], anchored));
    json_array_append_new(list, json_pack("{s:i,s:i,s:i,s:b,s:i,s:i,s:i,s:b}", "n", c[0],
                                          "corrupt_bp", c[1], "dropout_bp", c[2],
                                          "anchored", anchored, "k", p.k, "t", p.t,
                                          "alive", p.alive, "complete", (int)p.complete));
  }
  return list;
}

static json_t *make_graph(unsigned n)
{
  struct digest ctx = digest("ctx"), joins = digest("joins"), beacon = digest("beacon");
  struct digest some = digest("members");
  struct graph_params p;
  struct graph g;
  uint32_t near[300], of = n / 2;
  uint8_t members[38] = {0};
  must(graph_params_find(&p, n, 1000, 1000, true));
  must(graph_make(&g, &p, &ctx, &joins, p.complete ? BYTES("", 0) : BYTES_OF(beacon)));
  graph_neighbours(&g, of, near);
  for (uint32_t i = 0; i < n; i++)
    if (some.b[i % 32] >> (i / 32 % 8) & 1)
      set_add(members, i);
  json_t *out = json_pack(
      "{s:i,s:i,s:i,s:o,s:o,s:o,s:i,s:i,s:o,s:i,s:o,s:o,s:i}", "n", n, "corrupt_bp", 1000,
      "dropout_bp", 1000, "ctx", HEX(ctx), "joins", HEX(joins), "beacon",
      p.complete ? json_string("") : HEX(beacon), "k", p.k, "t", p.t, "ring",
      int_list(g.at, MIN(n, 40u)), "of", of, "neighbours", int_list(near, p.k), "members",
      hex(members, (n + 7) / 8), "least_runs", graph_least_runs(&g, members));
  graph_done(&g);
  return out;
}

static json_t *make_graphs(void)
{
  return json_pack("[o,o,o,o]", make_graph(5), make_graph(41), make_graph(100),
                   make_graph(300));
}

static json_t *make_sets(void)
{
  static const uint32_t members[] = {0, 3, 8, 9, 15, 16};
  static const unsigned sizes[] = {3, 4, 8, 9, 16, 17, 20};
  json_t *list = json_array();
  for (size_t s = 0; s < LENGTH(sizes); s++) {
    uint8_t set[3] = {0};
    unsigned m = 0;
    for (; m < LENGTH(members) && members[m] < sizes[s]; m++)
      set_add(set, members[m]);
    json_array_append_new(list, json_pack("{s:i,s:o,s:o}", "n", sizes[s], "members",
                                          int_list(members, m), "hex",
                                          hex(set, (sizes[s] + 7) / 8)));
  }
  return list;
}

/* ---- trees ---- */

static json_t *make_merkle(void)
{
  json_t *list = json_array();
  for (unsigned size = 0; size <= 9; size++) {
    struct merkle m = {0};
    struct digest hashes[9], root, path[64], leaf = digest("leaf");
    json_t *leaves = json_array(), *paths = json_array();
    for (unsigned i = 0; i < size; i++) {
      json_array_append_new(leaves, hex(leaf.b, 3 * i));
      merkle_leaf(&hashes[i], BYTES(leaf.b, 3 * i));
      merkle_add_hash(&m, &hashes[i]);
    }
    merkle_root(&root, &m);
    for (unsigned i = 0; i < size; i++) {
      unsigned len;
      must(merkle_path(path, &len, hashes, size, i));
      json_array_append_new(paths, hex_list(path, 32, len));
    }
    json_array_append_new(list, json_pack("{s:o,s:o,s:o}", "leaves", leaves, "root",
                                          HEX(root), "paths", paths));
  }
  return list;
}

/* ---- sharing ---- */

static json_t *make_shamir(void)
{
  enum { K = 7 };
  static const uint32_t xs[K] = {1, 2, 5, 40, 301, 16384, 6};
  json_t *list = json_array();
  for (unsigned t = 1; t <= K; t += 3) {
    struct secret_scalar coeffs[K], shares[K], got;
    struct point points[K];
    for (unsigned i = 0; i < t; i++) {
      char label[40];
      snprintf(label, sizeof label, "coefficient %u of %u", i, t);
      coeffs[i] = scalar(label);
    }
    for (unsigned c = 0; c < K; c++)
      scalar_poly(&shares[c], coeffs, t, xs[c]);
    must(shamir_recover(&got, shares, xs, t));
    must(memcmp(&got, &coeffs[0], sizeof got) ? E_INTERNAL : OK);
    struct point public = base_times(&coeffs[0]);
    must(pvss_commit(points, shares, K));
    must(pvss_check(&public, points, xs, K, t));
    json_array_append_new(
        list, json_pack("{s:i,s:o,s:o,s:o,s:o,s:o,s:o}", "t", t, "coefficients",
                        hex_list(coeffs, 32, t), "x", int_list(xs, K), "shares",
                        hex_list(shares, 32, K), "secret", HEX(coeffs[0]), "public",
                        HEX(public), "points", hex_list(points, 32, K)));
  }
  return list;
}

/* The proof as dleq_prove makes it, with a known r. */
static json_t *make_dleq(void)
{
  struct digest ctx = digest("ctx");
  struct secret_scalar e = scalar("e_i"), f = scalar("e_j"), r = scalar("r");
  struct point ei = base_times(&e), ej = base_times(&f), k, r1 = base_times(&r), r2;
  uint8_t text[15 + 32 + 8 + 5 * 32], wide[64];
  struct dleq p;
  must(point_mul(&k, &e, &ej));
  must(point_mul(&r2, &r, &ej));
  const struct point all[] = {ei, ej, k, r1, r2};
  memcpy(text, "chorus/v1/dleq\n", 15);
  memcpy(text + 15, ctx.b, 32);
  le32_put(text + 47, 3);
  le32_put(text + 51, 9);
  memcpy(text + 55, all, sizeof all);
  crypto_hash_sha512(wide, text, sizeof text);
  crypto_core_ristretto255_scalar_reduce(p.challenge.b, wide);
  crypto_core_ristretto255_scalar_mul(p.response.b, p.challenge.b, e.b);
  crypto_core_ristretto255_scalar_add(p.response.b, p.response.b, r.b);
  must(dleq_check(&p, &ctx, 3, 9, &ei, &ej, &k));
  return json_pack("[{s:o,s:i,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o}]", "ctx", HEX(ctx), "i", 3,
                   "j", 9, "e", HEX(e), "r", HEX(r), "ei", HEX(ei), "ej", HEX(ej), "k",
                   HEX(k), "challenge", HEX(p.challenge), "response", HEX(p.response));
}

/* ---- events ---- */

static json_t *make_event(json_t *event)
{
  struct secret_key seed = key("ed25519 seed");
  struct identity id;
  struct secret_identity secret;
  struct digest hash, ctx, leaf;
  AUTO(buf_done) struct buf bare = {0};
  AUTO(buf_done) struct buf with = {0};
  crypto_sign_seed_keypair(id.b, secret.b, seed.b);
  must(event_sign(event, &secret));
  must(event_hash(&hash, event));
  must(event_hash_as(&ctx, "chorus/v1/ctx\n", event));
  must(event_canonical(&bare, event, false));
  must(event_canonical(&with, event, true));
  merkle_leaf(&leaf, buf_bytes(&with));
  return json_pack("{s:o,s:o,s:o,s:s,s:o,s:o,s:o}", "seed", HEX(seed), "public", HEX(id),
                   "event", event, "canonical", buf_text(&bare), "hash", HEX(hash),
                   "hash_as_ctx", HEX(ctx), "leaf_hash", HEX(leaf));
}

/* An update that has seen a checkpoint and states its weight. */
static json_t *make_update(void)
{
  struct digest instance = digest("instance"), ctx = digest("ctx"),
                chunks = digest("chunks"), sharers = digest("sharers");
  struct seen seen = {1234, digest("root")};
  struct identity who;
  struct digest hash = digest("participant");
  memcpy(who.b, hash.b, 32);
  json_t *e = message_start("update", &instance, &ctx, &seen, &who);
  AUTO(json_drop)
  json_t *rest =
      json_pack("{s:o,s:i,s:o,s:i,s:[i,i],s:[]}", "sharers", HEX(sharers), "length", 4096,
                "chunks", HEX(chunks), "samples", 120, "missing", 2, 5, "bad");
  json_object_update(e, rest);
  return e;
}

static json_t *make_events(void)
{
  struct digest ctx = digest("ctx"), joins = digest("joins");
  json_t *roster = json_pack("{s:s,s:o,s:i,s:o}", "type", "roster", "ctx", HEX(ctx), "n",
                             3, "joins", HEX(joins));
  json_t *odd = json_pack("{s:s,s:s,s:[i,n,b,b,[],{}],s:{s:I,s:I},s:s}", "type", "odd",
                          "text", "quote \" and \\ back/slash", "list", -1, 1, 0,
                          "numbers", "most", (json_int_t)9007199254740991, "least",
                          (json_int_t)-9007199254740991, "Z", "capitals sort first");
  struct digest of = digest("of"), instance = digest("instance");
  return json_pack(
      "[o,o,o,o]", make_event(roster), make_event(odd), make_event(make_update()),
      make_event(receipt_build(&instance, &of, "accepted", 7, 1800000000, 1800000060)));
}

static json_t *signature_case(const char *what, const struct identity *id,
                              const struct signature *sig, bool valid)
{
  json_t *event = json_pack("{s:s,s:i,s:o}", "type", "roster", "n", 3, "sig", HEX(*sig));
  struct why why;
  must((event_verify(event, "roster", id, &why) == OK) == valid ? OK : E_INTERNAL);
  return json_pack("{s:s,s:o,s:o,s:b}", "what", what, "public", HEX(*id), "event", event,
                   "valid", (int)valid);
}

/* Signs with the expanded secret a but the public key `id`, which need not be a*B. */
static void sign_as(struct signature *out, const struct identity *id,
                    const struct secret_scalar *a, const char *text)
{
  struct secret_scalar r = scalar("nonce of a signature"), ka;
  crypto_hash_sha512_state h;
  uint8_t wide[64];
  must(crypto_scalarmult_ed25519_base_noclamp(out->b, r.b) ? E_INTERNAL : OK);
  crypto_hash_sha512_init(&h);
  crypto_hash_sha512_update(&h, out->b, 32);
  crypto_hash_sha512_update(&h, id->b, 32);
  crypto_hash_sha512_update(&h, (const uint8_t *)text, strlen(text));
  crypto_hash_sha512_final(&h, wide);
  crypto_core_ed25519_scalar_reduce(wide, wide);
  must(wide[0] % 8 ? OK : E_INTERNAL); /* else the equations agree */
  crypto_core_ed25519_scalar_mul(ka.b, wide, a->b);
  crypto_core_ed25519_scalar_add(out->b + 32, r.b, ka.b);
}

/* The strict checks of section 1.2, each by a signature that a laxer one would take. */
static json_t *make_signatures(void)
{
  static const char text[] = "chorus/v1/roster\n{\"n\":3,\"type\":\"roster\"}";
  static const char order[] =
      "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
  static const char torsion[] = /* a point of order 8 */
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
  struct secret_key seed = key("ed25519 seed");
  struct identity id, mixed, none = {{1}}; /* `none` is the neutral point */
  struct secret_identity secret;
  struct signature good, high, forged = {{1}}, cofactor;
  struct secret_scalar a = scalar("a of a signature");
  uint8_t l[32], t[32];
  must(hex_decode(l, 32, order));
  must(hex_decode(t, 32, torsion));
  crypto_sign_seed_keypair(id.b, secret.b, seed.b);
  crypto_sign_detached(good.b, NULL, (const uint8_t *)text, strlen(text), secret.b);
  high = good;
  sodium_add(high.b + 32, l, 32);
  must(crypto_scalarmult_ed25519_base_noclamp(mixed.b, a.b) ? E_INTERNAL : OK);
  must(crypto_core_ed25519_add(mixed.b, mixed.b, t) ? E_INTERNAL : OK);
  sign_as(&cofactor, &mixed, &a, text);
  return json_pack("[o,o,o,o]", signature_case("good", &id, &good, true),
                   signature_case("S + L", &id, &high, false),
                   signature_case("small-order key and R", &none, &forged, false),
                   signature_case("only with the cofactor", &mixed, &cofactor, false));
}

static json_t *make_refused(void)
{
  static const char *const texts[] = {"{\"b\":1,\"a\":1}",
                                      "{\"a\": 1}",
                                      "{\"a\":1.0}",
                                      "{\"a\":1e2}",
                                      "{\"a\":-0}",
                                      "{\"a\":9007199254740992}",
                                      "{\"a\":\"\\u0041\"}",
                                      "{\"a\":\"\\/\"}",
                                      "{\"a\":\"\xc3\xa9\"}",
                                      "{\"a\":\"\\n\"}",
                                      "{\"a\":01}",
                                      "{\"a\":1}\n",
                                      "{\"a\":1,\"a\":1}",
                                      "[1]",
                                      "{\"a\":[[[[[[[[1]]]]]]]]}"};
  json_t *list = json_array();
  for (size_t i = 0; i < LENGTH(texts); i++)
    json_array_append_new(list, hex(texts[i], strlen(texts[i])));
  return list;
}

/* ---- quantising without a fraction ---- */

static json_t *make_quantise(void)
{
  static const float deltas[][4] = {{0, 1, -2, 100}, {6, -8, 0, 0}, {300, -300, 127, 5}};
  static const char *const clips[] = {"1000", "5", "1000000"};
  json_t *list = json_array();
  for (size_t i = 0; i < LENGTH(deltas); i++) {
    struct quantiser q = {.bits = 8, .range = 127, .cap = 9};
    uint8_t out[12];
    must(decimal_parse(&q.clip, clips[i]));
    must(quantise((struct ring){out, 4, 24}, deltas[i], &q, 7));
    json_array_append_new(list,
                          json_pack("{s:o,s:i,s:s,s:s,s:i,s:i,s:o}", "delta_float32",
                                    hex(deltas[i], sizeof deltas[i]), "quant_bits", 8,
                                    "range", "127", "clip", clips[i], "weight", 7,
                                    "ring_bits", 24, "out", hex(out, sizeof out)));
  }
  return list;
}

/* ---- rewards ---- */

static json_t *make_reward(const struct reward_terms *terms, const char *scheme,
                           uint64_t total, struct reward *members, unsigned count)
{
  json_t *list = json_array(), *amounts = json_array();
  struct digest root;
  bool paid;
  for (unsigned i = 0; i < count; i++) {
    char label[24];
    snprintf(label, sizeof label, "member %u", i);
    struct digest id = digest(label);
    memcpy(members[i].id.b, id.b, 32);
    json_array_append_new(list, json_pack("{s:o,s:I,s:b}", "participant", HEX(id),
                                          "samples", (json_int_t)members[i].samples,
                                          "named", (int)members[i].named));
  }
  must(reward_amounts(members, count, terms, total, &paid));
  for (unsigned i = 0; paid && i < count; i++)
    json_array_append_new(amounts, json_string(members[i].amount));
  if (paid)
    must(reward_root(&root, members, count));
  return json_pack("{s:s,s:s,s:I,s:o,s:o,s:o}", "scheme", scheme, "budget", terms->budget,
                   "total", (json_int_t)total, "members", list, "amounts", amounts,
                   "root", paid ? HEX(root) : json_null());
}

static json_t *make_rewards(void)
{
  static const char large[] =
      "123456789012345678901234567890123456789012345678901234567890123456789012345678";
  const struct reward_terms none = {REWARD_NONE, "0"}, equal = {REWARD_EQUAL, "1000"},
                            samples = {REWARD_SAMPLES, large};
  struct reward three[] = {{.samples = 120}, {.samples = 7}, {.samples = 1000}};
  json_t *list = json_array();
  json_array_append_new(list, make_reward(&none, "none", 1127, three, 3));
  json_array_append_new(list, make_reward(&equal, "equal", 1127, three, 3));
  json_array_append_new(list, make_reward(&samples, "samples", 1127, three, 3));
  json_array_append_new(list, make_reward(&samples, "samples", 1128, three, 3));
  three[1].named = true;
  json_array_append_new(list, make_reward(&equal, "equal", 1127, three, 3));
  json_array_append_new(list, make_reward(&samples, "samples", 1127, three, 3));
  return list;
}

int main(void)
{
  if (sodium_init() < 0)
    return 1;
  AUTO(json_drop)
  json_t *root = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "point", make_points(),
                           "hkdf", make_hkdf(), "box_key", make_agreed(true), "pair_key",
                           make_agreed(false), "self_key", make_self(), "box", make_box(),
                           "prg", make_prg(), "keystream", make_keystream());
  AUTO(json_drop)
  json_t *rest =
      json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "params", make_params(),
                "graph", make_graphs(), "set", make_sets(), "merkle", make_merkle(),
                "shamir", make_shamir(), "dleq", make_dleq(), "event", make_events(),
                "signature", make_signatures(), "refused_event", make_refused(),
                "quantise", make_quantise(), "reward", make_rewards());
  if (!root || !rest || json_object_update(root, rest) != 0)
    return 1;
  return json_dumpf(root, stdout, JSON_INDENT(1) | JSON_SORT_KEYS) != 0 || puts("") < 0;
}
