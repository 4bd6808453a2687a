/* SPDX-License-Identifier: Apache-2.0
 * Signed notes, against those of golang.org/x/mod/sumdb/note (whose seeds are 32 equal
 * bytes here) and the examples of the specifications. */
#include <sodium.h>
#include <string.h>

#include "ledger/note.h"
#include "ledger/tile.h"
#include "test_ledger.h"
#include "util/text.h"

#define TEXT "log.example/one\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
#define LOG_LINE                                                                          \
  "— log.example/one qkQarHqKmMD6c8VIozdPFvokRN35Bh2oh+ZOeQnD3ep47f2TAzuYklCpmpbY8DQyz" \
  "c7t+syAcGrmzwzdrOtKzo4XrAI=\n"
#define OTHER_LINE                                                                           \
  "— größe.example/二 cIAWbMp43A1cc/N2AgrzbUnlgEM+ay8QyrB922oi9SqcztmBYD2XIAgdFqnZa8CW" \
  "iqK0o2jFm8Jc2oeFWGBbh8iSHg4=\n"
#define WITNESS_LINE                                                                      \
  "— witness.example/w VGEBMQAAAABkGFDLT7NXiV9jIAK4b5S/976D5ee0csZr2i1c1SXTxALoCPEzzMF" \
  "LGI9ahiiB4OKBkBqkz+oxRLdl+ZY8h2Yg+BE7AA==\n"
#define WITNESS_LAST                                                                      \
  "— witness.example/w VGEBMX//////////SDb4h2N+w3X/cIFwo8lGxp0ZdRQN1UCNL0h9MWl0IvDtj06" \
  "TOvKhUsmiKCp4TjXMgJjry6KMHIArb1ALr3O5AA==\n"
#define WITNESS_FIRST                                                                     \
  "— witness.example/w VGEBMQAAAAAAAAAA6AR/kkhm3EYJQuyHcXs8DLEtwYirxTvkh+Af8mVfg8j5IQG" \
  "na5lEuo/G78wb/5YgW0DOUD634tzFlgMUF7SKCQ==\n"
#define LOG_KEY "log.example/one+aa441aac+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
#define OTHER_KEY "größe.example/二+7080166c+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
#define WITNESS_KEY                                                                      \
  "witness.example/w+54610131+BO1JKMYo0cLG6ukDOJBZlWEpWSc6XGP5NjbBRhSshzfR"

static struct bytes text_bytes(const char *text)
{
  return BYTES(text, strlen(text));
}

static struct note_key key_of(const char *text)
{
  struct note_key key;
  ck_assert_msg(note_key_parse(&key, text, NULL) == OK, "%s", text);
  return key;
}

static struct secret_identity secret_of(struct identity *id, uint8_t fill)
{
  struct secret_identity secret;
  uint8_t seed[32];
  memset(seed, fill, sizeof seed);
  crypto_sign_seed_keypair(id->b, secret.b, seed);
  return secret;
}

static struct note note_of(const char *text)
{
  struct note n;
  struct why why = {0};
  ck_assert_msg(note_parse(&n, text_bytes(text), &why) == OK, "%s: %s in %s", why.field,
                why.detail, text);
  return n;
}

static void is_text(struct bytes got, const char *want)
{
  ck_assert_msg(bytes_equal(got, text_bytes(want)), "%.*s", (int)got.len, got.data);
}

