/* SPDX-License-Identifier: Apache-2.0
 * Web3 keystore v3: a passphrase makes 32 bytes; the first half is the AES key, the
 * second authenticates the ciphertext. */
#include "chain/keystore.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "util/field.h"
#include "util/text.h"

#define SCRYPT_MEMORY ((uint64_t)1 << 30)
#define SCRYPT_P_MAX 64u
#define ROUNDS_MAX ((uint64_t)1 << 26) /* of PBKDF2: half a minute or so */

/* ---- reading ---- */

/* Hex of lo..hi bytes, either case, as other programs write it. */
static enum err read_hex(uint8_t *out, size_t lo, size_t hi, size_t *len,
                         const json_t *root, const char *key, struct why *why)
{
  const json_t *v = json_object_get(root, key);
  size_t got = 0;
  if (!v)
    return why_set(why, E_FIELD_MISSING, key, "is required in a keystore");
  if (!json_is_string(v))
    return why_set(why, E_FIELD_TYPE, key, "must be a string of hexadecimal digits");
  if (sodium_hex2bin(out, hi, json_string_value(v), json_string_length(v), NULL, &got,
                     NULL) != 0 ||
      got < lo || 2 * got != json_string_length(v))
    return why_set(why, E_FIELD_VALUE, key, "must be %zu to %zu bytes in hexadecimal", lo,
                   hi);
  if (len)
    *len = got;
  return OK;
}

static enum err read_text(const json_t *root, const char *key, const char *must,
                          struct why *why)
{
  const char *text = json_string_value(json_object_get(root, key));
  if (!text || strcmp(text, must) != 0)
    return why_set(why, text ? E_FIELD_VALUE : E_FIELD_MISSING, key,
                   "must be \"%s\": no other kind is read here", must);
  return OK;
}

static enum err read_uint(uint64_t *out, const json_t *root, const char *key, uint64_t lo,
                          uint64_t hi, struct why *why)
{
  const json_t *v = json_object_get(root, key);
  json_int_t i = json_integer_value(v);
  if (!v)
    return why_set(why, E_FIELD_MISSING, key, "is required in a keystore");
  if (!json_is_integer(v))
    return why_set(why, E_FIELD_TYPE, key, "must be a whole number");
  if (i < 0 || (uint64_t)i < lo || (uint64_t)i > hi)
    return why_set(why, E_FIELD_VALUE, key, "must be from %llu to %llu",
                   (unsigned long long)lo, (unsigned long long)hi);
  *out = (uint64_t)i;
  return OK;
}

static enum err read_object(json_t **out, const json_t *root, const char *key,
                            struct why *why)
{
  *out = json_object_get(root, key);
  if (!json_is_object(*out))
    return why_set(why, *out ? E_FIELD_TYPE : E_FIELD_MISSING, key,
                   "must be an object: is this a keystore of version 3?");
  return OK;
}

/* n is a power of two, and 128 r (n + p) bytes are below 1 GiB. */
static enum err read_scrypt(struct keystore *k, const json_t *params, struct why *why)
{
  TRY(read_uint(&k->n, params, "n", 2, SCRYPT_MEMORY / 128, why));
  TRY(read_uint(&k->r, params, "r", 1, 1024, why));
  TRY(read_uint(&k->p, params, "p", 1, SCRYPT_P_MAX, why));
  if (k->n & (k->n - 1))
    return why_set(why, E_FIELD_VALUE, "n", "must be a power of two");
  if (128 * k->r * (k->n + k->p + 2) > SCRYPT_MEMORY)
    return why_set(why, E_FIELD_VALUE, "n",
                   "this keystore asks for more than 1 GiB of memory to be opened; seal "
                   "the key again with a smaller n");
  return OK;
}

