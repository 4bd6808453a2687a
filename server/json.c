/* SPDX-License-Identifier: Apache-2.0
 * Columns of a row as JSON. */
#include "server/json.h"

#include <string.h>

#include "chain/eth.h"
#include "util/field.h"

json_t *json_real_or_null(const struct db_rows *r, unsigned row, unsigned column)
{
  return db_null(r, row, column) ? json_null() : json_real(db_real(r, row, column));
}

json_t *json_hex_or_null(const struct db_rows *r, unsigned row, unsigned column)
{
  struct bytes b = db_bytes(r, row, column);
  return b.data ? json_hex(b.data, b.len) : json_null();
}

json_t *json_text_or_null(const struct db_rows *r, unsigned row, unsigned column)
{
  const char *text = db_text(r, row, column);
  return text ? json_string(text) : json_null();
}

json_t *json_address_or_null(const struct db_rows *r, unsigned row, unsigned column)
{
  struct address a;
  char text[ADDRESS_TEXT];
  return db_fixed(r, row, column, a.b, sizeof a.b) ? json_string(address_text(text, &a))
                                                   : json_null();
}

json_t *json_split(const char *list)
{
  json_t *out = json_array();
  while (list && *list) {
    size_t len = strcspn(list, ",");
    json_array_append_new(out, json_stringn(list, len));
    list += len + (list[len] == ',');
  }
  return out;
}
