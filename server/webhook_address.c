/* SPDX-License-Identifier: Apache-2.0
 * Where webhooks may go. The address that a name stands for is looked at when curl is
 * about to connect to it (webhook_post.c): there is no second look-up in between that
 * could give another one. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "server/webhook.h"

struct range {
  uint8_t start[16];
  unsigned bits;
};

/* IANA's registries of special-purpose addresses, and multicast. */
static const struct range refused4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* carrier-grade NAT */
    {{127}, 8},           /* this machine */
    {{169, 254}, 16},     /* link-local, and where clouds serve credentials */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, broadcast */
};
/* Of 2000::/3; all else is not global unicast, mapped IPv4 and NAT64 among it. */
static const struct range refused6[] = {
    {{0x20, 0x01, 0x00}, 23},       /* protocol assignments, Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4: stands for an IPv4 address */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};
static const struct range global6 = {{0x20}, 3};

static bool within(const uint8_t *address, const struct range *r)
{
  unsigned whole = r->bits / 8, rest = r->bits % 8;
  if (memcmp(address, r->start, whole) != 0)
    return false;
  return rest == 0 || (address[whole] ^ r->start[whole]) >> (8 - rest) == 0;
}

static bool any(const uint8_t *address, const struct range *ranges, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (within(address, &ranges[i]))
      return true;
  return false;
}

bool address_public(const struct sockaddr *address)
{
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  switch (address->sa_family) {
  case AF_INET:
    memcpy(&v4, address, sizeof v4);
    return !any((const uint8_t *)&v4.sin_addr, refused4, LENGTH(refused4));
  case AF_INET6:
    memcpy(&v6, address, sizeof v6);
    return within(v6.sin6_addr.s6_addr, &global6) &&
           !any(v6.sin6_addr.s6_addr, refused6, LENGTH(refused6));
  default:
    return false;
  }
}

/* ---- urls ---- */

/* A host that is an address itself, in any way that the resolver would read one. */
static bool host_refused(const char *host)
{
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  char inner[64];
  size_t len = strlen(host);
  if (inet_aton(host, &v4.sin_addr))
    return !address_public((const struct sockaddr *)&v4);
  if (host[0] != '[' || len < 3 || len >= sizeof inner)
    return false;
  memcpy(inner, host + 1, len - 2);
  inner[len - 2] = 0;
  inner[strcspn(inner, "%")] = 0;
  return inet_pton(AF_INET6, inner, &v6.sin6_addr) != 1 ||
         !address_public((const struct sockaddr *)&v6);
}

static enum err check_parts(CURLU *u, bool private_too, struct why *why)
{
  char *scheme = NULL, *host = NULL, *user = NULL;
  enum err e = OK;
  curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
  curl_url_get(u, CURLUPART_HOST, &host, 0);
  curl_url_get(u, CURLUPART_USER, &user, 0);
  bool https = scheme && strcmp(scheme, "https") == 0;
  bool http = scheme && strcmp(scheme, "http") == 0;
  if (!https && !(http && private_too))
    e = why_set(why, E_FIELD_VALUE, "url", "must begin with https://");
  else if (user)
    e = why_set(why, E_FIELD_VALUE, "url", "must hold no user name and password");
  else if (!host || !*host)
    e = why_set(why, E_FIELD_VALUE, "url", "names no host");
  else if (!private_too && host_refused(host))
    e = why_set(why, E_FIELD_VALUE, "url",
                "is an address of this machine or of a private network; the setting "
                "webhook-private allows it");
  curl_free(scheme);
  curl_free(host);
  curl_free(user);
  return e;
}

enum err webhook_url_check(const char *url, bool private_too, struct why *why)
{
  for (const char *p = url; *p; p++)
    if (*p <= ' ' || *p > '~')
      return why_set(why, E_FIELD_VALUE, "url", "must be printable ASCII");
  CURLU *u = curl_url();
  enum err e = !u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK
                   ? why_set(why, E_FIELD_VALUE, "url", "is not an address")
                   : check_parts(u, private_too, why);
  curl_url_cleanup(u);
  return e;
}