static enum err read_kdf(struct keystore *k, const json_t *crypto, struct why *why)
{
  const char *kdf = json_string_value(json_object_get(crypto, "kdf"));
  uint64_t dklen;
  json_t *params;
  TRY(read_object(&params, crypto, "kdfparams", why));
  TRY(read_hex(k->salt, 1, sizeof k->salt, &k->salt_len, params, "salt", why));
  TRY(read_uint(&dklen, params, "dklen", 32, 32, why));
  k->scrypt = kdf && strcmp(kdf, "scrypt") == 0;
  if (k->scrypt)
    return read_scrypt(k, params, why);
  if (!kdf || strcmp(kdf, "pbkdf2") != 0)
    return why_set(why, kdf ? E_FIELD_VALUE : E_FIELD_MISSING, "kdf",
                   "must be \"scrypt\" or \"pbkdf2\"");
  TRY(read_text(params, "prf", "hmac-sha256", why));
  return read_uint(&k->rounds, params, "c", 1, ROUNDS_MAX, why);
}

/* Left out by some programs, and with or without 0x. */
static enum err read_address(struct keystore *k, const json_t *root, struct why *why)
{
  const json_t *v = json_object_get(root, "address");
  const char *text = json_string_value(v);
  char full[ADDRESS_TEXT];
  k->addressed = v && !json_is_null(v);
  if (!k->addressed)
    return OK;
  if (!text)
    return why_set(why, E_FIELD_TYPE, "address", "must be a string");
  text += strncmp(text, "0x", 2) == 0 ? 2 : 0;
  if (snprintf(full, sizeof full, "0x%.40s", text) != ADDRESS_TEXT - 1 || text[40])
    return why_set(why, E_FIELD_VALUE, "address", "must be 40 hexadecimal digits");
  return address_parse(&k->address, full, "address", why);
}

enum err keystore_parse(struct keystore *out, struct bytes json, struct why *why)
{
  AUTO(json_drop) json_t *root = NULL;
  struct keystore k = {0};
  json_t *crypto, *params;
  uint64_t version;
  TRY(json_parse(&root, json, KEYSTORE_BYTES_MAX, why));
  TRY(read_uint(&version, root, "version", 3, 3, why));
  /* some programs write it with a capital */
  bool capital = json_object_get(root, "Crypto") != NULL;
  TRY(read_object(&crypto, root, capital ? "Crypto" : "crypto", why));
  TRY(read_text(crypto, "cipher", "aes-128-ctr", why));
  TRY(read_object(&params, crypto, "cipherparams", why));
  TRY(read_hex(k.iv, 16, 16, NULL, params, "iv", why));
  TRY(read_hex(k.ciphertext, 32, 32, NULL, crypto, "ciphertext", why));
  TRY(read_hex(k.mac, 32, 32, NULL, crypto, "mac", why));
  TRY(read_kdf(&k, crypto, why));
  TRY(read_address(&k, root, why));
  *out = k;
  return OK;
}

/* ---- keys ---- */

struct derived { /* secret */
  uint8_t b[32];
};

static enum err derive(struct derived *out, const struct keystore *k,
                       struct bytes passphrase)
{
  /* libsodium's scrypt: OpenSSL's takes no n of 2^16 and above with r = 1, as old files
   * have it */
  if (k->scrypt)
    return crypto_pwhash_scryptsalsa208sha256_ll(
               passphrase.data, passphrase.len, k->salt, k->salt_len, k->n,
               (uint32_t)k->r, (uint32_t)k->p, out->b, sizeof out->b) == 0
               ? OK
               : E_INTERNAL;
  return PKCS5_PBKDF2_HMAC(passphrase.len ? (const char *)passphrase.data : "",
                           (int)passphrase.len, k->salt, (int)k->salt_len, (int)k->rounds,
                           EVP_sha256(), sizeof out->b, out->b) == 1
             ? OK
             : E_INTERNAL;
}

static void mac_of(uint8_t out[32], const struct derived *d, const uint8_t ciphertext[32])
{
  struct word hash;
  uint8_t text[16 + 32];
  memcpy(text, d->b + 16, 16);
  memcpy(text + 16, ciphertext, 32);
  keccak256(&hash, BYTES_OF(text));
  sodium_memzero(text, sizeof text);
  memcpy(out, hash.b, sizeof hash.b);
}

