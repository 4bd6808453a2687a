# SPDX-License-Identifier: Apache-2.0
# core: the protocol, pure (no files, no network, no clock). Sees util only.
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = \
  src/core/box.c src/core/box.h \
  src/core/dleq.c src/core/dleq.h \
  src/core/event.c src/core/event.h \
  src/core/mask.c src/core/mask.h \
  src/core/message.c src/core/message_build.c src/core/message_phases.c \
  src/core/message.h src/core/message_internal.h \
  src/core/party.c src/core/party_store.c src/core/party.h src/core/party_state.h \
  src/core/round.c src/core/round_check.c src/core/sum_check.c src/core/round.h \
  src/core/graph.c src/core/graph.h \
  src/core/group.c src/core/group.h \
  src/core/kdf.c src/core/kdf.h \
  src/core/le.h \
  src/core/merkle.c src/core/merkle.h \
  src/core/params.c \
  src/core/prg.c src/core/prg.h \
  src/core/pvss.c src/core/pvss.h \
  src/core/quantise.c src/core/quantise.h \
  src/core/reward.c src/core/reward.h \
  src/core/ring.c src/core/ring.h \
  src/core/scalar.c src/core/scalar.h \
  src/core/shamir.c src/core/shamir.h \
  src/core/types.h \
  src/core/unmasking.c src/core/unmasking.h
CORE_LIBS = libcore.a $(UTIL_LIBS) $(CRYPTO_LIBS) -lm
