/* SPDX-License-Identifier: Apache-2.0
 * Field tables over jansson. */
#include "util/field.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"

static const char *kind_name(enum field_kind k)
{
  switch (k) {
  case FK_HEX:
    return "a string of lowercase hex digits";
  case FK_STRING:
  case FK_CONST:
    return "a string";
  case FK_DECIMAL:
    return "a decimal written as a string, such as \"0.05\"";
  case FK_UINT:
  case FK_INT:
    return "a whole number";
  case FK_BOOL:
    return "true or false";
  case FK_ARRAY:
    return "an array";
  case FK_OBJECT:
    return "an object";
  case FK_ANY:
  case FK_END:
    break;
  }
  return "a value";
}

static bool type_fits(enum field_kind k, const json_t *v)
{
  switch (k) {
  case FK_HEX:
  case FK_STRING:
  case FK_CONST:
  case FK_DECIMAL:
    return json_is_string(v);
  case FK_UINT:
  case FK_INT:
    return json_is_integer(v);
  case FK_BOOL:
    return json_is_boolean(v);
  case FK_ARRAY:
    return json_is_array(v);
  case FK_OBJECT:
    return json_is_object(v);
  case FK_ANY:
  case FK_END:
    break;
  }
  return true;
}

static enum err read_one(const struct field *f, json_t *v, const char *name,
                         struct why *why)
{
  const char *s = json_string_value(v);
  switch (f->kind) {
  case FK_HEX:
    if (hex_decode(f->out, f->size, s) != OK)
      return why_set(why, E_FIELD_VALUE, name, "must be exactly %zu lowercase hex digits",
                     2 * f->size);
    return OK;
  case FK_CONST:
    if (strcmp(s, f->text) != 0)
      return why_set(why, E_FIELD_VALUE, name, "must be \"%s\"", f->text);
    return OK;
  case FK_STRING: {
    double len = (double)json_string_length(v);
    if (len < f->min || len > f->max || strlen(s) != json_string_length(v))
      return why_set(why, E_FIELD_VALUE, name, "must have %.0f to %.0f bytes", f->min,
                     f->max);
    *(const char **)f->out = s;
    return OK;
  }
  case FK_DECIMAL: {
    double d = 0;
    if (decimal_parse(&d, s) != OK || d < f->min || d > f->max)
      return why_set(why, E_FIELD_VALUE, name,
                     "must be a plain decimal such as \"0.05\", from %g to %g", f->min,
                     f->max);
    *(double *)f->out = d;
    return OK;
  }
  case FK_UINT:
  case FK_INT: {
    json_int_t i = json_integer_value(v);
    if ((double)i < f->min || (double)i > f->max)
      return why_set(why, E_FIELD_VALUE, name, "must be from %.0f to %.0f", f->min,
                     f->max);
    if (f->kind == FK_UINT)
      *(uint64_t *)f->out = (uint64_t)i;
    else
      *(int64_t *)f->out = (int64_t)i;
    return OK;
  }
  case FK_BOOL:
    *(bool *)f->out = json_is_true(v);
    return OK;
  case FK_ARRAY: {
    double n = (double)json_array_size(v);
    if (n < f->min || n > f->max)
      return why_set(why, E_FIELD_VALUE, name, "must have %.0f to %.0f entries", f->min,
                     f->max);
    *(json_t **)f->out = v;
    return OK;
  }
  case FK_OBJECT:
  case FK_ANY:
    *(json_t **)f->out = v;
    return OK;
  case FK_END:
    break;
  }
  return E_INTERNAL;
}

static void full_name(char *out, size_t room, const char *path, const char *name)
{
  snprintf(out, room, "%s%s%s", path ? path : "", path && *path ? "." : "", name);
}

enum err field_read_at(const json_t *root, const struct field *table, const char *path,
                       struct why *why)
{
  char name[96];
  if (!json_is_object(root))
    return why_set(why, E_FIELD_TYPE, path, "must be an object");
  size_t known = 0;
  for (const struct field *f = table; f->kind != FK_END; f++) {
    json_t *v = json_object_get(root, f->name);
    full_name(name, sizeof name, path, f->name);
    if (f->present)
      *f->present = v && !(f->nullable && json_is_null(v));
    if (!v && f->optional)
      continue;
    if (!v)
      return why_set(why, E_FIELD_MISSING, name, "is required");
    known++;
    if (f->nullable && json_is_null(v))
      continue;
    if (!type_fits(f->kind, v))
      return why_set(why, E_FIELD_TYPE, name, "must be %s", kind_name(f->kind));
    TRY(read_one(f, v, name, why));
  }
  if (known == json_object_size(root))
    return OK;
  const char *key;
  json_t *v;
  json_object_foreach ((json_t *)root, key, v) {
    const struct field *f = table;
    while (f->kind != FK_END && strcmp(f->name, key) != 0)
      f++;
    if (f->kind == FK_END) {
      full_name(name, sizeof name, path, key);
      return why_set(why, E_FIELD_UNKNOWN, name, "is not known here");
    }
  }
  return E_INTERNAL;
}

enum err field_read(const json_t *root, const struct field *table, struct why *why)
{
  return field_read_at(root, table, "", why);
}

/* jansson recurses to a depth of 2,048; a cap of 32 is checked here, before it parses. */
static bool too_deep(struct bytes text)
{
  unsigned depth = 0;
  bool string = false;
  for (size_t i = 0; i < text.len; i++) {
    uint8_t c = text.data[i];
    if (string) {
      if (c == '\\')
        i++;
      else if (c == '"')
        string = false;
    } else if (c == '"') {
      string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > 32)
        return true;
    } else if ((c == '}' || c == ']') && depth) {
      depth--;
    }
  }
  return false;
}

enum err json_parse(json_t **out, struct bytes text, size_t max, struct why *why)
{
  if (text.len > max)
    return why_set(why, E_TOO_LARGE, "", "at most %zu bytes are accepted", max);
  if (too_deep(text))
    return why_set(why, E_JSON, "", "nested more than 32 deep");
  json_error_t bad;
  json_t *root =
      json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &bad);
  if (!root)
    return why_set(why, E_JSON, "", "line %d, column %d: %s", bad.line, bad.column,
                   bad.text);
  if (!json_is_object(root)) {
    json_decref(root);
    return why_set(why, E_JSON, "", "an object is expected");
  }
  *out = root;
  return OK;
}
