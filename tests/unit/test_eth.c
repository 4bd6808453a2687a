/* SPDX-License-Identifier: Apache-2.0
 * Keccak, addresses, words, RLP, trees: published vectors, and what must always hold. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "chain/abi.h"
#include "chain/tree.h"
#include "chain/tx.h"
#include "test_chain.h"
#include "util/text.h"

static void keccak_is(const char *text, const char *want)
{
  struct word w;
  char hex[65];
  keccak256_text(&w, text);
  ck_assert_str_eq(hex_encode(hex, w.b, sizeof w.b), want);
}

START_TEST(keccak)
{
  keccak_is("", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
  keccak_is("abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
  keccak_is("The quick brown fox jumps over the lazy dog",
            "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15");
  keccak_is("transfer(address,uint256)",
            "a9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b");
}
END_TEST

START_TEST(addresses)
{
  static const char *const checksummed[] = {/* from EIP-55 */
                                            "0x52908400098527886E0F7030069857D2E4169EE7",
                                            "0xde709f2102306220921060314715629080e2fb77",
                                            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                                            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
                                            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
                                            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"};
  struct address a, b;
  char text[ADDRESS_TEXT];
  struct why why;
  for (size_t i = 0; i < LENGTH(checksummed); i++) {
    ck_assert_int_eq(address_parse(&a, checksummed[i], "to", &why), OK);
    ck_assert_str_eq(address_text(text, &a), checksummed[i]);
    for (char *p = text + 2; *p; p++)
      *p = (char)(*p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p);
    ck_assert_int_eq(address_parse(&b, text, "to", &why), OK);
    ck_assert_mem_eq(&a, &b, sizeof a);
  }
}
END_TEST

