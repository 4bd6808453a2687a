# SPDX-License-Identifier: Apache-2.0
# Scenarios (run_all.py) and stories (run_story.py) with real processes; central trains in
# one place what the stories train together.
noinst_PROGRAMS += central
central_SOURCES = tests/scenario/central.c
central_CFLAGS = $(AM_CFLAGS)
central_LDADD = $(MODEL_LIBS)
EXTRA_DIST += tests/scenario/forger.py tests/scenario/chain.py tests/scenario/harness.py tests/scenario/ledger.py \
  tests/scenario/proxy.py tests/scenario/rewriter.py tests/scenario/run_all.py \
  tests/scenario/run_story.py tests/scenario/serving.py tests/scenario/stranger.py \
  tests/scenario/stranger_selftest.py tests/scenario/test_bad_input.py \
  tests/scenario/test_cheating.py tests/scenario/test_client.py \
  tests/scenario/test_community.py tests/scenario/test_downloads.py tests/scenario/test_faults.py \
  tests/scenario/test_http.py tests/scenario/test_independent.py tests/scenario/test_log.py \
  tests/scenario/test_nouns.py tests/scenario/test_restored.py tests/scenario/test_rounds.py tests/scenario/test_sequencer.py \
  tests/scenario/test_stranger.py tests/scenario/test_swarm.py tests/scenario/test_tamper.py \
  tests/scenario/test_tools.py tests/scenario/test_transcript.py tests/scenario/test_verify.py tests/scenario/test_watch.py tests/scenario/receiver.py \
  tests/scenario/test_webhooks.py \
  tests/scenario/test_chain_client.py tests/scenario/deploy.mjs tests/scenario/voice.py

# What test_payouts.py puts into the outbox.
noinst_PROGRAMS += plant
plant_SOURCES = tests/scenario/plant.c
plant_CFLAGS = $(AM_CFLAGS)
plant_LDADD = $(CHAIN_LIBS)
EXTRA_DIST += tests/scenario/anchored.py tests/scenario/test_anchored.py \
  tests/scenario/test_anchored_client.py tests/scenario/test_payouts.py
