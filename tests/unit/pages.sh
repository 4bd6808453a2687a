#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What pages compute by themselves, under Node.js; skipped where it or the packages are missing.
root=${srcdir:-.}
command -v node >/dev/null && [ -d "$root/static/node_modules/@noble" ] || exit 77
exec node --test "$root/tests/unit/test_pages.mjs"
