/* SPDX-License-Identifier: Apache-2.0
 * Entity tags. */
#include "server/etag.h"

#include <sodium.h>
#include <string.h>

#include "util/text.h"

#define TAG_BYTES 16u

bool etag_listed(const char *list, const char *etag, bool weak)
{
  size_t len = strlen(etag);
  while (*list) {
    bool is_weak = false;
    list += strspn(list, " \t,");
    if (*list == '*')
      return true;
    if (strncmp(list, "W/", 2) == 0) {
      is_weak = true;
      list += 2;
    }
    if (*list != '"')
      return false;
    const char *end = strchr(++list, '"');
    if (!end)
      return false;
    if ((weak || !is_weak) && (size_t)(end - list) == len && memcmp(list, etag, len) == 0)
      return true;
    list = end + 1;
  }
  return false;
}

void etag_of_json(char out[72], const json_t *value)
{
  uint8_t hash[crypto_hash_sha256_BYTES];
  AUTO(free_drop) char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
  crypto_hash_sha256(hash, (const uint8_t *)(text ? text : ""), text ? strlen(text) : 0);
  hex_encode(out, hash, TAG_BYTES);
}

enum err request_if_match(struct request *rq, const char *etag, bool needed)
{
  const char *given = request_header(rq, "If-Match");
  if (!given)
    return needed ? E_PRECONDITION_NEEDED : OK;
  if (etag && etag_listed(given, etag, false))
    return OK;
  return why_set(rq->why, E_PRECONDITION, "", etag ? "it now has the ETag \"%s\"" : "%s",
                 etag ? etag : "there is nothing by that name now");
}
