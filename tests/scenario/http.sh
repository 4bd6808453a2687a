#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of the HTTP layer and the nouns against the chorusd of this build.
exec python3 "$CHORUS_SRCDIR/tests/scenario/serving.py" "$@"
