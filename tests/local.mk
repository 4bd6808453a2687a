# SPDX-License-Identifier: Apache-2.0
# Unit tests: one Check program per layer; each adds its own suite files.
check_PROGRAMS += test_util test_core
test_util_SOURCES = tests/unit/test_util.c
test_util_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_util_LDADD = $(UTIL_LIBS) $(CHECK_LIBS)

test_core_SOURCES = tests/unit/test_core.c tests/unit/test_core.h \
  tests/unit/test_event.c tests/unit/test_graph.c tests/unit/test_group.c \
  tests/unit/test_keys.c tests/unit/test_merkle.c tests/unit/test_quantise.c \
  tests/unit/test_ring.c tests/unit/test_sharing.c tests/unit/test_vectors.c \
  tests/unit/test_round.c tests/unit/test_cheat.c tests/unit/test_reward.c tests/unit/test_terms.c \
  tests/unit/play.c tests/unit/play.h
test_core_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_core_LDADD = $(CORE_LIBS) $(CHECK_LIBS)

TESTS += test_util test_core

check_PROGRAMS += test_db
test_db_SOURCES = tests/unit/test_db.c tests/unit/test_db.h tests/unit/test_database.c
test_db_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_db_LDADD = $(DB_LIBS) $(CHECK_LIBS)
$(test_db_OBJECTS): src/db/queries.h
TESTS += test_db

check_PROGRAMS += test_ledger
test_ledger_SOURCES = tests/unit/test_ledger.c tests/unit/test_ledger.h \
  tests/unit/test_note.c tests/unit/test_tile.c tests/unit/test_tlog.c
test_ledger_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_ledger_LDADD = $(LEDGER_LIBS) $(CHECK_LIBS)
TESTS += test_ledger

check_PROGRAMS += test_chain
test_chain_SOURCES = tests/unit/test_chain.c tests/unit/test_chain.h \
  tests/unit/test_contracts.c tests/unit/test_eth.c tests/unit/test_governor.c \
  tests/unit/test_key.c tests/unit/test_settlement.c
test_chain_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_chain_LDADD = $(CHAIN_LIBS) $(CHECK_LIBS)
TESTS += test_chain tests/scenario/chain.sh

# src/chain against ethers, a real Ethereum node, and nodes that lie.
check_PROGRAMS += chain_probe
chain_probe_SOURCES = tests/scenario/chain_probe.c
chain_probe_LDADD = $(CHAIN_LIBS)

# What pages compute by themselves.
TESTS += tests/unit/pages.sh

# Golden vectors of the core: the generator, and a recomputation in another language.
check_PROGRAMS += make_vectors
make_vectors_SOURCES = tests/vectors/make_vectors.c
make_vectors_LDADD = $(CORE_LIBS)
TESTS += tests/vectors/check.sh

# The model layer, and whether the example models learn in rounds.
check_PROGRAMS += test_model fedsim
test_model_SOURCES = tests/unit/test_model.c tests/unit/test_model.h \
  tests/unit/test_dataset.c tests/unit/test_net.c tests/unit/test_optimiser.c \
  tests/unit/test_metrics.c tests/unit/test_outlook.c tests/unit/test_schema.c \
  tests/unit/test_spec.c
test_model_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_model_LDADD = $(MODEL_LIBS) $(CHECK_LIBS)
fedsim_SOURCES = tests/scenario/fedsim.c
fedsim_CFLAGS = $(AM_CFLAGS)
fedsim_LDADD = $(MODEL_LIBS)
TESTS += test_model fedsim

# The HTTP layer and the handlers, against a real PostgreSQL.
TEST_EXTENSIONS = .py
PY_LOG_COMPILER = python3 $(srcdir)/tests/scenario/serving.py
serving_tests = tests/scenario/test_http.py tests/scenario/test_money.py \
  tests/scenario/test_nouns.py tests/scenario/test_sessions.py \
  tests/scenario/test_assets.py tests/scenario/test_events.py \
  tests/scenario/test_operating.py tests/scenario/test_leaderboard.py \
  tests/scenario/test_people.py tests/scenario/test_visibility.py
TESTS += $(serving_tests)

# The clients' library: against a server in memory.
check_PROGRAMS += test_client
test_client_SOURCES = tests/unit/test_client.c tests/unit/test_client.h \
  tests/unit/test_home.c tests/unit/test_parsing.c tests/unit/test_drive.c \
  tests/unit/test_watch.c tests/unit/test_promise.c tests/unit/test_reader.c \
  tests/unit/choir.c tests/unit/choir.h \
  tests/unit/host.c tests/unit/host.h tests/unit/host_log.c tests/unit/host_log.h \
  tests/unit/node.c tests/unit/node.h tests/unit/test_chain_view.c tests/unit/test_wallet.c
test_client_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_client_LDADD = $(CLIENT_LIBS) $(CHECK_LIBS)
TESTS += test_client tests/scenario/client.sh

# The audit: against whole rounds in memory.
check_PROGRAMS += test_audit
test_audit_SOURCES = tests/unit/test_audit.c tests/unit/test_audit.h \
  tests/unit/test_audit_chain.c tests/unit/node.c tests/unit/node.h \
  tests/unit/show.c tests/unit/show.h \
  tests/unit/play.c tests/unit/play.h
test_audit_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_audit_LDADD = $(CLIENT_LIBS) $(CHECK_LIBS)
TESTS += test_audit

# The round engine without HTTP.
check_PROGRAMS += test_engine
test_engine_SOURCES = tests/unit/test_engine.c tests/unit/test_engine.h \
  tests/unit/stage.c tests/unit/test_database.c tests/unit/test_db.h
test_engine_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_engine_LDADD = $(ENGINE_LIBS) $(CHECK_LIBS)
$(test_engine_OBJECTS): src/db/queries.h
TESTS += test_engine

# Money: the books and what a result pays.
check_PROGRAMS += test_money
test_money_SOURCES = tests/unit/test_money.c tests/unit/test_books.c \
  tests/unit/test_money.h tests/unit/test_engine.h \
  tests/unit/stage.c tests/unit/test_database.c tests/unit/test_db.h
test_money_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_money_LDADD = $(ENGINE_LIBS) $(CHECK_LIBS)
$(test_money_OBJECTS): src/db/queries.h
TESTS += test_money

# The public log in the database.
check_PROGRAMS += test_log
test_log_SOURCES = tests/unit/test_log.c tests/unit/test_database.c tests/unit/test_db.h
test_log_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_log_LDADD = $(ENGINE_LIBS) $(CHECK_LIBS)
$(test_log_OBJECTS): src/db/queries.h
TESTS += test_log

# What the HTTP layer keeps waiting: requests for a change, bodies for room.
check_PROGRAMS += test_wait
test_wait_SOURCES = tests/unit/test_wait.c server/wait.c server/room.c server/clock.c
test_wait_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(CHECK_CFLAGS)
test_wait_LDADD = $(UTIL_LIBS) $(CHECK_LIBS)
$(test_wait_OBJECTS): src/db/queries.h
TESTS += test_wait

# The codes of authenticators.
check_PROGRAMS += test_totp
test_totp_SOURCES = tests/unit/test_totp.c server/totp.c
test_totp_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_totp_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
TESTS += test_totp

# The interface's description against the route table.
TESTS += tests/api/described.sh

# Where webhooks may go, and what is sealed.
check_PROGRAMS += test_webhook
test_webhook_SOURCES = tests/unit/test_webhook.c
test_webhook_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_webhook_LDADD = $(ENGINE_LIBS) $(CHECK_LIBS)
$(test_webhook_OBJECTS): src/db/queries.h
TESTS += test_webhook
