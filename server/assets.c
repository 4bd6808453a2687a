/* SPDX-License-Identifier: Apache-2.0
 * The pages from memory: reading the folder, and choosing what fits a request. */
#include "server/assets.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/etag.h"
#include "server/http_internal.h"
#include "util/log.h"
#include "util/text.h"

#define ASSETS_MAX ((size_t)64 << 20) /* bytes of all files together */
#define DEPTH_MAX 4u
#define PATH_ROOM 512u
#define ETAG_TEXT 33u
#define HOW                                                                              \
  "make the pages (./dev build, or make dashboard) and name their folder with the "      \
  "setting static"

#define PAGE_POLICY                                                                      \
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "      \
  "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "          \
  "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

enum encoding { PLAIN, BROTLI, GZIP, ENCODINGS };

static const struct {
  const char *name, *ending;
} encodings[ENCODINGS] = {{"identity", ""}, {"br", ".br"}, {"gzip", ".gz"}};

struct variant {
  struct buf bytes;
  char etag[ETAG_TEXT];
  struct MHD_Response *whole, *unchanged;
};

struct asset {
  char *path; /* "/assets/app-1A2B.js" */
  struct variant variant[ENCODINGS];
};

struct assets {
  const struct server *server;
  struct asset *list; /* by path */
  size_t len, total;
  const struct asset *index;
};

/* ---- reading the folder ---- */

static enum err read_file(struct assets *a, const char *name, struct buf *out,
                          struct why *why)
{
  FILE *f = fopen(name, "re");
  uint8_t part[16384];
  size_t got;
  enum err e = OK;
  if (!f)
    return why_set(why, E_IO, name, "%s", strerror(errno));
  while (e == OK && (got = fread(part, 1, sizeof part, f)) > 0) {
    a->total += got;
    e = a->total > ASSETS_MAX ? why_set(why, E_TOO_LARGE, name, "the pages are too large")
                              : buf_put(out, part, got);
  }
  if (e == OK && ferror(f))
    e = why_set(why, E_IO, name, "cannot be read");
  fclose(f);
  return e;
}

static bool ends(const char *text, const char *with)
{
  size_t len = strlen(text), tail = strlen(with);
  return len > tail && strcmp(text + len - tail, with) == 0;
}

static enum err add_file(struct assets *a, const char *name, const char *path,
                         struct why *why)
{
  struct asset *one;
  a->list = must_realloc(a->list, a->len + 1, sizeof *a->list);
  one = &a->list[a->len++];
  *one = (struct asset){.path = must_strdup(path)};
  TRY(read_file(a, name, &one->variant[PLAIN].bytes, why));
  for (int i = PLAIN + 1; i < ENCODINGS; i++) {
    char beside[PATH_ROOM + 8];
    struct stat st;
    snprintf(beside, sizeof beside, "%s%s", name, encodings[i].ending);
    if (stat(beside, &st) == 0)
      TRY(read_file(a, beside, &one->variant[i].bytes, why));
  }
  return OK;
}

static enum err add_folder(struct assets *a, const char *folder, const char *path,
                           unsigned depth, struct why *why);

static enum err add_entry(struct assets *a, const char *folder, const char *path,
                          const char *entry, unsigned depth, struct why *why)
{
  char name[PATH_ROOM], below[PATH_ROOM];
  struct stat st;
  int n = snprintf(name, sizeof name, "%s/%s", folder, entry);
  int m = snprintf(below, sizeof below, "%s/%s", path, entry);
  if (n < 0 || (size_t)n >= sizeof name || m < 0 || (size_t)m >= sizeof below)
    return why_set(why, E_CONFIG, "static", "a path in it is too long");
  if (*entry == '.' || ends(entry, ".br") || ends(entry, ".gz"))
    return OK;
  if (stat(name, &st) != 0)
    return why_set(why, E_IO, name, "%s", strerror(errno));
  if (S_ISDIR(st.st_mode))
    return depth < DEPTH_MAX ? add_folder(a, name, below, depth + 1, why) : OK;
  return S_ISREG(st.st_mode) ? add_file(a, name, below, why) : OK;
}

static enum err add_folder(struct assets *a, const char *folder, const char *path,
                           unsigned depth, struct why *why)
{
  DIR *dir = opendir(folder);
  enum err e = OK;
  if (!dir)
    return why_set(why, E_IO, folder, "%s", strerror(errno));
  for (struct dirent *d; e == OK && (d = readdir(dir));)
    e = add_entry(a, folder, path, d->d_name, depth, why);
  closedir(dir);
  return e;
}

/* ---- the prepared answers ---- */

static const char *content_type(const char *path)
{
  static const char *const types[][2] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".webp", "image/webp"},
      {".woff2", "font/woff2"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".txt", "text/plain; charset=utf-8"},
  };
  for (size_t i = 0; i < LENGTH(types); i++)
    if (ends(path, types[i][0]))
      return types[i][1];
  return "application/octet-stream";
}