/* AES in counter mode: the same both ways. */
static enum err encrypt(uint8_t out[32], const uint8_t in[32], const struct derived *d,
                        const uint8_t iv[16])
{
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  int n = 0;
  bool ok = c && EVP_EncryptInit_ex(c, EVP_aes_128_ctr(), NULL, d->b, iv) == 1 &&
            EVP_EncryptUpdate(c, out, &n, in, 32) == 1 && n == 32;
  EVP_CIPHER_CTX_free(c);
  return ok ? OK : E_INTERNAL;
}

static enum err check_address(const struct keystore *k, const struct secret_key *key,
                              struct why *why)
{
  struct address a;
  if (key_address(&a, key) != OK)
    return why_set(why, E_FIELD_VALUE, "ciphertext", "does not hold a secp256k1 key");
  if (k->addressed && memcmp(a.b, k->address.b, sizeof a.b) != 0)
    return why_set(why, E_FIELD_VALUE, "address",
                   "is not that of the key in this keystore");
  return OK;
}

static enum err open_with(struct secret_key *out, const struct keystore *k,
                          const struct derived *d, struct why *why)
{
  struct secret_key key;
  uint8_t mac[32];
  mac_of(mac, d, k->ciphertext);
  if (sodium_memcmp(mac, k->mac, sizeof mac) != 0)
    return why_set(why, E_SIGNATURE, "passphrase", "does not open this keystore");
  enum err e = encrypt(key.b, k->ciphertext, d, k->iv);
  if (e == OK)
    e = check_address(k, &key, why);
  if (e == OK)
    *out = key;
  sodium_memzero(&key, sizeof key);
  return e;
}

enum err keystore_open(struct secret_key *out, struct bytes json, struct bytes passphrase,
                       struct why *why)
{
  struct keystore k;
  struct derived d;
  TRY(keystore_parse(&k, json, why));
  enum err e = derive(&d, &k, passphrase);
  e = e == OK ? open_with(out, &k, &d, why)
              : why_set(why, e, "kdfparams",
                        "the key could not be derived: is there "
                        "enough memory?");
  sodium_memzero(&d, sizeof d);
  return e;
}

/* ---- sealing ---- */

/* A random UUID (RFC 9562, version 4). */
static void make_id(char out[37])
{
  uint8_t b[16];
  char hex[33];
  randombytes_buf(b, sizeof b);
  b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
  b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
  hex_encode(hex, b, sizeof b);
  snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
           hex + 20);
}

static enum err write_json(json_t **out, const struct keystore *k)
{
  char id[37];
  make_id(id);
  json_t *root = json_pack(
      "{s:i, s:s, s:o, s:{s:s, s:{s:o}, s:o, s:s, s:{s:i, s:I, s:I, s:I, s:o}, s:o}}",
      "version", 3, "id", id, "address", json_hex(k->address.b, sizeof k->address.b),
      "crypto", "cipher", "aes-128-ctr", "cipherparams", "iv",
      json_hex(k->iv, sizeof k->iv), "ciphertext",
      json_hex(k->ciphertext, sizeof k->ciphertext), "kdf", "scrypt", "kdfparams",
      "dklen", 32, "n", (json_int_t)k->n, "r", (json_int_t)k->r, "p", (json_int_t)k->p,
      "salt", json_hex(k->salt, k->salt_len), "mac", json_hex(k->mac, sizeof k->mac));
  if (!root)
    return E_INTERNAL;
  *out = root;
  return OK;
}

enum err keystore_seal(json_t **out, const struct secret_key *key,
                       struct bytes passphrase)
{
  struct keystore k = {.scrypt = true, .n = 1 << 17, .r = 8, .p = 1, .salt_len = 32};
  struct derived d;
  TRY(key_address(&k.address, key));
  randombytes_buf(k.salt, k.salt_len);
  randombytes_buf(k.iv, sizeof k.iv);
  enum err e = derive(&d, &k, passphrase);
  if (e == OK)
    e = encrypt(k.ciphertext, key->b, &d, k.iv);
  if (e == OK)
    mac_of(k.mac, &d, k.ciphertext);
  sodium_memzero(&d, sizeof d);
  return e == OK ? write_json(out, &k) : e;
}
