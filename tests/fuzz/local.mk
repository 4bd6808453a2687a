# SPDX-License-Identifier: Apache-2.0
# Fuzz targets. With --enable-fuzz (and CC=clang) they are libFuzzer programs; otherwise the
# same targets replay the kept corpus in `make check`.
FUZZ_TARGETS = fuzz_chain fuzz_csv fuzz_event fuzz_link fuzz_message fuzz_note fuzz_npy \
  fuzz_party fuzz_proof fuzz_spec fuzz_tile fuzz_transcript
if FUZZ
noinst_PROGRAMS += $(FUZZ_TARGETS)
FUZZ_DRIVER =
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
check_PROGRAMS += $(FUZZ_TARGETS)
FUZZ_DRIVER = tests/fuzz/replay.c
FUZZ_LINK = $(AM_LDFLAGS)
TESTS += tests/fuzz/replay.sh
endif

fuzz_chain_SOURCES = tests/fuzz/fuzz_chain.c $(FUZZ_DRIVER)
fuzz_chain_LDADD = $(CHAIN_LIBS)
fuzz_chain_LDFLAGS = $(FUZZ_LINK)
fuzz_event_SOURCES = tests/fuzz/fuzz_event.c $(FUZZ_DRIVER)
fuzz_event_LDADD = $(CORE_LIBS)
fuzz_event_LDFLAGS = $(FUZZ_LINK)
fuzz_message_SOURCES = tests/fuzz/fuzz_message.c $(FUZZ_DRIVER)
fuzz_message_LDADD = $(CORE_LIBS)
fuzz_message_LDFLAGS = $(FUZZ_LINK)
fuzz_party_SOURCES = tests/fuzz/fuzz_party.c $(FUZZ_DRIVER)
fuzz_party_LDADD = $(CORE_LIBS)
fuzz_party_LDFLAGS = $(FUZZ_LINK)
fuzz_csv_SOURCES = tests/fuzz/fuzz_csv.c $(FUZZ_DRIVER)
fuzz_csv_LDADD = $(MODEL_LIBS)
fuzz_csv_LDFLAGS = $(FUZZ_LINK)
fuzz_spec_SOURCES = tests/fuzz/fuzz_spec.c $(FUZZ_DRIVER)
fuzz_spec_LDADD = $(MODEL_LIBS)
fuzz_spec_LDFLAGS = $(FUZZ_LINK)
fuzz_link_SOURCES = tests/fuzz/fuzz_link.c $(FUZZ_DRIVER)
fuzz_link_LDADD = $(CLIENT_LIBS)
fuzz_link_LDFLAGS = $(FUZZ_LINK)
fuzz_note_SOURCES = tests/fuzz/fuzz_note.c $(FUZZ_DRIVER)
fuzz_note_LDADD = $(LEDGER_LIBS)
fuzz_note_LDFLAGS = $(FUZZ_LINK)
fuzz_proof_SOURCES = tests/fuzz/fuzz_proof.c $(FUZZ_DRIVER)
fuzz_proof_LDADD = $(LEDGER_LIBS)
fuzz_proof_LDFLAGS = $(FUZZ_LINK)
fuzz_tile_SOURCES = tests/fuzz/fuzz_tile.c $(FUZZ_DRIVER)
fuzz_tile_LDADD = $(LEDGER_LIBS)
fuzz_tile_LDFLAGS = $(FUZZ_LINK)
fuzz_transcript_SOURCES = tests/fuzz/fuzz_transcript.c $(FUZZ_DRIVER)
fuzz_transcript_LDADD = $(CLIENT_LIBS)
fuzz_transcript_LDFLAGS = $(FUZZ_LINK)
fuzz_npy_SOURCES = tests/fuzz/fuzz_npy.c $(FUZZ_DRIVER)
fuzz_npy_LDADD = $(CLIENT_LIBS)
fuzz_npy_LDFLAGS = $(FUZZ_LINK)