START_TEST(names)
{
  static const char *const good[] = {
      "a", "log.example/one", "größe.example/二", "\x7f",
      "—", "a\xe2\x80\x8b",   "\xf0\x9f\x8c\xb3", "\xf4\x8f\xbf\xbf"};
  static const char *const bad[] = {"",
                                    "a b",
                                    " ",
                                    "a+b",
                                    "a\n",
                                    "a\t",
                                    "\x1f",
                                    "\xc2\x85",
                                    "a\xc2\xa0",
                                    "\xe1\x9a\x80",
                                    "\xe2\x80\x80",
                                    "\xe2\x80\x8a",
                                    "\xe2\x80\xa8",
                                    "\xe2\x80\xa9",
                                    "\xe2\x80\xaf",
                                    "\xe2\x81\x9f",
                                    "\xe3\x80\x80",
                                    "\xff",
                                    "\xc0\x80",
                                    "\xed\xa0\x80",
                                    "\xe2\x80",
                                    "a\x80",
                                    "\xf4\x90\x80\x80"};
  char name[NOTE_NAME_MAX + 2] = {0};
  struct note_key key;
  const struct identity id = {{1}};
  for (size_t i = 0; i < LENGTH(good); i++)
    ck_assert_msg(note_name_valid(good[i]), "%zu", i);
  for (size_t i = 0; i < LENGTH(bad); i++) {
    ck_assert_msg(!note_name_valid(bad[i]), "%zu", i);
    ck_assert_int_eq(note_key_make(&key, bad[i], NOTE_ED25519, &id), E_FIELD_VALUE);
  }
  memset(name, 'a', NOTE_NAME_MAX);
  ck_assert(note_name_valid(name));
  ck_assert_int_eq(note_key_make(&key, name, NOTE_ED25519, &id), OK);
  ck_assert_str_eq(key.name, name);
  name[NOTE_NAME_MAX] = 'a';
  ck_assert(!note_name_valid(name));
}
END_TEST

START_TEST(keys)
{
  static const struct {
    const char *text, *name;
    enum note_kind kind;
    uint8_t seed;
  } known[] = {{LOG_KEY, "log.example/one", NOTE_ED25519, 1},
               {OTHER_KEY, "größe.example/二", NOTE_ED25519, 2},
               {WITNESS_KEY, "witness.example/w", NOTE_COSIGNATURE, 3}};
  for (size_t i = 0; i < LENGTH(known); i++) {
    AUTO(buf_done) struct buf text = {0};
    struct note_key made, read = key_of(known[i].text);
    struct identity id;
    secret_of(&id, known[i].seed);
    ck_assert_int_eq(note_key_make(&made, known[i].name, known[i].kind, &id), OK);
    ck_assert_int_eq(note_key_format(&text, &made), OK);
    ck_assert_str_eq(buf_text(&text), known[i].text);
    ck_assert_str_eq(read.name, known[i].name);
    ck_assert_int_eq(read.kind, known[i].kind);
    ck_assert_mem_eq(&read.key, &id, sizeof id);
    ck_assert_mem_eq(read.id, made.id, sizeof read.id);
  }
}
END_TEST

START_TEST(bad_keys)
{
#define MATERIAL "AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
  static const char *const bad[] = {
      "",
      "log.example/one",
      "log.example/one+aa441aac",
      "log.example/one+aa441aac+",
      "+aa441aac+" MATERIAL,
      "log.example/one+AA441AAC+" MATERIAL,
      "log.example/one+aa441aa+" MATERIAL,
      "log.example/one+0aa441aac+" MATERIAL,
      "log.example/one+aa441aad+" MATERIAL,
      "log.example/on+aa441aac+" MATERIAL,
      "log example/one+aa441aac+" MATERIAL,
      "log.example/one+aa441aac+" MATERIAL "\n",
      "log.example/one+aa441aac+" MATERIAL "AAAA",
      " log.example/one+aa441aac+" MATERIAL,
      "log.example/one+aa441aac+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D28=",
      "log.example/one+aa441aac+AoqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
      "log.example/one+aa441aac+BIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
      "log.example/one+aa441aac+AYqI4910CfGV_VLbLTy6XXLKZwm_HZQSG_N0iAG0D29c",
      "log.example/one+aa441aac+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29d",
  };
  struct note_key key;
  struct why why;
  char all[400] = {0};
  for (size_t i = 0; i < LENGTH(bad); i++) {
    memset(&why, 0, sizeof why);
    ck_assert_msg(note_key_parse(&key, bad[i], &why) == E_NOTE, "%s", bad[i]);
    ck_assert_str_ne(why.detail, "");
  }
  memset(all, 'a', 256);
  memcpy(all + 256, "+aa441aac+" MATERIAL, sizeof "+aa441aac+" MATERIAL);
  ck_assert_int_eq(note_key_parse(&key, all, NULL), E_NOTE);
}
END_TEST

