/* SPDX-License-Identifier: Apache-2.0
 * Who calls: administrators by a token of which the database keeps the SHA-256,
 * participants by a signature over the round they read from (docs/api.md). */
#include <sodium.h>
#include <string.h>

#include "db/db.h"
#include "server/http_internal.h"
#include "util/text.h"

#define TOKEN_MAX 128u

static enum err check_admin(struct exchange *x, struct db *db, const char *credentials)
{
  AUTO(db_rows_done) struct db_rows rows = {0};
  struct digest hash;
  size_t len = strlen(credentials);
  if (len == 0 || len > TOKEN_MAX)
    return why_set(&x->why, E_UNAUTHENTICATED, "", "this is not a token");
  crypto_hash_sha256(hash.b, (const uint8_t *)credentials, len);
  TRY(db_query(db, Q_ADMIN_TOKEN_FIND, &rows, DB_ARGS(DB_FIXED(&hash))));
  if (rows.len == 0)
    return why_set(&x->why, E_UNAUTHENTICATED, "", "the token is not known");
  return OK;
}

/* The path parameter that the pattern calls {ctx}, always the first. */
static enum err read_ctx(struct exchange *x, struct digest *ctx)
{
  if (!strstr(x->route->pattern, "/{ctx}"))
    return E_INTERNAL;
  return request_param_hex(&x->request, 0, ctx->b, sizeof ctx->b);
}

static enum err check_participant(struct exchange *x, const char *credentials)
{
  static const char label[] = "chorus/v1/fetch\n";
  uint8_t message[sizeof label - 1 + sizeof(struct digest)];
  char id_hex[2 * sizeof(struct identity) + 1] = {0};
  struct identity id;
  struct signature sig;
  struct digest ctx;
  TRY(read_ctx(x, &ctx));
  const char *dot = strchr(credentials, '.');
  if (!dot || (size_t)(dot - credentials) != sizeof id_hex - 1)
    return why_set(&x->why, E_UNAUTHENTICATED, "", "expected: Chorus ID.SIG, in hex");
  memcpy(id_hex, credentials, sizeof id_hex - 1);
  if (hex_decode(id.b, sizeof id.b, id_hex) != OK ||
      hex_decode(sig.b, sizeof sig.b, dot + 1) != OK)
    return why_set(&x->why, E_UNAUTHENTICATED, "", "expected: Chorus ID.SIG, in hex");
  memcpy(message, label, sizeof label - 1);
  memcpy(message + sizeof label - 1, ctx.b, sizeof ctx.b);
  if (crypto_sign_verify_detached(sig.b, message, sizeof message, id.b) != 0)
    return why_set(&x->why, E_SIGNATURE, "", "the fetch signature does not fit");
  x->request.identity = id;
  x->request.has_identity = true;
  return OK;
}

enum err auth_check(struct exchange *x, struct db *db)
{
  const char *text =
      MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Authorization");
  switch (x->route->who) {
  case WHO_PUBLIC:
    if ((x->route->flags & ROUTE_IDENTITY) && text &&
        strncasecmp(text, "Chorus ", 7) == 0)
      return check_participant(x, text + 7);
    return OK;
  case WHO_ADMIN:
    if (!text || strncasecmp(text, "Bearer ", 7) != 0)
      return why_set(&x->why, E_UNAUTHENTICATED, "", "expected: Bearer TOKEN");
    return check_admin(x, db, text + 7);
  case WHO_PARTICIPANT:
    if (strcmp(x->route->method, "GET") != 0)
      return OK; /* the body is an event that the participant signed */
    if (!text || strncasecmp(text, "Chorus ", 7) != 0)
      return why_set(&x->why, E_UNAUTHENTICATED, "", "expected: Chorus ID.SIG, in hex");
    return check_participant(x, text + 7);
  }
  return E_INTERNAL;
}
