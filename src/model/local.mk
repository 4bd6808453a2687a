# SPDX-License-Identifier: Apache-2.0
# model: specs, networks on OpenBLAS, server optimisers. Sees util and core only.
noinst_LIBRARIES += libmodel.a
libmodel_a_SOURCES = \
  src/model/card.c src/model/card_text.c src/model/card.h \
  src/model/csv.c src/model/csv.h \
  src/model/dataset.c src/model/dataset.h \
  src/model/metrics.c src/model/metrics.h \
  src/model/net.c src/model/net.h \
  src/model/optimiser.c src/model/optimiser.h \
  src/model/outlook.c src/model/outlook.h \
  src/model/spec.c src/model/spec.h src/model/spec_internal.h \
  src/model/spec_columns.c src/model/spec_layout.c src/model/spec_open.c \
  src/model/train.c src/model/train.h \
  src/model/weights.c src/model/weights.h
libmodel_a_CFLAGS = $(AM_CFLAGS) $(BLAS_CFLAGS)
MODEL_LIBS = libmodel.a $(CORE_LIBS) $(BLAS_LIBS) -lm