/* Signed again, the notes are the same to the byte. */
START_TEST(golden)
{
  const struct note n = note_of(TEXT "\n" LOG_LINE OTHER_LINE WITNESS_LINE);
  const struct note_key log = key_of(LOG_KEY), other = key_of(OTHER_KEY),
                        witness = key_of(WITNESS_KEY);
  struct secret_identity secret;
  struct identity id;
  AUTO(buf_done) struct buf lines = {0}, edge = {0};
  uint64_t time = 5;
  is_text(n.text, TEXT);
  is_text(n.signatures, LOG_LINE OTHER_LINE WITNESS_LINE);
  ck_assert_int_eq(note_verify(&n, &log, NULL), OK);
  ck_assert_int_eq(note_verify(&n, &other, NULL), OK);
  ck_assert_int_eq(note_verify(&n, &witness, &time), OK);
  ck_assert_uint_eq(time, 1679315147);
  secret = secret_of(&id, 1);
  ck_assert_int_eq(note_sign(&lines, n.text, &log, &secret, 0), OK);
  secret = secret_of(&id, 2);
  ck_assert_int_eq(note_sign(&lines, n.text, &other, &secret, 0), OK);
  secret = secret_of(&id, 3);
  ck_assert_int_eq(note_sign(&lines, n.text, &witness, &secret, 1679315147), OK);
  ck_assert_str_eq(buf_text(&lines), LOG_LINE OTHER_LINE WITNESS_LINE);
  ck_assert_int_eq(note_sign(&edge, n.text, &witness, &secret, INT64_MAX), OK);
  ck_assert_int_eq(note_sign(&edge, n.text, &witness, &secret, 0), OK);
  ck_assert_str_eq(buf_text(&edge), WITNESS_LAST WITNESS_FIRST);
  ck_assert_int_eq(note_sign(&edge, n.text, &witness, &secret, (uint64_t)1 << 63),
                   E_FIELD_VALUE);
  edge.max = edge.len + 50;
  ck_assert_int_eq(note_sign(&edge, n.text, &witness, &secret, 0), E_TOO_LARGE);
  ck_assert_str_eq(buf_text(&edge), WITNESS_LAST WITNESS_FIRST);
}
END_TEST

/* From the tests of Go's package; a text with an empty line in it; the newest of a
 * witness's times. */
