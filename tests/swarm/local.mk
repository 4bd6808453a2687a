# SPDX-License-Identifier: Apache-2.0
# The swarm: many participants from one process, for tests and measurements.
noinst_PROGRAMS += swarm
swarm_SOURCES = tests/swarm/swarm.c tests/swarm/swarm_round.c tests/swarm/swarm.h
swarm_LDADD = $(CLIENT_LIBS) -lm
