#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Replays the kept corpus of every fuzz target; a target without a corpus fails.
set -eu
for corpus in "$CHORUS_SRCDIR"/tests/fuzz/corpus/*; do
  target=$(basename "$corpus")
  printf '%s: ' "$target"
  "$CHORUS_BUILDDIR/fuzz_$target" "$corpus"
done
