/* SPDX-License-Identifier: Apache-2.0
 * secp256k1 keys, transactions and keystores: published vectors, and what must hold. */
#include <sodium.h>
#include <string.h>

#include "chain/keystore.h"
#include "chain/tx.h"
#include "test_chain.h"
#include "util/field.h"
#include "util/text.h"

START_TEST(signatures)
{
  static const char order[] =
      "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
  struct secret_key key;
  struct address a, b;
  struct eth_signature sig, again;
  struct word hash;
  for (unsigned i = 0; i < 200; i++) {
    key_make(&key);
    randombytes_buf(&hash, sizeof hash);
    ck_assert_int_eq(key_address(&a, &key), OK);
    ck_assert_int_eq(key_sign(&sig, &key, &hash), OK);
    ck_assert_int_eq(key_sign(&again, &key, &hash), OK);
    ck_assert_mem_eq(&sig, &again, sizeof sig);
    ck_assert(sig.v == 27 || sig.v == 28);
    ck_assert_uint_lt(sig.s[0], 0x80);
    ck_assert_int_eq(key_recover(&b, &hash, &sig), OK);
    ck_assert_mem_eq(&a, &b, sizeof a);
    sig.v ^= 27 ^ 28;
    ck_assert(key_recover(&b, &hash, &sig) != OK || memcmp(&a, &b, sizeof a) != 0);
    uint8_t n[32]; /* the same signature with the high s */
    ck_assert_int_eq(hex_decode(n, sizeof n, order), OK);
    int borrow = 0;
    for (int k = 31; k >= 0; k--) {
      int d = n[k] - sig.s[k] - borrow;
      borrow = d < 0;
      sig.s[k] = (uint8_t)d;
    }
    ck_assert_int_eq(key_recover(&b, &hash, &sig), E_SIGNATURE);
    sig = again;
    sig.v = 0;
    ck_assert_int_eq(key_recover(&b, &hash, &sig), E_SIGNATURE);
  }
  memset(&key, 0, sizeof key);
  ck_assert_int_eq(key_address(&a, &key), E_FIELD_VALUE);
  ck_assert_int_eq(key_sign(&sig, &key, &hash), E_FIELD_VALUE);
  ck_assert_int_eq(hex_decode(key.b, sizeof key.b, order), OK);
  ck_assert_int_eq(key_address(&a, &key), E_FIELD_VALUE);
}
END_TEST

/* RFC 6979 with SHA-256 on secp256k1, as wallets agree on it: key 1 signs the SHA-256 of
 * a text. */
START_TEST(deterministic)
{
  struct secret_key key = {{[31] = 1}};
  struct eth_signature sig;
  struct word hash;
  char hex[65];
  static const char text[] = "Satoshi Nakamoto";
  crypto_hash_sha256(hash.b, (const uint8_t *)text, sizeof text - 1);
  ck_assert_int_eq(key_sign(&sig, &key, &hash), OK);
  ck_assert_str_eq(hex_encode(hex, sig.r, 32),
                   "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8");
  ck_assert_str_eq(hex_encode(hex, sig.s, 32),
                   "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5");
}
END_TEST

/* Key 1, key 2 and the first account of anvil and Hardhat. */
START_TEST(known_addresses)
{
  static const char *const known[][2] = {
      {"0000000000000000000000000000000000000000000000000000000000000001",
       "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"},
      {"0000000000000000000000000000000000000000000000000000000000000002",
       "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"},
      {"ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
       "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"}};
  for (size_t i = 0; i < LENGTH(known); i++) {
    struct secret_key key;
    struct address a;
    char text[ADDRESS_TEXT];
    ck_assert_int_eq(hex_decode(key.b, sizeof key.b, known[i][0]), OK);
    ck_assert_int_eq(key_address(&a, &key), OK);
    ck_assert_str_eq(address_text(text, &a), known[i][1]);
  }
}
END_TEST

