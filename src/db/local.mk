# SPDX-License-Identifier: Apache-2.0
# db: PostgreSQL. Statements and migrations are made into C tables by sql/generate.awk.
noinst_LIBRARIES += libdb.a
libdb_a_SOURCES = \
  src/db/blob.c src/db/blob.h \
  src/db/db.c src/db/db.h \
  src/db/event.c src/db/event.h \
  src/db/internal.h \
  src/db/listen.c \
  src/db/migrate.c \
  src/db/pool.c \
  src/db/tables.h
nodist_libdb_a_SOURCES = src/db/queries.c src/db/queries.h src/db/migrations.c
DB_LIBS = libdb.a $(CORE_LIBS) $(PQ_LIBS)
AM_CPPFLAGS += -I$(builddir)/src $(PQ_CFLAGS)

DB_QUERIES = \
  $(srcdir)/sql/queries/admin.sql \
  $(srcdir)/sql/queries/blob.sql \
  $(srcdir)/sql/queries/draft.sql \
  $(srcdir)/sql/queries/event.sql \
  $(srcdir)/sql/queries/feed.sql \
  $(srcdir)/sql/queries/instance.sql \
  $(srcdir)/sql/queries/invite.sql \
  $(srcdir)/sql/queries/job.sql \
  $(srcdir)/sql/queries/join.sql \
  $(srcdir)/sql/queries/leaderboard.sql \
  $(srcdir)/sql/queries/ledger.sql \
  $(srcdir)/sql/queries/log.sql \
  $(srcdir)/sql/queries/login.sql \
  $(srcdir)/sql/queries/model.sql \
  $(srcdir)/sql/queries/money.sql \
  $(srcdir)/sql/queries/outbox.sql \
  $(srcdir)/sql/queries/participant.sql \
  $(srcdir)/sql/queries/payee.sql \
  $(srcdir)/sql/queries/payer.sql \
  $(srcdir)/sql/queries/replay.sql \
  $(srcdir)/sql/queries/reward.sql \
  $(srcdir)/sql/queries/round.sql \
  $(srcdir)/sql/queries/schedule.sql \
  $(srcdir)/sql/queries/session.sql \
  $(srcdir)/sql/queries/share.sql \
  $(srcdir)/sql/queries/system.sql \
  $(srcdir)/sql/queries/transcript.sql \
  $(srcdir)/sql/queries/unmask.sql \
  $(srcdir)/sql/queries/update.sql \
  $(srcdir)/sql/queries/user.sql \
  $(srcdir)/sql/queries/webhook.sql \
  $(srcdir)/sql/queries/witness.sql
DB_MIGRATIONS = \
  $(srcdir)/sql/migrations/0001-start.sql \
  $(srcdir)/sql/migrations/0002-log.sql \
  $(srcdir)/sql/migrations/0003-chain.sql \
  $(srcdir)/sql/migrations/0004-ledger.sql \
  $(srcdir)/sql/migrations/0005-sessions.sql \
  $(srcdir)/sql/migrations/0006-people.sql \
  $(srcdir)/sql/migrations/0007-tools.sql \
  $(srcdir)/sql/migrations/0008-replicas.sql \
  $(srcdir)/sql/migrations/0009-payouts.sql
DB_GENERATE = $(AM_V_GEN)$(MKDIR_P) src/db && $(AWK) -f $(srcdir)/sql/generate.awk

src/db/queries.h: $(DB_QUERIES) $(srcdir)/sql/generate.awk
	$(DB_GENERATE) -v make=queries.h $(DB_QUERIES) > $@.tmp && mv $@.tmp $@
src/db/queries.c: $(DB_QUERIES) $(srcdir)/sql/generate.awk
	$(DB_GENERATE) -v make=queries.c $(DB_QUERIES) > $@.tmp && mv $@.tmp $@
src/db/migrations.c: $(DB_MIGRATIONS) $(srcdir)/sql/generate.awk
	$(DB_GENERATE) -v make=migrations $(DB_MIGRATIONS) > $@.tmp && mv $@.tmp $@

BUILT_SOURCES += src/db/queries.h
CLEANFILES += src/db/queries.h src/db/queries.c src/db/migrations.c
# what includes db/db.h waits for the header also when its target is named alone
$(libdb_a_OBJECTS): src/db/queries.h
