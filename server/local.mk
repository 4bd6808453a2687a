# SPDX-License-Identifier: Apache-2.0
# chorusd: HTTP, the handlers of each noun, the program.
bin_PROGRAMS += chorusd
chorusd_SOURCES = \
  server/account.c \
  server/acts.c server/acts.h \
  server/admin.c \
  server/assets.c server/assets.h \
  server/attempts.c server/attempts.h \
  server/auth.c \
  server/chain_check.c server/chain_cmd.c server/chain_cmd.h server/chain_setup.c \
  server/claims.c server/claims_cache.c server/claims_cache.h \
  server/clock.c \
  server/cohort.c \
  server/common.c server/common.h \
  server/downloads.c \
  server/drafts.c \
  server/etag.c server/etag.h \
  server/events.c \
  server/expose.c \
  server/factors.c server/factors.h \
  server/feed.c \
  server/file.c server/file.h \
  server/governance.c server/governance.h \
  server/handlers.h \
  server/http.c server/http.h server/http_internal.h \
  server/hub.c server/hub.h \
  server/identity.c server/identity.h \
  server/instance.c \
  server/invites.c \
  server/keyfile.c server/keyfile.h \
  server/leaderboard.c server/leaderboard.h server/leaderboard_cache.c \
  server/limit.c server/limit.h \
  server/listen.c \
  server/log.c \
  server/login.c server/login.h \
  server/main.c \
  server/members.c \
  server/metrics.c server/metrics.h \
  server/models.c server/models.h \
  server/money.c \
  server/negotiate.c \
  server/openapi.c server/openapi.h \
  server/origin.c server/origin.h \
  server/participants.c \
  server/password.c server/password.h \
  server/payout_change.c \
  server/payouts_admin.c \
  server/policy.c server/policy.h \
  server/proofs.c \
  server/replay.c server/replay.h \
  server/reply.c \
  server/request.c server/request.h \
  server/results.c \
  server/room.c \
  server/routes.c \
  server/server.h \
  server/sessions.c server/sessions.h \
  server/settings.c server/settings.h \
  server/setup.c \
  server/siwe.c server/siwe.h \
  server/specs.c \
  server/stream.c \
  server/system.c \
  server/tokens.c \
  server/totp.c server/totp.h \
  server/trace.c \
  server/transcript.c \
  server/users.c server/users.h \
  server/versions.c \
  server/visitors.c server/visitors.h \
  server/visibility.c server/visibility.h \
  server/wait.c \
  server/webhooks.c \
  server/witnesses.c \
  server/worker.c
chorusd_CPPFLAGS = $(AM_CPPFLAGS) -DCONTRACTS_FOLDER='"$(pkgdatadir)/contracts"' \
  -DPAGES_FOLDER='"$(pkgdatadir)/pages"'
chorusd_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(BLAS_CFLAGS)
chorusd_LDADD = $(ENGINE_LIBS) $(MHD_LIBS)
$(chorusd_OBJECTS): src/db/queries.h

# The description of the interface, as it is served.
nodist_chorusd_SOURCES = server/openapi_text.c
CLEANFILES += server/openapi_text.c
server/openapi_text.c: $(srcdir)/docs/openapi.py $(srcdir)/docs/openapi.yaml
	@$(MKDIR_P) $(@D)
	$(AM_V_GEN)python3 $(srcdir)/docs/openapi.py $(srcdir)/docs/openapi.yaml --c >$@.new && \
	  mv $@.new $@