static struct MHD_Response *prepare(const struct assets *a, const struct asset *one,
                                    enum encoding encoding, bool whole)
{
  const struct variant *v = &one->variant[encoding];
  bool kept = strncmp(one->path, "/assets/", 8) == 0;
  char quoted[ETAG_TEXT + 2];
  struct MHD_Response *r = MHD_create_response_from_buffer(
      whole ? v->bytes.len : 0, v->bytes.data, MHD_RESPMEM_PERSISTENT);
  snprintf(quoted, sizeof quoted, "\"%s\"", v->etag);
  MHD_add_response_header(r, "ETag", quoted);
  MHD_add_response_header(r, "Cache-Control",
                          kept ? "public, max-age=31536000, immutable" : "no-cache");
  MHD_add_response_header(r, "Vary", "Accept-Encoding");
  response_security(r, a->server, PAGE_POLICY);
  if (!whole)
    return r;
  MHD_add_response_header(r, "Content-Type", content_type(one->path));
  MHD_add_response_header(r, "Cross-Origin-Opener-Policy", "same-origin");
  if (encoding != PLAIN)
    MHD_add_response_header(r, "Content-Encoding", encodings[encoding].name);
  return r;
}

static void prepare_all(const struct assets *a, struct asset *one)
{
  for (int i = 0; i < ENCODINGS; i++) {
    struct variant *v = &one->variant[i];
    uint8_t hash[crypto_hash_sha256_BYTES];
    if (i != PLAIN && !v->bytes.len)
      continue;
    crypto_hash_sha256(hash, v->bytes.data, v->bytes.len);
    hex_encode(v->etag, hash, (ETAG_TEXT - 1) / 2);
    v->whole = prepare(a, one, (enum encoding)i, true);
    v->unchanged = prepare(a, one, (enum encoding)i, false);
  }
}

static int by_path(const void *a, const void *b)
{
  return strcmp(((const struct asset *)a)->path, ((const struct asset *)b)->path);
}

static const struct asset *look_up(const struct assets *a, const char *path)
{
  const struct asset wanted = {.path = (char *)path};
  return a->len ? bsearch(&wanted, a->list, a->len, sizeof *a->list, by_path) : NULL;
}

static void empty(struct assets *a)
{
  for (size_t i = 0; i < a->len; i++) {
    struct asset *one = &a->list[i];
    for (int k = 0; k < ENCODINGS; k++) {
      if (one->variant[k].whole) {
        MHD_destroy_response(one->variant[k].whole);
        MHD_destroy_response(one->variant[k].unchanged);
      }
      buf_done(&one->variant[k].bytes);
    }
    free(one->path);
  }
  free(a->list);
  a->list = NULL;
  a->len = a->total = 0;
}

struct assets *assets_load(const char *folder, const struct server *server,
                           struct why *why)
{
  struct assets *a = must_calloc(1, sizeof *a);
  struct why below = {0};
  a->server = server;
  enum err e = add_folder(a, folder, "", 0, &below);
  if (e == OK && a->len)
    qsort(a->list, a->len, sizeof *a->list, by_path);
  a->index = e == OK ? look_up(a, "/index.html") : NULL;
  if (!a->index) {
    empty(a);
    (void)!why_set(why, E_CONFIG, "static", "%s: %s; %s", folder,
                   e == OK ? "no index.html is there" : below.detail, HOW);
    return a;
  }
  for (size_t i = 0; i < a->len; i++)
    prepare_all(a, &a->list[i]);
  return a;
}

void assets_free(struct assets *a)
{
  if (!a)
    return;
  empty(a);
  free(a);
}

/* ---- a request ---- */

bool assets_path(const char *path)
{
  return strncmp(path, "/api/", 5) != 0 && strcmp(path, "/metrics") != 0;
}

/* Whether a list item, as "br;q=0.5", names this coding; *refused: with a weight of 0. */
static bool names(const char *item, size_t len, const char *coding, bool *refused)
{
  size_t name = strcspn(item, " \t;,");
  if (name > len || name != strlen(coding) || strncasecmp(item, coding, name) != 0)
    return false;
  const char *q = memchr(item, '=', len);
  *refused = q && q[1] == '0' &&
             strspn(q + 1, "0.") == strcspn(q + 1, " \t,"); /* 0, 0.0, 0.000 */
  return true;
}

static bool accepts(const char *header, const char *coding)
{
  bool refused = false, any = false, found = false;
  while (header && *header && !found) {
    header += strspn(header, " \t,");
    size_t len = strcspn(header, ",");
    if (names(header, len, coding, &refused))
      found = true;
    else if (names(header, len, "*", &refused))
      any = !refused;
    header += len;
  }
  return found ? !refused : any;
}

static const struct variant *choose(const struct asset *one, const char *accept_encoding)
{
  for (int i = PLAIN + 1; i < ENCODINGS; i++)
    if (one->variant[i].whole && accepts(accept_encoding, encodings[i].name))
      return &one->variant[i];
  return &one->variant[PLAIN];
}

enum err assets_find(const struct assets *a, const char *path,
                     const char *accept_encoding, const char *if_none_match,
                     struct asset_choice *out, struct why *why)
{
  const struct asset *one = look_up(a, path);
  if (!one && strncmp(path, "/assets/", 8) != 0)
    one = a->index;
  if (!one)
    return why_set(why, E_NOT_FOUND, "", "%s",
                   a->index ? "no such address" : "this server has no pages: " HOW);
  const struct variant *v = choose(one, accept_encoding);
  bool same = if_none_match && etag_listed(if_none_match, v->etag, true);
  *out = (struct asset_choice){same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK,
                               same ? v->unchanged : v->whole};
  return OK;
}
