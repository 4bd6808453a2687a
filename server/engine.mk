# SPDX-License-Identifier: Apache-2.0
# The round engine: everything of a round but HTTP itself.
noinst_LIBRARIES += libengine.a
libengine_a_SOURCES = \
  server/accept.c server/accept.h \
  server/cache.c \
  server/clean_job.c \
  server/documents.c \
  server/driver.c \
  server/engine.c server/engine.h server/engine_internal.h \
  server/evaluate_job.c \
  server/final_job.c \
  server/jobs.c \
  server/joins.c \
  server/log.h server/log_cosign.c server/log_tree.c \
  server/manifests.c \
  server/opening.c \
  server/phases.c \
  server/request.h \
  server/rewards.c \
  server/rounds.c server/rounds.h \
  server/row.c server/row.h \
  server/sequencer.c \
  server/server.h \
  server/shares.c \
  server/sum_job.c \
  server/tell.c \
  server/unmask_job.c \
  server/unmasks.c \
  server/updates.c
ENGINE_LIBS = libengine.a libmodel.a libledger.a $(DB_LIBS) $(BLAS_LIBS)
AM_CPPFLAGS += -I$(srcdir)
$(libengine_a_OBJECTS): src/db/queries.h
