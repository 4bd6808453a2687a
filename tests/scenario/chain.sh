#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of src/chain against ethers, a real Ethereum node, and nodes that lie.
exec python3 "$CHORUS_SRCDIR/tests/scenario/test_chain.py" "$@"
