/* SPDX-License-Identifier: Apache-2.0
 * An Ethereum node in memory. */
#include "node.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chain/abi.h"
#include "util/field.h"
#include "util/text.h"

/* ---- what it holds ---- */

struct word node_block_hash(uint64_t number)
{
  struct word w = word_of(number), out;
  keccak256(&out, BYTES_OF(w));
  return out;
}

static struct word digest_word(const struct digest *d)
{
  struct word w;
  memcpy(w.b, d->b, sizeof w.b);
  return w;
}

static void put(struct node *n, const char *signature, unsigned args_len,
                const struct abi_arg *args, const struct word *words, unsigned len)
{
  AUTO(buf_done) struct buf call = {0};
  struct node_entry e = {.len = len};
  unsigned i = 0;
  ck_assert_int_eq(abi_call(&call, signature, args_len, args), OK);
  keccak256(&e.key, buf_bytes(&call));
  memcpy(e.words, words, len * sizeof *words);
  pthread_mutex_lock(&n->lock);
  e.block = ++n->latest;
  while (i < n->len && word_compare(&n->entries[i].key, &e.key) != 0)
    i++;
  ck_assert_uint_lt(i, NODE_ENTRIES);
  n->entries[i] = e;
  n->len = MAX(n->len, i + 1);
  pthread_mutex_unlock(&n->lock);
}

void node_model(struct node *n, const char *model, const struct chain_model *m)
{
  struct word id;
  chain_model(&id, model);
  const struct word words[] = {digest_word(&m->spec),
                               word_of_address(&m->currency),
                               word_of(m->policy.minimum),
                               word_of(m->policy.maximum_rounds),
                               word_of(m->policy.privacy_budget),
                               m->policy.reward_cap,
                               word_of(m->results),
                               word_of(m->last_round),
                               word_of(m->privacy_spent),
                               m->budgeted};
  put(n, "models(bytes32)", ABI_ARGS(ABI_WORD(id)), words, LENGTH(words));
}

void node_roster(struct node *n, const char *model, uint64_t round, uint64_t attempt,
                 const struct digest *hash, uint64_t count)
{
  struct word id;
  chain_model(&id, model);
  const struct word words[] = {digest_word(hash), word_of(count), word_of(n->latest + 1)};
  put(n, "rosters(bytes32,uint64,uint64)",
      ABI_ARGS(ABI_WORD(id), ABI_UINT(round), ABI_UINT(attempt)), words, LENGTH(words));
}

void node_survivors(struct node *n, const char *model, uint64_t round, uint64_t attempt,
                    const struct digest *hash, uint64_t count, const struct word *budget)
{
  struct word id;
  chain_model(&id, model);
  const struct word words[] = {digest_word(hash), word_of(count), word_of(n->latest + 1),
                               *budget};
  put(n, "survivors(bytes32,uint64,uint64)",
      ABI_ARGS(ABI_WORD(id), ABI_UINT(round), ABI_UINT(attempt)), words, LENGTH(words));
}

void node_result(struct node *n, const char *model, const struct anchor_result *a)
{
  struct word id;
  chain_model(&id, model);
  const struct word words[] = {digest_word(&a->hash),
                               word_of(a->attempt),
                               a->reward,
                               a->payouts,
                               a->claims,
                               word_of(a->log_size),
                               digest_word(&a->log_root),
                               word_of(n->latest + 1),
                               word_of(1700000000),
                               word_of(0)};
  put(n, "results(bytes32,uint64)", ABI_ARGS(ABI_WORD(id), ABI_UINT(a->round)), words,
      LENGTH(words));
}

void node_finalize(struct node *n)
{
  NODE_SET(n, finalized, n->latest);
}

/* ---- what it answers ---- */

static uint64_t number_of(const struct node *n, const char *tag)
{
  if (strcmp(tag, "latest") == 0)
    return n->latest;
  return strcmp(tag, "finalized") == 0 ? n->finalized : strtoull(tag, NULL, 16);
}

static json_t *quantity(uint64_t v)
{
  char text[24];
  snprintf(text, sizeof text, "0x%llx", (unsigned long long)v);
  return json_string(text);
}

static json_t *hex_bytes(const void *data, size_t len)
{
  AUTO(free_drop) char *text = must_calloc(2 * len + 3, 1);
  text[0] = '0';
  text[1] = 'x';
  hex_encode(text + 2, data, len);
  return json_string(text);
}

static json_t *block(const struct node *n, const char *tag)
{
  uint64_t number = number_of(n, tag);
  struct word hash = node_block_hash(number);
  if (number > n->latest)
    return json_null();
  if (number == 0)
    hash.b[0] = n->genesis;
  return json_pack("{s:o,s:o,s:o,s:o}", "number", quantity(number), "hash",
                   hex_bytes(hash.b, sizeof hash.b), "timestamp",
                   quantity(1700000000 + 12 * number), "baseFeePerGas",
                   quantity(1000000000));
}

static bool is_call(const struct buf *data, const char *signature)
{
  struct word hash;
  keccak256_text(&hash, signature);
  return data->len >= 4 && memcmp(data->data, hash.b, 4) == 0;
}

