# SPDX-License-Identifier: Apache-2.0
# ledger: the public log's formats and tree arithmetic, pure. Sees util and core only.
noinst_LIBRARIES += libledger.a
libledger_a_SOURCES = \
  src/ledger/note.c src/ledger/note.h \
  src/ledger/tile.c src/ledger/tile.h \
  src/ledger/tlog.c src/ledger/tlog.h
LEDGER_LIBS = libledger.a $(CORE_LIBS)
