/* SPDX-License-Identifier: Apache-2.0
 * HTTP on libcurl. */
#include "clients/lib/http.h"

#include <curl/curl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "util/field.h"

#define PROBLEM_MAX ((size_t)64 << 10)
#define CONNECT_SECONDS 15L
#define STALL_SECONDS 45L /* nothing at all moves for so long: given up */
#define SLOWEST 16384u    /* bytes a second; the time-out follows from it */
#define PAUSE_FIRST 0.25
#define PAUSE_MAX 8.0

struct curl_http {
  struct http http;
  CURL *curl;
  struct http_options options;
  char *address;
};

/* What is gathered while one request runs. */
struct transfer {
  struct http_reply reply;
  size_t max;
  bool overflow;
  struct bytes body; /* what is left to send */
};

enum err err_by_slug(const char *slug)
{
  for (unsigned e = 0; e < ERR_COUNT; e++)
    if (strcmp(err_info((enum err)e)->slug, slug) == 0)
      return (enum err)e;
  return ERR_COUNT;
}

void http_reply_done(struct http_reply *rp)
{
  buf_done(&rp->body);
}

/* The nearest of our errors for a status whose body says nothing. */
static enum err by_status(long status)
{
  static const struct {
    long status;
    enum err e;
  } table[] = {{401, E_UNAUTHENTICATED}, {403, E_FORBIDDEN}, {404, E_NOT_FOUND},
               {405, E_METHOD},          {413, E_TOO_LARGE}, {429, E_RATE},
               {502, E_NETWORK},         {503, E_BUSY},      {504, E_NETWORK}};
  for (size_t i = 0; i < LENGTH(table); i++)
    if (table[i].status == status)
      return table[i].e;
  return E_REPLY;
}

enum err http_problem(long status, struct bytes body, struct why *why)
{
  static const char prefix[] = "urn:chorus:error:";
  AUTO(json_drop) json_t *root = NULL;
  const char *type = NULL;
  if (json_parse(&root, body, PROBLEM_MAX, NULL) == OK)
    type = json_string_value(json_object_get(root, "type"));
  if (!type || strncmp(type, prefix, sizeof prefix - 1) != 0)
    return why_set(why, by_status(status), "", "the server answered with status %ld",
                   status);
  const char *detail = json_string_value(json_object_get(root, "detail"));
  const char *field = json_string_value(json_object_get(root, "field"));
  const char *title = json_string_value(json_object_get(root, "title"));
  enum err e = err_by_slug(type + sizeof prefix - 1);
  if (e == ERR_COUNT || e == OK) /* a newer server's */
    return why_set(why, by_status(status), field ? field : "", "%s %s",
                   title ? title : type, detail ? detail : "");
  return why_set(why, e, field ? field : "", "%s", detail ? detail : "");
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
  struct transfer *t = arg;
  size_t len = size * n;
  if (t->reply.body.len + len > t->max || buf_put(&t->reply.body, data, len) != OK) {
    t->overflow = true;
    return 0;
  }
  return len;
}

static size_t take_header(char *data, size_t size, size_t n, void *arg)
{
  static const char name[] = "X-Chorus-Sha256:";
  struct transfer *t = arg;
  size_t len = size * n, skip = sizeof name - 1;
  if (len > skip && strncasecmp(data, name, skip) == 0) {
    while (skip < len && data[skip] == ' ')
      skip++;
    size_t end = len;
    while (end > skip && (data[end - 1] == '\r' || data[end - 1] == '\n'))
      end--;
    snprintf(t->reply.sha256, sizeof t->reply.sha256, "%.*s", (int)(end - skip),
             data + skip);
  }
  return len;
}

static size_t give_body(char *out, size_t size, size_t n, void *arg)
{
  struct transfer *t = arg;
  size_t len = MIN(size * n, t->body.len);
  memcpy(out, t->body.data, len);
  t->body.data += len;
  t->body.len -= len;
  return len;
}

static void set_method(CURL *c, const struct http_request *rq, struct transfer *t)
{
  if (strcmp(rq->method, "GET") == 0) {
    curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
  } else if (strcmp(rq->method, "PUT") == 0) {
    t->body = rq->body;
    curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(c, CURLOPT_READDATA, t);
    curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)rq->body.len);
  } else if (strcmp(rq->method, "POST") == 0) {
    curl_easy_setopt(c, CURLOPT_POST, 1L);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS,
                     rq->body.data ? (const char *)rq->body.data : "");
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.len);
  } else {
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
  }
}

static void set_limits(CURL *c, const struct http_request *rq)
{
  long most = (long)((rq->max + rq->body.len) / SLOWEST);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS + (long)rq->wait);
  curl_easy_setopt(c, CURLOPT_TIMEOUT, 2 * STALL_SECONDS + (long)rq->wait + most);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_USERAGENT, "chorus/0.1.0");
}

