/* SPDX-License-Identifier: Apache-2.0
 * JSON-RPC over libcurl: the endpoints, one call to one of them, and which to ask. */
#include <stdio.h>
#include <string.h>

#include "chain/rpc_internal.h"
#include "util/field.h"

#define CONNECT_MS 3000L
#define TOTAL_MS 10000L
#define REPLY_MAX ((size_t)8 << 20)

/* ---- endpoints ---- */

struct reception {
  struct buf body;
  bool overflow;
};

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
  struct reception *r = arg;
  if (buf_put(&r->body, data, size * n) == OK)
    return size * n;
  r->overflow = true;
  return 0;
}

static char *url_part(CURLU *u, CURLUPart part)
{
  char *text = NULL;
  return curl_url_get(u, part, &text, 0) == CURLUE_OK ? text : NULL;
}

/* Fills in e->shown. False: not an http or https address. */
static bool show(struct endpoint *e, const char *url)
{
  CURLU *u = curl_url();
  bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK;
  char *scheme = ok ? url_part(u, CURLUPART_SCHEME) : NULL;
  char *host = ok ? url_part(u, CURLUPART_HOST) : NULL;
  char *port = ok ? url_part(u, CURLUPART_PORT) : NULL;
  ok = scheme && host && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
  if (ok)
    snprintf(e->shown, sizeof e->shown, "%s://%.120s%s%s", scheme, host, port ? ":" : "",
             port ? port : "");
  curl_free(scheme);
  curl_free(host);
  curl_free(port);
  curl_url_cleanup(u);
  return ok;
}

static enum err endpoint_open(struct endpoint *e, const char *url, unsigned number,
                              struct why *why)
{
  /* the text itself is not shown: it may hold a password */
  if (!show(e, url))
    return why_set(why, E_CONFIG, "rpc",
                   "address %u is not one of http:// or https://; several are separated "
                   "by commas",
                   number);
  CURL *c = e->curl = curl_easy_init();
  e->headers = curl_slist_append(NULL, "Content-Type: application/json");
  e->headers = curl_slist_append(e->headers, "Expect:");
  if (!c || !e->headers)
    return E_INTERNAL;
  curl_easy_setopt(c, CURLOPT_URL, url);
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, TOTAL_MS);
  curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(c, CURLOPT_USERAGENT, "chorus/0.1.0");
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, e->headers);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
  return OK;
}

/* Cuts the next address off *list; spaces around it do not count. */
static char *next_url(char **list)
{
  char *url = strsep(list, ",");
  url += strspn(url, " \t\r\n");
  for (size_t len = strlen(url); len && strchr(" \t\r\n", url[len - 1]); len--)
    url[len - 1] = 0;
  return url;
}

enum err rpc_new(struct rpc **out, const char *urls, struct why *why)
{
  AUTO(rpc_drop) struct rpc *rpc = must_calloc(1, sizeof *rpc);
  AUTO(free_drop) char *copy = must_strdup(urls);
  for (char *list = copy; list;) {
    const char *url = next_url(&list);
    if (rpc->n == RPC_ENDPOINTS_MAX)
      return why_set(why, E_CONFIG, "rpc", "at most %u addresses are taken",
                     RPC_ENDPOINTS_MAX);
    rpc->n++;
    TRY(endpoint_open(&rpc->endpoints[rpc->n - 1], url, rpc->n, why));
  }
  *out = STEAL(rpc);
  return OK;
}

void rpc_free(struct rpc *rpc)
{
  for (unsigned i = 0; rpc && i < rpc->n; i++) {
    curl_easy_cleanup(rpc->endpoints[i].curl);
    curl_slist_free_all(rpc->endpoints[i].headers);
  }
  free(rpc);
}

unsigned rpc_count(const struct rpc *rpc)
{
  return rpc->n;
}

const char *rpc_url(const struct rpc *rpc, unsigned i)
{
  return rpc->endpoints[i].shown;
}

/* ---- one call ---- */

static enum err exchange(struct endpoint *e, const char *method, const char *request,
                         struct buf *body, struct why *why)
{
  struct reception r = {.body.max = REPLY_MAX};
  long status = 0;
  curl_easy_setopt(e->curl, CURLOPT_POSTFIELDS, request);
  curl_easy_setopt(e->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request));
  curl_easy_setopt(e->curl, CURLOPT_WRITEDATA, &r);
  CURLcode code = curl_easy_perform(e->curl);
  curl_easy_getinfo(e->curl, CURLINFO_RESPONSE_CODE, &status);
  *body = r.body;
  if (r.overflow)
    return why_set(why, E_REPLY, "", "%s: the answer to %s has more than %zu bytes",
                   e->shown, method, REPLY_MAX);
  if (code != CURLE_OK)
    return why_set(why, E_NETWORK, "", "%s: %s", e->shown, curl_easy_strerror(code));
  if (status >= 300 && status < 400)
    return why_set(why, E_NETWORK, "",
                   "%s: HTTP status %ld; redirects are not followed: name the address "
                   "that it leads to",
                   e->shown, status);
  if (status < 200 || status > 299)
    return why_set(why, E_NETWORK, "", "%s: HTTP status %ld", e->shown, status);
  return OK;
}

