#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/openapi.yaml says what this build's chorusd does.
exec python3 "$CHORUS_SRCDIR/tests/api/described.py" "$CHORUS_BUILDDIR"
