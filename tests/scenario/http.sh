#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the HTTP tests against the chorusd of this build.
exec python3 "$CHORUS_SRCDIR/tests/scenario/test_http.py" "$@"
