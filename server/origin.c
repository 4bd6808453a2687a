/* SPDX-License-Identifier: Apache-2.0
 * Where a request comes from: the address, and the page. */
#include "server/origin.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "server/http_internal.h"
#include "server/server.h"

static void connection_address(const struct exchange *x, char *out, size_t room)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  const struct sockaddr *at = info ? info->client_addr : NULL;
  socklen_t len = at && at->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                  : sizeof(struct sockaddr_in);
  if (!at || getnameinfo(at, len, out, (socklen_t)room, NULL, 0, NI_NUMERICHOST) != 0)
    snprintf(out, room, "unknown");
}

/* The last entry is the one that the proxy added itself. */
static void forwarded(const struct request *rq, char *out, size_t room)
{
  const char *list = request_header(rq, "X-Forwarded-For");
  if (!list)
    return;
  const char *last = strrchr(list, ',');
  last = last ? last + 1 : list;
  last += strspn(last, " \t");
  snprintf(out, room, "%.*s", (int)strcspn(last, " \t"), last);
}

void peer_find(struct peer *out, const struct request *rq)
{
  struct in6_addr six;
  struct in_addr four;
  const char *proxy = rq->server->config.proxy;
  connection_address(rq->http, out->text, sizeof out->text);
  if (proxy && strcmp(out->text, proxy) == 0)
    forwarded(rq, out->text, sizeof out->text);
  if (inet_pton(AF_INET, out->text, &four) == 1) {
    inet_ntop(AF_INET, &four, out->group, sizeof out->group);
    return;
  }
  if (inet_pton(AF_INET6, out->text, &six) != 1) {
    snprintf(out->text, sizeof out->text, "unknown");
    snprintf(out->group, sizeof out->group, "unknown");
    return;
  }
  if (IN6_IS_ADDR_V4MAPPED(&six))
    inet_ntop(AF_INET, six.s6_addr + 12, out->group, sizeof out->group);
  else {
    memset(six.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &six, out->group, sizeof out->group);
  }
}

/* scheme://host[:port] in front of a configured address. */
static bool is_configured(const char *origin, const char *url)
{
  size_t len = strlen(origin);
  return url && strncasecmp(origin, url, len) == 0 && (!url[len] || url[len] == '/');
}

enum err origin_check(struct request *rq)
{
  const char *origin = request_header(rq, "Origin");
  const char *host = request_header(rq, "Host");
  if (!origin || is_configured(origin, rq->server->config.url))
    return OK;
  const char *authority = strstr(origin, "://");
  if (authority && host && strcasecmp(authority + 3, host) == 0)
    return OK;
  return why_set(rq->why, E_CSRF, "", "Origin: is another site");
}
