/* SPDX-License-Identifier: Apache-2.0
 * Signed reads. */
#include "clients/lib/reader.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/text.h"

#define GOOD_FOR 14400 /* seconds that one is used; a server takes it for a day */

void reader_sign(struct signature *out, const char *label, const struct digest *instance,
                 uint64_t time, const struct secret_identity *key)
{
  uint8_t text[128];
  size_t len = strlen(label);
  memcpy(text, label, len);
  memcpy(text + len, instance->b, sizeof instance->b);
  len += sizeof instance->b;
  len += (size_t)snprintf((char *)text + len, sizeof text - len, "%llu",
                          (unsigned long long)time);
  crypto_sign_detached(out->b, NULL, text, len, key->b);
}

/* The header, made anew when it is not of the last hours (or the clock was set). */
static const char *header_of(struct reader *r)
{
  int64_t now = (int64_t)time(NULL);
  struct signature sig;
  char who[65], hex[129];
  if (!r->id || now <= 0)
    return NULL;
  if (!r->made || now < r->made || now - r->made > GOOD_FOR) {
    reader_sign(&sig, "chorus/v1/read\n", &r->instance, (uint64_t)now, r->key);
    snprintf(r->header, sizeof r->header, "Chorus %s.%lld.%s",
             hex_encode(who, r->id->b, 32), (long long)now, hex_encode(hex, sig.b, 64));
    r->made = now;
    r->refused = false;
  }
  return r->refused ? NULL : r->header;
}

static enum err hidden(struct why *why)
{
  return why_set(why, E_NOT_FOUND, "",
                 "what is for members only is not shown, as the server did not take your "
                 "signature: is the clock right, of this computer and of the server?");
}

enum err reader_call(struct reader *r, struct http *h, const struct http_request *rq,
                     struct http_reply *rp, struct why *why)
{
  struct http_request signed_rq = *rq;
  if (rq->authorization || strcmp(rq->method, "GET") != 0 || !r->id)
    return http_call(h, rq, rp, why);
  signed_rq.authorization = header_of(r);
  enum err e = http_call(h, &signed_rq, rp, why);
  if (signed_rq.authorization && (e == E_UNAUTHENTICATED || e == E_SIGNATURE)) {
    r->refused = true;
    e = http_call(h, rq, rp, why);
  }
  return e == E_NOT_FOUND && r->refused ? hidden(why) : e;
}