/* The same as ethers makes; tests/scenario/test_chain.py has thousands more. */
START_TEST(transactions)
{
  struct secret_key key;
  struct signer signer;
  struct word hash, want;
  struct why why;
  char hex[600];
  struct buf raw = {0};
  struct tx tx = {.chain_id = 31337,
                  .nonce = 7,
                  .gas = 21000,
                  .max_fee = word_of(3000000000),
                  .max_tip = word_of(1000000000),
                  .value = word_of(1000000000000000001),
                  .data = BYTES("\x12\x34", 2)};
  uint8_t zeros[60] = {0};
  ck_assert_int_eq(
      hex_decode(key.b, sizeof key.b,
                 "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
      OK);
  ck_assert_int_eq(signer_local(&signer, &key), OK);
  ck_assert_int_eq(
      address_parse(&tx.to, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "", NULL), OK);
  ck_assert_int_eq(tx_sign(&raw, &hash, &tx, &signer, &why), OK);
  ck_assert_str_eq(
      hex_encode(hex, raw.data, raw.len),
      "02f876827a6907843b9aca0084b2d05e00825208945aaeb6053f3e94c9b9a09f33669435e7ef1beaed"
      "880de0b6b3a7640001821234c001a0cb6479db4861571cf734c4613d4f9065536a820c8d5dc1717a18"
      "a19effabc33ea058ef1ae07abc9dd86942562559f0b17655e7ddcfbd25e7c03c641bc9ff5f4387");
  keccak256(&want, buf_bytes(&raw));
  ck_assert_int_eq(word_compare(&hash, &want), 0);
  raw.len = 0;
  tx = (struct tx){
      .chain_id = 1, .gas = 100000, .create = true, .data = BYTES_OF(zeros), .to = tx.to};
  ck_assert_int_eq(tx_sign(&raw, &hash, &tx, &signer, &why), OK);
  ck_assert_str_eq(
      hex_encode(hex, raw.data, raw.len),
      "02f88c01808080830186a08080b83c0000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000c001a086247a60"
      "6e9f40689aac97536bd60742b8718abf55af769f638873426136f743a010ba695b40ecaa75b35c734f"
      "b4754dd5a5817ebdd10b417733da07af28860dca");
  buf_done(&raw);
}
END_TEST

#define KEYSTORE(kdf, params, iv, text, mac)                                             \
  "{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":\"" iv "\"},"        \
  "\"ciphertext\":\"" text "\",\"kdf\":\"" kdf "\",\"kdfparams\":" params                \
  ",\"mac\":\"" mac "\"},\"id\":\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",\"version\":3}"

/* From the definition of Web3 Secret Storage. */
static const char by_pbkdf2[] =
    KEYSTORE("pbkdf2",
             "{\"c\":262144,\"dklen\":32,\"prf\":\"hmac-sha256\",\"salt\":"
             "\"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd\"}",
             "6087dab2f9fdbbfaddc31a909735c1e6",
             "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
             "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2");
static const char by_scrypt[] =
    KEYSTORE("scrypt",
             "{\"dklen\":32,\"n\":262144,\"p\":8,\"r\":1,\"salt\":"
             "\"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19\"}",
             "83dbcc02d8ccb40e466191a123791e0e",
             "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
             "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097");

static enum err open_text(struct secret_key *key, const char *json, const char *pass,
                          struct why *why)
{
  return keystore_open(key, BYTES(json, strlen(json)), BYTES(pass, strlen(pass)), why);
}

START_TEST(keystores)
{
  static const char *const files[] = {by_pbkdf2, by_scrypt};
  struct why why;
  char hex[65];
  for (size_t i = 0; i < LENGTH(files); i++) {
    struct secret_key key = {{9}};
    ck_assert_int_eq(open_text(&key, files[i], "Testpassword", &why), E_SIGNATURE);
    ck_assert_uint_eq(key.b[0], 9);
    ck_assert_int_eq(open_text(&key, files[i], "testpassword", &why), OK);
    ck_assert_str_eq(hex_encode(hex, key.b, 32),
                     "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d");
  }
}
END_TEST

/* by_scrypt or by_pbkdf2 with one piece of text replaced. */
static enum err parse_changed(const char *json, const char *old, const char *new,
                              struct keystore *out, struct why *why)
{
  AUTO(buf_done) struct buf b = {0};
  const char *at = strstr(json, old);
  ck_assert_msg(at != NULL, "%s", old);
  ck_assert_int_eq(
      buf_printf(&b, "%.*s%s%s", (int)(at - json), json, new, at + strlen(old)), OK);
  memset(why, 0, sizeof *why);
  return keystore_parse(out, buf_bytes(&b), why);
}

START_TEST(bad_keystores)
{
  static const struct {
    const char *json, *old, *new;
    enum err want;
    const char *field;
  } cases[] = {
      {by_scrypt, "{\"crypto\"", "[\"crypto\"", E_JSON, ""},
      {by_scrypt, "\"version\":3", "\"version\":1", E_FIELD_VALUE, "version"},
      {by_scrypt, "\"version\":3", "\"version\":\"3\"", E_FIELD_TYPE, "version"},
      {by_scrypt, ",\"version\":3", "", E_FIELD_MISSING, "version"},
      {by_scrypt, "\"version\":3", "\"version\":3,\"version\":3", E_JSON, ""},
      {by_scrypt, "\"crypto\"", "\"cripto\"", E_FIELD_MISSING, "crypto"},
      {by_scrypt, "aes-128-ctr", "aes-128-cbc", E_FIELD_VALUE, "cipher"},
      {by_scrypt, "\"iv\":\"83", "\"iv\":\"", E_FIELD_VALUE, "iv"},
      {by_scrypt, "\"iv\":\"83", "\"iv\":\"8x", E_FIELD_VALUE, "iv"},
      {by_scrypt, "\"iv\":\"83", "\"iv\":\"\\u0000\\u0000", E_JSON, ""},
      {by_scrypt, "\"ciphertext\":\"d1", "\"ciphertext\":\"", E_FIELD_VALUE,
       "ciphertext"},
      {by_scrypt, "\"mac\":\"21", "\"mac\":\"212121", E_FIELD_VALUE, "mac"},
      {by_scrypt, "\"mac\":", "\"mac\":3,\"n\":", E_FIELD_TYPE, "mac"},
      {by_scrypt, "\"scrypt\"", "\"argon2\"", E_FIELD_VALUE, "kdf"},
      {by_scrypt, "\"dklen\":32", "\"dklen\":64", E_FIELD_VALUE, "dklen"},
      {by_scrypt, "\"n\":262144", "\"n\":262143", E_FIELD_VALUE, "n"},
      {by_scrypt, "\"n\":262144", "\"n\":1", E_FIELD_VALUE, "n"},
      {by_scrypt, "\"n\":262144", "\"n\":8388608", E_FIELD_VALUE, "n"}, /* 1 GiB */
      {by_scrypt, "\"n\":262144", "\"n\":-4", E_FIELD_VALUE, "n"},
      {by_scrypt, "\"n\":262144", "\"n\":4.0", E_FIELD_TYPE, "n"},
      {by_scrypt, "\"r\":1", "\"r\":0", E_FIELD_VALUE, "r"},
      {by_scrypt, "\"r\":1", "\"r\":32", E_FIELD_VALUE, "n"},
      {by_scrypt, "\"p\":8", "\"p\":1000000", E_FIELD_VALUE, "p"},
      {by_scrypt, "\"salt\":\"ab", "\"salt\":\"a", E_FIELD_VALUE, "salt"},
      {by_pbkdf2, "\"salt\":", "\"pepper\":", E_FIELD_MISSING, "salt"},
      {by_pbkdf2, "hmac-sha256", "hmac-sha1", E_FIELD_VALUE, "prf"},
      {by_pbkdf2, "\"c\":262144", "\"c\":0", E_FIELD_VALUE, "c"},
      {by_pbkdf2, "\"c\":262144", "\"c\":4294967296", E_FIELD_VALUE, "c"},
      {by_pbkdf2, "\"version\":3", "\"version\":3,\"address\":\"0x12\"", E_FIELD_VALUE,
       "address"},
      {by_pbkdf2, "\"version\":3", "\"version\":3,\"address\":12", E_FIELD_TYPE,
       "address"},
  };
  struct keystore k = {.salt_len = 77};
  struct why why;
  for (size_t i = 0; i < LENGTH(cases); i++) {
    enum err e = parse_changed(cases[i].json, cases[i].old, cases[i].new, &k, &why);
    ck_assert_msg(e == cases[i].want, "%s: %s", cases[i].new, err_info(e)->name);
    ck_assert_str_eq(why.field, cases[i].field);
    ck_assert(*why.detail);
  }
  ck_assert_uint_eq(k.salt_len, 77);
}
END_TEST

/* As other programs write it. */
START_TEST(other_keystores)
{
  static const char address[] = "008aeeda4d805471df9b2a5b0f38a0c3bcba786b";
  struct secret_key key = {{9}};
  struct keystore k;
  struct why why;
  AUTO(buf_done) struct buf b = {0};
  ck_assert_int_eq(parse_changed(by_pbkdf2, "crypto", "Crypto", &k, &why), OK);
  ck_assert_int_eq(parse_changed(by_pbkdf2, "517ead9", "517EAD9", &k, &why), OK);
  for (unsigned i = 0; i < 3; i++) { /* the right address in two forms, and another one */
    b.len = 0;
    ck_assert_int_eq(
        buf_printf(&b, "{\"address\":\"%s%s\",%s", i == 1 ? "0x" : "",
                   i == 2 ? "118aeeda4d805471df9b2a5b0f38a0c3bcba786b" : address,
                   by_pbkdf2 + 1),
        OK);
    enum err e = open_text(&key, buf_text(&b), "testpassword", &why);
    ck_assert_int_eq(e, i == 2 ? E_FIELD_VALUE : OK);
    ck_assert_uint_eq(key.b[0], 0x7a);
  }
  ck_assert_str_eq(why.field, "address");
}
END_TEST

START_TEST(sealing)
{
  struct secret_key key, back;
  struct why why;
  AUTO(json_drop) json_t *root = NULL;
  key_make(&key);
  ck_assert_int_eq(keystore_seal(&root, &key, BYTES("p\0q", 3)), OK);
  AUTO(free_drop) char *text = json_dumps(root, 0);
  struct bytes json = BYTES(text, strlen(text));
  ck_assert_int_eq(keystore_open(&back, json, BYTES("p", 1), &why), E_SIGNATURE);
  ck_assert_int_eq(keystore_open(&back, json, BYTES("p\0q", 3), &why), OK);
  ck_assert_mem_eq(&key, &back, sizeof key);
}
END_TEST

/* The one of docs/chain.md section 3, recomputed with libsodium's HMAC. */
START_TEST(attestor)
{
  struct secret_identity coordinator;
  struct secret_key key;
  uint8_t prk[32], want[32], zeros[32] = {0};
  static const uint8_t info[] = "chorus/v1/attestor\0\x01";
  randombytes_buf(&coordinator, sizeof coordinator);
  key_attestor(&key, &coordinator);
  crypto_auth_hmacsha256(prk, coordinator.b, 32, zeros);
  crypto_auth_hmacsha256(want, info, sizeof info - 1, prk);
  ck_assert_mem_eq(key.b, want, sizeof want);
}
END_TEST

TCase *test_key(void)
{
  TCase *t = tcase_create("key");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, signatures);
  tcase_add_test(t, deterministic);
  tcase_add_test(t, known_addresses);
  tcase_add_test(t, transactions);
  tcase_add_test(t, keystores);
  tcase_add_test(t, bad_keystores);
  tcase_add_test(t, other_keystores);
  tcase_add_test(t, sealing);
  tcase_add_test(t, attestor);
  return t;
}
