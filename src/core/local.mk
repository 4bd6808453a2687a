# SPDX-License-Identifier: Apache-2.0
# core: the protocol, pure (no files, no network, no clock). Sees util only.
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = \
  src/core/event.c src/core/event.h \
  src/core/types.h
CORE_LIBS = libcore.a $(UTIL_LIBS) $(CRYPTO_LIBS)
