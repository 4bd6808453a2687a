# SPDX-License-Identifier: Apache-2.0
# Scenarios (run_all.py) and stories (run_story.py) with real processes; central trains in
# one place what the stories train together.
noinst_PROGRAMS += central
central_SOURCES = tests/scenario/central.c
central_CFLAGS = $(AM_CFLAGS)
central_LDADD = $(MODEL_LIBS)

# What test_payouts.py puts into the outbox.
noinst_PROGRAMS += plant
plant_SOURCES = tests/scenario/plant.c
plant_CFLAGS = $(AM_CFLAGS)
plant_LDADD = $(CHAIN_LIBS)
