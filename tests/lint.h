/* SPDX-License-Identifier: Apache-2.0
 * Read before every file by the analysers of ./dev lint, never by a build: it tells them
 * what they cannot see from one file, that why_set returns the error it was given. */
#include "util/err.h"

#define why_set(why, e, ...) ((void)(why_set)(why, e, __VA_ARGS__), (e))
