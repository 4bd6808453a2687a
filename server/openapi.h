/* SPDX-License-Identifier: Apache-2.0
 * The interface describes itself: docs/openapi.yaml, as it was when this was built, and
 * the route table. */
#ifndef SERVER_OPENAPI_H
#define SERVER_OPENAPI_H

#include <stddef.h>

/* Made by docs/openapi.py; the hash is SHA-256 in hex. */
extern const unsigned char openapi_yaml_text[], openapi_json_text[];
extern const size_t openapi_yaml_text_len, openapi_json_text_len;
extern const char openapi_yaml_text_hash[], openapi_json_text_hash[];

/* Prints the route table as JSON, for tests. */
void routes_print(void);

#endif
