/* SPDX-License-Identifier: Apache-2.0
 * The audit over an arbitrary transcript: {"instance":EVENT,"items":[…]}. The corpus
 * holds a whole round in which a box is complained about; what is around the signed
 * events (leaves, deals, chunk hashes, boxes) can be anything and still reaches the last
 * check. */
#include <stdlib.h>
#include <string.h>

#include "clients/lib/audit.h"
#include "util/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Serves the transcript, and nothing else. */
struct page {
  struct source source;
  struct bytes text;
};

static enum err page_get(struct source *base, const char *path, struct http_range range,
                         size_t max, struct buf *out, struct why *why)
{
  const struct page *p = (const struct page *)base;
  if (!strstr(path, "/transcript"))
    return why_set(why, E_NOT_FOUND, "", "%s", path);
  return buf_put(out, p->text.data, p->text.len);
}

static enum err page_again(struct source *base, struct source **out, struct why *why)
{
  return E_INTERNAL; /* without a sum that is served no vector is asked for */
}

static void audit(const json_t *page, const struct pin *pin, struct source *source)
{
  struct why why;
  struct digest ctx = {{0}};
  const struct audit_options options = {.threads = 1, .light = 1};
  AUTO(audit_log_drop) struct audit_log *log = NULL;
  AUTO(report_done) struct report report;
  AUTO(buf_done) struct buf text = {0};
  size_t i;
  json_t *item;
  json_array_foreach (json_object_get(page, "items"), i, item) {
    AUTO(open_drop) struct open_event *open = NULL;
    if (open_parse(&open, json_object_get(item, "event"), pin->instance.anchored, &why) ==
        OK)
      ctx = open->ctx;
  }
  report_init(&report);
  if (audit_log_open(&log, source, pin, NULL, &why) != OK)
    abort();
  (void)!audit_round(&report, source, log, pin, &ctx, &options, &why);
  if (report_text(&text, &report, false) != OK)
    abort();
  json_decref(report_json(&report));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  AUTO(json_drop) json_t *page = NULL;
  AUTO(pin_done) struct pin pin = {0};
  struct page source = {{.get = page_get, .again = page_again, .vectors = true},
                        BYTES(data, size)};
  if (json_parse(&page, BYTES(data, size), BUF_MAX, NULL) == OK &&
      pin_of(&pin, json_object_get(page, "instance"), "", NULL, NULL) == OK)
    audit(page, &pin, &source.source);
  return 0;
}
