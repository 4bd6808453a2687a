# SPDX-License-Identifier: Apache-2.0
# chorusd: HTTP, the handlers of each noun, the program.
bin_PROGRAMS += chorusd
chorusd_SOURCES = \
  server/auth.c \
  server/clock.c \
  server/common.c server/common.h \
  server/handlers.h \
  server/http.c server/http.h server/http_internal.h \
  server/identity.c server/identity.h \
  server/instance.c \
  server/invites.c \
  server/log.c \
  server/main.c \
  server/members.c \
  server/models.c server/models.h \
  server/participants.c \
  server/proofs.c \
  server/reply.c \
  server/request.c server/request.h \
  server/results.c \
  server/room.c \
  server/routes.c \
  server/server.h \
  server/settings.c server/settings.h \
  server/stream.c \
  server/versions.c \
  server/wait.c \
  server/witnesses.c \
  server/worker.c
chorusd_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(BLAS_CFLAGS)
chorusd_LDADD = $(ENGINE_LIBS) $(MHD_LIBS)
$(chorusd_OBJECTS): src/db/queries.h
