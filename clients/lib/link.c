/* SPDX-License-Identifier: Apache-2.0
 * Invite links. */
#include "clients/lib/link.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"

/* Reads `len` bytes of hex and the dot behind them. */
static bool take_hex(void *out, size_t len, const char **at)
{
  char text[65];
  if (strnlen(*at, 2 * len + 1) < 2 * len + 1 || (*at)[2 * len] != '.')
    return false;
  snprintf(text, sizeof text, "%.*s", (int)(2 * len), *at);
  if (hex_decode(out, len, text) != OK)
    return false;
  *at += 2 * len + 1;
  return true;
}

enum err link_parse(struct invite_link *out, const char *text, struct why *why)
{
  static const char mark[] = "#invite=";
  struct invite_link link = {0};
  const char *at = strstr(text, mark);
  if (!at)
    return why_set(why, E_INVITE, "link",
                   "must be the whole link, from http to the end, in quotes: the part "
                   "behind # is the invite itself");
  size_t len = (size_t)(at - text);
  while (len && text[len - 1] == '/')
    len--;
  if (len == 0 || len > ADDRESS_MAX ||
      (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0))
    return why_set(why, E_INVITE, "link", "does not begin with a server's address");
  memcpy(link.address, text, len);
  at += sizeof mark - 1;
  if (!take_hex(link.code, sizeof link.code, &at))
    return why_set(why, E_INVITE, "link", "its code is not 32 hex digits");
  if (!take_hex(link.organisation.b, sizeof link.organisation.b, &at))
    return why_set(why, E_INVITE, "link", "its organisation is not 32 hex digits");
  if (!take_hex(link.instance.b, sizeof link.instance.b, &at))
    return why_set(why, E_INVITE, "link", "its instance is not 64 hex digits");
  if (!slug_valid(at))
    return why_set(why, E_INVITE, "link", "does not end with the name of a model");
  snprintf(link.model, sizeof link.model, "%s", at);
  *out = link;
  return OK;
}
