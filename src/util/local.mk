# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libutil.a
libutil_a_SOURCES = \
  src/util/buf.c src/util/buf.h \
  src/util/err.c src/util/err.h \
  src/util/field.c src/util/field.h \
  src/util/log.c src/util/log.h \
  src/util/text.c src/util/text.h \
  src/util/util.h
UTIL_LIBS = libutil.a $(JANSSON_LIBS) $(SODIUM_LIBS)