START_TEST(others)
{
  const struct note peter = note_of(
      "If you think cryptography is the answer to your problem,\n"
      "then you don't know what your problem is.\n\n"
      "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKv"
      "qfqdngotpRZb6KE6RyyBwJnAM=\n");
  struct note_key key =
      key_of("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  ck_assert_int_eq(note_verify(&peter, &key, NULL), OK);

  const struct note parts = note_of(
      "zwei\n\nAbsätze\n\n"
      "— log.example/one qkQarKVGZNxIuaz9IF0wZMd09lTU/oK0Z5pq+kD6bnf+oBrpbaAx2conXJewWPo"
      "/AnsxYffT6MYmLxeElJ9YJsCrVAg=\n");
  key = key_of(LOG_KEY);
  is_text(parts.text, "zwei\n\nAbsätze\n");
  ck_assert_int_eq(note_verify(&parts, &key, NULL), OK);

  uint64_t time = 0;
  key = key_of(WITNESS_KEY);
  struct note n = note_of(TEXT "\n" WITNESS_FIRST WITNESS_LAST WITNESS_LINE);
  ck_assert_int_eq(note_verify(&n, &key, &time), OK);
  ck_assert_uint_eq(time, INT64_MAX);
}
END_TEST

/* The examples in the specifications: form and key ids. */
START_TEST(examples)
{
  const char *const text =
      "example.com/behind-the-sofa\n20852163\n"
      "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
      "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4UR"
      "YN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
      "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZC"
      "B9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
  struct note n = note_of(text);
  struct checkpoint c;
  struct bytes rest = n.signatures, line, name;
  uint8_t id[4];
  ck_assert_int_eq(checkpoint_parse(&c, n.text, NULL), OK);
  ck_assert_str_eq(c.origin, "example.com/behind-the-sofa");
  ck_assert_uint_eq(c.size, 20852163);
  ck_assert_mem_eq(c.root.b, ((uint8_t[]){0x0a, 0xc5, 0x18, 0x6a}), 4);
  ck_assert(note_next(&rest, &line, &name, id));
  is_text(name, "example.com/behind-the-sofa");
  ck_assert_mem_eq(id, ((uint8_t[]){0x03, 0x3d, 0xe0, 0xae}), 4);
  ck_assert(note_next(&rest, &line, &name, id));
  is_text(name, "witness.example.com/w1");
  ck_assert_mem_eq(id, ((uint8_t[]){0x8d, 0x66, 0xcf, 0x3f}), 4);
  is_text(line, strstr(text, "— witness"));
  ck_assert(!note_next(&rest, &line, &name, id));

  n = note_of(
      "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\n"
      "ed è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPe"
      "FDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n");
  is_text(n.text, "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n"
                  "\ned è subito sera.\n");
}
END_TEST

START_TEST(malformed)
{
#define SIG "AAAAAAA="
  static const struct {
    const char *text, *place;
  } bad[] = {
      {"", ""},
      {"\n", ""},
      {"text\n", ""},
      {"text\n— a " SIG "\n", ""},
      {"\n— a " SIG "\n", ""},
      {"text\n\n", ""},
      {"text\n\n— a " SIG "\n\n", ""},
      {"text\n\n— a " SIG, "line 3"},
      {"text\n\n— a " SIG "\n— b " SIG, "line 4"},
      {"text\n\n— a " SIG "\nmore\n", "line 4"},
      {"text\n\n\n— a " SIG "\nmore\n", "line 5"},
      {"text\n\n a " SIG "\n", "line 3"},
      {"text\n\n- a " SIG "\n", "line 3"},
      {"text\n\n—a " SIG "\n", "line 3"},
      {"text\n\n—  a " SIG "\n", "line 3"},
      {"text\n\n— a  " SIG "\n", "line 3"},
      {"text\n\n— " SIG "\n", "line 3"},
      {"text\n\n— a\n", "line 3"},
      {"text\n\n— a \n", "line 3"},
      {"text\n\n— a " SIG " \n", "line 3"},
      {"text\n\n— a+b " SIG "\n", "line 3"},
      {"text\n\n— a\xc2\xa0z " SIG "\n", "line 3"},
      {"text\n\n— a AAAAAA==\n", "line 3"}, /* an id and no signature */
      {"text\n\n— a AAAAAAA\n", "line 3"},
      {"text\n\n— a AAAAAAB=\n", "line 3"},
      {"text\n\n— a AAAAAAA==\n", "line 3"},
      {"text\n\n— a AAAA AAA=\n", "line 3"},
      {"text\n\n— a AAAAA_A=\n", "line 3"},
      {"text\n\n— a AAAAAAA=AAAA\n", "line 3"},
      {"te\xffxt\n\n— a " SIG "\n", "line 1"},
      {"x\nte\txt\n\n— a " SIG "\n", "line 2"},
      {"text\r\n\r\n— a " SIG "\r\n", "line 1"},
      {"text\n\n— a\x1b " SIG "\n", "line 3"},
      {"text\n\n— \xed\xa0\x80 " SIG "\n", "line 3"},
  };
  struct note n;
  for (size_t i = 0; i < LENGTH(bad); i++) {
    struct why why = {.field = "none"};
    ck_assert_msg(note_parse(&n, text_bytes(bad[i].text), &why) == E_NOTE, "%s",
                  bad[i].text);
    ck_assert_msg(strcmp(why.field, bad[i].place) == 0, "%zu: %s", i, why.field);
  }
  ck_assert_int_eq(note_parse(&n, BYTES("a\0\n\n— a " SIG "\n", 19), NULL), E_NOTE);
  ck_assert_int_eq(note_parse(&n, BYTES(NULL, 0), NULL), E_NOTE);
  is_text(note_of("\n\n— a " SIG "\n").text, "\n");
  is_text(note_of("\n\n\n— a " SIG "\n").text, "\n\n");
}
END_TEST

START_TEST(limits)
{
  AUTO(buf_done) struct buf b = {0};
  struct note n;
  struct bytes rest, line, name;
  uint8_t id[4];
  unsigned seen = 0;
  ck_assert_int_eq(buf_puts(&b, "text\n\n"), OK);
  for (unsigned i = 0; i < NOTE_LINES_MAX; i++)
    ck_assert_int_eq(buf_puts(&b, "— a " SIG "\n"), OK);
  ck_assert_int_eq(note_parse(&n, buf_bytes(&b), NULL), OK);
  for (rest = n.signatures; note_next(&rest, &line, &name, id); seen++)
    is_text(line, "— a " SIG "\n");
  ck_assert_uint_eq(seen, NOTE_LINES_MAX);
  ck_assert_int_eq(buf_puts(&b, "— a " SIG "\n"), OK);
  ck_assert_int_eq(note_parse(&n, buf_bytes(&b), NULL), E_NOTE);

  b.len = 0;
  while (b.len < 4096) /* as long as a signature of another kind may be */
    ck_assert_int_eq(buf_puts(&b, "AAAA"), OK);
  AUTO(buf_done) struct buf large = {0};
  ck_assert_int_eq(buf_printf(&large, "text\n\n— a %s\n", buf_text(&b)), OK);
  ck_assert_int_eq(note_parse(&n, buf_bytes(&large), NULL), OK);

  b.len = 0;
  while (b.len < NOTE_BYTES_MAX - strlen("\n\n— a " SIG "\n"))
    ck_assert_int_eq(buf_puts(&b, "t"), OK);
  ck_assert_int_eq(buf_puts(&b, "\n\n— a " SIG "\n"), OK);
  ck_assert_uint_eq(b.len, NOTE_BYTES_MAX);
  ck_assert_int_eq(note_parse(&n, buf_bytes(&b), NULL), OK);
  ck_assert_int_eq(note_parse(&n, BYTES(b.data, b.len - 1), NULL), E_NOTE);
  b.len = 0;
  while (b.len < NOTE_BYTES_MAX)
    ck_assert_int_eq(buf_puts(&b, "t"), OK);
  ck_assert_int_eq(buf_puts(&b, "\n\n— a " SIG "\n"), OK);
  ck_assert_int_eq(note_parse(&n, buf_bytes(&b), NULL), E_NOTE);
}
END_TEST

/* Who is not known is passed over; who is known must be right. */
START_TEST(known_and_unknown)
{
#define WRONG_LINE /* of the log's key, for another text */                               \
  "— log.example/one qkQarKVGZNxIuaz9IF0wZMd09lTU/oK0Z5pq+kD6bnf+oBrpbaAx2conXJewWPo/A" \
  "nsxYffT6MYmLxeElJ9YJsCrVAg=\n"
#define OTHER_ID "— log.example/one AAAAAHqKmMD6\n"
#define OTHER_NAME "— log.example/two qkQarHqKmMD6\n"
#define SHORT_LINE "— log.example/one qkQarHqKmMD6\n"
  static const struct {
    const char *lines;
    enum err want;
  } cases[] = {
      {LOG_LINE, OK},
      {OTHER_ID OTHER_NAME OTHER_LINE LOG_LINE OTHER_ID, OK},
      {LOG_LINE LOG_LINE, OK},
      {OTHER_ID OTHER_NAME, E_SIGNATURE},
      {OTHER_LINE, E_SIGNATURE},
      {WRONG_LINE, E_SIGNATURE},
      {WRONG_LINE LOG_LINE, E_SIGNATURE},
      {LOG_LINE WRONG_LINE, E_SIGNATURE},
      {SHORT_LINE LOG_LINE, E_SIGNATURE},
      {LOG_LINE SHORT_LINE, E_SIGNATURE},
      {WITNESS_LINE, E_SIGNATURE},
  };
  const struct note_key log = key_of(LOG_KEY);
  for (size_t i = 0; i < LENGTH(cases); i++) {
    AUTO(buf_done) struct buf b = {0};
    ck_assert_int_eq(buf_printf(&b, TEXT "\n%s", cases[i].lines), OK);
    struct note n = note_of(buf_text(&b));
    ck_assert_msg(note_verify(&n, &log, NULL) == cases[i].want, "%zu", i);
  }
  /* the key of a cosignature under the other kind is another key */
  struct note_key witness = key_of(WITNESS_KEY), same;
  struct note n = note_of(TEXT "\n" WITNESS_LINE);
  uint64_t time = 5;
  ck_assert_int_eq(note_key_make(&same, witness.name, NOTE_ED25519, &witness.key), OK);
  ck_assert_int_eq(note_verify(&n, &same, &time), E_SIGNATURE);
  memcpy(same.id, witness.id, sizeof same.id); /* the id alone must not decide */
  ck_assert_int_eq(note_verify(&n, &same, &time), E_SIGNATURE);
  ck_assert_uint_eq(time, 5);
}
END_TEST

/* A time that is no POSIX time is refused, however well it is signed. */
START_TEST(time_beyond)
{
  const struct note_key witness = key_of(WITNESS_KEY);
  const uint8_t time[8] = {0x80};
  struct signature sig;
  struct identity id;
  struct secret_identity secret = secret_of(&id, 3);
  AUTO(buf_done) struct buf blob = {0}, note = {0};
  struct note n;
  const char *const message = "cosignature/v1\ntime 9223372036854775808\n" TEXT;
  crypto_sign_detached(sig.b, NULL, (const uint8_t *)message, strlen(message), secret.b);
  ck_assert_int_eq(buf_put(&blob, witness.id, sizeof witness.id), OK);
  ck_assert_int_eq(buf_put(&blob, time, sizeof time), OK);
  ck_assert_int_eq(buf_put(&blob, sig.b, sizeof sig.b), OK);
  ck_assert_int_eq(buf_puts(&note, TEXT "\n— witness.example/w "), OK);
  ck_assert_int_eq(base64_encode(&note, buf_bytes(&blob)), OK);
  ck_assert_int_eq(buf_puts(&note, "\n"), OK);
  ck_assert_int_eq(note_parse(&n, buf_bytes(&note), NULL), OK);
  ck_assert_int_eq(note_verify(&n, &witness, NULL), E_SIGNATURE);
}
END_TEST

/* Every bit of text, time and signature counts. */
START_TEST(every_bit)
{
  static const char *const lines[] = {LOG_LINE, WITNESS_LINE};
  const struct note_key keys_of[] = {key_of(LOG_KEY), key_of(WITNESS_KEY)};
  for (size_t k = 0; k < 2; k++) {
    AUTO(buf_done) struct buf b = {0};
    struct note n;
    ck_assert_int_eq(buf_printf(&b, TEXT "\n%s", lines[k]), OK);
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
      b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
      if (note_parse(&n, buf_bytes(&b), NULL) == OK)
        ck_assert_msg(note_verify(&n, &keys_of[k], NULL) == E_SIGNATURE, "bit %zu", bit);
      b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_int_eq(note_parse(&n, buf_bytes(&b), NULL), OK);
    ck_assert_int_eq(note_verify(&n, &keys_of[k], NULL), OK);
  }
}
END_TEST

START_TEST(checkpoints)
{
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
  static const struct {
    const char *text;
    uint64_t size;
  } good[] = {
      {"o\n0\n" ROOT "\n", 0},
      {"o\n1\n" ROOT "\n", 1},
      {"o\n9223372036854775807\n" ROOT "\n", INT64_MAX},
      {"with space +\n20852163\n" ROOT "\nextension\nanother one\n", 20852163},
  };
  static const struct {
    const char *text, *place;
  } bad[] = {
      {"", "line 1"},
      {"o", "line 1"},
      {"\n1\n" ROOT "\n", "line 1"},
      {"o\n", "line 2"},
      {"o\n\n" ROOT "\n", "line 2"},
      {"o\n01\n" ROOT "\n", "line 2"},
      {"o\n00\n" ROOT "\n", "line 2"},
      {"o\n-1\n" ROOT "\n", "line 2"},
      {"o\n+1\n" ROOT "\n", "line 2"},
      {"o\n 1\n" ROOT "\n", "line 2"},
      {"o\n1 \n" ROOT "\n", "line 2"},
      {"o\n1.0\n" ROOT "\n", "line 2"},
      {"o\n0x1\n" ROOT "\n", "line 2"},
      {"o\n9223372036854775808\n" ROOT "\n", "line 2"},
      {"o\n18446744073709551617\n" ROOT "\n", "line 2"},
      {"o\n99999999999999999999999\n" ROOT "\n", "line 2"},
      {"o\n1\n" ROOT, "line 3"},
      {"o\n1\n\n", "line 3"},
      {"o\n1\n" ROOT " \n", "line 3"},
      {"o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", "line 3"},
      {"o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n", "line 3"},
      {"o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2Ji\n", "line 3"},
      {"o\n1\n" ROOT "\n\n", "line 4"},
      {"o\n1\n" ROOT "\nx\n\ny\n", "line 5"},
      {"o\n1\n" ROOT "\nx", "line 4"},
      {"o\xff\n1\n" ROOT "\n", "line 1"},
      {"o\n1\n" ROOT "\n\x01\n", "line 4"},
  };
  struct checkpoint c = {0};
  for (size_t i = 0; i < LENGTH(good); i++) {
    ck_assert_int_eq(checkpoint_parse(&c, text_bytes(good[i].text), NULL), OK);
    ck_assert_uint_eq(c.size, good[i].size);
    AUTO(buf_done) struct buf again = {0};
    ck_assert_int_eq(checkpoint_text(&again, &c), OK);
    ck_assert_int_eq(strncmp(buf_text(&again), good[i].text, again.len), 0);
  }
  for (size_t i = 0; i < LENGTH(bad); i++) {
    struct why why = {0};
    ck_assert_msg(checkpoint_parse(&c, text_bytes(bad[i].text), &why) == E_NOTE, "%s",
                  bad[i].text);
    ck_assert_msg(strcmp(why.field, bad[i].place) == 0, "%zu: %s", i, why.field);
  }
  ck_assert_int_eq(checkpoint_parse(&c, BYTES("o\0\n1\n" ROOT "\n", 50), NULL), E_NOTE);

  static const char rest[] = "\n1\n" ROOT "\n";
  char origin[400];
  memset(origin, 'o', sizeof origin);
  memcpy(origin + NOTE_NAME_MAX, rest, sizeof rest);
  ck_assert_int_eq(checkpoint_parse(&c, text_bytes(origin), NULL), OK);
  ck_assert_uint_eq(strlen(c.origin), NOTE_NAME_MAX);
  memset(origin, 'o', sizeof origin);
  memcpy(origin + NOTE_NAME_MAX + 1, rest, sizeof rest);
  ck_assert_int_eq(checkpoint_parse(&c, text_bytes(origin), NULL), E_NOTE);

  AUTO(buf_done) struct buf b = {0};
  struct checkpoint cases[] = {{"", 1, {{0}}}, {"a\nb", 1, {{0}}}, {"a", 0, {{0}}}};
  cases[2].size = LOG_SIZE_MAX + 1;
  for (size_t i = 0; i < LENGTH(cases); i++)
    ck_assert_int_eq(checkpoint_text(&b, &cases[i]), E_FIELD_VALUE);
  ck_assert_uint_eq(b.len, 0);
}
END_TEST

START_TEST(opened)
{
  const struct note_key log = key_of(LOG_KEY), other = key_of(OTHER_KEY);
  struct checkpoint c = {.size = 3};
  struct why why = {0};
  ck_assert_int_eq(checkpoint_open(&c, text_bytes("text\n"), &log, NULL), E_NOTE);
  ck_assert_int_eq(checkpoint_open(&c, text_bytes(TEXT "\n" WITNESS_LINE), &log, &why),
                   E_SIGNATURE);
  ck_assert_str_ne(why.detail, "");
  /* signed by somebody known, but of another log */
  ck_assert_int_eq(checkpoint_open(&c, text_bytes(TEXT "\n" OTHER_LINE), &other, &why),
                   E_NOTE);
  ck_assert_str_eq(why.field, "line 1");
  /* signed, but not a checkpoint */
  ck_assert_int_eq(
      checkpoint_open(&c, text_bytes("zwei\n\nAbsätze\n\n" WRONG_LINE), &log, &why),
      E_NOTE);
  ck_assert_str_eq(why.field, "line 2");
  ck_assert_uint_eq(c.size, 3);
  ck_assert_int_eq(checkpoint_open(&c, text_bytes(TEXT "\n" LOG_LINE), &log, NULL), OK);
  ck_assert_str_eq(c.origin, "log.example/one");
  ck_assert_uint_eq(c.size, 20852163);
}
END_TEST

TCase *test_note(void)
{
  TCase *t = tcase_create("note");
  tcase_add_test(t, names);
  tcase_add_test(t, keys);
  tcase_add_test(t, bad_keys);
  tcase_add_test(t, golden);
  tcase_add_test(t, others);
  tcase_add_test(t, examples);
  tcase_add_test(t, malformed);
  tcase_add_test(t, limits);
  tcase_add_test(t, known_and_unknown);
  tcase_add_test(t, time_beyond);
  tcase_add_test(t, every_bit);
  tcase_add_test(t, checkpoints);
  tcase_add_test(t, opened);
  return t;
}
