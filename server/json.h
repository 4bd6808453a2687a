/* SPDX-License-Identifier: Apache-2.0
 * Columns of a row as JSON. The caller owns what it gets. */
#ifndef SERVER_JSON_H
#define SERVER_JSON_H

#include <jansson.h>

#include "db/db.h"

/* A number, a text that may be null. */
json_t *json_real_or_null(const struct db_rows *r, unsigned row, unsigned column);
json_t *json_text_or_null(const struct db_rows *r, unsigned row, unsigned column);
/* Bytes of the database as hex; null: null. */
json_t *json_hex_or_null(const struct db_rows *r, unsigned row, unsigned column);
/* The 20 bytes of an Ethereum address as it is written, with its checksum; null: null. */
json_t *json_address_or_null(const struct db_rows *r, unsigned row, unsigned column);
/* "iris,digits" as an array; NULL: an empty one. */
json_t *json_split(const char *list);

#endif
