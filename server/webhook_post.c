/* SPDX-License-Identifier: Apache-2.0
 * One message on its way to one webhook. The receiver is a stranger's machine: it gets
 * ten seconds and no redirect, what it answers is counted and thrown away, and the
 * address is looked at at the moment of connecting. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/seal.h"
#include "server/secret.h"
#include "server/webhook.h"
#include "util/text.h"

#define LABEL "chorus/v1/webhook"
#define CONNECT_MS 5000L
#define TOTAL_MS 10000L
#define ANSWER_MAX ((size_t)64 << 10)

/* ---- secrets ---- */

enum err webhook_secret_seal(struct buf *out, const struct server *s, int64_t webhook,
                             const struct webhook_secret *secret)
{
  struct secret_key key;
  secret_key_for(&key, s, LABEL);
  enum err e = seal_put(out, &key, BYTES_OF(webhook), BYTES_OF(*secret));
  sodium_memzero(&key, sizeof key);
  return e;
}

enum err webhook_secret_open(struct webhook_secret *out, const struct server *s,
                             int64_t webhook, struct bytes sealed)
{
  struct secret_key key;
  struct buf text = {0};
  if (sealed.len != SEAL_OVERHEAD + sizeof *out)
    return E_CONFIG;
  secret_key_for(&key, s, LABEL);
  enum err e = seal_open(&text, &key, BYTES_OF(webhook), sealed);
  sodium_memzero(&key, sizeof key);
  if (e == OK) {
    memcpy(out, text.data, sizeof *out);
    sodium_memzero(text.data, text.len);
  }
  buf_done(&text);
  return e;
}

/* ---- the signature ---- */

/* Appends v1,BASE64 of HMAC-SHA256 over "ID.TIME.BODY". */
static enum err put_signature(struct buf *out, const struct webhook_secret *secret,
                              const struct webhook_message *m)
{
  uint8_t mac[crypto_auth_hmacsha256_BYTES];
  crypto_auth_hmacsha256_state h;
  char head[128];
  int len = snprintf(head, sizeof head, "%s.%lld.", m->message, (long long)m->now);
  crypto_auth_hmacsha256_init(&h, secret->b, sizeof secret->b);
  crypto_auth_hmacsha256_update(&h, (const uint8_t *)head, (unsigned long long)len);
  crypto_auth_hmacsha256_update(&h, (const uint8_t *)m->body, strlen(m->body));
  crypto_auth_hmacsha256_final(&h, mac);
  sodium_memzero(&h, sizeof h);
  TRY(buf_puts(out, "webhook-signature: v1,"));
  return base64_encode(out, BYTES(mac, sizeof mac));
}

static enum err make_headers(struct webhook_post *p, const struct server *s,
                             const struct webhook_message *m)
{
  AUTO(buf_done) struct buf signature = {0};
  struct webhook_secret secret;
  char id[96], time[48];
  TRY(webhook_secret_open(&secret, s, m->webhook, m->secret));
  enum err e = put_signature(&signature, &secret, m);
  sodium_memzero(&secret, sizeof secret);
  TRY(e);
  snprintf(id, sizeof id, "webhook-id: %s", m->message);
  snprintf(time, sizeof time, "webhook-timestamp: %lld", (long long)m->now);
  const char *const lines[] = {"Content-Type: application/json",
                               "Accept:",
                               "Expect:",
                               id,
                               time,
                               buf_text(&signature)};
  for (size_t i = 0; i < LENGTH(lines); i++) {
    struct curl_slist *longer = curl_slist_append(p->headers, lines[i]);
    if (!longer)
      return E_INTERNAL;
    p->headers = longer;
  }
  return OK;
}

/* ---- what curl asks ---- */

/* Before a connection is made, with the very address that it is made to. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
  struct webhook_post *p = arg;
  if (purpose != CURLSOCKTYPE_IPCXN ||
      (!p->private_too && !address_public(&address->addr))) {
    p->refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Neither the answer's head nor its body is kept; beyond the limit it is cut off. */
static size_t count_answer(char *data, size_t size, size_t n, void *arg)
{
  struct webhook_post *p = arg;
  p->received += size * n;
  return p->received > ANSWER_MAX ? 0 : size * n;
}

static void set_options(struct webhook_post *p, const char *url)
{
  CURL *c = p->curl;
  curl_easy_setopt(c, CURLOPT_PRIVATE, p);
  curl_easy_setopt(c, CURLOPT_URL, url);
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, p->private_too ? "http,https" : "https");
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_PROXY, ""); /* not the environment's either */
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, TOTAL_MS);
  curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, p);
  curl_easy_setopt(c, CURLOPT_USERAGENT, "chorus-webhooks/0.1.0");
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, p->headers);
  curl_easy_setopt(c, CURLOPT_POSTFIELDS, p->body);
  curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(p->body));
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, count_answer);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, p);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, count_answer);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, p);
}

void webhook_post_free(struct webhook_post *p)
{
  if (!p)
    return;
  curl_easy_cleanup(p->curl);
  curl_slist_free_all(p->headers);
  free(p->body);
  free(p);
}

enum err webhook_post_new(struct webhook_post **out, const struct server *s,
                          const struct webhook_message *m)
{
  struct webhook_post *p = must_calloc(1, sizeof *p);
  p->delivery = m->delivery;
  p->webhook = m->webhook;
  p->attempt = m->attempt;
  p->private_too = s->config.webhook_private;
  p->body = must_strdup(m->body);
  p->curl = curl_easy_init();
  enum err e = p->curl ? make_headers(p, s, m) : E_INTERNAL;
  if (e != OK) {
    webhook_post_free(p);
    return e;
  }
  set_options(p, m->url);
  *out = p;
  return OK;
}

bool webhook_post_result(const struct webhook_post *p, CURLcode code, long *status,
                         char *reason, size_t room)
{
  *status = 0;
  curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, status);
  bool cut = code == CURLE_WRITE_ERROR && p->received > ANSWER_MAX;
  if (p->refused)
    snprintf(reason, room, "it is an address of this machine or of a private network");
  else if (code != CURLE_OK && !cut)
    snprintf(reason, room, "%s", curl_easy_strerror(code));
  else if (*status >= 300 && *status < 400)
    snprintf(reason, room, "HTTP status %ld: redirects are not followed", *status);
  else if (*status < 200 || *status > 299)
    snprintf(reason, room, "HTTP status %ld", *status);
  else
    return true;
  return false;
}