static struct curl_slist *headers_of(const struct http_request *rq)
{
  AUTO(buf_done) struct buf line = {0};
  struct curl_slist *list = curl_slist_append(NULL, "Expect:");
  if (rq->authorization &&
      buf_printf(&line, "Authorization: %s", rq->authorization) == OK)
    list = curl_slist_append(list, buf_text(&line));
  if (line.data)
    sodium_memzero(line.data, line.len);
  line.len = 0;
  if (buf_printf(&line, "Content-Type: %s", rq->type ? rq->type : "") == OK)
    list = curl_slist_append(list, buf_text(&line));
  return list;
}

static void set_range(CURL *c, struct http_range range)
{
  char text[48];
  if (!range.len)
    return;
  snprintf(text, sizeof text, "%llu-%llu", (unsigned long long)range.from,
           (unsigned long long)(range.from + range.len - 1));
  curl_easy_setopt(c, CURLOPT_RANGE, text); /* libcurl keeps a copy */
}

/* Whether the request can't have reached the server. */
static bool never_sent(CURLcode code)
{
  return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
         code == CURLE_COULDNT_RESOLVE_PROXY;
}

/* One attempt. *sent: the server may have acted on it. *after: what it asks to wait. */
static enum err attempt(struct curl_http *h, const struct http_request *rq,
                        struct http_reply *rp, bool *sent, double *after, struct why *why)
{
  CURL *c = h->curl;
  AUTO(buf_done) struct buf url = {0};
  struct transfer t = {.max = MAX(rq->max, PROBLEM_MAX)};
  t.reply.body.max = t.max;
  TRY(buf_printf(&url, "%s%s", h->address, rq->path));
  curl_easy_reset(c);
  curl_easy_setopt(c, CURLOPT_URL, buf_text(&url));
  set_method(c, rq, &t);
  set_limits(c, rq);
  set_range(c, rq->range);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &t);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, &t);
  struct curl_slist *headers = headers_of(rq);
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
  CURLcode code = curl_easy_perform(c);
  curl_slist_free_all(headers);
  curl_off_t asked = 0;
  long status = 0;
  curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &asked);
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  *sent = !never_sent(code);
  *after = (double)asked;
  enum err e = OK;
  if (t.overflow)
    e = why_set(why, E_REPLY, "", "the reply to %s %s has more than %zu bytes",
                rq->method, rq->path, t.max);
  else if (code != CURLE_OK)
    e = why_set(why, E_NETWORK, "", "%s: %s", h->address, curl_easy_strerror(code));
  else if (status < 200 || status > 299)
    e = http_problem(status, buf_bytes(&t.reply.body), why);
  else if (t.reply.body.len > rq->max)
    e = why_set(why, E_REPLY, "", "the reply to %s %s has more than %zu bytes",
                rq->method, rq->path, rq->max);
  if (e != OK) {
    http_reply_done(&t.reply);
    return e;
  }
  t.reply.status = status;
  *rp = t.reply;
  return OK;
}

static double now(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void pause_for(double seconds)
{
  struct timespec ts = {.tv_sec = (time_t)seconds,
                        .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
  while (nanosleep(&ts, &ts) != 0)
    ;
}

/* Errors after which the same request may be sent again: nothing was changed. */
static bool passing(enum err e)
{
  return e == E_RATE || e == E_BUSY || e == E_DB || e == E_DB_RETRY;
}

static enum err curl_call(struct http *base, const struct http_request *rq,
                          struct http_reply *rp, struct why *why)
{
  struct curl_http *h = (struct curl_http *)base;
  double until = now() + h->options.patience, pause = PAUSE_FIRST;
  for (;;) {
    bool sent = false;
    double after = 0;
    enum err e = attempt(h, rq, rp, &sent, &after, why);
    if (e != E_NETWORK && !passing(e))
      return e;
    if (e == E_NETWORK && sent && rq->once)
      return e;
    /* a little off the beat, so that many clients do not come back at once */
    double wait = pause * (0.75 + randombytes_uniform(512) / 1024.0);
    if (after > wait)
      wait = after;
    if (now() + wait > until)
      return e;
    if (h->options.pausing)
      h->options.pausing(h->options.arg, e, why, wait);
    pause_for(wait);
    pause = MIN(2 * pause, PAUSE_MAX);
  }
}

static void curl_free_http(struct http *base)
{
  struct curl_http *h = (struct curl_http *)base;
  curl_easy_cleanup(h->curl);
  free(h->address);
  free(h);
}

enum err http_init(void)
{
  return curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? OK : E_INTERNAL;
}

enum err http_new(struct http **out, const struct http_options *options, struct why *why)
{
  const char *a = options->address;
  size_t len = strlen(a);
  if (strncmp(a, "http://", 7) != 0 && strncmp(a, "https://", 8) != 0)
    return why_set(why, E_USAGE, "server", "must begin with http:// or https://");
  while (len && a[len - 1] == '/')
    len--;
  if (len > 500 || strcspn(a, " \t\r\n#?") < len)
    return why_set(why, E_USAGE, "server", "is not an address");
  CURL *curl = curl_easy_init();
  if (!curl)
    return E_INTERNAL;
  struct curl_http *h = must_calloc(1, sizeof *h);
  h->http = (struct http){.call = curl_call, .free = curl_free_http};
  h->curl = curl;
  h->options = *options;
  h->address = must_strdup(a);
  h->address[len] = '\0';
  *out = &h->http;
  return OK;
}