static json_t *eth_call(struct node *n, const json_t *params)
{
  static const struct {
    const char *signature;
    unsigned words;
  } known[] = {{"models(bytes32)", 10},
               {"rosters(bytes32,uint64,uint64)", 3},
               {"survivors(bytes32,uint64,uint64)", 4},
               {"results(bytes32,uint64)", 10},
               {"delay()", 1},
               {"paused()", 1}};
  const json_t *call = json_array_get(params, 0);
  const char *text = json_string_value(json_object_get(call, "data"));
  const char *to = json_string_value(json_object_get(call, "to"));
  uint64_t at = number_of(n, json_string_value(json_array_get(params, 1)));
  struct word words[NODE_WORDS] = {0}, key;
  struct address a;
  unsigned len = 1;
  AUTO(buf_done) struct buf data = {0};
  if (!text)
    text = json_string_value(json_object_get(call, "input"));
  ck_assert(text && to && strlen(text) % 2 == 0);
  ck_assert_int_eq(address_parse(&a, to, "to", NULL), OK);
  size_t bytes = strlen(text) / 2 - 1;
  ck_assert_int_eq(buf_reserve(&data, bytes), OK);
  ck_assert_int_eq(hex_decode(data.data, bytes, text + 2), OK);
  data.len = bytes;
  if (n->no_registry || memcmp(&a, &n->registry, sizeof a) != 0)
    return json_string("0x");               /* no code there */
  words[0] = word_of_address(&n->registry); /* the roles */
  for (unsigned i = 0; i < LENGTH(known); i++)
    if (is_call(&data, known[i].signature)) {
      words[0] = word_of(0);
      len = known[i].words;
    }
  keccak256(&key, buf_bytes(&data));
  for (unsigned i = 0; i < n->len; i++)
    if (word_compare(&n->entries[i].key, &key) == 0 && n->entries[i].block <= at)
      memcpy(words, n->entries[i].words, sizeof words);
  return hex_bytes(words, len * sizeof *words);
}

static json_t *answer(struct node *n, const json_t *request)
{
  const char *method = json_string_value(json_object_get(request, "method"));
  const json_t *params = json_object_get(request, "params");
  const char *first = json_string_value(json_array_get(params, 0));
  n->calls++;
  if (strcmp(method, "eth_chainId") == 0)
    return quantity(n->chain_id);
  if (strcmp(method, "eth_blockNumber") == 0)
    return quantity(n->latest);
  if (strcmp(method, "eth_getBlockByNumber") == 0)
    return block(n, first);
  ck_assert_str_eq(method, "eth_call");
  return eth_call(n, params);
}

/* ---- HTTP ---- */

static void send_all(int fd, const char *text, size_t len)
{
  while (len) {
    ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
    if (sent <= 0)
      return;
    text += sent;
    len -= (size_t)sent;
  }
}

/* Reads one request and points at its body; NULL when the caller went away. */
static const char *receive(int fd, struct buf *in)
{
  char block[4096];
  for (;;) {
    const char *head = buf_text(in), *end = strstr(head, "\r\n\r\n");
    const char *length = strstr(head, "Content-Length:"); /* as libcurl writes it */
    if (end && length &&
        in->len >= (size_t)(end + 4 - head) + strtoul(length + 15, NULL, 10))
      return end + 4;
    ssize_t got = recv(fd, block, sizeof block, 0);
    if (got <= 0 || buf_put(in, block, (size_t)got) != OK)
      return NULL;
  }
}

static void serve(struct node *n, int fd)
{
  AUTO(buf_done) struct buf in = {0}, out = {0};
  AUTO(json_drop) json_t *request = NULL;
  const char *body = receive(fd, &in);
  if (!body)
    return;
  if (n->away) {
    static const char away[] = "HTTP/1.1 503 Away\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    send_all(fd, away, sizeof away - 1);
    return;
  }
  request = json_loads(body, 0, NULL);
  ck_assert_ptr_nonnull(request);
  AUTO(json_drop)
  json_t *reply = json_pack("{s:s,s:O,s:o}", "jsonrpc", "2.0", "id",
                            json_object_get(request, "id"), "result", answer(n, request));
  char *text = json_dumps(reply, JSON_COMPACT);
  ck_assert_int_eq(buf_printf(&out,
                              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                              "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                              strlen(text), text),
                   OK);
  free(text);
  send_all(fd, buf_text(&out), out.len);
}

static void *run(void *arg)
{
  struct node *n = arg;
  for (;;) {
    int fd = accept(n->listener, NULL, NULL);
    if (fd < 0)
      return NULL;
    pthread_mutex_lock(&n->lock);
    serve(n, fd);
    pthread_mutex_unlock(&n->lock);
    close(fd);
  }
}

void node_init(struct node *n, uint64_t chain_id, const struct address *registry)
{
  struct sockaddr_in at = {.sin_family = AF_INET,
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof at;
  *n = (struct node){
      .chain_id = chain_id, .registry = *registry, .lock = PTHREAD_MUTEX_INITIALIZER};
  n->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_ge(n->listener, 0);
  ck_assert_int_eq(bind(n->listener, (struct sockaddr *)&at, sizeof at), 0);
  ck_assert_int_eq(listen(n->listener, 64), 0);
  ck_assert_int_eq(getsockname(n->listener, (struct sockaddr *)&at, &len), 0);
  snprintf(n->url, sizeof n->url, "http://127.0.0.1:%u", ntohs(at.sin_port));
  ck_assert_int_eq(pthread_create(&n->thread, NULL, run, n), 0);
}

void node_done(struct node *n)
{
  shutdown(n->listener, SHUT_RDWR);
  pthread_join(n->thread, NULL);
  close(n->listener);
  pthread_mutex_destroy(&n->lock);
}
