# SPDX-License-Identifier: Apache-2.0
# clients: the library behind every client, and the chorus program. Sees util, core, model,
# ledger and chain only.
noinst_LIBRARIES += libclient.a
libclient_a_SOURCES = \
  clients/lib/api.c clients/lib/api.h \
  clients/lib/audit.c clients/lib/audit_events.c clients/lib/audit_history.c \
  clients/lib/audit_books.c clients/lib/audit_chain.c clients/lib/audit_log.c \
  clients/lib/audit_phases.c clients/lib/audit_result.c clients/lib/audit_sum.c \
  clients/lib/audit_terms.c clients/lib/audit_transcript.c clients/lib/audit_unmask.c \
  clients/lib/audit.h clients/lib/audit_log.h clients/lib/audit_state.h \
  clients/lib/audit_sum.h \
  clients/lib/dossier.c clients/lib/dossier.h \
  clients/lib/chain_view.c clients/lib/chain_view.h \
  clients/lib/drive.c clients/lib/drive_store.c clients/lib/drive_upload.c \
  clients/lib/drive.h clients/lib/drive_state.h \
  clients/lib/home.c clients/lib/home.h \
  clients/lib/http.c clients/lib/http.h \
  clients/lib/link.c clients/lib/link.h \
  clients/lib/monitor.c clients/lib/monitor.h \
  clients/lib/npy.c clients/lib/npy.h \
  clients/lib/parallel.c clients/lib/parallel.h \
  clients/lib/promise.c clients/lib/promise.h \
  clients/lib/reader.c clients/lib/reader.h \
  clients/lib/report.c clients/lib/report.h \
  clients/lib/self.c clients/lib/self.h \
  clients/lib/source.c clients/lib/source.h \
  clients/lib/spool.c clients/lib/spool.h \
  clients/lib/tiles.c clients/lib/tiles.h \
  clients/lib/trust.c clients/lib/trust.h \
  clients/lib/wallet.c clients/lib/wallet.h \
  clients/lib/watch.c clients/lib/watch.h \
  clients/lib/witness.c clients/lib/witness.h \
  clients/lib/work.c clients/lib/work.h
libclient_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(ARCHIVE_CFLAGS)
CLIENT_LIBS = libclient.a libchain.a $(LEDGER_LIBS) $(MODEL_LIBS) $(SECP256K1_LIBS) \
  $(CURL_LIBS) $(ARCHIVE_LIBS)

bin_PROGRAMS += chorus
chorus_SOURCES = clients/cli/main.c clients/cli/cli.h clients/cli/options.c \
  clients/cli/say.c clients/cli/words.c clients/cli/cmd_member.c \
  clients/cli/cmd_round.c clients/cli/cmd_model.c clients/cli/cmd_payout.c clients/cli/cmd_admin.c \
  clients/cli/cmd_log.c clients/cli/cmd_money.c clients/cli/cmd_witness.c \
  clients/cli/cmd_claim.c clients/cli/cmd_deposit.c clients/cli/cmd_vote.c \
  clients/cli/auditor.c clients/cli/auditor.h clients/cli/cmd_verify.c \
  clients/cli/cmd_export.c
chorus_CFLAGS = $(AM_CFLAGS) $(BLAS_CFLAGS)
chorus_LDADD = $(CLIENT_LIBS)
