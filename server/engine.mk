# SPDX-License-Identifier: Apache-2.0
# The round engine: everything of a round but HTTP itself.
noinst_LIBRARIES += libengine.a
libengine_a_SOURCES = \
  server/accept.c server/accept.h \
  server/adopt.c \
  server/anchors.h server/chain_copy.c server/outbox.c server/outbox.h \
  server/cache.c \
  server/clean_job.c \
  server/documents.c \
  server/driver.c \
  server/engine.c server/engine.h server/engine_internal.h \
  server/evaluate_job.c \
  server/final_job.c \
  server/head_file.c server/head_file.h \
  server/jobs.c \
  server/json.c server/json.h \
  server/joins.c \
  server/log.h server/log_cosign.c server/log_tree.c \
  server/ledger.c server/ledger.h \
  server/manifests.c \
  server/opening.c \
  server/payer.c server/payer.h server/payer_internal.h server/payer_plan.c server/payer_sign.c \
  server/payer_claims.c server/payer_watch.c \
  server/phases.c \
  server/request.h \
  server/replicas.c server/rewards.c \
  server/rounds.c server/rounds.h \
  server/row.c server/row.h \
  server/seal.c server/seal.h server/secret.c server/secret.h \
  server/sequencer.c \
  server/settle.c \
  server/server.h \
  server/shares.c \
  server/sum_job.c \
  server/tell.c \
  server/unmask_job.c \
  server/unmasks.c \
  server/updates.c \
  server/webhook.h server/webhook_address.c server/webhook_due.c server/webhook_post.c \
  server/webhook_send.c
ENGINE_LIBS = libengine.a libmodel.a libledger.a $(CHAIN_LIBS) $(DB_LIBS) $(BLAS_LIBS)
AM_CPPFLAGS += -I$(srcdir) $(CURL_CFLAGS)
$(libengine_a_OBJECTS): src/db/queries.h