START_TEST(bad_addresses)
{
  static const char *const bad[] = {"",
                                    "0",
                                    "0x",
                                    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
                                    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed0",
                                    "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                                    "0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                                    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg",
                                    "0x 5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
                                    "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                                    "0x5AAEB6053F3E94C9B9A09F33669435E7Ef1BEAED"};
  struct address a = {{7}};
  for (size_t i = 0; i < LENGTH(bad); i++) {
    struct why why = {0};
    ck_assert_msg(address_parse(&a, bad[i], "to", &why) == E_FIELD_VALUE, "%s", bad[i]);
    ck_assert_str_eq(why.field, "to");
    ck_assert_ptr_eq(strstr(why.detail, "checksum") ? why.detail : NULL,
                     i < LENGTH(bad) - 2 ? NULL : why.detail);
  }
  ck_assert_uint_eq(a.b[0], 7);
}
END_TEST

START_TEST(created_addresses)
{
  static const char *const want[] = {"0xcd234A471b72ba2F1Ccf0A70FCABA648a5eeCD8d",
                                     "0x343c43A37D37dfF08AE8C4A11544c718AbB4fCF8",
                                     "0xf778B86FA74E846c4f0a1fBd1335FE81c00a0C91",
                                     "0xffFd933A0bC612844eaF0C6Fe3E5b8E9B6C1d19c"};
  struct address from, made;
  char text[ADDRESS_TEXT];
  ck_assert_int_eq(
      address_parse(&from, "0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0", "", NULL), OK);
  for (unsigned nonce = 0; nonce < LENGTH(want); nonce++) {
    address_of_create(&made, &from, nonce);
    ck_assert_str_eq(address_text(text, &made), want[nonce]);
  }
}
END_TEST

START_TEST(words)
{
  static const char most[] =
      "1157920892373161954235709850086879078532699846656405640394575"
      "84007913129639935";
  static const char *const bad[] = {
      "",
      "00",
      "01",
      "-1",
      "+1",
      " 1",
      "1 ",
      "0x1",
      "1e3",
      "115792089237316195423570985008687907853269984665640564039457584007913129639936",
      "999999999999999999999999999999999999999999999999999999999999999999999999999999",
      "1000000000000000000000000000000000000000000000000000000000000000000000000000000"};
  struct word w, one = word_of(1), sum;
  char text[WORD_DIGITS + 1];
  ck_assert_int_eq(word_parse(&w, most, "amount", NULL), OK);
  for (unsigned i = 0; i < 32; i++)
    ck_assert_uint_eq(w.b[i], 0xff);
  ck_assert_str_eq(word_text(text, &w), most);
  sum = w;
  ck_assert_int_eq(word_add(&sum, &one), E_OVERFLOW);
  ck_assert_int_eq(word_compare(&sum, &w), 0);
  sum = (struct word){{0}};
  ck_assert_str_eq(word_text(text, &sum), "0");
  ck_assert_int_eq(word_add(&sum, &w), OK);
  ck_assert_int_eq(word_compare(&sum, &w), 0);
  for (size_t i = 0; i < LENGTH(bad); i++)
    ck_assert_msg(word_parse(&w, bad[i], "amount", NULL) == E_FIELD_VALUE, "%s", bad[i]);
  for (unsigned i = 0; i < 2000; i++) {
    uint64_t v = 0, back = 1;
    char plain[32];
    randombytes_buf(&v, 1 + i % 8);
    snprintf(plain, sizeof plain, "%llu", (unsigned long long)v);
    ck_assert_int_eq(word_parse(&w, plain, "", NULL), OK);
    ck_assert_str_eq(word_text(text, &w), plain);
    ck_assert_int_eq(word_u64(&back, &w), OK);
    ck_assert(back == v && word_zero(&w) == (v == 0));
    randombytes_buf(w.b, 1 + i % 32);
    ck_assert_int_eq(word_parse(&sum, word_text(text, &w), "", NULL), OK);
    ck_assert_int_eq(word_compare(&sum, &w), 0);
  }
  w = word_of(UINT64_MAX);
  ck_assert_int_eq(word_add(&w, &one), OK);
  ck_assert_str_eq(word_text(text, &w), "18446744073709551616");
  uint64_t v = 5;
  ck_assert_int_eq(word_u64(&v, &w), E_FIELD_VALUE);
  ck_assert_uint_eq(v, 5);
  struct address a = {{1, 2, 3}}, b;
  w = word_of_address(&a);
  ck_assert_int_eq(word_address(&b, &w), OK);
  ck_assert_mem_eq(&a, &b, sizeof a);
  w.b[11] = 1;
  ck_assert_int_eq(word_address(&b, &w), E_FIELD_VALUE);
}
END_TEST

static void rlp_is(struct buf *b, const char *want)
{
  AUTO(free_drop) char *hex = must_calloc(2 * b->len + 1, 1);
  ck_assert_str_eq(hex_encode(hex, b->data, b->len), want);
  buf_done(b);
}

START_TEST(rlp)
{
  static const char lorem[] = "Lorem ipsum dolor sit amet, consectetur adipisicing elit";
  struct buf b = {0};
  struct word w;
  ck_assert_int_eq(rlp_bytes(&b, BYTES("dog", 3)), OK);
  rlp_is(&b, "83646f67");
  ck_assert_int_eq(rlp_bytes(&b, BYTES("cat", 3)), OK);
  ck_assert_int_eq(rlp_bytes(&b, BYTES("dog", 3)), OK);
  ck_assert_int_eq(rlp_list(&b, 0), OK);
  rlp_is(&b, "c88363617483646f67");
  ck_assert_int_eq(rlp_bytes(&b, BYTES(NULL, 0)), OK);
  rlp_is(&b, "80");
  ck_assert_int_eq(rlp_list(&b, 0), OK);
  rlp_is(&b, "c0");
  ck_assert_int_eq(rlp_bytes(&b, BYTES("\x0f", 1)), OK);
  rlp_is(&b, "0f");
  ck_assert_int_eq(rlp_bytes(&b, BYTES("\x80", 1)), OK);
  rlp_is(&b, "8180");
  w = word_of(0);
  ck_assert_int_eq(rlp_number(&b, &w), OK);
  rlp_is(&b, "80");
  w = word_of(1024);
  ck_assert_int_eq(rlp_number(&b, &w), OK);
  rlp_is(&b, "820400");
  ck_assert_int_eq(rlp_bytes(&b, BYTES(lorem, 56)), OK);
  rlp_is(&b,
         "b8384c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465"
         "7475722061646970697369"
         "63696e6720656c6974");
  /* [ [], [[]], [ [], [[]] ] ], written from the inside out */
  ck_assert_int_eq(rlp_list(&b, 0), OK);
  for (unsigned i = 0; i < 2; i++) {
    size_t start = b.len;
    ck_assert_int_eq(rlp_list(&b, start), OK);
    ck_assert_int_eq(rlp_list(&b, start), OK);
    if (i == 0) {
      start = b.len;
      ck_assert_int_eq(rlp_list(&b, start), OK);
    }
  }
  ck_assert_int_eq(rlp_list(&b, 3), OK);
  ck_assert_int_eq(rlp_list(&b, 0), OK);
  rlp_is(&b, "c7c0c1c0c3c0c1c0");
}
END_TEST

START_TEST(trees)
{
  struct word leaves[40], proof[32], root, other;
  for (unsigned n = 0; n <= LENGTH(leaves); n++) {
    struct tree t;
    unsigned len = 99;
    randombytes_buf(leaves, sizeof leaves);
    tree_make(&t, leaves, n);
    tree_root(&t, &root);
    ck_assert(word_zero(&root) == (n == 0));
    for (unsigned i = 0; i < n; i++) {
      ck_assert_int_eq(tree_proof(&t, &leaves[i], proof, &len), OK);
      ck_assert(tree_verify(&root, &leaves[i], proof, len));
      other = leaves[i];
      other.b[randombytes_uniform(32)] ^= (uint8_t)(1u << randombytes_uniform(8));
      ck_assert(!tree_verify(&root, &other, proof, len));
      ck_assert_int_eq(tree_proof(&t, &other, proof, &len), E_NOT_FOUND);
      for (unsigned bit = 0; i == n / 2 && bit < 256 * len; bit++) {
        uint8_t *byte = &proof[bit / 256].b[bit % 256 / 8];
        *byte ^= (uint8_t)(1u << bit % 8);
        ck_assert(!tree_verify(&root, &leaves[i], proof, len));
        *byte ^= (uint8_t)(1u << bit % 8);
      }
      ck_assert(len == 0 || !tree_verify(&root, &leaves[i], proof, len - 1));
    }
    for (unsigned i = n; i-- > 1;) { /* the order of the leaves does not matter */
      other = leaves[i];
      unsigned j = randombytes_uniform(i + 1);
      leaves[i] = leaves[j];
      leaves[j] = other;
    }
    tree_done(&t);
    tree_make(&t, leaves, n);
    tree_root(&t, &other);
    ck_assert_int_eq(word_compare(&root, &other), 0);
    tree_done(&t);
  }
}
END_TEST

TCase *test_eth(void)
{
  TCase *t = tcase_create("eth");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, keccak);
  tcase_add_test(t, addresses);
  tcase_add_test(t, bad_addresses);
  tcase_add_test(t, created_addresses);
  tcase_add_test(t, words);
  tcase_add_test(t, rlp);
  tcase_add_test(t, trees);
  return t;
}