enum err rpc_call_one(struct rpc *rpc, unsigned i, const char *method, json_t *params,
                      json_t **result, struct rpc_error *error, struct why *why)
{
  AUTO(buf_done) struct buf body = {0};
  struct endpoint *e = &rpc->endpoints[i];
  uint64_t id = ++rpc->last_id;
  struct why what = {0};
  AUTO(json_drop)
  json_t *root = json_pack("{s:s, s:I, s:s, s:O}", "jsonrpc", "2.0", "id", (json_int_t)id,
                           "method", method, "params", params);
  AUTO(free_drop) char *request = root ? json_dumps(root, JSON_COMPACT) : NULL;
  if (!request)
    return why_set(why, E_INTERNAL, "", "%s could not be written as JSON", method);
  enum err err = exchange(e, method, request, &body, why);
  e->away = err == E_NETWORK;
  if (err != OK)
    return err;
  err = reply_read(result, error, buf_bytes(&body), id, &what);
  if (err == E_REPLY)
    return why_set(why, err, what.field, "%s, %s: %s", e->shown, method, what.detail);
  return err;
}

enum err rpc_said(const char *method, const struct rpc_error *error, struct why *why)
{
  return why_set(why, E_RPC, "", "%s: %s (code %lld)", method,
                 *error->message ? error->message : "an error without a text",
                 (long long)error->code);
}

enum err rpc_call(struct rpc *rpc, unsigned i, const char *method, json_t *params,
                  json_t **result, struct buf *revert, struct why *why)
{
  AUTO(json_drop) json_t *owned = params;
  AUTO(rpc_error_done) struct rpc_error error = {0};
  enum err e = rpc_call_one(rpc, i, method, owned, result, &error, why);
  if (e != E_RPC)
    return e;
  if (revert && error.has_data) {
    buf_done(revert);
    *revert = error.data;
    error.data = (struct buf){0};
  }
  return rpc_said(method, &error, why);
}

/* ---- which to ask ---- */

/* The best of those that are not in `tried`: who answered last time, then who is furthest
 * ahead. False: none is left. */
static bool pick(const struct rpc *rpc, unsigned tried, unsigned *best)
{
  bool found = false;
  for (unsigned i = 0; i < rpc->n; i++) {
    const struct endpoint *e = &rpc->endpoints[i], *b = &rpc->endpoints[*best];
    if (!e->passed || (tried & 1u << i))
      continue;
    if (!found || (b->away && !e->away) || (b->away == e->away && e->height > b->height))
      *best = i;
    found = true;
  }
  return found;
}

enum err rpc_ask(struct rpc *rpc, const char *method, json_t *params, json_t **result,
                 struct rpc_error *error, struct why *why)
{
  AUTO(json_drop) json_t *owned = params;
  enum err e = why_set(why, E_NETWORK, "",
                       "none of the %u Ethereum nodes has passed the last check", rpc->n);
  unsigned tried = 0, i = 0;
  while ((e == E_NETWORK || e == E_REPLY) && pick(rpc, tried, &i)) {
    tried |= 1u << i;
    e = rpc_call_one(rpc, i, method, owned, result, error, why);
  }
  return e;
}

static enum err check_number(struct rpc *rpc, unsigned i, const char *method,
                             uint64_t *out, struct why *why)
{
  AUTO(json_drop) json_t *v = NULL;
  TRY(rpc_call(rpc, i, method, json_array(), &v, NULL, why));
  if (quantity_u64(out, v) != OK)
    return why_set(why, E_REPLY, "result", "%s, %s: the answer is not a number",
                   rpc->endpoints[i].shown, method);
  return OK;
}

/* Everything but whether *first, the hash of block 0, is the right one. */
static enum err check_one(struct rpc *rpc, unsigned i, uint64_t chain_id,
                          struct word *first, struct why *why)
{
  struct endpoint *e = &rpc->endpoints[i];
  AUTO(json_drop) json_t *v = NULL;
  struct rpc_block block;
  uint64_t theirs;
  TRY(check_number(rpc, i, "eth_chainId", &theirs, why));
  if (theirs != chain_id)
    return why_set(why, E_CHAIN, "", "%s is on chain %llu, not on %llu", e->shown,
                   (unsigned long long)theirs, (unsigned long long)chain_id);
  TRY(rpc_call(rpc, i, "eth_getBlockByNumber", json_pack("[s, b]", "0x0", 0), &v, NULL,
               why));
  TRY(block_read(&block, v, why));
  TRY(check_number(rpc, i, "eth_blockNumber", &e->height, why));
  *first = block.hash;
  return OK;
}

enum err rpc_check(struct rpc *rpc, uint64_t chain_id, struct word *genesis,
                   struct why *why)
{
  struct word right = *genesis, first;
  struct why what = {0}, wrong = {0};
  enum err away = E_NETWORK;
  bool given = !word_zero(genesis), passed = false, other = false, split = false;
  for (unsigned i = 0; i < rpc->n; i++) {
    enum err e = check_one(rpc, i, chain_id, &first, &what);
    if (e == OK && word_zero(&right))
      right = first;
    if (e == OK && word_compare(&first, &right) != 0) {
      e = why_set(&what, E_CHAIN, "",
                  "%s is on another chain with the same number %llu: its first block "
                  "differs",
                  rpc->endpoints[i].shown, (unsigned long long)chain_id);
      split |= !given;
    }
    rpc->endpoints[i].passed = e == OK;
    passed |= e == OK;
    other |= e == E_CHAIN;
    if (e == E_CHAIN)
      wrong = what;
    else if (e != OK)
      away = e;
  }
  for (unsigned i = 0; split && i < rpc->n; i++)
    rpc->endpoints[i].passed = false; /* nobody says which of them is right */
  if (other)
    return why_set(why, E_CHAIN, wrong.field, "%s", wrong.detail);
  if (!passed)
    return why_set(why, away, what.field, "%s", what.detail);
  *genesis = right;
  return OK;
}
