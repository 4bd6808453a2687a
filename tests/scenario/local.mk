# SPDX-License-Identifier: Apache-2.0
# Scenarios (run_all.py) and stories (run_story.py) with real processes; central trains in
# one place what the stories train together.
noinst_PROGRAMS += central
central_SOURCES = tests/scenario/central.c
central_CFLAGS = $(AM_CFLAGS)
central_LDADD = $(MODEL_LIBS)
EXTRA_DIST += tests/scenario/harness.py tests/scenario/proxy.py tests/scenario/voice.py \
  tests/scenario/run_all.py tests/scenario/run_story.py tests/scenario/stranger.py \
  tests/scenario/stranger_selftest.py \
  tests/scenario/forger.py tests/scenario/test_watch.py \
  tests/scenario/ledger.py tests/scenario/test_log.py tests/scenario/test_sequencer.py \
  tests/scenario/test_bad_input.py tests/scenario/test_cheating.py \
  tests/scenario/test_faults.py tests/scenario/test_independent.py \
  tests/scenario/test_rounds.py \
  tests/scenario/test_stranger.py tests/scenario/test_swarm.py \
  tests/scenario/test_transcript.py tests/scenario/test_verify.py
