#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of the chorus program and the swarm against the chorusd of this build.
exec python3 "$CHORUS_SRCDIR/tests/scenario/test_client.py" "$@"
