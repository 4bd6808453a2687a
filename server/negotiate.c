/* SPDX-License-Identifier: Apache-2.0
 * What a caller takes (RFC 9110 section 12), and where the next page of a list is (RFC
 * 8288). */
#include <stdio.h>
#include <string.h>

#include "server/http_internal.h"
#include "util/buf.h"

/* ---- Accept ---- */

/* Whether a weight is nothing: "q=0", "q=0.0" … somewhere in the parameters. */
static bool is_refused(const char *params, size_t len)
{
  for (const char *p = params; p < params + len; p++) {
    if (*p != ';')
      continue;
    const char *q = p + 1 + strspn(p + 1, " \t");
    if ((*q == 'q' || *q == 'Q') && q[1] == '=' && q[2] == '0')
      return strspn(q + 2, "0.") == strcspn(q + 2, " \t,;");
  }
  return false;
}

/* How exactly a media range names the type: 0 not at all, 3 itself. */
static unsigned names_type(const char *range, size_t len, const char *type)
{
  size_t whole = strcspn(type, ";"), main = strcspn(type, "/") + 1;
  if (len == whole && strncasecmp(range, type, len) == 0)
    return 3;
  if (len == main + 1 && strncasecmp(range, type, main) == 0 && range[main] == '*')
    return 2;
  return len == 3 && memcmp(range, "*/*", 3) == 0;
}

bool negotiate_fits(const char *accept, const char *type)
{
  unsigned best = 0;
  bool fits = false;
  if (!accept || !accept[strspn(accept, " \t,")])
    return true;
  while (*accept) {
    accept += strspn(accept, " \t,");
    size_t len = strcspn(accept, ","), name = strcspn(accept, "; \t,");
    unsigned exact = names_type(accept, name, type);
    if (exact > best) {
      best = exact;
      fits = !is_refused(accept, len);
    }
    accept += len;
  }
  return fits;
}

enum err negotiate_type(struct exchange *x, const char *type)
{
  if (negotiate_fits(request_header(&x->request, "Accept"), type))
    return OK;
  return why_set(&x->why, E_ACCEPT, "", "%.*s is what is given here",
                 (int)strcspn(type, ";"), type);
}

/* ---- Link ---- */

struct link {
  struct buf text;
  bool first, failed;
};

static void put_encoded(struct link *l, const char *text)
{
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                              "0123456789-._~";
  for (; text && *text; text++)
    if (buf_printf(&l->text, strchr(plain, *text) ? "%c" : "%%%02X",
                   (unsigned char)*text) != OK)
      l->failed = true;
}

static void put_pair(struct link *l, const char *name, const char *value)
{
  l->failed |= buf_puts(&l->text, l->first ? "?" : "&") != OK;
  l->first = false;
  put_encoded(l, name);
  l->failed |= buf_puts(&l->text, "=") != OK;
  put_encoded(l, value);
}

static enum MHD_Result keep_pair(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
  if (strcmp(name, "cursor") != 0)
    put_pair(cls, name, value);
  return MHD_YES;
}

void link_next(struct exchange *x, const json_t *reply)
{
  const char *next = json_string_value(json_object_get(reply, "next"));
  if (!next || strpbrk(x->target, "<>\"\\"))
    return;
  struct link l = {.first = true};
  buf_init(&l.text, 2 * TARGET_MAX);
  l.failed = buf_printf(&l.text, "<%s", x->target) != OK;
  MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, keep_pair, &l);
  put_pair(&l, "cursor", next);
  l.failed |= buf_puts(&l.text, ">; rel=\"next\"") != OK;
  if (!l.failed)
    MHD_add_response_header(x->response, "Link", buf_text(&l.text));
  buf_done(&l.text);
}
