# SPDX-License-Identifier: Apache-2.0
# core: the protocol, pure (no files, no network, no clock). Sees util only.
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = \
  src/core/event.c src/core/event.h \
  src/core/mask.c src/core/mask.h \
  src/core/message.c src/core/message_build.c src/core/message.h \
  src/core/party.c src/core/party_store.c src/core/party.h src/core/party_state.h \
  src/core/round.c src/core/round_check.c src/core/sum_check.c src/core/round.h \
  src/core/types.h
CORE_LIBS = libcore.a $(UTIL_LIBS) $(CRYPTO_LIBS)
