/* SPDX-License-Identifier: Apache-2.0
 * Speaking: lines for people, JSON for programs, never both. */
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "clients/cli/cli.h"

/* Bytes of the character at p that must not reach a terminal; 0: it may. */
static size_t harmful(const unsigned char *p)
{
  if (*p < 0x20 || *p == 0x7f)
    return *p == '\n' || *p == '\t' ? 0 : 1;
  if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) /* C1 */
    return 2;
  if (p[0] == 0xe2 && p[1] == 0x80 &&
      ((p[2] >= 0xaa && p[2] <= 0xae) || p[2] == 0x8e || p[2] == 0x8f))
    return 3;
  if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
    return 3;
  return 0;
}

const char *clean(char *out, size_t room, const char *text)
{
  size_t n = 0;
  for (const unsigned char *p = (const unsigned char *)text; *p && n + 1 < room;) {
    size_t bad = harmful(p);
    out[n++] = bad ? '?' : (char)*p;
    p += bad ? bad : 1;
    if (!*p || n + 1 < room)
      continue;
    while (n && ((unsigned char)out[n - 1] & 0xc0) == 0x80) /* cut between characters */
      n--;
    if (n && (unsigned char)out[n - 1] >= 0xc0)
      n--;
  }
  out[n] = '\0';
  return out;
}

static void end_bar(struct cli *c)
{
  if (!c->bar)
    return;
  fputs("\r\033[K", stdout);
  c->bar = false;
}

static void say_text(struct cli *c, const char *text)
{
  char line[4096];
  end_bar(c);
  puts(clean(line, sizeof line, text));
  fflush(stdout);
}

void say(struct cli *c, const char *fmt, ...)
{
  char text[4096];
  va_list ap;
  if (c->o.json)
    return;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  say_text(c, text);
  c->last[0] = '\0';
}

void say_new(struct cli *c, const char *fmt, ...)
{
  char text[sizeof c->last];
  va_list ap;
  if (c->o.json)
    return;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  if (strcmp(text, c->last) == 0)
    return;
  say_text(c, text);
  snprintf(c->last, sizeof c->last, "%s", text);
}

void say_json(struct cli *c, json_t *object)
{
  if (c->o.json && object) {
    json_dumpf(object, stdout, JSON_COMPACT | JSON_SORT_KEYS);
    putchar('\n');
    fflush(stdout);
  }
  json_decref(object);
}

void say_error(struct cli *c, enum err e, const struct why *why)
{
  const struct err_info *info = err_info(e);
  char field[128], detail[512];
  clean(field, sizeof field, why->field);
  clean(detail, sizeof detail, why->detail);
  if (c->o.json) {
    say_json(c, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:i}", "event", "error", "error",
                          info->slug, "title", info->title, "field", field, "detail",
                          detail, "help", info->help, "exit", exit_for(e)));
    return;
  }
  end_bar(c);
  fflush(stdout);
  fprintf(stderr, "%s\n", info->title);
  if (*field || *detail)
    fprintf(stderr, "  %s%s%s\n", field, *field && *detail ? ": " : "", detail);
  if (*info->help)
    fprintf(stderr, "%s\n", info->help);
}

void say_progress(struct cli *c, const char *what, uint64_t done, uint64_t total)
{
  enum { WIDTH = 30 };
  char bar[WIDTH + 1];
  if (!c->tty)
    return;
  size_t full = (size_t)(done * WIDTH / total);
  for (size_t i = 0; i < WIDTH; i++)
    bar[i] = i < full ? '#' : '.';
  bar[WIDTH] = '\0';
  printf("\r\033[K%s [%s] %llu %%", what, bar, (unsigned long long)(done * 100 / total));
  fflush(stdout);
  c->bar = true;
}

const char *clock_text(char out[32], double seconds_from_now)
{
  time_t now = time(NULL), then = now + (time_t)seconds_from_now;
  struct tm today, day;
  localtime_r(&now, &today);
  localtime_r(&then, &day);
  bool same = today.tm_yday == day.tm_yday && today.tm_year == day.tm_year;
  strftime(out, 32, same ? "%H:%M" : "%e %b %H:%M", &day);
  return out;
}
